"""Previews on disk, by the fingerprint of the photo's content: a cache that may be deleted at any time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from desktop_app.library.faults import from_os_error

_SUFFIX = ".jpg"


class PreviewCache:
    """JPEG files in 256 folders below `directory`. Safe to use from several threads and processes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._unfinished = directory / "unfinished"

    def get(self, fingerprint: bytes) -> bytes | None:
        """The bytes of a preview, None when there is none (or it cannot be read: it is made again)."""
        try:
            return self._path(fingerprint).read_bytes() or None
        except OSError:
            return None

    def put(self, fingerprint: bytes, data: bytes) -> None:
        """Keep a preview. It appears complete or not at all. Raises StorageFull or LibraryError."""
        path = self._path(fingerprint)
        unfinished = self._unfinished / f"{path.stem}-{os.getpid()}-{threading.get_ident()}"
        try:
            try:
                unfinished.write_bytes(data)
            except FileNotFoundError:
                self._unfinished.mkdir(parents=True, exist_ok=True)
                unfinished.write_bytes(data)
            try:
                unfinished.replace(path)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                unfinished.replace(path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise from_os_error(error, path) from error

    def has(self, fingerprint: bytes) -> bool:
        """Whether a preview is there."""
        try:
            return self._path(fingerprint).stat().st_size > 0
        except OSError:
            return False

    def forget(self, fingerprints: Iterable[bytes]) -> None:
        """Remove these previews."""
        for fingerprint in fingerprints:
            self._path(fingerprint).unlink(missing_ok=True)

    def clear_unfinished(self) -> None:
        """Remove what a killed process left half written. Only while no other process writes."""
        for leftover in _files(self._unfinished):
            Path(leftover.path).unlink(missing_ok=True)

    def fingerprints(self) -> set[bytes]:
        """The fingerprints of all previews that are there and not empty."""
        return {fingerprint for fingerprint, _ in self._all()}

    def size(self) -> tuple[int, int]:
        """(number of previews, their bytes together)."""
        sizes = [size for _, size in self._all()]
        return len(sizes), sum(sizes)

    def _all(self) -> Iterator[tuple[bytes, int]]:
        for shard in range(256):
            for entry in _files(self.directory / f"{shard:02x}"):
                stem, suffix = os.path.splitext(entry.name)  # noqa: PTH122 - an entry's name, not a path
                try:
                    fingerprint, size = bytes.fromhex(f"{shard:02x}{stem}"), entry.stat().st_size
                except (ValueError, OSError):
                    continue  # not ours, or removed just now
                if suffix == _SUFFIX and size > 0:
                    yield fingerprint, size

    def _path(self, fingerprint: bytes) -> Path:
        name = fingerprint.hex()
        return self.directory / name[:2] / (name[2:] + _SUFFIX)


def _files(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return []
