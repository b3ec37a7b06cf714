"""From the pictures of a query to one descriptor and one local score, and cell weights on the right grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.domain.geometry import Cell, Grid
from desktop_app.retrieval.pooling import l2_normalise


def pooled_descriptor(
    positives: Sequence[NDArray[np.float32]],
    *,
    weights: Sequence[float] | None = None,
    negatives: Sequence[NDArray[np.float32]] = (),
    negative_weights: Sequence[float] | None = None,
    beta: float = 0.4,
) -> NDArray[np.float32]:
    """Rocchio's form: weighted mean of the wanted descriptors - beta * weighted mean of the others, then L2.

    Each descriptor is [D] float32 and is L2-normalised first. Returns [D] float32 of length 1.
    Raises UsageError when nothing is wanted.
    """
    wanted = _mean(positives, weights)
    if wanted is None:
        raise UsageError(
            "the search has no picture to look for", remedy="Add a picture that is not marked 'not like this'"
        )
    unwanted = _mean(negatives, negative_weights)
    pooled = wanted if unwanted is None else wanted - beta * unwanted
    if not np.linalg.norm(pooled) > 1e-6:  # the negatives cancel the wanted ones exactly: they say nothing then
        pooled = wanted
    return l2_normalise(pooled.astype(np.float32))


def pooled_local(
    scores: NDArray[np.float32],
    *,
    weights: Sequence[float],
    negative: Sequence[bool],
    beta: float = 0.4,
) -> NDArray[np.float32]:
    """The local scores of several query pictures as one per candidate, in the same form as the descriptors.

    scores: [I, N], one row per query picture. Returns [N] float32: weighted mean over the wanted rows minus
    beta times that over the others.
    """
    share = np.asarray(weights, dtype=np.float64)
    unwanted = np.asarray(negative, dtype=np.bool_)
    total = np.zeros(scores.shape[1], dtype=np.float64)
    for rows, factor in ((~unwanted, 1.0), (unwanted, -beta)):
        if share[rows].sum() > 0:
            total += factor * (share[rows, None] * scores[rows]).sum(axis=0) / share[rows].sum()
    return total.astype(np.float32)


def weight_map(cell_weights: Mapping[Cell, float], marked_on: Grid, grid: Grid) -> NDArray[np.float32] | None:
    """A person's cell weights as a map over `grid`: [rows, columns] float32; None when no cell was marked.

    A cell that is not named weighs 1. When the marks were made on another grid over the same pixels, every cell
    takes the weight of the marked grid averaged over the area it covers.
    """
    if not cell_weights:
        return None
    marked = np.ones((marked_on.rows, marked_on.columns), dtype=np.float64)
    for cell, weight in cell_weights.items():
        if 0 <= cell.row < marked_on.rows and 0 <= cell.column < marked_on.columns:
            marked[cell.row, cell.column] = max(0.0, weight)
    return resampled(marked, grid)


def resampled(values: NDArray[np.float64] | NDArray[np.bool_], grid: Grid) -> NDArray[np.float32]:
    """A map [h, w] over the cells of another grid on the same pixels: the mean over the area that each covers."""
    down = _overlaps(grid.rows, values.shape[0])
    across = _overlaps(grid.columns, values.shape[1])
    return np.asarray(down @ values @ across.T, dtype=np.float32)


def _overlaps(to: int, from_: int) -> NDArray[np.float64]:
    """[to, from_]: the share of each target interval that each source interval covers; rows sum to 1."""
    edges_to, edges_from = np.arange(to + 1) / to, np.arange(from_ + 1) / from_
    low = np.maximum(edges_to[:-1, None], edges_from[None, :-1])
    high = np.minimum(edges_to[1:, None], edges_from[None, 1:])
    return np.asarray(np.maximum(0.0, high - low) * to, dtype=np.float64)


def _mean(
    descriptors: Sequence[NDArray[np.float32]], weights: Sequence[float] | None
) -> NDArray[np.float64] | None:
    """The weighted mean of normalised descriptors; None when there is none of any weight."""
    if not len(descriptors):
        return None
    share = np.ones(len(descriptors)) if weights is None else np.asarray(weights, dtype=np.float64)
    if share.shape != (len(descriptors),):
        raise ValueError(f"{share.shape} weights were given for {len(descriptors)} descriptors")
    if share.sum() <= 0:
        return None
    unit = l2_normalise(np.stack(list(descriptors)).astype(np.float32)).astype(np.float64)
    return np.asarray((share[:, None] * unit).sum(axis=0) / share.sum(), dtype=np.float64)
