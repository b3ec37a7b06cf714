"""The linear adapter: it helps where labels explain what the descriptor hides, and admits where they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from desktop_app.evaluation.fit_adapter import adapted, adapter, fit_adapter, measures
from desktop_app.evaluation.measures import average_precision


def descriptors(classes: int, each: int, *, noise: float = 1.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Classes that differ in 6 directions, under strong variation in 4 others (light, say) and a little in all."""
    random = np.random.default_rng(seed)
    y = np.repeat(np.arange(classes), each)
    x = np.zeros((len(y), 24))
    x[:, :6] = random.normal(size=(classes, 6))[y]
    x[:, 6:10] = random.normal(size=(len(y), 4)) * noise * 2
    x += random.normal(size=x.shape) * 0.15
    return x / np.linalg.norm(x, axis=1, keepdims=True), y


@pytest.mark.parametrize(("classes", "each", "by_classes"), [(24, 8, True), (5, 24, False)])
def test_it_helps_on_what_it_has_not_seen(classes: int, each: int, by_classes: bool) -> None:
    x, y = descriptors(classes, each)
    fitted = fit_adapter(x, y.tolist())
    assert fitted.by_classes is by_classes and fitted.better
    assert fitted.after > fitted.before + 0.1
    fresh, labels = descriptors(classes, each, seed=0)
    assert measures(adapted(fresh, fitted.weight), labels)[:, 0].mean() > measures(x, y)[:, 0].mean() + 0.1


def test_labels_that_say_nothing_are_hardly_ever_better() -> None:
    better = 0
    for seed in range(24):
        random = np.random.default_rng(seed)
        x = random.normal(size=(160, 24))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        better += fit_adapter(x, random.integers(0, 16, 160).tolist(), seed=seed).better
    assert better <= 2, "chance passes about one time in 30 (measured on 96 draws), never one time in 10"


def test_no_shrinkage_left_is_no_change_at_all() -> None:
    x, y = descriptors(4, 6)
    np.testing.assert_allclose(adapter(x, y, shrinkage=1.0, stretch=0.0), np.eye(24), atol=1e-9)
    np.testing.assert_allclose(adapted(x, np.eye(24)), x, atol=1e-9)


def test_the_within_class_covariance_becomes_the_identity_without_shrinkage() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(3000, 6)) * [3, 2, 1, 1, 0.5, 0.5], np.arange(3000) % 3
    weight = adapter(x, y, shrinkage=0.0, stretch=0.0)
    moved = x @ weight.T
    within = sum(np.cov(moved[y == label].T, bias=True) for label in range(3)) / 3
    np.testing.assert_allclose(within / np.trace(within) * 6, np.eye(6), atol=0.02)


def test_the_measures_equal_a_loop() -> None:
    x, y = descriptors(4, 5)
    y = y.copy()
    y[-1] = 99  # alone in its class: it asks nothing
    wanted = []
    for query in range(len(x) - 1):
        others = [at for at in range(len(x)) if at != query]
        others.sort(key=lambda at, query=query: -float(x[at] @ x[query]))
        wanted.append(
            (average_precision(np.array([y[at] == y[query] for at in others])), y[others[0]] == y[query])
        )
    np.testing.assert_allclose(measures(x, y), wanted)


def test_a_first_result_that_is_right_less_often_is_not_better() -> None:
    x, y = descriptors(5, 24)
    fitted = fit_adapter(x, y.tolist())
    assert fitted.better
    assert not replace(fitted, first_before=1.0, first_after=0.99).better


@pytest.mark.parametrize("labels", [[0] * 20, list(range(20)), [0, 0, 1, 1, *list(range(2, 18))]])
def test_too_few_labels_are_refused(labels: list[int]) -> None:
    x = np.random.default_rng(0).normal(size=(20, 24))
    with pytest.raises(ValueError, match=r"at least two labels|too few"):
        fit_adapter(x / np.linalg.norm(x, axis=1, keepdims=True), labels)
