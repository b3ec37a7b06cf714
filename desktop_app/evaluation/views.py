"""Made views of a photo with exact correspondence: a random homography and photometric change."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Grid

_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A made view. rgb: [h, w, 3] uint8. to_original: [3, 3] float64, takes a point of the view to the original,
    both in shares of width and height (0..1)."""

    rgb: NDArray[np.uint8]
    to_original: NDArray[np.float64]


def make_view(rgb: NDArray[np.uint8], random: np.random.Generator) -> View:
    """A crop of 16 to 100 % of the area, turned by up to 25 degrees, in perspective, in other light.

    rgb: [H, W, 3] uint8. The view has the shape of the original and shows nothing from outside of it.
    """
    height, width = rgb.shape[:2]
    quad = _quad(random)
    size = np.array([width, height], dtype=np.float64)
    to_view = cv2.getPerspectiveTransform((quad * size).astype(np.float32), (_CORNERS * size).astype(np.float32))
    warped = cv2.warpPerspective(
        rgb, to_view, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
    )
    to_original = cv2.getPerspectiveTransform(_CORNERS.astype(np.float32), quad.astype(np.float32))
    return View(rgb=_other_light(warped, random), to_original=np.asarray(to_original, dtype=np.float64))


def correct_pairs(
    view_cells: NDArray[np.int64],
    original_cells: NDArray[np.int64],
    *,
    to_original: NDArray[np.float64],
    view_grid: Grid,
    original_grid: Grid,
    tolerance: float = 1.5,
) -> NDArray[np.bool_]:
    """Which matched cells are right: the middle of the view's cell, taken to the original, lies within `tolerance`
    cells of the middle of the original's cell. Cells are row-major indices, [n] each."""
    rows, columns = np.divmod(view_cells, view_grid.columns)
    middle = np.stack([(columns + 0.5) / view_grid.columns, (rows + 0.5) / view_grid.rows, np.ones(len(rows))])
    landed = to_original @ middle
    landed = landed[:2] / landed[2]
    rows, columns = np.divmod(original_cells, original_grid.columns)
    across = landed[0] * original_grid.columns - (columns + 0.5)
    down = landed[1] * original_grid.rows - (rows + 0.5)
    return np.asarray(np.hypot(across, down) <= tolerance)


def seen_cells(to_original: NDArray[np.float64], grid: Grid) -> NDArray[np.bool_]:
    """Which cells of the original a view shows: those whose middle lies inside it. [rows, columns] bool."""
    rows, columns = np.divmod(np.arange(grid.rows * grid.columns), grid.columns)
    middle = np.stack([(columns + 0.5) / grid.columns, (rows + 0.5) / grid.rows, np.ones(len(rows))])
    at = np.linalg.inv(to_original) @ middle
    at = at[:2] / at[2]
    return np.asarray(((at >= 0) & (at <= 1)).all(axis=0).reshape(grid.rows, grid.columns))


def _quad(random: np.random.Generator) -> NDArray[np.float64]:
    """Four corners inside the unit square, in the order of `_CORNERS`: turned, shrunk and shaken."""
    for _ in range(50):
        side = random.uniform(0.4, 1.0)
        angle = np.deg2rad(random.uniform(-25.0, 25.0))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        corners = (_CORNERS - 0.5) * side @ turn.T + random.uniform(-0.08, 0.08, size=(4, 2)) * side
        low, high = corners.min(axis=0), corners.max(axis=0)
        if (high - low <= 1.0).all():
            return np.asarray(corners + random.uniform(-low, 1.0 - high))
    return _CORNERS * 0.7 + 0.15  # a plain crop, should fifty turned ones all stick out


def _other_light(rgb: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Exposure, contrast, gamma and white balance changed, sometimes blurred, a little noise."""
    values = rgb.astype(np.float32) / 255.0
    values = values ** random.uniform(0.75, 1.35)
    values = (values - 0.5) * random.uniform(0.75, 1.25) + 0.5 + random.uniform(-0.1, 0.1)
    values = values * random.uniform(0.92, 1.08, size=3).astype(np.float32)
    if random.random() < 0.3:
        values = cv2.GaussianBlur(values, (0, 0), random.uniform(0.5, 1.5))
    values = values + random.normal(0.0, random.uniform(0.0, 0.02), size=values.shape)
    return np.asarray(np.rint(np.clip(values, 0.0, 1.0) * 255.0), dtype=np.uint8)
