"""Tile entries: regions of one photo as further entries of the index (Patchify, SCIENCE B2).

A photo is described as a whole and by the regions of a 2x2 and a 3x3 grid. A photo's score is that of its best
entry, which is also a free box around what matched; so a small object in a large scene is compared with its
surroundings instead of with the whole scene. A query is always described as a whole.

In a library every region is embedded as a picture of its own: one pass of the network over the whole photo (its
output `regions`) sees small things too small. On composites of TRAIN photos (100 objects of 8 to 15 % of the area,
500 photos) the object's scene comes first for .23 of them by whole photos, .41 by `regions`, .80 by the crops.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Region

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


PENALTY = 0.15
"""What the cosine of a tile is lowered by before it is compared with that of a whole photo: the best of 13 is
higher by accident, and a photo that matches as a whole is the better answer. The smallest that costs held-out
TRAIN classes no mAP (`models.evaluate.tile_entries`): .670 as without tiles, R@1 .760 against .763, while small
objects rise from .07 to .44 and views of photos from .62 to .79."""


@dataclass(frozen=True, slots=True, eq=False)
class TileScores:
    """Scores of N photos for one query: scores [N] float32; best [N] int64, the entry that won (0: the whole)."""

    scores: Float
    best: NDArray[np.int64]

    @property
    def lowered(self) -> Float:
        """[N] float32: what the cosines of tiles count for beside those of whole photos."""
        return self.scores - np.float32(PENALTY)

    def take(self, positions: NDArray[np.int64]) -> TileScores:
        """The photos at `positions`, in that order."""
        return TileScores(self.scores[positions], self.best[positions])


def tile_scores(query: Float, entries: Float, *, whole_bonus: float = 0.0) -> TileScores:
    """The best cosine of `query` [D] over every photo's entries [N, R, D]; rows L2-normalised.

    `whole_bonus` is added to the cosine of entry 0, the whole photo: 14 entries have 14 chances to be alike by
    accident, the whole has one. Equal entries: the first one wins.
    """
    cosines = entries.astype(np.float32) @ query.astype(np.float32)
    cosines[:, 0] += np.float32(whole_bonus)
    best = np.argmax(cosines, axis=1)
    return TileScores(np.take_along_axis(cosines, best[:, None], axis=1)[:, 0], best.astype(np.int64))


def quantised(descriptors: Float) -> NDArray[np.int8]:
    """[..., D] descriptors of any length to int8: the largest number of each is 127. Cosines of what is left
    differ by less than .005 from those of the descriptors."""
    largest = np.abs(descriptors).max(axis=-1, keepdims=True)
    return np.asarray(np.rint(descriptors * (127.0 / np.maximum(largest, 1e-12))), np.int8)


def no_tiles(count: int) -> TileScores:
    """Scores of `count` photos of which no tile was looked at: never the best entry."""
    return TileScores(np.full(count, -np.inf, np.float32), np.full(count, -1, np.int64))


def best_tiles(query: Float, descriptors: NDArray[np.int8]) -> TileScores:
    """The best cosine of `query` [D], L2-normalised, over the tiles [N, T, D] of each photo; best: 0..T-1."""
    rows = descriptors.astype(np.float32)
    cosines = (rows @ query.astype(np.float32)) / np.maximum(np.linalg.norm(rows, axis=2), 1e-6)
    best = np.argmax(cosines, axis=1) if len(rows) else np.empty(0, np.int64)
    return TileScores(np.take_along_axis(cosines, best[:, None], axis=1)[:, 0], best.astype(np.int64))


def tile_box(tile: int, width: int, height: int) -> Region:
    """The pixels of a `width` x `height` picture that tile 0..12 covers (in the order of `TileEntries`)."""
    x0, y0, x1, y1 = region_boxes()[1 + tile]
    left, top = int(x0 * width), int(y0 * height)
    return Region(left, top, max(1, round(x1 * width) - left), max(1, round(y1 * height) - top))


def region_crops(rgb: NDArray[np.uint8], overlap: float = OVERLAP) -> list[NDArray[np.uint8]]:
    """The 14 regions of a picture [H, W, 3] as pictures of their own, in the order of `region_boxes`.

    Each is embedded like a photo.
    """
    height, width = rgb.shape[:2]
    crops = []
    for x0, y0, x1, y1 in region_boxes(overlap):
        left, top = int(x0 * width), int(y0 * height)
        right, bottom = max(left + 1, round(x1 * width)), max(top + 1, round(y1 * height))
        crops.append(np.ascontiguousarray(rgb[top:bottom, left:right]))
    return crops
