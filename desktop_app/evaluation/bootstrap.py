"""Paired bootstrap: how sure a difference between two systems is, when both answered the same queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
SEED = 2026
_BLOCK = 2_000_000  # random positions held at once


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two means and its interval, in the units of the measure."""

    difference: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0

    def as_json(self) -> dict[str, float]:
        return {key: round(getattr(self, key), 6) for key in ("difference", "low", "high")}


def paired_bootstrap(
    a: Sequence[float] | NDArray[np.floating],
    b: Sequence[float] | NDArray[np.floating],
    *,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = SEED,
) -> Difference:
    """mean(a) - mean(b) with the percentile interval of its bootstrap distribution.

    a, b: [N] the measure of one query each (average precision, or 0 and 1 for recall), in the same order of
    queries. Queries are drawn with replacement, N at a time, and each brings its pair along: what makes a query
    hard for both systems cancels out. `level` is the share of the distribution inside the interval.
    The same `seed` gives the same interval. Raises ValueError for lists of different lengths, or none.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape or not len(first):
        raise ValueError(f"a pair of lists of one length is needed, not {first.shape} and {second.shape}")
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(f"level {level} must lie between 0 and 1, resamples {resamples} be 1 or more")
    pairs = first - second
    means = _resampled_means(pairs, resamples, np.random.default_rng(seed))
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Difference(float(pairs.mean()), float(low), float(high))


def _resampled_means(
    values: NDArray[np.float64], resamples: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """[resamples] means of as many values drawn with replacement, a block of resamples at a time."""
    rows = max(1, _BLOCK // len(values))
    parts = [
        values[random.integers(0, len(values), (min(rows, resamples - start), len(values)))].mean(1)
        for start in range(0, resamples, rows)
    ]
    return np.concatenate(parts)
