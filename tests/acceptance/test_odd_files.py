"""Unusual files are indexed with the right pixels; unusable ones are named with a reason; nothing else stops."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from desktop_app.bootstrap import Options, open_library
from desktop_app.imaging.preview import decode_preview, encode_preview
from tests.acceptance.conftest import Run
from tests.support.odd_files import (
    UNUSABLE_KINDS,
    UNUSUAL_KINDS,
    difference,
    make_unusable,
    make_unusual,
    tolerance,
)

NO_FILES = {"folder named .jpg", "pipe named .jpg"}  # the scan counts them as other kinds of file
ROUNDING = 1.0  # what compressing both sides as a preview may add to the difference
# Root may read every file, so for root that kind is a healthy photo.
KINDS = [kind for kind in UNUSABLE_KINDS if os.geteuid() != 0 or kind != "unreadable by permission"]


def test_one_file_of_every_kind_among_healthy_photos(photos: Path, indicium: Run) -> None:
    unusual = make_unusual(photos / "unusual", len(UNUSUAL_KINDS), seed=3)
    unusable = make_unusable(photos / "unusable", len(KINDS), seed=3, kinds=KINDS)
    index = indicium("index", photos, "--json")
    assert index.code == 0
    skipped = {item["path"]: item["reason"] for item in index.json["skipped"]}

    with open_library(Options(), writer=False) as session:
        for file in unusual:
            photo = session.reader.photo_by_path(os.fsencode(file.path))
            assert photo is not None and photo.fingerprint is not None, file.note
            preview = session.preview(photo)
            assert preview is not None, file.note
            shown = decode_preview(preview)
            assert shown.shape == file.expected.shape, file.note
            expected = decode_preview(encode_preview(file.expected))
            assert difference(shown, expected) <= tolerance(file.path) + ROUNDING, file.note

    for file in unusable:
        reason = skipped.get(str(file.path))
        if file.kind in NO_FILES:
            assert reason is None
        else:
            assert reason and "Traceback" not in reason and reason[0].islower(), (file.kind, reason)
    stats = indicium("library", "stats", "--json").json
    assert stats["indexed"] == 40 + len(unusual)
    assert indicium("library", "check").code == 0


def test_unusable_files_are_tried_again_on_request(photos: Path, indicium: Run) -> None:
    broken = photos / "cat" / "broken.jpg"
    whole = (photos / "cat" / "whole.jpg").read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    (skipped,) = indicium("index", photos, "--json").json["skipped"]
    assert skipped["path"] == str(broken) and "cut short" in skipped["reason"]
    again = indicium("index", photos, "--json").json
    assert (again["indexed"], again["unchanged"], len(again["skipped"])) == (0, 40, 1)
    retried = indicium("index", photos, "--json", "--retry-skipped").json
    assert (retried["indexed"], len(retried["skipped"])) == (0, 1)
    broken.write_bytes(whole + b"\0")
    assert indicium("index", photos, "--json").json["skipped"] == []


def test_a_file_that_goes_in_mid_run_is_named_and_nothing_else_stops(
    photos: Path, indicium: Run, monkeypatch
) -> None:
    from desktop_app.services import index_folder

    gone = photos / "text" / "whole.jpg"
    decode = index_folder.decode_photo

    def decode_after_removal(path: bytes, **asked: bool) -> object:
        gone.unlink(missing_ok=True)
        return decode(path, **asked)

    monkeypatch.setattr(index_folder, "decode_photo", decode_after_removal)
    index = indicium("index", photos, "--json").json
    assert index["indexed"] == 39
    assert [(item["path"], "gone" in item["reason"]) for item in index["skipped"]] == [(str(gone), True)]


def test_regions_are_cut_from_the_original_at_full_resolution(tmp_path: Path, monkeypatch) -> None:
    """A detail that the preview cannot show is seen when a region is asked with."""
    import cv2

    from desktop_app.domain.geometry import Region
    from desktop_app.domain.query import FilePicture, QueryItem
    from desktop_app.services.pictures import load_query

    rgb = np.full((3000, 4000, 3), 128, np.uint8)
    rgb[1000:1256, 2000:2256] = np.indices((256, 256)).sum(axis=0)[..., None] % 2 * 255  # one-pixel checks
    path = tmp_path / "detail.png"
    cv2.imwrite(str(path), rgb)
    item = QueryItem(FilePicture(os.fsencode(path)), region=Region(2000, 1000, 256, 256))
    pixels = load_query(item, None)
    assert pixels.rgb.shape == (256, 256, 3) and (pixels.width, pixels.height) == (4000, 3000)
    assert np.array_equal(pixels.rgb, rgb[1000:1256, 2000:2256])
