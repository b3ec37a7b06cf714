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
