"""Two views of a photo and which cells of theirs show the same place."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.evaluation.composites import make_composite, other_exposure, through
from models.data import Rgb

STRIDE = 16


@dataclass(frozen=True, eq=False)
class ViewPair:
    """first, second: [side, side, 3] uint8. to_second: [3, 3], takes pixel middles of the first to the second.
    seen: [side, side] bool, the pixels of the first that the second may show (an object's; or all)."""

    first: Rgb
    second: Rgb
    to_second: NDArray[np.float64]
    seen: NDArray[np.bool_]


def fitted(rgb: Rgb, side: int) -> tuple[Rgb, NDArray[np.float64]]:
    """The whole picture as a square, and the homography that takes its pixel middles there."""
    height, width = rgb.shape[:2]
    x, y = side / width, side / height
    shrinks = min(height, width) > side
    out = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return out, np.array([[x, 0, 0.5 * x - 0.5], [0, y, 0.5 * y - 0.5], [0, 0, 1]])


def homography_pair(rgb: Rgb, side: int, random: np.random.Generator) -> ViewPair:
    """The photo, and its image under a random homography (scale 0.6 to 1.6, up to 25 degrees, tilted) in other
    light."""
    first, _ = fitted(rgb, side)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64) - 0.5
    scale, angle = np.exp(random.uniform(np.log(0.6), np.log(1.6))), np.deg2rad(random.uniform(-25, 25))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (corners + random.uniform(-0.1, 0.1, (4, 2))) @ turn.T + random.uniform(-0.2, 0.2, 2)
    homography = cv2.getPerspectiveTransform(
        ((corners + 0.5) * (side - 1)).astype(np.float32), ((moved + 0.5) * (side - 1)).astype(np.float32)
    )
    light = other_exposure(first, random)
    second = cv2.warpPerspective(light, homography, (side, side), borderMode=cv2.BORDER_REFLECT_101)
    return ViewPair(first, np.asarray(second), homography, np.ones((side, side), np.bool_))


def composite_pair(rgb: Rgb, scene: Rgb, side: int, random: np.random.Generator) -> ViewPair:
    """An object's own picture, and another photo with the object pasted in."""
    made = make_composite(rgb, scene, random)
    first, to_first = fitted(made.query, side)
    second, to_second = fitted(made.scene, side)
    seen = cv2.resize(made.query_mask.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST) > 0
    return ViewPair(first, second, to_second @ made.to_scene @ np.linalg.inv(to_first), seen)


def matched_cells(pair: ViewPair, *, stride: int = STRIDE) -> NDArray[np.int64]:
    """[M, 2] numbers of cells (row-major) of the first and second view that show the same place: the middle of
    the first's cell lies inside the second's cell, and belongs to what both show."""
    side = pair.first.shape[0]
    count = side // stride
    middles = (np.arange(count) + 0.5) * stride - 0.5
    points = np.stack(np.meshgrid(middles, middles), 2).reshape(-1, 2)
    x, y = through(pair.to_second, points).T
    column, row = np.floor((x + 0.5) / stride), np.floor((y + 0.5) / stride)
    inside = (column >= 0) & (column < count) & (row >= 0) & (row < count)
    at = np.rint(points).astype(np.int64)
    inside &= pair.seen[at[:, 1], at[:, 0]]
    cells = np.flatnonzero(inside)
    return np.stack([cells, (row[cells] * count + column[cells]).astype(np.int64)], 1)
