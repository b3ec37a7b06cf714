"""Tile entries: where the regions lie, how a photo with several entries is scored."""

import numpy as np
import pytest

from desktop_app.retrieval.tiles import (
    REGIONS,
    best_tiles,
    quantised,
    region_boxes,
    region_crops,
    tile_scores,
)


def test_without_overlap_the_regions_of_each_grid_tile_the_photo():
    boxes = region_boxes(0.0)
    assert boxes.shape == (REGIONS, 4) == (14, 4)
    assert boxes[0].tolist() == [0, 0, 1, 1]
    for k, rows in ((2, boxes[1:5]), (3, boxes[5:])):
        for i, (x0, y0, x1, y1) in enumerate(rows):
            row, column = divmod(i, k)
            assert np.allclose([x0, y0, x1, y1], [column / k, row / k, (column + 1) / k, (row + 1) / k])


@pytest.mark.parametrize("overlap", [0.25, 0.6, 5.0])
def test_larger_regions_reach_from_edge_to_edge_and_stay_inside(overlap):
    boxes = region_boxes(overlap)
    assert boxes.min() >= 0 and boxes.max() <= 1 + 1e-12
    for k, rows in ((2, boxes[1:5]), (3, boxes[5:])):
        assert np.allclose(rows[:, 2:] - rows[:, :2], min(1, (1 + overlap) / k))
        assert rows[0, 0] == 0 and rows[-1, 3] == pytest.approx(1)


def test_crops_follow_the_boxes():
    rgb = np.arange(30 * 60 * 3, dtype=np.uint32).reshape(30, 60, 3).astype(np.uint8)
    crops = region_crops(rgb, 0.0)
    assert np.array_equal(crops[0], rgb)
    assert np.array_equal(crops[2], rgb[:15, 30:])
    assert np.array_equal(crops[5 + 3], rgb[10:20, :20])
    assert all(min(crop.shape[:2]) >= 1 for crop in region_crops(rgb[:2, :2]))


def test_the_score_of_a_photo_is_that_of_its_best_entry():
    rng = np.random.default_rng(0)
    entries = rng.standard_normal((5, 14, 8)).astype(np.float32)
    query = rng.standard_normal(8).astype(np.float32)
    got = tile_scores(query, entries)
    for photo in range(5):
        cosines = [float(entry @ query) for entry in entries[photo]]
        assert got.scores[photo] == pytest.approx(max(cosines), abs=1e-5)
        assert got.best[photo] == cosines.index(max(cosines))


def test_a_bonus_favours_whole_photos():
    query = np.array([1, 0], np.float32)
    entries = np.array([[[0.7, 0], [0.8, 0]]], np.float32)
    assert tile_scores(query, entries).best[0] == 1
    got = tile_scores(query, entries, whole_bonus=0.2)
    assert got.best[0] == 0 and got.scores[0] == pytest.approx(0.9)
    assert entries[0, 0, 0] == np.float32(0.7)  # the entries themselves are left alone


def test_the_best_tile_is_that_of_a_slow_look_at_stored_descriptors():
    random = np.random.default_rng(2)
    alphas = random.normal(size=(6, 13, 64)).astype(np.float32)
    alphas /= np.linalg.norm(alphas, axis=2, keepdims=True)
    query = alphas[4, 7] + 0.3 * alphas[1, 2]
    query /= np.linalg.norm(query)
    found = best_tiles(query, quantised(alphas))
    for photo in range(6):
        cosines = [float(query @ tile) for tile in alphas[photo]]
        assert found.best[photo] == int(np.argmax(cosines))
        assert found.scores[photo] == pytest.approx(max(cosines), abs=0.005)
    assert len(best_tiles(query, np.empty((0, 13, 64), np.int8)).scores) == 0


def test_a_descriptor_of_nothing_is_like_nothing():
    assert best_tiles(np.ones(8, np.float32), quantised(np.zeros((1, 13, 8), np.float32))).scores.tolist() == [0.0]
