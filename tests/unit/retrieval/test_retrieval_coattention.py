import numpy as np
import pytest

from desktop_app.retrieval.coattention import (
    OUTSIDE,
    attention_map,
    cluster_attention,
    cluster_map,
    coattention,
    weighted_gem,
)
from desktop_app.retrieval.parameters import CLUSTER_COUNTS, CoAttentionParameters
from desktop_app.retrieval.pooling import gem


def made_map(seed, rows=14, columns=14, dimension=32):
    return np.maximum(np.random.default_rng(seed).normal(size=(dimension, rows, columns)), 0).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "parameters",
    [
        *(CoAttentionParameters(clusters=clusters) for clusters in CLUSTER_COUNTS),
        CoAttentionParameters(clusters=5, select=40, tau=0.3),
    ],
)
def test_pooling_by_clusters_equals_pooling_again(seed, parameters):
    candidate = made_map(seed)
    clustered = cluster_map(candidate, parameters)
    attention = cluster_attention(gem(made_map(seed + 100)), clustered, parameters)
    direct = gem(candidate, weights=attention_map(attention, clustered))
    assert weighted_gem(attention, clustered, parameters) == pytest.approx(direct, abs=1e-5)


def test_attention_equals_its_equation_cluster_by_cluster():
    parameters = CoAttentionParameters(clusters=6, tau=0.2, alpha=3)
    clustered = cluster_map(made_map(1), parameters)
    query = gem(made_map(2))
    slow = []
    for centroid in clustered.centroids:
        cosine = sum(float(a) * float(b) for a, b in zip(query, centroid, strict=True))
        slow.append(max(0.0, cosine - 0.2) ** 3)
    slow = [value / max(slow) for value in slow]
    fast = cluster_attention(query, clustered, parameters)
    assert fast == pytest.approx(slow, abs=1e-5)
    drawn = attention_map(fast, clustered)
    for row in range(14):
        for column in range(14):
            assert drawn[row, column] == fast[clustered.labels[row, column]]


def test_cluster_sums_are_those_of_their_cells():
    candidate = made_map(3, dimension=8)
    clustered = cluster_map(candidate, CoAttentionParameters(clusters=4))
    for cluster in range(len(clustered.centroids)):
        total = np.zeros(8)
        for row, column in np.argwhere(clustered.labels == cluster):
            total += np.maximum(candidate[:, row, column].astype(np.float64), 1e-6) ** 3
        assert clustered.sums[cluster] == pytest.approx(total, rel=1e-6)


def test_only_the_cells_with_the_largest_norm_are_selected():
    candidate = made_map(4)
    clustered = cluster_map(candidate, CoAttentionParameters(select=50))
    norms = np.linalg.norm(candidate, axis=0)
    inside, outside = norms[clustered.labels != OUTSIDE], norms[clustered.labels == OUTSIDE]
    assert len(inside) == 50
    assert inside.min() >= outside.max()
    attention = cluster_attention(gem(made_map(5)), clustered)
    assert not attention_map(attention, clustered)[clustered.labels == OUTSIDE].any()


def scene(objects, dimension=32, size=14):
    """A map that is empty but for objects: (first channel, row, column, side)."""
    made = np.zeros((dimension, size, size), np.float32)
    for channel, row, column, side in objects:
        made[channel : channel + 4, row : row + side, column : column + side] = 1.0
    return made


def test_the_maps_light_up_what_the_pictures_share():
    query = scene([(0, 1, 1, 5), (8, 8, 8, 4)])
    candidate = scene([(0, 7, 2, 4), (16, 1, 8, 5)])
    maps = coattention(query, candidate, relevance=0.9)
    assert maps.result[7:11, 2:6].min() == pytest.approx(0.9, abs=1e-5)
    assert maps.result[1:6, 8:13].max() < 1e-6
    assert maps.query[1:6, 1:6].min() == pytest.approx(0.9, abs=1e-5)
    assert maps.query[8:12, 8:12].max() < 1e-6


def test_the_maps_have_a_fixed_scale_and_are_empty_where_nothing_matches():
    query, candidate = made_map(6), made_map(7, rows=12, columns=16)
    shown = coattention(query, candidate, relevance=0.7)
    assert shown.query.shape == (14, 14)
    assert shown.result.shape == (12, 16)
    for drawn in (shown.query, shown.result):
        assert drawn.min() >= 0
        assert drawn.max() == pytest.approx(0.7, abs=1e-5)
    hidden = coattention(query, candidate, relevance=0.49)
    assert not hidden.query.any()
    assert not hidden.result.any()


def test_swapping_the_pictures_swaps_the_maps():
    one, other = made_map(8), made_map(9, rows=10, columns=20)
    there, back = coattention(one, other, relevance=1.0), coattention(other, one, relevance=1.0)
    assert np.array_equal(there.query, back.result)
    assert np.array_equal(there.result, back.query)


def test_marks_on_the_query_decide_what_is_looked_for():
    query = scene([(0, 1, 1, 5), (8, 8, 8, 4)])
    candidate = scene([(0, 1, 1, 4), (8, 8, 8, 5)])
    weights = np.zeros((14, 14), np.float32)
    weights[8:12, 8:12] = 4
    maps = coattention(query, candidate, relevance=1.0, query_weights=weights)
    assert maps.result[8:13, 8:13].min() == pytest.approx(1.0, abs=1e-5)
    assert maps.result[1:5, 1:5].max() < 0.1
    assert not maps.query[1:6, 1:6].any()


def test_an_empty_map_attracts_no_attention():
    maps = coattention(made_map(1), np.zeros((32, 14, 14), np.float32), relevance=1.0)
    assert not maps.result.any()
