"""Measures of one ranked list: average precision, recall at k, precision at k (SCIENCE A7, S4, S2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def average_precision(relevant: NDArray[np.bool_]) -> float:
    """AP over the full list, not by trapezoids: the mean, over the relevant items, of the precision at their rank.

    relevant: [N] bool in rank order, best first, with every relevant item of the gallery in it.
    Returns 0..1; 0 when nothing is relevant.
    """
    ranks = np.flatnonzero(relevant) + 1
    if not len(ranks):
        return 0.0
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))


def recall_at(relevant: NDArray[np.bool_], k: int) -> float:
    """Recall@k in the sense of S2: 1 when any of the first `k` is relevant, else 0."""
    return float(bool(relevant[:k].any()))


def precision_at(relevant: NDArray[np.bool_], k: int) -> float:
    """The share of the first `k` places that hold a relevant item, always over `k`."""
    return float(np.count_nonzero(relevant[:k])) / k


def trapezoid_average_precision(relevant: NDArray[np.bool_], positives: int) -> float:
    """AP as the area under the precision-recall curve by trapezoids (Oxford, ROxford, Holidays, INSTRE).

    relevant: [N] bool in rank order, best first, without what the protocol ignores. positives: how many relevant
    items there are, found or not, at least 1. For the j-th found one (from 0) at rank r (from 0) it adds
    (p0 + p1) / 2 / positives with p0 = j / r (1 for r = 0) and p1 = (j + 1) / (r + 1). Returns 0..1.
    """
    ranks = np.flatnonzero(relevant)
    found = np.arange(len(ranks))
    before = np.where(ranks == 0, 1.0, found / np.maximum(ranks, 1))
    after = (found + 1) / (ranks + 1)
    return float(((before + after) / 2).sum() / positives)


def average_precision_at(relevant: NDArray[np.bool_], k: int, positives: int) -> float:
    """AP@k of ILIAS: the sum, over the relevant items among the first `k`, of the precision at their rank, over
    min(k, positives). relevant: [N] bool in rank order. positives: all there are, at least 1. Returns 0..1."""
    ranks = np.flatnonzero(relevant[:k]) + 1
    return float((np.arange(1, len(ranks) + 1) / ranks).sum() / min(k, positives))


def revisited_precision_at(relevant: NDArray[np.bool_], k: int) -> float:
    """P@k of ROxford and RParis: over min(k, rank of the last relevant item) places, so that a query with fewer
    than k relevant items can reach 1. relevant: [N] bool in rank order, without junk. Returns 0..1."""
    ranks = np.flatnonzero(relevant) + 1
    if not len(ranks):
        return 0.0
    places = min(k, int(ranks[-1]))
    return float(np.count_nonzero(ranks <= places)) / places
