"""Previews and the network's input shapes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_sample_image

from desktop_app.domain.errors import UnreadableImage
from desktop_app.imaging.preview import decode_preview, decode_thumbnail, encode_preview
from desktop_app.imaging.tensor import choose_shape, fit
from tests.support.odd_files import at_preview_scale, difference


@pytest.fixture(scope="module")
def preview():
    return at_preview_scale(load_sample_image("flower.jpg"))


def test_a_preview_survives_its_jpeg(preview):
    data = encode_preview(preview)
    assert len(data) < 120_000
    assert difference(decode_preview(data), preview) < 3


def test_a_preview_of_a_view_of_an_array_is_the_same(preview):
    assert encode_preview(preview[:, ::-1]) == encode_preview(preview[:, ::-1].copy())


@given(st.integers(1, 700), st.integers(1, 300), st.integers(1, 600))
@settings(max_examples=60, deadline=None)
def test_a_thumbnail_fits_its_side_and_is_never_enlarged(width, height, side):
    rgb = np.full((height, width, 3), (200, 90, 30), np.uint8)
    thumbnail = decode_thumbnail(encode_preview(rgb), side)
    h, w = thumbnail.shape[:2]
    assert max(w, h) == min(side, max(width, height))
    assert w == max(1, round(width * min(1, side / max(width, height))))
    assert np.abs(thumbnail.astype(int) - (200, 90, 30)).max() <= 4


@pytest.mark.parametrize("data", [b"", b"no jpeg", b"\xff\xd8\xff\xe0 and nothing more"])
def test_a_damaged_cached_preview_is_refused(data):
    with pytest.raises(UnreadableImage, match="cached preview"):
        decode_preview(data)
    with pytest.raises(UnreadableImage, match="cached preview"):
        decode_thumbnail(data, 100)


def test_a_cut_cached_preview_is_refused(preview):
    data = encode_preview(preview)
    with pytest.raises(UnreadableImage):
        decode_preview(data[: len(data) // 2])


shapes = st.lists(
    st.tuples(st.integers(1, 20), st.integers(1, 20)).map(lambda s: (32 * s[0], 32 * s[1])), min_size=1
)


@given(st.integers(1, 50_000), st.integers(1, 50_000), shapes)
def test_no_other_shape_is_nearer_in_aspect(width, height, choices):
    chosen = choose_shape(width, height, choices)
    assert chosen in choices

    def distance(shape):
        return abs(math.log(shape[1] / shape[0]) - math.log(width / height))

    assert all(distance(chosen) <= distance(other) for other in choices)


@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from([(224, 224), (160, 320), (32, 64)]))
@settings(max_examples=60, deadline=None)
def test_fitting_keeps_the_whole_picture(width, height, shape):
    """The mean colour of each half stays what it was: nothing is cropped, padded or shifted."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, width // 2 :] = (10, 120, 250)
    fitted = fit(rgb, shape)
    assert fitted.shape == (*shape, 3)
    assert fitted.dtype == np.uint8 and fitted.flags.c_contiguous
    share = (width - width // 2) / width
    assert abs(float(fitted[..., 2].mean()) - 250 * share) < 4


@pytest.mark.parametrize("call", [lambda: choose_shape(0, 5, [(1, 1)]), lambda: choose_shape(5, 5, [])])
def test_senseless_shapes_are_refused(call):
    with pytest.raises(ValueError):
        call()


def test_grey_levels_are_those_of_the_colours(preview):
    grey, colours = (decode_thumbnail(encode_preview(preview), 128, grey=grey) for grey in (True, False))
    weighed = colours.astype(float) @ (0.299, 0.587, 0.114)
    assert grey.shape == colours.shape[:2] and np.abs(grey - weighed).mean() < 1.0
