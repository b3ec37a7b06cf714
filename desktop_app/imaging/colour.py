"""Every colour model and depth to 8-bit sRGB.

Colour profiles are honoured (relative colorimetric, with black point compensation); a profile that does not fit
its picture is ignored, as browsers do. Transparency is laid over white, the paper most graphics are made for.
"""

from __future__ import annotations

import functools
import io
import logging

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from desktop_app.imaging.sizes import Pixels

log = logging.getLogger(__name__)

WHITE = 255

_SRGB = ImageCms.createProfile("sRGB")
# Without its one-pixel cache a transform may be shared by threads (Little CMS manual, cmsFLAGS_NOCACHE).
_FLAGS = ImageCms.Flags.NOCACHE | ImageCms.Flags.BLACKPOINTCOMPENSATION
_INVISIBLE = 2
"""A profile whose colours differ from sRGB by at most this (of 255) everywhere is taken for sRGB."""


def plain_image(image: Image.Image) -> Image.Image:
    """Decode the first frame and bring it to mode L, RGB or CMYK with 8 bits a channel, without transparency."""
    image.load()
    if image.mode in ("L", "RGB", "CMYK") and not image.has_transparency_data:
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bits(np.asarray(image)))
    if image.has_transparency_data or image.mode in ("RGBa", "La"):
        return _over_white(image)
    return image.convert("L" if image.mode == "1" else "RGB")


def to_srgb(pixels: Pixels, mode: str, profile: bytes | None) -> Pixels:
    """Pixels of `mode` "L" ([h, w] or [h, w, 1]), "RGB" or "CMYK" as contiguous [h, w, 3] uint8 sRGB.

    `profile` is the ICC profile embedded in the file, if any.
    """
    if profile:
        transform = _transform(profile, mode)
        if transform is not None:
            image = _as_image(pixels, mode)
            return np.asarray(transform.apply(image))
    if mode == "L":
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), dtype=np.uint8)
    if mode == "CMYK":
        return np.asarray(_as_image(pixels, mode).convert("RGB"))
    return np.ascontiguousarray(pixels)


@functools.lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from an embedded profile to sRGB, None when it would change nothing or does not fit."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(
            source, _SRGB, mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, _FLAGS
        )
        probe = _probe(mode)
        result = np.asarray(transform.apply(probe), dtype=np.int16)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        log.info("a colour profile is ignored: %s", error)
        return None
    if mode == "CMYK":
        return transform
    unchanged = np.abs(result - np.asarray(probe.convert("RGB"), dtype=np.int16)).max() <= _INVISIBLE
    return None if unchanged else transform


def _probe(mode: str) -> Image.Image:
    """Colours spread over the whole range of `mode`, to see what a transform does."""
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    colours = np.stack(np.meshgrid(*[steps] * channels, indexing="ij"), axis=-1).reshape(-1, 1, channels)
    return _as_image(np.ascontiguousarray(colours), mode)


def _as_image(pixels: Pixels, mode: str) -> Image.Image:
    return Image.frombuffer(
        mode, (pixels.shape[1], pixels.shape[0]), np.ascontiguousarray(pixels), "raw", mode, 0, 1
    )


def _over_white(image: Image.Image) -> Image.Image:
    """Composite over white: c' = 255 + alpha (c - 255)."""
    rgba = image.convert("RGBA")
    paper = Image.new("RGBA", rgba.size, (WHITE, WHITE, WHITE, 255))
    return Image.alpha_composite(paper, rgba).convert("RGB")


def _eight_bits(values: NDArray[np.generic]) -> Pixels:
    """Deep grey values [h, w] as uint8.

    16 bits are divided by 257. Whole numbers of 32 bits and floats carry no range of their own: what fits 0..1
    (floats), 0..255 or 0..65535 is taken for that, anything else is stretched from its least to its largest.
    """
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:  # of either byte order
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    numbers = np.nan_to_num(values.astype(np.float64))
    low, high = float(numbers.min()), float(numbers.max())
    is_float = np.issubdtype(values.dtype, np.floating)
    if low >= 0 and is_float and high <= 1:
        scaled = numbers * 255
    elif low >= 0 and high <= 255:
        scaled = numbers
    elif low >= 0 and high <= 65535:
        scaled = numbers / 257
    else:
        scaled = (numbers - low) * (255 / (high - low)) if high > low else np.zeros_like(numbers)
    return np.rint(scaled).astype(np.uint8)
