"""Two-model re-ranking as a stage: the equations of S2 over the candidates of a search, and classes by labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from desktop_app.domain.errors import PackError
from desktop_app.domain.results import Stage
from desktop_app.retrieval.components import NO_CLASS, ComponentParameters
from desktop_app.retrieval.parameters import FusionParameters, RetrievalParameters
from desktop_app.retrieval.reranking import (
    ALPHA,
    BETA,
    RerankParameters,
    SecondModel,
    changes,
    common_labels,
)
from desktop_app.retrieval.standing import Standing
from desktop_app.retrieval.two_model import TwoModelParameters

PLAIN = TwoModelParameters(
    candidates=8, listed=8, compared=8, voters=4, votes=3, lambda1=0.2, lambda2=0.1, lambda3=0.3, lambda4=0.05
)


def unit(random: np.random.Generator, *shape: int) -> np.ndarray:
    values = random.normal(size=shape)
    return (values / np.linalg.norm(values, axis=-1, keepdims=True)).astype(np.float32)


def made(seed: int, count: int = 12) -> tuple[np.ndarray, SecondModel, np.ndarray]:
    random = np.random.default_rng(seed)
    cosines = np.sort(random.uniform(0.1, 0.9, count).astype(np.float32))[::-1].copy()
    second = SecondModel(unit(random, 6), unit(random, count, 6), random.permutation(count))
    return cosines, second, random.integers(-1, 3, count)


def slow(
    cosines: np.ndarray, second: SecondModel, classes: np.ndarray, depth: int, parameters: RerankParameters
) -> list[float]:
    """Equations 3 to 9 for one query, candidate by candidate."""
    p = parameters.two_model
    alpha = [float(np.sqrt(2 - 2 * c)) for c in cosines]
    beta = [float(np.linalg.norm(second.query - one)) for one in second.features]
    base, other = (alpha, beta) if parameters.base == ALPHA else (beta, alpha)
    head = sorted(range(min(depth, len(cosines))), key=lambda at: base[at])
    if parameters.base == ALPHA:
        near = sorted(range(len(cosines)), key=lambda at: second.bits_apart[at])[: p.candidates]
    else:
        near = sorted(range(len(cosines)), key=lambda at: alpha[at])[: p.candidates]
    listed = sorted(near, key=lambda at: other[at])[: p.compared]
    mean_base, mean_other = (np.mean([values[at] for at in head]) for values in (base, other))
    rho = {at: (1 - p.blend) * base[at] / mean_base + p.blend * other[at] / mean_other for at in head}
    if not p.blend:
        rho = {at: base[at] / mean_base for at in head}
    first = min(head, key=lambda at: rho[at])
    same = classes[first] if classes[first] == classes[listed[0]] else NO_CLASS
    votes = [classes[at] for at in listed[: p.voters] if classes[at] != NO_CLASS]
    majority = next((c for c in votes if votes.count(c) == max(map(votes.count, votes))), NO_CLASS)
    if majority != NO_CLASS and votes.count(majority) < p.votes:
        majority = NO_CLASS
    after = {}
    for at in head:
        value = rho[at]
        if same != NO_CLASS:
            value += -p.lambda1 if classes[at] == same else p.lambda1
        if majority != NO_CLASS and classes[at] == majority:
            value -= p.lambda2
        if same == NO_CLASS or majority == NO_CLASS:
            place = listed.index(at) + 1 if at in listed else -(len(listed) // 8)
            value += -p.lambda3 * (1 - place / len(listed)) if place > 0 else -p.lambda4 * place
        after[at] = value
    mean_alpha = np.mean([alpha[at] for at in head])
    return [alpha[at] / mean_alpha - after[at] for at in range(len(head))]


@pytest.mark.parametrize("base", [ALPHA, BETA])
@pytest.mark.parametrize("blend", [0.0, 0.4])
def test_changes_are_those_of_the_equations(base: str, blend: float) -> None:
    parameters = RerankParameters(base, two_model=replace(PLAIN, blend=blend))
    for seed in range(20):
        cosines, second, classes = made(seed)
        got = changes(cosines, second, classes, 9, parameters)
        assert got == pytest.approx(slow(cosines, second, classes, 9, parameters), abs=1e-5)


def test_nothing_to_re_rank_changes_nothing() -> None:
    empty = SecondModel(np.ones(6, np.float32), np.empty((0, 6), np.float32), np.empty(0))
    assert len(changes(np.empty(0, np.float32), empty, np.empty(0, np.int64), 10, RerankParameters())) == 0


def test_the_changes_move_the_head_by_their_weight() -> None:
    standing = Standing.first(np.array([5, 6, 7], np.int64), np.array([0.9, 0.8, 0.7], np.float32))
    after = standing.with_rerank(np.array([-0.2, 0.1], np.float32), FusionParameters(rerank=0.5))
    assert after.rows.tolist() == [6, 5, 7]
    assert after.raw == pytest.approx([0.85, 0.8, 0.7])
    assert after.stages == (Stage.GLOBAL, Stage.RERANK)
    assert after.stage_scores(0).rerank == pytest.approx(0.1) and after.stage_scores(2).rerank is None


def test_of_several_labels_the_one_that_most_share_is_the_class() -> None:
    rows = np.array([10, 11, 12, 13, 14], np.int64)
    labels = {10: ["sea", "summer"], 11: ["summer"], 12: ["boat"], 14: ["apple", "boat"]}
    found = common_labels(rows, labels)
    assert found[0] == found[1] != found[2]
    assert found[2] == found[4]
    assert found[3] == NO_CLASS
    assert (common_labels(rows, {}) == NO_CLASS).all()


def test_the_section_of_the_manifest() -> None:
    assert RetrievalParameters.from_manifest({}).rerank is None
    section = {
        "base": "beta",
        "weight": 0.8,
        "groups": {"neighbours": 7, "cosine": 0.5, "least": 2},
        "listed": 300,
    }
    found = RetrievalParameters.from_manifest({"rerank": section}).rerank
    assert found is not None and found.base == BETA and found.depth == 300
    assert found.groups == ComponentParameters(7, 0.5, 2)
    for wrong in ({"base": "gamma"}, {"groups": 3}, {"groups": {"cosine": "high"}}, {"listed": -1}):
        with pytest.raises(PackError):
            RerankParameters.from_manifest(wrong)
