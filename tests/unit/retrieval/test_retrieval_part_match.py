"""The match of a part of a picture, against a loop over its definition."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.domain.features import LocalCodes
from desktop_app.retrieval.local_match import pack
from desktop_app.retrieval.parameters import CENTROIDS, FusionParameters, MatchParameters
from desktop_app.retrieval.part_match import ORDINARY, WEIGHT, part_fusion, part_match

PARAMETERS = MatchParameters(floor=0.2, power=6.0, on=CENTROIDS)


def photo(random: np.random.Generator, count: int) -> LocalCodes:
    centroids = np.abs(random.integers(-127, 128, size=(count, 6))).astype(np.int8)
    return LocalCodes(np.zeros((count, 2), np.uint8), np.zeros((2, 2), np.uint8), centroids, 0.01)


def best_cosine(query: np.ndarray, other: LocalCodes) -> float:
    rows = other.centroids.astype(np.float64)
    return max(float(row @ query / np.linalg.norm(row) / np.linalg.norm(query)) for row in rows)


@pytest.mark.parametrize("weighed", [False, True])
def test_every_feature_counts_by_how_unusual_its_best_match_is(weighed: bool) -> None:
    random = np.random.default_rng(5)
    query = photo(random, 4)
    candidates = [photo(random, 1 + number % 5) for number in range(9)] + [query]
    unrelated = [photo(random, 1 + number % 3) for number in range(25)]
    weights = np.array([1.0, 0.0, 0.25, 2.0], np.float32) if weighed else np.ones(4, np.float32)
    expected = []
    for candidate in candidates:
        total = 0.0
        for feature, weight in zip(query.centroids.astype(np.float64), weights, strict=True):
            usual = [best_cosine(feature, other) for other in unrelated]
            total += weight * max(
                0.0, (best_cosine(feature, candidate) - np.mean(usual)) / np.std(usual) - ORDINARY
            )
        expected.append(total / weights.sum())
    found = part_match(
        query,
        pack(candidates, PARAMETERS),
        pack(unrelated, PARAMETERS),
        parameters=PARAMETERS,
        weights=weights if weighed else None,
    )
    assert found == pytest.approx(expected, abs=1e-4)
    assert found.argmax() == 9 and (found == 0).any()


def test_what_matches_everywhere_says_nothing() -> None:
    random = np.random.default_rng(6)
    wall = np.array([[100, 3, 0, 0, 0, 0]], np.int8)

    def with_wall(other: LocalCodes) -> LocalCodes:
        rows = np.concatenate([wall, other.centroids])
        return LocalCodes(np.zeros((len(rows), 2), np.uint8), other.labels, rows, 0.01)

    query = LocalCodes(np.zeros((1, 2), np.uint8), np.zeros((2, 2), np.uint8), wall, 0.01)
    everywhere = pack([with_wall(photo(random, 3)) for _ in range(25)], PARAMETERS)
    assert part_match(query, everywhere, everywhere, parameters=PARAMETERS) == pytest.approx(0.0)


def test_no_cell_that_counts_is_no_match() -> None:
    random = np.random.default_rng(7)
    photos = pack([photo(random, 3) for _ in range(25)], PARAMETERS)
    found = part_match(photo(random, 2), photos, photos, parameters=PARAMETERS, weights=np.zeros(2, np.float32))
    assert found.tolist() == [0.0] * 25


def test_parts_have_weights_of_their_own() -> None:
    fusion = part_fusion(FusionParameters(local=3.0, local_floor=0.04, rerank=0.7))
    assert fusion == FusionParameters(local=WEIGHT, local_floor=0.0, rerank=0.7)
