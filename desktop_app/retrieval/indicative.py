"""Indicative matching (S1): what goes into the network of a pack, and evidence from what comes out.

The network compares a rigid 14 x 14 grid of either picture and gives the relevance of the pair and M*, which says
of every pair of patches how much it contributed. S1 eq. 4 decodes it: P(i,j) = sum_kl M*(i,j,k,l) belongs to the
result, Q(k,l) = sum_ij M*(i,j,k,l) to the query. As for local evidence, P = relevance x sum / largest sum and zero
below a relevance of 0.5 [ours]: S1 stretches every map, which makes "no match" look hot.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import PackError
from desktop_app.domain.evidence import EvidenceSource, MatchEvidence, PatchLink, Strength
from desktop_app.domain.geometry import Grid
from desktop_app.retrieval.evidence_words import evidence_words
from desktop_app.retrieval.pooling import l2_normalise
from desktop_app.retrieval.relevance import bounded, log_odds

Float = NDArray[np.float32]

GRID = Grid(14, 14)
CELLS = GRID.rows * GRID.columns
PATCH = 16
"""Pixels of a side of a patch: pictures come as 224 x 224."""
FLOOR = 0.1
"""Least weight of a query patch under feedback [ours]."""


RELEVANT = 0.5
"""Below this relevance no evidence is shown (S1)."""


@dataclass(frozen=True, slots=True)
class IndicativeParameters:
    """What a pack's manifest says about its indicative network (section "indicative"), learnt on TRAIN pairs.

    evidence: whether its maps and links are shown rather than those of the local match. judges: whether its
    relevance is also that of local evidence. network, local, bias: relevance = logistic(bias + network x logit of
    the network + local x logit of the local relevance). link_least, link_medium, link_strong: values of M* from
    which a pair of patches is a link and is called so.
    """

    evidence: bool = False
    judges: bool = False
    network: float = 1.0
    local: float = 0.0
    bias: float = 0.0
    link_least: float = 0.0
    link_medium: float = 0.5
    link_strong: float = 0.7
    limit: int = 12

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, object]) -> IndicativeParameters:
        """Raises PackError for a value of the wrong kind; what is missing takes its default."""
        section = manifest.get("indicative")
        if not isinstance(section, Mapping):
            return cls()
        default = cls()
        return cls(
            evidence=section.get("evidence") is True,
            judges=section.get("judges") is True,
            network=_number(section, "network", default.network),
            local=_number(section, "local", default.local),
            bias=_number(section, "bias", default.bias),
            link_least=_number(section, "link_least", default.link_least),
            link_medium=_number(section, "link_medium", default.link_medium),
            link_strong=_number(section, "link_strong", default.link_strong),
        )

    def relevance(self, logit: float, local: float) -> float:
        """The relevance of a pair, 0..1, from the network's logit and the local relevance (0..1)."""
        raw = self.bias + self.network * bounded(logit) + self.local * log_odds(local)
        return 1.0 / (1.0 + math.exp(-bounded(raw)))

    def strength(self, score: float) -> Strength:
        """What a link of this M* is called."""
        if score >= self.link_strong:
            return Strength.STRONG
        return Strength.MEDIUM if score >= self.link_medium else Strength.WEAK


