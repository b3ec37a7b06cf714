"""Reading a file's bytes once, with a plain reason for everything that can be in the way."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.photos import path_text

MAX_BYTES = 2 << 30
"""Larger files are refused: a 300-megapixel picture of 16 bits a channel has 1.8 GB."""

_AGAIN = "Copy the file again from where it came from"


def name_of(path: bytes | Path) -> str:
    """The file name as text for messages."""
    raw = os.fsencode(path)
    return path_text(os.path.basename(raw) or raw)


def read_file(path: bytes | Path) -> bytes:
    """The whole content of the file, opened for reading only.

    Raises UnreadableImage, with a reason, for a file that is empty, gone, forbidden, no regular file, larger
    than `MAX_BYTES`, or that the disk cannot deliver.
    """
    with open_file(path, buffering=0) as file:
        try:
            content = file.read()
        except OSError as error:
            raise _refusal(os.fsencode(path), error) from error
        except MemoryError as error:
            raise UnreadableImage(
                name_of(path), "there is not enough memory for it", remedy="Close other programs and retry"
            ) from error
    if not content:
        raise UnreadableImage(name_of(path), "the file is empty", remedy=_AGAIN)
    return content


def open_file(path: bytes | Path, *, buffering: int = -1) -> BinaryIO:
    """A regular file of at most `MAX_BYTES`, opened for reading only. Raises UnreadableImage, with a reason."""
    raw = os.fsencode(path)
    # Without O_NONBLOCK a named pipe that is called x.jpg would hold the thread for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(raw, flags)
    except OSError as error:
        raise _refusal(raw, error) from error
    try:
        _refuse_unusable(raw, os.fstat(descriptor))
        return open(descriptor, "rb", buffering=buffering)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, OSError):
            raise _refusal(raw, error) from error
        raise


def _refuse_unusable(raw: bytes, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImage(name_of(raw), "it is a device or a pipe, not a file")
    if status.st_size > MAX_BYTES:
        raise UnreadableImage(
            name_of(raw),
            f"it is too large ({status.st_size / 2**30:.1f} GiB; at most {MAX_BYTES >> 30} GiB are read)",
            remedy="Save a smaller version of it",
        )


def _refusal(raw: bytes, error: OSError) -> UnreadableImage:
    name = name_of(raw)
    if isinstance(error, FileNotFoundError):
        if os.path.islink(raw):  # noqa: PTH114  paths are bytes
            return UnreadableImage(name, "it is a link to a file that is not there")
        return UnreadableImage(name, "it is gone", remedy="Scan the folder again")
    if isinstance(error, PermissionError):
        return UnreadableImage(
            name, "it may not be read (permission)", remedy="Allow your user to read it, then retry"
        )
    if isinstance(error, IsADirectoryError):
        return UnreadableImage(name, "it is a folder, not a file")
    if error.errno == errno.ELOOP:
        return UnreadableImage(name, "it is a link that leads in a circle")
    if error.errno == errno.EIO:
        return UnreadableImage(
            name, "the disk could not deliver it", remedy="Check the drive and its cable, then retry"
        )
    return UnreadableImage(name, f"the system says: {error.strerror or error}")
