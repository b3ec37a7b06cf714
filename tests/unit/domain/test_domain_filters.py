"""Filters as values: parsed, toggled, kept as JSON, and refused with the remedy."""

from __future__ import annotations

import datetime
import json

import pytest

from desktop_app.domain.errors import UsageError
from desktop_app.domain.filters import FilterKind, PhotoFilter, circle, date_range, position, rating_range


def seconds(*day: int) -> float:
    return datetime.datetime(*day, tzinfo=datetime.UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019", (seconds(2019, 1, 1), seconds(2020, 1, 1))),
        ("2020-02", (seconds(2020, 2, 1), seconds(2020, 3, 1))),
        ("2019-12-31", (seconds(2019, 12, 31), seconds(2020, 1, 1))),
        ("2018..2019-02", (seconds(2018, 1, 1), seconds(2019, 3, 1))),
        ("..2019", (float("-inf"), seconds(2020, 1, 1))),
        ("2019-06..", (seconds(2019, 6, 1), float("inf"))),
    ],
)
def test_dates(text, expected):
    assert date_range(text) == expected


@pytest.mark.parametrize("text", ["", "..", "19", "2019-13", "2019-02-30", "0000", "2019...2020", "2019-1"])
def test_what_is_no_date_is_refused_with_examples(text):
    with pytest.raises(UsageError) as told:
        PhotoFilter(((FilterKind.DATE, text),))
    assert "2019-05" in (told.value.remedy or "")


def test_ratings_and_places():
    assert rating_range("3") == (3, 3) and rating_range("3+") == (3, 5) and rating_range("-1") == (-1, -1)
    assert position("48.21,16.37") == (48.21, 16.37, None) and position("48,16,2.5") == (48, 16, 2.5)
    assert position("Wien, Austria") is None and position("nan,1") is None
    assert PhotoFilter(((FilterKind.PLACE, "48.21,-0.01"),)).of(FilterKind.PLACE) == ("48.2,0.0",)
    assert position(circle(-33.8523456, -0.000001, 10)) == (-33.85235, 0.0, 10.0)
    assert PhotoFilter.parse(["located=YES"]).of(FilterKind.LOCATED) == ("yes",)
    with pytest.raises(UsageError, match="cannot be used for 'located'") as told:
        PhotoFilter.parse(["located=Vienna"])
    assert told.value.remedy == "Write yes or no"


def test_choices_are_toggled_and_equal_in_any_order():
    one = PhotoFilter().toggled(FilterKind.TAG, "sea").toggled(FilterKind.FORMAT, "jpeg")
    other = PhotoFilter().toggled(FilterKind.FORMAT, "JPEG").toggled(FilterKind.TAG, "sea")
    assert one == other and hash(one) == hash(other) and one and not PhotoFilter()
    assert one.toggled(FilterKind.TAG, "sea") == other.without(FilterKind.TAG)
    assert one.of(FilterKind.FORMAT) == ("JPEG",)


def test_a_filter_survives_json():
    chosen = PhotoFilter(
        ((FilterKind.CAMERA, ""), (FilterKind.FOLDER, "/p/\udcff")),
        text='boat "blue sea"',
        within=frozenset({3, 1}),
    )
    assert PhotoFilter.from_json(json.loads(json.dumps(chosen.as_json()))) == chosen


@pytest.mark.parametrize(
    "document",
    [None, [], {"choices": [["colour", "red"]]}, {"choices": 3}, {"within": ["x"]}, {"choices": [["tag"]]}],
)
def test_what_is_no_filter_is_refused(document):
    with pytest.raises(UsageError, match="no filter"):
        PhotoFilter.from_json(document)


def test_typed_filters():
    chosen = PhotoFilter.parse(["tag=sea", "TEXT=blue  boat", "camera=X = Y", "size=Large"])
    assert chosen.text == "blue boat"
    assert chosen.of(FilterKind.CAMERA) == ("X = Y",) and chosen.of(FilterKind.SIZE) == ("large",)
    for odd in ("sea", "colour=red", "size=tiny", "tag= ", "marked=perhaps"):
        with pytest.raises(UsageError):
            PhotoFilter.parse([odd])
