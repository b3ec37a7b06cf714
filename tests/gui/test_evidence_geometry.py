"""Pixel to widget to pixel, through zoom, pan, device pixels and grids."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.query import Side
from desktop_app.ui.views.evidence.geometry import (
    LARGEST_ZOOM,
    Camera,
    Pane,
    Surface,
    View,
    hit_test,
    moved_cursor,
    panned,
    zoomed,
)

sizes = st.integers(16, 20_000)
cameras = st.builds(Camera, st.floats(1.0, LARGEST_ZOOM), st.floats(0, 1), st.floats(0, 1))
panes = st.builds(Pane, st.floats(0, 900), st.floats(0, 100), st.floats(120, 2000), st.floats(120, 1500))
views = st.builds(View, panes, sizes, sizes, cameras)
ratios = st.sampled_from([1.0, 1.25, 1.5, 2.0, 3.0])


@given(views, st.floats(0, 1), st.floats(0, 1), ratios)
def test_a_picture_pixel_comes_back_through_widget_and_device_pixels(view, across, down, ratio):
    x, y = across * view.width, down * view.height
    on_widget = view.to_widget(x, y)
    device = on_widget[0] * ratio, on_widget[1] * ratio  # what a screen of this ratio paints at
    back = view.to_picture(device[0] / ratio, device[1] / ratio)
    assert back == pytest.approx((x, y), abs=1e-4 * max(view.width, view.height))


@given(views, st.floats(0.2, 5.0), st.floats(0, 1), st.floats(0, 1))
def test_zooming_keeps_what_lies_under_the_pointer(view, factor, across, down):
    x, y = view.pane.x + across * view.pane.w, view.pane.y + down * view.pane.h
    camera = zoomed(view.camera, factor, view, x, y)
    assert 1.0 <= camera.zoom <= LARGEST_ZOOM
    assume(camera.zoom > 1.0 and 0 < camera.cx < 1 and 0 < camera.cy < 1)
    after = View(view.pane, view.width, view.height, camera)
    assert after.to_widget(*view.to_picture(x, y)) == pytest.approx((x, y), abs=0.5)


@given(views, st.floats(-300, 300), st.floats(-300, 300))
def test_panning_moves_the_picture_by_what_the_hand_moved(view, dx, dy):
    camera = panned(view.camera, dx, dy, view)
    if view.camera.fits:
        assert camera == view.camera
        return
    assume(0 < camera.cx < 1 and 0 < camera.cy < 1)
    after = View(view.pane, view.width, view.height, camera)
    before_x, before_y = view.to_widget(0, 0)
    assert after.to_widget(0, 0) == pytest.approx((before_x + dx, before_y + dy), abs=0.5)


@given(panes, sizes, sizes)
def test_a_fitted_picture_lies_inside_its_pane(pane, width, height):
    view = View(pane, width, height, Camera())
    left, top, w, h = view.place(Region(0, 0, width, height))
    assert left >= pane.x - 1e-6 and top >= pane.y - 1e-6
    assert left + w <= pane.x + pane.w + 1e-6 and top + h <= pane.y + pane.h + 1e-6


@given(st.integers(64, 6000), st.integers(64, 6000), st.integers(1, 20), st.integers(1, 20), st.data())
def test_pointing_at_the_middle_of_a_patch_finds_that_patch(width, height, rows, columns, data):
    grid, box = Grid(rows, columns), Region(0, 0, width, height)
    cell = Cell(data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1)))
    region = grid.cell_region(cell, box)
    middle = region.x + region.w / 2, region.y + region.h / 2
    zoom = data.draw(st.floats(1, LARGEST_ZOOM))
    view = View(Pane(0, 0, 600, 400), width, height, Camera(zoom, middle[0] / width, middle[1] / height))
    x, y = view.to_widget(*middle)
    found = hit_test(x, y, {Side.RESULT: Surface(view, grid, box)})
    assert found is not None and found.side is Side.RESULT and found.cell == cell


def test_beside_the_picture_and_outside_the_region_there_is_no_patch():
    view = View(Pane(0, 0, 400, 400), 200, 100, Camera())
    surface = Surface(view, Grid(4, 4), Region(50, 0, 100, 100))
    assert hit_test(10, 10, {Side.QUERY: surface}) is None  # the bar above a wide picture
    found = hit_test(20, 200, {Side.QUERY: surface})
    assert found is not None and found.cell is None  # on the picture, left of the region
    assert hit_test(200, 200, {Side.QUERY: surface}).cell == Cell(2, 2)


def test_the_patch_cursor_goes_over_to_the_other_picture_at_the_inner_edge():
    grids = {Side.QUERY: Grid(14, 14), Side.RESULT: Grid(12, 16)}
    assert moved_cursor(Side.QUERY, Cell(13, 13), (0, 1), grids) == (Side.RESULT, Cell(11, 0))
    assert moved_cursor(Side.RESULT, Cell(0, 0), (0, -1), grids) == (Side.QUERY, Cell(0, 13))
    assert moved_cursor(Side.QUERY, Cell(0, 0), (-1, 0), grids) == (Side.QUERY, Cell(0, 0))
    assert moved_cursor(Side.QUERY, Cell(3, 0), (0, -1), grids) == (Side.QUERY, Cell(3, 0))
    assert moved_cursor(Side.RESULT, Cell(3, 15), (0, 1), grids) == (Side.RESULT, Cell(3, 15))
