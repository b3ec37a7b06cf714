"""The neighbour graph on disk: a cache beside the index snapshots, never believed without its sidecar.

One graph a pack: `<pack digest>.graph` holds labels, positions and cosines one after the other, little-endian;
`<pack digest>.graph.json` says what it must be. Each is written under a temporary name, flushed and renamed, the
sidecar last. Whatever does not agree is set aside and built again from the index.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np

from desktop_app.domain.errors import LibraryError, SnapshotInvalid, StorageFull
from desktop_app.index.neighbours import NONE, Neighbours

log = logging.getLogger(__name__)

FORMAT = 1
_NAME = re.compile(r"([0-9a-z]+)\.graph\.json")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class GraphSidecar:
    """What a graph's data file must be: `count` rows of `width` neighbours each,
    the highest label `newest`. `checksum`: blake2b, `pack`: the
    pack digest."""

    format: int
    bytes: int
    checksum: str
    count: int
    width: int
    newest: int
    pack: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises SnapshotInvalid when the file is not a sidecar of this format."""
        try:
            sidecar = cls(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise SnapshotInvalid(f"{path.name} is not a description of a neighbour graph ({error})") from None
        if sidecar.format != FORMAT:
            raise SnapshotInvalid(f"{path.name} describes a neighbour graph of another kind")
        return sidecar


class NeighbourFiles:
    """The graphs in one folder. One process may save; any number may load at the same time."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when something is saved."""
        self._folder = folder

    def save(self, graph: Neighbours, pack: str) -> None:
        """Keep `graph`, made of descriptors of the pack with the digest `pack`.

        Raises StorageFull when it does not fit and LibraryError when the folder cannot be written.
        """
        data = self._data(pack)
        content = b"".join(
            (
                graph.labels.astype("<i8").tobytes(),
                graph.positions.astype("<i4").tobytes(),
                graph.cosines.astype("<f4").tobytes(),
            )
        )
        sidecar = GraphSidecar(
            format=FORMAT,
            bytes=len(content),
            checksum=hashlib.blake2b(content).hexdigest(),
            count=len(graph),
            width=graph.positions.shape[1],
            newest=int(graph.labels[-1]) if len(graph) else 0,
            pack=pack,
        )
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _sidecar_of(data).unlink(missing_ok=True)  # in between there is no graph, never a wrong one
            _write(data, content)
            _write(_sidecar_of(data), json.dumps(asdict(sidecar), indent=1).encode("ascii"))
        except OSError as error:
            kind = StorageFull if error.errno in _FULL else LibraryError
            raise kind(
                f"the neighbour graph could not be saved in {self._folder}: {error.strerror or error}",
                remedy="Free some space or check the folder; searching goes on",
            ) from error

    def load(self, pack: str) -> Neighbours:
        """The graph of this pack. Raises SnapshotInvalid when there is none or it is not what its sidecar says; a
        damaged one is set aside."""
        data = self._data(pack)
        if not _sidecar_of(data).exists():
            raise SnapshotInvalid("there is no neighbour graph", remedy="It is built from the index")
        try:
            return _read(data, pack)
        except SnapshotInvalid:
            for path in (_sidecar_of(data), data):
                try:
                    path.replace(path.with_name(path.name + ".damaged"))
                except OSError as error:
                    log.info("%s could not be set aside: %s", path, error)
            raise

    def extent(self, pack: str) -> tuple[int, int]:
        """Rows of the graph of this pack and its highest label, as its sidecar says; 0, 0 without any."""
        try:
            sidecar = GraphSidecar.read(_sidecar_of(self._data(pack)))
        except SnapshotInvalid:
            return 0, 0
        return sidecar.count, sidecar.newest

    def problems(self) -> list[tuple[str, str]]:
        """(pack digest, sentence) for every graph that is not what its sidecar says. Changes nothing."""
        found = []
        names = sorted(path.name for path in self._folder.glob("*.graph.json"))
        for pack in (match[1] for name in names if (match := _NAME.fullmatch(name))):
            try:
                _read(self._data(pack), pack)
            except SnapshotInvalid as error:
                found.append((pack, error.message))
        return found

    def _data(self, pack: str) -> Path:
        if not re.fullmatch("[0-9a-z]+", pack):
            raise ValueError(f"'{pack}' is not a pack digest")
        return self._folder / f"{pack}.graph"


def _sidecar_of(data: Path) -> Path:
    return data.with_name(data.name + ".json")


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _read(data: Path, pack: str) -> Neighbours:
    """The graph in a file, checked against its sidecar. Raises SnapshotInvalid."""
    sidecar = GraphSidecar.read(_sidecar_of(data))
    if sidecar.pack != pack:
        raise SnapshotInvalid(f"{data.name} belongs to another pack")
    try:
        content = data.read_bytes()
    except OSError as error:
        raise SnapshotInvalid(f"{data.name} cannot be read ({error.strerror})") from None
    count, width = sidecar.count, sidecar.width
    if len(content) != sidecar.bytes or len(content) != count * (8 + 8 * width):
        raise SnapshotInvalid(f"{data.name} has {len(content):,} bytes instead of {sidecar.bytes:,}")
    if hashlib.blake2b(content).hexdigest() != sidecar.checksum:
        raise SnapshotInvalid(f"{data.name} is damaged (its checksum is not the one written beside it)")
    labels = np.frombuffer(content, "<i8", count).astype(np.int64)
    positions = np.frombuffer(content, "<i4", count * width, 8 * count).reshape(count, width).astype(np.int32)
    cosines = np.frombuffer(content, "<f4", count * width, (8 + 4 * width) * count).astype(np.float32)
    graph = Neighbours(labels, positions, cosines.reshape(count, width))
    rising = (labels[1:] > labels[:-1]).all() if count > 1 else True
    if width != Neighbours.empty().positions.shape[1] or not rising:
        raise SnapshotInvalid(f"{data.name} is not a neighbour graph of this version")
    if positions.size and (positions.min() < NONE or positions.max() >= count):
        raise SnapshotInvalid(f"{data.name} names rows that it does not have")
    return graph
