"""Why two pictures match: evidence for a query picture and a result, and the pictures to show it on."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from desktop_app.domain.errors import UnreadableImage, UsageError
from desktop_app.domain.evidence import EvidenceSource, MatchEvidence
from desktop_app.domain.geometry import Grid, Region
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.query import AS_IT_IS, FilePicture, LibraryPicture, PixelPicture, QueryItem
from desktop_app.imaging.decode import decode_full, decode_photo
from desktop_app.imaging.overlay import PagePicture
from desktop_app.imaging.preview import decode_preview
from desktop_app.imaging.sizes import turned
from desktop_app.retrieval.coattention import network_coattention
from desktop_app.retrieval.evidence import RELEVANT, match_evidence
from desktop_app.retrieval.evidence_words import region_words
from desktop_app.retrieval.indicative import GRID as INDICATIVE_GRID
from desktop_app.retrieval.indicative import (
    IndicativeOutput,
    indicative_evidence,
)
from desktop_app.services.embedded_query import EmbeddedItem, QueryEmbedder
from desktop_app.services.engine import Engine, IndicativePart
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.pictures import Pixels, RecentlyUsed, turned_rgb
from desktop_app.services.region_match import region_match

REMEMBERED = 64
CLUSTERS = "clusters"  # the clustering co-attention of S0, which needs no network
CANET = "canet"  # S0's co-attention network


@dataclass(frozen=True, slots=True, eq=False)
class Viewed:
    """A picture to look at: `rgb` [h, w, 3] uint8, oriented; `width` and `height` of the oriented original."""

    rgb: Pixels
    width: int
    height: int

    def on_page(self, title: str = "") -> PagePicture:
        """The picture as evidence is drawn on it, under its title."""
        return PagePicture(self.rgb, title, (self.width, self.height))


class ExplainService:
    """Makes evidence; thread safe. `session` None: only files and pixels can be compared."""

    def __init__(
        self,
        session: LibrarySession | None,
        *,
        engine: Engine | None = None,
        embedder: QueryEmbedder | None = None,
    ) -> None:
        """`engine` is needed without a session; `embedder` shares the embeddings of another service."""
        if session is None and engine is None:
            raise ValueError("without a library an engine must be given")
        self._session = session
        self._engine = engine
        self._embedder = embedder or QueryEmbedder(session)
        self._remembered: RecentlyUsed[MatchEvidence] = RecentlyUsed(REMEMBERED)

    def explain(self, item: QueryItem, result: PhotoRecord | Path) -> MatchEvidence:
        """The evidence for `item` against a photo of the library or a file.

        Boxes are in pixels of the oriented originals. A result whose original is away is read from its preview.
        Raises UnreadableImage, UsageError, PackError or DeviceError.
        """
        engine = self._engine or self._needed_session().search_engine()
        asked = self._embedder.embed(item, engine)
        answered = self._embedder.embed(QueryItem(_picture_of(result)), engine)
        weights = frozenset(item.cell_weights.items())
        key: Hashable = (engine.digest, asked.key, answered.key, item.grid, weights)
        return self._remembered.get(key, lambda: pair_evidence(asked, answered, engine))

    def query_picture(self, item: QueryItem, *, long_side: int | None = None) -> Viewed:
        """The whole picture of a query item, turned as it asks, also where only a region of it is asked with."""
        viewed = self._as_it_is(item, long_side)
        if item.turn == AS_IT_IS:
            return viewed
        width, height = turned((viewed.width, viewed.height), item.turn.orientation)
        return Viewed(turned_rgb(viewed.rgb, item.turn), width, height)

    def _as_it_is(self, item: QueryItem, long_side: int | None) -> Viewed:
        if isinstance(item.picture, PixelPicture):
            height, width = item.picture.rgb.shape[:2]
            return Viewed(item.picture.rgb, width, height)
        if isinstance(item.picture, LibraryPicture):
            return self.result_picture(self._needed_session().photo(item.picture.id), long_side=long_side)
        return _from_file(item.picture.path, long_side)

    def result_picture(self, photo: PhotoRecord, *, long_side: int | None = None) -> Viewed:
        """The picture of a photo: the original, or its preview while the original is away."""
        try:
            return _from_file(photo.path, long_side)
        except UnreadableImage:
            data = self._needed_session().preview(photo)
            if data is None:
                raise
            return Viewed(decode_preview(data), photo.width, photo.height)

    def _needed_session(self) -> LibrarySession:
        if self._session is None:
            raise ValueError("this needs an open library")
        return self._session


def evidence_sources(engine: Engine) -> tuple[EvidenceSource, ...]:
    """The methods that can make evidence with this pack, the one that is shown first."""
    if engine.indicative is None:
        return (EvidenceSource.LOCAL,)
    shown_first = engine.indicative.parameters.evidence
    both = (EvidenceSource.INDICATIVE, EvidenceSource.LOCAL)
    return both if shown_first else both[::-1]


def attention_sources(engine: Engine) -> tuple[str, ...]:
    """The methods that can make co-attention with this pack, the one that is shown first."""
    return (CLUSTERS,) if engine.attention is None else (CANET, CLUSTERS)


def pair_evidence(
    asked: EmbeddedItem,
    answered: EmbeddedItem,
    engine: Engine,
    *,
    source: EvidenceSource | None = None,
    attention: str | None = None,
) -> MatchEvidence:
    """The evidence for one pair of embedded pictures, as `ExplainService.explain` gives it.

    source, attention: one of `evidence_sources` and `attention_sources`; None is the one that is shown.
    Raises UsageError for a method that this pack does not have.
    """
    if source is not None and source not in evidence_sources(engine):
        raise UsageError(f"the pack {engine.embedder.pack_name} makes no evidence of the kind '{source.value}'")
    if attention is not None and attention not in attention_sources(engine):
        raise UsageError(f"the pack {engine.embedder.pack_name} makes no co-attention of the kind '{attention}'")
    features = asked.embedding.local_features
    weights = None if features is None else asked.weights_on(Grid(features.shape[0], features.shape[1]))
    chosen = source or evidence_sources(engine)[0]
    part = engine.indicative
    output = None
    if part is not None and (chosen is EvidenceSource.INDICATIVE or part.parameters.judges):
        output = _indicative_output(asked, answered, part)
    judge = None if part is None or output is None else partial(part.parameters.relevance, output.logit)
    region = region_match(asked, answered, engine)
    evidence = match_evidence(
        asked.embedding,
        answered.embedding,
        query_box=asked.pixels.box,
        result_box=Region(0, 0, answered.pixels.width, answered.pixels.height),
        parameters=engine.parameters,
        code_logits=engine.embedder.code_logits,
        query_weights=weights,
        region=asked.pixels.region is not None,
        judge=judge if region is None else partial(_either, judge, region.relevance),
    )
    if asked.pixels.outline is not None:
        evidence = replace(evidence, query_outline=asked.pixels.outline)
    if region is not None:
        shown = evidence.relevance if evidence.relevance >= RELEVANT else 0.0
        words = evidence.words if evidence.links or not shown else region_words(region.p, shown)
        evidence = replace(evidence, p=np.float32(shown) * region.p, words=words)
    if (attention or attention_sources(engine)[0]) == CANET:
        evidence = _with_network_attention(evidence, asked, answered, engine)
    if part is None or output is None or chosen is not EvidenceSource.INDICATIVE:
        return evidence
    return indicative_evidence(evidence, output, part.parameters, region=asked.pixels.region is not None)


def _with_network_attention(
    evidence: MatchEvidence, asked: EmbeddedItem, answered: EmbeddedItem, engine: Engine
) -> MatchEvidence:
    """The evidence with the co-attention of the pack's network in place of that of the clusters."""
    query_map, result_map = asked.embedding.local_map, answered.embedding.local_map
    if engine.attention is None or query_map is None or result_map is None:
        return evidence
    weights = asked.weights_on(Grid(query_map.shape[1], query_map.shape[2]))
    made = network_coattention(
        query_map, result_map, engine.attention.attend, query_weights=weights, relevance=evidence.relevance
    )
    return replace(evidence, coattention=made)


