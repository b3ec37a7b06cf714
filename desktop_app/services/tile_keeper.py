"""The parts of all photos in memory: one index per pack, grown by what was committed since the last search."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from desktop_app.domain.features import TILES
from desktop_app.index.tile_index import TileIndex
from desktop_app.library.catalogue import Catalogue


@dataclass(slots=True)
class TileKeeper:
    """Thread safe. reader: gives the calling thread's own connection.

    Rows that were removed meanwhile may still be in an index: whoever takes what it proposes reads the descriptors
    from the catalogue, where they are not.
    """

    reader: Callable[[], Catalogue]
    _indexes: dict[str, TileIndex] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def current(self, digest: str) -> TileIndex:
        """The parts of all photos that are committed by now."""
        with self._lock:
            index = self._indexes.get(digest, TileIndex(TILES))
            reader = self.reader()
            if reader.last_tile_row() > index.newest:
                index = index.with_newer(*reader.tile_signs(digest, newer_than=index.newest))
                self._indexes[digest] = index
            return index

    def forget(self) -> None:
        """Read everything again at the next search, because rows were removed."""
        with self._lock:
            self._indexes = {}
