"""Photos, folders and what a scan found."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NewType

PhotoId = NewType("PhotoId", int)
FolderId = NewType("FolderId", int)


class PhotoStatus(StrEnum):
    """Where a photo of the catalogue stands."""

    PRESENT = "present"  # on disk and indexed
    PENDING = "pending"  # seen by a scan, features not there yet
    OFFLINE = "offline"  # its drive or folder is not there now; shown in grey, still found
    MISSING = "missing"  # gone in a scan of a folder that was there
    SKIPPED = "skipped"  # cannot be used; `reason` says why


def path_text(path: bytes) -> str:
    """The path as text for people and JSON; bytes that are not text become replacement characters."""
    return path.decode("utf-8", "replace")


def path_json(path: bytes) -> dict[str, str]:
    """`{"path": text}` and, only where the text does not give the bytes back, `"path_bytes"` in base64."""
    text = path_text(path)
    if os.fsencode(text) == path:
        return {"path": text}
    return {"path": text, "path_bytes": base64.b64encode(path).decode("ascii")}


@dataclass(frozen=True, slots=True)
class FolderRecord:
    """A folder the person added to the library."""

    id: FolderId
    path: bytes
    present: bool
    photos: int

    @property
    def location(self) -> Path:
        return Path(os.fsdecode(self.path))

    @property
    def name(self) -> str:
        return path_text(os.path.basename(self.path.rstrip(b"/")) or self.path)


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """One photo of the catalogue. `width` and `height` are those of the oriented original (0 until decoded).

    `taken` is the capture time in seconds since the epoch read as local wall clock (None if unknown),
    `fingerprint` the blake2b-128 of the whole file (None until read), `paired` the RAW file beside a JPEG,
    `sidecar` the XMP file beside it.
    """

    id: PhotoId
    folder: FolderId
    path: bytes
    size: int
    mtime_ns: int
    width: int
    height: int
    status: PhotoStatus
    taken: float | None = None
    camera: str | None = None
    fingerprint: bytes | None = None
    reason: str | None = None
    paired: bytes | None = None
    sidecar: bytes | None = None

    @property
    def location(self) -> Path:
        """The file as a Path that opens even when its name is not UTF-8."""
        return Path(os.fsdecode(self.path))

    @property
    def name(self) -> str:
        """The file name as text for people."""
        return path_text(os.path.basename(self.path))


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file a scan saw: its path, size in bytes, modification time, the RAW file paired with it, and its XMP
    sidecar with the time of that."""

    path: bytes
    size: int
    mtime_ns: int
    paired: bytes | None = None
    sidecar: bytes | None = None
    sidecar_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is left out, and why, as data: nothing else stops for it."""

    path: bytes
    reason: str


class LeftOut(StrEnum):
    """Why a scan leaves files out by default (the wizard counts them by this)."""

    HIDDEN = "hidden files and folders"
    SYSTEM = "trash and system folders"
    PLACEHOLDER = "files that are only in the cloud"
    NOT_A_PICTURE = "other kinds of file"
    RAW_PAIR = "RAW files beside a JPEG"
    NO_DECODER = "kinds of picture that need an extra package"
    LINK_LOOP = "links that lead in a circle"
    UNREADABLE = "folders that may not be read"
