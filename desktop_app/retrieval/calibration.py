"""From raw scores to 0..1, to the five phrases, and to the place where a list becomes weaker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.results import Stage, Words
from desktop_app.retrieval.parameters import Logistic, RetrievalParameters, WordThresholds
from desktop_app.retrieval.score_levels import WORDS, ScoreLevels

KEEP_THE_SCALE = (Stage.MARKS, Stage.EVIDENCE)
"""Stages after which raw scores mean what they meant before."""
Curve = Callable[[NDArray[np.float32], float], NDArray[np.float32]]
"""Raw scores of one query and its background (`score_levels.background`) to scores in 0..1."""


@dataclass(frozen=True, slots=True)
class ScoreScale:
    """How raw scores are shown: a curve for every stage that ran, in their order, and the thresholds of words.

    Every result is shown by the curve of the last stage that looked at it.
    """

    curves: tuple[Curve, ...]
    words: WordThresholds

    @classmethod
    def of_pack(cls, parameters: RetrievalParameters, stages: Sequence[Stage]) -> ScoreScale:
        """What came with the pack: the levels of a library of everyday photos where it has those of all the
        stages, else curves, one from the stage `local` on, which know of no background."""
        measured = [[stage for stage in one if stage not in KEEP_THE_SCALE] for one in _prefixes(stages)]
        chains = ["+".join(chain) for chain in measured]
        if chains and all(chain in parameters.levels for chain in chains):
            return cls.of_library([ScoreLevels(**parameters.levels[chain]) for chain in chains])
        plain = partial(_whatever_background, parameters.calibration_global)
        matched = partial(_whatever_background, parameters.calibration_balanced)
        return cls(tuple(matched if Stage.LOCAL in one else plain for one in _prefixes(stages)), parameters.words)

    @classmethod
    def of_library(cls, levels: Sequence[ScoreLevels]) -> ScoreScale:
        """The levels that were measured in the library after every stage."""
        return cls(tuple(one.scores for one in levels), WORDS)

    def scores(self, raw: NDArray[np.float32], *, depths: Sequence[int], background: float) -> NDArray[np.float32]:
        """[N] raw scores as [N] float32 in 0..1 that fall down the list.

        depths: how many of the first results each stage looked at, never rising. A photo is never shown with more
        than the one before it.
        """
        shown = np.zeros(len(raw), np.float32)
        for curve, depth in zip(self.curves, depths, strict=True):
            shown[:depth] = curve(raw[:depth], background)
        return np.asarray(np.minimum.accumulate(shown), dtype=np.float32)


def _prefixes(stages: Sequence[Stage]) -> list[Sequence[Stage]]:
    return [stages[: number + 1] for number in range(len(stages))]


def _whatever_background(logistic: Logistic, raw: NDArray[np.float32], _background: float) -> NDArray[np.float32]:
    return calibrate(raw, logistic)


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


def verdict(
    scores: Sequence[float] | NDArray[np.float32], thresholds: WordThresholds, *, refuted: bool = False
) -> Words:
    """What the whole answer amounts to: the words of its best score, or "nothing here matches well".

    refuted: the pixels were compared, and none of the first results is the picture that asks. A score alone then
    has to be that of the same thing, where it was measured what that means (`found`).
    """
    best = max((float(score) for score in scores), default=0.0)
    words = words_for(best, thresholds)
    least = thresholds.same_thing if refuted and thresholds.found > 0 else thresholds.found
    return Words.NOTHING if words is Words.WEAKER or best < least else words


def weaker_from(scores: Sequence[float] | NDArray[np.float32], thresholds: WordThresholds) -> int:
    """The position, in scores that fall, of the first result that is no longer similar (their number if none)."""
    for position, score in enumerate(scores):
        if score < thresholds.similar:
            return position
    return len(scores)
