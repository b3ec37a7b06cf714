"""A damaged catalogue gives back everything that can still be read, and is kept."""

import os
import random
import sqlite3

import numpy as np
import pytest
from library_builders import PACK, fingerprint_of, found, indexed

from desktop_app.domain.errors import LibraryDamaged, LibraryError, LibraryForeign, StorageFull
from desktop_app.library import recover as recover_module
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.health import check_library
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.previews import PreviewCache
from desktop_app.library.recover import recover

COUNT = 300


@pytest.fixture
def file(catalogue, library_root):
    """The catalogue of a closed library with 300 indexed photos and a setting."""
    folder = catalogue.add_folder(b"/p")
    catalogue.record_scan(folder, [found(f"/p/{number:03}.jpg") for number in range(COUNT)])
    previews = PreviewCache(LibraryLayout(library_root).previews_dir)
    while waiting := catalogue.pending(50):
        for photo in waiting:
            previews.put(fingerprint_of(photo.path), b"jpeg")
        catalogue.commit_batch(PACK, [indexed(photo, fingerprint=fingerprint_of(photo.path)) for photo in waiting])
    catalogue.set_setting("pack", "small")
    catalogue.close()
    return LibraryLayout(library_root).catalogue


def second(reader, photo):
    """beta and its code as bytes; None where none was stored."""
    stored = reader.features_for(photo.fingerprint, PACK)
    return None if stored.beta is None else (stored.beta.tobytes(), stored.beta_code.tobytes())


def contents(root):
    with Catalogue.open_reader(root) as reader:
        rows, vectors = reader.alphas(PACK)
        return {
            photo.path: (photo, vector.tobytes(), codes.codes.tobytes(), second(reader, photo))
            for row, vector, codes in zip(rows.tolist(), vectors, reader.local_codes(PACK, rows), strict=True)
            for photo in reader.photos_of_features([row]).get(row, [])
        }


def test_a_whole_catalogue_comes_through_unchanged(file, library_root):
    before = contents(library_root)
    report = recover(library_root)
    assert (report.photos, report.features, report.folders, report.notes) == (COUNT, COUNT, 1, ())
    assert contents(library_root) == before
    assert check_library(library_root) == []
    with Catalogue.open_reader(library_root) as reader:
        assert reader.get_setting("pack") == "small"


def test_a_lost_first_page_costs_nothing(file, library_root):
    before, original = contents(library_root), file.read_bytes()
    file.write_bytes(os.urandom(4096) + original[4096:])
    with pytest.raises(LibraryDamaged):
        Catalogue.create_or_open(library_root)
    report = recover(library_root)
    assert report.photos == COUNT
    assert contents(library_root) == before
    assert check_library(library_root) == []
    assert report.aside.read_bytes()[4096:] == original[4096:]


@pytest.mark.parametrize("seed", range(6))
def test_what_damaged_pages_do_not_touch_is_saved(file, library_root, seed):
    before = contents(library_root)
    data = bytearray(file.read_bytes())
    pages = len(data) // 4096
    rng = random.Random(seed)
    for page in rng.sample(range(15, pages), 5):
        data[page * 4096 : (page + 1) * 4096] = rng.randbytes(4096)
    file.write_bytes(data)
    report = recover(library_root)
    assert check_library(library_root) == []
    after = contents(library_root)
    assert len(after) > COUNT // 2
    for path, (photo, *stored) in after.items():
        assert (photo.id, *stored) == (before[path][0].id, *before[path][1:])
    with Catalogue.open_reader(library_root) as reader:
        counts = reader.counts()
        assert counts.indexed + counts.pending == report.photos
        assert counts.indexed == len(after)
    assert report.aside.read_bytes() == bytes(data)


