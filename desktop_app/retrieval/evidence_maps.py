"""The maps P and Q of a matched pair: where in the result, and where in the query, the match lies.

S1 eq. 4 sums M* over the other picture. Those sums are high at the few cells that match best and low on the rest
of the same object, so here [ours] the geometry of the pair fills the object in. With r(i, j) how much the cosine
of two cells is above what unrelated cells have (0..1) and T the transform that explains the matched pairs,

    P(j) = max over i near T^-1(j) of r(i, j),    Q(i) = max over j near T(i) of r(i, j),

near meaning within one cell. Pairs that no transform explains (alike in kind, not one object) keep S1's sums of
the softly mutual matches, under a square root, which is gentler. Either map is smoothed over about a cell.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Grid
from desktop_app.retrieval.pairs import CellPairs, soft_mutual
from desktop_app.retrieval.parameters import LinkParameters

Map = NDArray[np.float32]

_HALF_DIAGONAL = 0.71  # of a cell: no cell of the result is left without one of the query
_FLOOR = 0.6  # share of `map_floor` from which cosines count where geometry vouches for the place
_SMOOTH = (0.8, 1.0)  # sigma in cells, with and without geometry


def match_maps(
    cosines: NDArray[np.float32],
    pairs: CellPairs,
    query_grid: Grid,
    result_grid: Grid,
    *,
    parameters: LinkParameters,
    relevance: float,
    query_weights: NDArray[np.float32] | None = None,
) -> tuple[Map, Map]:
    """P on the result [hr, wr] and Q on the query [hq, wq], each `relevance` at its highest cell, in [0,
    relevance].

    cosines: [hq*wq, hr*wr]. query_weights: [hq*wq] in 0..1, how much each cell of the query counts. A relevance of
    0 gives empty maps.
    """
    if pairs.transform is not None:
        floor = _FLOOR * parameters.map_floor
        matching = np.clip((cosines - floor) / max(1e-6, parameters.cosine - floor), 0.0, 1.0)
        if query_weights is not None:
            matching = matching * query_weights[:, None]
        matching = matching * near_cells(pairs.transform, query_grid, result_grid)
        raw, sigma = (matching.max(axis=0), matching.max(axis=1)), _SMOOTH[0]
    else:
        matching = soft_mutual(cosines, floor=parameters.map_floor, query_weights=query_weights)
        raw, sigma = (matching.sum(axis=0), matching.sum(axis=1)), _SMOOTH[1]
    p, q = (
        _scaled(values.reshape(grid.rows, grid.columns), sigma, relevance, gentle=pairs.transform is None)
        for values, grid in zip(raw, (result_grid, query_grid), strict=True)
    )
    if query_weights is not None:  # smoothing must not spread evidence into what was rejected
        q = q * (query_weights.reshape(q.shape) > 0)
    return p, q


def near_cells(transform: NDArray[np.float64], query_grid: Grid, result_grid: Grid) -> NDArray[np.bool_]:
    """[hq*wq, hr*wr] bool: whether a transform [2, 3] of cells takes the middle of a query's cell to within one
    cell of the query, or half the diagonal of a cell of the result where that is more, of a result's middle."""
    query, result = _middles(query_grid), _middles(result_grid)
    landed = query @ transform[:, :2].T + transform[:, 2]
    scale = float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))
    away = np.linalg.norm(landed[:, None] - result[None], axis=2)
    return np.asarray(away <= max(_HALF_DIAGONAL, scale))


def _middles(grid: Grid) -> NDArray[np.float64]:
    rows, columns = np.divmod(np.arange(grid.rows * grid.columns), grid.columns)
    return np.stack([columns + 0.5, rows + 0.5], axis=1)


def _scaled(values: NDArray[np.floating], sigma: float, relevance: float, *, gentle: bool) -> Map:
    smooth = cv2.GaussianBlur(values.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    if gentle:
        smooth = np.sqrt(np.maximum(smooth, 0.0))
    highest = float(smooth.max())
    return np.asarray(relevance * smooth / highest if highest > 0 else np.zeros_like(smooth), dtype=np.float32)
