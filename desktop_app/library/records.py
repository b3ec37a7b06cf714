"""What goes into the catalogue and what it answers, beside the types of `domain.photos`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import PhotoFeatures
from desktop_app.domain.metadata import PhotoMetadata
from desktop_app.domain.photos import FolderId, PhotoId, PhotoRecord, PhotoStatus
from desktop_app.library.database import Row

THERE, OUT_OF_REACH, GONE = 0, 1, 2  # photos.gone


class PhotoOrder(StrEnum):
    """How photos are sorted."""

    DATE = "date"
    NAME = "name"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True, eq=False)
class IndexedPhoto:
    """A photo that was decoded and embedded.

    photo: the record as it came from `pending`: if its file was seen changed since then, what is stored here
    answers for the time being and the photo stays pending. features None: the fingerprint has features already.
    width, height: of the oriented original. taken: seconds, or None. metadata: what the file and its sidecar say;
    None leaves it to be read later.
    """

    photo: PhotoRecord
    fingerprint: bytes
    width: int
    height: int
    features: PhotoFeatures | None = None
    taken: float | None = None
    camera: str | None = None
    metadata: PhotoMetadata | None = None


@dataclass(frozen=True, slots=True)
class SkippedPhoto:
    """A photo that cannot be used, and why. `photo` is the record as it came from `pending`."""

    photo: PhotoRecord
    reason: str


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the catalogue knows of a file."""

    size: int
    mtime_ns: int
    id: PhotoId
    status: PhotoStatus


@dataclass(frozen=True, slots=True, eq=False)
class ScanChanges:
    """What a scan changed: the ids of the photos concerned, [N] int64 each.

    new and changed: now pending. returned: were offline or missing, are there again and unchanged. missing: not
    there any more. offline: out of reach. unchanged: how many are as they were.
    """

    new: NDArray[np.int64]
    changed: NDArray[np.int64]
    returned: NDArray[np.int64]
    missing: NDArray[np.int64]
    offline: NDArray[np.int64]
    unchanged: int

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return any(len(ids) for ids in (self.new, self.changed, self.returned, self.missing, self.offline))


@dataclass(frozen=True, slots=True)
class LibraryCounts:
    """How many photos stand where. photos = indexed + pending + offline: all that are shown."""

    photos: int
    indexed: int
    pending: int
    skipped: int
    offline: int
    missing: int


@dataclass(frozen=True, slots=True)
class LibraryStats:
    """The library in figures.

    features: rows per pack digest. unused_features: rows that no photo of the catalogue refers to.
    catalogue_bytes: the catalogue with its log.
    """

    counts: LibraryCounts
    folders: int
    features: Mapping[str, int]
    unused_features: int
    catalogue_bytes: int


_PHOTO_COLUMNS = (
    "p.id, p.folder, p.path, p.size, p.mtime_ns, p.width, p.height, p.status, p.gone, d.present,"
    " p.taken, p.camera, p.fingerprint, p.reason, p.paired, p.sidecar"
)
PHOTO_SELECT = f"SELECT {_PHOTO_COLUMNS} FROM photos p JOIN folders d ON d.id = p.folder"


def status_of(status: str, gone: int, folder_present: int) -> PhotoStatus:
    """The status that people see, from the columns `photos.status`, `photos.gone` and `folders.present`."""
    if gone == GONE:
        return PhotoStatus.MISSING
    if status == PhotoStatus.SKIPPED:
        return PhotoStatus.SKIPPED
    if gone == OUT_OF_REACH or not folder_present:
        return PhotoStatus.OFFLINE
    return PhotoStatus(status)


def photo_record(row: Row) -> PhotoRecord:
    """The record in a row of `PHOTO_SELECT`."""
    number, folder, path, size, mtime_ns, width, height, status, gone, present = row[:10]
    taken, camera, fingerprint, reason, paired, sidecar = row[10:]
    return PhotoRecord(
        id=PhotoId(number),
        folder=FolderId(folder),
        path=path,
        size=size,
        mtime_ns=mtime_ns,
        width=width,
        height=height,
        status=status_of(status, gone, present),
        taken=taken,
        camera=camera,
        fingerprint=fingerprint,
        reason=reason,
        paired=paired,
        sidecar=sidecar,
    )


def place_keys(path: bytes) -> tuple[bytes, str]:
    """(folder, key) that sort a photo by place and by name: IMG_9 comes before img_10."""
    parent, name = os.path.split(path)
    text = name.decode("utf-8", "replace").casefold()
    return parent, re.sub(r"[0-9]+", lambda digits: digits.group().zfill(12), text)


def ids_array(rows: list[Row]) -> NDArray[np.int64]:
    """The first column of `rows` as [N] int64."""
    return np.fromiter((row[0] for row in rows), np.int64, len(rows))
