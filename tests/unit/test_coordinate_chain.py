"""A marked pixel through the whole chain and back: file, orientation, region, grid, window at some zoom."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.domain.geometry import Grid, Region
from desktop_app.imaging.sizes import turn, turned
from desktop_app.services.pictures import scaled
from desktop_app.ui.views.evidence.geometry import Camera, Pane, View, clamped

CASES = 1250  # for each of the eight orientations


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_marked_pixel_comes_back_within_half_a_cell(orientation: int) -> None:
    random = np.random.default_rng(orientation)
    for _ in range(CASES):
        size = tuple(int(side) for side in random.integers(40, 400, 2))
        width, height = turned(size, orientation)
        x, y = marked(size, orientation, random)
        box = region_around(x, y, width, height, random)
        grid = Grid(int(random.integers(1, 25)), int(random.integers(1, 25)))
        view = View(
            Pane(*random.uniform(0, 300, 2), *random.uniform(50, 2000, 2)),
            width,
            height,
            clamped(Camera(float(random.uniform(1, 32)), *random.uniform(0, 1, 2))),
        )
        clicked = view.to_picture(*view.to_widget(x + 0.5, y + 0.5))
        cell = grid.cell_at(*clicked, box)
        assert cell is not None
        patch = grid.cell_region(cell, box)
        left, top, wide, high = view.place(patch)
        back = view.to_picture(left + wide / 2, top + high / 2)
        assert abs(back[0] - x - 0.5) <= max(1.0, box.w / grid.columns) / 2 + 0.5
        assert abs(back[1] - y - 0.5) <= max(1.0, box.h / grid.rows) / 2 + 0.5


def marked(size: tuple[int, int], orientation: int, random: np.random.Generator) -> tuple[int, int]:
    """Where the one white pixel of a file lies in the oriented picture."""
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[random.integers(size[1]), random.integers(size[0])] = 255
    y, x = np.argwhere(turn(pixels, orientation))[0]
    return int(x), int(y)


def region_around(x: int, y: int, width: int, height: int, random: np.random.Generator) -> Region:
    """A region of at least 16 x 16 pixels that holds the point, as people draw them."""
    left = int(random.integers(max(0, x - 200), min(x, width - 16) + 1))
    top = int(random.integers(max(0, y - 200), min(y, height - 16) + 1))
    return Region(
        left,
        top,
        int(random.integers(max(16, x - left + 1), width - left + 1)),
        int(random.integers(max(16, y - top + 1), height - top + 1)),
    )


def test_a_region_of_the_original_covers_the_same_part_of_its_preview() -> None:
    random = np.random.default_rng(9)
    for _ in range(CASES):
        width, height = (int(side) for side in random.integers(40, 4000, 2))
        factor = 512 / max(width, height, 512)
        small_width, small_height = max(1, round(width * factor)), max(1, round(height * factor))
        box = region_around(int(random.integers(width)), int(random.integers(height)), width, height, random)
        part = scaled(box, width, height, small_width, small_height)
        across, down = width / small_width, height / small_height
        assert abs(part.x * across - box.x) <= across + 1e-6
        assert abs(part.y * down - box.y) <= down + 1e-6
        assert abs((part.x + part.w) * across - box.x - box.w) <= across + 1e-6
        assert abs((part.y + part.h) * down - box.y - box.h) <= down + 1e-6
