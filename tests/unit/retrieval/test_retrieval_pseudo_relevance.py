"""What the first results do to a query when they are taken to be right."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.domain.query import Pooling
from desktop_app.retrieval.pooling import l2_normalise
from desktop_app.retrieval.pseudo_relevance import moved_towards, shared_cells


def unit(*shape: int, seed: int = 0) -> np.ndarray:
    return l2_normalise(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


@pytest.mark.parametrize("pooling", list(Pooling))
def test_the_descriptor_moves_as_plain_loops_say(pooling: Pooling) -> None:
    query, results = unit(6), unit(4, 6, seed=1)
    results[0] = -query  # points away: counts nothing
    pooled = [0.0] * 6
    for dimension in range(6):
        values = [max(0.0, float(result @ query)) * float(result[dimension]) for result in results]
        largest = max(values, key=abs)
        pooled[dimension] = sum(values) / len(values) if pooling is Pooling.AVERAGE else largest
    length = sum(value * value for value in pooled) ** 0.5
    moved = [0.6 * float(q) + 0.4 * value / length for q, value in zip(query, pooled, strict=True)]
    expected = np.array(moved) / np.linalg.norm(moved)
    assert np.allclose(moved_towards(query, results, pooling, share=0.4), expected, atol=1e-6)


@pytest.mark.parametrize("pooling", list(Pooling))
def test_without_results_that_are_alike_the_query_stays(pooling: Pooling) -> None:
    query = unit(8)
    assert np.allclose(moved_towards(query, np.empty((0, 8), np.float32), pooling), query)
    assert np.allclose(moved_towards(query, np.stack([-query, -query]), pooling), query)


def test_cells_that_the_results_share_with_the_query_count_most() -> None:
    matches = np.array([[0.8, 0.4], [0.2, 0.0], [0.0, 0.0]], np.float32)  # 3 centroids in 2 results
    labels = np.array([[0, 1], [2, 0]], np.uint8)
    average = shared_cells(matches, labels, Pooling.AVERAGE)
    maximum = shared_cells(matches, labels, Pooling.MAXIMUM)
    assert average is not None and maximum is not None
    assert np.allclose(average, [[1.0, 0.1 / 0.6], [0.1, 1.0]])
    assert np.allclose(maximum, [[1.0, 0.25], [0.1, 1.0]])
    assert shared_cells(np.zeros((3, 2), np.float32), labels, Pooling.AVERAGE) is None
    assert shared_cells(np.zeros((3, 0), np.float32), labels, Pooling.AVERAGE) is None
