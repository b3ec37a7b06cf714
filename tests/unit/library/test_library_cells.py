"""The codes of cells in the catalogue: stored with the features, or later, told when damaged or lost."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from desktop_app.library.catalogue import Catalogue
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.recover import recover
from tests.unit.library.library_builders import PACK, index_all, indexed, scan, write_photos


def cells(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (6, 8, 16), dtype=np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def catalogue(root, tmp_path):
    """Two photos with their cells, and one that was indexed before there were any."""
    write_photos(tmp_path / "photos", ["a.jpg", "b.jpg"])
    with Catalogue.create_or_open(root) as catalogue:
        folder = catalogue.add_folder(str(tmp_path / "photos").encode())
        scan(catalogue, folder, tmp_path / "photos")
        items = [indexed(photo) for photo in catalogue.pending(10)]
        items = [
            replace(item, features=replace(item.features, cells=cells(at))) for at, item in enumerate(items, 1)
        ]
        catalogue.commit_batch(PACK, items)
        write_photos(tmp_path / "photos", ["c.jpg"])
        scan(catalogue, folder, tmp_path / "photos")
        index_all(catalogue)
        yield catalogue


def test_cells_come_with_the_features_and_those_that_lack_get_them_later(catalogue):
    one, two, none = catalogue.cell_codes([1, 2, 3])
    assert np.array_equal(one, cells(1)) and np.array_equal(two, cells(2)) and none is None
    assert [(row, photo.name) for row, photo in catalogue.lacking_cells(PACK, 10)] == [(3, "c.jpg")]
    catalogue.add_cells([(3, cells(3)), (99, cells(4)), (1, cells(5))])
    assert catalogue.lacking_cells_count(PACK) == 0
    assert [
        np.array_equal(got, cells(seed)) for got, seed in zip(catalogue.cell_codes([1, 3]), (1, 3), strict=True)
    ] == [True] * 2
    assert catalogue.cell_codes([99]) == [None]
    fingerprint = catalogue.photos([1])[0].fingerprint
    assert np.array_equal(catalogue.features_for(fingerprint, PACK).cells, cells(1))


def test_lacking_cells_are_no_damage(catalogue):
    assert catalogue.check() == []


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE cell_codes SET codes = zeroblob(length(codes))",
        "UPDATE cell_codes SET codes = substr(codes, 1, length(codes) - 1)",
        "UPDATE cell_codes SET codes = x'00'",
        "DELETE FROM cell_codes",
    ],
)
def test_damaged_and_lost_cells_are_told_not_used_and_indexed_again(catalogue, root, harm):
    with sqlite3.connect(LibraryLayout(root).catalogue) as other:
        other.execute(harm)
    assert catalogue.cell_codes([1, 2]) == [None, None]
    assert catalogue.check() == ["2 features are damaged: parts are lost or their checksums do not fit."]
    assert "Removed 2 damaged features." in catalogue.mend()
    assert catalogue.pending_count() == 2
    assert catalogue.check() == []


def test_cells_go_with_their_photos(catalogue, root):
    catalogue.remove_folder(catalogue.folders()[0].id)
    with sqlite3.connect(LibraryLayout(root).catalogue) as other:
        assert other.execute("SELECT count(*) FROM cell_codes").fetchone() == (0,)


def test_a_recovered_library_keeps_them(catalogue, root):
    catalogue.close()
    recover(root)
    with Catalogue.create_or_open(root) as fresh:
        assert np.array_equal(fresh.cell_codes([2])[0], cells(2))
        assert fresh.check() == []