@dataclass(frozen=True, slots=True, eq=False)
class IndicativeOutput:
    """What the network says of one pair.

    logit: of the relevance. matching: M*, [196, 196] float32 in 0..1, rows are the result's patches and columns
    the query's, row-major.
    """

    logit: float
    matching: Float

    def p_sum(self) -> Float:
        """P of S1 eq. 4 before scaling: [14, 14], on the result."""
        return np.asarray(self.matching.sum(axis=1).reshape(GRID.rows, GRID.columns), dtype=np.float32)

    def q_sum(self) -> Float:
        """Q of S1 eq. 4 before scaling: [14, 14], on the query."""
        return np.asarray(self.matching.sum(axis=0).reshape(GRID.rows, GRID.columns), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class FoundLinks:
    """The strongest pairs of patches: row-major cells, [n] int64 each, and M* there, [n] float32, falling."""

    result: NDArray[np.int64]
    query: NDArray[np.int64]
    score: Float


def indicative_evidence(
    local: MatchEvidence, output: IndicativeOutput, parameters: IndicativeParameters, *, region: bool
) -> MatchEvidence:
    """The evidence of the network for a pair of which `local` is the evidence so far: P, Q, links and words are
    replaced, relevance and co-attention stay. Nothing is shown below a relevance of 0.5.

    region: the query is a region of a picture, for the words.
    """
    shown = local.relevance >= RELEVANT and float(output.matching.max()) > 0
    relevant = local.relevance if shown else 0.0
    links = _links(local, output, parameters) if shown else ()
    words = evidence_words(links, relevance=local.relevance, query_grid=GRID, result_grid=GRID, region=region)
    return replace(
        local,
        source=EvidenceSource.INDICATIVE,
        p=_on_fixed_scale(output.p_sum(), relevant),
        q=_on_fixed_scale(output.q_sum(), relevant),
        links=links,
        words=words if shown else local.words,
        query_grid=GRID,
        result_grid=GRID,
    )


def _links(
    local: MatchEvidence, output: IndicativeOutput, parameters: IndicativeParameters
) -> tuple[PatchLink, ...]:
    found = find_links(output.matching, limit=parameters.limit, least=parameters.link_least)
    links = []
    for result, query, score in zip(found.result, found.query, found.score, strict=True):
        query_cell, result_cell = GRID.cell_by_index(int(query)), GRID.cell_by_index(int(result))
        links.append(
            PatchLink(
                query_cell=query_cell,
                result_cell=result_cell,
                query=GRID.cell_region(query_cell, local.query_box),
                result=GRID.cell_region(result_cell, local.result_box),
                score=min(1.0, float(score)),
                strength=parameters.strength(float(score)),
            )
        )
    return tuple(links)


def _on_fixed_scale(sums: Float, relevance: float) -> Float:
    """relevance x sum / largest sum."""
    return np.asarray(relevance * sums / max(float(sums.max()), 1e-9), dtype=np.float32)


def _number(section: Mapping[str, object], key: str, default: float) -> float:
    value = section.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PackError(
            f"the manifest of the pack has {value!r} where '{key}' of 'indicative' should be a number",
            remedy="Install the pack again",
        )
    return float(value)


def square_pixels(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The whole picture as [224, 224, 3] uint8. Its proportions change, so a patch covers the same share of it
    that a cell of the maps covers."""
    side = GRID.rows * PATCH
    shrinks = min(rgb.shape[:2]) > side
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (side, side), interpolation=method), dtype=np.uint8)


def square_features(features: Float) -> Float:
    """Local features [h, w, D] of a whole picture on the 14 x 14 grid: [14, 14, D] float32, L2-normalised per
    cell."""
    rows, columns = _resampling(features.shape[0]), _resampling(features.shape[1])
    resampled = np.einsum("ih,jw,hwd->ijd", rows, columns, features, optimize=True)
    return l2_normalise(resampled.astype(np.float32))


def find_links(matching: Float, *, limit: int, least: float = 0.0, radius: int = 1) -> FoundLinks:
    """The largest entries of M* with 4-D non-maximum suppression: at most `limit`, none below `least`.

    A pair is left out when a stronger one lies within `radius` cells of it in all four directions.
    """
    left = matching.reshape(GRID.rows, GRID.columns, GRID.rows, GRID.columns).copy()
    found: list[tuple[int, float]] = []
    while len(found) < limit:
        at = int(left.argmax())
        score = float(left.ravel()[at])
        if score <= 0.0 or score < least:
            break
        found.append((at, score))
        place = np.unravel_index(at, left.shape)
        around = tuple(slice(max(0, int(v) - radius), int(v) + radius + 1) for v in place)
        left[around] = -1.0
    flat = np.array([at for at, _ in found], dtype=np.int64)
    result, query = np.divmod(flat, CELLS)
    return FoundLinks(result, query, np.array([score for _, score in found], dtype=np.float32))


def feedback_mask(q_maps: Sequence[Float], *, form: str = "average", floor: float = FLOOR) -> Float:
    """S1 eq. 10: the Q of the first n results as one mask over the query, [14, 14] in floor..1.

    form: "average" or "maximum", element by element. Q*/max Q* multiplies the tensor along the query's patches
    [ours]; the floor keeps every patch a little. Without any map (or with maps of zeros) the mask is 1 everywhere.
    Results that the person rejected must not be among them.
    """
    if form not in ("average", "maximum"):
        raise ValueError(f"the form of the feedback is average or maximum, not {form}")
    if not len(q_maps):
        return np.ones((GRID.rows, GRID.columns), dtype=np.float32)
    stacked = np.stack(q_maps)
    pooled = stacked.mean(axis=0) if form == "average" else stacked.max(axis=0)
    largest = float(pooled.max())
    if largest <= 0:
        return np.ones((GRID.rows, GRID.columns), dtype=np.float32)
    return np.asarray(np.maximum(pooled / largest, floor), dtype=np.float32)


def _resampling(size: int, out: int = GRID.rows) -> NDArray[np.float64]:
    """[out, size]: linear interpolation between cell centres, over a wider triangle where cells get fewer."""
    scale = size / out
    centres = (np.arange(out) + 0.5) * scale - 0.5
    reach = max(1.0, scale)
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(size)[None] - centres[:, None]) / reach)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
