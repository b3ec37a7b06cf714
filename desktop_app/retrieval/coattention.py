"""Clustering co-attention (S0): where a picture answers to a query, without any network.

Offline, for the candidate: the cells of its local map with the largest L2 norm are clustered by spherical k-means;
kept are the label of every cell, S_k = sum over the cells of k of max(x, eps)^p, and the unit centroids c_k.
Online, for a query descriptor q (GeM of the query's own local map): a_k = max(0, cos(q, c_k) - tau)^alpha,
divided by the largest a_k; a cell has the attention of its cluster, and 0 outside the selection. Because the
attention is constant within a cluster, weighted GeM needs no second pooling: v = (1/HW sum_k a_k^p S_k)^(1/p).
S0 names neither the clustering method nor the numbers: those are our own resolution (SCIENCE A2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.evidence import CoAttention
from desktop_app.retrieval.clusters import SEED, spherical_kmeans
from desktop_app.retrieval.parameters import CoAttentionParameters
from desktop_app.retrieval.pooling import EPS, P, gem, l2_normalise

OUTSIDE = -1
DEFAULT = CoAttentionParameters()


@dataclass(frozen=True, slots=True, eq=False)
class ClusteredMap:
    """The offline part for one picture.

    labels: [h, w] int16, OUTSIDE where a cell was not selected. centroids: [K, D] float32, unit length.
    sums: [K, D] float64, S_k.
    """

    labels: NDArray[np.int16]
    centroids: NDArray[np.float32]
    sums: NDArray[np.float64]


def cluster_map(local_map: NDArray[np.float32], parameters: CoAttentionParameters = DEFAULT) -> ClusteredMap:
    """Select and cluster the cells of `local_map` ([D, h, w] float32, non-negative)."""
    dimension, rows, columns = local_map.shape
    cells = np.ascontiguousarray(local_map.reshape(dimension, -1).T, dtype=np.float32)
    norms = np.linalg.norm(cells, axis=1)
    chosen = np.sort(np.argsort(-norms, kind="stable")[: min(parameters.select, len(cells))])
    chosen = chosen[norms[chosen] > 0]
    labels = np.full(len(cells), OUTSIDE, dtype=np.int16)
    if not len(chosen):
        empty = np.zeros((0, dimension))
        return ClusteredMap(labels.reshape(rows, columns), empty.astype(np.float32), empty)
    grouped = spherical_kmeans(cells[chosen][None], parameters.clusters, seed=SEED)
    used = grouped.used[0]
    labels[chosen] = (np.cumsum(used) - 1)[grouped.labels[0]]
    powers = np.maximum(cells[chosen].astype(np.float64), EPS) ** parameters.p
    members = labels[chosen][None, :] == np.arange(int(used.sum()))[:, None]
    return ClusteredMap(
        labels=labels.reshape(rows, columns),
        centroids=grouped.centroids[0][used],
        sums=members.astype(np.float64) @ powers,
    )


def cluster_attention(
    descriptor: NDArray[np.float32],
    clustered: ClusteredMap,
    parameters: CoAttentionParameters = DEFAULT,
) -> NDArray[np.float32]:
    """a_k for every cluster: [K] float32 in 0..1, the largest 1, all 0 when no cosine exceeds tau.

    descriptor: [D] float32, the query's pooled local map. The division by the largest a_k makes these weights
    relative to the picture: they are for pooling, not for display (see `coattention`).
    """
    cosines = clustered.centroids @ l2_normalise(descriptor)
    attention = np.maximum(0.0, cosines - parameters.tau) ** parameters.alpha
    largest = attention.max(initial=0.0)
    return np.asarray(attention / largest if largest > 0 else attention, dtype=np.float32)


def attention_map(attention: NDArray[np.float32], clustered: ClusteredMap) -> NDArray[np.float32]:
    """A_l = a_k(l) as a map [h, w] float32, 0 outside the selection."""
    looked_up = np.append(attention, np.float32(0))  # the last entry answers for OUTSIDE
    return looked_up[clustered.labels]


def weighted_gem(
    attention: NDArray[np.float32],
    clustered: ClusteredMap,
    parameters: CoAttentionParameters = DEFAULT,
) -> NDArray[np.float32]:
    """The candidate's descriptor under the co-attention in O(K D): (1/HW sum_k a_k^p S_k)^(1/p), L2-normalised.

    Equal to `pooling.gem(local_map, weights=attention_map(...))`.
    """
    weights = attention.astype(np.float64) ** parameters.p
    pooled = (weights @ clustered.sums / clustered.labels.size) ** (1.0 / parameters.p)
    return l2_normalise(pooled.astype(np.float32))


def network_coattention(
    query_map: NDArray[np.float32],
    result_map: NDArray[np.float32],
    attend: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]],
    *,
    query_weights: NDArray[np.float32] | None = None,
    relevance: float = 1.0,
    p: float = P,
) -> CoAttention:
    """Both pictures' maps by a network (CANet): A(result | GeM of the query's map), and the same with the roles
    swapped, times the person's weights (scaled to at most 1).

    `attend` takes a map [D, h, w] and a vector [D]. The network has learnt to answer 0 where nothing matches;
    it sees one vector of the other picture, though, so its maps are multiplied by the relevance of the pair
    (0..1) and claim no more than the words beside them [ours].
    """
    on_result = relevance * attend(result_map, gem(query_map, p=p, weights=query_weights))
    on_query = relevance * attend(query_map, gem(result_map, p=p))
    if query_weights is not None and query_weights.max(initial=0.0) > 0:
        on_query = on_query * (query_weights / query_weights.max())
    return CoAttention(query=np.asarray(on_query, np.float32), result=np.asarray(on_result, np.float32))


def coattention(
    query_map: NDArray[np.float32],
    result_map: NDArray[np.float32],
    *,
    relevance: float,
    query_weights: NDArray[np.float32] | None = None,
    parameters: CoAttentionParameters = DEFAULT,
) -> CoAttention:
    """Both pictures' maps as they may be shown: in [0, 1] on a fixed scale.

    S0 divides by the largest a_k, so some cell of every picture would be fully hot, also where nothing matches.
    Our resolution: the maps are multiplied by the relevance of the pair (0..1), and are zero when it is below
    0.5, like P and Q. S0 defines the candidate's map only; the query's is the same with the roles swapped, times
    the person's weights (scaled to at most 1).

    query_map [D, hq, wq], result_map [D, hr, wr] float32, non-negative; query_weights [hq, wq], non-negative.
    """
    shown = relevance if relevance >= 0.5 else 0.0
    query_side, result_side = cluster_map(query_map, parameters), cluster_map(result_map, parameters)
    asked = gem(query_map, p=parameters.p, weights=query_weights)
    answered = gem(result_map, p=parameters.p)
    on_result = attention_map(cluster_attention(asked, result_side, parameters), result_side)
    on_query = attention_map(cluster_attention(answered, query_side, parameters), query_side)
    if query_weights is not None and query_weights.max(initial=0.0) > 0:
        on_query = on_query * (query_weights / query_weights.max())
    return CoAttention(
        query=np.asarray(shown * on_query, dtype=np.float32),
        result=np.asarray(shown * on_result, dtype=np.float32),
    )
