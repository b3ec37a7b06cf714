"""The terms of a close look (`close_look`) that need no network: cells against cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Grid
from desktop_app.retrieval.close_look import LOCAL, MATCH
from desktop_app.retrieval.pairs import cosine_matrix, find_pairs
from desktop_app.retrieval.parameters import RetrievalParameters
from desktop_app.retrieval.relevance import PairMeasurements, log_odds, relevance

Float = NDArray[np.float32]
Features = NDArray[np.float32] | NDArray[np.float16]


def cell_match(
    cosines: Float, *, power: float, weights: Float | None = None, both_directions: bool = True
) -> float:
    """S0's many-to-many match of two pictures on their cells: sum_i w_i max_j u(c_ij) / sum_i w_i, 0..1, with
    u(c) = max(0, c)^power, and the mean of both directions.

    cosines: [nq, nr]. weights: [nq], at least 0; cells of weight 0 neither ask nor answer. `both_directions` False
    leaves out the candidate's direction: right when a part is looked for in a whole. 0 without a cell.
    """
    if weights is not None:
        cosines, weights = cosines[weights > 0], weights[weights > 0]
    if not cosines.size:
        return 0.0
    forward = np.average(np.maximum(cosines.max(axis=1), 0.0) ** power, weights=weights)
    if not both_directions:
        return float(forward)
    return float((forward + np.mean(np.maximum(cosines.max(axis=0), 0.0) ** power)) / 2)


def local_terms(
    features: Float,
    candidates: Sequence[Features | None],
    cosines: Float,
    matches: Float,
    parameters: RetrievalParameters,
    *,
    weights: Float | None = None,
    whole: bool = True,
) -> dict[str, Float]:
    """The terms `match` and `local` of a query picture for M candidates: [M] float32 each, NaN without features.

    features: [h, w, D] of the query; candidates: of each candidate, None where there are none. cosines, matches:
    [M] of the descriptors, and the many-to-many match of clusters. weights: [h * w] of the query's cells, 0..1.
    whole: the query is a whole picture, all cells of which count alike.
    """
    terms = {name: np.full(len(candidates), np.nan, np.float32) for name in (MATCH, LOCAL)}
    grid = Grid(features.shape[0], features.shape[1])
    for at, other in enumerate(candidates):
        if other is None:
            continue
        cells = cosine_matrix(features, other.astype(np.float32))
        other_grid = Grid(other.shape[0], other.shape[1])
        pairs = find_pairs(cells, grid, other_grid, parameters=parameters.links, query_weights=weights)
        measured = PairMeasurements.of(
            global_=float(cosines[at]),
            local=float(matches[at]),
            pairs=pairs,
            cosines=cells if weights is None else cells[weights > 0],
        )
        terms[MATCH][at] = cell_match(cells, power=parameters.match.power, weights=weights, both_directions=whole)
        terms[LOCAL][at] = log_odds(relevance(measured, parameters.relevance))
    return terms
