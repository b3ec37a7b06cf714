"""How good an indicative network is on pairs whose truth is known: relevance, maps and links, as the product
decodes them. Every threshold of a pack is chosen here, on held-out TRAIN pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from desktop_app.domain.geometry import Grid
from desktop_app.evaluation.views import correct_pairs
from desktop_app.retrieval.indicative import GRID, IndicativeOutput, feedback_mask, find_links
from models.indicative.pairs import PairSet
from models.networks.indicative.network import IndicativeNetwork

LINKS = 12
TOLERANCE = 1.5  # cells
FALSE_SHARE = 0.05  # of strangers that may show anything
THRESHOLDS = tuple(np.round(np.arange(0.0, 1.0, 0.1), 1))
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """The network's outputs for a set of pairs. logits: [n]. matching: [n, 196, 196] float16."""

    logits: Floats
    matching: NDArray[np.float16]

    def output(self, at: int) -> IndicativeOutput:
        return IndicativeOutput(float(self.logits[at]), self.matching[at].astype(np.float32))


@torch.no_grad()
def answers(
    net: IndicativeNetwork,
    pairs: PairSet,
    rows: Sequence[int] | None = None,
    *,
    weights: NDArray[np.float32] | None = None,
    batch: int = 10,
) -> Answers:
    """Run the network. weights: [n, 14, 14] on the queries, one for every row, or None."""
    net = net.eval()
    chosen = np.arange(len(pairs)) if rows is None else np.asarray(rows)
    logits, matching = [], []
    for start in range(0, len(chosen), batch):
        part = chosen[start : start + batch]
        asked = np.ones((len(part), GRID.rows, GRID.columns), np.float32)
        if weights is not None:
            asked = weights[start : start + batch]
        out = net(as_input(pairs.result[part]), as_input(pairs.query[part]), torch.from_numpy(asked))
        logits.append(out[0].double().numpy())
        matching.append(out[1].half().numpy())
    return Answers(np.concatenate(logits), np.concatenate(matching))


def as_input(pictures: NDArray[np.generic]) -> torch.Tensor:
    """Stored pictures as the network takes them: uint8 pixels as they are, float16 features as float32."""
    return torch.from_numpy(pictures if pictures.dtype == np.uint8 else pictures.astype(np.float32))


def relevance_threshold(logits: Floats, relevant: NDArray[np.bool_], *, share: float = FALSE_SHARE) -> float:
    """The logit from which at most `share` of the pairs that do not match are accepted."""
    false = np.sort(logits[~relevant])[::-1]
    allowed = int(share * len(false))
    return float(false[allowed]) + 1e-6 if len(false) else 0.0


def relevance_figures(logits: Floats, relevant: NDArray[np.bool_]) -> dict[str, float]:
    """auc; accepted: share of true pairs above the threshold that lets 5 % of the others through."""
    threshold = relevance_threshold(logits, relevant)
    true, false = logits[relevant], logits[~relevant]
    order = (true[:, None] > false[None]).mean() + 0.5 * (true[:, None] == false[None]).mean()
    return {"auc": float(order), "accepted": float((true > threshold).mean()), "threshold": threshold}


def iou(sums: NDArray[np.float32], mask: NDArray[np.floating], threshold: float) -> float:
    """Intersection over union of P / max P >= threshold with cells at least half covered by the object."""
    shown, there = sums / max(float(sums.max()), 1e-6) >= threshold, mask >= 0.5
    union = int((shown | there).sum())
    return float((shown & there).sum() / union) if union else 0.0


def map_figures(pairs: PairSet, given: Answers, rows: Sequence[int]) -> dict[str, float]:
    """On the result's P over composites: mIoU (S1, mean over ten thresholds), best_mIoU and its threshold,
    pointing (largest P inside the object)."""
    masks = [pairs.result_mask[row].astype(np.float32) for row in rows]
    sums = [given.output(row).p_sum() for row in rows]
    usable = [at for at, mask in enumerate(masks) if (mask >= 0.5).any()]
    if not usable:
        return {}
    fine = np.round(np.arange(0.02, 1.0, 0.02), 2)
    every = {float(t): float(np.mean([iou(sums[at], masks[at], t) for at in usable])) for t in fine}
    best = max(every, key=every.__getitem__)
    hits = [masks[at].ravel()[int(sums[at].argmax())] >= 0.5 for at in usable]
    s1 = np.mean([[iou(sums[at], masks[at], float(t)) for at in usable] for t in THRESHOLDS])
    return {"mIoU": float(s1), "best_mIoU": every[best], "map_threshold": best, "pointing": float(np.mean(hits))}


