"""Snapshots of the HNSW graph: written so that a crash, a full disk or a damaged file never gives a wrong answer.

A snapshot is two files, `<pack digest>-<generation>.hnsw` and `.json`. The data is written under a temporary
name, flushed, measured against the size that hnswlib announced, and renamed; then the sidecar follows in the
same way. Without its sidecar a data file does not count. The previous generation is removed only after the new
one has been read back and agreed with its sidecar.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from desktop_app.domain.errors import LibraryError, SnapshotInvalid, StorageFull
from desktop_app.index.hnsw import METRIC, HnswIndex

log = logging.getLogger(__name__)

FORMAT = 1
_NAME = re.compile(r"([0-9a-z]+)-([0-9]{8})\.(hnsw|json)")
_TEMPORARY, _DAMAGED = ".tmp", ".damaged"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# The start of hnswlib 0.8.0's file (hnswalg.h, saveIndex): offsetLevel0, max_elements, cur_element_count,
# size_data_per_element, label_offset, offsetData, maxlevel, enterpoint, maxM, maxM0, M, mult, ef_construction.
_HEADER = struct.Struct("<6QiI3QdQ")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What a snapshot's data file must be. `checksum` is blake2b in hexadecimal, `pack` the pack digest. `recall`:
    see `recall.recall_at_10`; None where it was not measured."""

    format: int
    bytes: int
    checksum: str
    metric: str
    dimension: int
    count: int
    links: int
    ef_construction: int
    pack: str
    recall: float | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises SnapshotInvalid when the file is not a sidecar of this format."""
        try:
            entries = json.loads(path.read_bytes())
            sidecar = cls(**entries)
        except (OSError, ValueError, TypeError) as error:
            raise SnapshotInvalid(f"{path.name} is not a description of a snapshot ({error})") from None
        if sidecar.format != FORMAT or sidecar.metric != METRIC:
            raise SnapshotInvalid(f"{path.name} describes a snapshot of another kind")
        return sidecar


class SnapshotStore:
    """The snapshots in one folder. One process may save; any number may load at the same time."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when something is saved."""
        self._folder = folder

    def save(self, index: HnswIndex, pack: str, *, recall: float | None = None) -> None:
        """Keep `index`, whose vectors were made by the pack with the digest `pack`, with its measured `recall`.

        Raises StorageFull when it does not fit, LibraryError when the folder cannot be written, and
        SnapshotInvalid when what was read back is not what was written. The snapshot that was there before
        stays valid in all three cases.
        """
        if not re.fullmatch("[0-9a-z]+", pack):
            raise ValueError(f"'{pack}' is not a pack digest")
        with self._storage_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._remove_leftovers()
            generation = max((number for _, number in self._generations()), default=0) + 1
            data = self._folder / f"{pack}-{generation:08d}.hnsw"
            try:
                sidecar = self._write(index, pack, data, recall)
            except BaseException:
                self._remove_leftovers()
                raise
        try:
            self._verify(data, sidecar)
        except SnapshotInvalid:
            self._set_aside(data)
            raise
        self._forget_before(pack, generation)

    def load(self, pack: str) -> HnswIndex:
        """The newest snapshot of this pack that is what its sidecar says; damaged ones are set aside.

        Raises SnapshotInvalid when there is none: the index is then built again from the catalogue.
        """
        problems = []
        tried: set[int] = set()
        # Listed again after each failure: the writer may have replaced a snapshot while it was being read.
        while generations := {number for digest, number in self._generations() if digest == pack} - tried:
            generation = max(generations)
            tried.add(generation)
            data = self._folder / f"{pack}-{generation:08d}.hnsw"
            try:
                return self._load(data, pack)
            except SnapshotInvalid as error:
                log.warning("%s: %s", self._folder, error)
                problems.append(error.message)
                self._set_aside(data)
        reason = problems[0] if problems else "there is no snapshot of the index"
        raise SnapshotInvalid(reason, remedy="The index is built again from the catalogue")

    def forget(self, pack: str) -> None:
        """Remove the snapshots of a pack that is no longer used."""
        for digest, generation in self._generations():
            if digest == pack:
                self._remove(self._folder / f"{pack}-{generation:08d}.hnsw")

    def problems(self) -> list[tuple[str, str]]:
        """(pack digest, sentence) for every snapshot that is not what its sidecar says. Changes nothing."""
        found = []
        for digest, generation in self._generations():
            data = self._folder / f"{digest}-{generation:08d}.hnsw"
            try:
                self._verify(data, Sidecar.read(data.with_suffix(".json")))
            except SnapshotInvalid as error:
                found.append((digest, error.message))
        return found

    def rows(self, pack: str) -> int:
        """How many rows the newest snapshot of this pack has, as its sidecar says; 0 without any."""
        newest = self.newest()
        return newest[pack].count if pack in newest else 0

    def newest(self) -> dict[str, Sidecar]:
        """What the newest snapshot of every pack digest says of itself."""
        found = {}
        for digest, generation in sorted(self._generations()):
            data = self._folder / f"{digest}-{generation:08d}.hnsw"
            try:
                if data.exists():
                    found[digest] = Sidecar.read(data.with_suffix(".json"))
            except SnapshotInvalid as error:
                log.info("%s: %s", self._folder, error)
        return found

    def _write(self, index: HnswIndex, pack: str, data: Path, recall: float | None) -> Sidecar:
        """Data, then sidecar, each complete on disk before it gets its name."""
        size = index.file_size
        if shutil.disk_usage(self._folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        temporary = data.with_name(data.name + _TEMPORARY)
        temporary.touch()  # a folder that cannot be written says so here; hnswlib would say nothing
        index.write(temporary)
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
            written = os.fstat(file.fileno()).st_size
            if written != size:
                # The disk is full, or a limit on file sizes was reached: hnswlib went on as if nothing were.
                raise OSError(errno.ENOSPC, f"{written:,} of {size:,} bytes were written")
            checksum = hashlib.file_digest(file, hashlib.blake2b).hexdigest()
        sidecar = Sidecar(
            format=FORMAT,
            bytes=size,
            checksum=checksum,
            metric=METRIC,
            dimension=index.dimension,
            count=len(index),
            links=index.links,
            ef_construction=index.ef_construction,
            pack=pack,
            recall=recall,
        )
        temporary.replace(data)
        described = data.with_suffix(".json")
        temporary = described.with_name(described.name + _TEMPORARY)
        with temporary.open("wb") as file:
            file.write(json.dumps(asdict(sidecar), indent=1).encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(described)
        _sync_folder(self._folder)
        return sidecar

    def _load(self, data: Path, pack: str) -> HnswIndex:
        sidecar = Sidecar.read(data.with_suffix(".json"))
        if sidecar.pack != pack:
            raise SnapshotInvalid(f"{data.name} belongs to another pack")
        self._verify(data, sidecar)
        try:
            index = HnswIndex.read(data, dimension=sidecar.dimension)
        except (RuntimeError, MemoryError) as error:
            raise SnapshotInvalid(f"{data.name} cannot be loaded ({error})") from None
        if len(index) != sidecar.count:
            raise SnapshotInvalid(f"{data.name} holds {len(index):,} rows instead of {sidecar.count:,}")
        return index

    def _verify(self, data: Path, sidecar: Sidecar) -> None:
        """Size, header and checksum of the data file against the sidecar. Raises SnapshotInvalid."""
        try:
            with data.open("rb") as file:
                _drop_cache(file.fileno())
                size = os.fstat(file.fileno()).st_size
                header = file.read(_HEADER.size)
                file.seek(0)
                checksum = hashlib.file_digest(file, hashlib.blake2b).hexdigest()
        except OSError as error:
            raise SnapshotInvalid(f"{data.name} cannot be read ({error.strerror})") from None
        if size != sidecar.bytes:
            raise SnapshotInvalid(f"{data.name} has {size:,} bytes instead of {sidecar.bytes:,}")
        if checksum != sidecar.checksum or size < _HEADER.size:
            raise SnapshotInvalid(f"{data.name} is damaged (its checksum is not the one written beside it)")
        _, _, count, _, label_offset, data_offset, *_, links, _, ef_construction = _HEADER.unpack(header)
        found = ((label_offset - data_offset) // 4, count, links, ef_construction)
        if found != (sidecar.dimension, sidecar.count, sidecar.links, sidecar.ef_construction):
            raise SnapshotInvalid(f"{data.name} is not the index that is described beside it")

    def _generations(self) -> Iterator[tuple[str, int]]:
        """(pack digest, generation) of every data file that has a sidecar."""
        for name in self._names():
            match = _NAME.fullmatch(name)
            if match and match[3] == "json":
                yield match[1], int(match[2])

    def _names(self) -> list[str]:
        try:
            return sorted(path.name for path in self._folder.iterdir())
        except OSError:
            return []

    def _remove_leftovers(self) -> None:
        """What a crash left behind: temporary files, data without sidecar, and what was set aside before."""
        names = set(self._names())
        for name in names:
            match = _NAME.fullmatch(name)
            orphan = match is not None and match[3] == "hnsw" and f"{name[:-5]}.json" not in names
            if orphan or name.endswith((_TEMPORARY, _DAMAGED)):
                _unlink(self._folder / name)

    def _forget_before(self, pack: str, generation: int) -> None:
        for digest, number in list(self._generations()):
            if digest == pack and number < generation:
                self._remove(self._folder / f"{pack}-{number:08d}.hnsw")

    def _remove(self, data: Path) -> None:
        """Sidecar first: in between the snapshot is an orphan, not a damaged one."""
        _unlink(data.with_suffix(".json"))
        _unlink(data)

    def _set_aside(self, data: Path) -> None:
        """Give a damaged snapshot another name, so that it is not tried again and can be looked at."""
        for path in (data.with_suffix(".json"), data):
            try:
                path.replace(path.with_name(path.name + _DAMAGED))
            except OSError as error:
                log.info("%s could not be set aside: %s", path, error)

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno in _FULL:
                raise StorageFull(
                    f"the index could not be saved in {self._folder}: the disk is full ({reason})",
                    remedy="Free some space; searching goes on without the saved index",
                ) from error
            raise LibraryError(
                f"the index could not be saved in {self._folder}: {reason}",
                remedy="Check that the folder may be written; searching goes on without the saved index",
            ) from error


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:  # another process may be reading it: the next save tries again
        log.info("%s could not be removed: %s", path, error)


def _drop_cache(descriptor: int) -> None:
    """Ask for the bytes on the disk instead of those in memory, where the system can."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _sync_folder(folder: Path) -> None:
    """Make the renames in `folder` permanent. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
