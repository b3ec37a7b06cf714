"""Where cells lie: every photo has one place, and every place leads back to its photo."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from desktop_app.ui.views.grid_layout import GridLayout


@st.composite
def layouts(draw):
    count = draw(st.integers(1, 400))
    return GridLayout.fitting(
        count,
        width=draw(st.integers(60, 2000)),
        cell_w=draw(st.integers(20, 300)),
        cell_h=lambda width: width + 22,
        gap=draw(st.integers(0, 20)),
        edge=draw(st.integers(0, 8)),
        top=draw(st.integers(0, 10)),
        divider=draw(st.none() | st.integers(0, count + 5)),
        band=36,
    )


@given(layouts(), st.data())
def test_the_middle_of_a_cell_is_that_cell(layout, data):
    row = data.draw(st.integers(0, layout.count - 1))
    x, y, width, height = layout.rect(row)
    assert layout.row_at(x + width // 2, y + height // 2) == row
    assert layout.row_in(*layout.place(row)) == row


@given(layouts())
def test_cells_never_overlap_and_lie_inside_the_content(layout):
    rects = [layout.rect(row) for row in range(layout.count)]
    places = {layout.place(row) for row in range(layout.count)}
    assert len(places) == layout.count
    assert max(y + h for _, y, _, h in rects) <= layout.height
    for (x, y, w, _), (x2, y2, _, _) in pairwise(rects):
        assert y2 > y or (y2 == y and x2 >= x + w)


@given(layouts())
def test_the_band_has_the_strong_photos_above_and_the_weak_ones_below(layout):
    band = layout.band_rect(1000)
    if layout.divider is None:
        assert band is None
        return
    _, top, _, height = band
    for row in range(layout.count):
        _, y, _, h = layout.rect(row)
        if row < layout.divider:
            assert y + h <= top
        else:
            assert y >= top + height


@given(layouts(), st.integers(0, 5000), st.integers(1, 900))
def test_rows_in_view_are_exactly_those_whose_cells_touch_it(layout, top, height):
    shown = layout.rows_between(top, top + height)
    for row in range(layout.count):
        _, y, _, h = layout.rect(row)
        if y < top + height and y + h > top:
            assert row in shown


@given(layouts(), st.data())
def test_moving_a_line_down_and_up_comes_back_to_the_same_column_or_a_line_end(layout, data):
    row = data.draw(st.integers(0, layout.count - 1))
    below = layout.moved(row, lines=1)
    assert layout.place(below)[0] in (layout.place(row)[0], layout.place(row)[0] + 1)
    back = layout.moved(below, lines=-1)
    if layout.place(below)[1] == layout.place(row)[1] and below != row:
        assert back == row
    assert layout.moved(row, columns=1) == min(layout.count - 1, row + 1)


def test_a_hundred_thousand_photos_need_no_loop():
    layout = GridLayout.fitting(100_000, width=1000, cell_w=200, cell_h=lambda w: w, gap=10, divider=50_001)
    assert layout.row_at(*layout.rect(99_999)[:2]) == 99_999
    assert len(layout.rows_between(layout.height - 700, layout.height)) <= 30


def test_cells_share_the_width_that_is_left_over():
    layout = GridLayout.fitting(9, width=1000, cell_w=200, cell_h=lambda w: w, gap=10, edge=4)
    right = max(x + w for x, _, w, _ in map(layout.rect, range(9)))
    assert layout.columns == 4
    assert 1000 - 4 - layout.columns < right <= 1000 - 4
