"""Exact search: every row is looked at. The reference that every faster index is measured against."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Scores = NDArray[np.float32]
Vectors = NDArray[np.floating[Any]]  # float16 or float32

_CHUNK = 4096  # rows that are copied or widened at a time: 8 MB at 512 dimensions stay in the processor's cache
_GATHER_BELOW = 0.3  # share of allowed rows under which copying them is cheaper than scoring all rows


class ExactIndex:
    """Rows with integer labels, searched one by one. Immutable; implements `domain.ports.VectorIndex`.

    float32 rows take 2 KB each at 512 dimensions and 100,000 of them are searched in about 5 ms; float16 rows
    take half of that and are about fifteen times slower, since processors do not multiply them.
    """

    def __init__(self, labels: Labels, vectors: Vectors) -> None:
        """labels: [N] int64, each once. vectors: [N, D] float16 or float32, kept as they are.

        Raises ValueError when the two do not belong together or a label occurs twice.
        """
        labels = np.asarray(labels, dtype=np.int64)
        if vectors.ndim != 2 or labels.shape != vectors.shape[:1]:
            raise ValueError(f"{labels.shape} labels do not fit vectors of shape {vectors.shape}")
        if vectors.dtype not in (np.float16, np.float32):
            raise ValueError(f"vectors must be float16 or float32, not {vectors.dtype}")
        if len(labels) > 1 and not (labels[1:] > labels[:-1]).all():
            order = np.argsort(labels, kind="stable")
            labels, vectors = labels[order], vectors[order]
            if (labels[1:] == labels[:-1]).any():
                raise ValueError("a label occurs twice")
        self.labels: Labels = labels
        self.vectors: Vectors = np.ascontiguousarray(vectors)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])

    def search(
        self, query: NDArray[np.float32], k: int, *, allowed: Labels | None = None
    ) -> tuple[Labels, Scores]:
        """The best `k` labels and their exact inner products; equal ones by label. See `VectorIndex.search`."""
        query = check_query(query, self.dimension)
        rows = None if allowed is None else np.flatnonzero(np.isin(self.labels, allowed))
        count = len(self) if rows is None else len(rows)
        k = min(k, count)
        if k <= 0:
            return empty_result()
        if rows is not None and count < _GATHER_BELOW * len(self):
            scores = inner_products(self.vectors, query, rows)
        else:
            scores = inner_products(self.vectors, query)
            scores = scores if rows is None else scores[rows]
        near = _near_best(scores, k, margin=_rounding(self.dimension, scores))
        near = near if rows is None else rows[near]
        return settle(self.labels[near], self.vectors[near], query, k)

    def positions(self, labels: Labels) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Where `labels` ([n]) are among the rows, and which of them are there at all; others point anywhere."""
        if len(self) == 0:
            return np.zeros(len(labels), np.intp), np.zeros(len(labels), np.bool_)
        at = np.minimum(np.searchsorted(self.labels, labels), len(self) - 1)
        return at, self.labels[at] == labels


def ascending(labels: Labels) -> Labels:
    """`labels` in order and each once; as they are where that is so (np.unique would hash them all)."""
    return labels if (labels[1:] > labels[:-1]).all() else np.unique(labels)


def check_query(query: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """`query` as [D] float32. Raises ValueError when it has another shape or is not finite."""
    query = np.ascontiguousarray(query, dtype=np.float32)
    if query.shape != (dimension,):
        raise ValueError(f"the query has the shape {query.shape}, the index has {dimension} dimensions")
    if not np.isfinite(query).all():
        raise ValueError("the query holds values that are not numbers")
    return query


def empty_result() -> tuple[Labels, Scores]:
    return np.empty(0, np.int64), np.empty(0, np.float32)


def inner_products(vectors: Vectors, query: NDArray[np.float32], rows: NDArray[np.intp] | None = None) -> Scores:
    """[N, D] x [D] -> [N] float32, or [n] for the places `rows` [n].

    Row by row on one thread: bound by memory, so as fast as BLAS, whose threads wait for each other for
    milliseconds whenever decoding or inference keeps the cores busy.
    """
    if rows is None and vectors.dtype == np.float32:
        return np.asarray(np.vecdot(vectors, query), dtype=np.float32)
    scores = np.empty(len(vectors) if rows is None else len(rows), np.float32)
    for start in range(0, len(scores), _CHUNK):
        part = slice(start, start + _CHUNK)
        some = vectors[part] if rows is None else vectors[rows[part]]
        scores[part] = np.vecdot(some.astype(np.float32, copy=False), query)
    return scores


def settle(labels: Labels, vectors: Vectors, query: NDArray[np.float32], k: int) -> tuple[Labels, Scores]:
    """The best `k` of a few candidates by inner products in float64, rounded to float32; equal ones by label.

    Whatever route found a candidate, its score comes from here, so all routes agree to the last bit.
    """
    exact = np.vecdot(vectors.astype(np.float64), query.astype(np.float64))
    scores = exact.astype(np.float32)
    order = np.lexsort((labels, -scores))[:k]
    return labels[order], scores[order]


def merge(parts: list[tuple[Labels, Scores]], k: int) -> tuple[Labels, Scores]:
    """The best `k` of settled results over different rows; equal scores by label."""
    if not parts:
        return empty_result()
    labels = np.concatenate([part[0] for part in parts])
    scores = np.concatenate([part[1] for part in parts])
    order = np.lexsort((labels, -scores))[:k]
    return labels[order], scores[order]


def _near_best(scores: Scores, k: int, *, margin: float) -> NDArray[np.intp]:
    """Positions of the best `k` scores and of all that rounding may have put below them."""
    if k >= len(scores):
        return np.arange(len(scores))
    kth = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= kth - margin)


def _rounding(dimension: int, scores: Scores) -> float:
    """A bound of the rounding error of float32 inner products of this size, with room to spare."""
    return float(dimension * 2.0**-22 * max(1.0, float(np.abs(scores).max())))
