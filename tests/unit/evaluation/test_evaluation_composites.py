"""Copy-paste composites: masks, homography and light are what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import data

from desktop_app.evaluation.composites import (
    make_composite,
    other_exposure,
    outline_mask,
    random_outline,
    through,
)

SCENE = data.coffee()


def _coordinates(height: int = 200, width: int = 240) -> NDArray[np.uint8]:
    """A photo whose pixels tell where they are: red = x, green = y."""
    rgb = np.zeros((height, width, 3), dtype=np.uint8)
    rgb[..., 0] = np.arange(width)
    rgb[..., 1] = np.arange(height)[:, None]
    return rgb


def _inside(x: float, y: float, outline: NDArray[np.float64]) -> bool:
    """Slow twin: the even-odd rule, one ray, one edge at a time."""
    found = False
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if (y0 <= y) != (y1 <= y) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x:
            found = not found
    return found


def test_a_mask_holds_the_pixels_whose_middle_is_inside() -> None:
    outline = np.random.default_rng(0).uniform(-3, 18, size=(7, 2))
    mask = outline_mask(outline, 12, 15)
    assert mask.tolist() == [[_inside(x, y, outline) for x in range(15)] for y in range(12)]
    assert 0 < mask.sum() < mask.size


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_pixels_sent_through_the_homography_land_on_themselves(seed: int) -> None:
    random = np.random.default_rng(seed)
    polygon = np.array([[60.0, 40.0], [190.0, 60.0], [170.0, 160.0], [70.0, 150.0]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("desktop_app.evaluation.composites.other_exposure", lambda rgb, random: rgb)
        made = make_composite(_coordinates(), SCENE, random, area=(0.2, 0.4), polygon=polygon, alone=False)
    rows, columns = np.nonzero(made.query_mask)
    landed = through(made.to_scene, np.column_stack([columns, rows]))
    at = np.rint(landed).astype(int)
    height, width = made.mask.shape
    assert (at >= 0).all() and (at[:, 0] < width).all() and (at[:, 1] < height).all()
    # every pixel of the object lands in the object, but for roundings at the outline
    assert made.mask[at[:, 1], at[:, 0]].mean() > 0.97
    # well inside, the scene shows there the very pixel that was sent (red = x, green = y of the photo)
    steps = np.array([[0, 0], [4, 0], [-4, 0], [0, 4], [0, -4]])
    inner = np.array(
        [
            all(made.mask[min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)] for dx, dy in steps)
            for x, y in at
        ]
    )
    assert inner.sum() > 1000
    sent = made.query[rows[inner], columns[inner], :2].astype(float)
    shown = made.scene[at[inner, 1], at[inner, 0], :2].astype(float)
    assert np.abs(sent - shown).max() <= 3.0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), low=st.floats(0.05, 0.3))
def test_the_object_covers_the_asked_share_and_nothing_else_changes(seed: int, low: float) -> None:
    made = make_composite(data.chelsea(), SCENE, np.random.default_rng(seed), area=(low, low + 0.02))
    assert made.scene.shape == SCENE.shape and made.mask.shape == SCENE.shape[:2]
    assert made.query_mask.shape == made.query.shape[:2]
    assert 0.02 < made.mask.mean() <= low + 0.03
    far = np.abs(np.diff(np.pad(made.mask, 6).astype(int), axis=0)).max() == 1  # there is an outline at all
    assert far
    grown = made.mask.copy()
    for _ in range(5):
        grown[1:] |= grown[:-1]
        grown[:-1] |= grown[1:]
        grown[:, 1:] |= grown[:, :-1]
        grown[:, :-1] |= grown[:, 1:]
    np.testing.assert_array_equal(made.scene[~grown], SCENE[~grown])
    assert (made.scene[made.mask] != SCENE[made.mask]).any()


def test_an_object_alone_lies_on_grey() -> None:
    alone = make_composite(data.chelsea(), SCENE, np.random.default_rng(3), alone=True)
    around = make_composite(data.chelsea(), SCENE, np.random.default_rng(3), alone=False)
    np.testing.assert_array_equal(alone.query_mask, around.query_mask)
    corner = (slice(0, 3), slice(0, 3))
    assert not alone.query_mask[corner].any()
    assert (alone.query[corner] == 127).all()
    assert (around.query[corner] != 127).any()
    inner = alone.query_mask & np.roll(alone.query_mask, 4, 0) & np.roll(alone.query_mask, -4, 0)
    inner &= np.roll(alone.query_mask, 4, 1) & np.roll(alone.query_mask, -4, 1)
    np.testing.assert_array_equal(alone.query[inner], around.query[inner])


def test_random_objects_are_as_large_as_asked_for() -> None:
    photo = data.chelsea()
    random = np.random.default_rng(2)
    for low, high in ((0.3, 0.85), (0.12, 0.35)):
        for _ in range(20):
            share = np.ptp(random_outline(photo, random, (low, high)), axis=0) / (photo.shape[1::-1])
            assert (share > low - 0.02).all() and (share < high + 0.02).all()


def test_the_same_seed_gives_the_same_composite() -> None:
    one, two = (make_composite(data.chelsea(), SCENE, np.random.default_rng(8)) for _ in range(2))
    np.testing.assert_array_equal(one.scene, two.scene)
    np.testing.assert_array_equal(one.to_scene, two.to_scene)


def test_a_long_object_is_made_smaller_until_it_fits() -> None:
    polygon = np.array([[0.0, 90.0], [239.0, 90.0], [239.0, 100.0], [0.0, 100.0]])
    made = make_composite(_coordinates(), SCENE, np.random.default_rng(1), area=(0.5, 0.5), polygon=polygon)
    assert 0.01 < made.mask.mean() < 0.2


@pytest.mark.parametrize(
    ("photo", "area", "polygon"),
    [
        (np.zeros((20, 200, 3), np.uint8), (0.1, 0.2), None),
        (np.zeros((200, 200, 3), np.uint8), (0.3, 0.2), None),
        (np.zeros((200, 200, 3), np.uint8), (0.1, 0.2), np.array([[1.0, 1.0], [3.0, 1.0], [2.0, 3.0]])),
        (np.zeros((200, 200, 3), np.uint8), (0.1, 0.2), np.array([[1.0, 1.0], [90.0, 1.0]])),
    ],
)
def test_what_cannot_be_used_is_refused(
    photo: NDArray[np.uint8], area: tuple[float, float], polygon: NDArray[np.float64] | None
) -> None:
    with pytest.raises(ValueError, match=r"composite|area|outline"):
        make_composite(photo, SCENE, np.random.default_rng(0), area=area, polygon=polygon)


def test_exposure_changes_by_half_a_stop_of_light_at_most() -> None:
    """White stays within 2 ** (0.5 / 2.2) of itself but for the white balance of 6 %, black stays black."""
    grey = np.full((2, 2, 3), 255, np.uint8)
    made = [other_exposure(grey, np.random.default_rng(seed)) for seed in range(60)]
    levels = np.array([rgb[0, 0] for rgb in made]) / 255.0
    assert levels.min() >= 2 ** (-0.5 / 2.2) * 0.94 - 0.01 and levels.max() == 1.0
    assert levels.min() < 0.9
    assert not other_exposure(np.zeros((2, 2, 3), np.uint8), np.random.default_rng(0)).any()
