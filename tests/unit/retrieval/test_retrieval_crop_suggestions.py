"""Parts worth asking with: the best rectangle of all, as plain loops find it; none where none stands out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.domain.features import Embedding
from desktop_app.domain.geometry import Region
from desktop_app.retrieval.crop_suggestions import (
    LIKE,
    CropParameters,
    best_rectangle,
    norm_attention,
    suggested_crops,
    suggested_parts,
    unlike_border,
)

BOX = Region(0, 0, 1800, 1200)


def best_by_loops(attention, parameters):
    rows, columns = attention.shape
    best = None
    for top in range(rows):
        for bottom in range(top + 1, rows + 1):
            for left in range(columns):
                for right in range(left + 1, columns + 1):
                    h, w = bottom - top, right - left
                    share = h * w / (rows * columns)
                    if h < parameters.least_side * rows or w < parameters.least_side * columns:
                        continue
                    if share > parameters.most_area:
                        continue
                    gain = float(attention[top:bottom, left:right].sum()) - share
                    best = gain if best is None else max(best, gain)
    return best


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 7),
    columns=st.integers(1, 7),
    least=st.sampled_from([0.1, 0.25, 0.5]),
    most=st.sampled_from([0.3, 0.5, 1.0]),
)
def test_no_rectangle_gains_more_than_the_one_found(seed, rows, columns, least, most):
    random = np.random.default_rng(seed)
    attention = random.gamma(0.5, size=(rows, columns))
    attention /= attention.sum()
    parameters = CropParameters(least_side=least, most_area=most)
    found, expected = best_rectangle(attention, parameters), best_by_loops(attention, parameters)
    if found is None or expected is None:
        assert found is expected is None
        return
    gain, top, bottom, left, right = found
    share = (bottom - top) * (right - left) / (rows * columns)
    assert gain == pytest.approx(expected)
    assert gain == pytest.approx(attention[top:bottom, left:right].sum() - share)
    assert share <= most and bottom - top >= least * rows and right - left >= least * columns


def test_two_things_are_two_parts_the_stronger_first():
    attention = np.full((12, 18), 0.1, np.float32)
    attention[1:5, 2:8] = 2.0
    attention[7:11, 11:17] = 3.0
    first, second = suggested_crops(attention, BOX)
    assert first == Region(1100, 700, 600, 400) and second == Region(200, 100, 600, 400)


def test_parts_lie_where_the_picture_lies_whatever_its_size():
    attention = np.zeros((4, 6), np.float32)
    attention[1:3, 1:3] = 1.0
    assert suggested_crops(attention, Region(100, 50, 601, 399)) == (Region(200, 149, 200, 200),)


@pytest.mark.parametrize(
    "attention",
    [
        np.ones((18, 18), np.float32),
        np.zeros((18, 18), np.float32),
        np.full((18, 18), -1.0, np.float32),
        np.full((18, 18), np.nan, np.float32),
        np.ones((1, 1), np.float32),
    ],
)
def test_where_nothing_stands_out_nothing_is_suggested(attention):
    assert suggested_crops(attention, BOX) == ()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 20),
    columns=st.integers(1, 20),
    width=st.integers(1, 5000),
    height=st.integers(1, 5000),
)
def test_parts_are_few_different_and_inside(seed, rows, columns, width, height):
    attention = np.random.default_rng(seed).gamma(0.1, size=(rows, columns)).astype(np.float32)
    parts = suggested_crops(attention, Region(0, 0, width, height))
    assert len(parts) <= CropParameters().most
    if width >= columns and height >= rows:
        assert len(set(parts)) == len(parts)
        for part in parts:
            assert part.x >= 0 and part.y >= 0 and part.x + part.w <= width and part.y + part.h <= height


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 6), columns=st.integers(1, 6))
def test_the_maps_equal_their_equations_by_plain_loops(seed, rows, columns):
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, columns, 8)).astype(np.float32)
    features /= np.linalg.norm(features, axis=2, keepdims=True)
    cells = [(row, column) for row in range(rows) for column in range(columns)]
    border = [(row, column) for row, column in cells if row in (0, rows - 1) or column in (0, columns - 1)]
    unlike, norms = np.zeros((rows, columns)), np.zeros((rows, columns))
    for cell in cells:
        cosines = sorted((float(features[cell] @ features[other]) for other in border), reverse=True)[:LIKE]
        unlike[cell] = 1 - sum(cosines) / len(cosines)
        norms[cell] = sum(float(value) ** 2 for value in 3 * features[cell]) ** 0.5
    assert unlike_border(features) == pytest.approx(np.maximum(unlike - np.median(unlike), 0), abs=1e-5)
    of_map = norm_attention(np.ascontiguousarray((3 * features).transpose(2, 0, 1)))
    assert of_map == pytest.approx(np.maximum(norms - np.median(norms), 0), abs=1e-5)


def test_the_thing_in_the_middle_comes_first_then_what_is_strong_elsewhere_each_once():
    features = np.zeros((12, 12, 4), np.float32)
    features[..., 0] = 1.0
    features[4:8, 3:8] = (0, 1, 0, 0)
    strong, same = np.ones((2, 12, 12), np.float32), np.ones((2, 12, 12), np.float32)
    strong[:, 8:12, 8:12] = 5.0
    same[:, 4:8, 3:7] = 4.0
    box = Region(0, 0, 240, 120)
    middle, corner = Region(60, 40, 100, 40), Region(160, 80, 80, 40)
    alpha = np.zeros(512, np.float32)
    both = Embedding(alpha, local_features=features, local_map=strong)
    assert suggested_parts(both, box) == (middle, corner)
    assert suggested_parts(Embedding(alpha, local_features=features, local_map=same), box) == (middle,)
    assert suggested_parts(Embedding(alpha, local_map=strong), box) == (corner,)
    assert suggested_parts(Embedding(alpha, local_features=features), box) == (middle,)
    assert suggested_parts(Embedding(alpha), box) == ()
    assert suggested_parts(both, box, CropParameters(most=1)) == (middle,)
