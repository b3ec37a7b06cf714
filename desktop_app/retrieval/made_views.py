"""Made views of a photo with exact correspondence: a random homography and photometric change."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A made view. rgb: [h, w, 3] uint8. to_original: [3, 3] float64, takes a point of the view to the original,
    both in shares of width and height (0..1)."""

    rgb: NDArray[np.uint8]
    to_original: NDArray[np.float64]


def make_view(
    rgb: NDArray[np.uint8], random: np.random.Generator, *, least_side: float = 0.4, most_turn: float = 25.0
) -> View:
    """A crop of 16 to 100 % of the area, turned by up to 25 degrees, in perspective, in other light.

    rgb: [H, W, 3] uint8. least_side: share of the width and height that the smallest crop has. most_turn: degrees.
    The view has the shape of the original and shows nothing from outside of it.
    """
    height, width = rgb.shape[:2]
    quad = _quad(random, least_side, most_turn)
    size = np.array([width, height], dtype=np.float64)
    to_view = cv2.getPerspectiveTransform((quad * size).astype(np.float32), (_CORNERS * size).astype(np.float32))
    warped = cv2.warpPerspective(
        rgb, to_view, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
    )
    to_original = cv2.getPerspectiveTransform(_CORNERS.astype(np.float32), quad.astype(np.float32))
    return View(rgb=_other_light(warped, random), to_original=np.asarray(to_original, dtype=np.float64))


def _quad(random: np.random.Generator, least_side: float, most_turn: float) -> NDArray[np.float64]:
    """Four corners inside the unit square, in the order of `_CORNERS`: turned, shrunk and shaken."""
    for _ in range(50):
        side = random.uniform(least_side, 1.0)
        angle = np.deg2rad(random.uniform(-most_turn, most_turn))
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
