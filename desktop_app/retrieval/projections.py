"""What is learnt in closed form from a person's photos: centring, principal axes, and ITQ's rotation (S2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_SEED = 0


def unit(x: Array) -> Array:
    """Rows scaled to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(x, axis=-1, keepdims=True)
    return np.asarray(x / np.where(lengths > 0, lengths, 1.0))


def principal_axes(x: Array, dimensions: int) -> Array:
    """[dimensions, D] orthonormal axes of x [N, D] (already centred), the largest variance first.

    Fewer photos than dimensions span too little: the axes that are missing are random, orthogonal to the rest, so
    that what these photos do not show of later ones is kept and not thrown away. No axis is stretched (whitening
    power 0): whitening that is learnt on a narrow set harms (measured: SCIENCE part C).
    Raises ValueError when more axes are wanted than there are columns.
    """
    count, width = x.shape
    if dimensions > width:
        raise ValueError(f"{dimensions} axes are wanted of vectors with {width} numbers")
    if count > width:
        _, vectors = np.linalg.eigh(x.T @ x)
        axes = vectors[:, ::-1].T
    else:
        _, sizes, axes = np.linalg.svd(x, full_matrices=False)
        axes = axes[sizes > 1e-9 * max(float(sizes.max(initial=0.0)), 1e-12)]
    axes = axes[:dimensions]
    missing = dimensions - len(axes)
    if missing > 0:
        filler = np.random.default_rng(_SEED).standard_normal((width, missing))
        for _ in range(2):  # twice: once leaves rounding behind
            filler -= axes.T @ (axes @ filler)
        axes = np.concatenate([axes, np.linalg.qr(filler)[0].T])
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    return np.asarray(axes * signs[:, None])


def itq(x: Array, bits: int, *, iterations: int = 50, seed: int = _SEED) -> tuple[Array, list[float]]:
    """PCA and iterative quantisation (S2 eq. 2): the rotation R that minimises ||B - V R||_F^2, B in {-1, +1}.

    V = x W with the principal axes W of x [N, D] (already centred); R0 = left singular vectors of a random normal
    matrix; then repeated: B = sign(V R) with sign(0) = +1; U, S, Vt = svd(B^T V); R = Vt^T U^T.
    Returns the weight [bits, D] = R^T W^T, so that bits = x @ weight.T >= 0, and the loss after every iteration,
    which never rises.
    """
    axes = principal_axes(x, bits)
    v = x @ axes.T
    rotation = np.linalg.svd(np.random.default_rng(seed).standard_normal((bits, bits)))[0]
    losses: list[float] = []
    for _ in range(iterations):
        b = np.where(v @ rotation >= 0, 1.0, -1.0)
        u, _, vt = np.linalg.svd(b.T @ v)
        rotation = vt.T @ u.T
        losses.append(float(np.square(b - v @ rotation).sum()))
        if len(losses) > 1 and losses[-2] - losses[-1] <= 1e-5 * losses[-2]:
            break
    return np.asarray(rotation.T @ axes), losses
