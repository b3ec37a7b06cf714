"""The sample library made from photographs inside installed packages."""

import hashlib
import importlib.util
import logging

import pytest
from PIL import Image

from desktop_app.imaging.samples import NOTE_NAME, SCENES, make_sample_library


def contents(folder):
    return {
        path.relative_to(folder): hashlib.blake2b(path.read_bytes()).digest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    pytest.importorskip("skimage")
    folder = tmp_path_factory.mktemp("samples")
    return folder, make_sample_library(folder)


def test_it_holds_many_pictures_in_named_folders(library):
    folder, count = library
    pictures = list(folder.rglob("*.jpg"))
    assert len(pictures) == count > 200
    assert {"Cat", "Coffee", "Temple", "Flower", "Scenes"} <= {path.name for path in folder.iterdir()}
    assert len(list((folder / "Scenes").iterdir())) == SCENES
    for path in pictures:
        with Image.open(path) as image:
            image.verify()


def test_no_two_pictures_have_the_same_content(library):
    folder, _ = library
    digests = list(contents(folder).values())
    assert len(set(digests)) == len(digests)


def test_the_note_names_where_the_photographs_come_from(library):
    folder, count = library
    note = (folder / NOTE_NAME).read_text(encoding="utf-8")
    assert str(count) in note and "scikit-image, chelsea.png" in note and "scikit-learn, china.jpg" in note


def test_a_second_call_changes_nothing(library):
    folder, count = library
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}
    assert make_sample_library(folder) == count
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")} == times


def test_what_was_deleted_is_made_again(tmp_path, monkeypatch):
    without("skimage", monkeypatch)
    count = make_sample_library(tmp_path)
    before = contents(tmp_path)
    next(tmp_path.rglob("*.jpg")).unlink()
    assert make_sample_library(tmp_path) == count
    assert contents(tmp_path) == before


def without(package, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *more: None if name == package else find(name, *more)
    )


def test_without_scikit_image_it_works_and_says_so(tmp_path, monkeypatch, caplog):
    without("skimage", monkeypatch)
    with caplog.at_level(logging.WARNING):
        count = make_sample_library(tmp_path / "samples")
    assert count == len(list(tmp_path.rglob("*.jpg"))) == 24 + SCENES
    assert "only 2 photographs" in caplog.text
    assert "scikit-image is not installed" in (tmp_path / "samples" / NOTE_NAME).read_text(encoding="utf-8")


def test_the_same_pictures_come_out_on_every_run(tmp_path, monkeypatch):
    without("skimage", monkeypatch)
    make_sample_library(tmp_path / "a")
    make_sample_library(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
