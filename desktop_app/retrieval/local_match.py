"""S0's many-to-many match of clustered local features, on codes or centroids, for a list of candidates at once.

s(Q,C) = sum_i w_i max_j u(s_ij) / sum_i w_i,  s_ij = 1 - 2 ham(q_i, c_j) / bits,  u(s) = max(0, s - floor)^power
(SCIENCE A3; power 3 and floor 0 after ASMK), made symmetric by the mean of both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import LocalCodes
from desktop_app.retrieval.parameters import CENTROIDS, MatchParameters

_ROUND = 32  # clusters are padded to a multiple of this, so sums never depend on the other candidates


@dataclass(frozen=True, slots=True, eq=False)
class PackedCodes:
    """The codes of N photos side by side.

    words: [W, K, N] uint64, codes as words; clusters a photo does not have repeat its first code.
    shares: [N, K] float32, 1 / (number of its clusters) where there is one, else 0; all zero for a photo
    without codes. bits: code length.
    """

    words: NDArray[np.uint64]
    shares: NDArray[np.float32]
    bits: int

    def __len__(self) -> int:
        return int(self.shares.shape[0])

    def take(self, rows: NDArray[np.int64]) -> PackedCodes:
        """The photos at `rows`, in that order."""
        return PackedCodes(words=self.words[:, :, rows], shares=self.shares[rows], bits=self.bits)


def pack_codes(photos: Sequence[LocalCodes | None]) -> PackedCodes:
    """Put the codes of many photos into one array; None (a photo without codes) never matches anything."""
    codes = [None if photo is None else photo.codes for photo in photos]
    width = next((rows.shape[1] for rows in codes if rows is not None and len(rows)), 16)
    padded, shares = _side_by_side(codes, width=-(-width // 8) * 8, dtype=np.uint8)
    words = np.ascontiguousarray(padded.view(np.uint64).transpose(2, 1, 0))
    return PackedCodes(words=words, shares=shares, bits=8 * width)


def code_similarity(
    query: LocalCodes,
    gallery: PackedCodes,
    *,
    parameters: MatchParameters,
    weights: NDArray[np.float32] | None = None,
    both_directions: bool = True,
) -> NDArray[np.float32]:
    """S0's match of one query with N photos on their binary codes: [N] float32 in 0..1.

    weights: [Kq] float32, how much each query centroid counts (see `centroid_weights`); a centroid of weight 0
    neither asks nor answers. `both_directions` False leaves out the candidate's direction: right when a part
    (a region, marked patches) is looked for in a whole.
    """
    kept = _kept(len(query.codes), weights)
    if not len(gallery) or not len(kept):
        return np.zeros(len(gallery), dtype=np.float32)
    forward, backward = _code_matches(query.codes[kept], gallery, parameters, both=both_directions)
    return _combine(forward, backward, gallery.shares, None if weights is None else weights[kept])


def _code_matches(
    asked: NDArray[np.uint8], gallery: PackedCodes, parameters: MatchParameters, *, both: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """[Kq, N] best u of every query code in each photo, and [N, K] of every code of a photo in the query."""
    words = _as_words(asked, gallery.words.shape[0])
    narrow = np.uint8 if gallery.bits < 256 else np.uint16
    distances = np.zeros((len(asked), *gallery.words.shape[1:]), dtype=narrow)
    for word in range(gallery.words.shape[0]):
        distances += np.bitwise_count(words[:, word, None, None] ^ gallery.words[word])
    # u falls with the distance, so the largest u is that of the smallest distance.
    similarity = 1.0 - 2.0 * np.arange(gallery.bits + 1, dtype=np.float64) / gallery.bits
    table = _u(similarity, parameters).astype(np.float32)
    return table[distances.min(axis=1)], table[distances.min(axis=0)].T if both else None


@dataclass(frozen=True, slots=True, eq=False)
class PackedCentroids:
    """The centroids of N photos side by side.

    units: [N, K, D] float32, rows L2-normalised; clusters a photo does not have repeat its first centroid.
    shares: [N, K] float32 as in `PackedCodes`.
    """

    units: NDArray[np.float32]
    shares: NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.shares.shape[0])

    def take(self, rows: NDArray[np.int64]) -> PackedCentroids:
        """The photos at `rows`, in that order."""
        return PackedCentroids(units=self.units[rows], shares=self.shares[rows])


Packed = PackedCodes | PackedCentroids


def pack_centroids(photos: Sequence[LocalCodes | None]) -> PackedCentroids:
    """Put the stored centroids of many photos into one array; None never matches anything."""
    centroids = [None if photo is None else photo.centroids for photo in photos]
    width = next((rows.shape[1] for rows in centroids if rows is not None and len(rows)), 1)
    padded, shares = _side_by_side(centroids, width=width, dtype=np.int8)
    return PackedCentroids(units=_unit(padded), shares=shares)


def pack(photos: Sequence[LocalCodes | None], parameters: MatchParameters) -> Packed:
    """Pack what the pack's match compares."""
    return pack_centroids(photos) if parameters.on == CENTROIDS else pack_codes(photos)


def local_similarity(
    query: LocalCodes,
    gallery: Packed,
    *,
    parameters: MatchParameters,
    weights: NDArray[np.float32] | None = None,
    both_directions: bool = True,
) -> NDArray[np.float32]:
    """The match of one query with N photos, on whatever was packed: [N] float32 in 0..1."""
    if isinstance(gallery, PackedCentroids):
        return centroid_similarity(
            query, gallery, parameters=parameters, weights=weights, both_directions=both_directions
        )
    return code_similarity(query, gallery, parameters=parameters, weights=weights, both_directions=both_directions)


