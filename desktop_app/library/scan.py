"""Walk a folder: one `stat` per picture, nothing opened, everything that is left out said so.

Policy on links: a link to a file is a photo of its own (it shares the features of its content). A link to a folder
is followed after the real folders, unless that folder has been visited: then its photos are there already, and a
link to a folder that contains the link itself is reported as a loop.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from desktop_app.domain.errors import LibraryError
from desktop_app.domain.photos import FoundFile, LeftOut, Skipped
from desktop_app.library.faults import shown
from desktop_app.library.scan_rules import (
    PictureKind,
    PictureKinds,
    ScanOptions,
    by_name,
    evicted_name,
    is_library,
    kind_of,
)

_Entry = os.DirEntry[bytes]
_WINDOWS_HIDDEN = 0x2 | 0x4
_WINDOWS_IN_CLOUD = 0x1000 | 0x40000 | 0x400000  # OFFLINE, RECALL_ON_OPEN, RECALL_ON_DATA_ACCESS


class FolderAway(LibraryError):
    """The folder to scan is not there (any more): its photos are offline, not missing."""


@dataclass(frozen=True, slots=True)
class LeftOutItem:
    """A file or a whole folder that a scan does not look at. `package` is what NO_DECODER waits for."""

    path: bytes
    why: LeftOut
    package: str | None = None

    @property
    def out_of_reach(self) -> bool:
        """Whether photos at or below `path` that are known already still exist and only cannot be read now."""
        return self.why in (LeftOut.UNREADABLE, LeftOut.PLACEHOLDER, LeftOut.NO_DECODER)


Scanned = FoundFile | Skipped | LeftOutItem


def present(root: bytes, *, known: int = 0) -> bool:
    """Whether the folder can be scanned.

    known: number of photos known below it; if there are any, an empty folder is taken for the mount point of a
    drive that is not connected.
    """
    try:
        with os.scandir(root) as entries:
            return known == 0 or next(entries, None) is not None
    except OSError:
        return False


def scan_folder(root: bytes, kinds: PictureKinds, *, options: ScanOptions | None = None) -> Iterator[Scanned]:
    """Everything below `root`, folder by folder, sorted by name; `kinds` says which endings are pictures.

    Skipped: links that lead nowhere. Raises FolderAway when `root` is not there at the start or at the end: what
    came until then says nothing about the photos that are known.
    """
    _require(root)
    yield from _Walk(kinds, options or ScanOptions()).below(os.path.abspath(root))  # noqa: PTH100 - paths are bytes
    _require(root)


def _require(root: bytes) -> None:
    if not present(root):
        raise FolderAway(
            f"the folder {shown(root)} is not there or may not be read",
            remedy="Connect the drive it is on, or remove the folder from the library.",
        )


class _Walk:
    """The state of one scan."""

    def __init__(self, kinds: PictureKinds, options: ScanOptions) -> None:
        self._kinds = kinds
        self._leave_out = options.leave_out
        self._visited: set[tuple[int, int]] = set()
        self._links: list[bytes] = []  # links to folders, for the end

    def below(self, root: bytes) -> Iterator[Scanned]:
        yield from self._tree(root)
        while self._links:
            links, self._links = sorted(self._links), []
            for link in links:
                yield from self._follow(link)

    def _follow(self, link: bytes) -> Iterator[Scanned]:
        target = os.path.realpath(link)
        if link.startswith(os.path.join(target, b"")) or os.path.realpath(os.path.dirname(link)).startswith(
            os.path.join(target, b"")
        ):
            yield LeftOutItem(link, LeftOut.LINK_LOOP)
        else:
            yield from self._tree(link)

    def _tree(self, top: bytes) -> Iterator[Scanned]:
        stack = [top]
        while stack:
            folder = stack.pop()
            try:
                about = os.stat(folder)  # noqa: PTH116 - paths are bytes
                if (about.st_dev, about.st_ino) in self._visited:
                    continue
                self._visited.add((about.st_dev, about.st_ino))
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except FileNotFoundError:
                continue  # removed while the scan was under way
            except OSError:
                yield LeftOutItem(folder, LeftOut.UNREADABLE)
                continue
            if is_library({entry.name for entry in entries}):
                yield LeftOutItem(folder, LeftOut.SYSTEM)
                continue
            folders: list[bytes] = []
            yield from self._entries(entries, folders)
            stack.extend(reversed(folders))

    def _entries(self, entries: list[_Entry], folders: list[bytes]) -> Iterator[Scanned]:
        """What the files of one folder are; its sub-folders are added to `folders`."""
        pictures: list[tuple[_Entry, PictureKind]] = []
        for entry in entries:
            why = by_name(entry.name) or _hidden_on_windows(entry)
            if why is not None and why in self._leave_out:
                original = evicted_name(entry.name)
                if original is not None and kind_of(original, self._kinds) is not None:
                    yield LeftOutItem(os.path.join(os.path.dirname(entry.path), original), LeftOut.PLACEHOLDER)
                else:
                    yield LeftOutItem(entry.path, why)
            elif _is_folder(entry):
                (self._links if entry.is_symlink() else folders).append(entry.path)
            elif (kind := kind_of(entry.name, self._kinds)) is None:
                # A link whose target is away may be a folder: what is known below it is offline, not missing.
                away = _linked(entry) and not os.path.exists(entry.path)  # noqa: PTH110 - paths are bytes
                yield LeftOutItem(entry.path, LeftOut.UNREADABLE if away else LeftOut.NOT_A_PICTURE)
            else:
                pictures.append((entry, kind))
        sidecars = {entry.name.lower(): entry for entry in entries if entry.name.lower().endswith(b".xmp")}
        raw_files = self._raw_beside(pictures)
        paired = {raw.path for raw in raw_files.values()}
        for entry, kind in pictures:
            if entry.path in paired:
                yield LeftOutItem(entry.path, LeftOut.RAW_PAIR)
            elif kind.missing_package is not None:
                yield LeftOutItem(entry.path, LeftOut.NO_DECODER, kind.missing_package)
            else:
                raw = raw_files.get(entry.path)
                yield self._file(entry, raw.path if raw is not None else None, _sidecar(entry, sidecars))

    def _raw_beside(self, pictures: list[tuple[_Entry, PictureKind]]) -> dict[bytes, _Entry]:
        """path of a picture -> the RAW file of the same shot: same name up to the ending, in the same folder.

        Of several pictures of that name (IMG_1.JPG, IMG_1.HEIC) the first one gets it, JPEG before others.
        """
        if LeftOut.RAW_PAIR not in self._leave_out or not any(kind.raw for _, kind in pictures):
            return {}
        developed: dict[bytes, _Entry] = {}
        usable = [item for item in pictures if not item[1].raw and item[1].missing_package is None]
        for entry, _ in sorted(usable, key=lambda item: (item[1].label != "JPEG", item[0].name)):
            developed.setdefault(_stem(entry.name), entry)
        beside: dict[bytes, _Entry] = {}
        for entry, kind in pictures:
            partner = developed.get(_stem(entry.name)) if kind.raw else None
            if partner is not None:
                beside.setdefault(partner.path, entry)
        return beside

    def _file(self, entry: _Entry, paired: bytes | None, sidecar: tuple[bytes, int] | None) -> Scanned:
        try:
            about = entry.stat()
        except FileNotFoundError:
            return Skipped(
                entry.path, "it is a link to a file that is not there" if _linked(entry) else "it is gone"
            )
        except OSError as error:
            loop = error.errno == errno.ELOOP
            return LeftOutItem(entry.path, LeftOut.LINK_LOOP if loop else LeftOut.UNREADABLE)
        if not stat.S_ISREG(about.st_mode):
            return LeftOutItem(entry.path, LeftOut.NOT_A_PICTURE)  # a pipe or a device with the name of a picture
        if LeftOut.PLACEHOLDER in self._leave_out and in_cloud_only(entry.path, about):
            return LeftOutItem(entry.path, LeftOut.PLACEHOLDER)
        return FoundFile(entry.path, about.st_size, about.st_mtime_ns, paired, *(sidecar or (None, None)))


def in_cloud_only(path: bytes, about: os.stat_result) -> bool:
    """Whether a file with this `stat` is a placeholder whose content would have to be fetched from elsewhere."""
    attributes = getattr(about, "st_file_attributes", None)
    if attributes is not None:
        return bool(attributes & _WINDOWS_IN_CLOUD)
    if about.st_size == 0 or about.st_blocks > 0 or not hasattr(os, "SEEK_DATA"):
        return False
    # No blocks: a placeholder, or a file system that keeps small files elsewhere or never counts blocks. Asking
    # where its data begins tells them apart without reading any.
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        os.lseek(file, 0, os.SEEK_DATA)
    except OSError as error:
        return error.errno == errno.ENXIO
    finally:
        os.close(file)
    return False


def _is_folder(entry: _Entry) -> bool:
    return _quietly(entry.is_dir)


def _linked(entry: _Entry) -> bool:
    return _quietly(entry.is_symlink)


def _quietly(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:
        return False  # `stat` will say what is wrong with it


def _hidden_on_windows(entry: _Entry) -> LeftOut | None:
    if sys.platform == "win32" and entry.stat(follow_symlinks=False).st_file_attributes & _WINDOWS_HIDDEN:
        return LeftOut.HIDDEN
    return None


def _sidecar(entry: _Entry, sidecars: dict[bytes, _Entry]) -> tuple[bytes, int] | None:
    """The XMP file beside a picture with its time: IMG_1.JPG.xmp (darktable) or IMG_1.xmp (Adobe)."""
    if not sidecars:
        return None
    found = sidecars.get(entry.name.lower() + b".xmp") or sidecars.get(_stem(entry.name) + b".xmp")
    if found is None or not _quietly(found.is_file):
        return None
    try:
        return found.path, found.stat().st_mtime_ns
    except OSError:
        return None  # removed while the scan was under way


def _stem(name: bytes) -> bytes:
    return os.path.splitext(name)[0].lower()  # noqa: PTH122 - names are bytes
