"""The cells of a thing are found in the best tile of each photo, as a slow look at all of them finds them."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.retrieval.cell_match import (
    MOST_CELLS,
    QUANTILE,
    USUAL,
    WEIGHT,
    bonus,
    cell_codes,
    cell_scores,
    usual_rows,
)
from desktop_app.retrieval.tiles import region_boxes


def slow(query: np.ndarray, photo: np.ndarray) -> float:
    """Bit by bit, for every tile."""
    height, width, _ = photo.shape
    best = 0.0
    for x0, y0, x1, y1 in region_boxes()[1:]:
        inside = [
            photo[row, column]
            for row in range(height)
            for column in range(width)
            if x0 - 1e-9 <= (column + 0.5) / width <= x1 + 1e-9 and y0 - 1e-9 <= (row + 0.5) / height <= y1 + 1e-9
        ]
        if inside:
            found = []
            for cell in query:
                apart = [int(np.unpackbits(cell ^ other).sum()) for other in inside]
                found.append(max(0.0, 1 - 2 * min(apart) / (8 * photo.shape[2])) ** 3)
            best = max(best, float(np.mean(found)))
    return best


@pytest.mark.parametrize("size", [2, 16])
def test_scores_are_those_of_a_slow_look(size):
    random = np.random.default_rng(4)
    photos = [random.integers(0, 256, (*grid, size), dtype=np.uint8) for grid in ((4, 5), (6, 3), (4, 5))]
    query = random.integers(0, 256, (5, size), dtype=np.uint8)
    photos[2][3, 4] = query[0]
    scores = cell_scores(query, [*photos[:2], None, photos[2]])
    assert scores[2] == 0.0
    assert scores[[0, 1, 3]] == pytest.approx([slow(query, photo) for photo in photos], abs=1e-6)


def test_codes_of_another_length_and_a_query_without_cells_match_nothing():
    photo = np.zeros((3, 3, 16), np.uint8)
    assert cell_scores(np.zeros((2, 8), np.uint8), [photo]).tolist() == [0.0]
    assert cell_scores(np.zeros((0, 16), np.uint8), [photo]).tolist() == [0.0]


def test_many_cells_are_thinned_out_evenly():
    random = np.random.default_rng(5)
    query = random.integers(0, 256, (200, 16), dtype=np.uint8)
    photo = random.integers(0, 256, (6, 6, 16), dtype=np.uint8)
    chosen = query[np.linspace(0, 199, MOST_CELLS).astype(int)]
    assert cell_scores(query, [photo]) == pytest.approx([slow(chosen, photo)], abs=1e-6)


def test_only_what_stands_out_of_other_photos_is_a_bonus():
    usual = np.linspace(0, 1, 11).astype(np.float32)
    more = bonus(np.array([0.1, QUANTILE, 1.0], np.float32), usual)
    assert more == pytest.approx([0.0, 0.0, WEIGHT * (1.0 - QUANTILE)], abs=1e-6)
    assert len(bonus(np.empty(0, np.float32), usual)) == 0
    assert bonus(np.ones(2, np.float32), np.empty(0, np.float32)).tolist() == [0.0, 0.0]


def test_what_is_usual_is_said_by_photos_of_all_the_library_but_not_by_those_that_ask():
    rows = np.arange(10, 30)
    assert usual_rows(rows, np.array([12])).tolist() == [row for row in rows if row != 12]
    many = usual_rows(np.arange(1000), np.array([0, 999]))
    assert len(many) == USUAL and many[0] == 1 and many[-1] == 998
    assert np.ptp(np.diff(many)) <= 1


def test_codes_are_the_signs_of_the_code_layer_or_of_the_features():
    features = np.random.default_rng(6).normal(size=(3, 4, 16)).astype(np.float32)
    assert np.array_equal(np.unpackbits(cell_codes(features, lambda _rows: None), axis=2), features >= 0)
    turned = cell_codes(features, lambda rows: -rows[:, :8])
    assert np.array_equal(np.unpackbits(turned, axis=2), -features[..., :8] >= 0)
