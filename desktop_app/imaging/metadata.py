"""The metadata of a picture file: EXIF, IPTC and XMP, and its sidecar, read without decoding a pixel.

Files contradict themselves. XMP is what programs write last, so it wins for what people enter (rating, keywords,
place, caption); EXIF is what the camera wrote, so it wins for what the camera knows. A sidecar wins over the
file for what people enter. Metadata is never a reason to refuse a photo: whatever is damaged is left out.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.metadata import LEAST_RATING, MOST_RATING, PhotoMetadata
from desktop_app.imaging.formats import KindOfPicture, is_raw_name, kind_by_content
from desktop_app.imaging.header import open_header, read_exif
from desktop_app.imaging.reading import open_file
from desktop_app.imaging.xmp import MAX_PACKET, joined, place_name, read_xmp, tidy, tidy_keywords

log = logging.getLogger(__name__)

Source = TypeVar("Source")

_HEAD = 64  # bytes that tell the kind of a file
_XMP_TAG, _IPTC_TAG = 700, 33723
_RATING_TAG, _RATING_PERCENT_TAG, _LENS_TAG = 0x4746, 0x4749, 0xA434
_KEYWORDS_TAG, _TITLE_TAG = 0x9C9E, 0x9C9B  # of Windows, UTF-16
_IPTC = {"title": (2, 5), "keywords": (2, 25), "place": (2, 92), "city": (2, 90), "state": (2, 95)}
_IPTC_COUNTRY, _IPTC_CAPTION = (2, 101), (2, 120)
_ENTERED = ("rating", "place", "caption", "latitude", "longitude")


def metadata_of_file(path: bytes | Path, *, sidecar: bytes | None = None) -> PhotoMetadata:
    """What the file at `path` and its sidecar say. Raises UnreadableImage when the file cannot be opened."""
    with open_file(path) as file:
        name = bytes(path).decode("utf-8", "replace")
        return with_sidecar(read_metadata(file, name), sidecar)


def metadata_of_bytes(data: bytes, name: str) -> PhotoMetadata:
    """`read_metadata` of a file that is in memory."""
    return read_metadata(io.BytesIO(data), name)


def read_metadata(file: BinaryIO, name: str) -> PhotoMetadata:
    """What an opened picture says of itself; empty for what is no picture or has a damaged header."""
    head = file.read(_HEAD)
    file.seek(0)
    kind = kind_by_content(head)
    raw = kind is KindOfPicture.RAW or (kind in (KindOfPicture.TIFF, None) and is_raw_name(name.encode()))
    shown = KindOfPicture.RAW if raw else kind
    facts = PhotoMetadata(kind=shown.value if shown is not None else None)
    try:
        if kind is None or (raw and kind is not KindOfPicture.TIFF):
            return facts
        if raw:
            exif = Image.Exif()
            exif.load_from_fp(file)
            return replace(_facts(exif, exif.get(_XMP_TAG), {}), kind=facts.kind)
        image = open_header(file, kind, name)
        return replace(_facts(_exif(image), _xmp(image), _iptc(image)), kind=facts.kind)
    except UnreadableImage:
        return facts
    except Exception:
        # Parsers of metadata raise whatever damaged bytes lead them into.
        log.debug("damaged metadata in %s", name, exc_info=True)
        return facts


def with_sidecar(facts: PhotoMetadata, sidecar: bytes | None) -> PhotoMetadata:
    """`facts` with those of an XMP sidecar, which wins for what people enter; an unreadable one is left out."""
    if sidecar is None:
        return facts
    try:
        with open_file(sidecar) as file:
            beside = read_xmp(file.read(MAX_PACKET + 1))
    except (UnreadableImage, OSError) as error:
        log.info("the sidecar is left out: %s", error)
        return facts
    entered = {name: value for name in _ENTERED if (value := getattr(beside, name)) is not None}
    keywords = beside.keywords or facts.keywords
    return replace(facts, keywords=keywords, **entered).or_else(replace(beside, keywords=()))


def _facts(exif: Image.Exif, packet: object, iptc: Mapping[tuple[int, int], object]) -> PhotoMetadata:
    camera = _quietly(_from_exif, exif)
    xmp = read_xmp(packet) if isinstance(packet, bytes) else PhotoMetadata()
    old = _quietly(_from_iptc, iptc)
    entered = {
        name: getattr(xmp, name) for name in ("rating", "place", "caption") if getattr(xmp, name) is not None
    }
    keywords = xmp.keywords or old.keywords or camera.keywords
    first = replace(camera, keywords=keywords, **entered)
    return first.or_else(replace(xmp, keywords=())).or_else(replace(old, keywords=()))


def _quietly(read: Callable[[Source], PhotoMetadata], source: Source) -> PhotoMetadata:
    try:
        return read(source)
    except Exception:
        log.debug("damaged metadata", exc_info=True)
        return PhotoMetadata()


def _from_exif(exif: Image.Exif) -> PhotoMetadata:
    known = read_exif(exif)
    details = exif.get_ifd(ExifTags.IFD.Exif)
    latitude, longitude = _gps(exif.get_ifd(ExifTags.IFD.GPSInfo))
    return PhotoMetadata(
        taken=known.taken,
        camera=known.camera,
        lens=tidy(_text(details.get(_LENS_TAG)))[:100] or None,
        latitude=latitude,
        longitude=longitude,
        rating=_rating(exif.get(_RATING_TAG), exif.get(_RATING_PERCENT_TAG)),
        caption=joined(
            tidy(_windows_text(exif.get(_TITLE_TAG))), tidy(_text(exif.get(ExifTags.Base.ImageDescription)))
        ),
        keywords=tidy_keywords(_windows_text(exif.get(_KEYWORDS_TAG)).split(";")),
    )


def _from_iptc(iptc: Mapping[tuple[int, int], object]) -> PhotoMetadata:
    def text(key: tuple[int, int]) -> str | None:
        return next((tidy(_text(value)) for value in _several(iptc.get(key)) if _text(value)), None) or None

    return PhotoMetadata(
        place=place_name(*(text(_IPTC[part]) for part in ("place", "city", "state")), text(_IPTC_COUNTRY)),
        caption=joined(text(_IPTC["title"]), text(_IPTC_CAPTION)),
        keywords=tidy_keywords([_text(value) for value in _several(iptc.get(_IPTC["keywords"]))]),
    )


def _exif(image: Image.Image) -> Image.Exif:
    """The EXIF of the header. A PNG's `getexif` would decode the pixels to look behind them."""
    if image.format != "PNG":
        return image.getexif()
    exif = Image.Exif()
    if isinstance(found := image.info.get("exif"), bytes):
        exif.load(found)
    return exif


