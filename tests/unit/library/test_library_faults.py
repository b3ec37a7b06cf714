"""Whatever is wrong with a library is said in a sentence with a remedy, and makes nothing worse."""

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from library_builders import PACK, fingerprint_of, found, indexed, names_of

from desktop_app.domain.errors import (
    LibraryDamaged,
    LibraryError,
    LibraryForeign,
    LibraryLocked,
    StorageFull,
)
from desktop_app.library import schema
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.faults import from_os_error
from desktop_app.library.health import check_library
from desktop_app.library.layout import LibraryLayout, default_library
from desktop_app.library.previews import PreviewCache

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def filled(catalogue):
    """A catalogue with 40 photos, 20 of them indexed."""
    folder = catalogue.add_folder(b"/p")
    catalogue.record_scan(folder, [found(f"/p/{number:02}.jpg") for number in range(40)])
    items = [indexed(photo, fingerprint=fingerprint_of(photo.path)) for photo in catalogue.pending(20)]
    catalogue.commit_batch(PACK, items)
    return catalogue


def opened(root):
    with Catalogue.create_or_open(root):
        pass


def both_refuse(root, error, match):
    """Writer and reader refuse the library, and its file stays as it is."""
    file = LibraryLayout(root).catalogue
    before = file.read_bytes()
    for open_it in (opened, lambda place: Catalogue.open_reader(place).close()):
        with pytest.raises(error, match=match) as told:
            open_it(root)
        assert told.value.remedy
    assert file.read_bytes() == before
    assert check_library(root) != []


@pytest.fixture
def file(library_root):
    """The place of a catalogue, in a folder that is there."""
    LibraryLayout(library_root).create()
    return LibraryLayout(library_root).catalogue


def test_the_database_of_another_program_is_left_alone(library_root, file):
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE photos (id INTEGER)")
    other.close()
    both_refuse(library_root, LibraryForeign, "was not made by Indicium")


def test_the_catalogue_of_a_newer_version_is_left_alone(library_root, file):
    opened(library_root)
    with sqlite3.connect(file) as newer:
        newer.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    newer.close()
    both_refuse(library_root, LibraryForeign, "was made by a newer Indicium")


@pytest.mark.parametrize("content", [b"", b"not a database at all", bytes(5000), b"SQLite format 3\x00 cut"])
def test_a_file_that_is_no_database_is_damaged_and_repair_named(library_root, file, content):
    file.write_bytes(content)
    both_refuse(library_root, LibraryDamaged, "is damaged")
    with pytest.raises(LibraryDamaged) as told:
        opened(library_root)
    assert f"indicium library repair {library_root}" in told.value.remedy


def test_damage_inside_is_found_by_the_check(filled, library_root):
    filled.close()
    file = LibraryLayout(library_root).catalogue
    data = bytearray(file.read_bytes())
    assert len(data) > 50 * 4096  # behind the list of tables there are rows
    for start in range(40 * 4096, len(data), 4 * 4096):
        data[start : start + 64] = os.urandom(64)
    file.write_bytes(data)
    assert any("damaged" in problem for problem in check_library(library_root))
    before = file.read_bytes()
    with Catalogue.create_or_open(library_root) as again, pytest.raises(LibraryDamaged):
        again.mend()
    assert file.read_bytes() == before


def test_damage_met_in_a_query_is_told_with_the_remedy(filled, library_root):
    filled.close()
    file = LibraryLayout(library_root).catalogue
    data = bytearray(file.read_bytes())
    data[3 * 4096 :] = os.urandom(len(data) - 3 * 4096)
    file.write_bytes(data)
    with Catalogue.open_reader(library_root) as reader:
        with pytest.raises(LibraryDamaged) as told:
            reader.photos_page()
        assert "library repair" in told.value.remedy
        assert reader.check() != []


def test_a_descriptor_that_changed_on_disk_is_found_by_the_check_and_mended(filled, library_root):
    with sqlite3.connect(LibraryLayout(library_root).catalogue) as raw:
        raw.execute("UPDATE features SET alpha = zeroblob(length(alpha)) WHERE id = 3")
        raw.execute("UPDATE local_codes SET codes = substr(codes, 1, 100) WHERE feature = 5")
        raw.execute("DELETE FROM local_codes WHERE feature = 7")
    raw.close()
    assert filled.check() == ["3 features are damaged: parts are lost or their checksums do not fit."]
    assert filled.local_codes(PACK, [5]) == [None]
    with pytest.raises(LibraryDamaged):
        filled.features_for(filled.photo_by_path(b"/p/04.jpg").fingerprint, PACK)
    assert filled.mend() == ["Removed 3 damaged features.", "3 photos will be indexed again."]
    assert filled.check() == []
    assert {"02.jpg", "04.jpg", "06.jpg"} <= set(names_of(filled.pending(100)))


def test_a_descriptor_of_another_length_is_never_taken_for_an_answer(filled, library_root):
    with sqlite3.connect(LibraryLayout(library_root).catalogue) as raw:
        raw.execute("UPDATE features SET alpha = substr(alpha, 1, 1000) WHERE id = 3")
        raw.execute("UPDATE features SET alpha = zeroblob(1048) WHERE id = 4")
    raw.close()
    with pytest.raises(LibraryDamaged, match="wrong length"):
        filled.alphas(PACK)


def test_a_photo_without_features_is_found_by_the_check_and_mended(filled, library_root):
    with sqlite3.connect(LibraryLayout(library_root).catalogue) as raw:
        raw.execute("DELETE FROM features WHERE id = 2")
    raw.close()
    problems = filled.check()
    assert any("has no features (first: /p/01.jpg)" in problem for problem in problems)
    assert any("local codes belong to no features" in problem for problem in problems)
    filled.mend()
    assert filled.check() == []
    assert filled.counts().pending == 21


