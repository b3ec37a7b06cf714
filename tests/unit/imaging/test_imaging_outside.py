"""What lies outside an outline is made of what lies inside, and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.imaging.outside import filled_outside


def slow(rgb: np.ndarray, inside: np.ndarray) -> list[set[tuple[int, ...]]]:
    """For every pixel outside, row by row: the colours it may have, one for each of the nearest pixels inside."""
    allowed = []
    within = [(int(y), int(x)) for y, x in np.argwhere(inside)]
    for y, x in np.argwhere(~inside):
        least = min((y - a) ** 2 + (x - b) ** 2 for a, b in within)
        colours = set()
        for a, b in within:
            if (y - a) ** 2 + (x - b) ** 2 == least:
                far = min(max(2 * a - y, 0), inside.shape[0] - 1), min(max(2 * b - x, 0), inside.shape[1] - 1)
                colours.add(tuple(int(value) for value in rgb[far if inside[far] else (a, b)]))
        allowed.append(colours)
    return allowed


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (12, 17, 3), dtype=np.uint8)


@pytest.fixture
def inside() -> np.ndarray:
    mask = np.zeros((12, 17), bool)
    mask[4:9, 5:12] = True
    mask[4, 5] = mask[8, 11] = False
    return mask


def test_a_pixel_outside_mirrors_the_inside_at_its_nearest_pixel(rgb: np.ndarray, inside: np.ndarray) -> None:
    filled = filled_outside(rgb, inside)
    assert np.array_equal(filled[inside], rgb[inside])
    got = [tuple(int(value) for value in rgb_) for rgb_ in filled[~inside]]
    right = [colour in colours for colour, colours in zip(got, slow(rgb, inside), strict=True)]
    assert np.mean(right) > 0.95  # the distances of OpenCV are rounded a little


def test_nothing_of_the_outside_is_left(rgb: np.ndarray, inside: np.ndarray) -> None:
    other = np.where(inside[..., None], rgb, 255 - rgb)
    assert np.array_equal(filled_outside(rgb, inside), filled_outside(other, inside))


@pytest.mark.parametrize("everything", [True, False])
def test_a_crop_that_is_all_inside_or_all_outside_stays_as_it_is(rgb: np.ndarray, everything: bool) -> None:
    assert filled_outside(rgb, np.full((12, 17), everything)) is rgb