def _xmp(image: Image.Image) -> object:
    packet: object = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if packet is None and image.format in ("TIFF", "MPO"):
        packet = image.getexif().get(_XMP_TAG)
    return packet.encode("utf-8", "replace") if isinstance(packet, str) else packet


def _iptc(image: Image.Image) -> Mapping[tuple[int, int], object]:
    if not isinstance(image, ImageFile.ImageFile):
        return {}
    try:
        return dict(IptcImagePlugin.getiptcinfo(image) or {})
    except Exception:
        log.debug("damaged IPTC", exc_info=True)
        return {}


def _several(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = value.decode("latin-1")
    else:
        text = value if isinstance(value, str) else ""
    return text.split("\0")[0]


def _windows_text(value: object) -> str:
    if isinstance(value, tuple):
        value = bytes(number for number in value if isinstance(number, int) and 0 <= number < 256)
    return value.decode("utf-16-le", "ignore").split("\0")[0] if isinstance(value, bytes) else ""


def _rating(stars: object, percent: object) -> int | None:
    if isinstance(stars, int) and LEAST_RATING <= stars <= MOST_RATING:
        return stars
    if isinstance(percent, int) and 0 <= percent <= 100:
        return {0: 0, 1: 1}.get(percent, 1 + round(percent / 25))
    return None


def _gps(gps: Mapping[int, object]) -> tuple[float | None, float | None]:
    latitude = _degrees(gps.get(2), _text(gps.get(1)), "NS", 90)
    longitude = _degrees(gps.get(4), _text(gps.get(3)), "EW", 180)
    without_fix = latitude == 0 and longitude == 0  # what receivers say before they know
    if latitude is None or longitude is None or without_fix:
        return None, None
    return latitude, longitude


def _degrees(value: object, side: str, sides: str, limit: int) -> float | None:
    parts = value if isinstance(value, tuple) else (value,)
    try:
        numbers = [float(part) for part in parts]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    side = side.strip().upper()[:1]
    degrees = math.fsum(number / 60.0**place for place, number in enumerate(numbers[:3]))
    if not side or side not in sides or not math.isfinite(degrees) or not 0 <= degrees <= limit:
        return None
    return -degrees if side == sides[1] else degrees
