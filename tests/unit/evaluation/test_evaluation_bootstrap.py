"""The paired bootstrap: its centre, its interval, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.evaluation import bootstrap
from desktop_app.evaluation.bootstrap import Difference, paired_bootstrap


def test_the_interval_agrees_with_the_normal_theory_of_a_mean() -> None:
    random = np.random.default_rng(0)
    b = random.uniform(size=400)
    a = b + random.normal(0.05, 0.2, 400)
    found = paired_bootstrap(a, b)
    spread = 1.96 * (a - b).std() / 20
    assert found.difference == pytest.approx((a - b).mean())
    assert found.low == pytest.approx(found.difference - spread, abs=0.1 * spread)
    assert found.high == pytest.approx(found.difference + spread, abs=0.1 * spread)


def test_pairs_stay_together() -> None:
    """The same gain on every query is certain, however much the queries differ among themselves."""
    b = np.random.default_rng(1).uniform(size=50)
    found = paired_bootstrap(b + 0.01, b)
    assert found.low == pytest.approx(0.01) and found.high == pytest.approx(0.01)
    assert found.certain


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(2)
    draws = [random.normal(0.3, 1.0, 60) for _ in range(200)]
    intervals = [paired_bootstrap(draw, np.zeros(60), resamples=500, level=0.9) for draw in draws]
    covered = np.mean([found.low <= 0.3 <= found.high for found in intervals])
    assert 0.84 <= covered <= 0.95


def test_exchanging_the_systems_changes_the_sign() -> None:
    random = np.random.default_rng(3)
    a, b = random.uniform(size=(2, 30))
    forth, back = paired_bootstrap(a, b), paired_bootstrap(b, a)
    assert (back.difference, back.low, back.high) == pytest.approx((-forth.difference, -forth.high, -forth.low))


def test_no_difference_is_not_certain_and_seeds_repeat() -> None:
    a = np.random.default_rng(4).integers(0, 2, 100)
    b = np.random.default_rng(5).integers(0, 2, 100)
    assert not paired_bootstrap(a, a).certain
    assert paired_bootstrap(a, b) == paired_bootstrap(a, b)
    assert paired_bootstrap(a, b) != paired_bootstrap(a, b, seed=1)


def test_blocks_do_not_change_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_BLOCK", 250)
    values = np.random.default_rng(6).normal(size=100)
    means = bootstrap._resampled_means(values, 7, np.random.default_rng(0))
    assert means.shape == (7,)


def test_json_has_the_three_numbers() -> None:
    assert Difference(0.25, 0.1, 0.4).as_json() == {"difference": 0.25, "low": 0.1, "high": 0.4}


@pytest.mark.parametrize(("a", "b"), [([1.0, 2.0], [1.0]), ([], []), ([[1.0]], [[1.0]])])
def test_lists_that_are_no_pairs_are_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="a pair of lists"):
        paired_bootstrap(a, b)


@pytest.mark.parametrize("wrong", [{"level": 0.0}, {"level": 1.0}, {"resamples": 0}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        paired_bootstrap([1.0], [0.0], **wrong)
