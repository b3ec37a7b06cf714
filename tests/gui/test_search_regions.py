"""The rectangle on the query picture: its eight handles, and that it never leaves the picture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.domain.geometry import Region
from desktop_app.ui.views.search.region_handles import (
    LEAST,
    Handle,
    Placement,
    between,
    dragged,
    handle_at,
    handle_points,
)

sides = st.integers(LEAST, 12_000)


@st.composite
def regions(draw):
    width, height = draw(sides), draw(sides)
    w, h = draw(st.integers(LEAST, width)), draw(st.integers(LEAST, height))
    return Region(draw(st.integers(0, width - w)), draw(st.integers(0, height - h)), w, h), width, height


@given(regions(), st.sampled_from(Handle), st.floats(-20_000, 20_000), st.floats(-20_000, 20_000))
def test_whatever_is_dragged_the_rectangle_stays_inside_and_large_enough(made, handle, dx, dy):
    region, width, height = made
    after = dragged(region, handle, dx, dy, width=width, height=height)
    assert after.x >= 0 and after.y >= 0 and after.x + after.w <= width and after.y + after.h <= height
    assert after.w >= LEAST and after.h >= LEAST
    if handle is Handle.INSIDE:
        assert (after.w, after.h) == (region.w, region.h)


@given(regions(), st.sampled_from([h for h in Handle if h is not Handle.INSIDE]))
def test_a_handle_moves_only_its_own_edges(made, handle):
    region, width, height = made
    after = dragged(region, handle, 5, 5, width=width, height=height)
    left, top, right, bottom = handle.value
    assert left or after.x == region.x
    assert top or after.y == region.y
    assert right or after.x + after.w == region.x + region.w
    assert bottom or after.y + after.h == region.y + region.h


def test_every_handle_is_caught_where_it_is_painted():
    placement = Placement.fitted(800, 600, into_width=240, into_height=240)
    region = Region(100, 100, 500, 300)
    for handle, (x, y) in handle_points(*placement.rectangle(region)).items():
        assert handle_at(x, y, region, placement) is handle
    assert handle_at(*placement.to_widget(350, 250), region, placement) is Handle.INSIDE
    assert handle_at(*placement.to_widget(20, 20), region, placement) is None


@given(sides, sides, st.floats(0, 1), st.floats(0, 1))
def test_points_come_back_from_the_panel_to_the_picture(width, height, across, down):
    placement = Placement.fitted(width, height, into_width=240, into_height=260)
    x, y = across * width, down * height
    assert placement.to_picture(*placement.to_widget(x, y)) == pytest.approx((x, y), abs=1e-6 * max(width, height))


def test_a_slip_of_the_hand_draws_nothing_and_corners_may_be_drawn_in_any_order():
    assert between((10, 10), (14, 200), width=640, height=480) is None
    assert between((300, 200), (100, 50), width=640, height=480) == Region(100, 50, 200, 150)
    assert between((-50, -50), (9000, 9000), width=640, height=480) == Region(0, 0, 640, 480)