def _either(judge: Callable[[float], float] | None, region: float, local: float) -> float:
    """The relevance of a pair of which only a part is asked for: that of the pair, or that of the part."""
    return max(region, local if judge is None else judge(local))


def _indicative_output(asked: EmbeddedItem, answered: EmbeddedItem, part: IndicativePart) -> IndicativeOutput:
    """One run of the indicative network, with the person's weights on the query's patches."""
    pictures = [part.input_of(item.pixels.rgb, item.embedding.local_features) for item in (answered, asked)]
    weights = asked.weights_on(INDICATIVE_GRID)
    if weights is None:
        weights = np.ones((INDICATIVE_GRID.rows, INDICATIVE_GRID.columns), dtype=np.float32)
    logits, matching = part.network.match(pictures[0][None], pictures[1][None], weights[None])
    return IndicativeOutput(logit=float(logits[0]), matching=matching[0])


def _picture_of(result: PhotoRecord | Path) -> LibraryPicture | FilePicture:
    if isinstance(result, PhotoRecord):
        return LibraryPicture(result.id)
    return FilePicture(os.fsencode(result.absolute()))


def _from_file(path: bytes, long_side: int | None) -> Viewed:
    if long_side is not None:
        decoded = decode_photo(path, long_side=long_side, fingerprint=False)
        return Viewed(decoded.rgb, decoded.width, decoded.height)
    rgb = decode_full(path)
    return Viewed(rgb, rgb.shape[1], rgb.shape[0])
