"""The descriptors kept in memory: they grow with the catalogue, whatever other threads do meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from desktop_app.library.layout import LibraryLayout
from desktop_app.services.gallery_keeper import GalleryKeeper


class Rows:
    """The part of a catalogue that a keeper reads: descriptors of one pack, row numbers from 1."""

    def __init__(self, count: int) -> None:
        self.vectors = np.eye(8, dtype=np.float16)[:count]

    def last_feature_row(self, digest: str) -> int:
        return len(self.vectors)

    def alphas(self, digest: str, *, newer_than: int = 0) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(newer_than + 1, len(self.vectors) + 1), self.vectors[newer_than:]


@pytest.fixture
def rows() -> Rows:
    return Rows(3)


@pytest.fixture
def keeper(rows: Rows, tmp_path: Path) -> GalleryKeeper:
    return GalleryKeeper(LibraryLayout(tmp_path), lambda: rows, threads=1)


def test_rows_that_were_committed_since_are_found(keeper: GalleryKeeper, rows: Rows) -> None:
    assert len(keeper.current("pack", dimension=8)) == 3
    rows.vectors = np.eye(8, dtype=np.float16)[:5]
    assert len(keeper.current("pack", dimension=8)) == 5


def test_rows_removed_in_the_middle_of_a_search_do_not_stop_it(
    keeper: GalleryKeeper, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.current("pack", dimension=8)
    rows.vectors = np.eye(8, dtype=np.float16)[:2]

    class ForgetsFirst:
        """Another thread removes a folder just before the search gets the lock."""

        def __init__(self) -> None:
            self._lock = threading.Lock()

        def acquire(self, *, blocking: bool) -> bool:
            keeper._states = {}
            return self._lock.acquire(blocking=blocking)

        def release(self) -> None:
            self._lock.release()

    monkeypatch.setattr(keeper, "_lock", ForgetsFirst())
    assert len(keeper.current("pack", dimension=8)) == 2
