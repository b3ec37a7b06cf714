import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.retrieval.pooling import gem, gem_raw, l2_normalise


def gem_by_loops(local_map, p, eps, weights=None):
    dimension, rows, columns = local_map.shape
    pooled = []
    for channel in range(dimension):
        total = 0.0
        for row in range(rows):
            for column in range(columns):
                x = max(float(local_map[channel, row, column]), eps)
                a = 1.0 if weights is None else float(weights[row, column])
                total += (a * x) ** p
        pooled.append((total / (rows * columns)) ** (1 / p))
    return np.array(pooled)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000), rows=st.integers(1, 5), columns=st.integers(1, 5), p=st.sampled_from([1, 3, 4.6])
)
def test_gem_equals_its_equation_by_plain_loops(seed, rows, columns, p):
    random = np.random.default_rng(seed)
    local_map = np.maximum(random.normal(size=(6, rows, columns)), 0).astype(np.float32)
    weights = random.uniform(0, 2, size=(rows, columns)).astype(np.float32)
    assert gem_raw(local_map, p=p) == pytest.approx(gem_by_loops(local_map, p, 1e-6), rel=1e-5)
    slow = gem_by_loops(local_map, p, 1e-6, weights)
    assert gem_raw(local_map, p=p, weights=weights) == pytest.approx(slow, rel=1e-5)
    assert gem(local_map, p=p, weights=weights) == pytest.approx(slow / np.linalg.norm(slow), rel=1e-5)


def test_a_descriptor_has_length_one():
    local_map = np.abs(np.random.default_rng(1).normal(size=(16, 3, 4))).astype(np.float32)
    assert np.linalg.norm(gem(local_map)) == pytest.approx(1.0, abs=1e-6)


def test_cells_of_weight_zero_do_not_count():
    local_map = np.abs(np.random.default_rng(2).normal(size=(8, 2, 2))).astype(np.float32)
    weights = np.array([[1, 0], [0, 0]], dtype=np.float32)
    assert gem(local_map, weights=weights) == pytest.approx(l2_normalise(local_map[:, 0, 0]), abs=1e-6)
    assert not gem(local_map, weights=np.zeros((2, 2), np.float32)).any()


def test_weights_of_another_grid_are_refused():
    with pytest.raises(ValueError, match="do not cover"):
        gem(np.ones((4, 3, 3), np.float32), weights=np.ones((2, 3), np.float32))


def test_a_zero_vector_stays_zero():
    assert not l2_normalise(np.zeros((2, 3), np.float32)).any()
