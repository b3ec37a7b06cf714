"""A killed run loses at most the batch in flight, and the resumed library answers like one that never was."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tests.acceptance.conftest import Run
from tests.support.killable import POINTS


def rankings(indicium: Run, photos: Path, library: Path) -> dict[str, list[tuple[str, float]]]:
    """The answers to every tenth photo: paths and scores, best first."""
    answers = {}
    for query in sorted(photos.rglob("*.*"))[::5]:
        search = indicium("search", query, "--library", library, "--top", 20, "--json")
        assert search.code == 0
        answers[query.name] = [(result["path"], result["score"]) for result in search.json["results"]]
    return answers


@pytest.fixture
def uninterrupted(photos: Path, indicium: Run, tmp_path: Path) -> dict[str, list[tuple[str, float]]]:
    whole = tmp_path / "whole"
    assert indicium("index", photos, "--library", whole).code == 0
    return rankings(indicium, photos, whole)


def test_killed_at_every_kind_of_moment_and_resumed(
    photos: Path, indicium: Run, process: Run, tmp_path: Path, uninterrupted: dict[str, list[tuple[str, float]]]
) -> None:
    library = tmp_path / "killed"
    seeded = random.Random(20)
    moments = [
        ("decoding", seeded.randint(1, 5)),
        ("preview", seeded.randint(1, 5)),
        ("commit", seeded.randint(2, 8)),
        ("committed", 1),
        ("commit", seeded.randint(2, 8)),
        ("snapshot-before", 1),
        ("snapshot-after", 1),
        ("snapshot-before", 2),
        ("clock", seeded.randint(300, 1200)),
    ]
    assert {point for point, _ in moments} == set(POINTS)
    indexed = 0
    for point, number in moments:
        killed = process(point, number, "index", photos, "--library", library, module="tests.support.killable")
        if point != "clock":
            assert killed.code == -signal.SIGKILL, f"{point} {number}: {killed.err}"
        if not (library / "catalogue.sqlite").exists():
            continue
        check = indicium("library", "check", library, "--json")
        assert check.json["problems"] == [], f"after a kill at {point} {number}"
        now = indicium("library", "stats", library, "--json").json["indexed"]
        assert now >= indexed, "what was committed stays"
        indexed = now
    done = indicium("index", photos, "--library", library, "--json")
    assert done.code == 0
    assert done.json["indexed"] + done.json["unchanged"] == 40
    stats = indicium("library", "stats", library, "--json").json
    assert (stats["photos"], stats["indexed"], stats["pending"]) == (40, 40, 0), "every photo in, none twice"
    assert indicium("library", "check", library).code == 0
    assert rankings(indicium, photos, library) == uninterrupted
    assert not list((library / "previews" / "unfinished").glob("*"))


def test_interrupted_by_the_person_it_says_how_to_go_on(photos: Path, process: Run, indicium: Run) -> None:
    stopped = process("decoding", 20, "index", photos, module="tests.support.interrupted")
    assert stopped.code == 130
    assert "again to go on" in stopped.err and "Traceback" not in stopped.err
    assert indicium("index", photos, "--json").code == 0
    assert indicium("library", "stats", "--json").json["indexed"] == 40
