"""Database-side augmentation against loops; leaving one out equals a library without it."""

import numpy as np
import pytest

from desktop_app.retrieval.graph_smoothing import NeighbourGraph, smoothed, smoothed_scores, without


def unit(rng, *shape):
    x = rng.standard_normal(shape)
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


def slow(descriptors, k, power=3.0):
    result = []
    for i, own in enumerate(descriptors):
        cosines = sorted(((float(own @ x), -j) for j, x in enumerate(descriptors) if j != i), reverse=True)[:k]
        total = own.astype(float).copy()
        for cosine, j in cosines:
            total += max(0.0, cosine) ** power * descriptors[-j]
        result.append(total / np.linalg.norm(total))
    return np.array(result)


@pytest.mark.parametrize(("count", "k"), [(40, 5), (4, 10), (1, 3), (2, 1), (12, 11)])
def test_the_smoothed_descriptors_equal_loops(count, k):
    x = unit(np.random.default_rng(count), count, 7)
    assert np.allclose(smoothed(x, NeighbourGraph.of(x, k)), slow(x, k), atol=1e-5)


@pytest.mark.parametrize(("count", "k"), [(25, 4), (3, 5), (2, 1)])
def test_leaving_a_photo_out_equals_a_library_without_it(count, k):
    x = unit(np.random.default_rng(7), count, 6)
    graph = NeighbourGraph.of(x, k)
    everything = smoothed(x, graph)
    moved = 0
    for photo in range(count):
        rows, values = without(x, graph, photo)
        made = everything.copy()
        made[rows] = values
        others = np.delete(np.arange(count), photo)
        assert photo not in rows
        assert np.allclose(made[others], slow(x[others], k), atol=1e-5)
        moved += len(rows)
    assert moved  # else nothing was left out anywhere and the comparison says nothing


def test_scores_mix_the_raw_and_the_smoothed_and_take_the_changed_rows():
    rng = np.random.default_rng(1)
    x = unit(rng, 20, 5)
    graph = NeighbourGraph.of(x, 4)
    smooth, (rows, values) = smoothed(x, graph), without(x, graph, 3)
    got = smoothed_scores(x[3], x, smooth, mix=0.3, changed=(rows, values))
    for i in range(20):
        second = values[list(rows).index(i)] if i in rows else smooth[i]
        assert got[i] == pytest.approx(0.7 * float(x[3] @ x[i]) + 0.3 * float(x[3] @ second), abs=1e-5)
    assert np.allclose(smoothed_scores(x[3], x, smooth, mix=0.0), x @ x[3], atol=1e-6)


def test_a_photo_without_relatives_stays_what_it_is():
    x = np.eye(6, dtype=np.float32)
    assert np.allclose(smoothed(x, NeighbourGraph.of(x, 3)), x)


def test_bad_settings_are_refused():
    x = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match="at least 1"):
        NeighbourGraph.of(x, 0)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        smoothed_scores(x[0], x, x, mix=1.5)
