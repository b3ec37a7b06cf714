"""The results page: tables from documents, steps that are kept, skipped or fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import models.results.__main__ as page_command
from models.results.steps import STEPS, Step, _by_set
from models.results.tables import cell, named_rows, report_rows, table

PLACES = ("data", "pack", "teacher", "cache", "run", "work")


def test_a_table_has_every_column_and_a_dash_where_a_row_lacks_it() -> None:
    lines = table([{"system": "a", "mAP": 0.12345}, {"system": "b", "R@1": 1.0}]).splitlines()
    assert lines[0] == "| system | mAP | R@1 |"
    assert lines[2:] == ["| a | 0.123 | - |", "| b | - | 1.000 |"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (12345, "12,345"),
        ([0.05, 0.01, 0.09], "+0.050 [+0.010, +0.090]"),
        (["global", "local"], "global, local"),
        ("a|b", "a/b"),
    ],
)
def test_cells(value: object, text: str) -> None:
    assert cell(value) == text


def test_nested_measures_become_columns() -> None:
    rows = named_rows({"alpha": {"mAP": 0.5, "minus base": {"mAP": [0.1, 0.0, 0.2]}}})
    assert rows == [{"system": "alpha", "mAP": 0.5, "minus base mAP": [0.1, 0.0, 0.2]}]


def test_a_named_interval_is_one_column() -> None:
    rows = named_rows({"beta": {"minus alpha": {"mAP": {"difference": 0.1, "low": 0.0, "high": 0.2}}}})
    assert rows == [{"system": "beta", "minus alpha mAP": [0.1, 0.0, 0.2]}]


@pytest.mark.parametrize("key", ["figures", None])
def test_figures_by_set_are_a_row_for_each_set_and_system(key: str | None) -> None:
    figures = {"data/grocery": {"photos": 9, "systems": {"alpha": {"mAP": 0.5}, "beta": {"mAP": 0.6}}}}
    rows = _by_set(*([key] if key else []))({key: figures, "seed": 1} if key else figures)
    assert rows == [
        {"set": "grocery", "system": "alpha", "mAP": 0.5},
        {"set": "grocery", "system": "beta", "mAP": 0.6},
    ]


def test_the_rows_of_a_report_come_without_their_times() -> None:
    document = {"protocol": "folders", "rows": [{"pack": "p", "mAP": 0.5, "seconds": 3.0}]}
    assert report_rows(document) == [{"pack": "p", "mAP": 0.5}]


def test_every_step_has_its_own_name_and_known_places() -> None:
    assert len({step.name for step in STEPS}) == len(STEPS)
    for step in STEPS:
        assert all(part.format(**dict.fromkeys(PLACES, "x")) for part in step.command)


def test_the_page_shows_what_was_measured_and_says_what_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(document: object) -> list[dict[str, object]]:
        return [dict(document)]  # type: ignore[call-overload]

    steps = (
        Step("good", "One", "A figure", ("-c", "print('{{\"figure\": 0.25}}')"), rows),
        Step("lacking", "One", "Another", ("-c", "1 / 0"), rows, ("evaluate/none",)),
        Step("broken", "Two", "A third", ("-c", "raise SystemExit(3)"), rows),
    )
    monkeypatch.setattr(page_command, "STEPS", steps)
    monkeypatch.setattr(page_command, "PAGE", tmp_path / "RESULTS.md")
    arguments = ["--data", str(tmp_path), "--teacher", "none", "--work", str(tmp_path / "work")]
    page_command.main(arguments)
    text = (tmp_path / "RESULTS.md").read_text()
    assert "| 0.250 |" in text and "evaluate/none is not there" in text and "exit code 3" in text
    kept = tmp_path / "work" / "good.json"
    kept.write_text(json.dumps({"seconds": 1, "document": {"figure": 0.75}}))
    page_command.main(arguments)  # what was measured is not measured again
    assert "| 0.750 |" in (tmp_path / "RESULTS.md").read_text()
