"""Outlines drawn by hand: what lies inside them, what is cut off, and what cannot be one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from desktop_app.domain.errors import UsageError
from desktop_app.domain.geometry import Region
from desktop_app.domain.outline import MOST_POINTS, Outline, even_odd, parse_part
from desktop_app.domain.query import LibraryPicture, Query, QueryItem, Turn, can_be_turned

SQUARE = Outline(((10, 10), (50, 10), (50, 50), (10, 50)))
points = st.lists(st.tuples(st.integers(-40, 140), st.integers(-40, 140)), min_size=3, max_size=12)


def made(found: list[tuple[int, int]]) -> Outline:
    try:
        return Outline(tuple(found))
    except UsageError:
        assume(False)
        raise


def crosses(outline: list[tuple[float, float]], x: float, y: float) -> bool:
    """One point, by counting the edges that a ray to the left crosses."""
    odd = False
    for (x0, y0), (x1, y1) in zip(outline, [*outline[1:], outline[0]], strict=True):
        if (y0 <= y) != (y1 <= y) and x >= x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            odd = not odd
    return odd


@given(points)
def test_a_lattice_is_filled_as_point_by_point(found):
    xs, ys = np.arange(-45.0, 145.0, 7.3), np.arange(-45.0, 145.0, 9.1)
    got = even_odd(np.array(found, float), xs, ys)
    assert got.tolist() == [[crosses(found, x, y) for x in xs] for y in ys]


def test_what_is_enclosed_twice_lies_outside():
    turn = np.arange(5) * 4 * math.pi / 5
    star = Outline.of(zip(100 + 90 * np.sin(turn), 100 - 90 * np.cos(turn), strict=True))
    inside = star.inside(np.array([100.0]), np.array([40.0, 100.0, 199.0])).ravel()
    assert inside.tolist() == [True, False, False]


def test_half_of_a_box_lies_inside_a_triangle():
    triangle = Outline(((0, 0), (100, 0), (0, 80)))
    assert triangle.box == Region(0, 0, 100, 80)
    assert triangle.samples(triangle.box).mean() == pytest.approx(0.5, abs=0.01)


@given(points)
def test_cutting_at_the_edges_of_the_picture_changes_nothing_inside(found):
    whole, picture = made(found), Region(0, 0, 100, 90)
    try:
        cut = whole.clipped(100, 90)
    except UsageError:
        assert whole.samples(picture).mean() < 0.05, "only a sliver may be lost to whole pixels"
        return
    box = cut.box
    assert box.x >= 0 and box.y >= 0 and box.x + box.w <= 100 and box.y + box.h <= 90
    edges = len(found) * 2 * 0.01  # each may move by half a pixel
    assert (whole.samples(picture) != cut.samples(picture)).mean() <= edges


@given(points, st.integers(1, 300), st.integers(1, 300))
def test_a_moved_outline_fills_its_new_box(found, w, h):
    box = Region(-5, 7, w + 20, h + 20)
    assert made(found).moved_to(box).box == box


@given(points)
def test_text_and_lists_hold_all_of_it(found):
    outline = made(found)
    assert parse_part(outline.text) == outline
    assert Outline.of((x, y) for x, y in outline.as_lists()).samples(outline.box).tolist() == (
        outline.samples(outline.box).tolist()
    )


def test_four_numbers_are_still_a_rectangle():
    assert parse_part("1,2,30,40") == Region(1, 2, 30, 40) and Region(1, 2, 30, 40).text == "1,2,30,40"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2 3,4", "at least 3 points, not 2"),
        ("0,0 50,50 100,100", "encloses nothing"),
        ("5,5 5,5 5,5", "encloses nothing"),
        ("0,0 9,0 9,9 0,0 9,0 9,9", "encloses nothing"),  # there and there again
        ("0,0 9,0 nan,9", "is not an outline"),
        ("0,0 9,0 9,9,9", "is not an outline"),
        ("0,0 9,0 9", "is not an outline"),
        (" ".join(f"{i},{i % 7}" for i in range(MOST_POINTS + 1)), "too long"),
    ],
)
def test_what_is_no_outline_is_a_sentence_with_its_remedy(text, words):
    with pytest.raises(UsageError, match=words) as told:
        parse_part(text)
    assert told.value.remedy


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_points_must_be_numbers(number):
    with pytest.raises(UsageError, match="cannot go through"):
        Outline.of([(0, 0), (10, 0), (number, 10)])


def test_an_outline_beside_the_picture_is_told():
    with pytest.raises(UsageError, match=r"outside the picture \(9 x 9\)"):
        SQUARE.clipped(9, 9)
    assert SQUARE.clipped(30, 30).box == Region(10, 10, 20, 20)


def test_an_item_asks_with_an_outline_or_a_rectangle_and_loses_them_again():
    item = QueryItem(LibraryPicture(1)).with_part(SQUARE)
    assert item.part == SQUARE and item.region == SQUARE.box
    assert item.with_part(Region(1, 2, 3, 4)).part == Region(1, 2, 3, 4)
    assert item.with_part(None) == QueryItem(LibraryPicture(1))


def test_a_question_about_a_part_looks_for_turned_pictures_no_longer():
    whole = QueryItem(LibraryPicture(1), turn=Turn(90))
    query = Query((whole,), turned=True)
    part = query.with_items((whole.with_part(SQUARE),))
    assert not part.turned and part.items[0].turn == Turn(90)
    assert can_be_turned((whole,)) and not can_be_turned(part.items) and query.with_items((whole,)).turned
