"""How many of the nearest rows an HNSW graph finds: measured against an exact scan, on queries near its rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from desktop_app.index.exact import Vectors
from desktop_app.index.hnsw import HnswIndex

RANKS = 10
QUERIES = 100
COSINE = 0.8  # of a query with the row it was made of: as like it as another photo of the same thing
_CHUNK = 8192  # rows that are widened and compared at a time
_ROUNDING = 1e-5  # of inner products of float32: equal vectors are equally good, whichever is found

Float = NDArray[np.float32]


def recall_at_10(graph: HnswIndex, vectors: Vectors, *, seed: int = 0) -> float:
    """The share of the 10 nearest rows that `graph` finds, 0 to 1, on a sample of 100 queries; 1 without rows.

    vectors: [N, D] float16 or float32, all rows of the graph, in any order. A query is a random row turned to a
    cosine of 0.8 in a random direction. The same rows and seed give the same queries.
    """
    if not len(vectors):
        return 1.0
    queries = turned(vectors, min(QUERIES, len(vectors)), seed=seed)
    ranks = min(RANKS, len(vectors))
    least = _kth_best(vectors, queries, ranks)
    found = [graph.search(query, ranks)[1] for query in queries]
    hits = [int((scores >= worst - _ROUNDING).sum()) for scores, worst in zip(found, least, strict=True)]
    return sum(hits) / (ranks * len(queries))


def turned(vectors: Vectors, count: int, *, seed: int) -> Float:
    """[count, D] float32: random rows of `vectors`, each turned to a cosine of 0.8 in a random direction."""
    random = np.random.default_rng(seed)
    rows = vectors[random.choice(len(vectors), count, replace=False)].astype(np.float32)
    noise = random.normal(size=rows.shape).astype(np.float32)
    noise -= np.vecdot(noise, rows)[:, None] * rows
    noise /= np.maximum(np.linalg.norm(noise, axis=1, keepdims=True), 1e-12)
    return np.asarray(COSINE * rows + np.sqrt(1 - COSINE**2) * noise, dtype=np.float32)


def _kth_best(vectors: Vectors, queries: Float, k: int) -> Float:
    """[Q] the k-th largest inner product of every query with all rows."""
    best = np.full((len(queries), k), -np.inf, np.float32)
    for start in range(0, len(vectors), _CHUNK):
        scores = queries @ vectors[start : start + _CHUNK].astype(np.float32).T
        both = np.concatenate([best, scores], axis=1)
        best = np.partition(both, both.shape[1] - k, axis=1)[:, -k:]
    return np.asarray(best.min(axis=1), dtype=np.float32)