def link_figures(
    pairs: PairSet, given: Answers, rows: Sequence[int], *, least: float, limit: int = LINKS
) -> dict[str, float]:
    """links_right: share of links within 1.5 cells; links_5: share of pairs with at least five links."""
    right: list[NDArray[np.bool_]] = []
    for row in rows:
        found = find_links(given.matching[row].astype(np.float32), limit=limit, least=least)
        right.append(link_truth(pairs, row, found.query, found.result))
    every = np.concatenate(right) if right else np.zeros(0, np.bool_)
    enough = [len(one) >= 5 for one in right]
    return {
        "links_right": float(every.mean()) if len(every) else 0.0,
        "links_5": float(np.mean(enough)) if enough else 0.0,
    }


def link_truth(pairs: PairSet, row: int, query: NDArray[np.int64], result: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which links are right: within 1.5 cells, and on the object in the result."""
    grid = Grid(GRID.rows, GRID.columns)
    near = correct_pairs(
        query,
        result,
        to_original=pairs.to_result[row].astype(np.float64),
        view_grid=grid,
        original_grid=grid,
        tolerance=TOLERANCE,
    )
    return near & (pairs.result_mask[row].ravel()[result] > 0)


def link_threshold(pairs: PairSet, given: Answers, rows: Sequence[int], *, precision: float = 0.85) -> float:
    """The least M* at which links of the pairs `rows` are right this often (0 when they always are)."""
    scores, right = [], []
    for row in rows:
        found = find_links(given.matching[row].astype(np.float32), limit=LINKS)
        scores.append(found.score)
        right.append(link_truth(pairs, row, found.query, found.result))
    score, good = np.concatenate(scores), np.concatenate(right)
    order = np.argsort(-score, kind="stable")
    share = np.cumsum(good[order]) / (np.arange(len(order)) + 1)
    enough = np.flatnonzero(share >= precision)
    if not len(enough) or int(enough[-1]) == len(order) - 1:
        return 0.0 if len(enough) else float(score[order[0]]) if len(order) else 0.0
    return float(score[order[int(enough[-1])]])


def figures(pairs: PairSet, given: Answers, *, least: float = 0.0) -> dict[str, float]:
    """All of the above on one set of pairs. True pairs are views and composites."""
    true, false = pairs.of_kind("view", "composite"), pairs.of_kind("stranger")
    composites = pairs.of_kind("composite")
    both = np.concatenate([true, false])
    relevant = np.arange(len(both)) < len(true)
    row = {f"relevance_{k}": v for k, v in relevance_figures(given.logits[both], relevant).items()}
    row |= map_figures(pairs, given, list(composites))
    placed = [
        int(at) for at in true if pairs.to_result[at].any()
    ]  # of others nobody knows where a link should end
    return row | link_figures(pairs, given, placed, least=least)


def feedback_figures(
    net: IndicativeNetwork,
    pairs: PairSet,
    given: Answers,
    groups: Sequence[Sequence[int]],
    *,
    form: str,
    n: int,
) -> dict[str, float]:
    """S1 section 3.4: of every group of pairs that share a query the first n results (by the relevance in `given`,
    the answers of the first round) give Q*, and all are asked again with it as the query's weights: figures of
    that round.
    """
    weights = np.ones((len(pairs), GRID.rows, GRID.columns), np.float32)
    for group in groups:
        best = sorted(group, key=lambda row: -given.logits[row])[:n]
        weights[list(group)] = feedback_mask([given.output(row).q_sum() for row in best], form=form)
    return figures(pairs, answers(net, pairs, weights=weights))
