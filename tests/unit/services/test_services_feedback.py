"""Marks on the evidence become the next question."""

from __future__ import annotations

import pytest

from desktop_app.domain.errors import UsageError
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import Feedback, FilePicture, LibraryPicture, Mark, Query, QueryItem, Side
from desktop_app.services.feedback import LEAST_SIDE, MARKED, next_query
from desktop_app.services.pictures import usable_region

GRID = Grid(14, 14)
BOX = Region(0, 0, 1400, 700)
QUERY = Query((QueryItem(FilePicture(b"/q.jpg")),))


def on_query(row: int, column: int, sign: int, *, item: int = 0) -> Mark:
    return Mark(Side.QUERY, Cell(row, column), GRID, BOX, sign, item=item)


def on_result(row: int, column: int, sign: int, *, photo: int = 7) -> Mark:
    return Mark(Side.RESULT, Cell(row, column), GRID, BOX, sign, photo=PhotoId(photo))


def test_a_wanted_patch_of_the_query_restricts_it_to_the_patch_and_its_surroundings() -> None:
    item = next_query(QUERY, Feedback((on_query(4, 6, +1),))).items[0]
    assert item.region == Region(500, 150, 300, 150)
    assert item.grid == Grid(3, 3)
    assert item.cell_weights[Cell(1, 1)] == MARKED
    assert all(0 < weight < MARKED for cell, weight in item.cell_weights.items() if cell != Cell(1, 1))
    assert len(item.cell_weights) == 9


def test_the_surroundings_end_at_the_edge_of_the_picture() -> None:
    item = next_query(QUERY, Feedback((on_query(0, 0, +1), on_query(13, 13, +1)))).items[0]
    assert item.region == BOX
    assert item.grid == GRID


def test_a_rejected_patch_counts_nothing_and_leaves_the_whole_picture() -> None:
    item = next_query(QUERY, Feedback((on_query(4, 6, -1),))).items[0]
    assert item.region is None
    assert item.cell_weights == {Cell(4, 6): 0.0}
    assert item.grid == GRID


def test_a_rejected_patch_beside_a_wanted_one_counts_nothing() -> None:
    item = next_query(QUERY, Feedback((on_query(4, 6, +1), on_query(4, 7, -1)))).items[0]
    assert item.cell_weights[Cell(1, 2)] == 0.0


def test_a_wanted_patch_of_a_result_joins_the_query_and_the_photo_stays_findable() -> None:
    after = next_query(QUERY, Feedback((on_result(4, 6, +1),)))
    assert after.items[0] == QUERY.items[0]
    added = after.items[1]
    assert added.picture == LibraryPicture(PhotoId(7))
    assert (added.negative, added.from_mark, added.region) == (False, True, Region(500, 150, 300, 150))


def test_an_unwanted_patch_of_a_result_is_not_like_this() -> None:
    added = next_query(QUERY, Feedback((on_result(4, 6, -1),))).items[1]
    assert (added.negative, added.from_mark) == (True, True)


def test_both_signs_on_one_result_make_two_items() -> None:
    after = next_query(QUERY, Feedback((on_result(4, 6, +1), on_result(4, 7, -1), on_result(1, 1, +1, photo=8))))
    assert [(item.negative, item.picture) for item in after.items[1:]] == [
        (False, LibraryPicture(PhotoId(7))),
        (True, LibraryPicture(PhotoId(7))),
        (False, LibraryPicture(PhotoId(8))),
    ]
    assert after.items[1].cell_weights[Cell(1, 2)] == 0.0


def test_the_last_mark_on_a_cell_counts() -> None:
    after = next_query(QUERY, Feedback((on_query(4, 6, +1), on_query(4, 6, -1))))
    assert after.items[0].cell_weights == {Cell(4, 6): 0.0}


def test_rounds_are_counted_and_can_follow_each_other() -> None:
    second = next_query(QUERY, Feedback((on_query(4, 6, +1),)))
    region = second.items[0].region
    assert region is not None
    mark = Mark(Side.QUERY, Cell(2, 2), GRID, region, +1)
    third = next_query(second, Feedback((mark,)))
    assert (second.round, third.round) == (2, 3)
    inner = third.items[0].region
    assert inner is not None and inner.w < region.w and region.contains(inner.x, inner.y)


def test_no_mark_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="nothing is marked"):
        next_query(QUERY, Feedback())


def test_a_mark_on_a_picture_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="picture 3"):
        next_query(QUERY, Feedback((on_query(0, 0, 1, item=2),)))


@pytest.mark.parametrize("place", [Cell(5, 7), Cell(0, 0), Cell(11, 15)])
def test_however_many_rounds_mark_one_patch_there_is_enough_left_to_search_with(place: Cell) -> None:
    grid, box, query = Grid(12, 16), Region(0, 0, 1600, 1200), QUERY
    for _ in range(6):
        query = next_query(query, Feedback((Mark(Side.QUERY, place, grid, box, +1),)))
        region = query.items[0].region
        assert region is not None and min(region.w, region.h) >= LEAST_SIDE
        assert usable_region(region, width=1600, height=1200, name="q") == region
        box = region


def test_a_patch_of_a_small_result_takes_as_many_of_its_cells_as_are_needed() -> None:
    mark = Mark(Side.RESULT, Cell(0, 0), GRID, Region(0, 0, 98, 70), +1, photo=PhotoId(7))
    added = next_query(QUERY, Feedback((mark,))).items[1]
    assert added.region == Region(0, 0, 49, 35)
    assert added.grid == Grid(7, 7) and added.cell_weights[Cell(0, 0)] == MARKED
