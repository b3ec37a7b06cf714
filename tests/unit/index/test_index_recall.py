"""The recall that is measured after every build, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from support.vectors import slow_search

from desktop_app.index import recall as module
from desktop_app.index.hnsw import HnswIndex
from desktop_app.index.recall import COSINE, recall_at_10, turned
from desktop_app.index.snapshots import SnapshotStore


def slow_recall(graph: HnswIndex, vectors: np.ndarray) -> float:
    """The same by a sorted scan of every query; for vectors that are all different."""
    shares = []
    for query in turned(vectors, module.QUERIES, seed=0):
        expected, _ = slow_search(np.arange(len(vectors)), vectors.astype(np.float32), query, 10)
        found, _ = graph.search(query, 10)
        shares.append(len(set(found.tolist()) & set(expected)) / 10)
    return float(np.mean(shares))


@pytest.mark.parametrize("links", [2, 16])
def test_recall_equals_a_scan_by_loops(vectors, links, monkeypatch):
    monkeypatch.setattr("desktop_app.index.hnsw.EF_SEARCH", 10)
    monkeypatch.setattr(module, "_CHUNK", 700)
    graph = HnswIndex.build(np.arange(len(vectors)), vectors, threads=1, links=links, ef=10)
    assert recall_at_10(graph, vectors) == pytest.approx(slow_recall(graph, vectors), abs=1e-9)


def test_a_poor_graph_is_told_from_a_good_one(vectors, monkeypatch):
    good = HnswIndex.build(np.arange(len(vectors)), vectors, threads=1)
    assert recall_at_10(good, vectors) > 0.99
    monkeypatch.setattr("desktop_app.index.hnsw.EF_SEARCH", 10)
    poor = HnswIndex.build(np.arange(len(vectors)), vectors, threads=1, links=2, ef=10)
    assert recall_at_10(poor, vectors) < 0.8


def test_queries_are_as_like_a_row_as_is_said_and_none_of_the_rows(vectors):
    queries = turned(vectors, 50, seed=3)
    cosines = queries @ vectors.astype(np.float32).T
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1, atol=1e-3)
    assert (np.abs(cosines - COSINE).min(axis=1) < 2e-3).all()
    assert cosines.max() < 0.99


def test_few_rows_and_copies_are_all_found():
    vectors = np.repeat(np.eye(8, dtype=np.float32)[:2], 3, axis=0)
    assert recall_at_10(HnswIndex.build(np.arange(6), vectors, threads=1), vectors) == 1.0
    none = np.empty((0, 8), np.float32)
    assert recall_at_10(HnswIndex.build(np.arange(0), none, threads=1), none) == 1.0


def test_it_is_kept_beside_the_snapshot_and_older_ones_have_none(vectors, tmp_path):
    graph = HnswIndex.build(np.arange(100), vectors[:100], threads=1)
    store = SnapshotStore(tmp_path)
    store.save(graph, "abc", recall=0.75)
    assert (store.newest()["abc"].recall, store.newest()["abc"].count) == (0.75, 100)
    (sidecar,) = tmp_path.glob("*.json")
    sidecar.write_text(sidecar.read_text().replace(',\n "recall": 0.75', ""))
    assert store.newest()["abc"].recall is None and len(store.load("abc")) == 100
