"""Faults of the library, the disk and the pack: a sentence with its remedy, nothing lost, and the way back."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest

from desktop_app.bootstrap import Options, open_library
from tests.acceptance.conftest import Outcome, Run


def told(outcome: Outcome, *parts: str) -> None:
    """The outcome is one sentence (or two) on stderr, with exit code 1 and no traceback."""
    assert outcome.code == 1, outcome
    last = outcome.err.strip().splitlines()[-1]
    assert last.startswith("indicium: ") and "Traceback" not in outcome.err
    for part in parts:
        assert part in last, last


def answers(indicium: Run, photos: Path) -> list[list[tuple[str, float]]]:
    return [
        [(r["path"], r["score"]) for r in indicium("search", query, "--json").json["results"]]
        for query in (photos / "cat" / "crop.jpg", photos / "coins" / "whole.jpg")
    ]


def in_order(indicium: Run, library: Path, photos: int = 40) -> None:
    check = indicium("library", "check", library, "--json")
    assert (check.code, check.json["problems"]) == (0, [])
    stats = indicium("library", "stats", library, "--json").json
    assert (stats["indexed"], stats["pending"]) == (photos, 0)


def flip(path: Path, at: float, count: int = 1) -> None:
    """Change `count` bytes from the relative place `at` on."""
    content = bytearray(path.read_bytes())
    start = int(at * (len(content) - count))
    for place in range(start, start + count):
        content[place] ^= 0xFF
    path.write_bytes(bytes(content))


# --- room -----------------------------------------------------------------------------------------------------


def test_a_file_size_limit_stops_with_a_sentence_and_the_next_run_goes_on(
    photos: Path, process: Run, indicium: Run, home: Path
) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    told(process("index", photos, preexec_fn=limit), "no room left", "what was indexed so far is kept")
    assert indicium("library", "check", home / "library", "--json").json["problems"] == []
    assert indicium("index", photos).code == 0
    in_order(indicium, home / "library")


@pytest.mark.parametrize("at", ["preview", "catalogue", "snapshot"])
def test_a_full_disk_stops_with_a_sentence_and_the_next_run_goes_on(
    photos: Path, indicium: Run, home: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    if at == "catalogue":
        # SQLite's own limit gives its own SQLITE_FULL, from inside a transaction.
        from desktop_app.library import database

        opened = database.open_writer

        def with_little_room(catalogue: Path) -> database.Database:
            writer = opened(catalogue)
            writer.execute("PRAGMA max_page_count = 60")
            return writer

        patch = (database, "open_writer", with_little_room)
    else:
        write = Path.write_bytes if at == "preview" else Path.touch
        calls = iter(range(1000))

        def full(self: Path, *arguments: object, **options: object) -> object:
            limit = 20 if at == "preview" else 0
            if (at == "preview" or self.parent.name == "index") and next(calls) >= limit:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(self, *arguments, **options)

        patch = (Path, write.__name__, full)
    with monkeypatch.context() as patched:
        patched.setattr(*patch)
        told(indicium("index", photos), "full")
    assert indicium("library", "check", home / "library", "--json").json["problems"] == []
    again = indicium("index", photos, "--json")
    assert again.code == 0 and again.json["indexed"] + again.json["unchanged"] == 40
    in_order(indicium, home / "library")


# --- rights and other processes -------------------------------------------------------------------------------


def test_a_second_process_is_refused_with_the_name_of_the_first_and_may_read(photos: Path, indicium: Run) -> None:
    indicium("index", photos)
    with open_library(Options(threads=1)):
        told(indicium("index", photos), "being written by", str(os.getpid()))
        assert indicium("search", photos / "cat" / "crop.jpg", "--json").code == 0
        assert indicium("library", "check").code == 0
        told(indicium("library", "repair"), "being written by")
    assert indicium("index", photos).code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_what_may_not_be_read_or_written_is_said_and_nothing_else_stops(
    photos: Path, process: Run, pack_source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as scratch:  # unlike tmp_path, reachable for nobody
        place = Path(scratch)
        place.chmod(0o755)
        shutil.copytree(photos, place / "photos")
        shutil.copytree(pack_source, place / "packs" / "indicium-s")
        (place / "home").mkdir()
        (place / "home").chmod(0o777)
        monkeypatch.setenv("INDICIUM_HOME", str(place / "home"))
        monkeypatch.setenv("INDICIUM_PACKS", str(place / "packs"))
        locked = place / "photos" / "cat" / "whole.jpg"
        locked.chmod(0)

        def run(*arguments: object) -> Outcome:
            return process(photos / "coins", *arguments, module="tests.support.unprivileged")

        index = run("index", place / "photos", "--json")
        assert index.code == 0 and index.json["indexed"] == 39, index
        (skipped,) = index.json["skipped"]
        assert skipped["path"] == str(locked) and "permission" in skipped["reason"]
        for folder in [place / "home" / "library", *(place / "home" / "library").rglob("*")]:
            folder.chmod(0o555 if folder.is_dir() else 0o444)
        told(run("index", place / "photos"), "may not be written", "choose another")
        search = run("search", place / "photos" / "cat" / "crop.jpg", "--json")
        assert search.code == 0 and len(search.json["results"]) == 20, search
        told(run("index", place / "photos", "--library", place / "new"), "may not be written")


# --- damage ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["snapshot", "sidecar", "no sidecar"])
def test_a_damaged_snapshot_changes_no_answer_and_is_made_again(
    photos: Path, indicium: Run, home: Path, part: str
) -> None:
    indicium("index", photos)
    before = answers(indicium, photos)
    (data,) = (home / "library" / "index").glob("*.hnsw")
    if part == "snapshot":
        flip(data, 0.5)
    elif part == "sidecar":
        data.with_suffix(".json").write_text('{"format": 1')
    else:
        data.with_suffix(".json").unlink()
    assert answers(indicium, photos) == before
    check = indicium("library", "check", "--json")
    assert check.code == (0 if part == "no sidecar" else 1)
    assert indicium("library", "repair").code == 0
    in_order(indicium, home / "library")
    assert answers(indicium, photos) == before


@pytest.mark.parametrize("damage", ["middle", "header", "cut", "empty"])
def test_a_damaged_catalogue_is_said_and_repaired_with_every_photo_in(
    photos: Path, indicium: Run, home: Path, damage: str
) -> None:
    indicium("index", photos)
    before = answers(indicium, photos)
    catalogue = home / "library" / "catalogue.sqlite"
    log = Path(f"{catalogue}-wal")
    assert not log.exists() or log.stat().st_size == 0, "everything is in the one file that is damaged below"
    if damage == "middle":
        flip(catalogue, 0.5, 20_000)
    elif damage == "header":
        flip(catalogue, 0.0, 600)
    elif damage == "cut":
        catalogue.write_bytes(catalogue.read_bytes()[: catalogue.stat().st_size // 2])
    else:
        catalogue.write_bytes(b"")
    check = indicium("library", "check", "--json")
    assert check.code == 1 and check.json["problems"]
    if damage in ("header", "empty"):
        told(indicium("index", photos), "damaged", "indicium library repair")
        told(indicium("search", photos / "cat" / "crop.jpg"), "damaged", "indicium library repair")
    repair = indicium("library", "repair", "--json")
    assert repair.code == 0, repair
    assert repair.json["problems"] == []
    assert Path(repair.json["set_aside"]).exists(), "the damaged file is kept"
    indicium("index", photos)
    in_order(indicium, home / "library")
    assert answers(indicium, photos) == before


def test_lost_previews_are_made_again(photos: Path, indicium: Run, home: Path) -> None:
    indicium("index", photos)
    before = answers(indicium, photos)
    shutil.rmtree(home / "library" / "previews")
    shutil.rmtree(home / "library" / "index")
    assert answers(indicium, photos), "a search needs no index"
    assert indicium("library", "check").code == 1
    repair = indicium("library", "repair", "--json")
    assert repair.code == 0 and any("40 previews" in line for line in repair.json["done"])
    in_order(indicium, home / "library")
    assert answers(indicium, photos) == before


@pytest.mark.parametrize("kind", ["foreign", "newer"])
def test_a_foreign_or_newer_catalogue_is_refused_and_left_as_it_is(
    photos: Path, indicium: Run, home: Path, kind: str
) -> None:
    library = home / "library"
    library.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(library / "catalogue.sqlite")) as other:
        other.execute("CREATE TABLE things (name TEXT)")
        other.execute(f"PRAGMA application_id = {0x494E4449 if kind == 'newer' else 7}")
        other.execute("PRAGMA user_version = 999")
        other.commit()
    before = (library / "catalogue.sqlite").read_bytes()
    for command in (("index", photos), ("search", photos / "cat" / "crop.jpg"), ("library", "repair")):
        told(indicium(*command), "newer Indicium" if kind == "newer" else "not made by Indicium", "left as it is")
    assert (library / "catalogue.sqlite").read_bytes() == before


def test_a_damaged_pack_is_named_and_loses_nothing(
    photos: Path, indicium: Run, home: Path, tmp_path: Path
) -> None:
    indicium("index", photos)
    before = answers(indicium, photos)
    network = tmp_path / "shipped" / "indicium-s" / "embed.onnx"
    good = network.read_bytes()
    flip(network, 0.5)
    told(indicium("index", photos), "indicium-s", "embed.onnx", "Install the pack again")
    told(indicium("search", photos / "cat" / "crop.jpg"), "embed.onnx")
    verify = indicium("packs", "verify", "--json")
    assert verify.code == 1 and "damaged" in verify.json["packs"][0]["problems"][0]
    assert indicium("doctor", "--json").code == 1
    network.write_bytes(good)
    assert indicium("packs", "verify").code == 0
    assert answers(indicium, photos) == before
    in_order(indicium, home / "library")


# --- drives ---------------------------------------------------------------------------------------------------


def test_a_drive_that_is_away_greys_its_photos_and_brings_them_back_at_once(
    photos: Path, indicium: Run, home: Path
) -> None:
    from desktop_app.services.index_folder import rescan

    indicium("index", photos)
    away = photos.with_name("away")
    photos.rename(away)
    with open_library(Options(threads=1)) as session:
        for _ in rescan(session):
            pass
        counts = session.counts()
        assert (counts.offline, counts.indexed, counts.missing) == (40, 0, 0)
    query = away / "cat" / "crop.jpg"
    assert len(indicium("search", query, "--json", "--top", 40).json["results"]) == 40
    away.rename(photos)
    back = indicium("index", photos, "--json").json
    assert (back["indexed"], back["unchanged"]) == (0, 40)
    in_order(indicium, home / "library")


def test_a_drive_that_vanishes_in_mid_run_stops_with_a_sentence(
    photos: Path, indicium: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_app.services import index_folder

    decode, calls = index_folder.decode_photo, iter(range(1000))

    def vanish(path: bytes, **asked: bool) -> object:
        if next(calls) == 15:
            photos.rename(photos.with_name("unplugged"))
        return decode(path, **asked)

    with monkeypatch.context() as patched:
        patched.setattr(index_folder, "decode_photo", vanish)
        told(indicium("index", photos), "is not there any more", "Connect its drive")
    photos.with_name("unplugged").rename(photos)
    assert indicium("index", photos, "--json").json["skipped"] == []
    in_order(indicium, home / "library")
