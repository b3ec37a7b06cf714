"""Evidence from the local match (source "local"): why two pictures match, part by part, and how much.

R(i,j) is the cosine of cell i of the query and cell j of the result (S1 eq. 1 with one metric). It is decoded
into P on the result and Q on the query (S1 eq. 4, filled in along the geometry of the match: `evidence_maps`).
S1 stretches each map to 0..1; that makes "no match" look hot, so here the highest cell is the relevance of the
pair, and both maps are zero when that is below 0.5 or no pair of cells holds (SCIENCE A4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.evidence import (
    CoAttention,
    EvidenceSource,
    MatchEvidence,
    PatchLink,
    Strength,
)
from desktop_app.domain.features import Embedding
from desktop_app.domain.geometry import Grid, Region
from desktop_app.retrieval.calibration import calibrate
from desktop_app.retrieval.clusters import CodeLogits, make_local_codes
from desktop_app.retrieval.coattention import coattention
from desktop_app.retrieval.evidence_maps import match_maps
from desktop_app.retrieval.evidence_words import evidence_words
from desktop_app.retrieval.local_match import centroid_weights, local_similarity, pack
from desktop_app.retrieval.pairs import CellPairs, cosine_matrix, find_pairs, suppress_neighbours
from desktop_app.retrieval.parameters import LinkParameters, RetrievalParameters
from desktop_app.retrieval.relevance import PairMeasurements, relevance

RELEVANT = 0.5  # below this relevance no evidence is shown (S1)
ALIKE = 0.9  # the probability of one kind of thing from which pictures are told to be similar as a whole
_RADIUS = 1  # cells of 4-D non-maximum suppression


@dataclass(frozen=True, slots=True, eq=False)
class LocalMatch:
    """Cosines [nq, nr] between cells, the pairs that hold, the two grids, and the weights of the query's cells."""

    cosines: NDArray[np.float32]
    pairs: CellPairs
    query_grid: Grid
    result_grid: Grid
    weights: NDArray[np.float32] | None


def match_evidence(
    query: Embedding,
    result: Embedding,
    *,
    query_box: Region,
    result_box: Region,
    parameters: RetrievalParameters,
    code_logits: CodeLogits,
    query_weights: NDArray[np.float32] | None = None,
    region: bool = False,
    judge: Callable[[float], float] | None = None,
) -> MatchEvidence:
    """The evidence for one pair of pictures.

    query_box, result_box: the pixels of each oriented original that its embedding covers (for a query with a
    region: the region, of which `query` is the embedding; then `region` is True, for the words). query_weights:
    [hq, wq] float32 on the query's grid, non-negative; cells of weight 0 are left out. code_logits: the pack's
    code layer. judge: makes the relevance that is shown of the local one (both 0..1). Without local features (an
    imported backbone) there are no links and the maps are zero.
    """
    match = _match(query, result, parameters.links, query_weights)
    measured = measure_pair(
        query,
        result,
        parameters=parameters,
        code_logits=code_logits,
        query_weights=query_weights,
        match=match,
        both_directions=not region and query_weights is None,
    )
    relevant = relevance(measured, parameters.relevance)
    if judge is not None:
        relevant = judge(relevant)
    shown = relevant >= RELEVANT and len(match.pairs) > 0
    links = _links(match, query_box, result_box, parameters.links) if shown else ()
    p, q = match_maps(
        match.cosines,
        match.pairs,
        match.query_grid,
        match.result_grid,
        parameters=parameters.links,
        relevance=relevant if shown else 0.0,
        query_weights=match.weights,
    )
    return MatchEvidence(
        relevance=relevant,
        source=EvidenceSource.LOCAL,
        coattention=_coattention(query, result, match, relevant if shown else 0.0, query_weights, parameters),
        p=p,
        q=q,
        links=links,
        words=evidence_words(
            links,
            relevance=relevant,
            query_grid=match.query_grid,
            result_grid=match.result_grid,
            region=region,
            alike=_alike(query, result, parameters),
        ),
        query_grid=match.query_grid,
        result_grid=match.result_grid,
        query_box=query_box,
        result_box=result_box,
    )


def _alike(query: Embedding, result: Embedding, parameters: RetrievalParameters) -> bool:
    """Whether the descriptors alone make it probable that the pair shows one kind of thing."""
    cosine = np.array([query.alpha @ result.alpha], dtype=np.float32)
    return float(calibrate(cosine, parameters.calibration_global)[0]) >= ALIKE


