"""Cells and pixels: the frame that evidence, marks and regions share."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.domain.errors import UsageError
from desktop_app.domain.geometry import Cell, Grid, Region

grids = st.builds(Grid, st.integers(1, 30), st.integers(1, 30))


@st.composite
def grid_and_box(draw):
    grid = draw(grids)
    box = Region(
        draw(st.integers(0, 500)),
        draw(st.integers(0, 500)),
        draw(st.integers(grid.columns, 4000)),
        draw(st.integers(grid.rows, 4000)),
    )
    return grid, box


@given(grid_and_box())
def test_cells_tile_the_box_without_gaps_or_overlap(pair):
    grid, box = pair
    columns = [grid.cell_region(Cell(0, c), box) for c in range(grid.columns)]
    assert columns[0].x == box.x
    assert columns[-1].x + columns[-1].w == box.x + box.w
    assert all(a.x + a.w == b.x for a, b in itertools.pairwise(columns))
    rows = [grid.cell_region(Cell(r, 0), box) for r in range(grid.rows)]
    assert sum(row.h for row in rows) == box.h


@given(grid_and_box(), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_the_cell_found_at_a_pixel_contains_that_pixel(pair, u, v):
    grid, box = pair
    x, y = box.x + int(u * box.w), box.y + int(v * box.h)
    cell = grid.cell_at(x, y, box)
    assert cell is not None
    assert grid.cell_region(cell, box).contains(x, y)


@given(grid_and_box(), st.data())
def test_every_corner_pixel_of_a_cell_leads_back_to_it(pair, data):
    grid, box = pair
    cell = Cell(data.draw(st.integers(0, grid.rows - 1)), data.draw(st.integers(0, grid.columns - 1)))
    area = grid.cell_region(cell, box)
    for x in (area.x, area.x + area.w - 1):
        for y in (area.y, area.y + area.h - 1):
            assert grid.cell_at(x, y, box) == cell


def test_a_point_outside_the_box_is_in_no_cell():
    assert Grid(2, 2).cell_at(10, 5, Region(0, 0, 10, 10)) is None
    assert Grid(2, 2).cell_at(-0.5, 5, Region(0, 0, 10, 10)) is None


def test_a_region_is_clipped_to_the_picture():
    assert Region(-5, 10, 20, 500).clipped(100, 200) == Region(0, 10, 15, 190)


def test_a_region_outside_the_picture_is_refused_by_name():
    with pytest.raises(UsageError, match="outside the picture"):
        Region(300, 0, 10, 10).clipped(100, 100)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,2,3,4"])
def test_text_that_is_no_region_is_refused(text):
    with pytest.raises(UsageError, match="is not a region"):
        Region.parse(text)


def test_a_region_without_area_is_refused():
    with pytest.raises(UsageError, match="at least 1"):
        Region.parse("10,10,0,5")


def test_region_text_is_read():
    assert Region.parse("120, 80,300,40") == Region(120, 80, 300, 40)
