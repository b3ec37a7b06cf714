from __future__ import annotations

import numpy as np
import pytest
from support.vectors import slow_search

from desktop_app.index.exact import ExactIndex


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("k", [1, 7, 200, 500])
def test_the_answer_is_the_definition(vectors, queries, dtype, k):
    labels = np.random.default_rng(3).permutation(10_000)[:200]
    rows = vectors[:200]
    found, scores = ExactIndex(labels, rows.astype(dtype)).search(queries[0], k)
    expected, expected_scores = slow_search(labels, rows, queries[0], k)
    assert found.tolist() == expected
    np.testing.assert_array_equal(scores, expected_scores)


def test_equal_rows_come_in_the_order_of_their_labels(queries):
    rows = np.repeat(queries[:1].astype(np.float16), 50, axis=0)
    labels = np.random.default_rng(0).permutation(50)
    found, scores = ExactIndex(labels, rows).search(queries[0], 20)
    assert found.tolist() == list(range(20))
    assert len(set(scores.tolist())) == 1


@pytest.mark.parametrize("count", [0, 1, 20, 1500, 3000])
def test_only_allowed_labels_answer(vectors, queries, count):
    index = ExactIndex(np.arange(3000), vectors)
    allowed = np.random.default_rng(5).permutation(3000)[:count].astype(np.int64)
    found, scores = index.search(queries[1], 30, allowed=allowed)
    expected, expected_scores = slow_search(allowed, vectors[allowed], queries[1], 30)
    assert found.tolist() == expected
    np.testing.assert_array_equal(scores, expected_scores)


def test_labels_that_are_not_there_may_be_allowed(vectors, queries):
    index = ExactIndex(np.arange(10), vectors[:10])
    found, _ = index.search(queries[0], 5, allowed=np.array([3, 99, -4]))
    assert found.tolist() == [3]


def test_an_empty_index_and_k_of_nothing_answer_with_nothing(vectors, queries):
    empty = ExactIndex(np.empty(0, np.int64), np.empty((0, 32), np.float32))
    some = ExactIndex(np.arange(10), vectors[:10])
    for index, k in [(empty, 5), (some, 0), (some, -1)]:
        labels, scores = index.search(queries[0], k)
        assert len(labels) == len(scores) == 0
    assert labels.dtype == np.int64
    assert scores.dtype == np.float32


def test_wrong_input_is_refused(vectors, queries):
    index = ExactIndex(np.arange(10), vectors[:10])
    with pytest.raises(ValueError, match="dimensions"):
        index.search(queries[0][:16], 3)
    with pytest.raises(ValueError, match="not numbers"):
        index.search(np.full(32, np.nan, np.float32), 3)
    with pytest.raises(ValueError, match="twice"):
        ExactIndex(np.array([1, 2, 1]), vectors[:3])
    with pytest.raises(ValueError, match="do not fit"):
        ExactIndex(np.arange(4), vectors[:3])
    with pytest.raises(ValueError, match="float16 or float32"):
        ExactIndex(np.arange(3), vectors[:3].astype(np.float64))


def test_rows_are_found_by_label(vectors):
    labels = np.array([40, 10, 30])
    index = ExactIndex(labels, vectors[:3])
    at, there = index.positions(np.array([30, 11, 10, 99]))
    assert there.tolist() == [True, False, True, False]
    np.testing.assert_array_equal(index.vectors[at[there]], vectors[[2, 1]])