def measure_pair(
    query: Embedding,
    result: Embedding,
    *,
    parameters: RetrievalParameters,
    code_logits: CodeLogits,
    query_weights: NDArray[np.float32] | None = None,
    match: LocalMatch | None = None,
    both_directions: bool = True,
) -> PairMeasurements:
    """What the relevance of a pair is computed from; `match` saves comparing their cells again.

    `both_directions` as in `local_match.local_similarity`: False when a part is looked for in a whole.
    """
    match = match or _match(query, result, parameters.links, query_weights)
    local = 0.0
    query_codes = make_local_codes(query, code_logits)
    result_codes = make_local_codes(result, code_logits)
    if query_codes is not None and result_codes is not None:
        weights = None if query_weights is None else centroid_weights(query_codes.labels, query_weights)
        scores = local_similarity(
            query_codes,
            pack([result_codes], parameters.match),
            parameters=parameters.match,
            weights=weights,
            both_directions=both_directions,
        )
        local = float(scores[0])
    return PairMeasurements.of(
        global_=float(query.alpha @ result.alpha),
        local=local,
        pairs=match.pairs,
        cosines=match.cosines if match.weights is None else match.cosines[match.weights > 0],
    )


def strength_of(cosine: float, parameters: LinkParameters) -> Strength:
    """What a link of this cosine is called."""
    if cosine >= parameters.strong:
        return Strength.STRONG
    return Strength.MEDIUM if cosine >= parameters.medium else Strength.WEAK


def _match(
    query: Embedding,
    result: Embedding,
    parameters: LinkParameters,
    query_weights: NDArray[np.float32] | None,
) -> LocalMatch:
    query_grid, result_grid = _grid(query), _grid(result)
    if query.local_features is None or result.local_features is None:
        cells = query_grid.rows * query_grid.columns, result_grid.rows * result_grid.columns
        none = np.zeros(0, dtype=np.int64)
        pairs = CellPairs(none, none, np.zeros(0, dtype=np.float32), agree=False)
        return LocalMatch(np.zeros(cells, dtype=np.float32), pairs, query_grid, result_grid, None)
    weights = None
    if query_weights is not None:
        if query_weights.shape != (query_grid.rows, query_grid.columns):
            raise ValueError(f"weights {query_weights.shape} do not cover the query's grid {query_grid}")
        weights = query_weights.ravel() / max(float(query_weights.max()), 1e-6)
    cosines = cosine_matrix(query.local_features, result.local_features)
    pairs = find_pairs(cosines, query_grid, result_grid, parameters=parameters, query_weights=weights)
    return LocalMatch(cosines, pairs, query_grid, result_grid, weights)


def _grid(embedding: Embedding) -> Grid:
    """The grid of an embedding's local features, else of its local map, else one cell."""
    if embedding.local_features is not None:
        return Grid(embedding.local_features.shape[0], embedding.local_features.shape[1])
    if embedding.local_map is not None:
        return Grid(embedding.local_map.shape[1], embedding.local_map.shape[2])
    return Grid(1, 1)


def _links(
    match: LocalMatch, query_box: Region, result_box: Region, parameters: LinkParameters
) -> tuple[PatchLink, ...]:
    kept = suppress_neighbours(
        match.pairs, match.query_grid, match.result_grid, radius=_RADIUS, limit=parameters.limit
    )
    links = []
    for position in kept:
        query_cell = match.query_grid.cell_by_index(int(match.pairs.query[position]))
        result_cell = match.result_grid.cell_by_index(int(match.pairs.result[position]))
        cosine = float(match.pairs.cosine[position])
        links.append(
            PatchLink(
                query_cell=query_cell,
                result_cell=result_cell,
                query=match.query_grid.cell_region(query_cell, query_box),
                result=match.result_grid.cell_region(result_cell, result_box),
                score=min(1.0, max(0.0, cosine)),
                strength=strength_of(cosine, parameters),
            )
        )
    return tuple(links)


def _coattention(
    query: Embedding,
    result: Embedding,
    match: LocalMatch,
    relevant: float,
    query_weights: NDArray[np.float32] | None,
    parameters: RetrievalParameters,
) -> CoAttention:
    """The co-attention maps; zero maps on the grids of the local features when a pack has no local map."""
    if query.local_map is None or result.local_map is None:
        return CoAttention(
            query=np.zeros((match.query_grid.rows, match.query_grid.columns), dtype=np.float32),
            result=np.zeros((match.result_grid.rows, match.result_grid.columns), dtype=np.float32),
        )
    return coattention(
        query.local_map,
        result.local_map,
        relevance=relevant,
        query_weights=query_weights,
        parameters=parameters.coattention,
    )
