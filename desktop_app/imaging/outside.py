"""A crop of which only a part counts: what lies outside is painted over before a network sees it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from desktop_app.imaging.sizes import Pixels


def filled_outside(rgb: Pixels, inside: NDArray[np.bool_]) -> Pixels:
    """[h, w, 3] uint8 with the pixels that are not `inside` [h, w] in the mean colour of those that are."""
    if inside.all() or not inside.any():
        return rgb
    filled = rgb.copy()
    filled[~inside] = np.rint(rgb[inside].mean(axis=0)).astype(np.uint8)
    return filled
