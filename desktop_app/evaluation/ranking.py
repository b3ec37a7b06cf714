"""Rank a gallery for queries that are its own photos, each left out of its own search (exact, without HNSW)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import LocalCodes, PhotoFeatures
from desktop_app.domain.query import Profile
from desktop_app.domain.results import Stage
from desktop_app.retrieval.cell_match import CELL_DEPTH, bonus, cell_scores, usual_rows
from desktop_app.retrieval.close_look import DEPTH as CLOSE_DEPTH
from desktop_app.retrieval.close_look import KIN, CloseLook
from desktop_app.retrieval.components import MutualNeighbours
from desktop_app.retrieval.fusion import LOCAL_DEPTH, descending
from desktop_app.retrieval.graph_smoothing import NeighbourGraph, near_rows, smoothed_cosines
from desktop_app.retrieval.kinship import DEEP as DEEP_KIN
from desktop_app.retrieval.kinship import DEPTH as KIN_DEPTH
from desktop_app.retrieval.kinship import kinship
from desktop_app.retrieval.local_match import (
    PackedCentroids,
    PackedCodes,
    local_similarity,
    pack_centroids,
    pack_codes,
)
from desktop_app.retrieval.parameters import CENTROIDS, GraphParameters, RetrievalParameters
from desktop_app.retrieval.reranking import RerankParameters, SecondModel, changes
from desktop_app.retrieval.standing import GRAPH_DEPTH, Rows, Standing
from desktop_app.retrieval.tiles import TileScores
from desktop_app.retrieval.two_model import bits_apart

_BLOCK = 256  # queries whose cosines are computed at once
_Number = TypeVar("_Number", np.float32, np.uint8)


@dataclass(frozen=True, eq=False)
class Gallery:
    """The features of N photos, and nothing else of them: no paths, no names, no labels.

    alphas: [N, D] float32. codes: one per photo or None. packed, centroids: what they hold, side by side.
    betas: [N, E] float32. alpha_codes, beta_codes: [N, bytes] uint8. None where the pack has no such output.
    cells: the codes [h, w, B] of the cells of every photo, or None.
    """

    alphas: NDArray[np.float32]
    codes: Sequence[LocalCodes | None]
    packed: PackedCodes
    centroids: PackedCentroids
    betas: NDArray[np.float32] | None = None
    alpha_codes: NDArray[np.uint8] | None = None
    beta_codes: NDArray[np.uint8] | None = None
    cells: Sequence[NDArray[np.uint8] | None] = ()

    @classmethod
    def of(cls, features: Sequence[PhotoFeatures]) -> Gallery:
        codes = [photo.local for photo in features]
        return cls(
            alphas=np.stack([photo.alpha for photo in features]).astype(np.float32),
            codes=codes,
            packed=pack_codes(codes),
            centroids=pack_centroids(codes),
            betas=_stacked([photo.beta for photo in features], np.float32),
            alpha_codes=_stacked([photo.alpha_code for photo in features], np.uint8),
            beta_codes=_stacked([photo.beta_code for photo in features], np.uint8),
            cells=[photo.cells for photo in features],
        )

    def __len__(self) -> int:
        return len(self.alphas)

    @cached_property
    def graph(self) -> NeighbourGraph:
        """The neighbour graph of the photos (exact), made at the first use."""
        return NeighbourGraph.of(self.alphas)

    @property
    def has_codes(self) -> bool:
        return any(code is not None for code in self.codes)


def _stacked(rows: Sequence[NDArray[Any] | None], dtype: type[_Number]) -> NDArray[_Number] | None:
    """[N, D], or None as soon as one row is missing."""
    there = [row for row in rows if row is not None]
    return np.stack(there).astype(dtype) if there and len(there) == len(rows) else None


def content_key(features: PhotoFeatures) -> bytes:
    """A key of what a photo looks like to the stages: galleries are put in this order, so that not even the
    resolution of equal scores depends on a file's name."""
    digest = hashlib.blake2b(np.ascontiguousarray(features.alpha).tobytes(), digest_size=16)
    if features.local is not None:
        digest.update(features.local.codes.tobytes())
    return digest.digest()


Look = Callable[[Rows], CloseLook]
"""What a close look with one query says of these photos of the gallery."""


