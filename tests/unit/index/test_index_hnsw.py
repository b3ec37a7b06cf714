from __future__ import annotations

import threading

import numpy as np
import pytest

from desktop_app.index.exact import ExactIndex
from desktop_app.index.hnsw import HnswIndex


@pytest.fixture(scope="module")
def index(vectors) -> HnswIndex:
    return HnswIndex.build(np.arange(3000), vectors, threads=1)


def test_recall_at_10_against_the_exact_answer(index, vectors, queries):
    exact = ExactIndex(np.arange(3000), vectors)
    hits = [np.isin(index.search(q, 10)[0], exact.search(q, 10)[0]).mean() for q in queries]
    assert np.mean(hits) >= 0.99


def test_scores_are_inner_products_best_first(index, vectors, queries):
    labels, scores = index.search(queries[0], 25)
    np.testing.assert_allclose(scores, vectors[labels].astype(np.float32) @ queries[0], atol=1e-5)
    assert (np.diff(scores) <= 0).all()


def test_one_thread_gives_the_same_graph_every_time(index, vectors, queries):
    again = HnswIndex.build(np.arange(3000), vectors, threads=1)
    for query in queries:
        np.testing.assert_array_equal(index.search(query, 10)[0], again.search(query, 10)[0])


def test_more_than_there_is_may_be_asked_for(vectors, queries):
    small = HnswIndex.build(np.array([5, 9, 2]), vectors[:3], threads=1)
    labels, scores = small.search(queries[0], 100)
    assert sorted(labels.tolist()) == [2, 5, 9]
    assert len(scores) == 3


def test_a_graph_that_falls_apart_gives_fewer_and_no_error(queries):
    # Thousands of identical rows: links go to equals only, and hnswlib throws for large k.
    rows = np.repeat(queries[:2].astype(np.float16), 1500, axis=0)
    index = HnswIndex.build(np.arange(3000), rows, threads=1)
    labels, scores = index.search(queries[0], 3000)
    assert 0 < len(labels) <= 3000
    assert len(set(labels.tolist())) == len(labels) == len(scores)


def test_only_allowed_labels_answer(index, queries):
    allowed = np.arange(0, 3000, 3)
    labels, _ = index.search(queries[0], 20, allowed=allowed)
    assert len(labels) == 20
    assert np.isin(labels, allowed).all()


@pytest.mark.parametrize("allowed", [np.empty(0, np.int64), np.array([777_777])])
def test_nothing_allowed_gives_nothing(index, queries, allowed):
    labels, scores = index.search(queries[0], 5, allowed=allowed)
    assert len(labels) == len(scores) == 0


def test_an_empty_index_answers_with_nothing(queries):
    empty = HnswIndex.build(np.empty(0, np.int64), np.empty((0, 32), np.float16), threads=1)
    assert len(empty) == 0
    assert len(empty.search(queries[0], 5)[0]) == 0


def test_rows_come_back_as_they_went_in(index, vectors):
    some = np.array([2999, 0, 17])
    np.testing.assert_array_equal(index.vectors_of(some), vectors[some].astype(np.float32))
    with pytest.raises(KeyError):
        index.vectors_of(np.array([3000]))


def test_searches_from_many_threads_agree_with_one(index, queries):
    expected = [index.search(query, 5 + number)[0] for number, query in enumerate(queries)]
    found: dict[int, np.ndarray] = {}

    def search(numbers: range) -> None:
        for number in numbers:
            found[number] = index.search(queries[number], 5 + number)[0]

    threads = [threading.Thread(target=search, args=(range(start, 40, 4),)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, labels in enumerate(expected):
        np.testing.assert_array_equal(found[number], labels)


def test_wrong_input_is_refused(index, vectors, queries):
    with pytest.raises(ValueError, match="dimensions"):
        index.search(queries[0][:8], 5)
    with pytest.raises(ValueError, match="twice"):
        HnswIndex.build(np.array([1, 1]), vectors[:2], threads=1)
    with pytest.raises(ValueError, match="do not fit"):
        HnswIndex.build(np.arange(3), vectors[:2], threads=1)
