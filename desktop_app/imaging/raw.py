"""Camera RAW files, through the optional package rawpy."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from desktop_app.domain.errors import UnreadableImage
from desktop_app.imaging.formats import KindOfPicture, missing_package
from desktop_app.imaging.header import Exif, check_pixels, read_exif
from desktop_app.imaging.sizes import Pixels, Size

log = logging.getLogger(__name__)

_ORIENTATION_OF_FLIP = {0: 1, 3: 3, 5: 8, 6: 6}
"""LibRaw's `flip` as an EXIF orientation."""
_ASPECT_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class RawPicture:
    """A RAW file made visible.

    `jpeg` is the camera's own embedded preview, or None when `rgb` [h, w, 3] uint8 was developed from the sensor;
    both are still to be turned by `exif.orientation`. `width`, `height` are those of the turned original.
    """

    width: int
    height: int
    exif: Exif
    jpeg: bytes | None
    rgb: Pixels


def open_raw(data: bytes, name: str, *, wanted: Callable[[int, int], Size]) -> RawPicture:
    """Read a RAW file: its embedded preview where that is large enough for `wanted(width, height)` and shows the
    whole picture, else developed from the sensor at half size (at full size where half is too small).

    Raises UnreadableImage when rawpy is missing or cannot read the file.
    """
    if package := missing_package(KindOfPicture.RAW):
        raise UnreadableImage(
            name, f"needs the extra package {package}", remedy=f"Install it with: pip install {package}"
        )
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            return _visible(raw, rawpy, data, name, wanted)
    except rawpy.LibRawError as error:
        raise UnreadableImage(
            name,
            f"the RAW file cannot be read ({_reason(error)})",
            remedy="Copy the file again, or convert it to DNG if the camera is new",
        ) from error


def _visible(raw: Any, rawpy: Any, data: bytes, name: str, wanted: Callable[[int, int], Size]) -> RawPicture:
    width, height = raw.sizes.width, raw.sizes.height
    check_pixels(width, height, name)
    orientation = _ORIENTATION_OF_FLIP.get(raw.sizes.flip, 1)
    found = _exif_in_tiff(data)
    exif = Exif(orientation, found.taken, found.camera)
    oriented = (height, width) if orientation >= 5 else (width, height)
    need = wanted(*oriented)
    jpeg = _embedded_preview(raw, rawpy, least=max(need), aspect=max(width, height) / min(width, height))
    if jpeg is not None:
        return RawPicture(*oriented, exif, jpeg, np.empty((0, 0, 3), np.uint8))
    half = max(need) <= max(width, height) // 2
    # user_flip=0 leaves the turning to the caller, who does it for every kind of file in one place.
    rgb = raw.postprocess(half_size=half, use_camera_wb=True, user_flip=0, output_bps=8)
    return RawPicture(*oriented, exif, None, np.ascontiguousarray(rgb))


def _embedded_preview(raw: Any, rawpy: Any, *, least: int, aspect: float) -> bytes | None:
    try:
        preview = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    if preview.format != rawpy.ThumbFormat.JPEG:
        return None
    try:
        with Image.open(io.BytesIO(preview.data), formats=("JPEG",)) as image:
            long, short = max(image.size), min(image.size)
    except Exception:
        log.debug("damaged preview in a RAW file", exc_info=True)
        return None
    whole = abs(long / short / aspect - 1) <= _ASPECT_TOLERANCE
    return bytes(preview.data) if long >= least and whole else None


def _exif_in_tiff(data: bytes) -> Exif:
    """EXIF of RAW formats that are TIFF inside (DNG, NEF, CR2, ARW and most others); empty for the rest."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return Exif()
    exif = Image.Exif()
    try:
        exif.load(data)
        return read_exif(exif)
    except Exception:
        log.debug("damaged EXIF in a RAW file", exc_info=True)
        return Exif()


def _reason(error: Exception) -> str:
    first = error.args[0] if error.args else "unknown reason"
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
