"""What went wrong under a library, as an error that a person can act on."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from desktop_app.domain.errors import LibraryDamaged, LibraryError, LibraryLocked, StorageFull

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_AWAY = {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ESTALE if hasattr(errno, "ESTALE") else errno.ENOENT}

# Extended codes of SQLITE_IOERR that mean "a write was not accepted": SQLite tells ENOSPC apart by itself, but
# reports a file-size limit (EFBIG) and a used-up quota (EDQUOT) only as a failed write.
_FAILED_WRITES = {
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}


def shown(path: Path | bytes) -> str:
    """The path as text that can always be printed."""
    return os.fsencode(path).decode("utf-8", "replace")


def storage_full(place: Path | bytes) -> StorageFull:
    """The error for a disk, quota or file-size limit that is used up."""
    return StorageFull(
        f"there is no room left to write {shown(place)}"
        " (the disk is full, or a quota or file-size limit was reached)",
        remedy="Make room on that disk and start again: what was indexed so far is kept.",
    )


def damaged(catalogue: Path, why: str) -> LibraryDamaged:
    """The error for a catalogue that cannot be trusted."""
    return LibraryDamaged(
        f"the catalogue {shown(catalogue)} is damaged: {why}",
        remedy=f"Run `indicium library repair {shown(catalogue.parent)}`: it saves what can be read "
        "and keeps the damaged file.",
    )


def from_os_error(error: OSError, place: Path | bytes) -> LibraryError:
    """The error for an operation on a file of the library that failed with `error`."""
    if error.errno in _FULL:
        return storage_full(place)
    if error.errno in _REFUSED:
        return LibraryError(
            f"{shown(place)} may not be written",
            remedy="Allow writing to the library folder, or choose another one.",
        )
    if error.errno in _AWAY:
        return LibraryError(
            f"{shown(place)} is not there", remedy="Connect the drive that holds the library and try again."
        )
    return LibraryError(
        f"{shown(place)} cannot be used: {error.strerror or error}",
        remedy="Check the drive that holds the library.",
    )


def from_sqlite_error(error: sqlite3.Error, catalogue: Path) -> LibraryError:
    """The error for a statement that SQLite refused with `error`."""
    extended = getattr(error, "sqlite_errorcode", None) or 0
    code = extended & 0xFF
    if code == sqlite3.SQLITE_FULL or extended in _FAILED_WRITES:
        return storage_full(catalogue)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT):
        return damaged(catalogue, str(error))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LibraryLocked(
            f"the catalogue {shown(catalogue)} is in use by another program",
            remedy="Try again when the other program has finished.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return LibraryError(
            f"the catalogue {shown(catalogue)} may not be written",
            remedy="Allow writing to the library folder, or choose another one.",
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return LibraryError(
            f"the catalogue {shown(catalogue)} cannot be opened",
            remedy="Check that the library folder is there and may be read and written.",
        )
    if code == sqlite3.SQLITE_IOERR:
        return LibraryError(
            f"the drive failed while the catalogue {shown(catalogue)} was in use ({error})",
            remedy="Check the drive that holds the library, then start again.",
        )
    return LibraryError(f"the catalogue {shown(catalogue)} refused an operation: {error}")
