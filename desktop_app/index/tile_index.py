"""The parts of all photos of a library, found by the signs of their descriptors.

[ours] The parts of 100,000 photos as float32 take 2.7 GB, and HNSW over them more, and long to build. The signs of
a descriptor, one bit a dimension, take 64 bytes: 83 MB, all of which are scanned; only the photos that they
propose are compared by the descriptors themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.index.exact import Labels

_BLOCK = 1 << 15  # parts compared at a time: 256 KB of a word, which stay in the cache


@dataclass(frozen=True, slots=True, eq=False)
class _Segment:
    """ids, labels: [N] int64, ids ascending; words: [W, N * T] uint64."""

    ids: Labels
    labels: Labels
    words: NDArray[np.uint64]


class TileIndex:
    """Immutable; adding rows gives a new index that shares the old ones."""

    def __init__(self, tiles: int) -> None:
        """An index without rows, of `tiles` parts a photo."""
        self._tiles = tiles
        self._segments: tuple[_Segment, ...] = ()

    def __len__(self) -> int:
        return sum(len(segment.labels) for segment in self._segments)

    @property
    def newest(self) -> int:
        """The largest id, 0 without any."""
        return int(self._segments[-1].ids[-1]) if self._segments else 0

    @property
    def size(self) -> int:
        """Bytes of memory that the signs take."""
        return sum(segment.words.nbytes for segment in self._segments)

    def with_newer(self, ids: Labels, labels: Labels, signs: NDArray[np.uint8]) -> TileIndex:
        """An index with these photos too. ids: [N], ascending and above `newest`; signs: [N, T, B] uint8.

        Raises ValueError when they do not fit what is there.
        """
        if not len(ids):
            return self
        if signs.shape[:2] != (len(ids), self._tiles) or (np.diff(ids) <= 0).any() or ids[0] <= self.newest:
            raise ValueError(f"signs of shape {signs.shape} and {len(ids)} ids from {ids[0]} do not fit the index")
        added = _Segment(ids, labels, _words(signs.reshape(-1, signs.shape[2])))
        if self._segments and len(self._segments[0].words) != len(added.words):
            raise ValueError(f"signs of {signs.shape[2]} bytes do not fit the index")
        index = TileIndex(self._tiles)
        index._segments = _compact((*self._segments, added))
        return index

    def until(self, newest: int) -> TileIndex:
        """The rows up to the id `newest`."""
        if newest >= self.newest:
            return self
        kept = []
        for segment in self._segments:
            end = int(np.searchsorted(segment.ids, newest, side="right"))
            if end:
                words = segment.words[:, : end * self._tiles]
                kept.append(_Segment(segment.ids[:end], segment.labels[:end], words))
        index = TileIndex(self._tiles)
        index._segments = tuple(kept)
        return index

    def search(self, query: NDArray[np.float32], k: int, *, allowed: Labels | None = None) -> Labels:
        """[n] int64, n <= k: the labels of the photos with a part nearest to `query` [D] by signs, nearest first,
        equal ones by label. `allowed` restricts it to these labels."""
        if k <= 0 or not len(self):
            return np.empty(0, np.int64)
        asked = _words(np.packbits(query >= 0)[None])
        labels = np.concatenate([segment.labels for segment in self._segments])
        distances = np.concatenate([self._nearest(segment, asked) for segment in self._segments])
        if allowed is not None:
            kept = np.isin(labels, allowed)
            labels, distances = labels[kept], distances[kept]
        if len(labels) > k:
            bound = np.partition(distances, k - 1)[k - 1]
            near = distances <= bound
            labels, distances = labels[near], distances[near]
        return labels[np.lexsort((labels, distances))][:k]

    def _nearest(self, segment: _Segment, asked: NDArray[np.uint64]) -> NDArray[np.uint16]:
        """[N] differing bits of the nearest part of every photo."""
        distances = np.empty(segment.words.shape[1], np.uint16)
        for start in range(0, len(distances), _BLOCK):
            block = segment.words[:, start : start + _BLOCK] ^ asked
            np.sum(np.bitwise_count(block), axis=0, dtype=np.uint16, out=distances[start : start + _BLOCK])
        return np.asarray(distances.reshape(-1, self._tiles).min(axis=1), np.uint16)


def _words(codes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """[n, B] uint8 as [ceil(B / 8), n] uint64, missing bytes zero."""
    padded = np.pad(codes, ((0, 0), (0, -codes.shape[1] % 8)))
    return np.ascontiguousarray(np.ascontiguousarray(padded).view(np.uint64).T)


def _compact(segments: tuple[_Segment, ...]) -> tuple[_Segment, ...]:
    """Join the last segments while they are of similar size: each row is copied only log N times in all."""
    parts = list(segments)
    while len(parts) > 1 and len(parts[-2].labels) <= 2 * len(parts[-1].labels):
        last, before = parts.pop(), parts.pop()
        parts.append(
            _Segment(
                np.concatenate([before.ids, last.ids]),
                np.concatenate([before.labels, last.labels]),
                np.concatenate([before.words, last.words], axis=1),
            )
        )
    return tuple(parts)
