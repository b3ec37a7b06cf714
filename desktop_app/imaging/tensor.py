"""From a decoded picture to the fixed shapes a network accepts.

The whole picture is always seen. A pack lists a few input shapes of about the same area; a picture is
resized to the one whose aspect ratio is nearest, so that nothing is cropped, nothing is padded and every
output map covers exactly the whole picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def choose_shape(width: int, height: int, shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The `(height, width)` of `shapes` whose aspect ratio is nearest (in log) to a `width` x `height` picture.

    Raises ValueError when a side is not positive or `shapes` is empty. Ties go to the earlier shape.
    """
    if width < 1 or height < 1:
        raise ValueError(f"a picture of {width} x {height} pixels has no aspect ratio")
    if not shapes:
        raise ValueError("no input shapes given")
    wanted = math.log(width / height)
    return min(shapes, key=lambda shape: abs(math.log(shape[1] / shape[0]) - wanted))


def fit(rgb: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize `rgb` ([H, W, 3] uint8) to exactly `shape` = (height, width), the whole picture kept.

    Shrinking averages areas, enlarging is bilinear. Returns a contiguous [height, width, 3] uint8 array.
    """
    height, width = shape
    if rgb.shape[:2] == (height, width):
        return np.ascontiguousarray(rgb)
    shrinks = rgb.shape[0] >= height and rgb.shape[1] >= width
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.ascontiguousarray(cv2.resize(rgb, (width, height), interpolation=interpolation))
