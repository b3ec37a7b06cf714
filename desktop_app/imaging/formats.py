"""The kinds of picture the product reads: by the ending of a name for scans, by content for decoding."""

from __future__ import annotations

import importlib.util
import os
from enum import StrEnum


class KindOfPicture(StrEnum):
    """A kind of picture, as counted and named for people."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    TIFF = "TIFF"
    BMP = "BMP"
    GIF = "GIF"
    AVIF = "AVIF"
    HEIC = "HEIC"
    RAW = "RAW"


_SUFFIXES: dict[bytes, KindOfPicture] = {
    **dict.fromkeys((b".jpg", b".jpeg", b".jpe", b".jfif", b".mpo"), KindOfPicture.JPEG),
    **dict.fromkeys((b".png", b".apng"), KindOfPicture.PNG),
    b".webp": KindOfPicture.WEBP,
    **dict.fromkeys((b".tif", b".tiff"), KindOfPicture.TIFF),
    **dict.fromkeys((b".bmp", b".dib"), KindOfPicture.BMP),
    b".gif": KindOfPicture.GIF,
    **dict.fromkeys((b".avif", b".avifs"), KindOfPicture.AVIF),
    **dict.fromkeys((b".heic", b".heif", b".hif", b".heics", b".heifs"), KindOfPicture.HEIC),
    **dict.fromkeys(
        (
            *(b".3fr", b".arw", b".cr2", b".cr3", b".crw", b".dcr", b".dng", b".erf", b".fff", b".iiq", b".kdc"),
            *(b".mef", b".mos", b".mrw", b".nef", b".nrw", b".orf", b".pef", b".raf", b".raw", b".rw2", b".rwl"),
            *(b".sr2", b".srf", b".srw", b".x3f"),
        ),
        KindOfPicture.RAW,
    ),
}

_EXTRA_PACKAGES = {KindOfPicture.HEIC: ("pillow_heif", "pillow-heif"), KindOfPicture.RAW: ("rawpy", "rawpy")}

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_RAW_MAGIC = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")


def suffixes() -> dict[bytes, KindOfPicture]:
    """Every ending of a file name that is taken for a picture, in lower case with its dot, and its kind."""
    return dict(_SUFFIXES)


def kind_by_name(name: bytes) -> KindOfPicture | None:
    """The kind that the ending of `name` (a file name or a path) promises, None if it is no picture's."""
    return _SUFFIXES.get(os.path.splitext(name)[1].lower())  # noqa: PTH122  names are bytes


def is_picture_name(name: bytes) -> bool:
    """Whether the ending of `name` is one of a picture, RAW files included."""
    return kind_by_name(name) is not None


def is_raw_name(name: bytes) -> bool:
    """Whether the ending of `name` is one of a camera's RAW files."""
    return kind_by_name(name) is KindOfPicture.RAW


def missing_package(kind: KindOfPicture | None) -> str | None:
    """The distribution that must be installed before `kind` can be decoded, None if nothing is missing."""
    if kind not in _EXTRA_PACKAGES:
        return None
    module, distribution = _EXTRA_PACKAGES[kind]
    return None if importlib.util.find_spec(module) else distribution


def missing_packages(name: bytes) -> str | None:
    """The distribution (such as "pillow-heif") that files named like `name` wait for, None if none."""
    return missing_package(kind_by_name(name))


def kind_by_content(data: bytes) -> KindOfPicture | None:
    """The kind that the first bytes of a file show, None if they are no picture's.

    Most RAW files start like a TIFF and are reported as TIFF; only their name tells them apart.
    """
    simple = {
        b"\xff\xd8\xff": KindOfPicture.JPEG,
        b"\x89PNG\r\n\x1a\n": KindOfPicture.PNG,
        b"GIF87a": KindOfPicture.GIF,
        b"GIF89a": KindOfPicture.GIF,
        b"II*\0": KindOfPicture.TIFF,
        b"MM\0*": KindOfPicture.TIFF,
        b"II+\0": KindOfPicture.TIFF,
        b"MM\0+": KindOfPicture.TIFF,
        b"BM": KindOfPicture.BMP,
    }
    for magic, kind in simple.items():
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return KindOfPicture.WEBP
    if data[4:8] == b"ftyp":
        return _kind_by_brands(data)
    return KindOfPicture.RAW if data.startswith(_RAW_MAGIC) else None


def _kind_by_brands(data: bytes) -> KindOfPicture | None:
    """Tell AVIF, HEIC and Canon's CR3 apart by the brands in the `ftyp` box (ISO 14496-12)."""
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[i : i + 4] for i in range(16, length, 4))}
    if brands & {b"avif", b"avis"}:
        return KindOfPicture.AVIF
    if b"crx " in brands:
        return KindOfPicture.RAW
    return KindOfPicture.HEIC if brands & _HEIC_BRANDS else None
