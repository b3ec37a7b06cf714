"""What is learnt in closed form on TRAIN: centring, PCA, partial whitening, ITQ. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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


def itq(x: Array, bits: int, *, iterations: int = 50, seed: int = 0) -> tuple[Array, Array, list[float]]:
    """PCA + iterative quantisation (S2, eq. 2): minimises ||B - V R||_F^2 over B in {-1, +1} and rotations R.

    V = (x - mean) W; R0 = the left singular vectors of a random normal matrix; then repeat: B = sign(V R) with
    sign(0) = +1; U, S, Vt = svd(B^T V); R = Vt^T U^T. Returns mean [D], weight [bits, D] (= R^T W^T, so that
    bits = (x - mean) @ weight.T >= 0) and the loss after every iteration, which never rises.
    """
    mean, axes, _ = pca(x, bits)
    v = (x - mean) @ axes.T
    rotation = np.linalg.svd(np.random.default_rng(seed).standard_normal((bits, bits)))[0]
    losses: list[float] = []
    for _ in range(iterations):
        b = np.where(v @ rotation >= 0, 1.0, -1.0)
        u, _, vt = np.linalg.svd(b.T @ v)
        rotation = vt.T @ u.T
        losses.append(float(np.square(b - v @ rotation).sum()))
    return mean, rotation.T @ axes, losses
