from __future__ import annotations

from xml.etree import ElementTree

from desktop_app.domain.photos import Skipped
from desktop_app.evaluation.plot import MOST_MEASURES, MOST_ROWS, bar_chart
from desktop_app.evaluation.report import Report, Row

SVG = "{http://www.w3.org/2000/svg}"
ROWS = (
    Row("one", {"profile": "instant", "stages_run": ["global"]}, {"mAP": 0.25, "R@1": None, "seconds": 1.23456}),
    Row("two|b", {"profile": "balanced", "stages_run": ["global", "local"]}, {"mAP": 0.5, "seconds": 2.0}),
)
REPORT = Report("made", 1234, 56, ROWS)


def bars(picture: str) -> list[float]:
    rectangles = ElementTree.fromstring(picture).iter(f"{SVG}rect")
    return [float(one.get("width")) for one in rectangles if one.get("width") != "100%"]


def words(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_json_has_names_before_measures_and_rounds() -> None:
    document = REPORT.as_json()
    assert list(document) == ["protocol", "images", "queries", "rows"]
    assert document["rows"][0] == {
        "pack": "one",
        "profile": "instant",
        "stages_run": ["global"],
        "mAP": 0.25,
        "R@1": None,
        "seconds": 1.235,
    }
    assert list(document["rows"][0])[:3] == ["pack", "profile", "stages_run"]


def test_values_of_queries_and_notes_are_there_only_when_wanted() -> None:
    row = Row("one", {}, {"mAP": 0.5}, per_query={"mAP": (1 / 3, None, 2 / 3)})
    report = Report("made", 3, 2, (row,), notes=("Not the whole set.",))
    assert "per_query" not in report.as_json()["rows"][0]
    assert report.as_json(per_query=True)["rows"][0]["per_query"] == {"mAP": [0.333333, None, 0.666667]}
    assert report.as_json()["notes"] == ["Not the whole set."]


def test_markdown_is_a_table_without_empty_columns() -> None:
    lines = Report("made", 1234, 56, ROWS, (Skipped(b"x", "broken"),), ("Take care.",)).to_markdown().splitlines()
    assert lines[0] == "# made"
    assert lines[2] == "1,234 photos, 56 queries."
    assert lines[4] == "| pack | profile | stages | mAP | seconds |"
    assert lines[5] == "| --- | --- | --- | ---: | ---: |"
    assert lines[6] == "| one | instant | global | 0.250 | 1.2 |"
    assert lines[7] == "| two\\|b | balanced | global, local | 0.500 | 2.0 |"
    assert "1 files could not be read." in lines and lines[-1] == "Take care."


def test_bars_are_as_long_as_their_figures() -> None:
    first, second = bars(bar_chart(REPORT))
    assert 0 < first == second / 2
    text = words(bar_chart(REPORT))
    assert "mAP (0 to 1)" in text and "0.250" in text and "one, instant" in text
    assert not any("seconds" in word or "R@1" in word for word in text)


def test_a_measure_above_one_gets_an_axis_of_its_own_and_one_below_zero_no_bar() -> None:
    rows = (Row("a", {}, {"N-S": 3.0, "gain": -0.5}), Row("b", {}, {"N-S": 1.5, "gain": 0.5}))
    picture = bar_chart(Report("ukbench", 4, 4, rows))
    assert "N-S (0 to 3)" in words(picture) and "-0.500" in words(picture)
    high, half, none, some = bars(picture)
    assert half == high / 2 and none == 0 and some == half


def test_names_are_escaped_and_many_rows_are_cut() -> None:
    rows = tuple(Row(f"<&{at}>", {"profile": "x" * 200}, {f"m{n}": 0.5 for n in range(20)}) for at in range(60))
    picture = bar_chart(Report("made", 1, 1, rows))
    assert len(bars(picture)) == MOST_ROWS * MOST_MEASURES
    assert f"the first {MOST_ROWS} of 60 rows" in words(picture)[0]
    assert any(word.startswith("<&0>") and word.endswith("\N{HORIZONTAL ELLIPSIS}") for word in words(picture))


def test_nothing_to_draw_is_a_picture_all_the_same() -> None:
    assert bars(bar_chart(Report("made", 0, 0, ()))) == []
