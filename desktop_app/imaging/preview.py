"""Previews: small JPEGs that the library keeps for every photo."""

from __future__ import annotations

import numpy as np
import simplejpeg

from desktop_app.domain.errors import UnreadableImage
from desktop_app.imaging.sizes import Pixels, shrink, size_within

QUALITY = 88


def encode_preview(rgb: Pixels) -> bytes:
    """[h, w, 3] uint8 sRGB as a JPEG (quality 88, 4:2:0)."""
    encoded: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(rgb), quality=QUALITY, colorspace="RGB", colorsubsampling="420"
    )
    return encoded


def decode_preview(data: bytes) -> Pixels:
    """The pixels [h, w, 3] uint8 of a preview. Raises UnreadableImage when the cached file is damaged."""
    return _decode(data, 0, 0)


def decode_thumbnail(data: bytes, side: int, *, grey: bool = False) -> Pixels:
    """A preview scaled down so that its long side is `side` at most; smaller ones stay as they are.

    The JPEG is decoded at a reduced scale, with `grey` only its grey levels [h, w], which takes half of the time.
    Raises UnreadableImage when the cached file is damaged.
    """
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise _damaged(error) from error
    size = size_within(width, height, side)
    return np.ascontiguousarray(shrink(_decode(data, *size, grey=grey), size))


def _decode(data: bytes, min_width: int, min_height: int, *, grey: bool = False) -> Pixels:
    colours = "GRAY" if grey else "RGB"
    try:
        pixels = np.asarray(simplejpeg.decode_jpeg(data, colours, min_width=min_width, min_height=min_height))
    except ValueError as error:
        raise _damaged(error) from error
    return pixels[..., 0] if grey else pixels


def _damaged(error: ValueError) -> UnreadableImage:
    return UnreadableImage(
        "a cached preview", f"it is damaged ({error})", remedy="Delete the library's previews; they are made again"
    )
