"""The descriptors kept in memory: they grow with the catalogue, whatever other threads do meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from desktop_app.index.gallery import Gallery
from desktop_app.index.hnsw import HnswIndex
from desktop_app.library.layout import LibraryLayout
from desktop_app.services.gallery_keeper import GalleryKeeper


class Rows:
    """The part of a catalogue that a keeper reads: descriptors of one pack, row numbers from 1."""

    def __init__(self, count: int) -> None:
        self.vectors = np.eye(8, dtype=np.float16)[:count]
        self.gone: list[int] = []  # row numbers

    def feature_counts(self) -> dict[str, int]:
        return {"pack": len(self.vectors) - len(self.gone)}

    def last_feature_row(self, digest: str) -> int:
        return len(self.vectors)

    def alphas(self, digest: str, *, newer_than: int = 0) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(newer_than + 1, len(self.vectors) + 1)
        there = ~np.isin(labels, self.gone)
        return labels[there], self.vectors[newer_than:][there]


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

        def __enter__(self) -> None:
            keeper._states = {}
            self._lock.acquire()

        def __exit__(self, *error: object) -> None:
            self._lock.release()

    monkeypatch.setattr(keeper, "_lock", ForgetsFirst())
    assert len(keeper.current("pack", dimension=8)) == 2


@pytest.fixture
def many(rows: Rows, keeper: GalleryKeeper, monkeypatch: pytest.MonkeyPatch) -> GalleryKeeper:
    """A keeper for which three rows are enough for a graph."""
    monkeypatch.setattr("desktop_app.services.gallery_keeper.EXACT_ROWS", 2)
    monkeypatch.setattr("desktop_app.index.gallery.EXACT_ROWS", 2)
    return keeper


def test_rows_committed_while_the_graph_is_built_are_found_beside_it(
    many: GalleryKeeper, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Gallery.build_frozen

    def and_more_come(gallery: Gallery, *, threads: int) -> HnswIndex:
        rows.vectors = np.eye(8, dtype=np.float16)[:6]
        return build(gallery, threads=threads)

    monkeypatch.setattr(Gallery, "build_frozen", and_more_come)
    assert many.save("pack", at_end=True)
    gallery = many.current("pack", dimension=8)
    assert gallery.frozen is not None
    assert (len(gallery.frozen), len(gallery), gallery.newest) == (3, 6, 6)


def test_rows_removed_while_the_graph_is_built_do_not_come_back(
    many: GalleryKeeper, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Gallery.build_frozen

    def and_some_go(gallery: Gallery, *, threads: int) -> HnswIndex:
        rows.vectors = np.eye(8, dtype=np.float16)[:2]
        many.forget()
        return build(gallery, threads=threads)

    monkeypatch.setattr(Gallery, "build_frozen", and_some_go)
    many.save("pack", at_end=True)
    assert len(many.current("pack", dimension=8)) == 2


def test_the_graph_is_built_again_when_too_many_of_its_rows_are_gone(many: GalleryKeeper, rows: Rows) -> None:
    rows.vectors = np.eye(8, dtype=np.float16)
    assert many.save("pack", at_end=True)
    rows.gone = [2]  # an eighth
    many.forget()
    assert not many.save("pack", at_end=True)
    rows.gone = [2, 3, 5]
    many.forget()
    assert many.save("pack", at_end=True)
    frozen = many.current("pack", dimension=8).frozen
    assert frozen is not None and frozen.labels.tolist() == [1, 4, 6, 7, 8]
