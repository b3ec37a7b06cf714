from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.index import hamming as module
from desktop_app.index.hamming import hamming


def slow(a: np.ndarray, b: np.ndarray) -> list[list[int]]:
    return [[sum((int(x) ^ int(y)).bit_count() for x, y in zip(r, s, strict=True)) for s in b] for r in a]


@settings(deadline=None)
@given(n=st.integers(0, 5), m=st.integers(0, 5), size=st.integers(1, 20), seed=st.integers(0, 1000))
def test_distances_are_the_bits_that_differ(n, m, size, seed):
    random = np.random.default_rng(seed)
    a = random.integers(0, 256, (n, size), dtype=np.uint8)
    b = random.integers(0, 256, (m, size), dtype=np.uint8)
    distances = hamming(a, b)
    assert distances.shape == (n, m)
    assert distances.dtype == np.int32
    assert distances.tolist() == slow(a, b)


def test_all_bits_may_differ():
    a, b = np.zeros((1, 64), np.uint8), np.full((1, 64), 255, np.uint8)
    assert hamming(a, b).tolist() == [[512]]


def test_parts_give_the_same_as_the_whole(monkeypatch):
    random = np.random.default_rng(0)
    a, b = random.integers(0, 256, (37, 16), dtype=np.uint8), random.integers(0, 256, (11, 16), dtype=np.uint8)
    whole = hamming(a, b)
    monkeypatch.setattr(module, "_TEMPORARY", 25)
    np.testing.assert_array_equal(hamming(a, b), whole)


def test_views_that_are_not_contiguous_are_fine():
    codes = np.random.default_rng(1).integers(0, 256, (8, 32), dtype=np.uint8)
    np.testing.assert_array_equal(
        hamming(codes[::2, ::2], codes[::2, ::2]), slow(codes[::2, ::2], codes[::2, ::2])
    )


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros((2, 8), np.uint8), np.zeros((2, 16), np.uint8)),
        (np.zeros((2, 8), np.int8), np.zeros((2, 8), np.uint8)),
        (np.zeros(8, np.uint8), np.zeros((2, 8), np.uint8)),
    ],
)
def test_codes_that_do_not_compare_are_refused(a, b):
    with pytest.raises(ValueError, match="codes must be"):
        hamming(a, b)
