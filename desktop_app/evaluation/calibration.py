"""Fit what a pack's manifest says about scores on photos with known classes (a hold-out of TRAIN classes).

- Link cosines: what strangers' cells reach, and what right links of made views (exact ground truth) have.
- Fusion: the weight, floor and power of the local match with the best mean average precision, leave-one-out.
- Relevance: a logistic on matching pairs (made views, nearest of the class) and strangers (random and hard).
- Calibration and words: how often a photo in the first 20 of a search with at least this score was of the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from desktop_app.evaluation.folders import choose_queries
from desktop_app.evaluation.measures import average_precision
from desktop_app.evaluation.pair_samples import (
    CalibrationPhoto,
    Pair,
    ViewPair,
    best_cosines,
    measure,
    mutual_cosines,
    nearest_pairs,
    random_strangers,
    shown_links,
    view_links,
)
from desktop_app.evaluation.ranking import Gallery, content_key, local_scores
from desktop_app.retrieval.calibration import calibrate as to_unit
from desktop_app.retrieval.fusion import LOCAL_DEPTH, descending, rerank
from desktop_app.retrieval.parameters import (
    RELEVANCE_INPUTS,
    FusionParameters,
    LinkParameters,
    Logistic,
    MatchParameters,
    RelevanceParameters,
    RetrievalParameters,
    WordThresholds,
)
from desktop_app.retrieval.relevance import PairMeasurements, relevance

STRANGERS_REACH = {"link": 0.05, "medium": 0.02, "strong": 0.01}  # share of strangers' mutual cells
VIEWS_KEEP = {"link": 0.8, "medium": 0.6, "strong": 0.35}  # share of the right links of made views
FALSE_EVIDENCE = 0.02  # share of random strangers that may be called relevant
WORD_PRECISION = {"similar": 0.5, "same_thing": 0.8, "almost_certain": 0.95}
LOCAL_WEIGHTS = (0.0, 0.15, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
LOCAL_CURVES = ((0.0, 2.0), (0.0, 3.0), (0.0, 4.0), (0.2, 1.0), (0.2, 2.0), (0.2, 3.0))
_FIRST = 20  # results of a search that calibration looks at


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
                "map_floor": _short(own.links.map_floor),
                "link_cosine": _short(own.links.cosine),
                "link_medium": _short(own.links.medium),
                "link_strong": _short(own.links.strong),
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
    seed: int = 0,
    pairs: int = 600,
    queries: int = 600,
) -> Calibration:
    """Fit everything.

    holdouts: sets of photos with classes (labels need to differ only within a set); each set is a gallery of its
    own and counts the same. views: made views of photos. pairs: how many pairs of each kind are measured;
    queries: how many photos of each set ask. Deterministic for a seed. Raises ValueError when there are no views
    or no set has two photos of one class and one of another.
    """
    if not views:
        raise ValueError("no made views were given: links cannot be calibrated without ground truth")
    random = np.random.Generator(np.random.PCG64(seed))
    share = -(-pairs // len(holdouts))
    strangers = [pair for photos in holdouts for pair in random_strangers(photos, share, random)]
    nearest = [nearest_pairs(photos, share, random) for photos in holdouts]
    friends = [pair for found, _ in nearest for pair in found]
    hard = [pair for _, found in nearest for pair in found]
    if not strangers or not friends:
        raise ValueError("calibration needs photos of at least two classes, and two photos of one class")
    same = [(pair.view, pair.original) for pair in views]

    links, figures = fit_links(strangers, views)
    searches = [_Searches.of(photos, queries, seed) for photos in holdouts]
    match, fusion, gains = fit_fusion(searches)
    fitted, evidence_figures = fit_relevance(same + friends, strangers, hard, links=links, match=match)
    global_curve, _ = fit_calibration(searches, match, replace(fusion, local=0.0))
    balanced_curve, words = fit_calibration(searches, match, fusion)
    parameters = RetrievalParameters(
        match=match,
        links=links,
        words=words,
        relevance=fitted,
        fusion=fusion,
        calibration_global=global_curve,
        calibration_balanced=balanced_curve,
    )
    return Calibration(parameters, {**figures, **gains, **evidence_figures})


def fit_links(strangers: Sequence[Pair], views: Sequence[ViewPair]) -> tuple[LinkParameters, dict[str, float]]:
    """The cosines from which cells count as matched, from strangers and from made views.

    Each of the three levels is the cosine that only the share in STRANGERS_REACH of the strangers' mutual cells
    reach, but no more than leaves the share in VIEWS_KEEP of the right links of made views. (Precision on views
    cannot serve: plain sky matches plain sky of another place at the highest cosines.) The maps' floor is what 9
    of 10 strangers' cells stay below.
    """
    wrong = mutual_cosines(strangers)
    found, right = view_links(views)
    levels = {
        name: min(float(np.quantile(wrong, 1.0 - share)), float(np.quantile(found[right], 1.0 - VIEWS_KEEP[name])))
        for name, share in STRANGERS_REACH.items()
    }
    medium = max(levels["link"], levels["medium"])
    parameters = LinkParameters(
        cosine=levels["link"],
        medium=medium,
        strong=max(medium, levels["strong"]),
        map_floor=min(levels["link"], float(np.quantile(best_cosines(strangers), 0.9))),
    )
    per_view, precision = shown_links(views, parameters)
    return parameters, {
        "view_links_per_pair": per_view,
        "view_link_precision": precision,
        "stranger_mutual_cells_per_pair": float((wrong >= parameters.cosine).sum() / len(strangers)),
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Searches:
    """One hold-out set as a gallery, the photos that ask, and for each the order and cosines of the others."""

    gallery: Gallery
    labels: NDArray[np.int64]
    queries: NDArray[np.int64]
    orders: list[NDArray[np.int64]]
    cosines: list[NDArray[np.float32]]

    @classmethod
    def of(cls, photos: Sequence[CalibrationPhoto], queries: int, seed: int) -> _Searches:
        features = [photo.features() for photo in photos]
        by_content = sorted(range(len(photos)), key=lambda row: content_key(features[row]))
        gallery = Gallery.of([features[row] for row in by_content])
        labels = np.array([photos[row].label for row in by_content], dtype=np.int64)
        chosen = choose_queries(labels, queries, seed)
        orders, cosines = [], []
        for query in chosen:
            scores = gallery.alphas @ gallery.alphas[query]
            order = descending(scores)
            order = order[order != query]
            orders.append(order)
            cosines.append(scores[order])
        return cls(gallery, labels, chosen, orders, cosines)

    def local(self, match: MatchParameters) -> list[NDArray[np.float32]]:
        """The local scores of the head of every search."""
        parameters = RetrievalParameters(match=match)
        return [
            local_scores(self.gallery, int(query), order[:LOCAL_DEPTH], parameters)
            for query, order in zip(self.queries, self.orders, strict=True)
        ]

    def results(
        self, local: Sequence[NDArray[np.float32]], fusion: FusionParameters
    ) -> list[tuple[NDArray[np.bool_], NDArray[np.float32]]]:
        """For every search: which results, in order, are of the query's class, and the raw scores of the head."""
        outcome = []
        for query, order, cosines, scores in zip(self.queries, self.orders, self.cosines, local, strict=True):
            new_order, raw = rerank(cosines, scores, fusion)
            outcome.append((self.labels[order[new_order]] == self.labels[query], raw))
        return outcome


