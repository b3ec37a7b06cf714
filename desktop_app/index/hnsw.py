"""HNSW (Malkov and Yashunin) by hnswlib, behind the checks that hnswlib 0.8.0 leaves to its caller.

An index is built once and then only read: hnswlib allows no adding beside searching. Rows that come later are
searched exactly by `gallery`, until the next build.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import hnswlib
import numpy as np
from numpy.typing import NDArray

from desktop_app.index.exact import Labels, Scores, Vectors, check_query, empty_result

METRIC = "ip"
LINKS = 16
EF_CONSTRUCTION = 200
EF_SEARCH = 200
"""Least size of the list of candidates while searching."""
EF_LISTS = 64
"""The same for whole lists of neighbours at once, where a missed one costs little."""
_SEED = 100
_CHUNK = 8192  # rows handed over at a time, so that float16 rows are never all widened at once


class HnswIndex:
    """A frozen HNSW graph over rows with labels, by inner product. Searches are thread safe (one at a time)."""

    def __init__(self, index: Any) -> None:
        """`index`: a filled hnswlib.Index; nobody else may add to it or search in it from here on."""
        self._index = index
        self._lock = threading.Lock()
        self.labels: Labels = np.sort(np.asarray(index.get_ids_list(), dtype=np.int64))

    @classmethod
    def build(
        cls, labels: Labels, vectors: Vectors, *, threads: int, links: int = LINKS, ef: int = EF_CONSTRUCTION
    ) -> HnswIndex:
        """Build the graph: labels [N] int64 each once, vectors [N, D] L2-normalised float16 or float32.

        `links` is the paper's M, `ef` its efConstruction. About half a minute of CPU per 100,000 x 512, and
        2.2 KB of memory a row. With one thread the same rows give the same graph.
        """
        labels = np.asarray(labels, dtype=np.int64)
        if vectors.ndim != 2 or labels.shape != vectors.shape[:1]:
            raise ValueError(f"{labels.shape} labels do not fit vectors of shape {vectors.shape}")
        if len(np.unique(labels)) != len(labels):
            raise ValueError("a label occurs twice")
        index = hnswlib.Index(space=METRIC, dim=vectors.shape[1])
        index.init_index(max(1, len(labels)), M=links, ef_construction=ef, random_seed=_SEED)
        for start in range(0, len(labels), _CHUNK):
            rows = slice(start, start + _CHUNK)
            index.add_items(vectors[rows].astype(np.float32), labels[rows], num_threads=max(1, threads))
        return cls(index)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def dimension(self) -> int:
        return int(self._index.dim)

    @property
    def links(self) -> int:
        return int(self._index.M)

    @property
    def ef_construction(self) -> int:
        return int(self._index.ef_construction)

    @property
    def file_size(self) -> int:
        """Bytes that `write` has to write."""
        return int(self._index.index_file_size())

    def search(
        self, query: NDArray[np.float32], k: int, *, allowed: Labels | None = None
    ) -> tuple[Labels, Scores]:
        """About the best `k` labels and their inner products, best first, equal ones by label.

        Approximate: rows may be missed, and fewer than `k` may come back. With `allowed`, about twice as many
        as should be needed are fetched and filtered; `gallery` knows when an exact search is the better way.
        """
        query = check_query(query, self.dimension)
        fetch = min(k, len(self))
        if allowed is not None:
            share = np.isin(self.labels, allowed).mean() if len(self) else 0.0
            fetch = min(len(self), int(np.ceil(2 * k / share))) if share else 0
        if fetch <= 0:
            return empty_result()
        labels, distances = self._query(query, fetch, max(EF_SEARCH, 2 * fetch))
        scores = (1 - distances).astype(np.float32)
        if allowed is not None:
            kept = np.isin(labels, allowed)
            labels, scores = labels[kept], scores[kept]
        order = np.lexsort((labels, -scores))[:k]
        return labels[order], scores[order]

    def vectors_of(self, labels: Labels) -> NDArray[np.float32]:
        """The rows [n, D] float32 of labels that are all in the index. Raises KeyError when one is not."""
        if not np.isin(labels, self.labels).all():
            raise KeyError("a label is not in the index")
        if len(labels) == 0:
            return np.empty((0, self.dimension), np.float32)
        with self._lock:
            return np.asarray(self._index.get_items(labels, return_type="numpy"), dtype=np.float32)

    def nearest(self, vectors: NDArray[np.float32], k: int) -> tuple[Labels, Scores]:
        """[B, k] about the nearest labels of many vectors [B, D] and their inner products; k is at most N.

        For building neighbour lists: all threads work on it, and other searches wait meanwhile. Where the graph
        yields fewer than `k`, label -1 stands in all places.
        """
        k = min(k, len(self))
        with self._lock:
            self._index.set_ef(max(EF_LISTS, 2 * k))
            try:
                labels, distances = self._index.knn_query(vectors, k=k, num_threads=-1)
            except RuntimeError:
                nothing = np.full((len(vectors), k), -1, np.int64)
                return nothing, np.full(nothing.shape, -np.inf, np.float32)
        return labels.astype(np.int64), (1 - distances).astype(np.float32)

    def write(self, path: Path) -> None:
        """Let hnswlib write its file. It reports no error whatsoever: `snapshots` checks what came of it."""
        with self._lock:
            self._index.save_index(str(path))

    @classmethod
    def read(cls, path: Path, *, dimension: int) -> HnswIndex:
        """Let hnswlib read a file that `snapshots` has verified. Raises RuntimeError when it cannot."""
        index = hnswlib.Index(space=METRIC, dim=dimension)
        index.load_index(str(path))
        return cls(index)

    def _query(self, query: NDArray[np.float32], k: int, ef: int) -> tuple[Labels, NDArray[np.float32]]:
        """hnswlib throws when the graph yields fewer than `k` rows: ask for less until it does not."""
        with self._lock:
            self._index.set_ef(ef)  # not kept in files and shared by all searches, so it is set every time
            while k > 0:
                try:
                    labels, distances = self._index.knn_query(query[None], k=k, num_threads=1)
                except RuntimeError:
                    k //= 2
                    continue
                return labels[0].astype(np.int64), distances[0]
        return np.empty(0, np.int64), np.empty(0, np.float32)
