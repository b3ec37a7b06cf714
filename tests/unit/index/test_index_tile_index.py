"""Photos are found by the signs of their parts, as a slow look at every part finds them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.index.tile_index import TileIndex

TILES = 13


def signs_of(descriptors: np.ndarray) -> np.ndarray:
    return np.packbits(descriptors >= 0, axis=2)


def slow(descriptors: np.ndarray, labels: np.ndarray, query: np.ndarray, k: int) -> list[int]:
    """Every part of every photo, bit by bit."""
    distances = []
    for label, tiles in zip(labels.tolist(), descriptors, strict=True):
        apart = [sum(bool(a >= 0) != bool(b >= 0) for a, b in zip(tile, query, strict=True)) for tile in tiles]
        distances.append((min(apart), label))
    return [label for _, label in sorted(distances)[:k]]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 999), count=st.integers(1, 30), k=st.integers(1, 40), dimension=st.sampled_from([8, 72])
)
def test_the_nearest_photos_are_those_of_a_slow_look(seed, count, k, dimension):
    random = np.random.default_rng(seed)
    descriptors = random.normal(size=(count, TILES, dimension))
    labels = random.permutation(100)[:count]
    index = TileIndex(TILES)
    for start in range(0, count, 7):  # as they are committed
        part = slice(start, start + 7)
        ids = np.arange(start, min(start + 7, count)) + 1
        index = index.with_newer(ids, labels[part], signs_of(descriptors[part]))
    query = random.normal(size=dimension).astype(np.float32)
    assert index.search(query, k).tolist() == slow(descriptors, labels, query, k)
    some = labels[::2]
    assert index.search(query, k, allowed=some).tolist() == slow(descriptors[::2], some, query, k)
    earlier = index.until(count // 2)
    assert len(earlier) == count // 2
    assert earlier.search(query, k).tolist() == slow(descriptors[: count // 2], labels[: count // 2], query, k)


def test_an_index_without_rows_finds_nothing():
    assert TileIndex(TILES).search(np.ones(64, np.float32), 5).tolist() == []
    assert TileIndex(TILES).newest == 0


def test_signs_that_do_not_fit_are_refused():
    index = TileIndex(TILES).with_newer(np.array([3]), np.array([7]), np.zeros((1, TILES, 8), np.uint8))
    with pytest.raises(ValueError, match="do not fit"):
        index.with_newer(np.array([3]), np.array([8]), np.zeros((1, TILES, 8), np.uint8))
    with pytest.raises(ValueError, match="do not fit"):
        index.with_newer(np.array([4]), np.array([8]), np.zeros((1, TILES, 16), np.uint8))
    with pytest.raises(ValueError, match="do not fit"):
        index.with_newer(np.array([4]), np.array([8]), np.zeros((1, 5, 8), np.uint8))


def test_the_signs_of_a_photo_take_64_bytes_a_part():
    count = 10
    signs = np.zeros((count, TILES, 64), np.uint8)
    index = TileIndex(TILES).with_newer(np.arange(1, count + 1), np.arange(count), signs)
    assert index.size == count * TILES * 64
