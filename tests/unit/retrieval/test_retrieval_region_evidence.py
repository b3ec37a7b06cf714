"""A part of a picture is found where it is, and not where its surroundings are."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.domain.geometry import Grid
from desktop_app.retrieval.evidence_words import region_words
from desktop_app.retrieval.parameters import RegionParameters
from desktop_app.retrieval.region_evidence import (
    PlacedCells,
    RegionMeasurements,
    choose_zoom,
    contrast,
    contrast_map,
    inside,
    place_cells,
    region_relevance,
    zoom_boxes,
)


def random_tiles(count: int, rows: int = 3, columns: int = 4, seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(size=(rows, columns, 8)).astype(np.float32) for _ in range(count)]


@pytest.mark.parametrize(("zoom", "side"), [(1, 1.0), (2, 0.625), (3, 1.25 / 3)])
def test_tiles_of_a_zoom_cover_the_picture(zoom, side):
    boxes = zoom_boxes(zoom)
    assert len(boxes) == zoom * zoom
    np.testing.assert_allclose(boxes[:, 2:] - boxes[:, :2], side)
    assert boxes.min() == 0.0 and boxes.max() == pytest.approx(1.0)
    for x, y in np.random.default_rng(0).uniform(size=(50, 2)):
        assert ((boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])).any()


def test_small_parts_are_looked_for_at_a_higher_zoom():
    grid = Grid(14, 14)
    assert choose_zoom((0.0, 0.0, 1.0, 1.0), grid) == 1
    assert choose_zoom((0.1, 0.1, 0.1 + 2 / 14, 0.1 + 2 / 14), grid) == 1  # four cells
    assert choose_zoom((0.1, 0.1, 0.1 + 1.5 / 14, 0.1 + 1.5 / 14), grid) == 2
    assert choose_zoom((0.1, 0.1, 0.1 + 0.8 / 14, 0.1 + 0.8 / 14), grid) == 3
    assert choose_zoom((0.1, 0.1, 0.11, 0.11), grid) == 3


@pytest.mark.parametrize("zoom", [1, 2, 3])
def test_cells_lie_where_their_tiles_lie(zoom):
    tiles = random_tiles(zoom * zoom)
    placed = place_cells(tiles, zoom)
    at = 0
    for tile, (x0, y0, x1, y1) in zip(tiles, zoom_boxes(zoom), strict=True):
        for row in range(3):
            for column in range(4):
                x, y = x0 + (column + 0.5) / 4 * (x1 - x0), y0 + (row + 0.5) / 3 * (y1 - y0)
                np.testing.assert_allclose(placed.places[at], (x, y))
                unit = tile[row, column] / np.linalg.norm(tile[row, column])
                np.testing.assert_allclose(placed.features[at], unit, atol=1e-6)
                at += 1
    assert at == len(placed.features)


def test_the_part_is_its_cells_or_the_nearest_one():
    placed = place_cells(random_tiles(1), 1)
    assert inside(placed, (0.0, 0.0, 0.5, 1.0)).reshape(3, 4).tolist() == 3 * [[True, True, False, False]]
    assert np.flatnonzero(inside(placed, (0.9, 0.9, 0.95, 0.95))).tolist() == [11]


def test_contrast_is_the_best_inside_less_the_best_outside():
    query, result = place_cells(random_tiles(1, seed=1), 1), place_cells(random_tiles(4, seed=2), 2)
    part = inside(query, (0.0, 0.0, 0.5, 0.7))
    values, like = contrast(query, part, result)
    for j, cell in enumerate(result.features):
        within = max(float(query.features[i] @ cell) for i in range(12) if part[i])
        without = max(float(query.features[i] @ cell) for i in range(12) if not part[i])
        assert like[j] == pytest.approx(within, abs=1e-5)
        assert values[j] == pytest.approx(within - without, abs=1e-5)


def test_shared_surroundings_cancel_out():
    """Both pictures are full of the same background; only one cell of the result shows the part."""
    background, thing = np.eye(8)[0], np.eye(8)[1]
    query = np.tile(background, (3, 4, 1))
    query[1, 1] = thing
    result = np.tile(background, (3, 4, 1))
    result[2, 3] = 0.8 * thing + 0.6 * background
    asked, answered = (place_cells([cells.astype(np.float32)], 1) for cells in (query, result))
    part = inside(asked, (0.25, 1 / 3, 0.5, 2 / 3))
    values, _ = contrast(asked, part, answered)
    drawn = contrast_map(values, answered, Grid(3, 4))
    expected = np.zeros((3, 4))
    expected[2, 3] = 1.0
    np.testing.assert_allclose(drawn, expected, atol=1e-6)


def test_a_map_of_nothing_is_zero_and_a_part_without_outside_is_its_cosine():
    cells = place_cells(random_tiles(1), 1)
    assert not contrast_map(np.full(12, -0.1, np.float32), cells, Grid(3, 4)).any()
    values, like = contrast(cells, np.ones(12, dtype=bool), cells)
    np.testing.assert_array_equal(values, like)


def test_a_cell_of_the_map_has_the_largest_value_in_it_or_the_nearest():
    cells = PlacedCells(np.zeros((3, 1), np.float32), np.array([[0.1, 0.5], [0.2, 0.5], [0.9, 0.5]]))
    drawn = contrast_map(np.array([0.1, 0.4, 0.2], np.float32), cells, Grid(1, 4))
    np.testing.assert_allclose(drawn, [[1.0, 1.0, 0.5, 0.5]])


def test_relevance_follows_the_logistic_of_the_pack():
    measured = RegionMeasurements(nearest=0.8, contrast=0.3, whole=0.5, tile=0.6)
    parameters = RegionParameters({"nearest": 2.0, "tile": 1.0}, -2.0)
    assert region_relevance(measured, parameters) == pytest.approx(1 / (1 + np.exp(-0.2)))
    assert region_relevance(measured, RegionParameters()) < 1e-20


def test_the_words_name_the_place():
    map_ = np.zeros((6, 6), np.float32)
    map_[5, 0] = 1.0
    assert region_words(map_, 0.71) == (
        "Something like the region you drew lies in the bottom left part of this one (0.71)."
    )