def fit_fusion(
    searches: Sequence[_Searches],
) -> tuple[MatchParameters, FusionParameters, dict[str, float]]:
    """The local match's curve and weight with the best mAP, the mean over the sets of photos."""
    best = (-1.0, MatchParameters(), FusionParameters())
    plain = 0.0
    for floor, power in LOCAL_CURVES:
        match = MatchParameters(floor=floor, power=power)
        local = [search.local(match) for search in searches]
        for weight in LOCAL_WEIGHTS:
            fusion = FusionParameters(global_=1.0, local=weight)
            per_set = [
                np.mean([average_precision(relevant) for relevant, _ in search.results(scores, fusion)])
                for search, scores in zip(searches, local, strict=True)
                if len(search.queries)
            ]
            mean = float(np.mean(per_set))
            if weight == 0.0:
                plain = mean
            if mean > best[0]:
                best = (mean, match, fusion)
    return best[1], best[2], {"holdout_instant_mAP": plain, "holdout_balanced_mAP": best[0]}


def fit_relevance(
    matching: Sequence[Pair],
    strangers: Sequence[Pair],
    hard: Sequence[Pair],
    *,
    links: LinkParameters,
    match: MatchParameters,
) -> tuple[RelevanceParameters, dict[str, float]]:
    """The relevance logistic; its bias is lowered until at most FALSE_EVIDENCE of random strangers pass 0.5."""
    positive, negative, near = (
        [measure(pair, links=links, match=match) for pair in pairs] for pairs in (matching, strangers, hard)
    )
    samples = positive + negative + near
    truth = np.array([True] * len(positive) + [False] * (len(negative) + len(near)))
    parameters = fit_logistic(samples, truth)
    stranger_raw = np.array([_raw(sample, parameters) for sample in negative])
    bias = parameters.bias - max(0.0, float(np.quantile(stranger_raw, 1.0 - FALSE_EVIDENCE)) + 1e-6)
    parameters = replace(parameters, bias=bias)
    relevant = [np.mean([relevance(s, parameters) >= 0.5 for s in group]) for group in (positive, negative, near)]
    return parameters, {
        "relevant_matching": float(relevant[0]),
        "relevant_strangers": float(relevant[1]),
        "relevant_hard_strangers": float(relevant[2]),
    }


