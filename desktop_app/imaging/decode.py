"""From a file to pixels: oriented, in sRGB, 8 bits, and no larger than asked.

Healthy JPEGs are decoded at a reduced scale by libjpeg-turbo (simplejpeg); everything else, and every JPEG that
makes libjpeg complain, by Pillow. What is done with unusual files:

* orientation: EXIF (and XMP) orientation is applied, all eight of them; sizes are those of the turned picture;
* colour: embedded profiles are converted to sRGB, transparency is laid over white (see `colour`);
* several frames or pages: the first one;
* a wrong ending: the content decides;
* size: pictures of more than `header.MAX_PIXELS` are refused by their header;
* a JPEG, PNG or other file that ends too early is refused, however much of it could be shown;
* a JPEG that is whole but damaged inside (libjpeg reports corrupt data, and goes on) is accepted with the pixels
  every viewer shows, because a photo with a streak is still wanted; `DecodedPhoto.note` and the log say so.

Everything here may be called from many threads at once.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.metadata import PhotoMetadata
from desktop_app.imaging.colour import plain_image, to_srgb
from desktop_app.imaging.formats import KindOfPicture, is_raw_name, kind_by_content
from desktop_app.imaging.header import Exif, exif_of, open_header
from desktop_app.imaging.metadata import metadata_of_bytes
from desktop_app.imaging.raw import open_raw
from desktop_app.imaging.reading import name_of, read_file
from desktop_app.imaging.sizes import PREVIEW_SIDE, Pixels, Size, preview_size, shrink, size_within, turn, turned

log = logging.getLogger(__name__)

FINGERPRINT_BYTES = 16
_MARGIN = 1.5

Wanted = Callable[[int, int], Size]
"""From the oriented size of the original to the size asked for; never larger."""

# Pictures this large that cannot be decoded at a reduced scale go one at a time, whatever the number of threads.
_LARGE_PIXELS = 50_000_000
_one_large = threading.Semaphore(1)

# Every core is already kept busy by a decoding thread of its own.
cv2.setNumThreads(1)


@dataclass(frozen=True, slots=True, eq=False)
class DecodedPhoto:
    """A photo ready for its preview and for the network.

    rgb: [h, w, 3] uint8 sRGB, oriented, scaled down to `preview_size`. width, height: of the oriented original.
    taken: capture time in seconds since 1970 of the camera's wall clock (see `header.wall_clock_seconds`).
    fingerprint: blake2b-128 of the whole file, b"" when it was not asked for. size: of the file in bytes.
    note: what is wrong with a file that was accepted all the same, else None.
    metadata: what the file says of itself, as far as it was asked for.
    """

    rgb: Pixels
    width: int
    height: int
    taken: float | None
    camera: str | None
    fingerprint: bytes
    size: int
    note: str | None = None
    metadata: PhotoMetadata = field(default_factory=PhotoMetadata)


def decode_photo(
    path: bytes | Path, *, long_side: int = PREVIEW_SIDE, fingerprint: bool = True, metadata: bool = False
) -> DecodedPhoto:
    """Read a file once and decode it at about `long_side` pixels (see `preview_size`), with its `metadata` or not.

    Raises UnreadableImage, with a plain reason, when the file cannot be used.
    """
    data = read_file(path)
    digest = hashlib.blake2b(data, digest_size=FINGERPRINT_BYTES).digest() if fingerprint else b""
    picture = _decode(data, name_of(path), lambda w, h: preview_size(w, h, long_side=long_side))
    return DecodedPhoto(
        rgb=picture.rgb,
        width=picture.width,
        height=picture.height,
        taken=picture.exif.taken,
        camera=picture.exif.camera,
        fingerprint=digest,
        size=len(data),
        note=picture.note,
        metadata=metadata_of_bytes(data, name_of(path)) if metadata else PhotoMetadata(),
    )


def decode_full(path: bytes | Path, *, long_side: int | None = None) -> Pixels:
    """The oriented sRGB pixels [h, w, 3] of a file, whole or scaled down so that no side exceeds `long_side`.

    Raises UnreadableImage as `decode_photo` does.
    """
    return _decode(read_file(path), name_of(path), _at_most(long_side)).rgb


def decode_pixels(data: bytes, name: str, *, long_side: int | None = None) -> Pixels:
    """`decode_full` for the content of a file that is already in memory (clipboard, browser)."""
    if not data:
        raise UnreadableImage(name, "the file is empty")
    return _decode(data, name, _at_most(long_side)).rgb


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    rgb: Pixels
    width: int
    height: int
    exif: Exif
    note: str | None = None


def _at_most(long_side: int | None) -> Wanted:
    return lambda width, height: size_within(width, height, long_side)


def _decode(data: bytes, name: str, wanted: Wanted) -> _Picture:
    kind = kind_by_content(data)
    raw = kind is KindOfPicture.RAW or (kind in (KindOfPicture.TIFF, None) and is_raw_name(name.encode()))
    if kind is None and not raw:
        raise UnreadableImage(name, "it is not a picture")
    try:
        if kind is None or raw:
            return _decode_raw(data, name, wanted)
        image = open_header(data, kind, name)
        if kind is KindOfPicture.JPEG:
            return _decode_jpeg(data, image, name, wanted)
        return _decode_with_pillow(image, name, wanted)
    except UnreadableImage:
        raise
    except MemoryError as error:
        raise UnreadableImage(
            name, "there is not enough memory for it", remedy="Close other programs and retry"
        ) from error
    except Exception as error:
        # Decoders raise whatever the damaged bytes lead them into: OSError, SyntaxError, struct.error, ...
        log.info("cannot decode %s", name, exc_info=True)
        raise _undecodable(data, name, kind, error) from error


def _decode_jpeg(data: bytes, image: Image.Image, name: str, wanted: Wanted) -> _Picture:
    """The fast path; `image` is the same file with its header read."""
    exif = exif_of(image)
    mode = image.mode
    original = image.size
    target = turned(wanted(*turned(original, exif.orientation)), exif.orientation)
    colourspace = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}[mode]
    least = _decoding_size(original, target)
    try:
        pixels = simplejpeg.decode_jpeg(data, colourspace, min_width=least[0], min_height=least[1], strict=True)
    except ValueError as error:
        if "Premature end" in str(error) or _ends_in_zeros(data):
            raise _cut_short(name) from error
        picture = _decode_with_pillow(image, name, wanted)
        if not any(sign in str(error) for sign in ("Corrupt", "Inconsistent")):
            log.debug("%s: simplejpeg declined (%s), Pillow decoded it", name, error)
            return picture
        log.warning("%s is damaged inside and was decoded as far as possible: %s", name, error)
        return replace(picture, note=f"damaged inside ({error})")
    if mode == "CMYK":
        # Four-colour JPEGs hold inverted ink, as Adobe writes them (Pillow's rule as well).
        np.subtract(255, pixels, out=pixels)
    rgb = to_srgb(shrink(pixels, target), mode, image.info.get("icc_profile"))
    return _Picture(turn(rgb, exif.orientation), *turned(original, exif.orientation), exif)


def _decoding_size(original: Size, target: Size) -> Size:
    """The size at which libjpeg is to decode: the original halved up to three times.

    Half sizes are fast and keep `_MARGIN` above the target, so that averaging areas has the last word: libjpeg's
    own reduction lets more fine texture through than an average does.
    """
    for eighths in (1, 2, 4):
        size = -(-original[0] * eighths // 8), -(-original[1] * eighths // 8)
        if size[0] >= _MARGIN * target[0] and size[1] >= _MARGIN * target[1]:
            return size
    return original


def _decode_with_pillow(image: Image.Image, name: str, wanted: Wanted) -> _Picture:
    original = image.size
    profile = image.info.get("icc_profile")
    with _alone_if_large(image):
        exif = exif_of(image)  # decodes a PNG that has none, since it may stand behind the pixels
        if image.format in ("JPEG", "MPO"):
            target = turned(wanted(*turned(original, exif.orientation)), exif.orientation)
            image.draft(None, _decoding_size(original, target))
            plain = plain_image(image)
        else:
            plain = plain_image(image)
            # Pillow turns TIFFs while it loads them and takes the orientation out: what is left is to be done.
            original = plain.size
            exif = Exif(exif_of(image).orientation, exif.taken, exif.camera)
        target = turned(wanted(*turned(original, exif.orientation)), exif.orientation)
        rgb = to_srgb(shrink(np.asarray(plain), target), plain.mode, profile)
    return _Picture(turn(rgb, exif.orientation), *turned(original, exif.orientation), exif)


def _decode_raw(data: bytes, name: str, wanted: Wanted) -> _Picture:
    raw = open_raw(data, name, wanted=wanted)
    size = wanted(raw.width, raw.height)
    if raw.jpeg is None:
        pixels = turn(shrink(raw.rgb, turned(size, raw.exif.orientation)), raw.exif.orientation)
        return _Picture(pixels, raw.width, raw.height, raw.exif)
    header = open_header(raw.jpeg, KindOfPicture.JPEG, name)
    # A preview that carries an orientation of its own is turned by that, else by the RAW file's.
    missing = raw.exif.orientation if exif_of(header).orientation == 1 else 1
    pixels = _decode_jpeg(raw.jpeg, header, name, lambda width, height: turned(size, missing)).rgb
    return _Picture(turn(pixels, missing), raw.width, raw.height, raw.exif)


def _alone_if_large(image: Image.Image) -> AbstractContextManager[object]:
    return _one_large if image.width * image.height > _LARGE_PIXELS else nullcontext()


def _ends_in_zeros(data: bytes) -> bool:
    """Whether the end of a JPEG was never written: a tail of zeros that no end-of-image marker precedes."""
    if data[-1024:].strip(b"\0"):
        return False
    return not data.rstrip(b"\0").endswith(b"\xff\xd9")


def _cut_short(name: str) -> UnreadableImage:
    return UnreadableImage(name, "the file is cut short", remedy="Copy the file again from where it came from")


def _undecodable(data: bytes, name: str, kind: KindOfPicture | None, error: Exception) -> UnreadableImage:
    words = str(error).lower()
    short = any(sign in words for sign in ("truncated", "unexpected end", "premature", "not enough data"))
    if kind is KindOfPicture.PNG and b"IEND" not in data[-64:]:
        short = True
    if short or isinstance(error, EOFError):
        return _cut_short(name)
    return UnreadableImage(
        name, "the picture data is damaged", remedy="Copy the file again from where it came from"
    )
