"""Kinds of picture by name and by content."""

import io

import numpy as np
import pytest
from PIL import Image

from desktop_app.imaging.formats import (
    KindOfPicture,
    is_picture_name,
    is_raw_name,
    kind_by_content,
    missing_packages,
    suffixes,
)


@pytest.mark.parametrize(
    ("name", "picture", "raw"),
    [
        (b"a.jpg", True, False),
        (b"a.JPG", True, False),
        (b"/some/folder.d/\xff\xe9.TIFF", True, False),
        (b"IMG_1.CR3", True, True),
        (b"a.heic", True, False),
        (b"a.jpg.txt", False, False),
        (b"folder.jpg/readme", False, False),
        (b".jpg", False, False),
        (b"jpg", False, False),
    ],
)
def test_names_say_what_is_a_picture(name, picture, raw):
    assert is_picture_name(name) is picture
    assert is_raw_name(name) is raw


def test_every_suffix_is_lower_case_with_its_dot():
    assert all(suffix.startswith(b".") and suffix == suffix.lower() for suffix in suffixes())
    assert set(suffixes().values()) == set(KindOfPicture)


@pytest.mark.parametrize(
    ("format", "kind"),
    [
        ("JPEG", KindOfPicture.JPEG),
        ("PNG", KindOfPicture.PNG),
        ("WEBP", KindOfPicture.WEBP),
        ("TIFF", KindOfPicture.TIFF),
        ("BMP", KindOfPicture.BMP),
        ("GIF", KindOfPicture.GIF),
        ("AVIF", KindOfPicture.AVIF),
    ],
)
def test_content_says_which_kind_it_is(format, kind):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(buffer, format)
    assert kind_by_content(buffer.getvalue()) is kind


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", KindOfPicture.HEIC),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", KindOfPicture.AVIF),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", KindOfPicture.RAW),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", None),
        (b"FUJIFILMCCD-RAW 0201", KindOfPicture.RAW),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_containers_are_told_apart_by_their_brands(start, kind):
    assert kind_by_content(start) is kind


def test_only_kinds_that_need_one_miss_a_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None)
    assert missing_packages(b"a.heic") == "pillow-heif"
    assert missing_packages(b"a.nef") == "rawpy"
    assert missing_packages(b"a.jpg") is None
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: object())
    assert missing_packages(b"a.heic") is None
