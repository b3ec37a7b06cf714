"""Fit how stages are fused and what a score means, on searches among photos with known classes, leave-one-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from desktop_app.evaluation.folders import choose_queries
from desktop_app.evaluation.measures import average_precision, recall_at
from desktop_app.evaluation.pair_samples import CalibrationPhoto
from desktop_app.evaluation.ranking import Gallery, content_key, local_scores
from desktop_app.retrieval.calibration import calibrate
from desktop_app.retrieval.fusion import LOCAL_DEPTH, descending, rerank
from desktop_app.retrieval.parameters import (
    CENTROIDS,
    FusionParameters,
    Logistic,
    MatchParameters,
    RetrievalParameters,
    WordThresholds,
)

WORD_PRECISION = {"similar": 0.5, "same_thing": 0.8}
NOT_THERE = 0.01  # share of searches in which another class may come as near as "almost certain"
INDIFFERENT = 0.001  # of the mean of mAP and R@1
LOSS_COUNTS = 2.0  # how often what a set loses by the local match counts, against what another gains
LOCAL_FLOORS = (None, 0.9)  # no floor, or what so many candidates stay below
LOCAL_WEIGHTS = (0.2, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
LOCAL_CURVES = (
    MatchParameters(power=3.0),
    MatchParameters(power=6.0),
    MatchParameters(power=3.0, on=CENTROIDS),
    MatchParameters(power=6.0, on=CENTROIDS),
    MatchParameters(power=10.0, on=CENTROIDS),
)


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """One hold-out set as a gallery, the photos that ask, and for each the order and cosines of the others."""

    gallery: Gallery
    labels: NDArray[np.int64]
    queries: NDArray[np.int64]
    orders: list[NDArray[np.int64]]
    cosines: list[NDArray[np.float32]]

    @classmethod
    def of(cls, photos: Sequence[CalibrationPhoto], queries: int, seed: int) -> Searches:
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

    def figures(
        self, local: Sequence[NDArray[np.float32]] | None, fusion: FusionParameters
    ) -> NDArray[np.float64]:
        """mAP and R@1 [2] over all searches. local: as `local` gives it; None leaves that stage out."""
        if local is None:
            local = [np.zeros(0, dtype=np.float32)] * len(self.queries)
        found = [_ap_and_first(relevant) for relevant, _ in self.results(local, fusion)]
        return np.asarray(np.mean(found, axis=0))


def fit_fusion(
    searches: Sequence[Searches],
) -> tuple[MatchParameters, FusionParameters, dict[str, float]]:
    """The local match's curve, weight and floor with the best mean of mAP and R@1, averaged over the sets;
    what a set loses counts LOSS_COUNTS times, so that no kind of photo pays for another.

    R@1 takes part because re-ranking is there for the head of the list: mAP alone is ruled by the tail. A local
    weight is kept when it costs less than INDIFFERENT: hold-outs favour the descriptor, which was taught on photos
    like theirs.
    """
    searches = [search for search in searches if len(search.queries)]
    plain = np.array([search.figures(None, FusionParameters(local=0.0)) for search in searches])
    best = -np.inf
    figures, chosen = plain, (MatchParameters(), FusionParameters(global_=1.0, local=0.0))
    for match in LOCAL_CURVES:
        local = [search.local(match) for search in searches]
        for quantile in LOCAL_FLOORS:
            floor = 0.0
            if quantile is not None:
                floor = float(np.median([np.quantile(np.concatenate(scores), quantile) for scores in local]))
            for weight in LOCAL_WEIGHTS:
                fusion = FusionParameters(global_=1.0, local=weight, local_floor=floor)
                found = np.array(
                    [search.figures(scores, fusion) for search, scores in zip(searches, local, strict=True)]
                )
                gains = (found - plain).sum(axis=1)
                gain = float(np.where(gains < 0, LOSS_COUNTS * gains, gains).mean())
                if gain > best + 1e-9:
                    best, figures, chosen = gain, found, (match, fusion)
    if best < -2 * INDIFFERENT:
        figures, chosen = plain, (MatchParameters(), FusionParameters(global_=1.0, local=0.0))
    return *chosen, {
        f"holdout_{profile}_{measure}": float(value)
        for profile, table in (("instant", plain), ("balanced", figures))
        for measure, value in zip(("mAP", "R@1"), table.mean(axis=0), strict=True)
    }


def _ap_and_first(relevant: NDArray[np.bool_]) -> tuple[float, float]:
    return average_precision(relevant), recall_at(relevant, 1)


def fit_calibration(
    searches: Sequence[Searches], match: MatchParameters, fusion: FusionParameters
) -> tuple[Logistic, WordThresholds]:
    """The curve from raw scores to 0..1, and the scores from which the words hold.

    The curve is the probability that a pair is of one class when that is as likely as not; every set counts the
    same. Similar and same thing: the scores from which results have the precisions in WORD_PRECISION, the median
    over the sets, whose classes differ in how fine they are. Almost certain: what the best result of another
    class reaches in no more than NOT_THERE of the searches, in the hardest set; a copy always reaches it.
    """
    raws, truths, weights = [], [], []
    levels: dict[str, list[float]] = {word: [] for word in WORD_PRECISION}
    wrong_levels = []
    for search in searches:
        results = search.results(search.local(match), fusion)
        if not results:
            continue
        raw = np.concatenate([scores for _, scores in results])
        truth = np.concatenate([relevant[: len(scores)] for relevant, scores in results])
        raws.append(raw)
        truths.append(truth)
        weights.append(np.where(truth, 1.0 / max(1, truth.sum()), 1.0 / max(1, (~truth).sum())))
        for word, precision in WORD_PRECISION.items():
            levels[word].append(threshold_for(raw, truth, precision))
        best_wrong = [scores[~relevant[: len(scores)]].max(initial=-np.inf) for relevant, scores in results]
        wrong_levels.append(
            float(np.quantile([score for score in best_wrong if np.isfinite(score)], 1 - NOT_THERE))
        )
    curve = fit_curve(np.concatenate(raws), np.concatenate(truths), np.concatenate(weights))
    copy = 0.98 * (fusion.global_ + fusion.local * (1.0 - fusion.local_floor))
    wanted = [
        float(np.median(levels["similar"])),
        float(np.median(levels["same_thing"])),
        min(copy, max(wrong_levels)),
    ]
    scores = calibrate(np.maximum.accumulate(np.array(wanted, dtype=np.float32)), curve)
    return curve, WordThresholds(*(float(score) for score in scores))


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
