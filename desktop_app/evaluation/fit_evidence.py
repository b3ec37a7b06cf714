"""Fit what evidence is judged by: link cosines, co-attention, and the relevance of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from desktop_app.evaluation.pair_samples import (
    Pair,
    ViewPair,
    best_cosines,
    measure,
    mutual_cosines,
    shown_links,
    view_links,
)
from desktop_app.evaluation.views import seen_cells
from desktop_app.retrieval.coattention import attention_map, cluster_attention
from desktop_app.retrieval.parameters import (
    RELEVANCE_INPUTS,
    CoAttentionParameters,
    LinkParameters,
    MatchParameters,
    RelevanceParameters,
)
from desktop_app.retrieval.relevance import PairMeasurements, relevance

STRANGERS_REACH = {"link": 0.05, "medium": 0.02, "strong": 0.01}  # share of strangers' mutual cells
VIEWS_KEEP = {"link": 0.8, "medium": 0.6, "strong": 0.35}  # share of the right links of made views
MOST_SEEN = 0.75  # of the original, in views that judge co-attention
ATTENTION_TAUS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
ATTENTION_ALPHAS = (1.0, 2.0, 3.0)
MAY_OPPOSE = "global"  # the input of the relevance logistic whose weight may be negative
FALSE_EVIDENCE = 0.02  # share of random strangers that may be called relevant
FALSE_OF_ALL = 0.05  # and of all strangers, half of them random, half the nearest of another class


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


def fit_coattention(views: Sequence[ViewPair]) -> tuple[CoAttentionParameters, dict[str, float]]:
    """The tau and alpha with which the original's map is highest on what the view shows and lowest elsewhere.

    Judged on views that show at most MOST_SEEN of their original: mean attention inside minus outside.
    """
    samples = []
    for pair in views:
        seen = seen_cells(pair.to_original, pair.original.grid)
        clustered, asked = pair.original.clustered, pair.view.pooled
        if clustered is None or asked is None or clustered.labels.shape != seen.shape:
            continue
        if 0 < seen.mean() <= MOST_SEEN:
            samples.append((asked, clustered, seen))
    best, inside, outside = CoAttentionParameters(), 0.0, 0.0
    for tau in ATTENTION_TAUS:
        for alpha in ATTENTION_ALPHAS:
            parameters = CoAttentionParameters(tau=tau, alpha=alpha)
            levels = []
            for asked, clustered, seen in samples:
                drawn = attention_map(cluster_attention(asked, clustered, parameters), clustered)
                levels.append((drawn[seen].mean(), drawn[~seen].mean()))
            if not levels:
                continue
            on, off = (float(level) for level in np.mean(levels, axis=0))
            if on - off > inside - outside + 1e-6:
                best, inside, outside = parameters, on, off
    return best, {"coattention_inside_views": inside, "coattention_outside_views": outside}


def fit_relevance(
    matching: Sequence[Pair],
    strangers: Sequence[Pair],
    hard: Sequence[Pair],
    *,
    links: LinkParameters,
    match: MatchParameters,
) -> tuple[RelevanceParameters, dict[str, float]]:
    """The relevance logistic; its bias is lowered until at most FALSE_EVIDENCE of the random strangers, and at
    most FALSE_OF_ALL of all (random and hard ones counting the same), pass 0.5."""
    positive, negative, near = (
        [measure(pair, links=links, match=match) for pair in pairs] for pairs in (matching, strangers, hard)
    )
    samples = positive + negative + near
    truth = np.array([True] * len(positive) + [False] * (len(negative) + len(near)))
    parameters = fit_logistic(samples, truth)
    stranger_raw = np.array([_raw(sample, parameters) for sample in negative])
    excess = float(np.quantile(stranger_raw, 1.0 - FALSE_EVIDENCE))
    if near:
        both = np.concatenate([stranger_raw, np.array([_raw(sample, parameters) for sample in near])])
        counts = np.repeat([1.0 / len(negative), 1.0 / len(near)], [len(negative), len(near)])
        order = np.argsort(-both, kind="stable")
        beyond = np.searchsorted(np.cumsum(counts[order]), 2.0 * FALSE_OF_ALL, side="right")
        excess = max(excess, float(both[order][min(int(beyond), len(both) - 1)]))
    bias = parameters.bias - max(0.0, excess + 1e-6)
    parameters = replace(parameters, bias=bias)
    relevant = [np.mean([relevance(s, parameters) >= 0.5 for s in group]) for group in (positive, negative, near)]
    return parameters, {
        "relevant_matching": float(relevant[0]),
        "relevant_strangers": float(relevant[1]),
        "relevant_hard_strangers": float(relevant[2]),
    }


def fit_logistic(samples: Sequence[PairMeasurements], truth: NDArray[np.bool_]) -> RelevanceParameters:
    """A logistic regression, classes balanced, whose weights but that of `global` are not negative.

    More of any measurement of parts must never make a pair less relevant, so those that come out negative are left
    out. Resemblance as a whole may speak against a match: when two pictures resemble each other that much, more of
    their parts ought to match than in strangers of another kind.
    """
    table = np.array([[sample.inputs()[name] for name in RELEVANCE_INPUTS] for sample in samples])
    weights, bias = nonnegative_logistic(table, RELEVANCE_INPUTS, truth, may_oppose=(MAY_OPPOSE,))
    return RelevanceParameters(weights=weights, bias=bias)


def nonnegative_logistic(
    table: NDArray[np.floating], names: Sequence[str], truth: NDArray[np.bool_], *, may_oppose: Sequence[str] = ()
) -> tuple[dict[str, float], float]:
    """Weights by name, and the bias, of a logistic regression of `truth` [N] on the columns of `table` [N, D] that
    bear `names`, classes balanced. Columns whose weight comes out negative are left out one by one, the most
    negative first, but for those in `may_oppose`."""
    kept = list(range(len(names)))
    while True:
        columns = table[:, kept]
        mean, spread = columns.mean(axis=0), np.maximum(columns.std(axis=0), 1e-6)
        model = LogisticRegression(class_weight="balanced", max_iter=1000)
        model.fit((columns - mean) / spread, truth)
        weights = model.coef_[0] / spread
        wrong = [at for at, column in enumerate(kept) if weights[at] < 0 and names[column] not in may_oppose]
        if not wrong or len(kept) == 1:
            break
        kept.pop(min(wrong, key=lambda at: float(model.coef_[0][at])))
    found = {
        names[column]: float(weight) if names[column] in may_oppose else max(0.0, float(weight))
        for column, weight in zip(kept, weights, strict=True)
    }
    return found, float(model.intercept_[0] - weights @ mean)


def _raw(sample: PairMeasurements, parameters: RelevanceParameters) -> float:
    inputs = sample.inputs()
    return parameters.bias + sum(weight * inputs[name] for name, weight in parameters.weights.items())
