"""Sizes and turns: how large a picture is kept, how it is shrunk, how EXIF turns it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

PREVIEW_SIDE = 512
LEAST_SHORT_SIDE = 96
GREATEST_LONG_SIDE = 4096

Pixels = NDArray[np.uint8]
Size = tuple[int, int]
"""Width and height in pixels."""


def preview_size(width: int, height: int, *, long_side: int = PREVIEW_SIDE) -> Size:
    """The size (width, height) at which a picture of `width` x `height` pixels is kept.

    The long side is `long_side`; the short side of a panorama is at least `LEAST_SHORT_SIDE`, as long as its long
    side stays within `GREATEST_LONG_SIDE`. Nothing is enlarged, and no side is below 1.
    """
    long, short = max(width, height), min(width, height)
    wanted = max(long_side, min(GREATEST_LONG_SIDE, LEAST_SHORT_SIDE * long / short))
    return _scaled(width, height, wanted / long)


def size_within(width: int, height: int, long_side: int | None) -> Size:
    """`width` x `height` scaled down so that no side exceeds `long_side`; unchanged when that is None."""
    return _scaled(width, height, 1.0 if long_side is None else long_side / max(width, height))


def _scaled(width: int, height: int, scale: float) -> Size:
    scale = min(1.0, scale)
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrink(pixels: Pixels, size: Size) -> Pixels:
    """Average areas of [h, w, ...] down to `size` = (width, height); the same array where nothing changes."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def turn(pixels: Pixels, orientation: int) -> Pixels:
    """Apply an EXIF orientation (1..8) to [h, w, ...]; the result is contiguous."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def turned(size: Size, orientation: int) -> Size:
    """`size` after an EXIF orientation; the same function leads back, since it only exchanges the sides."""
    return (size[1], size[0]) if orientation >= 5 else size
