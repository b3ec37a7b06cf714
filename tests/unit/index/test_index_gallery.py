from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vectors import make_vectors, slow_search

from desktop_app.domain.errors import SnapshotInvalid
from desktop_app.index import gallery as module
from desktop_app.index.exact import ExactIndex
from desktop_app.index.gallery import Gallery
from desktop_app.index.hnsw import HnswIndex


@pytest.fixture
def few_rows_are_many(monkeypatch):
    """Let HNSW be used from 500 rows on, so that tests stay small."""
    monkeypatch.setattr(module, "EXACT_ROWS", 500)


class CountedIndex(HnswIndex):
    """Counts how often it is asked."""

    asked = 0

    def search(self, *arguments, **options):
        self.asked += 1
        return super().search(*arguments, **options)


def frozen_over(labels: np.ndarray, vectors: np.ndarray) -> CountedIndex:
    return CountedIndex(HnswIndex.build(labels, vectors, threads=1)._index)


def same(first, second) -> None:
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_a_small_library_is_scanned_exactly_even_with_a_frozen_graph(vectors, queries):
    frozen = frozen_over(np.arange(3000), vectors)
    gallery = Gallery(np.arange(3000), vectors, frozen=frozen)
    labels, scores = gallery.search(queries[0], 50)
    expected, expected_scores = slow_search(np.arange(3000), vectors, queries[0], 50)
    assert labels.tolist() == expected
    np.testing.assert_array_equal(scores, expected_scores)
    assert frozen.asked == 0


def test_a_large_library_is_asked_by_hnsw_and_scored_exactly(few_rows_are_many, vectors, queries):
    frozen = frozen_over(np.arange(3000), vectors)
    gallery = Gallery(np.arange(3000), vectors, frozen=frozen)
    exact = ExactIndex(np.arange(3000), vectors)
    recall = []
    for query in queries:
        labels, scores = gallery.search(query, 20)
        assert len(labels) == 20
        best, best_scores = exact.search(query, 3000)
        score_of = dict(zip(best.tolist(), best_scores.tolist(), strict=True))
        assert scores.tolist() == [score_of[label] for label in labels.tolist()]
        recall.append(np.isin(labels, best[:20]).mean())
    assert frozen.asked == len(queries)
    assert np.mean(recall) >= 0.99


def test_rows_newer_than_the_graph_are_found(few_rows_are_many, vectors, queries):
    frozen = frozen_over(np.arange(2500), vectors[:2500])
    gallery = Gallery(np.arange(3000), vectors, frozen=frozen)
    for row in (2500, 2750, 2999):
        labels, scores = gallery.search(vectors[row].astype(np.float32), 5)
        assert labels[0] == row
        assert scores[0] == pytest.approx(1, abs=2e-3)
    assert frozen.asked == 3


def test_rows_that_are_gone_from_the_catalogue_never_answer(few_rows_are_many, vectors):
    frozen = frozen_over(np.arange(3000), vectors)
    left = np.arange(0, 3000, 2)
    gallery = Gallery(left, vectors[left], frozen=frozen)
    labels, _ = gallery.search(vectors[1001].astype(np.float32), 30)
    assert frozen.asked == 1
    assert len(labels) == 30
    assert (labels % 2 == 0).all()


@pytest.mark.parametrize(("share", "by_graph"), [(0.05, 0), (0.1, 0), (0.3, 0), (0.9, 1)])
def test_few_allowed_rows_are_scanned_and_many_are_filtered(few_rows_are_many, vectors, queries, share, by_graph):
    frozen = frozen_over(np.arange(3000), vectors)
    gallery = Gallery(np.arange(3000), vectors, frozen=frozen)
    allowed = np.random.default_rng(0).permutation(3000)[: int(share * 3000)]
    labels, scores = gallery.search(queries[3], 10, allowed=allowed)
    expected, expected_scores = slow_search(allowed, vectors[allowed], queries[3], 10)
    assert frozen.asked == by_graph
    assert np.isin(labels, allowed).all()
    assert len(set(labels.tolist()) & set(expected)) >= (9 if by_graph else 10)
    if not by_graph:
        np.testing.assert_array_equal(scores, expected_scores)


def test_asking_for_every_row_gives_every_row(few_rows_are_many, vectors, queries):
    gallery = Gallery(np.arange(3000), vectors, frozen=frozen_over(np.arange(2000), vectors[:2000]))
    labels, scores = gallery.search(queries[0], 10_000)
    assert sorted(labels.tolist()) == list(range(3000))
    assert (np.diff(scores) <= 0).all()


