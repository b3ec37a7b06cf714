"""Tile entries: regions of one photo as further entries of the index (Patchify, SCIENCE B2).

A photo is described as a whole and by the regions of a 2x2 and a 3x3 grid: 14 descriptors from one pass of the
network (output `regions`). A photo's score is that of its best entry, which is also a free box around what
matched; so a small object in a large scene is compared with its surroundings instead of with the whole scene.
A query is always described as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRIDS = (1, 2, 3)
"""Cells per side of the grids, in the order of the entries."""
OVERLAP = 0.25
"""By how much a region is larger than its grid cell, as a share of the cell's side [ours]."""

Float = NDArray[np.float32]


def region_boxes(overlap: float = OVERLAP) -> NDArray[np.float64]:
    """[14, 4] x0, y0, x1, y1 in 0..1 of width and height: the whole, then row by row the 2x2 and the 3x3 grid.

    A region of a k x k grid (k > 1) has sides of (1 + overlap) / k, at most 1; the k regions of a row are spread
    evenly from edge to edge, so `overlap` 0 is the plain grid.
    """
    boxes = []
    for k in GRIDS:
        side = min(1.0, (1 + overlap) / k) if k > 1 else 1.0
        starts = [(1 - side) * i / (k - 1) if k > 1 else 0.0 for i in range(k)]
        boxes += [(x, y, x + side, y + side) for y in starts for x in starts]
    return np.array(boxes)


REGIONS = sum(k * k for k in GRIDS)


@dataclass(frozen=True, slots=True, eq=False)
class TileScores:
    """Scores of N photos for one query: scores [N] float32; best [N] int64, the entry that won (0: the whole)."""

    scores: Float
    best: NDArray[np.int64]


def tile_scores(query: Float, entries: Float, *, whole_bonus: float = 0.0) -> TileScores:
    """The best cosine of `query` [D] over every photo's entries [N, R, D]; rows L2-normalised.

    `whole_bonus` is added to the cosine of entry 0, the whole photo: 14 entries have 14 chances to be alike by
    accident, the whole has one. Equal entries: the first one wins.
    """
    cosines = entries.astype(np.float32) @ query.astype(np.float32)
    cosines[:, 0] += np.float32(whole_bonus)
    best = np.argmax(cosines, axis=1)
    return TileScores(np.take_along_axis(cosines, best[:, None], axis=1)[:, 0], best.astype(np.int64))


def region_crops(rgb: NDArray[np.uint8], overlap: float = OVERLAP) -> list[NDArray[np.uint8]]:
    """The 14 regions of a picture [H, W, 3] as pictures of their own, in the order of `region_boxes`.

    For packs without the output `regions`: each crop is embedded like a photo, at 14 times the cost.
    """
    height, width = rgb.shape[:2]
    crops = []
    for x0, y0, x1, y1 in region_boxes(overlap):
        left, top = int(x0 * width), int(y0 * height)
        right, bottom = max(left + 1, round(x1 * width)), max(top + 1, round(y1 * height))
        crops.append(np.ascontiguousarray(rgb[top:bottom, left:right]))
    return crops