def test_features_that_nobody_uses_are_counted_and_removed(filled, library_root):
    with sqlite3.connect(LibraryLayout(library_root).catalogue) as raw:
        raw.execute("DELETE FROM photos WHERE id <= 4")
    raw.close()
    assert filled.stats().unused_features == 4
    assert filled.check() == []
    assert filled.mend() == ["Removed 4 features that no photo uses."]
    assert filled.feature_counts() == {PACK: 16}


def test_missing_previews_are_told(filled, library_root):
    cache = PreviewCache(LibraryLayout(library_root).previews_dir)
    for photo in filled.photos_page(limit=15):
        cache.put(photo.fingerprint or fingerprint_of(photo.path), b"jpeg")
    (problem,) = filled.check(previews=cache)
    assert problem.startswith("5 photos have no preview")


def test_a_full_disk_stops_the_batch_and_loses_nothing_that_was_committed(filled):
    database = filled._db
    pages = database.number("PRAGMA page_count")
    database.execute(f"PRAGMA max_page_count = {pages + 3}")
    waiting = filled.pending(20)
    items = [indexed(photo, fingerprint=fingerprint_of(photo.path)) for photo in waiting]
    with pytest.raises(StorageFull) as told:
        filled.commit_batch(PACK, items)
    assert "Make room" in told.value.remedy
    assert filled.counts().indexed == 20
    assert len(filled.feature_rows(PACK)) == 20
    assert filled.check() == []
    database.execute("PRAGMA max_page_count = 1000000")
    filled.commit_batch(PACK, items)
    assert filled.counts().indexed == 40


def test_a_file_size_limit_stops_the_batch_and_loses_nothing_that_was_committed(filled, library_root):
    filled.close()
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from library_builders import PACK, fingerprint_of, indexed\n"
        "from desktop_app.domain.errors import StorageFull\n"
        "from desktop_app.library.catalogue import Catalogue\n"
        "catalogue = Catalogue.create_or_open(Path(sys.argv[1]))\n"
        "items = [indexed(photo, fingerprint=fingerprint_of(photo.path)) for photo in catalogue.pending(20)]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "try:\n"
        "    catalogue.commit_batch(PACK, items)\n"
        "except StorageFull as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(library_root), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "no room left" in done.stdout
    with Catalogue.create_or_open(library_root) as again:
        assert again.check() == []
        assert again.counts().indexed == 20
        assert len(index_all_by_path(again)) == 20


def index_all_by_path(catalogue):
    return catalogue.commit_batch(
        PACK, [indexed(photo, fingerprint=fingerprint_of(photo.path)) for photo in catalogue.pending(100)]
    )


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_every_kind_of_full_disk_is_told_as_one(code):
    error = from_os_error(OSError(code, os.strerror(code)), Path("/library"))
    assert isinstance(error, StorageFull)
    assert "/library" in error.message


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs to become another user")
@pytest.mark.parametrize("with_library", [True, False])
def test_a_read_only_folder_can_be_read_but_not_written(filled, library_root, with_library):
    filled.close()
    if not with_library:
        library_root = library_root.parent / "empty"
        library_root.mkdir()
    for folder in library_root.parents:
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    library_root.chmod(0o555)
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from desktop_app.domain.errors import LibraryError\n"
        "from desktop_app.library.catalogue import Catalogue\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "for open_it in (Catalogue.create_or_open, Catalogue.open_reader):\n"
        "    try:\n"
        "        print(open_it(Path(sys.argv[1])).count())\n"
        "    except LibraryError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(library_root)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    writer, reader = done.stdout.splitlines()
    assert "may not be written" in writer
    assert "choose another" in writer
    assert reader == "40" if with_library else "there is no library in" in reader


def test_a_catalogue_that_another_program_keeps_busy_is_told(filled, library_root, monkeypatch):
    filled._db.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(LibraryLayout(library_root).catalogue, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LibraryLocked, match="in use by another program"):
        filled.set_setting("key", "value")
    other.execute("ROLLBACK")
    other.close()
    filled.set_setting("key", "value")


def test_a_library_in_the_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(LibraryError, match="is a file, not a folder"):
        opened(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_catalogue_half_made_by_a_killed_process_is_made_again(library_root, file):
    file.with_name("catalogue.sqlite.new").write_bytes(b"half")
    opened(library_root)
    assert check_library(library_root) == []
    assert not file.with_name("catalogue.sqlite.new").exists()


def test_an_older_format_is_brought_up_to_date_by_a_writer_only(filled, library_root, monkeypatch):
    filled.close()
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, "CREATE TABLE marks (id INTEGER PRIMARY KEY) STRICT;"))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(LibraryError, match="older format") as told:
        Catalogue.open_reader(library_root)
    assert "indicium index" in told.value.remedy
    with Catalogue.create_or_open(library_root) as upgraded:
        assert upgraded._db.rows("SELECT * FROM marks") == []
        assert upgraded.counts().indexed == 20
    with Catalogue.open_reader(library_root) as reader:
        assert reader.counts().photos == 40


def test_a_step_that_fails_leaves_the_older_format(filled, library_root, monkeypatch):
    filled.close()
    broken = "CREATE TABLE marks (id INTEGER PRIMARY KEY) STRICT; INSERT INTO nowhere VALUES (1);"
    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", (*schema.STEPS, broken))
        patch.setattr(schema, "VERSION", schema.VERSION + 1)
        with pytest.raises(LibraryError):
            opened(library_root)
    with Catalogue.create_or_open(library_root) as again:
        assert again.counts().indexed == 20
        assert again.check() == []


def test_the_default_library_lies_in_the_users_data_folder():
    assert default_library().name == "library"
    assert "indicium" in str(default_library())
