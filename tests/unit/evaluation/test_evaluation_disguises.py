"""Disguises change a photo as they say."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from desktop_app.evaluation import disguises
from desktop_app.evaluation.disguises import SCENARIOS, instance_view

PHOTO = data.coffee()


def generator() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_disguise_gives_another_photo_and_leaves_the_first_alone(name):
    before = PHOTO.copy()
    for strength in SCENARIOS[name].strengths:
        made = SCENARIOS[name].make(PHOTO, strength, generator())
        assert made.dtype == np.uint8 and made.ndim == 3 and made.shape[2] == 3
        assert min(made.shape[:2]) >= 32
        assert made.shape != PHOTO.shape or (made != PHOTO).any()
    np.testing.assert_array_equal(PHOTO, before)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_gives_the_same_disguise(name):
    strength = SCENARIOS[name].strengths[-1]
    one, two = (SCENARIOS[name].make(PHOTO, strength, generator()) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_a_crop_has_the_asked_share_and_is_cut_from_the_photo():
    part = disguises.crop(PHOTO, 0.25, generator())
    assert part.shape == (200, 300, 3)
    windows = np.lib.stride_tricks.sliding_window_view(PHOTO[..., 0], (200, 300))
    assert (windows[:, :, 0, 0] == part[0, 0, 0]).any()
    assert disguises.crop(PHOTO, 1.0, generator()).shape == PHOTO.shape


def test_quarter_turns_lose_nothing():
    turned = disguises.rotation(PHOTO, 90, generator())
    assert any(np.array_equal(np.rot90(PHOTO, quarter), turned) for quarter in (1, 3))


def test_a_turned_photo_shows_nothing_from_outside():
    inside = disguises.rotation(np.full((120, 200, 3), 200, np.uint8), 30, generator())
    # the largest rectangle of the same shape: 200 s cos + 120 s sin = 200 and 120 s cos + 200 s sin = 120 at most
    scale = min(200 / (200 * 0.8660 + 120 * 0.5), 120 / (200 * 0.5 + 120 * 0.8660))
    assert inside.shape[:2] == (int(120 * scale), int(200 * scale))
    assert (inside == 200).all()


def test_exposure_works_on_light():
    greys = np.full((4, 4, 3), 128, np.uint8)
    np.testing.assert_array_equal(disguises.exposure(PHOTO, 0, generator()), PHOTO)
    # one stop is twice the light: 128 * 2^(1/2.2) = 175.4, and half of it 93.4
    assert disguises.exposure(greys, 1, generator())[0, 0, 0] == 175
    assert disguises.exposure(greys, -1, generator())[0, 0, 0] == 93


def test_a_mirror_twice_is_the_photo():
    once = disguises.mirror(PHOTO, 1, generator())
    np.testing.assert_array_equal(once[:, 0], PHOTO[:, -1])
    np.testing.assert_array_equal(disguises.mirror(once, 1, generator()), PHOTO)


def test_a_screenshot_holds_the_photo_within_its_borders():
    screen = disguises.screenshot(PHOTO, 0.1, generator())
    assert screen.shape == (480, 720, 3)
    np.testing.assert_array_equal(screen[40:440, 60:660], PHOTO)


def test_lower_quality_and_wider_blur_lose_more():
    def loss(made):
        return float(np.abs(made.astype(int) - PHOTO).mean())

    for make, strengths in ((disguises.jpeg, (90, 30, 5)), (disguises.blur, (0.001, 0.01, 0.03))):
        losses = [loss(make(PHOTO, strength, generator())) for strength in strengths]
        assert 0 < losses[0] < losses[1] < losses[2]


def test_more_lines_of_text_cover_more():
    changed = [float((disguises.text(PHOTO, lines, generator()) != PHOTO).mean()) for lines in (1, 6)]
    assert 0.005 < changed[0] < changed[1] < 0.5


def test_perspective_keeps_the_shape_and_no_shift_keeps_the_photo():
    assert disguises.perspective(PHOTO, 0.2, generator()).shape == PHOTO.shape
    np.testing.assert_array_equal(disguises.perspective(PHOTO, 0.0, generator()), PHOTO)


def test_an_instance_view_is_a_part_in_other_light():
    shares = [instance_view(PHOTO, np.random.default_rng(seed)).size / PHOTO.size for seed in range(12)]
    assert 0.29 <= min(shares) < 0.5 < max(shares) <= 1.0
