"""Which files and folders a scan looks at, by their names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from desktop_app.domain.photos import LeftOut
from desktop_app.library.layout import CATALOGUE_NAME

# What a person may switch on again; the other reasons are facts, not choices.
CHOICES = frozenset({LeftOut.HIDDEN, LeftOut.SYSTEM, LeftOut.PLACEHOLDER, LeftOut.RAW_PAIR})

# Folders of operating systems, NAS boxes, trash cans and tools, in lower case.
_SYSTEM_NAMES = frozenset(
    {
        b"@eadir",
        b"@tmp",
        b"@recycle",
        b"#recycle",
        b"#snapshot",
        b"$recycle.bin",
        b"recycler",
        b"recycled",
        b"system volume information",
        b"lost+found",
        b"found.000",
        b"lost.dir",
        b"__macosx",
        b"node_modules",
        b".git",
        b".hg",
        b".svn",
        b".venv",
        b"__pycache__",
        b".trash",
        b".trashes",
        b".thumbnails",
        b".cache",
        b".spotlight-v100",
        b".fseventsd",
        b".temporaryitems",
        b".documentrevisions-v100",
    }
)


@dataclass(frozen=True, slots=True)
class PictureKind:
    """A kind of picture by the ending of its files.

    label: for people ("JPEG"). raw: a camera's RAW file. missing_package: the distribution without which files of
    this kind cannot be decoded here, or None.
    """

    label: str
    raw: bool = False
    missing_package: str | None = None


PictureKinds = Mapping[bytes, PictureKind]  # ending in lower case with its dot (b".jpg") -> kind


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """`leave_out`: which of `CHOICES` are left out."""

    leave_out: frozenset[LeftOut] = CHOICES


def kind_of(name: bytes, kinds: PictureKinds) -> PictureKind | None:
    """The kind that the ending of `name` promises."""
    return kinds.get(os.path.splitext(name)[1].lower())  # noqa: PTH122 - names are bytes


def by_name(name: bytes) -> LeftOut | None:
    """SYSTEM or HIDDEN for the name of a file or folder that is usually left out."""
    lower = name.lower()
    if lower in _SYSTEM_NAMES or lower.startswith((b".trash-", b".nfs")):
        return LeftOut.SYSTEM
    return LeftOut.HIDDEN if name.startswith(b".") else None


def evicted_name(name: bytes) -> bytes | None:
    """The name of the picture that iCloud has left `name` (`.IMG_1.HEIC.icloud`) for, None for other files."""
    if name.startswith(b".") and name.lower().endswith(b".icloud") and len(name) > 8:
        return name[1:-7]
    return None


def is_library(names: set[bytes]) -> bool:
    """Whether a folder with these entries is a library of Indicium: its previews are no photos."""
    return os.fsencode(CATALOGUE_NAME) in names and b"previews" in names


def below(folder: bytes, path: bytes) -> bytes | None:
    """`path` relative to `folder`, None when it does not lie below it."""
    prefix = folder if folder.endswith(os.fsencode(os.sep)) else folder + os.fsencode(os.sep)
    return path[len(prefix) :] if path.startswith(prefix) and len(path) > len(prefix) else None


def reaches(folder: bytes, path: bytes) -> bool:
    """Whether a scan of `folder` comes by the folder `path`, as far as names tell."""
    rest = below(folder, path)
    return rest is not None and all(by_name(name) is None for name in rest.split(os.fsencode(os.sep)))
