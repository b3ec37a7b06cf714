"""The searchable descriptors of a library: kept in memory, grown as rows are committed, saved as snapshots."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from desktop_app.domain.errors import SnapshotInvalid
from desktop_app.index.gallery import EXACT_ROWS, Gallery
from desktop_app.index.recall import recall_at_10
from desktop_app.index.snapshots import SnapshotStore
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.layout import LibraryLayout

log = logging.getLogger(__name__)

LEAST_GROWTH = 20_000  # rows that a long run adds before it saves in the middle
SHARE_AT_END = 0.02  # share of rows outside the newest snapshot that makes saving at the end of a run worth it


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    gallery: Gallery
    newest: int  # the newest feature row in it


class GalleryKeeper:
    """One gallery per pack digest. Thread safe: a search waits while another one reads the newest rows, never for
    a save."""

    def __init__(self, layout: LibraryLayout, reader: Callable[[], Catalogue], *, threads: int) -> None:
        """`reader` gives the calling thread's own connection; `threads` build graphs."""
        self._store = SnapshotStore(layout.index_dir)
        self._reader = reader
        self._threads = threads
        self._states: dict[str, _State] = {}
        self._saved: dict[str, int] = {}  # rows in the newest snapshot that this session has seen
        self._forgotten = 0  # how often `forget` was called
        self._lock = threading.Lock()

    def current(self, digest: str, *, dimension: int) -> Gallery:
        """All rows committed by now. `dimension` is that of the pack's descriptors, for a library without rows."""
        with self._lock:
            return self._refreshed(digest, dimension).gallery

    def forget(self) -> None:
        """Read everything again at the next search, because rows were removed."""
        with self._lock:
            self._states = {}
            self._forgotten += 1

    def save(self, digest: str, *, at_end: bool, force: bool = False) -> bool:
        """Save a snapshot when enough rows have come or gone since the last one; True when it was saved.

        In the middle of a run that is when the number of rows has doubled and at least `LEAST_GROWTH` are new, so
        that all builds of a run together cost a few times the last one. Raises StorageFull or LibraryError; the
        snapshot before stays valid then.
        """
        state = self._states.get(digest)
        rows = self._reader().feature_counts().get(digest, 0) if state is None or at_end else len(state.gallery)
        before = self._saved_rows(digest)
        grown = max(0, rows - before)
        due = grown > SHARE_AT_END * rows if at_end else grown >= max(LEAST_GROWTH, before)
        if at_end and not due and rows > EXACT_ROWS and (state is not None or rows != before):
            due = self.current(digest, dimension=0).wants_rebuild  # too many rows of the graph are gone
        if rows == 0 or not (due or force):
            return False
        forgotten = self._forgotten
        gallery = self.current(digest, dimension=0)
        frozen = gallery.build_frozen(threads=self._threads)
        recall = recall_at_10(frozen, gallery.vectors)
        self._store.save(frozen, digest, recall=recall)
        self._saved[digest] = len(frozen)
        if len(gallery) > EXACT_ROWS:
            swapped = _State(gallery.with_frozen(frozen), gallery.newest)
            with self._lock:
                if self._forgotten == forgotten:  # else `gallery` has rows that are gone
                    # rows that came while the graph was built are not in it yet
                    self._states[digest] = self._grown(digest, swapped)
        log.info("saved a snapshot of %d rows, recall@10 %.3f", len(frozen), recall)
        return True

    def _saved_rows(self, digest: str) -> int:
        """The rows of the newest snapshot on disk, as its sidecar says; 0 without any."""
        if digest not in self._saved:
            self._saved[digest] = self._store.rows(digest)
        return self._saved[digest]

    def _refreshed(self, digest: str, dimension: int) -> _State:
        """The state with everything committed by now, loaded where there is none. The lock is held."""
        state = self._states.get(digest)  # `forget` may have taken it away since it was last looked at
        state = self._load(digest, dimension) if state is None else self._grown(digest, state)
        self._states[digest] = state
        return state

    def _load(self, digest: str, dimension: int) -> _State:
        rows, vectors = self._reader().alphas(digest)
        if len(rows) == 0:
            return _State(Gallery.empty(dimension), 0)
        gallery = Gallery(rows, vectors)
        if len(gallery) > EXACT_ROWS:
            try:
                gallery = gallery.with_frozen(self._store.load(digest))
            except SnapshotInvalid as error:
                log.warning("%s; searching exactly until the index is saved again", error.message)
                self._saved[digest] = 0
        return _State(gallery, int(rows[-1]))

    def _grown(self, digest: str, state: _State) -> _State:
        reader = self._reader()
        if reader.last_feature_row(digest) <= state.newest:
            return state
        rows, vectors = reader.alphas(digest, newer_than=state.newest)
        if len(rows) == 0:
            return state
        if len(state.gallery) == 0:
            return _State(Gallery(rows, vectors), int(rows[-1]))
        return _State(state.gallery.with_newer(rows, vectors), int(rows[-1]))
