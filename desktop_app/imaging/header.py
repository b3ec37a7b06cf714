"""What a picture's header says, read without decoding a pixel: size, orientation, capture time, camera."""

from __future__ import annotations

import datetime
import functools
import io
import logging
import re
import warnings
from dataclasses import dataclass
from typing import BinaryIO

from PIL import (  # the plug-ins register themselves with Image when imported
    AvifImagePlugin,
    BmpImagePlugin,  # noqa: F401
    ExifTags,
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from desktop_app.domain.errors import UnreadableImage
from desktop_app.imaging.formats import KindOfPicture, missing_package

log = logging.getLogger(__name__)

MAX_PIXELS = 300_000_000
"""Pictures with more pixels are refused by their header, before anything is allocated for them.

The largest panoramas of 20,000 x 10,000 pixels are well inside; 300 million pixels take 0.9 GB as RGB.
"""

# Pillow's own guard stays on at the same limit, for pictures inside pictures that are not seen here.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Damaged tags are skipped, which is what is wanted; nobody reads the warnings that say so.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")
# Pictures are decoded by many threads at once; a codec that starts its own for each only adds contention.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

_PILLOW_FORMAT = {
    KindOfPicture.JPEG: "JPEG",
    KindOfPicture.PNG: "PNG",
    KindOfPicture.WEBP: "WEBP",
    KindOfPicture.TIFF: "TIFF",
    KindOfPicture.BMP: "BMP",
    KindOfPicture.GIF: "GIF",
    KindOfPicture.AVIF: "AVIF",
    KindOfPicture.HEIC: "HEIF",
}
_TIME = re.compile(r"\s*(\d{4})\D(\d\d)\D(\d\d)\D(\d\d)\D(\d\d)\D(\d\d)")
_TIME_TAGS = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.SubsecTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.SubsecTimeDigitized),
)


@dataclass(frozen=True, slots=True)
class Exif:
    """`orientation` 1..8 as in EXIF; `taken` in seconds, see `wall_clock_seconds`; `camera` the model's name."""

    orientation: int = 1
    taken: float | None = None
    camera: str | None = None


def open_header(data: bytes | BinaryIO, kind: KindOfPicture, name: str) -> Image.Image:
    """Open `data`, bytes or a file, as `kind` with Pillow; pixels are not decoded yet.

    Raises UnreadableImage when a package is missing, the header is damaged, or the picture is larger than
    `MAX_PIXELS`.
    """
    if package := missing_package(kind):
        raise UnreadableImage(
            name, f"needs the extra package {package}", remedy=f"Install it with: pip install {package}"
        )
    if kind is KindOfPicture.HEIC:
        _register_heif()
    if kind is KindOfPicture.AVIF and "AVIF" not in Image.OPEN:
        raise UnreadableImage(name, "this build of Pillow reads no AVIF", remedy="Install Pillow 12 or later")
    try:
        source = io.BytesIO(data) if isinstance(data, bytes) else data
        image = Image.open(source, formats=(_PILLOW_FORMAT[kind],))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = re.search(r"\((\d+) pixels\)", str(error))
        raise _too_large(name, int(pixels[1]) if pixels else 2 * MAX_PIXELS) from error
    except UnidentifiedImageError as error:
        raise _damaged_header(name, kind) from error
    except Exception as error:
        # Plug-ins raise whatever their parsing of damaged bytes runs into; it is never ours.
        log.debug("header of %s", name, exc_info=True)
        raise _damaged_header(name, kind) from error
    if image.width < 1 or image.height < 1:
        raise _damaged_header(name, kind)
    check_pixels(image.width, image.height, name)
    return image


@functools.cache
def _register_heif() -> None:
    import pillow_heif

    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener()


def check_pixels(width: int, height: int, name: str) -> None:
    """Raise UnreadableImage when `width` x `height` is more than `MAX_PIXELS`."""
    if width * height > MAX_PIXELS:
        raise _too_large(name, width * height)


def read_exif(exif: Image.Exif) -> Exif:
    """The three facts of an EXIF block that the product uses; whatever is missing or damaged is left out."""
    return Exif(_orientation(exif), _taken(exif), _camera(exif))


def exif_of(image: Image.Image) -> Exif:
    """`read_exif` of an opened picture; a damaged EXIF block counts as none."""
    try:
        return read_exif(image.getexif())
    except Exception:
        log.debug("damaged EXIF", exc_info=True)
        return Exif()


def wall_clock_seconds(text: str, fraction: str = "") -> float | None:
    """EXIF's "2024:05:01 12:30:00" as seconds since 1970 of that wall clock, None if it is no time.

    Cameras do not say their time zone, so none is applied: show it with a UTC calendar and the clock of the
    camera comes back, whatever machine it is shown on.
    """
    match = _TIME.match(text)
    if not match:
        return None
    try:
        when = datetime.datetime(*(int(part) for part in match.groups()), tzinfo=datetime.UTC)  # type: ignore[arg-type,misc]
    except ValueError:
        return None
    digits = re.match(r"\d{1,6}", fraction.strip())
    return when.timestamp() + (float(f"0.{digits[0]}") if digits else 0.0)


def _orientation(exif: Image.Exif) -> int:
    value = exif.get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _taken(exif: Image.Exif) -> float | None:
    details = exif.get_ifd(ExifTags.IFD.Exif)
    for tag, fraction_tag in _TIME_TAGS:
        seconds = wall_clock_seconds(_text(details.get(tag)), _text(details.get(fraction_tag)))
        if seconds is not None:
            return seconds
    return wall_clock_seconds(_text(exif.get(ExifTags.Base.DateTime)))


def _camera(exif: Image.Exif) -> str | None:
    return _text(exif.get(ExifTags.Base.Model))[:100] or None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value.split("\0")[0].strip() if isinstance(value, str) else ""


def _damaged_header(name: str, kind: KindOfPicture) -> UnreadableImage:
    if kind is KindOfPicture.TIFF:  # by far the format with the most variants, some of which Pillow does not know
        return UnreadableImage(
            name,
            "the file's header is damaged, or it is a rare kind of TIFF",
            remedy="Copy the file again, or save it as a PNG",
        )
    return UnreadableImage(
        name, "the file's header is damaged", remedy="Copy the file again from where it came from"
    )


def _too_large(name: str, pixels: int) -> UnreadableImage:
    return UnreadableImage(
        name,
        f"it is too large ({pixels / 1e6:,.0f} megapixels; at most {MAX_PIXELS / 1e6:.0f} are read)",
        remedy="Save a smaller version of it",
    )
