"""Parts of a picture worth asking with: rectangles that hold more of its attention than of its area.

With a map a that sums to 1 over the H x W cells, a rectangle R gains

    g(R) = sum over l in R of a_l - |R| / HW                                                                 [ours]

which is 0 for the whole picture and for any part of an even map, and highest where the attention is gathered. All
rectangles of a useful size are compared; what one of them holds is taken out of the map before the next is sought.
Two maps propose: how unlike a cell is to the border of the picture, which finds the thing in the middle as a
whole, and S0's L2 norm attention, which finds what is strong wherever it lies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import Embedding
from desktop_app.domain.geometry import Cell, Grid, Region

Float = NDArray[np.float32]
Map = NDArray[np.float64]

LIKE = 5  # cells of the border that a cell is compared with: those it resembles most


@dataclass(frozen=True, slots=True)
class CropParameters:
    """Which rectangles are worth proposing [ours].

    least_side: share of the width and height that a part has at least. most_area: share of the area that a
    part covers at most. least_gain: g(R) below which nothing is proposed. most: how many are
    proposed. same: intersection over union from which two are one.
    """

    least_side: float = 0.25
    most_area: float = 0.5
    least_gain: float = 0.1
    most: int = 3
    same: float = 0.5


def suggested_parts(
    embedding: Embedding, box: Region, parameters: CropParameters | None = None
) -> tuple[Region, ...]:
    """The parts of a picture that are worth asking with, in pixels of its `box`, the most promising first.

    The attention row of S3 is not asked: that of a network may gather in one place whatever the picture shows.
    None for an embedding without local features and map.
    """
    parameters = parameters or CropParameters()
    maps = []
    if embedding.local_features is not None:
        maps.append(unlike_border(embedding.local_features))
    if embedding.local_map is not None:
        maps.append(norm_attention(embedding.local_map))
    found: list[Region] = []
    for part in (part for each in maps for part in suggested_crops(each, box, parameters)):
        if all(_overlap(part, other) < parameters.same for other in found):
            found.append(part)
    return tuple(found[: parameters.most])


def unlike_border(features: Float) -> Float:
    """How unlike the border of the picture each cell is: 1 - the mean cosine with the LIKE cells of the border
    that it resembles most, less the median over all cells, at least 0.

    features: [h, w, d] float32, L2-normalised per cell. Returns [h, w] float32.
    """
    h, w, d = features.shape
    edge = np.zeros((h, w), bool)
    edge[[0, -1]] = edge[:, [0, -1]] = True
    cosines = np.sort(features.reshape(-1, d) @ features[edge].T, axis=1)[:, -LIKE:]
    return _above_median(1.0 - cosines.mean(axis=1).reshape(h, w))


def norm_attention(local_map: Float) -> Float:
    """||x_l||_2 (S0, figure 6) less its median over all cells, at least 0. local_map: [D, h, w] -> [h, w]."""
    return _above_median(np.linalg.norm(local_map, axis=0))


def suggested_crops(
    attention: NDArray[np.float32], box: Region, parameters: CropParameters | None = None
) -> tuple[Region, ...]:
    """The parts of `box` worth asking with, the one with the highest gain first; none where no part stands out.

    attention: [h, w] float32 over `box`, of any scale; negative values count as 0. Returns regions inside `box`,
    in its pixels, edges on those of the cells.
    """
    parameters = parameters or CropParameters()
    left = np.maximum(np.nan_to_num(attention.astype(np.float64)), 0.0)
    total = float(left.sum())
    if total <= 0.0:
        return ()
    left /= total
    grid = Grid(*left.shape)
    found: list[Region] = []
    while len(found) < parameters.most:
        best = best_rectangle(left, parameters)
        if best is None or best[0] < parameters.least_gain:
            break
        _, top, bottom, first, last = best
        left[top:bottom, first:last] = 0.0
        start = grid.cell_region(Cell(top, first), box)
        end = grid.cell_region(Cell(bottom - 1, last - 1), box)
        found.append(Region(start.x, start.y, end.x + end.w - start.x, end.y + end.h - start.y))
    return tuple(found)


def best_rectangle(attention: Map, parameters: CropParameters) -> tuple[float, int, int, int, int] | None:
    """(gain, top, bottom, left, right) of the rectangle with the highest gain, in cells, ends excluded; None where
    the map is too small for any. attention: [h, w] float64."""
    rows, columns = attention.shape
    sums = np.zeros((rows + 1, columns + 1))
    sums[1:, 1:] = attention.cumsum(0).cumsum(1)
    tops, bottoms = _spans(rows, parameters.least_side)
    lefts, rights = _spans(columns, parameters.least_side)
    bands = sums[bottoms] - sums[tops]
    mass = bands[:, rights] - bands[:, lefts]
    area = (bottoms - tops)[:, None] * (rights - lefts) / (rows * columns)
    gain = np.where(area <= parameters.most_area, mass - area, -np.inf)
    at = np.unravel_index(int(gain.argmax()), gain.shape)
    if not np.isfinite(gain[at]):
        return None
    row, column = int(at[0]), int(at[1])
    return float(gain[at]), int(tops[row]), int(bottoms[row]), int(lefts[column]), int(rights[column])


def _spans(cells: int, least: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All (start, end) with end - start at least that share of `cells`."""
    starts, ends = np.triu_indices(cells + 1, max(1, math.ceil(least * cells)))
    return np.asarray(starts, np.int64), np.asarray(ends, np.int64)


def _above_median(values: Float) -> Float:
    return np.asarray(np.maximum(values - np.median(values), 0.0), np.float32)


def _overlap(a: Region, b: Region) -> float:
    """Intersection over union."""
    across = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    down = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    shared = max(0, across) * max(0, down)
    return shared / (a.w * a.h + b.w * b.h - shared)
