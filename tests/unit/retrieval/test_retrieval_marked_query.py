"""Marks on the evidence become the next question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desktop_app.domain.errors import UsageError
from desktop_app.domain.feedback import FeedbackSession
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import (
    AnyMark,
    FilePicture,
    LibraryPicture,
    Mark,
    PhotoMark,
    Query,
    QueryItem,
    RegionMark,
    Side,
)
from desktop_app.retrieval.marked_query import LEAST_SIDE, MARKED, MARKED_ITEM_WEIGHT, query_of
from desktop_app.services.pictures import usable_region

GRID = Grid(14, 14)
BOX = Region(0, 0, 1400, 700)
AROUND_4_6 = Region(200, 0, 900, 450)  # what is seen of the patch in row 4, column 6
QUERY = Query((QueryItem(FilePicture(b"/q.jpg")),))


def next_query(query: Query, marks: tuple[AnyMark, ...]) -> Query:
    return replace(query_of(FeedbackSession(query).with_marks(marks)), round=query.round + 1)


def on_query(row: int, column: int, sign: int, *, item: int = 0) -> Mark:
    return Mark(Side.QUERY, Cell(row, column), GRID, BOX, sign, item=item)


def on_result(row: int, column: int, sign: int, *, photo: int = 7) -> Mark:
    return Mark(Side.RESULT, Cell(row, column), GRID, BOX, sign, photo=PhotoId(photo))


def test_a_wanted_patch_of_the_query_restricts_it_to_the_patch_and_its_surroundings() -> None:
    item = next_query(QUERY, (on_query(4, 6, +1),)).items[0]
    assert item.region == AROUND_4_6
    assert item.grid == Grid(9, 9)
    assert item.cell_weights[Cell(4, 4)] == MARKED
    assert all(0 < weight < MARKED for cell, weight in item.cell_weights.items() if cell != Cell(4, 4))
    assert len(item.cell_weights) == 81


def test_the_surroundings_end_at_the_edge_of_the_picture() -> None:
    item = next_query(QUERY, (on_query(0, 0, +1), on_query(13, 13, +1))).items[0]
    assert item.region == BOX
    assert item.grid == GRID


def test_a_rejected_patch_counts_nothing_and_leaves_the_whole_picture() -> None:
    item = next_query(QUERY, (on_query(4, 6, -1),)).items[0]
    assert item.region is None
    assert item.cell_weights == {Cell(4, 6): 0.0}
    assert item.grid == GRID


def test_a_rejected_patch_beside_a_wanted_one_counts_nothing() -> None:
    item = next_query(QUERY, (on_query(4, 6, +1), on_query(4, 7, -1))).items[0]
    assert item.cell_weights[Cell(4, 5)] == 0.0


def test_a_wanted_patch_of_a_result_joins_the_query_and_the_photo_stays_findable() -> None:
    after = next_query(QUERY, (on_result(4, 6, +1),))
    assert after.items[0] == QUERY.items[0]
    added = after.items[1]
    assert added.picture == LibraryPicture(PhotoId(7))
    assert (added.negative, added.from_mark, added.region) == (False, True, AROUND_4_6)


def test_an_unwanted_patch_of_a_result_is_not_like_this() -> None:
    added = next_query(QUERY, (on_result(4, 6, -1),)).items[1]
    assert (added.negative, added.from_mark) == (True, True)


def test_both_signs_on_one_result_make_two_items() -> None:
    after = next_query(QUERY, (on_result(4, 6, +1), on_result(4, 7, -1), on_result(1, 1, +1, photo=8)))
    assert [(item.negative, item.picture) for item in after.items[1:]] == [
        (False, LibraryPicture(PhotoId(7))),
        (True, LibraryPicture(PhotoId(7))),
        (False, LibraryPicture(PhotoId(8))),
    ]
    assert after.items[1].cell_weights[Cell(4, 5)] == 0.0


def test_the_last_mark_on_a_cell_counts() -> None:
    after = next_query(QUERY, (on_query(4, 6, +1), on_query(4, 6, -1)))
    assert after.items[0].cell_weights == {Cell(4, 6): 0.0}


def test_rounds_are_counted_and_can_follow_each_other() -> None:
    second = next_query(QUERY, (on_query(4, 6, +1),))
    region = second.items[0].region
    assert region is not None
    mark = Mark(Side.QUERY, Cell(2, 2), GRID, region, +1)
    third = next_query(second, (mark,))
    assert (second.round, third.round) == (2, 3)
    inner = third.items[0].region
    assert inner is not None and inner.w < region.w and region.contains(inner.x, inner.y)


def test_no_mark_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="nothing is marked"):
        next_query(QUERY, ())


def test_a_mark_on_a_picture_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="picture 3"):
        next_query(QUERY, (on_query(0, 0, 1, item=2),))


@pytest.mark.parametrize("place", [Cell(5, 7), Cell(0, 0), Cell(11, 15)])
def test_however_many_rounds_mark_one_patch_there_is_enough_left_to_search_with(place: Cell) -> None:
    grid, box, query = Grid(12, 16), Region(0, 0, 1600, 1200), QUERY
    for _ in range(6):
        query = next_query(query, (Mark(Side.QUERY, place, grid, box, +1),))
        region = query.items[0].region
        assert region is not None and min(region.w, region.h) >= LEAST_SIDE
        assert usable_region(region, width=1600, height=1200, name="q") == region
        box = region


def test_a_patch_of_a_small_result_takes_as_many_of_its_cells_as_are_needed() -> None:
    mark = Mark(Side.RESULT, Cell(0, 0), GRID, Region(0, 0, 98, 70), +1, photo=PhotoId(7))
    added = next_query(QUERY, (mark,)).items[1]
    assert added.region == Region(0, 0, 63, 45)
    assert added.grid == Grid(9, 9) and added.cell_weights[Cell(0, 0)] == MARKED


# --- regions, whole photos, weights ---------------------------------------------------------------------------


def region(
    x: int, y: int, w: int, h: int, sign: int, *, photo: int | None = None, weight: float = 1.0
) -> RegionMark:
    side = Side.QUERY if photo is None else Side.RESULT
    return RegionMark(
        side, Region(x, y, w, h), BOX, sign, photo=None if photo is None else PhotoId(photo), weight=weight
    )


def test_a_wanted_rectangle_of_the_query_is_what_is_asked_with() -> None:
    items = next_query(QUERY, (region(100, 50, 300, 200, +1), region(900, 50, 100, 100, +1))).items
    assert [item.region for item in items] == [Region(100, 50, 300, 200), Region(900, 50, 100, 100)]
    assert not any(item.negative or item.cell_weights for item in items)


def test_an_unwanted_rectangle_of_the_query_counts_nothing() -> None:
    item = next_query(QUERY, (region(0, 0, 700, 700, -1),)).items[0]
    assert item.region is None and item.grid is not None
    assert set(item.cell_weights) == {Cell(row, column) for row in range(14) for column in range(7)}
    assert not any(item.cell_weights.values())


def test_an_unwanted_rectangle_inside_a_wanted_one_counts_nothing() -> None:
    item = next_query(QUERY, (region(0, 0, 1400, 700, +1), region(0, 0, 1400, 350, -1))).items[0]
    assert item.region == BOX
    assert set(item.cell_weights) == {Cell(row, column) for row in range(7) for column in range(14)}


def test_a_patch_beats_the_rectangle_it_lies_in() -> None:
    item = next_query(QUERY, (on_query(4, 6, +1), region(0, 0, 1400, 700, -1))).items[0]
    assert {cell for cell, weight in item.cell_weights.items() if weight} == {Cell(4, 4)}


def test_marking_all_of_the_query_unwanted_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="all of picture 1 is marked"):
        next_query(QUERY, (region(0, 0, 1400, 700, -1), region(700, 0, 700, 700, -1)))
    with pytest.raises(UsageError, match="all of picture 1 is marked"):
        next_query(QUERY, (region(0, 0, 700, 700, +1), region(0, 0, 1400, 700, -1)))


def test_a_rectangle_that_reaches_over_the_edge_is_cut_and_one_outside_is_a_sentence() -> None:
    assert next_query(QUERY, (region(1300, 600, 500, 500, +1),)).items[0].region == Region(1300, 600, 100, 100)
    with pytest.raises(UsageError, match="lies outside the picture"):
        next_query(QUERY, (region(1400, 0, 10, 10, +1),))


def test_a_cell_outside_its_grid_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="outside its grid"):
        next_query(QUERY, (on_query(14, 0, +1),))


def test_rectangles_and_whole_photos_of_results_join_with_their_weights() -> None:
    marks = (
        region(0, 0, 200, 200, +1, photo=7, weight=2.0),
        PhotoMark(PhotoId(8), +1),
        PhotoMark(PhotoId(9), -1, weight=0.5),
    )
    added = next_query(QUERY, marks).items[1:]
    assert [(item.picture, item.region, item.negative, item.weight) for item in added] == [
        (LibraryPicture(PhotoId(7)), Region(0, 0, 200, 200), False, 2 * MARKED_ITEM_WEIGHT),
        (LibraryPicture(PhotoId(8)), None, False, MARKED_ITEM_WEIGHT),
        (LibraryPicture(PhotoId(9)), None, True, MARKED_ITEM_WEIGHT / 2),
    ]
    assert all(item.from_mark for item in added)


def test_of_a_wanted_photo_the_unwanted_patches_count_nothing() -> None:
    wanted, unwanted = next_query(QUERY, (PhotoMark(PhotoId(7), +1), on_result(4, 6, -1))).items[1:]
    assert wanted.cell_weights == {Cell(4, 6): 0.0} and not wanted.negative
    assert unwanted.negative and unwanted.region == AROUND_4_6


def test_a_photo_marked_both_ways_is_what_it_was_marked_last() -> None:
    both = (PhotoMark(PhotoId(7), +1), PhotoMark(PhotoId(7), -1))
    assert [item.negative for item in next_query(QUERY, both).items[1:]] == [True]
    assert next_query(QUERY, (*both, PhotoMark(PhotoId(7), 0))).items == QUERY.items


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan")])
def test_a_mark_without_weight_is_a_sentence(weight: float) -> None:
    with pytest.raises(UsageError, match="says nothing"):
        next_query(QUERY, (PhotoMark(PhotoId(7), +1, weight=weight),))


# --- sessions -------------------------------------------------------------------------------------------------


def test_marks_of_all_rounds_act_together_and_the_later_word_counts() -> None:
    session = FeedbackSession(QUERY).with_marks((on_result(4, 6, +1),)).with_marks((PhotoMark(PhotoId(8), -1),))
    assert [item.picture for item in query_of(session).items] == [
        QUERY.items[0].picture,
        LibraryPicture(PhotoId(7)),
        LibraryPicture(PhotoId(8)),
    ]
    assert query_of(session).round == 3 and len(query_of(session, 1).items) == 2
    changed = session.with_marks((on_result(4, 6, -1),))
    assert [item.negative for item in query_of(changed).items[1:]] == [True, True]


def test_a_marked_part_that_is_looked_at_as_a_picture_of_the_query_is_still_a_part_of_its_photo() -> None:
    first = FeedbackSession(QUERY).with_marks((on_result(4, 6, +1),))
    part = query_of(first).items[1]
    assert part.region is not None and part.grid is not None
    mark = Mark(Side.QUERY, Cell(0, 0), part.grid, part.region, -1, item=1)
    after = query_of(first.with_marks((mark,))).items
    assert [(item.picture, item.negative) for item in after[1:]] == [
        (LibraryPicture(PhotoId(7)), False),
        (LibraryPicture(PhotoId(7)), True),
    ]
    assert after[1].cell_weights[Cell(0, 0)] == 0.0


def test_a_question_that_was_put_together_anew_leaves_earlier_marks_behind() -> None:
    other = (QueryItem(FilePicture(b"/other.jpg")),)
    session = FeedbackSession(QUERY).with_marks((on_result(4, 6, +1),)).with_items(other)
    assert query_of(session).items == other and session.marks() == ()
    assert len(query_of(session.undone()).items) == 2
