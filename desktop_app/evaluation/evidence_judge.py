"""What one pair's evidence is worth: asks every source of a pack as `indicium explain` does, and measures it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.evidence import EvidenceSource
from desktop_app.domain.geometry import Grid
from desktop_app.domain.query import PixelPicture, QueryItem
from desktop_app.evaluation.composites import Rgb
from desktop_app.evaluation.evidence_measures import (
    FINE_THRESHOLDS,
    THRESHOLDS,
    Map,
    Mask,
    curve_area,
    inside_over_outside,
    ious,
    pointing_hit,
    removal_order,
    right_links,
    upsampled,
)
from desktop_app.evaluation.evidence_pairs import EvidencePair
from desktop_app.evaluation.views import correct_pairs
from desktop_app.retrieval.pairs import cosine_matrix
from desktop_app.retrieval.parameters import RelevanceParameters
from desktop_app.services.embedded_query import EmbeddedItem, QueryEmbedder
from desktop_app.services.engine import Engine
from desktop_app.services.explain import attention_sources, evidence_sources, pair_evidence

SHOWN = 0.5  # relevance, or height of an attention map, above which something is shown as a match
CURVE_STEPS = 10  # parts in which a picture is deleted and inserted
_CERTAIN = 60.0  # the relevance logistic's bias at which every pair is a match
_BLUR = 0.08  # of the long side: how strongly the deleted part is blurred


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The measures of one pair and source; None where the pair has no such truth or the source says nothing of it.

    shown: whether a match is claimed. ious, fine: intersection over union at THRESHOLDS and FINE_THRESHOLDS; iou:
    at the one threshold of the source. hit: pointing game; hit_known: the same where relevance is not asked, as if
    the pair were known to match. upright: higher inside the region than outside. chance: the region's share of the
    picture. links: per link, strongest first, whether it is right.
    """

    shown: bool
    ious: NDArray[np.float64] | None = None
    iou: float | None = None
    fine: NDArray[np.float64] | None = None
    hit: bool | None = None
    hit_known: bool | None = None
    upright: bool | None = None
    chance: float | None = None
    links: Mask | None = None
    deletion: float | None = None
    insertion: float | None = None