def stages_of(
    profile: Profile, gallery: Gallery, parameters: RetrievalParameters, *, closely: bool = False
) -> tuple[Stage, ...]:
    """The stages that run for `profile`: those that this version and the pack have. closely: whether photos can be
    looked at again."""
    if profile is Profile.INSTANT:
        return (Stage.GLOBAL,)
    graph = (Stage.GRAPH,) if parameters.graph.mix > 0 else ()
    local = (Stage.LOCAL,) if gallery.has_codes else ()
    second = gallery.betas is not None and gallery.beta_codes is not None
    rerank = (Stage.RERANK,) if second and parameters.rerank is not None and parameters.fusion.rerank > 0 else ()
    terms = set(parameters.fusion.evidence.terms)
    made = bool(terms) and (terms == {KIN} or closely)
    evidence = (Stage.EVIDENCE,) if profile is Profile.THOROUGH and made else ()
    return (Stage.GLOBAL, *graph, *local, *rerank, *evidence)


def rankings(
    gallery: Gallery,
    queries: NDArray[np.int64],
    *,
    stages: Sequence[Stage],
    parameters: RetrievalParameters,
    depth: int = LOCAL_DEPTH,
    look: Callable[[int], Look] | None = None,
    small: Callable[[int], NDArray[np.uint8] | None] | None = None,
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """For every query its position and the order [N - 1] of all other photos, best first.

    The query takes part in nothing: it leaves the lists of neighbours, and their next neighbours move up. Each
    stage re-ranks its head of the list (`local` the first `depth`); the tail stays in its global order.
    look, small: by query, for the stage `evidence`, and the query's cells seen small for `local`.
    """
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        cosines = gallery.alphas[block] @ gallery.alphas.T
        for query, scores in zip(block, cosines, strict=True):
            asked = Asked.among(gallery, int(query))
            if small is not None and Stage.LOCAL in stages:
                asked = replace(asked, small=small(int(query)))
            closer = None if look is None else look(int(query))
            found = ranked(gallery, asked, scores, stages=stages, parameters=parameters, depth=depth, look=closer)
            yield int(query), found.rows


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A query: alpha [D] float32, its local codes, and what the second model says of it. member: its place in the
    gallery, None for a foreign one. small: [n, B] its cells seen small, None to leave them out."""

    alpha: NDArray[np.float32]
    codes: LocalCodes | None
    beta: NDArray[np.float32] | None = None
    beta_code: NDArray[np.uint8] | None = None
    member: int | None = None
    small: NDArray[np.uint8] | None = None

    @classmethod
    def of(cls, features: PhotoFeatures) -> Asked:
        """A query that is no member."""
        beta = None if features.beta is None else features.beta.astype(np.float32)
        return cls(features.alpha.astype(np.float32), features.local, beta, features.beta_code)

    @classmethod
    def among(cls, gallery: Gallery, member: int) -> Asked:
        """A photo of the gallery as a query."""
        return cls(
            gallery.alphas[member],
            gallery.codes[member],
            None if gallery.betas is None else gallery.betas[member],
            None if gallery.beta_codes is None else gallery.beta_codes[member],
            member,
        )


def ranked(
    gallery: Gallery,
    asked: Asked,
    scores: NDArray[np.float32],
    *,
    stages: Sequence[Stage],
    parameters: RetrievalParameters,
    depth: int = LOCAL_DEPTH,
    look: Look | None = None,
    tiles: TileScores | None = None,
) -> Standing:
    """The whole gallery after `stages`, without the query where it is a member; scores: [N] of `global`. tiles:
    the best part of every photo, in a gallery that is searched in parts."""
    order = descending(scores)
    if asked.member is not None:
        order = order[order != asked.member]
    standing = Standing.first(order, scores[order], None if tiles is None else tiles.take(order))
    if Stage.GRAPH in stages:
        smooth = graph_scores(gallery, asked, standing.rows[:GRAPH_DEPTH], parameters.graph)
        standing = standing.with_graph(smooth, parameters.graph)
    if Stage.LOCAL in stages and asked.codes is not None:
        local = match_scores(gallery, asked.codes, standing.rows[:depth], parameters)
        more = cell_bonus(gallery, asked, standing.rows[:depth], depth if tiles is not None else CELL_DEPTH)
        standing = standing.with_local(local, parameters.fusion, more)
    if Stage.RERANK in stages and parameters.rerank is not None:
        nearer = rerank_changes(gallery, asked, standing, parameters.rerank)
        standing = standing.with_rerank(nearer, parameters.fusion)
        if parameters.fusion.kin.weight:
            kin = kin_scores(gallery, asked, standing.rows[: min(KIN_DEPTH, standing.depths[-1])])
            standing = standing.with_kin(kin, parameters.fusion)
    if Stage.EVIDENCE in stages:
        head = standing.rows[: min(DEEP_KIN, standing.depths[-1])]
        seen = CloseLook.nothing() if look is None else look(head[:CLOSE_DEPTH])
        if KIN in parameters.fusion.evidence.terms:
            seen = seen.with_term(KIN, kin_scores(gallery, asked, head))
        standing = standing.with_evidence(seen, parameters.fusion)
    return standing


def cell_bonus(
    gallery: Gallery, asked: Asked, candidates: NDArray[np.int64], depth: int
) -> NDArray[np.float32] | None:
    """[M] what the cells of the first `depth` of M candidates add; None for a query that is not seen small."""
    if asked.small is None or not len(gallery.cells):
        return None
    own = np.array([] if asked.member is None else [asked.member], np.int64)
    others = [gallery.cells[at] for at in usual_rows(np.arange(len(gallery)), own)]
    usual = cell_scores(asked.small, [cells for cells in others if cells is not None])
    every = np.zeros(len(candidates), np.float32)
    every[:depth] = bonus(cell_scores(asked.small, [gallery.cells[at] for at in candidates[:depth]]), usual)
    return every


def kin_scores(gallery: Gallery, asked: Asked, candidates: NDArray[np.int64]) -> NDArray[np.float32]:
    """[M] float32: how the photos `candidates` support one another, by the second model where there is one."""
    query, vectors = asked.alpha, gallery.alphas[candidates]
    if asked.beta is not None and gallery.betas is not None:
        query, vectors = asked.beta, gallery.betas[candidates]
    return kinship(vectors @ query, vectors @ vectors.T)


def graph_scores(
    gallery: Gallery, asked: Asked, candidates: NDArray[np.int64], parameters: GraphParameters
) -> NDArray[np.float32]:
    """[M] float32 cosines of the query with the smoothed descriptors of the photos `candidates`."""
    indices = gallery.graph.indices[candidates]
    gone = np.zeros(indices.shape, np.bool_) if asked.member is None else indices == asked.member
    near, cosines = near_rows(indices, gallery.graph.cosines[candidates], gone=gone)
    own = gallery.alphas[candidates]
    return smoothed_cosines(asked.alpha, own, gallery.alphas, near, cosines, parameters)


def rerank_changes(
    gallery: Gallery, asked: Asked, standing: Standing, parameters: RerankParameters
) -> NDArray[np.float32]:
    """What the second model changes about the head of `standing` (S2), [M] float32; nothing without one.

    Classes are groups of mutual neighbours, made without the query; labels are withheld.
    """
    if gallery.betas is None or gallery.beta_codes is None or asked.beta is None or asked.beta_code is None:
        return np.zeros(0, np.float32)
    rows = standing.rows[:GRAPH_DEPTH]
    groups = replace(parameters.groups, neighbours=min(parameters.groups.neighbours, gallery.graph.k))
    width = groups.neighbours + 1  # with the one that moves up
    mutual = MutualNeighbours(gallery.graph.indices[:, :width], gallery.graph.cosines[:, :width], groups)
    return changes(
        standing.scores[Stage.GLOBAL][: len(rows)],
        SecondModel(asked.beta, gallery.betas[rows], bits_apart(asked.beta_code, gallery.beta_codes[rows])),
        mutual.classes(without=asked.member)[rows],
        parameters.depth,
        parameters,
    )


def local_scores(
    gallery: Gallery, query: int, candidates: NDArray[np.int64], parameters: RetrievalParameters
) -> NDArray[np.float32]:
    """The many-to-many match of photo `query` with the photos `candidates`: [M] float32, 0 without codes."""
    codes = gallery.codes[query]
    if codes is None:
        return np.zeros(len(candidates), dtype=np.float32)
    return match_scores(gallery, codes, candidates, parameters)


def match_scores(
    gallery: Gallery, codes: LocalCodes, candidates: NDArray[np.int64], parameters: RetrievalParameters
) -> NDArray[np.float32]:
    """The many-to-many match of local codes with those of the photos `candidates`: [M] float32."""
    packed = gallery.centroids if parameters.match.on == CENTROIDS else gallery.packed
    return local_similarity(codes, packed.take(candidates), parameters=parameters.match)
