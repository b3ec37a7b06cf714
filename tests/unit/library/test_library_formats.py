"""Libraries of the first format (no second descriptor) keep all they have and take what is new."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from library_builders import PACK, features, fingerprint_of, found, indexed, names_of

from desktop_app.domain.errors import LibraryError
from desktop_app.library import schema
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.health import check_library
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.lock import WriterLock
from desktop_app.library.recover import recover
from desktop_app.library.upgrade import bring_up_to_date

FIRST = schema.STEPS[:1]


def seed(photo) -> int:
    return int(photo.name.split(".")[0])


@pytest.fixture
def old_root(tmp_path):
    """A library as version 1 wrote it: four photos, three of them indexed."""
    root = tmp_path / "library"
    layout = LibraryLayout(root)
    layout.create()
    with closing(sqlite3.connect(layout.catalogue, isolation_level=None)) as made:
        made.execute(f"PRAGMA page_size = {schema.PAGE_SIZE}")
        made.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        made.executescript(FIRST[0])
        # The statements of today need today's columns, so rows are made in a library of today and carried over.
        with Catalogue.create_or_open(tmp_path / "new") as new:
            folder = new.add_folder(b"/p")
            new.record_scan(folder, [found(f"/p/{number}.jpg") for number in range(4)])
            items = [
                replace(indexed(photo, fingerprint=fingerprint_of(photo.path)), features=of_version_1(photo))
                for photo in new.pending(3)
            ]
            new.commit_batch(PACK, items)
        made.execute("ATTACH ? AS new", (str(LibraryLayout(tmp_path / "new").catalogue),))
        for table in ("folders", "packs", "photos", "features", "local_codes", "settings"):
            columns = ",".join(row[1] for row in made.execute(f"PRAGMA main.table_info({table})"))
            made.execute(f"INSERT INTO main.{table}({columns}) SELECT {columns} FROM new.{table}")
        made.execute("PRAGMA user_version = 1")
    return root


def of_version_1(photo):
    return features(seed(photo), second=False)


def version(root) -> int:
    return schema.read_header(LibraryLayout(root).catalogue).user_version


def check_old_rows(catalogue) -> None:
    assert names_of(catalogue.pending(10)) == ["3.jpg"]
    rows, vectors = catalogue.alphas(PACK)
    assert len(rows) == 3
    for row, vector in zip(rows.tolist(), vectors, strict=True):
        (photo,) = catalogue.photos_of_features([row])[row]
        stored, made = catalogue.features_for(photo.fingerprint, PACK), of_version_1(photo)
        assert np.array_equal(vector, made.alpha)
        assert np.array_equal(stored.alpha_code, made.alpha_code)
        assert np.array_equal(stored.local.codes, made.local.codes)
        assert stored.beta is None and stored.beta_code is None


def test_a_writer_upgrades_and_everything_is_still_there(old_root):
    with Catalogue.create_or_open(old_root) as catalogue:
        check_old_rows(catalogue)
        assert [line for line in catalogue.check() if "preview" not in line] == []
    assert version(old_root) == schema.VERSION > 1


def test_new_photos_and_a_new_pack_get_the_second_descriptor(old_root):
    with Catalogue.create_or_open(old_root) as catalogue:
        (new,) = catalogue.pending(10)
        catalogue.commit_batch(PACK, [indexed(new, fingerprint=b"n" * 16)])
        assert catalogue.features_for(b"n" * 16, PACK).beta.shape == (256,)
        again = catalogue.pending(10, digest="pack-two")
        assert len(again) == 4
        catalogue.commit_batch("pack-two", [indexed(photo, fingerprint=photo.fingerprint) for photo in again])
        for photo in catalogue.photos_page():
            assert catalogue.features_for(photo.fingerprint, "pack-two").beta is not None
        assert [line for line in catalogue.check() if "preview" not in line] == []


def test_who_only_reads_brings_it_up_to_date_too(old_root):
    with pytest.raises(LibraryError, match="older format"):
        Catalogue.open_reader(old_root)
    bring_up_to_date(old_root)
    with Catalogue.open_reader(old_root) as reader:
        check_old_rows(reader)
    before = LibraryLayout(old_root).catalogue.read_bytes()
    bring_up_to_date(old_root)
    assert LibraryLayout(old_root).catalogue.read_bytes() == before


def test_a_check_of_an_old_library_finds_it_in_order(old_root):
    assert [line for line in check_library(old_root) if "preview" not in line] == []


def test_it_is_left_alone_while_another_program_writes(old_root):
    with WriterLock(LibraryLayout(old_root).lock_file):
        bring_up_to_date(old_root)
        assert version(old_root) == 1


def test_what_is_no_library_is_left_alone(tmp_path):
    bring_up_to_date(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    layout = LibraryLayout(tmp_path)
    layout.catalogue.write_bytes(b"rubbish")
    bring_up_to_date(tmp_path)
    assert layout.catalogue.read_bytes() == b"rubbish"


@pytest.mark.parametrize("upgraded", [False, True])
def test_a_lost_first_page_of_an_old_library_costs_nothing(old_root, upgraded):
    """Upgraded and new catalogues have the same first page, and of version 1 rows are found by it as well."""
    if upgraded:
        bring_up_to_date(old_root)
    file = LibraryLayout(old_root).catalogue
    file.write_bytes(os.urandom(schema.PAGE_SIZE) + file.read_bytes()[schema.PAGE_SIZE :])
    assert recover(old_root).features == 3
    with Catalogue.create_or_open(old_root) as catalogue:
        check_old_rows(catalogue)