def centroid_similarity(
    query: LocalCodes,
    gallery: PackedCentroids,
    *,
    parameters: MatchParameters,
    weights: NDArray[np.float32] | None = None,
    both_directions: bool = True,
) -> NDArray[np.float32]:
    """The same match on the stored int8 centroids (s_ij is their cosine): finer and slower than the codes."""
    kept = _kept(len(query.centroids), weights)
    if not len(gallery) or not len(kept):
        return np.zeros(len(gallery), dtype=np.float32)
    forward, backward = _centroid_matches(query.centroids[kept], gallery, parameters, both=both_directions)
    return _combine(forward, backward, gallery.shares, None if weights is None else weights[kept])


def _centroid_matches(
    asked: NDArray[np.int8], gallery: PackedCentroids, parameters: MatchParameters, *, both: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """As `_code_matches`, with the cosines of centroids."""
    cosines = gallery.units @ _unit(asked).T  # [N, K, Kq]
    return _u(cosines.max(axis=1).T, parameters), _u(cosines.max(axis=2), parameters) if both else None


def best_matches(query: LocalCodes, gallery: Packed, *, parameters: MatchParameters) -> NDArray[np.float32]:
    """max_j u(s_ij) of every query centroid i in each of N photos: [Kq, N] float32 in 0..1, zero for photos
    without clusters."""
    if not len(gallery) or not len(query.centroids):
        return np.zeros((len(query.centroids), len(gallery)), dtype=np.float32)
    if isinstance(gallery, PackedCentroids):
        forward, _ = _centroid_matches(query.centroids, gallery, parameters, both=False)
    else:
        forward, _ = _code_matches(query.codes, gallery, parameters, both=False)
    return np.where(gallery.shares[:, 0] > 0, forward, 0.0).astype(np.float32)


def centroid_weights(labels: NDArray[np.uint8], cell_weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much each query centroid counts: the mean weight of its cells (1 everywhere leaves S0's plain mean).

    labels: [h, w] uint8. cell_weights: [h, w] float32, at least 0. Returns [K] float32.
    """
    if labels.shape != cell_weights.shape:
        raise ValueError(f"weights {cell_weights.shape} do not cover a grid of {labels.shape} cells")
    flat = labels.ravel()
    counts = np.bincount(flat)
    sums = np.bincount(flat, weights=cell_weights.ravel().astype(np.float64))
    return (sums / np.maximum(counts, 1)).astype(np.float32)


def _side_by_side(
    clusters: Sequence[NDArray[np.uint8] | NDArray[np.int8] | None], *, width: int, dtype: type[np.uint8 | np.int8]
) -> tuple[NDArray[np.generic], NDArray[np.float32]]:
    """The rows of N photos ([K, width or less] or None) as one array [N, Kmax, width], and shares [N, Kmax].

    Kmax is rounded up; a photo's missing rows repeat its first, missing columns are zero.
    """
    most = max((len(rows) for rows in clusters if rows is not None), default=1)
    most = -(-max(most, 1) // _ROUND) * _ROUND
    padded = np.zeros((len(clusters), most, width), dtype=dtype)
    shares = np.zeros((len(clusters), most), dtype=np.float32)
    for row, rows in enumerate(clusters):
        if rows is None or not len(rows):
            continue
        count, columns = rows.shape
        padded[row, :count, :columns] = rows
        padded[row, count:, :columns] = rows[0]
        shares[row, :count] = 1.0 / count
    return padded, shares


def _kept(count: int, weights: NDArray[np.float32] | None) -> NDArray[np.int64]:
    """The query centroids that take part."""
    if weights is None:
        return np.arange(count)
    if weights.shape != (count,):
        raise ValueError(f"{weights.shape} weights were given for {count} centroids")
    return np.flatnonzero(weights > 0)


def _combine(
    forward: NDArray[np.float32],
    backward: NDArray[np.float32] | None,
    shares: NDArray[np.float32],
    weights: NDArray[np.float32] | None,
) -> NDArray[np.float32]:
    """forward [Kq, N] and backward [N, K] -> [N], zero for photos without clusters."""
    known = shares[:, 0] > 0
    share = np.full(len(forward), 1.0, np.float32) if weights is None else weights.astype(np.float32)
    score = (forward * (share / share.sum())[:, None]).sum(axis=0)
    if backward is not None:
        score = 0.5 * (score + (backward * shares).sum(axis=1))
    return np.where(known, score, 0.0).astype(np.float32)


def _u(similarity: NDArray[np.floating], parameters: MatchParameters) -> NDArray[np.float32]:
    return np.asarray(np.maximum(0.0, similarity - parameters.floor) ** parameters.power, dtype=np.float32)


def _as_words(codes: NDArray[np.uint8], words: int) -> NDArray[np.uint64]:
    """[K, bytes] uint8 -> [K, words] uint64. Raises ValueError when the code lengths differ."""
    if not 8 * (words - 1) < codes.shape[1] <= 8 * words:
        raise ValueError(f"codes of {codes.shape[1]} bytes cannot be compared with codes of {words} words")
    padded = np.zeros((len(codes), 8 * words), dtype=np.uint8)
    padded[:, : codes.shape[1]] = codes
    return padded.view(np.uint64)


def _unit(centroids: NDArray[np.generic]) -> NDArray[np.float32]:
    floats = centroids.astype(np.float32)
    norms = np.linalg.norm(floats, axis=-1, keepdims=True)
    return np.asarray(floats / np.where(norms > 0, norms, 1.0), dtype=np.float32)
