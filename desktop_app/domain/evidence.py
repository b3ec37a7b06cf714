"""Why two pictures match: relevance, co-attention, evidence maps and matched patch pairs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.outline import Outline

Map = NDArray[np.float32]


class EvidenceSource(StrEnum):
    """Which method made the evidence."""

    LOCAL = "local"
    INDICATIVE = "indicative"


class Strength(StrEnum):
    """How strong a link is, in words; thresholds come from matching and non-matching pairs in the pack."""

    STRONG = "strong"
    MEDIUM = "medium"
    WEAK = "weak"


@dataclass(frozen=True, slots=True)
class PatchLink:
    """A matched pair of patches: their cells, their pixels in each oriented picture, score 0..1."""

    query_cell: Cell
    result_cell: Cell
    query: Region
    result: Region
    score: float
    strength: Strength


@dataclass(frozen=True, slots=True, eq=False)
class CoAttention:
    """Maps in [0, 1] on a fixed scale, never stretched per picture: `query` [hq, wq], `result` [hr, wr]."""

    query: Map
    result: Map


@dataclass(frozen=True, slots=True, eq=False)
class MatchEvidence:
    """Everything the evidence page shows for one pair.

    relevance: 0..1. p: map on the result, q: map on the query (S1 eq. 4; relevance x sum / largest sum),
    both [rows, columns] in [0, 1] and near zero where nothing matches. `query_box` and `result_box` are the
    pixels the maps cover; where there is a `query_outline`, nothing of the query outside it counts. `links` is
    empty when nothing matches, else strongest first.
    """

    relevance: float
    source: EvidenceSource
    coattention: CoAttention
    p: Map
    q: Map
    links: tuple[PatchLink, ...]
    words: str
    query_grid: Grid
    result_grid: Grid
    query_box: Region
    result_box: Region
    query_outline: Outline | None = None
