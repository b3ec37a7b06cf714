"""Multi-scale extraction: one descriptor from several sizes of a photo (S3, SCIENCE A0 and A6)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

SCALES = (1 / (2 * math.sqrt(2)), 1 / 2, 1 / math.sqrt(2), 1.0, math.sqrt(2))
"""S3's scales at test time."""

Form: TypeAlias = Literal["mean", "power", "sum"]
Rgb: TypeAlias = NDArray[np.uint8]
Float: TypeAlias = NDArray[np.float32]


def combine(vectors: Float, form: Form = "mean", *, power: float = 1.0) -> Float:
    """One L2-normalised descriptor [D] from the descriptors of the scales [S, D].

    "mean": the mean, as they come (SCIENCE A0). "power": cirtorch's (mean_s v_s^power)^(1/power); its vectors are
    non-negative, for others the sign is kept apart, sign(v) |v|^power [ours]. "sum": every scale is
    L2-normalised before the sum (S4); for vectors of length 1 that is the mean. Raises ValueError for a power that
    is not above 0 and for an unknown form.
    """
    wide = vectors.astype(np.float64)
    if form == "power":
        if power <= 0:
            raise ValueError(f"the power of multi-scale pooling must be above 0, not {power}")
        mean = (np.sign(wide) * np.abs(wide) ** power).mean(axis=0)
        result = np.sign(mean) * np.abs(mean) ** (1 / power)
    elif form == "sum":
        norms = np.linalg.norm(wide, axis=1, keepdims=True)
        result = (wide / np.where(norms > 0, norms, 1.0)).sum(axis=0)
    elif form == "mean":
        result = wide.mean(axis=0)
    else:
        raise ValueError(f"{form!r} is no form of multi-scale pooling: mean, power or sum")
    length = float(np.linalg.norm(result))
    return np.asarray(result / length if length > 0 else result, dtype=np.float32)


def scaled(rgb: Rgb, scale: float, *, multiple: int = 32) -> Rgb:
    """A picture [H, W, 3] resized by `scale`, its sides rounded to the network's `multiple` (at least one)."""
    height, width = (max(multiple, round(side * scale / multiple) * multiple) for side in rgb.shape[:2])
    if (height, width) == rgb.shape[:2]:
        return rgb
    way = cv2.INTER_AREA if height * width < rgb.shape[0] * rgb.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=way), dtype=np.uint8)


def multi_scale(
    rgb: Rgb,
    describe: Callable[[Rgb], Float],
    *,
    scales: Sequence[float] = SCALES,
    form: Form = "mean",
    power: float = 1.0,
    multiple: int = 32,
) -> Float:
    """The descriptor [D] of `rgb` at several scales of its own size; `describe` gives [D] for a picture.

    Every scale counts once, also where rounding makes two of them equal. Raises ValueError without a scale.
    """
    if not scales:
        raise ValueError("multi-scale extraction needs at least one scale")
    return combine(np.stack([describe(scaled(rgb, s, multiple=multiple)) for s in scales]), form, power=power)
