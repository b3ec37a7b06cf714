"""Re-ranking one model's answer by what a second model answers (S2, IRM2R).

Each model lists its candidates: the K photos of smallest Hamming distance (eq. 3), ordered by the Euclidean
distance of the real descriptors. Three rules then change the distances rho of the base model's list alpha,
which is sorted again: both lists begin with the same class (eq. 4, 5), one class has the majority at the head
of the other list beta (eq. 6, 7), and, unless both rules held, the place that a candidate has in beta (eq. 8,
9).

Resolutions [ours]: Euclid compares descriptors, not codes; rho is divided by its mean over the list, so that
one set of lambdas suits every query; eq. 8 prints -floor(8 / j) where the text means -floor(j / 8), and a photo
that all of beta was searched for in vain gets -floor(S2 / 8); eq. 9's second branch has lambda4, as the text
says, and is a penalty; R counts votes; of classes with equally many votes the one that comes first wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import PackError
from desktop_app.retrieval.components import NO_CLASS, MutualNeighbours

Rows = NDArray[np.int64]
Float = NDArray[np.float32]
Codes = NDArray[np.uint8]

_EIGHT = 8  # places of beta that count as one step of the penalty (eq. 8)
_TEMPORARY = 1 << 22  # pairs of words compared at once


class ClassSource(StrEnum):
    """Where the classes of the gallery came from."""

    GIVEN = "tags and albums"
    GROUPS = "groups of mutual neighbours"
    NONE = "no classes"


@dataclass(frozen=True, slots=True)
class TwoModelParameters:
    """The constants of S2; it optimises them on training data and does not print them.

    candidates: K, photos of each model taken by Hamming distance. listed: S1, compared: S2, the lengths of the
    two lists, at most K. voters: the head of beta that votes; votes: R, how many of them must agree.
    lambda1 to lambda4: the changes of rho (eq. 5, 7, 9), in means of rho.
    blend [ours]: the share of beta's distance in rho before the rules; 0 is S2 as printed.
    """

    candidates: int = 100
    listed: int = 100
    compared: int = 100
    voters: int = 10
    votes: int = 6
    lambda1: float = 0.15
    lambda2: float = 0.10
    lambda3: float = 0.10
    lambda4: float = 0.02
    blend: float = 0.0

    @classmethod
    def from_manifest(cls, section: Mapping[str, object]) -> TwoModelParameters:
        """The manifest's section `rerank`; missing entries keep their default. Raises PackError."""
        values: dict[str, int | float] = {}
        for field in fields(cls):
            value = section.get(field.name, field.default)
            whole = isinstance(field.default, int)
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value < 0:
                raise PackError(
                    f"the manifest of the pack has {value!r} where 'rerank' should hold a number of 0 or more"
                    f" as '{field.name}'",
                    remedy="Install the pack again",
                )
            values[field.name] = value if whole else float(value)
        return cls(**values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """What one model says of N photos. features: [N, D] float32, L2-normalised. codes: [N, B] uint8, packed."""

    features: Float
    codes: Codes

    def take(self, rows: Rows) -> Described:
        return Described(self.features[rows], self.codes[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """The answers of one model to Q queries. rows: [Q, S] int64, nearest first. distances: [Q, S] float32 rho."""

    rows: Rows
    distances: Float


@dataclass(frozen=True, slots=True, eq=False)
class Reranked:
    """The changed list. rows: [Q, S1], best first. distances: [Q, S1], the changed rho, rising.
    rules: [Q, 3] bool, which of the three instances took part."""

    rows: Rows
    distances: Float
    rules: NDArray[np.bool_]


def first_lists(queries: Described, gallery: Described, count: int, *, left_out: Rows | None = None) -> Lists:
    """The `count` photos of smallest Hamming distance (eq. 3; of equals the smaller row), by Euclidean distance.

    left_out: [Q] the row of each query in the gallery, which is not listed ("images with the same id"). Lists are
    shorter where the gallery is.
    """
    size = len(gallery.features) - (left_out is not None)
    count = max(0, min(count, size))
    rows = np.empty((len(queries.features), count), np.int64)
    distances = np.empty(rows.shape, np.float32)
    words = _words(gallery.codes)
    asked = _words(queries.codes)
    numbers = np.arange(len(words))
    for at in range(len(rows)):
        key = _bits_apart(asked[at], words) * len(words) + numbers
        if left_out is not None:
            key[left_out[at]] = np.iinfo(np.int64).max
        near = np.sort(np.argpartition(key, count - 1)[:count]) if 0 < count < len(key) else numbers[:count]
        rho = euclidean(queries.features[at], gallery.features[near])
        order = np.argsort(rho, kind="stable")
        rows[at], distances[at] = near[order], rho[order]
    return Lists(rows, distances)


def bits_apart(code: Codes, codes: Codes) -> Rows:
    """[B], [N, B] uint8 packed -> [N] int64: differing bits (eq. 3)."""
    return _bits_apart(_words(code[None])[0], _words(codes))


def euclidean(query: Float, features: Float) -> Float:
    """[D], [S, D] -> [S] float32."""
    return np.asarray(np.linalg.norm(features - query, axis=-1), np.float32)


def rerank_lists(
    alpha: Lists,
    beta: Lists,
    classes: Rows,
    parameters: TwoModelParameters | None = None,
    *,
    second: Float | None = None,
) -> Reranked:
    """Change rho of the lists `alpha` by the three rules and sort them again (eq. 4 to 9).

    classes: [N] class number of every photo of the gallery, or [Q, N] where they differ by query; NO_CLASS for
    none.
    second: [Q, S] the other model's distance of every candidate of alpha, needed where `blend` is not 0.
    """
    p = parameters or TwoModelParameters()
    rows, compared = alpha.rows[:, : p.listed], beta.rows[:, : p.compared]
    rho = _scaled(alpha.distances[:, : p.listed])
    if p.blend:
        if second is None:
            raise ValueError("the other model's distances are needed to blend them")
        rho = (1 - p.blend) * rho + p.blend * _scaled(second[:, : p.listed])
        if rho.shape[1]:
            order = np.argsort(rho, axis=1, kind="stable")  # the first candidate is that of the blended distance
            rows, rho = np.take_along_axis(rows, order, 1), np.take_along_axis(rho, order, 1)
    each = np.broadcast_to(classes, (len(rows), classes.shape[-1]))
    own, other = np.take_along_axis(each, rows, 1), np.take_along_axis(each, compared, 1)

    first = same_first(own, other)  # eq. 4
    majority = majority_class(other, voters=p.voters, votes=p.votes)  # eq. 6
    third = (first == NO_CLASS) | (majority == NO_CLASS)

    in_first = np.where(own == first[:, None], -p.lambda1, p.lambda1)  # eq. 5
    rho = rho + np.where(first[:, None] != NO_CLASS, in_first, 0)
    in_majority = (majority[:, None] != NO_CLASS) & (own == majority[:, None])
    rho = rho - p.lambda2 * in_majority  # eq. 7
    rho = rho + third[:, None] * _place_change(places(rows, compared), compared.shape[1], p)

    order = np.argsort(rho, axis=1, kind="stable")
    return Reranked(
        rows=np.take_along_axis(rows, order, 1),
        distances=np.take_along_axis(rho, order, 1).astype(np.float32),
        rules=np.stack([first != NO_CLASS, majority != NO_CLASS, third], axis=1),
    )


def same_first(own: Rows, other: Rows) -> Rows:
    """Eq. 4: [Q], the class of the first candidate of both lists where it is the same, else NO_CLASS."""
    if not own.shape[1] or not other.shape[1]:
        return np.full(len(own), NO_CLASS, np.int64)
    return np.where(own[:, 0] == other[:, 0], other[:, 0], NO_CLASS)


def majority_class(classes: Rows, *, voters: int, votes: int) -> Rows:
    """Eq. 6: [Q], the most frequent class of the first `voters` if it has at least `votes`, else NO_CLASS."""
    head = classes[:, :voters]
    if not head.shape[1]:
        return np.full(len(classes), NO_CLASS, np.int64)
    counts = np.count_nonzero(head[:, :, None] == head[:, None, :], axis=2)
    counts[head == NO_CLASS] = 0
    best = counts.argmax(axis=1)
    lines = np.arange(len(head))
    return np.where(counts[lines, best] >= max(1, votes), head[lines, best], NO_CLASS)


def places(rows: Rows, compared: Rows) -> Rows:
    """Eq. 8: [Q, S1], the place j = 1..S2 that each candidate has in the other list, -floor(S2 / 8) if none."""
    length = compared.shape[1]
    missing = -(length // _EIGHT)
    found = np.full(rows.shape, missing, np.int64)
    if not compared.size or not rows.size:
        return found
    table = np.full(int(max(compared.max(), rows.max())) + 1, missing, np.int64)
    places_of = np.arange(1, length + 1)
    for at, (wanted, listed) in enumerate(zip(rows, compared, strict=True)):
        table[listed] = places_of
        found[at] = table[wanted]
        table[listed] = missing
    return found


def gallery_classes(
    given: Rows | None, neighbours: MutualNeighbours | None, photos: int, *, without: int | None = None
) -> tuple[Rows, ClassSource]:
    """[N] the classes to re-rank with, and where they are from: those given (tags, albums), else groups of mutual
    neighbours, else none; then only the places in the other list count.

    without: the query's row where it lies in the gallery; it takes part in neither.
    """
    if given is not None:
        known = given.copy()
        if without is not None:
            known[without] = NO_CLASS
        if (known != NO_CLASS).any():
            return known, ClassSource.GIVEN
    if neighbours is not None:
        groups = neighbours.classes(without=without)
        if (groups != NO_CLASS).any():
            return groups, ClassSource.GROUPS
    return np.full(photos, NO_CLASS, np.int64), ClassSource.NONE


def _scaled(rho: Float) -> NDArray[np.float64]:
    """rho in units of its mean over the list."""
    wide = rho.astype(np.float64)
    if not wide.shape[1]:
        return wide
    return np.asarray(wide / np.maximum(wide.mean(axis=1, keepdims=True), 1e-12), np.float64)


def _place_change(found: Rows, length: int, p: TwoModelParameters) -> NDArray[np.float64]:
    """Eq. 9: what is added to rho for a place I."""
    if not length:
        return np.zeros(found.shape)
    return np.asarray(np.where(found > 0, -p.lambda3 * (1 - found / length), -p.lambda4 * found), np.float64)


def _bits_apart(code: NDArray[np.uint64], words: NDArray[np.uint64]) -> Rows:
    """[W], [N, W] -> [N] int64: differing bits (eq. 3)."""
    total = np.empty(len(words), np.int64)
    step = max(1, _TEMPORARY // max(1, words.shape[1]))
    for start in range(0, len(words), step):
        part = slice(start, start + step)
        total[part] = np.bitwise_count(words[part] ^ code).sum(axis=1, dtype=np.int64)
    return total


def _words(codes: Codes) -> NDArray[np.uint64]:
    """[N, B] uint8 as [N, ceil(B / 8)] uint64; what is missing of the last word is zero in all codes."""
    padded = np.pad(np.ascontiguousarray(codes), ((0, 0), (0, -codes.shape[1] % 8)))
    return padded.view(np.uint64)
