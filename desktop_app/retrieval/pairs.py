"""Which cells of two pictures match: mutual nearest cells that hold under geometry or stand out softly."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Grid
from desktop_app.retrieval.parameters import LinkParameters
from desktop_app.retrieval.pooling import l2_normalise

_FEWEST = 4  # pairs that a similarity transform (4 unknowns) is asked to explain
_LARGEST_SCALE = 6.0  # beyond this change of size a transform over so coarse a grid means nothing


@dataclass(frozen=True, slots=True, eq=False)
class CellPairs:
    """Matched cells, strongest first.

    query, result: [n] int64, row-major cells. cosine: [n] float32. agree: whether one similarity transform
    (also of a mirrored picture) explains them all; if not, they are the mutual pairs that stand out. transform:
    [2, 3] float64, that transform: x, y of the query to those of the result, in cells, middles at .5; None
    without one. tried: how many mutual pairs there were before the transform chose among them.
    """

    query: NDArray[np.int64]
    result: NDArray[np.int64]
    cosine: NDArray[np.float32]
    agree: bool
    transform: NDArray[np.float64] | None = None
    tried: int = 0

    def __len__(self) -> int:
        return len(self.query)


def cosine_matrix(query: NDArray[np.float32], result: NDArray[np.float32]) -> NDArray[np.float32]:
    """[hq, wq, d] and [hr, wr, d] -> [hq*wq, hr*wr] float32, the match matrix R of S1 eq. 1 with cosine."""
    dimension = query.shape[-1]
    return l2_normalise(query.reshape(-1, dimension)) @ l2_normalise(result.reshape(-1, dimension)).T


def soft_mutual(
    cosines: NDArray[np.float32], *, floor: float, query_weights: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Soft mutual matching: m = r * (r / largest of its row) * (r / largest of its column), in [0, 1].

    r = max(0, cosine - floor) / (1 - floor), so that unrelated cells add nothing. query_weights: [nq] in 0..1,
    multiplies the rows. This is the M* of the local evidence (the filter of NCNet, SCIENCE A4).
    """
    r = np.maximum(0.0, cosines - floor) / max(1e-6, 1.0 - floor)
    rows, columns = r.max(axis=1, keepdims=True), r.max(axis=0, keepdims=True)
    mutual = r * (r / np.where(rows > 0, rows, 1.0)) * (r / np.where(columns > 0, columns, 1.0))
    if query_weights is not None:
        mutual = mutual * query_weights[:, None]
    return np.asarray(mutual, dtype=np.float32)


def mutual_nearest(
    cosines: NDArray[np.float32], *, least: float, query_weights: NDArray[np.float32] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cells that are each other's nearest with a cosine of at least `least`: indices (query, result).

    Query cells of weight 0 do not take part.
    """
    forward = cosines.argmax(axis=1)
    backward = cosines.argmax(axis=0)
    query = np.arange(len(forward))
    holds = (backward[forward] == query) & (cosines[query, forward] >= least)
    if query_weights is not None:
        holds &= query_weights > 0
    query = np.flatnonzero(holds)
    return query, forward[query]


def find_pairs(
    cosines: NDArray[np.float32],
    query_grid: Grid,
    result_grid: Grid,
    *,
    parameters: LinkParameters,
    query_weights: NDArray[np.float32] | None = None,
) -> CellPairs:
    """Mutual nearest cells above the link cosine; those that one similarity transform explains, if at least
    four of them and a third of all do; otherwise (matches of a kind, not of one object) all of them.

    cosines: [hq*wq, hr*wr]. query_weights: [hq*wq], non-negative.
    """
    query, result = mutual_nearest(cosines, least=parameters.cosine, query_weights=query_weights)
    tried = len(query)
    inside, transform = _consistent(query, result, query_grid, result_grid, parameters.tolerance)
    agree = int(inside.sum()) >= max(_FEWEST, -(-len(query) // 3))
    if agree:
        query, result = query[inside], result[inside]
    found = cosines[query, result]
    order = np.lexsort((result, query, -found))
    return CellPairs(
        query[order],
        result[order],
        found[order].astype(np.float32),
        agree,
        transform=transform if agree else None,
        tried=tried,
    )


def _consistent(
    query: NDArray[np.int64], result: NDArray[np.int64], query_grid: Grid, result_grid: Grid, tolerance: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64] | None]:
    """Which pairs lie within `tolerance` cells of the best similarity transform, mirrored or not; it, [2, 3]."""
    best: NDArray[np.bool_] = np.zeros(len(query), dtype=np.bool_)
    chosen: NDArray[np.float64] | None = None
    if len(query) < _FEWEST:
        return best, chosen
    source, target = _points(query, query_grid), _points(result, result_grid)
    for mirror in (1.0, -1.0):
        turned = (source * np.array([mirror, 1.0])).astype(np.float32)
        transform, inside = cv2.estimateAffinePartial2D(
            turned, target, method=cv2.RANSAC, ransacReprojThreshold=tolerance, maxIters=500, confidence=0.995
        )
        if transform is None:
            continue
        size = float(np.hypot(transform[0, 0], transform[1, 0]))
        held = inside.ravel().astype(np.bool_)
        if 1.0 / _LARGEST_SCALE <= size <= _LARGEST_SCALE and held.sum() > best.sum():
            best = held
            chosen = np.asarray(transform, dtype=np.float64) * np.array([mirror, 1.0, 1.0])
    return best, chosen


def _points(cells: NDArray[np.int64], grid: Grid) -> NDArray[np.float32]:
    """Cell centres as x, y in cells: [n, 2] float32."""
    rows, columns = np.divmod(cells, grid.columns)
    return np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32)


def suppress_neighbours(
    pairs: CellPairs, query_grid: Grid, result_grid: Grid, *, radius: int, limit: int
) -> list[int]:
    """4-D non-maximum suppression: positions in `pairs` to show, strongest first, at most `limit`.

    A pair is dropped when a stronger one lies within `radius` cells of it in all four directions (row and column
    in both pictures) (S1, links as argmax of M*).
    """
    places = np.stack(
        [*np.divmod(pairs.query, query_grid.columns), *np.divmod(pairs.result, result_grid.columns)], axis=1
    )
    kept: list[int] = []
    for position in range(len(pairs)):
        if len(kept) == limit:
            break
        if not kept or np.abs(places[kept] - places[position]).max(axis=1).min() > radius:
            kept.append(position)
    return kept
