"""Fit what a pack's manifest says about scores on photos with known classes (a hold-out of TRAIN classes).

- Link cosines: what strangers' cells reach, and what right links of made views (exact ground truth) have.
- Co-attention: the threshold and power that tell what a view shows of its original from the rest.
- Fusion: the weight, floor and power of the local match with the best mean of mAP and R@1, leave-one-out, sets
  that lose by it counting more.
- Relevance: a logistic on matching pairs (made views, composites) and strangers (random and hard).
- Calibration and words: how often a photo with such a score is of the query's class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from desktop_app.evaluation.fit_evidence import fit_coattention, fit_links, fit_relevance
from desktop_app.evaluation.fit_scores import Searches, fit_calibration, fit_fusion
from desktop_app.evaluation.pair_samples import CalibrationPhoto, ViewPair, nearest_pairs, random_strangers
from desktop_app.retrieval.parameters import RetrievalParameters


@dataclass(frozen=True, slots=True)
class Calibration:
    """The fitted parameters and the figures that describe how good they are on the hold-out."""

    parameters: RetrievalParameters
    figures: dict[str, float]

    def manifest_sections(self) -> dict[str, dict[str, object]]:
        """The objects `thresholds`, `relevance`, `fusion` and `calibration` of the manifest."""
        own = self.parameters
        names = list(own.relevance.weights)
        return {
            "thresholds": {
                "local_floor": own.match.floor,
                "local_power": own.match.power,
                "local_on": own.match.on,
                "map_floor": _short(own.links.map_floor),
                "link_cosine": _short(own.links.cosine),
                "link_medium": _short(own.links.medium),
                "link_strong": _short(own.links.strong),
                "coattention_tau": own.coattention.tau,
                "coattention_alpha": own.coattention.alpha,
                "similar": _short(own.words.similar),
                "same_thing": _short(own.words.same_thing),
                "almost_certain": _short(own.words.almost_certain),
            },
            "relevance": {
                "kind": "logistic",
                "inputs": names,
                "weights": [_short(own.relevance.weights[name]) for name in names],
                "bias": _short(own.relevance.bias),
            },
            "fusion": {
                "global": own.fusion.global_,
                "local": own.fusion.local,
                "negative": own.fusion.negative,
                "local_floor": _short(own.fusion.local_floor),
            },
            "calibration": {
                name: {"kind": "logistic", "scale": _short(curve.scale), "offset": _short(curve.offset)}
                for name, curve in (("global", own.calibration_global), ("balanced", own.calibration_balanced))
            },
        }


def calibrate_pack(
    holdouts: Sequence[Sequence[CalibrationPhoto]],
    views: Sequence[ViewPair],
    *,
    composites: Sequence[ViewPair] = (),
    fusion_holdouts: Sequence[Sequence[CalibrationPhoto]] = (),
    distractors: Sequence[CalibrationPhoto] = (),
    seed: int = 0,
    pairs: int = 600,
    queries: int = 600,
) -> Calibration:
    """Fit everything.

    holdouts: sets of photos with classes (labels need to differ only within a set); each set is a gallery of its
    own and counts the same. fusion_holdouts: further sets that take part in the choice of the fusion only (classes
    that differ in less than what a person would call another thing). distractors: photos that match nothing, added
    to every gallery and to the strangers, as in a library where most photos have nothing to do with the query.
    views: made views of photos. composites: objects (`view`) and the photos they were pasted into (`original`).
    pairs: how many pairs of each kind are measured; queries: how many photos of each
    set ask. Deterministic for a seed.
    Raises ValueError when there are no views or no set has two photos of one class and one of another.
    """
    if not views:
        raise ValueError("no made views were given: links cannot be calibrated without ground truth")
    random = np.random.Generator(np.random.PCG64(seed))
    share = -(-pairs // len(holdouts))
    # A class of its own for every distractor: it is never a query and never a right answer.
    others = [replace(photo, label=-1 - number) for number, photo in enumerate(distractors)]
    strangers = [pair for photos in holdouts for pair in random_strangers([*photos, *others], share, random)]
    nearest = [nearest_pairs(photos, share, random) for photos in holdouts]
    hard = [pair for _, found in nearest for pair in found]
    if not strangers or not any(friends for friends, _ in nearest):
        raise ValueError("calibration needs photos of at least two classes, and two photos of one class")
    same = [(pair.view, pair.original) for pair in (*views, *composites)]

    links, figures = fit_links(strangers, views)
    attention, attention_figures = fit_coattention(views)
    searches = [Searches.of([*photos, *others], queries, seed) for photos in holdouts]
    extra = [Searches.of([*photos, *others], queries, seed) for photos in fusion_holdouts]
    match, fusion, gains = fit_fusion([*searches, *extra])
    fitted, evidence_figures = fit_relevance(same, strangers, hard, links=links, match=match)
    global_curve, _ = fit_calibration(searches, match, replace(fusion, local=0.0))
    balanced_curve, words = fit_calibration(searches, match, fusion)
    parameters = RetrievalParameters(
        match=match,
        links=links,
        coattention=attention,
        words=words,
        relevance=fitted,
        fusion=fusion,
        calibration_global=global_curve,
        calibration_balanced=balanced_curve,
    )
    return Calibration(parameters, {**figures, **attention_figures, **gains, **evidence_figures})


def _short(value: float) -> float:
    """Five significant digits are more than these fits know."""
    return float(f"{value:.5g}")
