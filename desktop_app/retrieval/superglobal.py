"""SuperGlobal's re-ranking from global descriptors alone (Shao et al., ICCV 2023), for comparison.

Arithmetic of the authors' published code. For one query q and its M best candidates x_1..x_M (all L2-normalised):

1. every candidate is refined by its K nearest among the candidates, itself first with weight 1, the others with
   beta times their cosine:  x'_i = (x_i + beta sum_k s_ik x_k) / (1 + beta sum_k s_ik);  first score q . x'_i;
2. the K + 1 candidates of the best first scores make an expanded query, the greatest value of every dimension:
   q' = max_i x'_i;  second score q' . x'_i;
3. the candidates are ordered by the mean of both scores, all others follow in their old order.

A negative cosine is a negative weight, as in the published code. The query takes no part in what is computed of
the candidates: a photo that asks in its own library must be left out of them by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SuperGlobalParameters:
    """depth: M, candidates looked at. neighbours: K. beta: weight of a neighbour."""

    depth: int = 400
    neighbours: int = 9
    beta: float = 0.15


def superglobal_scores(query: Float, candidates: Float, parameters: SuperGlobalParameters) -> Float:
    """Mean of both scores of every candidate, [M] float32.

    query: [D]; candidates: [M, D] without the query itself; all L2-normalised.
    """
    if not len(candidates):
        return np.zeros(0, dtype=np.float32)
    refined = refine(candidates, parameters)
    first = refined @ query
    best = np.argsort(-first, kind="stable")[: parameters.neighbours + 1]
    expanded = refined[best].max(axis=0)
    return np.asarray((first + refined @ expanded) / 2, dtype=np.float32)


def refine(candidates: Float, parameters: SuperGlobalParameters) -> Float:
    """x' of every candidate, [M, D] float32: itself and its nearest among the candidates."""
    cosines = candidates @ candidates.T
    np.fill_diagonal(cosines, np.inf)  # itself comes first, whatever copies of it there are
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, : parameters.neighbours + 1]
    weights = parameters.beta * np.take_along_axis(cosines, nearest, axis=1)
    weights[:, 0] = 1.0
    mixed = np.einsum("mk,mkd->md", weights, candidates[nearest])
    return np.asarray(mixed / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def superglobal_order(
    query: Float, gallery: Float, order: NDArray[np.int64], parameters: SuperGlobalParameters
) -> NDArray[np.int64]:
    """`order` (positions in `gallery` [N, D], best first, without the query) with its first M re-ranked."""
    head = order[: parameters.depth]
    scores = superglobal_scores(query, gallery[head], parameters)
    return np.concatenate([head[np.argsort(-scores, kind="stable")], order[parameters.depth :]])
