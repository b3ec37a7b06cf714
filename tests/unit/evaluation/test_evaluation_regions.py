"""The protocol `regions`: what is pasted, what is asked, and what is counted."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from desktop_app.bootstrap import Options, is_picture_name, open_engine
from desktop_app.domain.errors import UsageError
from desktop_app.domain.query import PixelPicture
from desktop_app.evaluation.composites import outline_mask
from desktop_app.evaluation.photo_set import MadePictures
from desktop_app.evaluation.regions import AREA, ellipse, evaluate_regions, pasted, region_material
from desktop_app.services.engine import Engine

SIDE = 200


def write(folder: Path, photo: np.ndarray, count: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        cut = photo[10 * number : 10 * number + SIDE, 15 * number : 15 * number + SIDE, ::-1]
        cv2.imwrite(str(folder / f"{number}.png"), np.ascontiguousarray(cut))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Things (cups, cats, and one thing alone) and backgrounds."""
    root = tmp_path_factory.mktemp("regions")
    write(root / "things" / "cups", data.coffee(), 4)
    write(root / "things" / "cats", data.chelsea(), 4)
    write(root / "things" / "alone", data.astronaut(), 1)
    write(root / "backgrounds", data.rocket(), 8)
    return root / "things", root / "backgrounds"


@pytest.fixture(scope="module")
def engine(tiny_pack: Path) -> Engine:
    return open_engine(Options(threads=1), str(tiny_pack))


def test_the_region_is_the_box_of_a_thing_on_a_tenth_of_the_picture(
    sets: tuple[Path, Path], engine: Engine
) -> None:
    things, backgrounds = sets
    for seed in range(5):
        item, mask = pasted(
            things / "cups" / "0.png",
            backgrounds / "1.png",
            MadePictures(engine),
            np.random.default_rng(seed),
        )
        assert isinstance(item.picture, PixelPicture) and item.region is not None
        assert item.picture.rgb.shape[:2] == mask.shape == (SIDE, SIDE)
        assert AREA[0] * 0.8 <= mask.mean() <= AREA[1] * 1.2
        box = item.region
        inside = mask[box.y : box.y + box.h, box.x : box.x + box.w]
        assert inside.sum() == mask.sum()
        assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def test_the_ellipse_lies_in_the_middle() -> None:
    mask = outline_mask(ellipse(100, 60), 100, 60)
    assert mask[50, 30] and not mask[3, 30] and not mask[50, 1] and not mask[12, 8]
    assert mask.mean() == pytest.approx(np.pi / 4 * 0.81, abs=0.02)


def test_neither_the_pasted_photo_nor_its_background_is_in_the_library(
    sets: tuple[Path, Path], engine: Engine
) -> None:
    things, backgrounds = sets
    made = region_material(
        things, backgrounds, MadePictures(engine), is_picture_name, queries=3, distractors=50, seed=2
    )
    assert len(made.pictures) == (9 - 3) + (8 - 3) and len(made.tasks) == 3
    for _item, right in made.tasks:
        folders = {Path(str(made.pictures[number])).parent.name for number in right}
        assert len(folders) <= 1 and "backgrounds" not in folders


def test_a_report_compares_with_and_without_the_region(sets: tuple[Path, Path], engine: Engine) -> None:
    things, backgrounds = sets
    job = evaluate_regions(things, backgrounds, [engine], is_picture=is_picture_name, queries=4, distractors=3)
    while True:
        try:
            next(job)
        except StopIteration as end:
            report = end.value
            break
    assert [(row.names["profile"], row.names["region"]) for row in report.rows] == [
        ("instant", "without"),
        ("instant", "with"),
        ("balanced", "without"),
        ("balanced", "with"),
    ]
    for without, with_region in zip(report.rows[::2], report.rows[1::2], strict=True):
        assert without.measures["errors_removed"] is None
        missed = 1.0 - (without.measures["R@1"] or 0.0)
        still = 1.0 - (with_region.measures["R@1"] or 0.0)
        assert with_region.measures["errors_removed"] == (pytest.approx(1 - still / missed) if missed else None)


def test_numbers_that_ask_nothing_are_refused(sets: tuple[Path, Path], engine: Engine) -> None:
    with pytest.raises(UsageError, match="0 objects cannot be asked for"):
        next(evaluate_regions(*sets, [engine], is_picture=is_picture_name, queries=0))