def test_a_graph_that_gives_too_few_is_not_relied_on(few_rows_are_many, vectors, queries):
    class Lame(HnswIndex):
        def search(self, query, k, *, allowed=None):
            labels, scores = super().search(query, k, allowed=allowed)
            return labels[: k // 2], scores[: k // 2]

    lame = Lame(HnswIndex.build(np.arange(3000), vectors, threads=1)._index)
    gallery = Gallery(np.arange(3000), vectors, frozen=lame)
    same(gallery.search(queries[0], 20), ExactIndex(np.arange(3000), vectors).search(queries[0], 20))


def test_a_graph_of_another_pack_is_refused(vectors):
    with pytest.raises(SnapshotInvalid, match="other descriptors"):
        Gallery(np.arange(3000), vectors, frozen=HnswIndex.build(np.arange(3000), vectors[::-1], threads=1))
    with pytest.raises(SnapshotInvalid, match="16 dimensions"):
        Gallery(np.arange(50), vectors[:50], frozen=HnswIndex.build(np.arange(50), vectors[:50, :16], threads=1))


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 60), max_size=12), seed=st.integers(0, 99))
def test_rows_added_in_parts_answer_like_rows_added_at_once(sizes, seed):
    vectors = make_vectors(sum(sizes) + 5, 16, seed)
    labels = np.random.default_rng(seed).permutation(len(vectors)) * 3
    gallery, start = Gallery(labels[:5], vectors[:5]), 5
    for size in sizes:
        gallery = gallery.with_newer(labels[start : start + size], vectors[start : start + size])
        start += size
    query = make_vectors(1, 16, seed + 1)[0].astype(np.float32)
    same(gallery.search(query, 20), ExactIndex(labels, vectors).search(query, 20))
    np.testing.assert_array_equal(gallery.labels, np.sort(labels))
    np.testing.assert_array_equal(gallery.vectors_of(labels), vectors.astype(np.float32))
    assert len(gallery) == len(vectors)


def test_adding_leaves_the_old_gallery_as_it_was(vectors, queries):
    old = Gallery(np.arange(10), vectors[:10])
    before = old.search(queries[0], 20)
    new = old.with_newer(np.arange(8, 30), vectors[8:30])
    same(old.search(queries[0], 20), before)
    assert (len(old), len(new)) == (10, 30)
    assert old.with_newer(np.arange(10), vectors[10:20]) is old  # known labels keep their vectors


def test_float32_rows_answer_with_the_values_that_are_stored(vectors, queries):
    exact = vectors.astype(np.float32) + np.random.default_rng(0).uniform(-1e-6, 1e-6, vectors.shape)
    stored = Gallery(np.arange(100), exact[:100].astype(np.float16))
    live = Gallery.empty(32).with_newer(np.arange(100), exact[:100].astype(np.float32))
    same(stored.search(queries[0], 100), live.search(queries[0], 100))


def test_memory_is_halved_for_very_large_libraries(monkeypatch, vectors, queries):
    wide = Gallery(np.arange(200), vectors[:200])
    monkeypatch.setattr(module, "WIDE_ROWS", 100)
    narrow = Gallery(np.arange(150), vectors[:150]).with_newer(np.arange(150, 200), vectors[150:200])
    assert {part.vectors.dtype for part in narrow._parts} == {np.dtype(np.float16)}
    same(narrow.search(queries[0], 50), wide.search(queries[0], 50))


def test_it_says_when_a_new_graph_pays(few_rows_are_many, vectors):
    labels = np.arange(3000)
    assert not Gallery(labels[:400], vectors[:400]).wants_rebuild
    bare = Gallery(labels[:2000], vectors[:2000])
    assert bare.wants_rebuild
    fresh = bare.with_frozen(bare.build_frozen(threads=1))
    assert not fresh.wants_rebuild
    assert not fresh.with_newer(labels[2000:2100], vectors[2000:2100]).wants_rebuild
    assert fresh.with_newer(labels[2000:], vectors[2000:]).wants_rebuild
    frozen = fresh.build_frozen(threads=1)
    assert Gallery(labels[:1500], vectors[:1500], frozen=frozen).wants_rebuild  # a quarter of it is gone


def test_an_empty_gallery_answers_with_nothing(queries):
    labels, scores = Gallery.empty(32).search(queries[0], 10)
    assert len(labels) == len(scores) == 0
    assert len(Gallery.empty(32)) == 0
    assert len(Gallery.empty(32).labels) == 0


def test_wrong_input_is_refused(vectors, queries):
    gallery = Gallery(np.arange(10), vectors[:10])
    with pytest.raises(ValueError, match="dimensions"):
        gallery.search(queries[0][:8], 5)
    with pytest.raises(ValueError, match="dimensions"):
        gallery.with_newer(np.array([77]), vectors[:1, :8])
    with pytest.raises(KeyError, match="no row 99"):
        gallery.vectors_of(np.array([1, 99]))


@pytest.mark.parametrize("gone", [slice(0, 1), slice(0, None, 3), slice(100, 900)])
def test_with_rows_gone_the_graph_still_answers_and_never_with_them(few_rows_are_many, vectors, queries, gone):
    frozen = frozen_over(np.arange(3000), vectors)
    left = np.setdiff1d(np.arange(3000), np.arange(3000)[gone])
    gallery = Gallery(left, vectors[left], frozen=frozen)
    exact = ExactIndex(left, vectors[left])
    recall = []
    for query in queries:
        labels, scores = gallery.search(query, 20)
        assert len(labels) == 20 and np.isin(labels, left).all() and (np.diff(scores) <= 0).all()
        recall.append(np.isin(exact.search(query, 20)[0], labels).mean())
    assert frozen.asked == len(queries)
    assert np.mean(recall) > 0.98
