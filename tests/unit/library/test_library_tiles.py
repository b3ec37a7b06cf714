"""The parts of photos in the catalogue: stored together, told when damaged, gone with their photos."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from desktop_app.domain.features import TILES, TileEntries
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.layout import LibraryLayout
from tests.unit.library.library_builders import PACK, index_all, scan, write_photos


def tiles(seed: int, dimension: int = 64) -> TileEntries:
    return TileEntries(np.random.default_rng(seed).integers(-127, 128, (TILES, dimension), dtype=np.int8))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def filled(root, tmp_path):
    """Three indexed photos, two of them with the same content, searched in parts."""
    write_photos(tmp_path / "photos", ["a.jpg", "b.jpg", "c.jpg"])
    (tmp_path / "photos" / "c.jpg").write_bytes((tmp_path / "photos" / "b.jpg").read_bytes())
    with Catalogue.create_or_open(root) as catalogue:
        folder = catalogue.add_folder(str(tmp_path / "photos").encode())
        scan(catalogue, folder, tmp_path / "photos")
        index_all(catalogue)
        catalogue.set_tiles_wanted(True)
        yield catalogue


def fill(catalogue: Catalogue) -> list[int]:
    rows = [row for row, _ in catalogue.lacking_tiles(PACK, 10)]
    catalogue.add_tiles([(row, tiles(row)) for row in rows])
    return rows


def test_copies_share_their_parts_and_what_is_stored_comes_back(filled):
    assert filled.lacking_tiles_count(PACK) == 2
    rows = fill(filled)
    assert len(rows) == 2
    assert filled.lacking_tiles(PACK, 10) == []
    ids, features, signs = filled.tile_signs(PACK)
    assert features.tolist() == rows
    assert ids[-1] == filled.last_tile_row()
    for row, packed in zip(rows, signs, strict=True):
        assert np.array_equal(filled.tile_descriptors([row])[row], tiles(row).descriptors)
        assert np.array_equal(np.unpackbits(packed, axis=1), tiles(row).descriptors >= 0)
    assert filled.tile_signs(PACK, newer_than=int(ids[0]))[1].tolist() == rows[1:]
    assert filled.check() == []


def test_what_is_lacking_is_told_until_it_is_there(filled):
    assert filled.check() == ["2 photos are not described in parts (the next indexing does it)."]
    fill(filled)
    assert filled.check() == []


def test_a_part_of_a_row_that_is_gone_is_not_stored(filled):
    filled.add_tiles([(999, tiles(1))])
    assert filled.tiles_count() == 0


def test_off_removes_everything_and_nothing_comes_after(filled):
    rows = fill(filled)
    filled.set_tiles_wanted(False)
    filled.add_tiles([(rows[0], tiles(1))])
    assert filled.tiles_count() == 0
    assert filled.tile_descriptors(rows) == {}
    assert filled.check() == []


def test_new_rows_have_newer_ids_after_off_and_on(filled):
    fill(filled)
    before = filled.last_tile_row()
    filled.set_tiles_wanted(False)
    filled.set_tiles_wanted(True)
    fill(filled)
    assert filled.tile_signs(PACK, newer_than=before)[0].tolist() == [before + 1, before + 2]


def test_parts_go_with_their_photos(filled):
    fill(filled)
    filled.remove_folder(filled.folders()[0].id)
    assert filled.tiles_count() == 0


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE tile_descriptors SET descriptors = zeroblob(length(descriptors))",
        "UPDATE tile_descriptors SET descriptors = x'00'",
        "UPDATE tiles SET signs = zeroblob(length(signs))",
        "DELETE FROM tile_descriptors",
    ],
)
def test_damage_is_told_not_used_and_mended(filled, root, harm):
    rows = fill(filled)
    with sqlite3.connect(LibraryLayout(root).catalogue) as other:
        other.execute(harm)
    assert filled.tile_descriptors(rows) == {}
    assert filled.check() == ["The parts of 2 photos are damaged."]
    assert filled.mend() == ["Removed the damaged parts of 2 photos."]
    assert [row for row, _ in filled.lacking_tiles(PACK, 10)] == rows
    fill(filled)
    assert filled.check() == []


def test_descriptors_of_another_shape_are_refused(filled):
    row = filled.lacking_tiles(PACK, 1)[0][0]
    with pytest.raises(ValueError, match="13 tiles"):
        filled.add_tiles([(row, TileEntries(np.zeros((5, 64), np.int8)))])
