"""Database-side augmentation: gallery descriptors smoothed over the neighbour graph of the library (SCIENCE C).

x~_i = L2(x_i + sum_{k in kNN(i)} max(0, cos_ik)^3 x_k) with k = 10; the score of photo i for a query q is
(1 - mix) q . x_i + mix q . x~_i. The graph is computed from the index alone, before any query; weights fall with
distance, so that a photo without relatives stays what it is, and the raw score stays in the sum.

A photo that asks in its own library takes no part in the descriptors it is compared with: `without` gives those
of the rows that had it as a neighbour, with their next neighbour in its place, as if it were not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from desktop_app.retrieval.pooling import l2_normalise

if TYPE_CHECKING:  # parameters read those of re-ranking, which works on this graph
    from desktop_app.retrieval.parameters import GraphParameters

NEIGHBOURS = 10
POWER = 3.0
_BLOCK = 512  # rows whose cosines are computed at once

Float = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourGraph:
    """The k + 1 nearest other photos of each of N photos; the last one is a spare for leaving one out.

    indices: [N, k + 1] int64, nearest first; cosines: [N, k + 1] float32. Both are narrower in a gallery of fewer
    than k + 2 photos.
    """

    indices: Rows
    cosines: Float
    k: int

    @classmethod
    def of(cls, descriptors: Float, k: int = NEIGHBOURS) -> NeighbourGraph:
        """Exact graph of descriptors [N, D], L2-normalised; of equal cosines the smaller position is nearer.

        Raises ValueError for k below 1.
        """
        if k < 1:
            raise ValueError(f"a neighbour graph needs at least 1 neighbour, not {k}")
        count = len(descriptors)
        width = max(min(k + 1, count - 1), 0)
        indices = np.zeros((count, width), dtype=np.int64)
        cosines = np.zeros((count, width), dtype=np.float32)
        for start in range(0, count if width else 0, _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, count))
            block = descriptors[rows] @ descriptors.T
            block[np.arange(len(rows)), rows] = -np.inf
            indices[rows] = _largest(block, width)
            cosines[rows] = np.take_along_axis(block, indices[rows], axis=1)
        return cls(indices, cosines, k)


def smoothed(descriptors: Float, graph: NeighbourGraph, *, power: float = POWER) -> Float:
    """x~ of every photo, [N, D] float32, L2-normalised."""
    result = np.empty_like(descriptors, dtype=np.float32)
    for start in range(0, len(descriptors), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(descriptors)))
        result[rows] = _mixed(descriptors, rows, graph.indices[rows], graph.cosines[rows], graph.k, power)
    return result


def without(descriptors: Float, graph: NeighbourGraph, photo: int, *, power: float = POWER) -> tuple[Rows, Float]:
    """The rows whose smoothed descriptors change when `photo` is not there, [R], and their new values, [R, D].

    `photo` itself is never among the rows. All other rows keep what `smoothed` gave.
    """
    rows = np.flatnonzero((graph.indices[:, : graph.k] == photo).any(axis=1))
    keep = graph.indices[rows] != photo
    width = graph.indices.shape[1] - 1
    indices = graph.indices[rows][keep].reshape(len(rows), width)
    cosines = graph.cosines[rows][keep].reshape(len(rows), width)
    return rows, _mixed(descriptors, rows, indices, cosines, graph.k, power)


def smoothed_scores(
    query: Float, descriptors: Float, smooth: Float, *, mix: float, changed: tuple[Rows, Float] | None = None
) -> Float:
    """(1 - mix) q . x_i + mix q . x~_i for all photos, [N] float32.

    query: [D]; descriptors, smooth: [N, D]; changed: what `without` gave for the asking photo, if it is one of the
    library. mix: 0..1; ValueError otherwise.
    """
    if not 0.0 <= mix <= 1.0:
        raise ValueError(f"the weight of the smoothed score must lie in 0..1, not {mix}")
    second = smooth @ query
    if changed is not None:
        rows, values = changed
        second[rows] = values @ query
    return np.asarray((1 - mix) * (descriptors @ query) + mix * second, dtype=np.float32)


def near_rows(
    indices: Rows, cosines: Float, *, gone: NDArray[np.bool_], k: int = NEIGHBOURS
) -> tuple[Rows, Float]:
    """The first k entries of lists [R, W] that are not `gone`, nearest first, and their cosines: [R, k]; -1 and 0
    where a list has fewer. One photo left out of lists with a spare leaves what they would be without it."""
    order = np.argsort(gone, axis=1, kind="stable")[:, :k]
    lost = np.take_along_axis(gone, order, axis=1)
    near = np.where(lost, -1, np.take_along_axis(indices, order, axis=1))
    return near, np.where(lost, 0.0, np.take_along_axis(cosines, order, axis=1)).astype(np.float32)


def smoothed_cosines(
    query: Float, own: Float, others: Float, near: Rows, cosines: Float, parameters: GraphParameters
) -> Float:
    """q . x~ of R candidates: [R] float32, their own cosine where one has no neighbour; x~ is as long as x.

    query: [D]. own: [R, D] the candidates' descriptors. others: [U, D] descriptors of their neighbours. near:
    [R, k] rows of `others`, -1 for none; cosines: [R, k] of candidate and neighbour.
    """
    floor = parameters.floor
    weights = (np.maximum(cosines - floor, 0.0) / (1.0 - floor)) ** parameters.power
    weights = np.where((near >= 0) & (cosines > floor), weights, 0.0).astype(np.float32)
    total = own.astype(np.float32)
    for column, share in zip(near.T, weights.T, strict=True):
        there = np.flatnonzero(share)
        total[there] += share[there, None] * others[column[there]]
    stretch = np.sqrt(np.vecdot(total, total) / np.maximum(np.vecdot(own, own), 1e-12))
    return np.asarray(np.vecdot(total, query) / np.maximum(stretch, 1e-12), np.float32)


def mixed_scores(cosines: Float, smooth: Float, parameters: GraphParameters) -> Float:
    """(1 - mix) q . x + mix q . x~, [R] float32; what is as near as a copy is never lowered."""
    mixed = cosines + parameters.mix * (smooth - cosines)
    lowered = (cosines >= parameters.copy) & (mixed < cosines)
    return np.where(lowered, cosines, mixed).astype(np.float32)


def _largest(scores: Float, count: int) -> Rows:
    """[B, count]: the columns of the largest scores of every row, largest first; of equals the smaller column."""
    least = -np.partition(-scores, count - 1, axis=1)[:, count - 1]
    found = np.empty((len(scores), count), np.int64)
    for row, (values, bound) in enumerate(zip(scores, least, strict=True)):
        near = np.flatnonzero(values >= bound)
        found[row] = near[np.argsort(-values[near], kind="stable")[:count]]
    return found


def _mixed(descriptors: Float, rows: Rows, indices: Rows, cosines: Float, k: int, power: float) -> Float:
    weights = np.maximum(cosines[:, :k], 0.0) ** power
    neighbours = np.einsum("nk,nkd->nd", weights, descriptors[indices[:, :k]])
    return l2_normalise(descriptors[rows] + neighbours)
