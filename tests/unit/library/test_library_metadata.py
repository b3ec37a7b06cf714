"""Metadata, ratings and tags in the catalogue, and what becomes of them when files change, move or go."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from library_builders import PACK, index_all, indexed, scan, write_photos

from desktop_app.domain.errors import LibraryError
from desktop_app.domain.metadata import PhotoMetadata
from desktop_app.library import schema
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.health import check_library
from desktop_app.library.recover import recover

FACTS = PhotoMetadata(taken=5.0, lens="35mm", kind="JPEG", rating=3, place="Wien", keywords=("boat", "sea"))


@pytest.fixture
def photo(catalogue, photos_root):
    """One photo, indexed together with its metadata."""
    write_photos(photos_root, ["a.jpg"])
    scan(catalogue, catalogue.add_folder(os.fsencode(photos_root)), photos_root)
    (waiting,) = catalogue.pending(1)
    (number,) = catalogue.commit_batch(PACK, [replace(indexed(waiting), metadata=FACTS)])
    return number


def rescan(catalogue, photos_root):
    (folder,) = catalogue.folders()
    return scan(catalogue, folder.id, photos_root)


def test_metadata_comes_with_the_photo(catalogue, photo):
    assert catalogue.facts_of(photo) == replace(FACTS, camera="Camera")
    assert catalogue.photo(photo).taken == 5.0
    assert catalogue.undescribed_count() == 0 and catalogue.undescribed(10) == []


def test_photos_of_an_older_library_are_described_later(catalogue, photos_root, library_root, monkeypatch):
    write_photos(photos_root, ["a.jpg", "b.jpg"])
    scan(catalogue, catalogue.add_folder(os.fsencode(photos_root)), photos_root)
    index_all(catalogue)  # without metadata, as before
    waiting = catalogue.undescribed(10)
    assert catalogue.undescribed_count() == len(waiting) == 2
    assert catalogue.undescribed(10, after=waiting[0].id) == waiting[1:]
    assert catalogue.store_metadata([(waiting[0], FACTS), (replace(waiting[1], size=7), FACTS)]) == 1
    assert catalogue.facts_of(waiting[0].id).lens == "35mm"
    assert catalogue.facts_of(waiting[0].id).camera == "Camera"  # known from decoding, not lost
    assert [left.id for left in catalogue.undescribed(10)] == [waiting[1].id]


def test_a_sidecar_that_comes_changes_or_goes_is_read_again(catalogue, photo, photos_root):
    assert not rescan(catalogue, photos_root)
    assert catalogue.undescribed_count() == 0
    for name in ("a.xmp", "a.jpg.xmp"):  # darktable's name goes before Adobe's
        (photos_root / name).write_text("<x/>")
        assert not rescan(catalogue, photos_root)  # the photo itself has not changed
        (waiting,) = catalogue.undescribed(10)
        assert waiting.sidecar == os.fsencode(photos_root / name)
        assert catalogue.store_metadata([(replace(waiting, sidecar=None), FACTS)]) == 0
        catalogue.store_metadata([(waiting, FACTS)])
        assert catalogue.undescribed_count() == 0
    os.utime(photos_root / "a.jpg.xmp", ns=(1, 1))
    rescan(catalogue, photos_root)
    assert catalogue.undescribed_count() == 1
    (photos_root / "a.jpg.xmp").unlink()
    (photos_root / "a.xmp").unlink()
    rescan(catalogue, photos_root)
    assert catalogue.undescribed(10)[0].sidecar is None


def test_a_person_s_rating_counts_before_the_file_s(catalogue, photo):
    catalogue.set_rating([photo], 5)
    catalogue.store_metadata([(catalogue.photo(photo), FACTS)])
    assert catalogue.facts_of(photo).rating == 5
    catalogue.set_rating([photo], None)
    assert catalogue.facts_of(photo).rating == 3
    with pytest.raises(LibraryError, match="6 is no rating"):
        catalogue.set_rating([photo], 6)


def test_a_tag_of_the_file_that_was_taken_away_stays_away(catalogue, photo):
    catalogue.change_tags([photo], add=["  my   trip "], remove=["boat"])
    assert catalogue.facts_of(photo).keywords == ("my trip", "sea")
    catalogue.store_metadata([(catalogue.photo(photo), replace(FACTS, keywords=("boat", "sail")))])
    assert catalogue.facts_of(photo).keywords == ("my trip", "sail")
    catalogue.change_tags([photo], add=["boat"])
    assert catalogue.facts_of(photo).keywords == ("boat", "my trip", "sail")
    assert catalogue.labels("tags") == [(catalogue.photo(photo).path, tag) for tag in ("boat", "my trip")]
    catalogue.change_tags([photo], remove=["boat", "never there"])
    assert catalogue.facts_of(photo).keywords == ("my trip", "sail")
    with pytest.raises(LibraryError, match="needs a text"):
        catalogue.change_tags([photo], add=[" "])


def test_a_moved_photo_keeps_what_was_said_of_it(catalogue, photo, photos_root):
    catalogue.set_rating([photo], 5)
    catalogue.change_tags([photo], add=["mine"])
    (photos_root / "sub").mkdir()
    (photos_root / "a.jpg").rename(photos_root / "sub" / "b.jpg")
    rescan(catalogue, photos_root)
    (waiting,) = catalogue.pending(1)
    moved = catalogue.commit_batch(PACK, [replace(indexed(waiting), metadata=FACTS)])
    assert moved == [photo]
    assert catalogue.facts_of(photo).rating == 5 and "mine" in catalogue.facts_of(photo).keywords
    assert catalogue.undescribed_count() == 0


def test_what_was_said_survives_recovery(catalogue, photo, library_root):
    catalogue.set_rating([photo], 4)
    catalogue.change_tags([photo], add=["mine"])
    catalogue.close()
    recover(library_root)
    with Catalogue.create_or_open(library_root) as again:
        assert again.facts_of(photo).rating == 4 and again.facts_of(photo).keywords == ("boat", "mine", "sea")
    assert [line for line in check_library(library_root) if "preview" not in line] == []


def test_an_older_library_is_brought_up_to_date_with_its_features(library_root, photos_root, tmp_path):
    """The features that a photo has are found again, and its name can be searched."""
    with Catalogue.create_or_open(library_root) as catalogue:
        write_photos(photos_root, ["a.jpg", "copy.jpg"])
        (photos_root / "copy.jpg").write_bytes((photos_root / "a.jpg").read_bytes())
        scan(catalogue, catalogue.add_folder(os.fsencode(photos_root)), photos_root)
        index_all(catalogue)
        before = catalogue._db.rows("SELECT id, feature FROM photos ORDER BY id")
        catalogue._db.execute("UPDATE photos SET feature = NULL")
        catalogue._db.execute("DELETE FROM texts")
        told = catalogue.check()
        assert any("features of another" in line for line in told) and any("by its name" in line for line in told)
        catalogue.mend()
        assert catalogue._db.rows("SELECT id, feature FROM photos ORDER BY id") == before
        assert before[0][1] == before[1][1] is not None
        assert [line for line in catalogue.check() if "preview" not in line] == []
    assert schema.VERSION >= 5
