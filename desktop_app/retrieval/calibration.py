"""From raw scores to 0..1, to the five phrases, and to the place where a list becomes weaker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.results import Words
from desktop_app.retrieval.parameters import Logistic, WordThresholds


def calibrate(raw: NDArray[np.float32], logistic: Logistic) -> NDArray[np.float32]:
    """1 / (1 + exp(-(scale * raw + offset))), [N] float32 in 0..1, in the order of `raw`."""
    exponent = np.clip(logistic.scale * raw.astype(np.float64) + logistic.offset, -60.0, 60.0)
    return np.asarray(1.0 / (1.0 + np.exp(-exponent)), dtype=np.float32)


def words_for(score: float, thresholds: WordThresholds) -> Words:
    """What a calibrated score means. Below `similar` a result is only "weaker from here"."""
    if score >= thresholds.almost_certain:
        return Words.ALMOST_CERTAIN
    if score >= thresholds.same_thing:
        return Words.SAME_THING
    if score >= thresholds.similar:
        return Words.SIMILAR
    return Words.WEAKER


def verdict(scores: Sequence[float] | NDArray[np.float32], thresholds: WordThresholds) -> Words:
    """What the whole answer amounts to: the words of its best score, or "nothing here matches well"."""
    best = max((float(score) for score in scores), default=0.0)
    words = words_for(best, thresholds)
    return Words.NOTHING if words is Words.WEAKER else words


def weaker_from(scores: Sequence[float] | NDArray[np.float32], thresholds: WordThresholds) -> int:
    """The position, in scores that fall, of the first result that is no longer similar (their number if none)."""
    for position, score in enumerate(scores):
        if score < thresholds.similar:
            return position
    return len(scores)
