"""Multi-scale extraction: the three published forms against loops, and what the network is shown."""

import math

import numpy as np
import pytest

from desktop_app.evaluation.multi_scale import SCALES, combine, multi_scale, scaled


def test_the_scales_are_those_of_the_paper():
    assert np.allclose(SCALES, [2**-1.5, 2**-1, 2**-0.5, 1, 2**0.5])


def length(v):
    return math.sqrt(sum(float(x) ** 2 for x in v))


@pytest.mark.parametrize("power", [1.0, 3.0])
def test_the_forms_equal_loops(power):
    v = np.random.default_rng(0).random((5, 6)).astype(np.float32)
    mean = [sum(float(v[s, d]) for s in range(5)) / 5 for d in range(6)]
    raised = [(sum(float(v[s, d]) ** power for s in range(5)) / 5) ** (1 / power) for d in range(6)]
    added = [sum(float(v[s, d]) / length(v[s]) for s in range(5)) for d in range(6)]
    for form, expected in (("mean", mean), ("power", raised), ("sum", added)):
        got = combine(v, form, power=power)
        assert np.allclose(got, np.array(expected) / length(expected), atol=1e-6)


def test_for_unit_vectors_the_mean_is_the_sum_and_a_power_of_one_is_the_mean():
    v = np.random.default_rng(1).standard_normal((5, 6)).astype(np.float32)
    assert not np.allclose(combine(v, "mean"), combine(v, "sum"), atol=1e-3)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    assert np.allclose(combine(v, "mean"), combine(v, "sum"), atol=1e-6)
    assert np.allclose(combine(v, "power", power=1.0), combine(v, "mean"), atol=1e-6)


def test_signs_survive_a_power():
    v = np.array([[-0.6, 0.8], [-0.8, 0.6]], np.float32)
    got = combine(v, "power", power=3.0)
    assert got[0] < 0 < got[1]
    assert np.linalg.norm(got) == pytest.approx(1)


def test_pictures_are_resized_to_what_the_network_takes():
    rgb = np.zeros((192, 256, 3), np.uint8)
    assert [scaled(rgb, s).shape[:2] for s in SCALES] == [(64, 96), (96, 128), (128, 192), (192, 256), (256, 352)]
    assert scaled(rgb, 1.0) is rgb
    assert scaled(np.zeros((64, 64, 3), np.uint8), 0.1).shape == (32, 32, 3)


def test_every_scale_is_described_and_counts_once():
    seen = []

    def describe(rgb):
        seen.append(rgb.shape[:2])
        return np.array([rgb.shape[0], 1.0], np.float32)

    got = multi_scale(np.zeros((64, 64, 3), np.uint8), describe, scales=(0.5, 1.0))
    assert seen == [(32, 32), (64, 64)]
    assert got[0] / got[1] == pytest.approx(48)


def test_nonsense_is_refused():
    v = np.ones((2, 2), np.float32)
    with pytest.raises(ValueError, match="above 0"):
        combine(v, "power", power=0)
    with pytest.raises(ValueError, match="no form"):
        combine(v, "other")
    with pytest.raises(ValueError, match="at least one"):
        multi_scale(np.zeros((64, 64, 3), np.uint8), lambda _: v[0], scales=())
