"""The painter of evidence: maps on a fixed scale, links where the patches are, and a page that says it all."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_sample_image

from desktop_app.domain.errors import UsageError
from desktop_app.domain.evidence import CoAttention, EvidenceSource, MatchEvidence, PatchLink, Strength
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.query import Mark, Side
from desktop_app.imaging.canvas import shorten, text_width, typeset, wrap
from desktop_app.imaging.heat import blend, viridis
from desktop_app.imaging.link_shapes import LINK_COLOURS, Box, Frame, dashes, link_colour
from desktop_app.imaging.overlay import (
    EvidencePage,
    PagePicture,
    evidence_picture,
    heat_rgba,
    legend_rgba,
    link_path,
    link_shapes,
)
from tests.support.odd_files import difference

GRID = Grid(14, 14)


def evidence(query, result, *, links=(), value=0.0, words="Nothing here matches well (0.02).", relevance=0.02):
    """Evidence over the whole of two pictures, with maps of one value."""
    boxes = [Region(0, 0, rgb.shape[1], rgb.shape[0]) for rgb in (query, result)]
    flat = np.full((14, 14), value, np.float32)
    made = tuple(
        PatchLink(
            start,
            end,
            GRID.cell_region(start, boxes[0]),
            GRID.cell_region(end, boxes[1]),
            0.9,
            strength,
        )
        for start, end, strength in links
    )
    return MatchEvidence(
        relevance=relevance,
        source=EvidenceSource.LOCAL,
        coattention=CoAttention(flat, flat),
        p=flat,
        q=flat,
        links=made,
        words=words,
        query_grid=GRID,
        result_grid=GRID,
        query_box=boxes[0],
        result_box=boxes[1],
    )


@pytest.fixture(scope="module")
def pair():
    return load_sample_image("flower.jpg"), np.ascontiguousarray(load_sample_image("china.jpg")[:, 100:500])


# maps


def test_viridis_runs_from_dark_purple_to_yellow_and_gets_lighter_all_the_way():
    table = viridis().astype(float)
    assert table[0].tolist() == [68, 1, 84]
    assert table[-1].tolist() == [253, 231, 37]
    lightness = table @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(lightness) > -0.5).all()


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 20), st.integers(1, 20))
@example(0.5, 0.0, 1, 1)
@settings(deadline=None)
def test_alpha_is_the_value_times_the_opacity_whatever_the_largest_value_is(value, opacity, rows, columns):
    rgba = heat_rgba(np.full((rows, columns), value, np.float32), 37, 23, opacity=opacity)
    assert rgba.shape == (23, 37, 4)
    assert np.abs(rgba[..., 3] - value * opacity * 255).max() <= 0.51
    nearest = round(value * 255)  # half-way between two colours either may be taken
    allowed = viridis()[max(0, nearest - 1) : nearest + 2]
    shown = np.unique(rgba[..., :3].reshape(-1, 3), axis=0)
    assert all((allowed == colour).all(axis=1).any() for colour in shown)


def test_values_between_two_cells_change_smoothly():
    alpha = heat_rgba(np.array([[0.2, 0.8]], np.float32), 200, 2, opacity=1)[0, :, 3].astype(int)
    assert np.abs(np.diff(alpha)).max() <= 4
    assert abs(alpha[100] - 127) < 4


def test_a_map_without_matches_leaves_the_photo_untouched(pair):
    photo = pair[0]
    heat = heat_rgba(np.zeros((14, 14), np.float32), photo.shape[1], photo.shape[0])
    assert np.array_equal(blend(photo, heat), photo)


@given(st.integers(0, 6), st.integers(0, 9))
@settings(deadline=None)
def test_a_hot_cell_is_hottest_over_its_own_pixels(row, column):
    grid, box = Grid(7, 10), Region(0, 0, 500, 210)
    values = np.zeros((7, 10), np.float32)
    values[row, column] = 1
    alpha = heat_rgba(values, box.w, box.h)[..., 3]
    cell = grid.cell_region(Cell(row, column), box)
    y, x = np.unravel_index(int(np.argmax(alpha)), alpha.shape)
    assert cell.contains(x, y)
    centre = alpha[cell.y + cell.h // 2, cell.x + cell.w // 2]
    assert centre > 0.95 * alpha.max()
    outside = alpha.copy()
    outside[max(0, cell.y - cell.h) : cell.y + 2 * cell.h, max(0, cell.x - cell.w) : cell.x + 2 * cell.w] = 0
    assert outside.max() < 30


def test_values_that_are_none_count_as_nothing():
    values = np.array([[np.nan, np.inf], [-np.inf, -3]], np.float32)
    alpha = heat_rgba(values, 2, 2, opacity=1)[..., 3]
    assert alpha.tolist() == [[0, 255], [0, 0]]


@pytest.mark.parametrize(("shape", "size"), [((0, 4), (5, 5)), ((4,), (5, 5)), ((4, 4), (0, 5))])
def test_senseless_maps_are_refused(shape, size):
    with pytest.raises(ValueError):
        heat_rgba(np.zeros(shape, np.float32), *size)


def test_the_legend_shows_the_whole_scale():
    legend = legend_rgba(256, 3)
    assert legend.shape == (3, 256, 4)
    assert np.array_equal(legend[1, :, :3], viridis())
    assert (legend[..., 3] == 255).all()


# links


@given(st.floats(0, 500), st.floats(0, 500), st.floats(1, 900), st.floats(1, 900))
def test_a_frame_places_the_whole_picture_on_its_whole_box(left, top, width, height):
    frame = Frame(Box(left, top, left + width, top + height), 4000, 3000)
    whole = frame.place(Region(0, 0, 4000, 3000))
    for placed, edge in zip(
        (whole.left, whole.top, whole.right, whole.bottom), (left, top, left + width, top + height), strict=True
    ):
        assert placed == pytest.approx(edge)
    quarter = frame.place(Region(1000, 1500, 1000, 750))
    assert quarter.left == pytest.approx(left + width / 4)
    assert quarter.bottom == pytest.approx(top + height * 0.75)


def test_links_are_numbered_in_order_and_run_from_patch_to_patch(pair):
    made = evidence(
        *pair, links=[(Cell(3, 2), Cell(4, 5), Strength.STRONG), (Cell(10, 10), Cell(1, 1), Strength.WEAK)]
    )
    query = Frame(Box(0, 0, 640, 427), 640, 427)
    result = Frame(Box(700, 0, 1100, 427), 400, 427)
    shapes = link_shapes(made.links, query, result)
    assert [shape.number for shape in shapes] == [1, 2]
    for shape, link in zip(shapes, made.links, strict=True):
        assert shape.path[0].tolist() == pytest.approx([shape.query.right, shape.query.centre[1]])
        assert shape.path[-1].tolist() == pytest.approx([shape.result.left, shape.result.centre[1]])
        assert shape.result.left == pytest.approx(700 + link.result.x)
        assert shape.colour == link_colour(shape.number)


def test_a_link_path_never_turns_back():
    path = link_path((10, 20), (300, 250))
    assert (np.diff(path[:, 0]) > 0).all()
    assert (np.diff(path[:, 1]) >= 0).all()


def test_colours_repeat_only_after_all_were_used():
    colours = [link_colour(number) for number in range(1, len(LINK_COLOURS) + 1)]
    assert len(set(colours)) == len(colours)
    assert link_colour(len(colours) + 1) == colours[0]


def test_dashes_cover_the_path_with_gaps():
    path = np.array([[0, 0], [100, 0]], np.float32)
    pieces = dashes(path, 6, 4)
    assert len(pieces) == 10
    assert pieces[0][0].tolist() == [0, 0] and pieces[0][-1].tolist() == [6, 0]
    assert pieces[-1][0][0] == pytest.approx(90)
    assert dashes(np.zeros((2, 2), np.float32), 6, 4) == []


# text


def test_wrapped_words_are_all_there_and_fit():
    words = "Almost certainly the same thing. The handle matches the centre of this one, strong. " * 4
    lines = wrap(words, 14, 300)
    assert " ".join(lines) == words.strip()
    assert all(text_width(line, 14) <= 300 for line in lines)
    assert wrap("", 14, 300) == []


def test_long_names_lose_their_middle_and_keep_their_ending():
    name = "a very long name of a file that nobody can read in one go IMG_2031.jpg"
    short = shorten(name, 14, 200)
    assert text_width(short, 14) <= 200
    assert short.startswith("a ve") and short.endswith(".jpg") and "…" in short
    assert shorten("a.jpg", 14, 200) == "a.jpg"


def test_letters_that_no_font_has_are_replaced(monkeypatch):
    monkeypatch.setattr("desktop_app.imaging.canvas._FALLBACK_FONTS", ())
    from desktop_app.imaging import canvas

    canvas._system_font.cache_clear()
    try:
        assert typeset("früh 1 × 2 写", 14)[0] == "fruh 1 x 2 ?"
    finally:
        canvas._system_font.cache_clear()


# the page


def painted(query, result, made, *, sizes=(None, None), titles=("", ""), **how):
    pictures = (PagePicture(*one) for one in zip((query, result), titles, sizes, strict=True))
    return evidence_picture(EvidencePage(*pictures, made, **how))


def test_a_page_is_the_same_every_time_and_as_wide_as_asked(pair):
    made = evidence(*pair, links=[(Cell(3, 2), Cell(4, 5), Strength.STRONG)], words="Similar (0.61). One link.")
    first = painted(*pair, made, width=900)
    assert first.shape[1] == 900 and first.dtype == np.uint8
    assert np.array_equal(first, painted(*pair, made, width=900))


@pytest.mark.parametrize("layer", ["attention", "areas"])
def test_maps_change_the_photos_and_nothing_but_the_photos(pair, layer):
    cold = painted(*pair, evidence(*pair), layer=layer, width=900)
    hot = painted(*pair, evidence(*pair, value=0.9), layer=layer, width=900)
    changed = (cold != hot).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.min() > 30 and columns.min() > 15 and columns.max() < 885
    bottom = cold.shape[0] - 120
    assert not changed[bottom:].any()
    assert changed[:, :450].mean() > 0.3 and changed[:, 450:].mean() > 0.3


def test_with_no_match_the_photos_are_shown_as_they_are(pair):
    made = evidence(*pair)
    pages = [painted(*pair, made, layer=layer, width=900) for layer in ("attention", "areas", "links")]
    photo_rows = slice(30, 300)
    assert np.array_equal(pages[0][photo_rows], pages[1][photo_rows])
    assert np.array_equal(pages[0][photo_rows], pages[2][photo_rows])


def test_p_lies_on_the_result_and_q_on_the_query(pair):
    made = evidence(*pair)
    full = np.ones((14, 14), np.float32)
    none = painted(*pair, made, layer="areas", width=900)
    p = (painted(*pair, replace(made, p=full), layer="areas", width=900) != none).any(axis=2)
    q = (painted(*pair, replace(made, q=full), layer="areas", width=900) != none).any(axis=2)
    assert p[:, 450:].any() and not p[:, :450].any()
    assert q[:, :450].any() and not q[:, 450:].any()


def test_a_scaled_picture_gives_the_page_of_the_original(pair):
    """Evidence is in pixels of the original; a picture at a third of its size changes sharpness only."""
    query, result = pair
    made = evidence(
        query, result, value=0.5, links=[(Cell(3, 2), Cell(4, 5), Strength.STRONG)], words="Similar (0.5)."
    )
    whole = painted(query, result, made, width=900)
    scaled = painted(
        np.ascontiguousarray(query[::3, ::3]),
        np.ascontiguousarray(result[::3, ::3]),
        made,
        sizes=((640, 427), (400, 427)),
        width=900,
    )
    assert difference(whole, scaled) < 8
    lines = [np.abs(page.astype(int) - link_colour(1)).max(axis=2) < 12 for page in (whole, scaled)]
    both = (lines[0] & lines[1]).sum()
    assert both > 0.8 * max(lines[0].sum(), lines[1].sum()) > 500


def test_a_region_darkens_what_lies_outside_it(pair):
    query, result = pair
    region = Region(160, 100, 320, 213)
    plain = painted(query, result, evidence(query, result), width=900)
    made = replace(evidence(query, result), query_box=region)
    page = painted(query, result, made, width=900)
    left, right = page[:, :450].astype(int), page[:, 450:].astype(int)
    darker = left.sum(axis=2) < plain[:, :450].sum(axis=2, dtype=int) - 20
    assert darker.mean() > 0.2
    assert np.array_equal(right, plain[:, 450:])


def test_a_box_outside_its_picture_is_refused(pair):
    made = replace(evidence(*pair), query_box=Region(5000, 0, 10, 10))
    with pytest.raises(UsageError, match="outside the picture"):
        painted(*pair, made)


def test_marks_show_on_their_own_side_only(pair):
    made = evidence(*pair)
    none = painted(*pair, made, width=900)
    boxes = {Side.QUERY: made.query_box, Side.RESULT: made.result_box}
    for side, half in ((Side.QUERY, slice(0, 450)), (Side.RESULT, slice(450, 900))):
        looks = []
        for sign in (1, -1):
            mark = Mark(side, Cell(5, 5), GRID, boxes[side], sign)
            changed = (painted(*pair, made, marks=[mark], width=900) != none).any(axis=2)
            assert changed[:, half].sum() == changed.sum() > 100
            looks.append(changed)
        page = [
            painted(*pair, made, marks=[Mark(side, Cell(5, 5), GRID, boxes[side], sign)], width=900)
            for sign in (1, -1)
        ]
        grey = [np.asarray(p, float) @ (0.299, 0.587, 0.114) for p in page]
        assert np.abs(grey[0] - grey[1])[:, half].max() > 60  # the two signs differ in grey too


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [(1, 1), (3000, 20), (20, 3000), (640, 427)])
def test_pictures_of_every_shape_make_a_page(theme, size, pair):
    odd = np.full((size[1], size[0], 3), 90, np.uint8)
    links = [(Cell(i, 13 - i), Cell(13 - i, i), list(Strength)[i % 3]) for i in range(14)] * 3
    made = evidence(odd, pair[1], links=links, value=0.4, words="Same thing (0.80). " + "And a long story. " * 40)
    page = painted(odd, pair[1], made, theme=theme, width=640, titles=("Größe 写真.png", "x" * 300))
    assert page.shape[1] == 640 and 300 < page.shape[0] < 2500


@pytest.mark.parametrize("options", [{"layer": "heat"}, {"theme": "sepia"}, {"width": 100}])
def test_unknown_choices_are_refused(pair, options):
    with pytest.raises(ValueError):
        painted(*pair, evidence(*pair), **options)
