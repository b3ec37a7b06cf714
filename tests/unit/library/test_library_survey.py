"""The dry run tells what indexing would find and need, before anything is written."""

import os
from datetime import UTC, datetime

import pytest
from library_builders import KINDS, write_photos

from desktop_app.domain.errors import Cancelled
from desktop_app.domain.photos import LeftOut
from desktop_app.library.scan import FolderAway
from desktop_app.library.scan_rules import CHOICES, PictureKind, ScanOptions
from desktop_app.library.survey import survey


def test_photos_are_counted_by_kind_year_and_size(tmp_path):
    write_photos(tmp_path, ["a.jpg", "b.jpg", "c.png"])
    for name, year in (("a.jpg", 2019), ("b.jpg", 2021), ("c.png", 2021)):
        moment = datetime(year, 6, 1, tzinfo=UTC).timestamp()
        os.utime(tmp_path / name, (moment, moment))
    found = survey([tmp_path], KINDS)
    size = (tmp_path / "a.jpg").stat().st_size
    assert found.photos == 3
    assert found.bytes == 3 * size
    assert dict(found.by_kind) == {"JPEG": (2, 2 * size), "PNG": (1, size)}
    assert list(found.by_kind) == ["JPEG", "PNG"]
    assert dict(found.by_year) == {2019: 1, 2021: 2}


def test_what_is_left_out_is_counted_with_examples(tmp_path):
    write_photos(tmp_path, ["a.jpg", "a.cr3", *(f"{number}.txt" for number in range(9)), ".hidden/b.jpg"])
    found = survey([tmp_path], KINDS)
    assert found.left_out[LeftOut.NOT_A_PICTURE].entries == 9
    assert found.left_out[LeftOut.NOT_A_PICTURE].examples == tuple(
        os.fsencode(tmp_path / f"{number}.txt") for number in range(5)
    )
    assert found.left_out[LeftOut.HIDDEN] == (1, (os.fsencode(tmp_path / ".hidden"),))
    assert found.left_out[LeftOut.RAW_PAIR].entries == 1
    assert LeftOut.SYSTEM not in found.left_out
    everything = survey([tmp_path], KINDS, options=ScanOptions(leave_out=CHOICES - {LeftOut.HIDDEN}))
    assert everything.photos == found.photos + 1


def test_missing_packages_are_counted_by_photos(tmp_path):
    write_photos(tmp_path, ["a.heic", "b.heic", "c.jpg"])
    kinds = {**KINDS, b".heic": PictureKind("HEIC", missing_package="pillow-heif")}
    found = survey([tmp_path], kinds)
    assert dict(found.missing_packages) == {"pillow-heif": 2}
    assert found.photos == 1


def test_links_to_nowhere_are_listed(tmp_path):
    (tmp_path / "a.jpg").symlink_to("nowhere.jpg")
    (unusable,) = survey([tmp_path], KINDS).unusable
    assert unusable.path == os.fsencode(tmp_path / "a.jpg")
    assert "link" in unusable.reason


def test_a_folder_inside_another_is_counted_once(tmp_path):
    write_photos(tmp_path, ["a.jpg", "sub/b.jpg"])
    assert survey([tmp_path / "sub", tmp_path, tmp_path / "sub" / ".."], KINDS).photos == 2


def test_the_room_for_a_library_grows_with_the_photos(tmp_path):
    write_photos(tmp_path, ["a.jpg"])
    one = survey([tmp_path], KINDS, library=tmp_path / "not" / "there" / "yet")
    (tmp_path / "large.jpg").write_bytes(bytes(1_000_000))
    two = survey([tmp_path], KINDS)
    assert one.library_bytes > 8_000
    assert 50_000 < two.library_bytes - one.library_bytes < 100_000
    assert one.free_bytes > 0
    assert two.free_bytes is None


def test_an_empty_folder_gives_an_empty_survey(tmp_path):
    found = survey([tmp_path], KINDS)
    assert (found.photos, found.bytes, found.library_bytes) == (0, 0, 0)
    assert dict(found.left_out) == {}


def test_a_survey_can_be_stopped(tmp_path):
    write_photos(tmp_path, ["a.jpg"])

    def stop(number):
        raise Cancelled

    with pytest.raises(Cancelled):
        survey([tmp_path], KINDS, tick=stop)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FolderAway):
        survey([tmp_path / "nothing"], KINDS)
