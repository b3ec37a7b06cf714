"""What marked parts have in common, and how like it photos are, against loops that follow the equations."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.domain.features import LocalCodes
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.retrieval.local_match import PackedCentroids
from desktop_app.retrieval.marked_parts import (
    FEWEST,
    LEAST_CELLS,
    OF_PART,
    Background,
    likeness,
    marked_cells,
    parts_share,
    pooled_cells,
    standardised,
    stored_features,
)

PHOTO = (320, 240)
GRID = Grid(12, 16)  # cells of 20 x 20 pixels


def numbers(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def marked_pixels(weights: dict[Cell, float], marked_on: Grid, region: Region) -> np.ndarray:
    """[240, 320] which pixels are marked, one by one."""
    found = np.zeros((PHOTO[1], PHOTO[0]), bool)
    for y in range(region.y, region.y + region.h):
        for x in range(region.x, region.x + region.w):
            cell = Cell(
                (y - region.y) * marked_on.rows // region.h, (x - region.x) * marked_on.columns // region.w
            )
            found[y, x] = weights.get(cell, 1.0) > 0.5
    return found


def test_a_large_part_is_the_cells_that_it_covers() -> None:
    region = Region(40, 20, 160, 200)
    weights = {Cell(0, 0): 0.0, Cell(0, 1): 0.0}
    marked = marked_cells(weights, Grid(10, 8), region, PHOTO, GRID)
    expected = marked_pixels(weights, Grid(10, 8), region).reshape(12, 20, 16, 20).mean(axis=(1, 3))
    assert marked == pytest.approx(expected)
    assert 0 < marked.sum() < marked.size


def test_a_patch_grows_to_the_least_size_round_its_middle() -> None:
    region = Region(100, 60, 200, 140)
    weights = {Cell(row, column): 0.25 for row in range(7) for column in range(10)}
    weights[Cell(3, 4)] = 1.0  # pixels 180 to 200, 120 to 140
    marked = marked_cells(weights, Grid(7, 10), region, PHOTO, GRID)
    rows, columns = np.nonzero(marked)
    assert set(rows) == set(range(6 - 2, 6 + 3)) and set(columns) == set(range(9 - 2, 9 + 3))
    assert len(rows) == LEAST_CELLS**2


def test_a_part_at_the_edge_stays_inside() -> None:
    marked = marked_cells({}, Grid(1, 1), Region(0, 0, 20, 20), PHOTO, GRID)
    assert marked.shape == (12, 16) and marked[:3, :3].all() and marked.sum() == 9


def test_nothing_marked_is_nothing() -> None:
    everything = {Cell(0, 0): 0.0}
    marked = marked_cells(everything, Grid(1, 1), Region(0, 0, 100, 100), PHOTO, GRID)
    assert not marked.any()
    assert pooled_cells(np.ones((12, 16, 4), np.float32), marked) is None


def test_pooling_is_the_weighted_mean_of_unit_cells() -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(3, 4, 5)).astype(np.float32)
    weights = random.random((3, 4)).astype(np.float32)
    total = np.zeros(5)
    for row in range(3):
        for column in range(4):
            total += weights[row, column] * features[row, column] / np.linalg.norm(features[row, column])
    pooled = pooled_cells(features, weights)
    assert pooled is not None
    assert pooled == pytest.approx(total / np.linalg.norm(total), abs=1e-6)


def test_a_stored_photo_shows_the_centroid_of_every_cell() -> None:
    labels = np.array([[0, 1], [1, 2]], np.uint8)
    codes = LocalCodes(np.zeros((3, 2), np.uint8), labels, np.array([[3, 4], [0, 9], [-5, 0]], np.int8), 0.01)
    expected = [[[0.6, 0.8], [0, 1]], [[0, 1], [-1, 0]]]
    assert stored_features(codes) == pytest.approx(np.array(expected))


def photos(count: int, random: np.random.Generator, dimension: int = 6) -> PackedCentroids:
    """Photos of 1 to 4 local features; missing ones repeat the first, as `pack_centroids` does."""
    units = random.normal(size=(count, 4, dimension)).astype(np.float32) + numbers(2, 0, 0, 0, 0, 0)
    units /= np.linalg.norm(units, axis=2, keepdims=True)
    shares = np.zeros((count, 4), np.float32)
    for at in range(count):
        held = 1 + at % 4
        units[at, held:] = units[at, 0]
        shares[at, :held] = 1 / held
    return PackedCentroids(units, shares)


def test_the_direction_is_that_of_linear_discriminant_analysis() -> None:
    random = np.random.default_rng(2)
    some = photos(30, random)
    background = Background.of(some)
    assert background is not None
    rows = [some.units[at, k] for at in range(30) for k in range(4) if some.shares[at, k] > 0]
    mean = np.mean(rows, axis=0, dtype=np.float64)
    covariance = sum(np.outer(row - mean, row - mean) for row in rows) / (len(rows) - 1)
    parts, weights = random.normal(size=(3, 6)).astype(np.float32), numbers(1, 2, 0.5)
    wanted = sum(weight * part for weight, part in zip(weights, parts, strict=True)) / 3.5
    ridge = np.trace(covariance) / 6 * np.eye(6)
    expected = np.linalg.solve(covariance + ridge, wanted - mean)
    assert background.direction(parts, weights) == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)


def test_a_photo_is_as_good_as_its_best_feature() -> None:
    random = np.random.default_rng(3)
    background = Background.of(photos(30, random))
    assert background is not None
    some, direction = photos(9, random), background.direction(np.eye(6, dtype=np.float32)[:2], numbers(1, 1))
    some.shares[4] = 0  # a photo without local features
    best = [max(float((some.units[at, k] - background.mean) @ direction) for k in range(4)) for at in range(9)]
    best[4] = min(value for at, value in enumerate(best) if at != 4)
    assert likeness(some, direction, background) == pytest.approx(best, abs=1e-6)


def test_too_few_photos_teach_nothing() -> None:
    random = np.random.default_rng(4)
    assert Background.of(photos(FEWEST - 1, random)) is None
    assert Background.of(photos(FEWEST, random)) is not None


def test_values_are_told_in_deviations_of_the_ordinary_ones() -> None:
    assert standardised(numbers(5, 1), numbers(0, 2)) == pytest.approx([4, 0])
    assert standardised(numbers(5, 1), numbers()) == pytest.approx([0, 0])


@pytest.mark.parametrize(
    ("right", "wrong", "share"),
    [
        (numbers(3, 4), numbers(1), 0.0),  # wholes tell right from wrong
        (numbers(1, 2), numbers(3), 1.0),  # they do not
        (numbers(2), numbers(2), 0.5),
        (numbers(2), numbers(1.9), 0.3),
        (numbers(2), numbers(), 0.5),
        (numbers(), numbers(2), 0.0),
    ],
)
def test_parts_count_where_wholes_fail(right: np.ndarray, wrong: np.ndarray, share: float) -> None:
    assert parts_share(right, wrong, part=False) == pytest.approx(share, abs=1e-6)
    assert parts_share(right, wrong, part=True) == (OF_PART if len(right) else 0.0)