class PairJudge:
    """Explains and measures pairs with one pack."""

    def __init__(self, engine: Engine, thresholds: Mapping[str, float] | None = None) -> None:
        """thresholds: of the maps, by source; missing ones are those of the pack, where it has any."""
        self._engine = engine
        certain = RelevanceParameters(weights={}, bias=_CERTAIN)
        trusting = replace(engine.parameters, relevance=certain)
        self._trusting = replace(engine, parameters=trusting, indicative=None)  # whose relevance would join in
        self._thresholds = {**engine.parameters.map_thresholds, **(thresholds or {})}
        self._embedder = QueryEmbedder(None)
        self.sources: tuple[str, ...] = tuple(source.value for source in evidence_sources(engine))
        self.attentions: tuple[str, ...] = tuple(attention_sources(engine))

    def threshold(self, source: str) -> float | None:
        """From which height a map of this source counts as evidence; None where nobody has chosen one."""
        return self._thresholds.get(source)

    def judge(self, pair: EvidencePair, *, curves: bool = False) -> dict[str, Judged]:
        """The measures of each source, by its name: evidence sources ("local", "indicative") by their map P and
        their links, co-attention ("clusters", "canet") by its map on the result.

        curves: also delete and insert the result in the order of the map, which takes some twenty embeddings.
        """
        asked = self._embedder.embed(QueryItem(PixelPicture(pair.query), region=pair.region), self._engine)
        answered = self._embed(pair.result)
        judged = {}
        for name in self.sources:
            found = pair_evidence(asked, answered, self._engine, source=EvidenceSource(name))
            shown = bool(found.links) or found.relevance > SHOWN
            links = None
            if pair.to_result is not None:
                links = right_links(found.links, pair.to_result, found.query_grid, found.result_grid)
            known = None
            if name == EvidenceSource.LOCAL:
                known = pair_evidence(asked, answered, self._trusting, source=EvidenceSource.LOCAL).p
            judged[name] = self._judged(
                name, pair, asked, found.p, known=known, shown=shown, links=links, curves=curves
            )
        for name in self.attentions:
            found = pair_evidence(asked, answered, self._engine, source=EvidenceSource.LOCAL, attention=name)
            map_ = found.coattention.result
            shown = float(map_.max(initial=0.0)) > SHOWN
            trusted = pair_evidence(asked, answered, self._trusting, source=EvidenceSource.LOCAL, attention=name)
            judged[name] = self._judged(
                name,
                pair,
                asked,
                map_,
                known=trusted.coattention.result,
                shown=shown,
                links=None,
                curves=curves,
            )
        return judged

    def transfer(self, pair: EvidencePair) -> tuple[int, int] | None:
        """How many cells of the query find their place in the result, and how many could: the result's cell of the
        highest cosine lies within 1.5 cells of where the homography sends the middle of the query's cell.

        None without a homography or without local features.
        """
        asked = self._embedder.embed(QueryItem(PixelPicture(pair.query), region=pair.region), self._engine)
        query, result = asked.embedding.local_features, self._embed(pair.result).embedding.local_features
        if pair.to_result is None or query is None or result is None:
            return None
        grids = Grid(*query.shape[:2]), Grid(*result.shape[:2])
        cells = findable_cells(pair, grids[0])
        best = cosine_matrix(query, result).argmax(axis=1)[cells]
        right = correct_pairs(cells, best, to_original=pair.to_result, view_grid=grids[0], original_grid=grids[1])
        return int(right.sum()), len(cells)

    def _judged(
        self,
        source: str,
        pair: EvidencePair,
        asked: EmbeddedItem,
        map_: Map,
        *,
        known: Map | None,
        shown: bool,
        links: Mask | None,
        curves: bool,
    ) -> Judged:
        if pair.mask is None:
            return Judged(shown=shown)
        threshold = self.threshold(source)
        deletion, insertion = self._curves(pair.result, asked, map_) if curves else (None, None)
        return Judged(
            shown=shown,
            ious=ious(map_, pair.mask, THRESHOLDS),
            iou=None if threshold is None else float(ious(map_, pair.mask, [threshold])[0]),
            fine=ious(map_, pair.mask, FINE_THRESHOLDS),
            hit=pointing_hit(map_, pair.mask),
            hit_known=None if known is None else pointing_hit(known, pair.mask),
            upright=inside_over_outside(map_, pair.mask),
            chance=float(pair.mask.mean()),
            links=links,
            deletion=deletion,
            insertion=insertion,
        )

    def _curves(self, result: Rgb, asked: EmbeddedItem, map_: Map) -> tuple[float, float]:
        """Areas of the pair's relevance while the map's highest cells are blurred first, and while they are the
        first to come back into the blurred picture (RISE, on the score of the pair)."""
        blurred = _blurred(result)
        order, steps = removal_order(map_), np.linspace(0, map_.size, CURVE_STEPS + 1).round().astype(int)
        deletion, insertion = [], []
        for step in steps:
            chosen = np.zeros(map_.size, dtype=np.float32)
            chosen[order[:step]] = 1.0
            mask = upsampled(chosen.reshape(map_.shape), *result.shape[:2])[..., None] > 0
            deletion.append(self._relevance(asked, np.where(mask, blurred, result)))
            insertion.append(self._relevance(asked, np.where(mask, result, blurred)))
        return curve_area(deletion), curve_area(insertion)

    def _relevance(self, asked: EmbeddedItem, result: Rgb) -> float:
        """The score of a pair, the same for all sources: the relevance by the local match."""
        return pair_evidence(asked, self._embed(result), self._engine, source=EvidenceSource.LOCAL).relevance

    def _embed(self, rgb: Rgb) -> EmbeddedItem:
        return self._embedder.embed(QueryItem(PixelPicture(rgb)), self._engine)


def findable_cells(pair: EvidencePair, grid: Grid) -> NDArray[np.int64]:
    """The query's cells, row-major, whose middle shows what is in the result as well."""
    cells = np.arange(grid.rows * grid.columns)
    if pair.query_mask is None:
        return cells
    rows, columns = np.divmod(cells, grid.columns)
    height, width = pair.query_mask.shape
    y = ((rows + 0.5) * height / grid.rows).astype(np.int64)
    x = ((columns + 0.5) * width / grid.columns).astype(np.int64)
    return np.asarray(cells[pair.query_mask[y, x]])


def _blurred(rgb: Rgb) -> Rgb:
    sigma = max(2.0, _BLUR * max(rgb.shape[:2]))
    small = max(1, int(sigma / 2))
    size = max(1, rgb.shape[1] // small), max(1, rgb.shape[0] // small)
    reduced = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(reduced, (0, 0), sigma / small, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(
        cv2.resize(soft, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR), dtype=np.uint8
    )


def share(values: Sequence[bool | float | None]) -> float | None:
    """The mean of what is known; None when nothing is."""
    known = [float(value) for value in values if value is not None]
    return float(np.mean(known)) if known else None
