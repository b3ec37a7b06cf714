"""The neighbour graph of a library: loaded when first needed, brought up to date in the background."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import LibraryError, SnapshotInvalid
from desktop_app.domain.progress import Control, NoControl, Phase, Progress
from desktop_app.index.gallery import Gallery
from desktop_app.index.neighbour_files import NeighbourFiles
from desktop_app.index.neighbours import NEIGHBOURS, Neighbours, agrees, updated
from desktop_app.library.layout import LibraryLayout
from desktop_app.retrieval.components import NO_CLASS, ComponentParameters, MutualNeighbours

log = logging.getLogger(__name__)

MESSAGE = "looking for neighbours"


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    graph: Neighbours
    parameters: ComponentParameters
    classes: NDArray[np.int64]


@dataclass(slots=True)
class GraphKeeper:
    """One graph per pack digest. Thread safe: a search takes the graph that is there, never waiting for one."""

    layout: LibraryLayout
    _graphs: dict[str, Neighbours | None] = field(default_factory=dict)
    _groups: dict[str, _Groups] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def current(self, digest: str, gallery: Gallery) -> Neighbours | None:
        """The graph as it was last built or saved, None without any. Rows that came later are not in it, and rows
        that are gone still may be."""
        if digest not in self._graphs:
            with self._lock:
                if digest not in self._graphs:
                    self._graphs[digest] = self._loaded(digest, gallery)
        return self._graphs[digest]

    def is_behind(self, digest: str, rows: int, newest: int) -> bool:
        """Whether the graph, in memory or on disk, lacks rows or has some that are gone: by their number and the
        newest of them, which only grows."""
        if digest in self._graphs:
            graph = self._graphs[digest]
            return graph is None or (len(graph), int(graph.labels[-1]) if len(graph) else 0) != (rows, newest)
        return NeighbourFiles(self.layout.index_dir).extent(digest) != (rows, newest)

    def groups(
        self, digest: str, graph: Neighbours, parameters: ComponentParameters, rows: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """[n] int64: the group of each of `rows`, NO_CLASS for none. Groups are made once for a graph."""
        made = self._groups.get(digest)
        if made is None or made.graph is not graph or made.parameters != parameters:
            fitting = replace(parameters, neighbours=min(parameters.neighbours, NEIGHBOURS))
            mutual = MutualNeighbours(graph.positions.astype(np.int64), graph.cosines, fitting)
            made = _Groups(graph, parameters, mutual.classes())
            self._groups[digest] = made
        found = np.full(len(rows), NO_CLASS, np.int64)
        if len(graph):
            at = np.minimum(np.searchsorted(graph.labels, rows), len(graph) - 1)
            known = graph.labels[at] == rows
            found[known] = made.classes[at[known]]
        return found

    def update(
        self, digest: str, gallery: Gallery, *, save: bool, control: Control | None = None
    ) -> Generator[Progress, None, Neighbours]:
        """Bring the graph up to the rows of `gallery`; yields progress. Stopped in between, nothing has changed.

        A graph that cannot be saved (a full disk) still answers until the library is closed.
        """
        control = control or NoControl()
        before = self.current(digest, gallery)
        steps = updated(before or Neighbours.empty(), gallery)
        done = 0
        try:
            while True:
                done = max(done, next(steps))
                yield Progress(Phase.SAVING, done=done, total=len(gallery), message=MESSAGE)
                control.wait_if_paused()
        except StopIteration as stop:
            graph: Neighbours = stop.value
        finally:
            steps.close()
        self._graphs[digest] = graph
        if save and graph is not before:
            try:
                NeighbourFiles(self.layout.index_dir).save(graph, digest)
            except LibraryError as error:
                log.warning("%s", error.message)
        return graph

    def _loaded(self, digest: str, gallery: Gallery) -> Neighbours | None:
        files = NeighbourFiles(self.layout.index_dir)
        try:
            graph = files.load(digest)
        except SnapshotInvalid as error:
            log.info("%s; it is built again with the next change of the library", error.message)
            return None
        if not agrees(graph, gallery):
            log.warning("the neighbour graph belongs to other photos; it is built again")
            return None
        return graph
