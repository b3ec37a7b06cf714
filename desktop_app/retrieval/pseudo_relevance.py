"""Pseudo-relevance feedback: the first results are taken to be right (S1 eq. 10), average and maximum.

How much is taken from them depends on how certain the answer is [ours; chosen on held-out TRAIN classes and TRAIN
composites]. An answer whose first result is a match (`CERTAIN`) moves the descriptor towards those of the first
results as wholes, which finds more of their kind. One that is not must not: its first results are often right in a
part and wrong as a whole. There the results only say which local features of the query vote: S1's mask, over the
many-to-many match of S0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.query import Pooling
from desktop_app.retrieval.indicative import feedback_mask
from desktop_app.retrieval.pooling import l2_normalise
from desktop_app.retrieval.score_levels import MARKS

Float = NDArray[np.float32]

CERTAIN = MARKS[3]  # score of the first result that parts what is there from what only looks like it
SHARE = 0.7  # of the first results in the descriptor of a certain answer


@dataclass(frozen=True, slots=True, eq=False)
class FirstResults:
    """Results that are taken to be right. rows: [n] int64, their rows in the index."""

    rows: NDArray[np.int64]
    form: Pooling


def moved_towards(descriptor: Float, results: Float, form: Pooling, *, share: float = SHARE) -> Float:
    """q' = L2((1 - share) q + share L2(pool_i max(0, q . x_i) x_i)): [D] float32 of length 1.

    descriptor: [D]; results: [n, D], both L2-normalised. pool: the mean, or in every dimension the value of the
    largest magnitude. Results that point away from the query count nothing; with none left q' = q.
    """
    query = l2_normalise(descriptor)
    if not len(results):
        return query
    weighed = results * np.maximum(0.0, results @ query)[:, None]
    if form is Pooling.AVERAGE:
        pooled = weighed.mean(axis=0)
    else:
        pooled = np.take_along_axis(weighed, np.abs(weighed).argmax(axis=0)[None], axis=0)[0]
    if not pooled.any():
        return query
    moved = (1.0 - share) * query + share * l2_normalise(pooled.astype(np.float32))
    return l2_normalise(moved.astype(np.float32))


def shared_cells(matches: Float, labels: NDArray[np.uint8], form: Pooling) -> Float | None:
    """S1's mask (eq. 10) over the cells of the query: what it shares with the first results, [h, w] in 0..1.

    matches: [K, n] how well each of the query's K centroids is matched in each of n results, at least 0. labels:
    [h, w] the centroid of every cell. None where nothing is shared.
    """
    if not matches.size or not matches.max() > 0:
        return None
    weights = feedback_mask(list(matches.T), form=form.value)
    return np.asarray(weights[labels], dtype=np.float32)
