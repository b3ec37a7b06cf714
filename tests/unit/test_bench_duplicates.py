"""The judge of the measurement of duplicates: right, wrong, and neither."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from skimage import data

from tests.bench.duplicates import judge
from tests.support.natural_duplicates import same_photo

ASTRONAUT = data.astronaut()
OTHERS = {
    "cut": lambda rgb: rgb[30:430, 60:500],
    "small": lambda rgb: cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "mirrored": lambda rgb: np.ascontiguousarray(rgb[:, ::-1]),
    "darker": lambda rgb: (rgb * 0.7).astype(np.uint8),
}


@pytest.mark.parametrize("name", OTHERS)
def test_versions_of_one_photo_are_one(name):
    assert same_photo(ASTRONAUT, OTHERS[name](ASTRONAUT))


def test_another_photo_another_moment_and_another_colour_are_not():
    moved = ASTRONAUT.copy()
    moved[100:250, 150:300] = np.roll(ASTRONAUT, 90, axis=1)[100:250, 150:300]
    assert not same_photo(ASTRONAUT, moved)
    assert not same_photo(ASTRONAUT, data.coffee())
    assert not same_photo(ASTRONAUT, (ASTRONAUT * (1.0, 0.5, 1.0)).astype(np.uint8))


def test_natural_duplicates_are_neither_right_nor_wrong(tmp_path: Path):
    pictures = {
        "000000-original.jpg": ASTRONAUT,
        "000000-crop.jpg": ASTRONAUT[40:480, 40:480],
        "000001-original.jpg": OTHERS["cut"](ASTRONAUT),  # what hashes did not see
        "000002-original.jpg": data.coffee(),
        "000003-original.jpg": data.rocket(),
        "000003-blur.jpg": data.rocket(),
    }
    files = {name: tmp_path / name for name in pictures}
    for name, rgb in pictures.items():
        cv2.imwrite(str(files[name]), cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR))
    (tmp_path / "natural.txt").write_text("a\tb", encoding="utf-8")
    group = SimpleNamespace(
        photos=[SimpleNamespace(photo=SimpleNamespace(name=name)) for name in list(pictures)[:4]]
    )
    everything = judge(files, [group], 1.0, Namespace(work=tmp_path))[0]
    assert (everything["copies"], everything["recall"]) == (2, 0.5)
    assert everything["natural pairs left out"] == 2 and everything["wrong pairs"] == 3
    assert everything["precision, pairs"] == pytest.approx(1 - 3 / 4)
    wrong = (tmp_path / "wrong.txt").read_text(encoding="utf-8").splitlines()
    assert all("000002" in line for line in wrong) and len(wrong) == 3
    assert (tmp_path / "missed.txt").read_text(encoding="utf-8") == "000003-blur.jpg"
