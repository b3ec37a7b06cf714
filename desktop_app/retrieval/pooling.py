"""Generalised-mean pooling of a local map into one descriptor (SCIENCE A0), with or without cell weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

P = 3.0
EPS = 1e-6


def l2_normalise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The last axis scaled to length 1; a zero vector stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1.0)).astype(np.float32)


def gem(
    local_map: NDArray[np.float32],
    *,
    p: float = P,
    eps: float = EPS,
    weights: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """GeM: v = (1/HW sum_l (A_l max(x_l, eps))^p)^(1/p), then L2-normalised; A_l = 1 without `weights`.

    local_map: [D, h, w] float32, non-negative. weights: [h, w] float32, non-negative.
    Returns [D] float32 of length 1; zero when every weight is zero.
    """
    return l2_normalise(gem_raw(local_map, p=p, eps=eps, weights=weights))


def gem_raw(
    local_map: NDArray[np.float32],
    *,
    p: float = P,
    eps: float = EPS,
    weights: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """GeM before normalisation, summed in float64. Raises ValueError when the weights are not [h, w]."""
    cells = np.maximum(local_map.reshape(local_map.shape[0], -1).astype(np.float64), eps)
    if weights is not None:
        if weights.shape != local_map.shape[1:]:
            raise ValueError(f"weights {weights.shape} do not cover a map of {local_map.shape[1:]} cells")
        cells = cells * weights.reshape(1, -1)
    return np.asarray((cells**p).mean(axis=1) ** (1.0 / p), dtype=np.float32)