def fit_logistic(samples: Sequence[PairMeasurements], truth: NDArray[np.bool_]) -> RelevanceParameters:
    """A logistic regression, classes balanced, whose weights are not negative.

    More of any measurement must never make a pair less relevant, so inputs that come out negative are left out.
    """
    table = np.array([[sample.inputs()[name] for name in RELEVANCE_INPUTS] for sample in samples])
    names = list(RELEVANCE_INPUTS)
    while True:
        columns = table[:, [RELEVANCE_INPUTS.index(name) for name in names]]
        mean, spread = columns.mean(axis=0), np.maximum(columns.std(axis=0), 1e-6)
        model = LogisticRegression(class_weight="balanced", max_iter=1000)
        model.fit((columns - mean) / spread, truth)
        weights = model.coef_[0] / spread
        if (weights >= 0).all() or len(names) == 1:
            break
        names.pop(int(np.argmin(model.coef_[0])))
    bias = float(model.intercept_[0] - weights @ mean)
    return RelevanceParameters(
        weights={name: max(0.0, float(weight)) for name, weight in zip(names, weights, strict=True)}, bias=bias
    )


def fit_calibration(
    searches: Sequence[_Searches], match: MatchParameters, fusion: FusionParameters
) -> tuple[Logistic, WordThresholds]:
    """Raw score to the probability that a photo among the first 20 is of the query's class, and the scores from
    which that holds with the precisions in WORD_PRECISION. Every set of photos counts the same."""
    raw_parts, truth_parts, weight_parts = [], [], []
    for search in searches:
        results = search.results(search.local(match), fusion)
        if not results:
            continue
        raw = np.concatenate([scores[:_FIRST] for _, scores in results])
        raw_parts.append(raw)
        truth_parts.append(np.concatenate([relevant[: len(scores[:_FIRST])] for relevant, scores in results]))
        weight_parts.append(np.full(len(raw), 1.0 / len(raw)))
    raw, truth = np.concatenate(raw_parts), np.concatenate(truth_parts)
    weights = np.concatenate(weight_parts)
    curve = fit_curve(raw, truth, weights)
    scores = to_unit(raw, curve)
    levels = {
        word: threshold_for(scores, truth, precision, weights=weights)
        for word, precision in WORD_PRECISION.items()
    }
    similar = levels["similar"]
    same_thing = max(similar, levels["same_thing"])
    return curve, WordThresholds(similar, same_thing, max(same_thing, levels["almost_certain"]))


def fit_curve(raw: NDArray[np.float32], truth: NDArray[np.bool_], weights: NDArray[np.float64]) -> Logistic:
    """A logistic of one variable; when all pairs match or none does, one centred on the median score."""
    middle, spread = float(np.median(raw)), max(float(raw.std()), 1e-6)
    if truth.all() or not truth.any():
        return Logistic(scale=1.0 / spread, offset=-middle / spread)
    model = LogisticRegression(C=1e4, max_iter=1000)
    model.fit(((raw - middle) / spread)[:, None], truth, sample_weight=weights * len(weights) / weights.sum())
    slope = max(float(model.coef_[0, 0]), 1e-3)
    return Logistic(scale=slope / spread, offset=float(model.intercept_[0]) - slope * middle / spread)


def threshold_for(
    scores: NDArray[np.floating],
    truth: NDArray[np.bool_],
    precision: float,
    *,
    weights: NDArray[np.float64] | None = None,
) -> float:
    """The lowest score from which on at least `precision` of the (weighted) pairs are true.

    When no score reaches it, the one with the best precision (the lowest of several).
    """
    order = np.argsort(-scores, kind="stable")
    share = np.ones(len(scores)) if weights is None else weights
    reached = np.cumsum((share * truth)[order]) / np.cumsum(share[order])
    falling = scores[order]
    last_of_ties = np.append(falling[1:] != falling[:-1], True)
    good = np.flatnonzero(last_of_ties & (reached >= precision))
    if len(good):
        return float(falling[good[-1]])
    candidates = np.flatnonzero(last_of_ties)
    best = reached[candidates].max()
    return float(falling[candidates[reached[candidates] >= best - 1e-12][-1]])


def _raw(sample: PairMeasurements, parameters: RelevanceParameters) -> float:
    inputs = sample.inputs()
    return parameters.bias + sum(weight * inputs[name] for name, weight in parameters.weights.items())


def _short(value: float) -> float:
    """Five significant digits are more than these fits know."""
    return float(f"{value:.5g}")
