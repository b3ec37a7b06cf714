"""What is learnt in closed form on TRAIN: centring, PCA, partial whitening, ITQ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from desktop_app.retrieval import projections

Array = NDArray[np.float64]


def l2(x: Array, axis: int = -1) -> Array:
    """Rows (along `axis`) scaled to length 1; zero rows stay zero."""
    return x / np.maximum(np.linalg.norm(x, axis=axis, keepdims=True), 1e-12)


def pca(x: Array, dimensions: int) -> tuple[Array, Array, Array]:
    """[N, D] -> mean [D], axes [dimensions, D] (orthonormal, largest variance first), variances [dimensions]."""
    mean = x.mean(0)
    values, vectors = np.linalg.eigh(np.cov(x - mean, rowvar=False, bias=True))
    order = np.argsort(values)[::-1][:dimensions]
    axes = vectors[:, order].T
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
    return mean, axes, np.maximum(values[order], 0.0)


def whitened_pca(x: Array, dimensions: int, power: float) -> tuple[Array, Array]:
    """PCA whose axes are divided by variance^(power / 2): power 0 keeps, 1 whitens fully.

    Returns mean [D] and weight [dimensions, D]; use as (x - mean) @ weight.T. Axes of next to no variance are
    held at a thousandth of the largest, so that noise is never blown up.
    """
    mean, axes, variances = pca(x, dimensions)
    floor = variances.max(initial=0.0) * 1e-3 + 1e-12
    return mean, axes / np.maximum(variances, floor)[:, None] ** (power / 2)


def itq(x: Array, bits: int, *, seed: int = 0) -> tuple[Array, Array, list[float]]:
    """Centring and `desktop_app.retrieval.projections.itq`: mean [D], weight [bits, D], so that
    bits = (x - mean) @ weight.T >= 0, and the loss after every iteration."""
    mean = x.mean(axis=0)
    return mean, *projections.itq(x - mean, bits, seed=seed)
