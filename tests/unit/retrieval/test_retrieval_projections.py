"""Centring, principal axes and ITQ, against loops and known answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from desktop_app.retrieval.projections import itq, principal_axes, unit


def test_unit_leaves_zero_rows() -> None:
    np.testing.assert_allclose(unit(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0.0, 0.0]])


@pytest.mark.parametrize("count", [200, 7])
def test_axes_are_orthonormal_and_fall_in_variance(count: int) -> None:
    x = np.random.default_rng(0).normal(size=(count, 12)) * np.arange(12, 0, -1)
    x -= x.mean(axis=0)
    axes = principal_axes(x, 10)
    np.testing.assert_allclose(axes @ axes.T, np.eye(10), atol=1e-9)
    variances = [sum(float(row @ axis) ** 2 for row in x) / count for axis in axes]  # one axis and row at a time
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(variances))


def test_with_few_photos_the_axes_span_them_and_more() -> None:
    x = np.random.default_rng(0).normal(size=(5, 40))
    x -= x.mean(axis=0)
    axes = principal_axes(x, 40)
    np.testing.assert_allclose(axes @ axes.T, np.eye(40), atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(x @ axes[:4].T, axis=1), np.linalg.norm(x, axis=1), atol=1e-9)
    with pytest.raises(ValueError, match="41 axes"):
        principal_axes(x, 41)


def test_the_loss_of_itq_never_rises_and_its_weight_is_a_rotation_of_the_axes() -> None:
    x = np.random.default_rng(1).normal(size=(300, 24)) * np.linspace(3, 0.2, 24)
    x -= x.mean(axis=0)
    weight, losses = itq(x, 16)
    assert all(later <= earlier + 1e-6 for earlier, later in itertools.pairwise(losses))
    assert losses[-1] < 0.95 * losses[0]
    np.testing.assert_allclose(weight @ weight.T, np.eye(16), atol=1e-9)
    axes = principal_axes(x, 16)
    np.testing.assert_allclose(weight @ axes.T @ axes, weight, atol=1e-9)  # it stays in the space of the axes
