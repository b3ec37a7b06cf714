"""Measures of evidence against what is known of a pair: S1's mIoU, the pointing game, areas under deletion and
insertion curves (RISE), on arrays alone (SCIENCE A4 and B2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.evidence import PatchLink
from desktop_app.domain.geometry import Grid
from desktop_app.evaluation.views import correct_pairs

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]

THRESHOLDS = tuple(step / 10 for step in range(10))
"""S1's ten thresholds of a map: 0, 0.1, ... 0.9. At 0 everything counts, so the IoU is the region's area share."""
FINE_THRESHOLDS = tuple(step / 20 for step in range(1, 20))
"""Where the one threshold of a map is looked for: 0.05, 0.1, ... 0.95."""


def upsampled(map_: Map, height: int, width: int) -> Map:
    """A map [rows, columns] over a picture [height, width], every pixel the value of its cell (nearest)."""
    rows = ((np.arange(height) + 0.5) * map_.shape[0] / height).astype(np.int64)
    columns = ((np.arange(width) + 0.5) * map_.shape[1] / width).astype(np.int64)
    return np.asarray(map_[np.ix_(rows, columns)])


def ious(map_: Map, region: Mask, thresholds: Sequence[float] = THRESHOLDS) -> NDArray[np.float64]:
    """[T]: the intersection over union of {map >= t} with a region, 0..1, pixel by pixel.

    map_: [rows, columns], covers the picture that `region` [H, W] lies in. An empty union gives 0.
    """
    values = upsampled(map_, *region.shape)
    found = []
    for threshold in thresholds:
        marked = values >= threshold
        union = int((marked | region).sum())
        found.append(int((marked & region).sum()) / union if union else 0.0)
    return np.array(found)


def pointing_hit(map_: Map, region: Mask) -> bool:
    """The pointing game: whether the middle of the map's highest cell lies in the region.

    Of equally high cells the first counts. A map without anything in it points nowhere: a miss.
    """
    if not float(map_.max(initial=0.0)) > 0.0:
        return False
    row, column = divmod(int(map_.argmax()), map_.shape[1])
    y = int((row + 0.5) * region.shape[0] / map_.shape[0])
    x = int((column + 0.5) * region.shape[1] / map_.shape[1])
    return bool(region[y, x])


def inside_over_outside(map_: Map, region: Mask) -> bool:
    """Whether the map is higher inside the region than outside, on average. False is "inverted attention" (S1's
    own base model looks at the background). A region without an outside counts by there being anything in it."""
    values = upsampled(map_, *region.shape)
    inside = float(values[region].mean()) if region.any() else 0.0
    outside = float(values[~region].mean()) if not region.all() else 0.0
    return inside > outside


def above_chance(hits: float, chance: float) -> float:
    """(hits - chance) / (1 - chance): 0 is guessing, 1 is always right; negative is worse than guessing."""
    return (hits - chance) / (1.0 - chance) if chance < 1.0 else 0.0


def curve_area(scores: Sequence[float]) -> float:
    """The area under a curve whose points are evenly spread over 0..1, by trapezoids."""
    values = np.asarray(scores, dtype=np.float64)
    return float(((values[1:] + values[:-1]) / 2.0).mean())


def removal_order(map_: Map) -> NDArray[np.int64]:
    """Cells of a map from the highest to the lowest, as row-major indices; equal cells in reading order."""
    return np.asarray(np.argsort(-map_.ravel(), kind="stable"), dtype=np.int64)


def best_threshold(table: NDArray[np.float64], thresholds: Sequence[float]) -> tuple[float, float]:
    """The threshold with the highest mean IoU, and that IoU. table: [pairs, T]. Of equals the lowest threshold."""
    means = table.mean(axis=0)
    at = int(means.argmax())
    return float(thresholds[at]), float(means[at])


def right_links(
    links: Sequence[PatchLink], to_result: NDArray[np.float64], query_grid: Grid, result_grid: Grid
) -> Mask:
    """[n] bool: which links end within 1.5 cells of where the ground truth sends their beginning.

    to_result: [3, 3], a point of the query to the result, both in shares of width and height.
    """
    return correct_pairs(
        np.array([link.query_cell.row * query_grid.columns + link.query_cell.column for link in links], dtype=int),
        np.array(
            [link.result_cell.row * result_grid.columns + link.result_cell.column for link in links], dtype=int
        ),
        to_original=to_result,
        view_grid=query_grid,
        original_grid=result_grid,
    )


def precision_of_first(right: Sequence[Mask], k: int) -> float | None:
    """Of all links at the first `k` places of their pair, over all pairs, the share that is right; None without
    any link. right: per pair [n] bool, strongest link first."""
    first = [mask[:k] for mask in right]
    shown = sum(len(mask) for mask in first)
    return sum(int(mask.sum()) for mask in first) / shown if shown else None
