"""Two-model re-ranking against a slow literal twin of S2's equations, and the rules one by one."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from desktop_app.domain.errors import PackError
from desktop_app.retrieval.components import NO_CLASS, MutualNeighbours
from desktop_app.retrieval.two_model import (
    ClassSource,
    Described,
    Lists,
    TwoModelParameters,
    first_lists,
    gallery_classes,
    places,
    rerank_lists,
)

SMALL = TwoModelParameters(candidates=24, listed=20, compared=17, voters=6, votes=3)
ONLY_PLACES = TwoModelParameters(lambda1=0, lambda2=0)


def described(random: np.random.Generator, centres: np.ndarray, classes: np.ndarray, bits: int) -> Described:
    """Noisy unit vectors around the centre of every photo's class, and codes of random planes."""
    x = centres[classes] + 0.8 * random.normal(size=(len(classes), centres.shape[1]))
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    planes = random.normal(size=(centres.shape[1], bits))
    return Described(x, np.packbits(x @ planes >= 0, axis=1))


def models(seed: int, photos: int = 60, bits: int = 40) -> tuple[Described, Described, np.ndarray]:
    """alpha, beta and classes of a gallery; a sixth of the photos has no class."""
    random = np.random.default_rng(seed)
    classes = random.integers(0, 5, photos)
    alpha, beta = (described(random, random.normal(size=(5, 12)), classes, bits) for _ in range(2))
    classes[random.permutation(photos)[: photos // 6]] = NO_CLASS
    return alpha, beta, classes


# --- the twin ------------------------------------------------------------------------------------------------


def slow_list(model: Described, query: int, count: int) -> list[tuple[float, int]]:
    """[(rho, tau)] of one model for a photo of its own gallery."""
    bits = np.unpackbits(model.codes, axis=1)
    hamming = [(int(sum(bits[query] ^ bits[i])), i) for i in range(len(bits)) if i != query]
    near = [i for _, i in sorted(hamming)[:count]]
    rho = [(float(np.sqrt(((model.features[query] - model.features[i]) ** 2).sum())), i) for i in near]
    return sorted(rho)


def slow_rerank(
    alpha: list[tuple[float, int]], beta: list[tuple[float, int]], classes: np.ndarray, p: TwoModelParameters
) -> list[tuple[float, int]]:
    """Eq. 4 to 9, one candidate after the other, with the corrections that SCIENCE explains."""
    alpha, beta = alpha[: p.listed], beta[: p.compared]
    mean = sum(rho for rho, _ in alpha) / len(alpha)
    rho = {tau: distance / mean for distance, tau in alpha}
    first = classes[beta[0][1]] if classes[alpha[0][1]] == classes[beta[0][1]] else NO_CLASS
    if first != NO_CLASS:
        for tau in rho:
            rho[tau] += -p.lambda1 if classes[tau] == first else p.lambda1
    votes = Counter(int(classes[tau]) for _, tau in beta[: p.voters] if classes[tau] != NO_CLASS)
    winner, number = votes.most_common(1)[0] if votes else (NO_CLASS, 0)
    majority = winner if number >= p.votes else NO_CLASS
    if majority != NO_CLASS:
        for tau in rho:
            if classes[tau] == majority:
                rho[tau] -= p.lambda2
    if first == NO_CLASS or majority == NO_CLASS:
        for tau in rho:
            place = 0
            for j, (_, other) in enumerate(beta, start=1):
                if other == tau:
                    place = j
                    break
                place = -math.floor(j / 8)
            rho[tau] -= p.lambda3 * (1 - place / len(beta)) if place > 0 else p.lambda4 * place
    order = [tau for _, tau in alpha]
    return sorted(((rho[tau], tau) for tau in order), key=lambda item: (item[0], order.index(item[1])))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "parameters",
    [SMALL, TwoModelParameters(), replace(SMALL, lambda1=0.01, lambda2=0.3, lambda3=0.5, lambda4=0.1, votes=2)],
)
def test_equals_the_literal_twin(seed: int, parameters: TwoModelParameters) -> None:
    alpha, beta, classes = models(seed)
    asked = np.arange(0, 60, 7)
    lists = [
        first_lists(model.take(asked), model, parameters.candidates, left_out=asked) for model in (alpha, beta)
    ]
    found = rerank_lists(*lists, classes, parameters)
    for at, query in enumerate(asked):
        slow = [slow_list(model, query, parameters.candidates) for model in (alpha, beta)]
        for fast, wanted in zip(lists, slow, strict=True):
            assert fast.rows[at].tolist() == [tau for _, tau in wanted]
            assert fast.distances[at] == pytest.approx([rho for rho, _ in wanted], abs=1e-5)
        wanted = slow_rerank(*slow, classes, parameters)
        assert found.distances[at] == pytest.approx([rho for rho, _ in wanted], abs=1e-5)
        assert found.rows[at].tolist() == [tau for _, tau in wanted]


# --- the lists -----------------------------------------------------------------------------------------------


def test_the_query_is_in_neither_list_and_changes_nothing_else() -> None:
    """A photo that asks gets the answer that it would get if it were not in the gallery."""
    alpha, _, _ = models(1)
    asked = np.array([4, 17])
    found = first_lists(alpha.take(asked), alpha, 30, left_out=asked)
    for at, query in enumerate(asked):
        rest = np.delete(np.arange(60), query)
        outside = first_lists(alpha.take(asked[at : at + 1]), alpha.take(rest), 30)
        assert rest[outside.rows[0]].tolist() == found.rows[at].tolist()
        assert query not in found.rows[at]


@pytest.mark.parametrize("count", [0, 1, 59, 60, 500])
def test_lists_are_as_long_as_the_gallery_allows(count: int) -> None:
    alpha, _, _ = models(2)
    asked = np.array([0, 59])
    assert first_lists(alpha.take(asked), alpha, count, left_out=asked).rows.shape == (2, min(count, 59))
    assert first_lists(alpha.take(asked), alpha, count).rows.shape == (2, min(count, 60))


# --- the rules -----------------------------------------------------------------------------------------------


def lists(rows: list[int], distances: list[float] | None = None) -> Lists:
    rho = distances or [1.0 + 0.01 * i for i in range(len(rows))]
    return Lists(np.array([rows]), np.array([rho], np.float32))


def test_places_are_those_of_equation_8() -> None:
    compared = np.array([[9, 7, 5, 3, 1, 0, 2, 4, 6, 8, 11, 13, 15, 17, 19, 21, 23], list(range(30, 47))])
    rows = np.array([[9, 23, 12, 3], [30, 46, 9, 31]])
    assert places(rows, compared).tolist() == [[1, 17, -2, 4], [1, 17, -2, 2]]


def test_equation_5_lifts_the_common_first_class_and_lowers_all_others() -> None:
    classes = np.array([0, 1, 0, 1, NO_CLASS])
    p = TwoModelParameters(lambda1=0.5, lambda2=0, lambda3=0, lambda4=0)
    found = rerank_lists(lists([0, 1, 2, 4]), lists([2, 3]), classes, p)
    assert found.rows.tolist() == [[0, 2, 1, 4]]
    scale = np.mean([1, 1.01, 1.02, 1.03])
    wanted = np.array([1, 1.02, 1.01, 1.03]) / scale + [-0.5, -0.5, 0.5, 0.5]
    assert found.distances[0] == pytest.approx(wanted, abs=1e-6)
    assert found.rules.tolist() == [[True, False, True]]


def test_equation_7_lifts_the_majority_of_the_other_list() -> None:
    classes = np.array([0, 1, 1, 1, 0])
    p = TwoModelParameters(voters=4, votes=3, lambda1=0, lambda2=0.5, lambda3=0, lambda4=0)
    found = rerank_lists(lists([0, 4, 1]), lists([0, 1, 2, 3]), classes, p)
    assert found.rows.tolist() == [[1, 0, 4]]
    strict = rerank_lists(lists([0, 4, 1]), lists([0, 1, 2, 3]), classes, replace(p, votes=4))
    assert strict.rows.tolist() == [[0, 4, 1]]
    assert not strict.rules[0, 1]


def test_the_third_rule_rests_where_both_others_hold() -> None:
    classes = np.zeros(20, np.int64)
    agreed = rerank_lists(lists(list(range(10))), lists(list(range(9, -1, -1))), classes)
    assert agreed.rules.tolist() == [[True, True, False]]
    assert agreed.rows.tolist() == [list(range(10))]


def test_equation_9_lifts_candidates_of_both_lists_and_lowers_the_others() -> None:
    none = np.full(40, NO_CLASS)
    other = lists([3, *range(20, 35)])  # 16 places
    p = replace(ONLY_PLACES, lambda3=0.2, lambda4=0.1)
    found = rerank_lists(lists([0, 1, 2, 3], [1.0, 1.0, 1.0, 1.0]), other, none, p)
    assert found.rows.tolist() == [[3, 0, 1, 2]]
    assert found.distances[0] == pytest.approx([1 - 0.2 * (1 - 1 / 16), 1.2, 1.2, 1.2])


def test_photos_without_a_class_never_agree() -> None:
    found = rerank_lists(lists([0, 1]), lists([1, 0]), np.full(2, NO_CLASS))
    assert found.rules.tolist() == [[False, False, True]]


def test_the_scale_of_the_distances_does_not_matter() -> None:
    alpha, beta, classes = models(3)
    asked = np.arange(6)
    a, b = (first_lists(model.take(asked), model, 20, left_out=asked) for model in (alpha, beta))
    once = rerank_lists(a, b, classes)
    again = rerank_lists(Lists(a.rows, a.distances * 7), b, classes)
    assert np.array_equal(once.rows, again.rows)
    assert once.distances == pytest.approx(again.distances, abs=1e-5)


def test_blending_mixes_the_scaled_distances_before_the_rules() -> None:
    none = np.full(3, NO_CLASS)
    p = TwoModelParameters(lambda3=0, lambda4=0, blend=0.5)
    second = np.array([[3.0, 1.0, 2.0]], np.float32)
    found = rerank_lists(lists([0, 1, 2], [1.0, 1.0, 1.0]), lists([0]), none, p, second=second)
    assert found.rows.tolist() == [[1, 2, 0]]
    assert found.distances[0] == pytest.approx([0.75, 1.0, 1.25])
    with pytest.raises(ValueError, match="needed to blend"):
        rerank_lists(lists([0, 1, 2]), lists([0]), none, p)


def test_empty_lists_stay_empty() -> None:
    empty = Lists(np.empty((2, 0), np.int64), np.empty((2, 0), np.float32))
    assert rerank_lists(empty, empty, np.zeros(4, np.int64)).rows.shape == (2, 0)
    one = Lists(np.array([[1], [2]]), np.ones((2, 1), np.float32))
    assert rerank_lists(one, empty, np.zeros(4, np.int64)).rows.tolist() == [[1], [2]]


# --- classes and parameters ----------------------------------------------------------------------------------


def test_given_classes_come_before_groups_and_groups_before_none() -> None:
    features = np.repeat(np.eye(4, dtype=np.float32)[:2], 4, axis=0)
    neighbours = MutualNeighbours.of(features)
    given = np.array([7, NO_CLASS, NO_CLASS, NO_CLASS, 3, 3, NO_CLASS, NO_CLASS])
    classes, source = gallery_classes(given, neighbours, 8, without=0)
    assert source is ClassSource.GIVEN
    assert classes.tolist() == [NO_CLASS, *given[1:].tolist()]
    assert given[0] == 7, "the caller's array is left alone"
    nothing = np.full(8, NO_CLASS)
    classes, source = gallery_classes(nothing, neighbours, 8)
    assert (classes.tolist(), source) == ([0] * 4 + [1] * 4, ClassSource.GROUPS)
    only_the_query = np.array([5, *[NO_CLASS] * 7])
    assert gallery_classes(only_the_query, neighbours, 8, without=0)[1] is ClassSource.GROUPS
    assert gallery_classes(None, None, 3)[1] is ClassSource.NONE
    assert gallery_classes(None, MutualNeighbours.of(np.eye(8, dtype=np.float32)), 8)[1] is ClassSource.NONE


def test_parameters_are_read_from_the_manifest() -> None:
    assert TwoModelParameters.from_manifest({}) == TwoModelParameters()
    read = TwoModelParameters.from_manifest({"candidates": 200, "lambda1": 0, "blend": 0.5, "chosen_on": "train"})
    assert read == TwoModelParameters(candidates=200, lambda1=0.0, blend=0.5)


@pytest.mark.parametrize("wrong", [{"votes": 2.5}, {"lambda2": "much"}, {"candidates": True}, {"listed": -1}])
def test_parameters_of_the_wrong_kind_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(PackError, match=next(iter(wrong))):
        TwoModelParameters.from_manifest(wrong)
