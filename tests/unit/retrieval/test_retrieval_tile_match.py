"""Objects in tiles: the plain background, the canvas, and the match against loops."""

import numpy as np
import pytest

from desktop_app.retrieval.tile_match import GREY, content_mask, object_canvas, object_cells, tile_match
from desktop_app.retrieval.tiles import region_boxes


def disc(background: int) -> tuple[np.ndarray, np.ndarray]:
    """A coloured disc with a hole of the background's colour, on a plain background."""
    y, x = np.mgrid[:60, :80]
    distance = np.hypot(y - 30, x - 40)
    rgb = np.full((60, 80, 3), background, np.uint8)
    rgb[distance < 20] = (200, 40, 90)
    rgb[distance < 5] = background
    return rgb, distance < 20


@pytest.mark.parametrize("background", [0, 127, 255])
def test_a_plain_background_is_left_out_but_not_holes_in_the_object(background):
    rgb, inside = disc(background)
    noisy = np.clip(rgb + np.random.default_rng(0).integers(-4, 5, rgb.shape), 0, 255).astype(np.uint8)
    assert np.array_equal(content_mask(noisy), inside)


def test_a_picture_without_a_plain_background_is_all_content():
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    assert content_mask(rgb).all()
    assert content_mask(np.full((40, 50, 3), 90, np.uint8)).all()  # nothing but background


def test_the_canvas_holds_the_object_in_its_middle_at_its_share():
    rgb, inside = disc(255)
    canvas, where = object_canvas(rgb, inside, (96, 128), share=0.5)
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    assert canvas.shape == (96, 128, 3)
    assert len(rows) == pytest.approx(48, abs=2) and len(columns) == pytest.approx(48, abs=2)
    assert rows.mean() == pytest.approx(47.5, abs=1) and columns.mean() == pytest.approx(63.5, abs=1)
    outside = np.ones((96, 128), bool)
    outside[rows[0] - 1 : rows[-1] + 2, columns[0] - 1 : columns[-1] + 2] = False
    assert (canvas[outside] == GREY).all()
    assert np.abs(canvas[where].astype(int) - (200, 40, 90)).max(1).min() == 0


def test_the_cells_of_an_object_lie_on_it_and_are_never_fewer_than_four():
    features = np.arange(6 * 8, dtype=np.float32).reshape(6, 8, 1)
    mask = np.zeros((96, 128), bool)
    mask[32:64, 16:64] = True  # rows 2 and 3, columns 1 to 3
    assert object_cells(features, mask).ravel().tolist() == [17, 18, 19, 25, 26, 27]
    mask[:] = False
    mask[30:60, 40:54] = True
    assert len(object_cells(features, mask)) >= 4


def unit(rng, *shape):
    x = rng.standard_normal(shape)
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("grid", [(14, 14), (6, 9), (3, 3)])
def test_the_match_equals_loops_over_tiles_and_cells(grid):
    rng = np.random.default_rng(1)
    query, photo = unit(rng, 5, 6), unit(rng, *grid, 6)
    scores = {}
    for at, (x0, y0, x1, y1) in enumerate(region_boxes()):
        cells = [
            photo[i, j]
            for i in range(grid[0])
            for j in range(grid[1])
            if y0 <= (i + 0.5) / grid[0] <= y1 and x0 <= (j + 0.5) / grid[1] <= x1
        ]
        if at and cells:
            like = [max(max(0.0, float(q @ cell)) ** 3 for cell in cells) for q in query]
            scores[at] = sum(like) / len(like)
    got = tile_match(query, photo)
    assert got.score == pytest.approx(max(scores.values()), abs=1e-5)
    assert scores[got.tile] == pytest.approx(got.score, abs=1e-5)


def test_an_object_together_in_one_tile_beats_its_cells_scattered():
    rng = np.random.default_rng(2)
    query = unit(rng, 4, 16)
    together, scattered = unit(rng, 12, 12, 16), unit(rng, 12, 12, 16)
    together[9:11, 9:11] = query.reshape(2, 2, 16)
    scattered[[0, 0, 11, 11], [0, 11, 0, 11]] = query
    found = tile_match(query, together)
    assert found.score == pytest.approx(1, abs=1e-5)
    assert found.tile in (4, 13)  # lower right of 2x2 and of 3x3
    assert tile_match(query, scattered).score < 0.7


def test_a_match_without_cells_is_refused():
    with pytest.raises(ValueError, match="both sides"):
        tile_match(np.zeros((0, 4), np.float32), np.zeros((2, 2, 4), np.float32))
