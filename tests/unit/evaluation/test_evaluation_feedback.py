"""The simulated user, and the protocol that it drives."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from desktop_app.bootstrap import Options, is_picture_name, open_engine
from desktop_app.domain.errors import UsageError
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import FilePicture, LibraryPicture, Mark, PhotoMark, QueryItem, Side
from desktop_app.evaluation.feedback import ROUNDS, Rounds, evaluate_feedback
from desktop_app.evaluation.feedback_material import class_material, made_library
from desktop_app.evaluation.report import Report
from desktop_app.evaluation.simulated_user import Task, clicks, object_shares, patch_in_object
from tests.support.tiny_pack import make_tiny_pack

GRID, BOX = Grid(12, 16), Region(0, 0, 320, 240)


def ids(*numbers: int) -> tuple[PhotoId, ...]:
    return tuple(PhotoId(number) for number in numbers)


def task(*right: int) -> Task:
    mask = np.zeros((240, 320), dtype=bool)
    mask[60:120, 200:300] = True
    shares = object_shares(mask)
    return Task(QueryItem(FilePicture(b"/q.jpg")), {PhotoId(number): shares for number in right})


def click(of: Task, found: tuple[PhotoId, ...], marked: frozenset[PhotoId] = frozenset()):  # type: ignore[no-untyped-def]
    return clicks(of, found, marked, lambda _photo: (GRID, BOX))


def test_the_first_two_right_results_are_clicked_in_the_object_and_the_first_wrong_one_is_rejected() -> None:
    made = click(task(2, 4, 6), ids(1, 2, 3, 4, 5, 6))
    assert [(mark.photo, mark.sign) for mark in made.marks] == [(1, -1), (2, 1), (4, 1)]
    assert made.seen == frozenset(ids(1, 2, 3, 4))
    rejected, patch = made.marks[:2]
    assert isinstance(rejected, PhotoMark) and isinstance(patch, Mark) and patch.side is Side.RESULT
    assert patch.cell in {Cell(row, column) for row in range(3, 6) for column in range(10, 15)}


def test_photos_that_were_marked_before_are_passed_over() -> None:
    made = click(task(2, 4, 6), ids(1, 2, 3, 4, 5, 6), frozenset(ids(1, 2, 4)))
    assert [(mark.photo, mark.sign) for mark in made.marks] == [(3, -1), (6, 1)]


def test_who_sees_nothing_right_rejects_and_gives_up() -> None:
    made = click(task(99), ids(*range(90)))
    assert [(mark.photo, mark.sign) for mark in made.marks] == [(0, -1)] and made.seen == frozenset(ids(0))
    assert click(task(), ()).marks == ()


@pytest.mark.parametrize("grid", [Grid(12, 16), Grid(5, 5), Grid(1, 1), Grid(30, 20)])
def test_the_patch_lies_in_the_object(grid: Grid) -> None:
    shares = next(iter(task(1).right.values()))
    region = grid.cell_region(patch_in_object(shares, grid), BOX)
    assert region.x < 300 and region.x + region.w > 200 and region.y < 120 and region.y + region.h > 60


def test_all_rounds_are_scored_without_what_was_seen_in_any() -> None:
    right = task(2, 4, 6).right
    rounds = Rounds((ids(2, 1, 3, 4, 5, 6), ids(2, 4, 6, 1, 3, 5)), frozenset(ids(1, 2)))
    assert rounds.average_precisions(right) == pytest.approx([(1 / 2 + 2 / 4) / 2, 1.0])
    assert Rounds((ids(2, 1), ids(1, 2)), frozenset(ids(2))).average_precisions(right) is None


def test_the_protocol_asks_and_reports_every_round_and_both_ways_of_automatic_feedback(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    random = np.random.default_rng(1)
    for number in range(14):
        photo = (data.coffee, data.chelsea, data.rocket)[number % 3]()
        y, x = (int(random.integers(0, side - 140)) for side in photo.shape[:2])
        cut = cv2.cvtColor(np.ascontiguousarray(photo[y : y + 140, x : x + 140]), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), cut)
    pack = make_tiny_pack(tmp_path / "tiny")

    def run(**more: object) -> Report:
        engine = open_engine(Options(threads=1), str(pack))
        job = evaluate_feedback(
            tmp_path / "photos",
            [engine],
            is_picture=is_picture_name,
            tasks=2,
            others=6,
            **more,  # type: ignore[arg-type]
        )
        while True:
            try:
                next(job)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]

    report = run()
    ways = [row.names["feedback"] for row in report.rows]
    assert ways[-3:] == ["none", "automatic, average", "automatic, maximum"]
    assert ways[:-3] == ["none, residual gallery", *(f"round {number}" for number in range(1, ROUNDS + 1))]
    for row in report.rows:
        assert 0.0 <= (row.measures["mAP"] or 0.0) <= 1.0 and len(row.per_query["mAP"]) <= 2
    first = [row for row in report.rows if str(row.names["feedback"]).startswith("none")]
    assert all(row.measures["gain"] == 0.0 and row.measures["not_worse"] == 1.0 for row in first)
    assert [row.measures for row in run().rows] == [row.measures for row in report.rows]
    alone = run(marks=False)
    assert [row.names["feedback"] for row in alone.rows] == ways[-3:]
    assert [row.measures for row in alone.rows] == [row.measures for row in report.rows[-3:]]
    with pytest.raises(UsageError, match="no test 'objects'"):
        run(tests=["objects"])


def test_folders_are_classes_that_a_photo_asks_for(tmp_path: Path) -> None:
    for name, photo in (("cats", data.chelsea()), ("cups", data.coffee()), ("alone", data.rocket())):
        (tmp_path / name).mkdir()
        for number in range(1 if name == "alone" else 3):
            cut = cv2.cvtColor(
                np.ascontiguousarray(photo[20 * number : 20 * number + 200, :200]), cv2.COLOR_RGB2BGR
            )
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), cut)
    (tmp_path / "cats" / "broken.jpg").write_bytes(b"no picture")
    made = class_material(tmp_path, is_picture_name, tasks=6, seed=1)
    assert len(made.pictures) == 8 and len(made.tasks) == 6
    engine = open_engine(Options(threads=1), str(make_tiny_pack(tmp_path / "alone" / "tiny")))
    for _ in range(2):  # one engine serves one library after the other
        with made_library(made, engine, threads=1) as (library, tasks):
            assert tasks and library.counts().photos == 7
    with made_library(made, engine, threads=1) as (library, tasks):
        names = {photo.id: photo.name for photo in library.photos_page(limit=10)}
        assert not any("cats" in name or "cups" in name for name in names.values())
        for one in tasks:  # the broken file neither asks nor answers
            assert isinstance(one.item.picture, LibraryPicture)
            assert len(one.right) == 2 and one.item.picture.id not in one.right