def test_a_file_cut_in_half_gives_back_its_first_half(file, library_root):
    size = file.stat().st_size
    os.truncate(file, size // 2)
    recover(library_root)
    assert check_library(library_root) == []
    with Catalogue.create_or_open(library_root) as again:
        assert again.folders()[0].path == b"/p"
        assert 0 < len(again.feature_rows(PACK)) < COUNT


def test_a_file_of_rubbish_gives_an_empty_library_and_is_kept(file, library_root):
    file.write_bytes(b"rubbish" * 1000)
    report = recover(library_root)
    assert report.photos == 0
    assert report.aside.read_bytes() == b"rubbish" * 1000
    assert check_library(library_root) == []


def test_features_survive_the_loss_of_the_photo_rows(file, library_root):
    with sqlite3.connect(file) as raw:
        (root_page,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'photos'").fetchone()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    with file.open("r+b") as damaged:
        damaged.seek((root_page - 1) * 4096)
        damaged.write(os.urandom(4096))
    report = recover(library_root)
    assert (report.photos, report.features) == (0, COUNT)
    with Catalogue.create_or_open(library_root) as again:
        folder = again.folders()[0].id
        again.record_scan(folder, [found(f"/p/{number:03}.jpg") for number in range(COUNT)])
        fingerprints = [fingerprint_of(photo.path) for photo in again.pending(COUNT)]
        assert len(again.known_fingerprints(fingerprints, PACK)) == COUNT


def test_a_lost_folder_is_made_out_from_its_photos(file, library_root):
    with sqlite3.connect(file) as raw:
        raw.execute("DELETE FROM folders")
    raw.close()
    report = recover(library_root)
    assert report.notes == ("The folder /p was made out from its photos.",)
    assert check_library(library_root) == []
    with Catalogue.open_reader(library_root) as reader:
        assert reader.count() == COUNT


def test_batches_that_are_only_in_the_log_are_saved_too(file, library_root):
    catalogue = Catalogue.create_or_open(library_root)
    catalogue._db.execute("PRAGMA wal_autocheckpoint = 0")
    catalogue.record_scan(catalogue.folders()[0].id, [found("/p/late.jpg")])
    (late,) = catalogue.pending(5)
    catalogue.commit_batch(PACK, [indexed(late, fingerprint=b"l" * 16)])
    log = file.with_name(file.name + "-wal").read_bytes()
    catalogue.close()
    data = file.read_bytes()
    file.write_bytes(bytes(4096) + data[4096:])
    file.with_name(file.name + "-wal").write_bytes(log)
    recover(library_root)
    with Catalogue.open_reader(library_root) as reader:
        assert reader.photo_by_path(b"/p/late.jpg") is not None
        assert reader.check() == []
    assert (
        not file.with_name(file.name + "-wal").exists() or file.with_name(file.name + "-wal").stat().st_size == 0
    )


def test_snapshots_of_the_index_are_removed(file, library_root):
    snapshot = LibraryLayout(library_root).index_dir / "snapshot.bin"
    snapshot.write_bytes(b"old labels")
    recover(library_root)
    assert not snapshot.exists()


def test_a_foreign_file_is_not_touched(library_root):
    LibraryLayout(library_root).create()
    file = LibraryLayout(library_root).catalogue
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE mine (id INTEGER)")
    other.close()
    before = file.read_bytes()
    with pytest.raises(LibraryForeign):
        recover(library_root)
    assert file.read_bytes() == before
    assert sorted(path.name for path in library_root.iterdir()) == ["catalogue.sqlite", "index", "previews"]


def test_there_must_be_a_library(tmp_path):
    with pytest.raises(LibraryError, match="there is no library"):
        recover(tmp_path)


def test_a_full_disk_during_recovery_leaves_the_damaged_catalogue_in_place(file, library_root, monkeypatch):
    before = file.read_bytes()

    def full(*arguments):
        raise StorageFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(recover_module, "_insert", full)
        with pytest.raises(StorageFull):
            recover(library_root)
    assert file.read_bytes() == before
    assert not list(library_root.glob("*recovered*"))
    assert recover(library_root).photos == COUNT


def test_two_recoveries_keep_two_files(file, library_root):
    first, second = recover(library_root), recover(library_root)
    assert first.aside != second.aside
    assert first.aside.exists()
    assert second.aside.exists()
    assert np.all([report.photos == COUNT for report in (first, second)])
