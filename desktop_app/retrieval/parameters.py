"""What the stages need to know, as small frozen dataclasses that read a pack's manifest.

Every value has a default, so a pack without a section still works; a value of the wrong kind is a PackError.
The sections and their keys are those of the manifest: `thresholds`, `relevance`, `fusion`, `calibration`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from desktop_app.domain.errors import PackError
from desktop_app.retrieval.close_look import CloseLookParameters, Term
from desktop_app.retrieval.reranking import RerankParameters

Section = Mapping[str, object]

CODES, CENTROIDS = "codes", "centroids"  # what the many-to-many match compares
CLUSTER_COUNTS = (16, 32, 64)  # of clustering co-attention
REGION_INPUTS = ("nearest", "contrast", "whole", "tile")
RELEVANCE_INPUTS = ("global", "local", "links", "link_cosine", "agreement", "coverage")


def _number(section: Section, key: str, default: float) -> float:
    """The finite number under `key`, or `default` when the key is missing or null."""
    value = section.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PackError(
            f"the manifest of the pack has {value!r} where '{key}' should be a number",
            remedy="Install the pack again",
        )
    return float(value)


def _section(section: Section, key: str) -> Section:
    """The object under `key`, empty when it is missing or null."""
    value = section.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise PackError(
            f"the manifest of the pack has {value!r} where '{key}' should be an object",
            remedy="Install the pack again",
        )
    return value


@dataclass(frozen=True, slots=True)
class MatchParameters:
    """The similarity of two codes or centroids in the many-to-many match (S0): u(s) = max(0, s - floor)^power.

    on: what is compared, "codes" (128 bits) or "centroids" (the int8 vectors they stand for: finer, slower).
    """

    floor: float = 0.0
    power: float = 3.0
    on: str = CODES

    @classmethod
    def from_manifest(cls, thresholds: Section) -> MatchParameters:
        return cls(
            floor=_number(thresholds, "local_floor", cls().floor),
            power=_number(thresholds, "local_power", cls().power),
            on=CENTROIDS if thresholds.get("local_on") == CENTROIDS else CODES,
        )


@dataclass(frozen=True, slots=True)
class LinkParameters:
    """When two cells are called a match.

    cosine: least cosine of a mutual-nearest pair. medium, strong: cosines from which a link is called so.
    map_floor: cosine from which a pair of cells adds to the maps P and Q (that of unrelated cells).
    tolerance: how far, in cells, a pair may lie from the common similarity transform. limit: most links shown.
    """

    cosine: float = 0.55
    medium: float = 0.65
    strong: float = 0.78
    map_floor: float = 0.35
    tolerance: float = 1.5
    limit: int = 12

    @classmethod
    def from_manifest(cls, thresholds: Section) -> LinkParameters:
        default = cls()
        cosine = _number(thresholds, "link_cosine", _number(thresholds, "link_weak", default.cosine))
        medium = _number(thresholds, "link_medium", max(cosine, default.medium))
        return cls(
            cosine=cosine,
            medium=medium,
            strong=_number(thresholds, "link_strong", max(medium, default.strong)),
            map_floor=_number(thresholds, "map_floor", min(cosine, default.map_floor)),
        )


@dataclass(frozen=True, slots=True)
class CoAttentionParameters:
    """Clustering co-attention (S0; the values are ours): clusters, selection, threshold tau and power alpha.

    The defaults of tau and alpha are ASMK's. Maps of some backbones are alike everywhere; their packs carry a
    larger tau, measured on views of which it is known what they show.
    """

    clusters: int = 16
    select: int = 200
    tau: float = 0.0
    alpha: float = 3.0
    p: float = 3.0

    @classmethod
    def from_manifest(cls, thresholds: Section) -> CoAttentionParameters:
        default = cls()
        clusters = _number(thresholds, "coattention_clusters", default.clusters)
        if clusters not in CLUSTER_COUNTS:
            raise PackError(
                f"the manifest of the pack asks for {clusters:g} co-attention clusters, not for 16, 32 or 64",
                remedy="Install the pack again",
            )
        return cls(
            clusters=int(clusters),
            tau=_number(thresholds, "coattention_tau", default.tau),
            alpha=_number(thresholds, "coattention_alpha", default.alpha),
        )


@dataclass(frozen=True, slots=True)
class WordThresholds:
    """Calibrated scores (0..1) from which a result is similar, the same thing, almost certainly the same.

    found: the best score below which nothing matches well, however similar; 0 leaves that to the words.
    """

    similar: float = 0.5
    same_thing: float = 0.75
    almost_certain: float = 0.92
    found: float = 0.0

    @classmethod
    def from_manifest(cls, thresholds: Section) -> WordThresholds:
        default = cls()
        similar = _number(thresholds, "similar", default.similar)
        same_thing = max(similar, _number(thresholds, "same_thing", default.same_thing))
        return cls(
            similar=similar,
            same_thing=same_thing,
            almost_certain=max(same_thing, _number(thresholds, "almost_certain", default.almost_certain)),
        )


@dataclass(frozen=True, slots=True)
class Logistic:
    """1 / (1 + exp(-(scale * raw + offset))): a raw score to 0..1. `scale` is positive, so order is kept."""

    scale: float = 10.0
    offset: float = -5.0

    @classmethod
    def from_manifest(cls, section: Section) -> Logistic:
        default = cls()
        kind = section.get("kind", "logistic")
        if kind != "logistic":
            raise PackError(
                f"the manifest of the pack asks for the calibration {kind!r}, unknown to this version",
                remedy="Install a newer version of the application",
            )
        scale = _number(section, "scale", default.scale)
        if scale <= 0:
            raise PackError(
                f"the manifest of the pack has a calibration scale of {scale}; it must be positive",
                remedy="Install the pack again",
            )
        return cls(scale=scale, offset=_number(section, "offset", default.offset))


@dataclass(frozen=True, slots=True)
class RelevanceParameters:
    """Relevance of a pair: a logistic of what was measured between the two pictures, learnt on pairs of photos.

    `weights` by input name: "global" (cosine of descriptors), "local" (many-to-many match), "links"
    (log(1 + number of cell pairs that hold)), "link_cosine" (their mean cosine, 0 without any), "agreement" and
    "coverage" (see `relevance.PairMeasurements`).
    """

    weights: Mapping[str, float] = field(
        default_factory=lambda: {"global": 6.0, "local": 6.0, "links": 1.0, "link_cosine": 2.0}
    )
    bias: float = -6.5

    @classmethod
    def from_manifest(cls, section: Section) -> RelevanceParameters:
        names, values = section.get("inputs"), section.get("weights")
        if names is None or values is None:
            return cls()
        if not isinstance(names, list) or not isinstance(values, list) or len(names) != len(values):
            raise PackError(
                "the manifest of the pack has relevance inputs and weights that do not belong together",
                remedy="Install the pack again",
            )
        unknown = [name for name in names if name not in RELEVANCE_INPUTS]
        if unknown:
            raise PackError(
                f"the manifest of the pack asks for the relevance input {unknown[0]!r}, unknown to this version",
                remedy="Install a newer version of the application",
            )
        numbered: Section = dict(zip(names, values, strict=True))
        return cls(
            weights={name: _number(numbered, name, 0.0) for name in names},
            bias=_number(section, "bias", 0.0),
        )


@dataclass(frozen=True, slots=True)
class FusionParameters:
    """Weights of the stages in the fused raw score, and of negative examples (Rocchio's beta).

    local_floor: match that unrelated photos reach as well; only what is above it counts. rerank: weight of what
    the second model changes; 0, also where no command has chosen one, leaves the stage out. kin: of how the
    candidates support one another (`kinship`), in that stage. evidence: what a close look adds; without terms the
    stage is left out.
    """

    global_: float = 1.0
    local: float = 0.5
    negative: float = 0.4
    local_floor: float = 0.0
    rerank: float = 0.0
    kin: Term = field(default_factory=lambda: Term(0.0))
    evidence: CloseLookParameters = field(default_factory=CloseLookParameters)

    @classmethod
    def from_manifest(cls, section: Section) -> FusionParameters:
        default = cls()
        return cls(
            global_=_number(section, "global", default.global_),
            local=_number(section, "local", default.local),
            negative=_number(section, "negative", default.negative),
            local_floor=_number(section, "local_floor", default.local_floor),
            rerank=max(0.0, _number(section, "rerank", default.rerank)),
            kin=Term.from_manifest(section.get("kin") or {}),
            evidence=CloseLookParameters.from_manifest(section),
        )


@dataclass(frozen=True, slots=True)
class GraphParameters:
    """How the neighbour graph smooths descriptors (SCIENCE.md part C; the values are ours).

    mix: share of the smoothed cosine in the score, 0..1; 0 leaves the stage out. A neighbour of cosine c weighs
    ((c - floor) / (1 - floor))^power, nothing below the floor. copy: cosine to the query from which a photo is
    never lowered.
    """

    mix: float = 0.5
    power: float = 3.0
    floor: float = 0.2
    copy: float = 0.95

    @classmethod
    def from_manifest(cls, section: Section) -> GraphParameters:
        default = cls()
        return cls(
            mix=min(1.0, max(0.0, _number(section, "mix", default.mix))),
            power=max(0.0, _number(section, "power", default.power)),
            floor=min(0.99, _number(section, "floor", default.floor)),
            copy=_number(section, "copy", default.copy),
        )


@dataclass(frozen=True, slots=True)
class RegionParameters:
    """Relevance of a result to a part of a picture: a logistic of what `region_evidence` measures.

    `weights` by input name: "nearest", "contrast", "whole", "tile". A pack without the section has no weights
    and a relevance of zero, so that the relevance of the pair decides alone.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    bias: float = -60.0

    @classmethod
    def from_manifest(cls, section: Section) -> RegionParameters:
        weights = _section(section, "weights")
        unknown = [name for name in weights if name not in REGION_INPUTS]
        if unknown:
            raise PackError(
                f"the manifest of the pack asks for the region input {unknown[0]!r}, unknown to this version",
                remedy="Install a newer version of the application",
            )
        return cls(
            weights={name: _number(weights, name, 0.0) for name in weights},
            bias=_number(section, "bias", cls().bias),
        )


@dataclass(frozen=True, slots=True)
class FeedbackParameters:
    """What marks do to the descriptor of a query (see `feedback.learnt_descriptor`).

    least: marked parts from which a classifier is learnt. learnt: its share of the descriptor, 0..1. strength: the
    classifier's C (the larger, the closer it follows the marks). unwanted: how much all marks of - count, against
    1 for all wanted ones. rejected: Rocchio's beta where all unwanted parts are marks.
    """

    least: int = 3
    learnt: float = 0.15
    strength: float = 1.0
    unwanted: float = 1.0
    rejected: float = 0.1

    @classmethod
    def from_manifest(cls, section: Section) -> FeedbackParameters:
        default = cls()
        return cls(
            least=round(_number(section, "least", default.least)),
            learnt=min(1.0, max(0.0, _number(section, "learnt", default.learnt))),
            strength=max(1e-6, _number(section, "strength", default.strength)),
            unwanted=max(0.0, _number(section, "unwanted", default.unwanted)),
            rejected=max(0.0, _number(section, "rejected", default.rejected)),
        )


LEVELS = ("unrelated", "similar", "found", "same_thing", "almost_certain", "copy")
"""The names of score levels, in the order in which they rise."""


def _levels(section: Section) -> dict[str, dict[str, float]]:
    """Raises PackError for levels that are not numbers or do not rise."""
    levels = {}
    for chain in section:
        numbers = _section(section, chain)
        one = {name: _number(numbers, name, math.nan) for name in ("share", *LEVELS)}
        rising = [one[name] for name in LEVELS]
        if not all(math.isfinite(value) for value in one.values()) or any(a >= b for a, b in pairwise(rising)):
            raise PackError(
                f"the manifest of the pack has score levels for {chain!r} that are no rising numbers",
                remedy="Install the pack again",
            )
        levels[chain] = one
    return levels


@dataclass(frozen=True, slots=True)
class RetrievalParameters:
    """All of the above for one pack.

    `calibration_global` belongs to answers after the stage `global`, `calibration_balanced` to those after
    `local`, where `levels` has nothing of the stages that ran: the score levels (`score_levels.ScoreLevels`) of a
    library of everyday photos, by the names of the stages, joined by "+". `map_thresholds`: by source of evidence
    ("local", "indicative", "clusters", "canet"), the height from which its map counts as evidence, chosen on TRAIN
    composites.
    """

    match: MatchParameters = MatchParameters()
    links: LinkParameters = LinkParameters()
    coattention: CoAttentionParameters = CoAttentionParameters()
    words: WordThresholds = WordThresholds()
    relevance: RelevanceParameters = field(default_factory=RelevanceParameters)
    fusion: FusionParameters = FusionParameters()
    calibration_global: Logistic = Logistic()
    calibration_balanced: Logistic = Logistic()
    levels: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    region: RegionParameters = field(default_factory=RegionParameters)
    map_thresholds: Mapping[str, float] = field(default_factory=dict)
    feedback: FeedbackParameters = FeedbackParameters()
    graph: GraphParameters = GraphParameters()
    rerank: RerankParameters | None = None

    @classmethod
    def from_manifest(cls, manifest: Section) -> RetrievalParameters:
        """Read the manifest's JSON object; sections and keys that are missing take their defaults.

        Raises PackError for a value of the wrong kind.
        """
        thresholds = _section(manifest, "thresholds")
        calibration = _section(manifest, "calibration")
        map_thresholds = _section(manifest, "map_thresholds")
        return cls(
            match=MatchParameters.from_manifest(thresholds),
            links=LinkParameters.from_manifest(thresholds),
            coattention=CoAttentionParameters.from_manifest(thresholds),
            words=WordThresholds.from_manifest(thresholds),
            relevance=RelevanceParameters.from_manifest(_section(manifest, "relevance")),
            fusion=FusionParameters.from_manifest(_section(manifest, "fusion")),
            calibration_global=Logistic.from_manifest(_section(calibration, "global")),
            calibration_balanced=Logistic.from_manifest(_section(calibration, "balanced")),
            levels=_levels(_section(manifest, "levels")),
            region=RegionParameters.from_manifest(_section(manifest, "region")),
            map_thresholds={name: _number(map_thresholds, name, 0.0) for name in map_thresholds},
            feedback=FeedbackParameters.from_manifest(_section(manifest, "feedback")),
            graph=GraphParameters.from_manifest(_section(manifest, "graph")),
            rerank=RerankParameters.from_manifest(_section(manifest, "rerank")),
        )
