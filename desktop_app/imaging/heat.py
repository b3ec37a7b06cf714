"""Maps as colour: viridis on a fixed scale from 0 to 1, as opaque as its value, so that nothing shows nothing."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.imaging.sizes import Pixels

DEFAULT_OPACITY = 0.75


@functools.cache
def viridis() -> Pixels:
    """The colour map [256, 3] uint8 RGB: perceptually even, readable with every kind of colour blindness."""
    ramp = np.arange(256, dtype=np.uint8).reshape(-1, 1)
    table = np.asarray(cv2.applyColorMap(ramp, cv2.COLORMAP_VIRIDIS), dtype=np.uint8)[:, 0, ::-1].copy()
    table.setflags(write=False)
    return table


def heat_rgba(
    values: NDArray[np.float32], width: int, height: int, *, opacity: float = DEFAULT_OPACITY
) -> NDArray[np.uint8]:
    """A map [rows, columns] in 0..1 as [height, width, 4] uint8 RGBA (straight alpha) over a whole picture.

    Colour is viridis(value), alpha is value x `opacity`: the scale is fixed and never stretched. Values between
    cells are bicubic and clipped to 0..1; values outside 0..1 and NaN are taken for the nearest end and for 0.
    Raises ValueError when the map is empty or a side is not positive.
    """
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"a heat map needs rows and columns, not the shape {values.shape}")
    if width < 1 or height < 1:
        raise ValueError(f"a heat map cannot be drawn on {width} x {height} pixels")
    clean = np.clip(np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0), 0, 1).astype(np.float32)
    smooth = np.clip(cv2.resize(clean, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    rgba = np.empty((height, width, 4), np.uint8)
    rgba[..., :3] = viridis()[np.rint(smooth * 255).astype(np.uint8)]
    rgba[..., 3] = np.rint(smooth * (255 * min(1.0, max(0.0, opacity)))).astype(np.uint8)
    return rgba


def legend_rgba(width: int, height: int) -> NDArray[np.uint8]:
    """The scale from 0 (left) to 1 (right) as an opaque [height, width, 4] uint8 RGBA strip."""
    if width < 1 or height < 1:
        raise ValueError(f"a legend cannot be drawn on {width} x {height} pixels")
    rgba = np.full((height, width, 4), 255, np.uint8)
    rgba[..., :3] = viridis()[np.rint(np.linspace(0, 255, width)).astype(np.uint8)]
    return rgba


def blend(rgb: Pixels, rgba: NDArray[np.uint8]) -> Pixels:
    """`rgba` (straight alpha) laid over `rgb` of the same height and width."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(rgb + (rgba[..., :3].astype(np.float32) - rgb) * alpha).astype(np.uint8)
