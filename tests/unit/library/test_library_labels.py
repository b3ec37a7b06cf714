"""Tags, albums and marks of photos in the catalogue."""

from __future__ import annotations

import pytest
from library_builders import found

from desktop_app.library import schema
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.recover import recover


@pytest.fixture
def photos(catalogue):
    folder = catalogue.add_folder(b"/p")
    catalogue.record_scan(folder, [found(f"/p/{number}.jpg") for number in range(3)])
    return [int(number) for number in catalogue.photo_ids()]


def paths(catalogue, ids):
    return [catalogue.photo(number).path for number in ids]


def test_labels_are_replaced_by_kind_and_read_by_path(catalogue, photos) -> None:
    first, second, _ = photos
    catalogue.set_labels(first, "tags", ["sea", "boat", "sea"])
    catalogue.set_labels(second, "tags", ["sea"])
    catalogue.set_labels(first, "albums", ["2019"])
    one, two = paths(catalogue, [first, second])
    assert catalogue.labels("tags") == sorted([(one, "boat"), (one, "sea"), (two, "sea")])
    catalogue.set_labels(first, "tags", ["harbour"])
    assert catalogue.labels("tags") == sorted([(one, "harbour"), (two, "sea")])
    assert catalogue.labels("albums") == [(one, "2019")] and catalogue.labels("marks") == []
    with pytest.raises(ValueError, match="not 'colour'"):
        catalogue.labels("colour")


def test_labels_go_with_their_photo_and_survive_recovery(catalogue, photos, library_root) -> None:
    catalogue.set_labels(photos[0], "tags", ["sea"])
    catalogue.set_labels(photos[1], "marks", ["yes"])
    (one, two) = paths(catalogue, photos[:2])
    catalogue.close()
    recover(library_root)
    with Catalogue.create_or_open(library_root) as again:
        assert again.labels("tags") == [(one, "sea")] and again.labels("marks") == [(two, "yes")]
        again.remove_folder(again.folders()[0].id)
        assert again.labels("tags") == []


def test_a_library_of_an_older_format_gets_the_table(library_root, monkeypatch) -> None:
    with monkeypatch.context() as then:
        then.setattr(schema, "STEPS", schema.STEPS[:2])
        then.setattr(schema, "VERSION", 2)
        Catalogue.create_or_open(library_root).close()
    file = LibraryLayout(library_root).catalogue
    assert schema.read_header(file).user_version == 2
    with Catalogue.create_or_open(library_root) as again:
        folder = again.add_folder(b"/p")
        again.record_scan(folder, [found("/p/1.jpg")])
        again.set_labels(int(again.photo_ids()[0]), "tags", ["sea"])
        assert len(again.labels("tags")) == 1
    assert schema.read_header(file).user_version == schema.VERSION
