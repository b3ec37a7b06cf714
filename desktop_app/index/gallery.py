"""All rows of a library for searching: a frozen HNSW graph where it pays, an exact scan everywhere else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import SnapshotInvalid
from desktop_app.index.exact import ExactIndex, Labels, Scores, Vectors, ascending, check_query, merge, settle
from desktop_app.index.hnsw import HnswIndex

EXACT_ROWS = 50_000
"""Up to so many rows an exact scan is as fast as HNSW (about 2.5 ms) and misses nothing."""
EXACT_SHARE = 0.1
"""Up to this share of allowed rows scanning them is faster than filtering what HNSW finds."""
WIDE_ROWS = 250_000
"""Up to so many rows vectors are kept as float32 (at most 0.5 GB at 512 dimensions), beyond as float16."""
BEHIND_SHARE = 0.2
"""With more than this share of rows outside the frozen graph a new one is worth building."""
REMOVED_SHARE = 0.2
"""The same for the share of its rows that are gone: up to here the median search takes as long as in a fresh
graph, and about a quarter, those for what is gone, are scanned for (`tests.bench.global_search --removed`)."""
_DEEP = 8  # an answer that needs more than one row in so many is scanned for
_DEEP_FILTERED = 40
"""The same for what a filtered search fetches from the graph (twice as much as the share allowed would need): a
candidate there costs as much as scanning 40 rows, so a deep answer under a filter is scanned for."""
_SPARE = 1.2  # times as many are fetched as the share of rows that are gone asks for
_SAMPLE = 256  # rows of a frozen graph that are compared with the catalogue's


class Gallery:
    """Immutable; implements `domain.ports.VectorIndex`. Adding rows gives a new gallery sharing the old rows.

    The rows passed in are the truth (they come from the catalogue). A frozen graph only proposes candidates:
    rows it has and the truth has not are dropped, rows it lacks are scanned, and every score is computed from
    the vectors kept here, so an answer is the same whichever way it was found.
    """

    def __init__(self, labels: Labels, vectors: Vectors, *, frozen: HnswIndex | None = None) -> None:
        """labels: [N] int64, each once. vectors: [N, D] float16 or float32, L2-normalised.

        Raises SnapshotInvalid when `frozen` has another dimension or other vectors under the same labels.
        """
        self._frozen: HnswIndex | None = None
        self._frozen_rows: ExactIndex | None = None
        self._segments: tuple[ExactIndex, ...]
        self._segments = (ExactIndex(labels, _as_stored(vectors, wide=len(labels) <= WIDE_ROWS)),)
        if frozen is not None:
            self._freeze(frozen)

    @classmethod
    def empty(cls, dimension: int) -> Gallery:
        """A gallery without rows, for vectors of `dimension` numbers."""
        return cls(np.empty(0, np.int64), np.empty((0, dimension), np.float32))

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    @property
    def dimension(self) -> int:
        return self._parts[0].dimension

    @property
    def labels(self) -> Labels:
        """All labels, [N] int64, ascending."""
        return np.sort(np.concatenate([part.labels for part in self._parts]))

    @property
    def newest(self) -> int:
        """The largest label, 0 without any."""
        return max((int(part.labels[-1]) for part in self._parts if len(part)), default=0)

    @property
    def frozen(self) -> HnswIndex | None:
        """The graph it searches with, if it has one."""
        return self._frozen

    @property
    def wants_rebuild(self) -> bool:
        """Whether building a frozen graph over all rows would make searches faster."""
        if len(self) <= EXACT_ROWS:
            return False
        if self._frozen is None or self._frozen_rows is None:
            return True
        newer = len(self) - len(self._frozen_rows)
        gone = len(self._frozen) - len(self._frozen_rows)
        return newer > BEHIND_SHARE * len(self) or gone > REMOVED_SHARE * len(self._frozen)

    def with_newer(self, labels: Labels, vectors: Vectors) -> Gallery:
        """A gallery with these rows too; labels that are there already keep their vectors."""
        labels = np.asarray(labels, dtype=np.int64)
        fresh = ~self.contains(labels)
        if not fresh.any():
            return self
        wide = self._parts[0].vectors.dtype == np.float32
        added = ExactIndex(labels[fresh], _as_stored(vectors[fresh], wide=wide))
        if added.dimension != self.dimension:
            raise ValueError(f"rows of {added.dimension} dimensions do not fit a gallery of {self.dimension}")
        gallery = self._copy()
        gallery._segments = _compact((*self._segments, added))
        return gallery

    def build_frozen(self, *, threads: int) -> HnswIndex:
        """An HNSW graph over all rows, to be passed to a new gallery and to a snapshot."""
        labels = np.concatenate([part.labels for part in self._parts])
        return HnswIndex.build(labels, self.vectors, threads=threads)

    @property
    def vectors(self) -> Vectors:
        """All rows, [N, D], in no particular order."""
        return np.concatenate([part.vectors for part in self._parts])

    def with_frozen(self, frozen: HnswIndex) -> Gallery:
        """The same rows with another graph. Raises SnapshotInvalid as the constructor does."""
        gallery = self._copy()
        gallery._freeze(frozen)
        return gallery

    def vectors_of(self, labels: Labels) -> NDArray[np.float32]:
        """The rows [n, D] float32 of `labels`, in their order. Raises KeyError when one is not here."""
        labels = np.asarray(labels, dtype=np.int64)
        vectors = np.empty((len(labels), self.dimension), np.float32)
        missing = np.ones(len(labels), np.bool_)
        for part in self._parts:
            at, found = part.positions(labels)
            vectors[found] = part.vectors[at[found]]
            missing &= ~found
        if missing.any():
            raise KeyError(f"the gallery has no row {labels[missing][0]}")
        return vectors

    def search(
        self, query: NDArray[np.float32], k: int, *, allowed: Labels | None = None
    ) -> tuple[Labels, Scores]:
        """The best `k` labels and their inner products, best first, equal ones by label.

        query: [D]. `allowed` restricts the search to these labels. Fewer come back only when fewer rows are
        there. Exact up to 50,000 rows or when at most a tenth is allowed; otherwise HNSW may miss a row.
        """
        query = check_query(query, self.dimension)
        if allowed is not None:
            allowed = ascending(np.asarray(allowed, dtype=np.int64))
        exact: Sequence[ExactIndex] = self._parts
        parts: list[tuple[Labels, Scores]] = []
        if k > 0 and self._frozen is not None and self._pays(allowed):
            found = self._search_frozen(self._frozen, query, k, allowed)
            if found is not None:
                parts.append(found)
                exact = self._segments
        parts += [part.search(query, k, allowed=allowed) for part in exact]
        return merge(parts, max(0, k))

    def _copy(self) -> Gallery:
        gallery = object.__new__(Gallery)
        gallery._frozen = self._frozen
        gallery._frozen_rows = self._frozen_rows
        gallery._segments = self._segments
        return gallery

    def _freeze(self, frozen: HnswIndex) -> None:
        """Divide the rows into those that `frozen` has and the newer ones. Only while a gallery is made."""
        parts = self._parts
        labels = np.concatenate([part.labels for part in parts])
        vectors = np.concatenate([part.vectors for part in parts]) if len(parts) > 1 else parts[0].vectors
        inside = np.isin(labels, frozen.labels)
        rows = ExactIndex(labels[inside], vectors[inside])
        _check_sample(rows, frozen)
        self._frozen, self._frozen_rows = frozen, rows
        self._segments = (ExactIndex(labels[~inside], vectors[~inside]),)

    def _pays(self, allowed: Labels | None) -> bool:
        """Whether HNSW is worth it by the number of rows and the share that is allowed."""
        return len(self) > EXACT_ROWS and (allowed is None or len(allowed) > EXACT_SHARE * len(self))

    def _search_frozen(
        self, frozen: HnswIndex, query: NDArray[np.float32], k: int, allowed: Labels | None
    ) -> tuple[Labels, Scores] | None:
        """Candidates by HNSW, scored from the kept rows. None when scanning is the better or the only way."""
        rows = self._frozen_rows
        if rows is None:
            return None
        wanted = rows.labels if allowed is None else rows.labels[np.isin(rows.labels, allowed)]
        if _DEEP * k > len(wanted):
            return None
        if allowed is None:
            labels, _ = frozen.search(query, self._with_removed(k, frozen, rows))
            labels = labels[rows.positions(labels)[1]][:k] if len(rows) < len(frozen) else labels
        elif _DEEP_FILTERED * 2 * k * len(frozen) > len(wanted) ** 2:
            return None
        else:
            labels, _ = frozen.search(query, k, allowed=wanted)
        if len(labels) < min(k, len(wanted)):
            return None
        at, _ = rows.positions(labels)
        return settle(labels, rows.vectors[at], query, k)

    @staticmethod
    def _with_removed(k: int, frozen: HnswIndex, rows: ExactIndex) -> int:
        """How many to fetch so that about `k` are left of it without the rows that are gone."""
        return k if len(rows) == len(frozen) else min(len(frozen), int(_SPARE * k * len(frozen) / len(rows)) + 1)

    def contains(self, labels: Labels) -> NDArray[np.bool_]:
        """[n] bool: which of `labels` are rows of this gallery."""
        found = np.zeros(len(labels), np.bool_)
        for part in self._parts:
            found |= part.positions(labels)[1]
        return found

    @property
    def _parts(self) -> tuple[ExactIndex, ...]:
        return self._segments if self._frozen_rows is None else (self._frozen_rows, *self._segments)


def _compact(segments: tuple[ExactIndex, ...]) -> tuple[ExactIndex, ...]:
    """Join the last segments while they are of similar size: each row is copied only log N times in all."""
    parts = list(segments)
    while len(parts) > 1 and len(parts[-2]) <= 2 * len(parts[-1]):
        last, before = parts.pop(), parts.pop()
        labels = np.concatenate([before.labels, last.labels])
        parts.append(ExactIndex(labels, np.concatenate([before.vectors, last.vectors])))
    return tuple(parts)


def _as_stored(vectors: Vectors, *, wide: bool) -> Vectors:
    """The vectors with the values that the catalogue stores (float16), as float32 where `wide`."""
    stored = vectors.astype(np.float16, copy=False)
    return stored.astype(np.float32) if wide else stored


def _check_sample(rows: ExactIndex, frozen: HnswIndex) -> None:
    """Compare some rows of the graph with the truth: a graph of other vectors would propose the wrong rows."""
    if frozen.dimension != rows.dimension:
        raise SnapshotInvalid(f"the index has {frozen.dimension} dimensions, the library {rows.dimension}")
    if len(rows) == 0:
        return
    some = np.unique(np.linspace(0, len(rows) - 1, min(_SAMPLE, len(rows))).astype(np.intp))
    kept = rows.vectors[some].astype(np.float16)
    if not np.array_equal(frozen.vectors_of(rows.labels[some]).astype(np.float16), kept):
        raise SnapshotInvalid("the index holds other descriptors than the library")
