"""Rank a gallery for queries that are its own photos, each left out of its own search (exact, without HNSW)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import LocalCodes, PhotoFeatures
from desktop_app.domain.query import Profile
from desktop_app.domain.results import Stage
from desktop_app.retrieval.fusion import LOCAL_DEPTH, descending
from desktop_app.retrieval.graph_smoothing import NeighbourGraph, near_rows, smoothed_cosines
from desktop_app.retrieval.local_match import (
    PackedCentroids,
    PackedCodes,
    local_similarity,
    pack_centroids,
    pack_codes,
)
from desktop_app.retrieval.parameters import CENTROIDS, GraphParameters, RetrievalParameters
from desktop_app.retrieval.standing import GRAPH_DEPTH, Standing

_BLOCK = 256  # queries whose cosines are computed at once
_Number = TypeVar("_Number", np.float32, np.uint8)


@dataclass(frozen=True, eq=False)
class Gallery:
    """The features of N photos, and nothing else of them: no paths, no names, no labels.

    alphas: [N, D] float32. codes: one per photo or None. packed, centroids: what they hold, side by side.
    betas: [N, E] float32. alpha_codes, beta_codes: [N, bytes] uint8. None where the pack has no such output.
    """

    alphas: NDArray[np.float32]
    codes: Sequence[LocalCodes | None]
    packed: PackedCodes
    centroids: PackedCentroids
    betas: NDArray[np.float32] | None = None
    alpha_codes: NDArray[np.uint8] | None = None
    beta_codes: NDArray[np.uint8] | None = None

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


def stages_of(profile: Profile, gallery: Gallery, parameters: RetrievalParameters) -> tuple[Stage, ...]:
    """The stages that run for `profile`: those that this version and the pack have."""
    if profile is Profile.INSTANT:
        return (Stage.GLOBAL,)
    graph = (Stage.GRAPH,) if parameters.graph.mix > 0 else ()
    local = (Stage.LOCAL,) if gallery.has_codes else ()
    return (Stage.GLOBAL, *graph, *local)


def rankings(
    gallery: Gallery,
    queries: NDArray[np.int64],
    *,
    stages: Sequence[Stage],
    parameters: RetrievalParameters,
    depth: int = LOCAL_DEPTH,
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """For every query its position and the order [N - 1] of all other photos, best first.

    The query takes part in nothing: it leaves the lists of neighbours, and their next neighbours move up. Each
    stage re-ranks its head of the list (`local` the first `depth`); the tail stays in its global order.
    """
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        cosines = gallery.alphas[block] @ gallery.alphas.T
        for query, scores in zip(block, cosines, strict=True):
            asked = Asked(gallery.alphas[query], gallery.codes[query], member=int(query))
            found = ranked(gallery, asked, scores, stages=stages, parameters=parameters, depth=depth)
            yield int(query), found.rows


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A query: alpha [D] float32 and its local codes. member: its place in the gallery, None for a foreign one."""

    alpha: NDArray[np.float32]
    codes: LocalCodes | None
    member: int | None = None


def ranked(
    gallery: Gallery,
    asked: Asked,
    scores: NDArray[np.float32],
    *,
    stages: Sequence[Stage],
    parameters: RetrievalParameters,
    depth: int = LOCAL_DEPTH,
) -> Standing:
    """The whole gallery after `stages`, without the query where it is a member; scores: [N] of `global`."""
    order = descending(scores)
    if asked.member is not None:
        order = order[order != asked.member]
    standing = Standing.first(order, scores[order])
    if Stage.GRAPH in stages:
        smooth = graph_scores(gallery, asked, standing.rows[:GRAPH_DEPTH], parameters.graph)
        standing = standing.with_graph(smooth, parameters.graph)
    if Stage.LOCAL in stages and asked.codes is not None:
        local = match_scores(gallery, asked.codes, standing.rows[:depth], parameters)
        standing = standing.with_local(local, parameters.fusion)
    return standing


def graph_scores(
    gallery: Gallery, asked: Asked, candidates: NDArray[np.int64], parameters: GraphParameters
) -> NDArray[np.float32]:
    """[M] float32 cosines of the query with the smoothed descriptors of the photos `candidates`."""
    indices = gallery.graph.indices[candidates]
    gone = np.zeros(indices.shape, np.bool_) if asked.member is None else indices == asked.member
    near, cosines = near_rows(indices, gallery.graph.cosines[candidates], gone=gone)
    own = gallery.alphas[candidates]
    return smoothed_cosines(asked.alpha, own, gallery.alphas, near, cosines, parameters)


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
