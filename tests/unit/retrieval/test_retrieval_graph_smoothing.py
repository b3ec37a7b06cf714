"""Database-side augmentation against loops; leaving one out equals a library without it."""

import numpy as np
import pytest

from desktop_app.retrieval.graph_smoothing import (
    NeighbourGraph,
    mixed_scores,
    near_rows,
    smoothed,
    smoothed_cosines,
    smoothed_scores,
    without,
)
from desktop_app.retrieval.parameters import GraphParameters


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


def test_of_equally_near_photos_the_first_ones_are_taken():
    x = np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)
    graph = NeighbourGraph.of(x, 3)
    assert graph.indices[0].tolist() == [1, 2, 3, 4]
    assert graph.indices[2].tolist() == [0, 1, 3, 4]
    assert graph.indices[39].tolist() == [20, 21, 22, 23]


def test_bad_settings_are_refused():
    x = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match="at least 1"):
        NeighbourGraph.of(x, 0)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        smoothed_scores(x[0], x, x, mix=1.5)


def candidate_scores(query, x, graph, parameters, left_out=None):
    gone = np.zeros(graph.indices.shape, bool) if left_out is None else graph.indices == left_out
    near, cosines = near_rows(graph.indices, graph.cosines, gone=gone, k=graph.k)
    return smoothed_cosines(query, x, x, near, cosines, parameters)


@pytest.mark.parametrize(("count", "k"), [(40, 5), (4, 10), (1, 3), (2, 1), (12, 11)])
def test_smoothed_cosines_of_candidates_equal_loops(count, k):
    rng = np.random.default_rng(count)
    x, query = unit(rng, count, 7), unit(rng, 7)
    got = candidate_scores(query, x, NeighbourGraph.of(x, k), GraphParameters(floor=0.0))
    assert np.allclose(got, slow(x, k) @ query, atol=1e-5)


def test_smoothed_cosines_without_the_photo_that_asks_are_those_of_a_library_without_it():
    x = unit(np.random.default_rng(7), 25, 6)
    graph = NeighbourGraph.of(x, 4)
    for photo in range(25):
        others = np.delete(np.arange(25), photo)
        got = candidate_scores(x[photo], x, graph, GraphParameters(floor=0.0), left_out=photo)[others]
        assert np.allclose(got, slow(x[others], 4) @ x[photo], atol=1e-5)


def test_neighbours_below_the_floor_weigh_nothing_and_above_it_they_grow_to_one():
    x = np.array([[1, 0, 0], [0.5, np.sqrt(0.75), 0], [0, 0, 1]], np.float32)
    graph, query = NeighbourGraph.of(x, 2), np.array([0, 1, 0], np.float32)
    plain = candidate_scores(query, x, graph, GraphParameters(floor=0.5))
    assert np.allclose(plain, x @ query, atol=1e-6)
    weight = ((0.5 - 0.25) / 0.75) ** 2
    total = x[0] + weight * x[1]
    got = candidate_scores(query, x, graph, GraphParameters(floor=0.25, power=2.0))
    assert got[0] == pytest.approx(total @ query / np.linalg.norm(total), abs=1e-6)
    assert got[2] == pytest.approx(0.0, abs=1e-6)


def test_a_copy_of_the_query_stays_first_however_its_neighbours_lie():
    rng = np.random.default_rng(3)
    query = unit(rng, 8)
    copy = unit(rng, 8) * 0.02 + query
    crowd = unit(rng, 12, 8) * 0.6 + query  # a class near the query, each other's neighbours
    stray = unit(rng, 30, 8)
    x = np.concatenate([copy[None], crowd, stray])
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    parameters = GraphParameters(mix=0.9, floor=0.0)
    cosines = x @ query
    scores = mixed_scores(cosines, candidate_scores(query, x, NeighbourGraph.of(x), parameters), parameters)
    assert cosines[0] > parameters.copy
    assert scores[0] >= cosines[0] and scores.argmax() == 0


def test_mixing_takes_each_score_by_its_share():
    cosines, smooth = np.array([0.2, 0.6, 0.96], np.float32), np.array([0.6, 0.2, 0.5], np.float32)
    assert mixed_scores(cosines, smooth, GraphParameters(mix=0.25)) == pytest.approx([0.3, 0.5, 0.96])
