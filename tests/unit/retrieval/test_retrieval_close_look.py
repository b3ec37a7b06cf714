"""A close look: its terms against plain loops, and what it may and may not do to scores."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.domain.errors import PackError
from desktop_app.domain.results import Stage
from desktop_app.retrieval.calibration import ScoreScale
from desktop_app.retrieval.close_look import (
    KIN,
    LOCAL,
    MATCH,
    CloseLook,
    CloseLookParameters,
    Term,
    kept_in_front,
    pooled,
)
from desktop_app.retrieval.close_terms import cell_match, local_terms
from desktop_app.retrieval.kinship import NEAREST, POWER, SPREAD, kinship
from desktop_app.retrieval.parameters import FusionParameters, RetrievalParameters
from desktop_app.retrieval.standing import Standing


def numbers(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("both", [False, True])
def test_cell_match_equals_plain_loops(weighted: bool, both: bool) -> None:
    random = np.random.default_rng(3)
    cosines = random.uniform(-1, 1, (6, 5)).astype(np.float32)
    weights = numbers(0.5, 0, 1, 0.2, 0, 0.9) if weighted else None
    share = [1.0] * 6 if weights is None else weights.tolist()
    asking = [i for i in range(6) if share[i] > 0]
    forward = sum(share[i] * max(0.0, max(cosines[i])) ** 3 for i in asking) / sum(share[i] for i in asking)
    backward = sum(max(0.0, max(cosines[i][j] for i in asking)) ** 3 for j in range(5)) / 5
    expected = (forward + backward) / 2 if both else forward
    assert cell_match(cosines, power=3.0, weights=weights, both_directions=both) == pytest.approx(
        expected, rel=1e-5
    )


def test_a_query_of_which_no_cell_counts_matches_nothing() -> None:
    assert cell_match(np.ones((2, 3), np.float32), power=3.0, weights=numbers(0, 0)) == 0.0


def test_a_copy_gets_the_largest_terms_and_a_candidate_without_features_none() -> None:
    random = np.random.default_rng(5)
    query = unit(random.normal(size=(6, 7, 16)))
    others = [unit(random.normal(size=(5, 6, 16))), query.astype(np.float16), None]
    terms = local_terms(query, others, numbers(0.1, 1.0, 0.1), numbers(0.1, 1.0, 0.1), RetrievalParameters())
    for name in (MATCH, LOCAL):
        assert terms[name][1] > terms[name][0]
        assert np.isnan(terms[name][2])
    assert terms[MATCH][1] == pytest.approx(1.0, abs=2e-3)


def kinship_by_steps(asked: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """The sum that the linear system stands for, step after step, over dictionaries of links."""
    count = len(asked) + 1
    near = [[0.0] * count for _ in range(count)]
    for i in range(count):
        for j in range(count):
            if i != j:
                cosine = asked[max(i, j) - 1] if 0 in (i, j) else cosines[i - 1][j - 1]
                near[i][j] = max(0.0, float(cosine)) ** POWER
    kept = [sorted(range(count), key=lambda j, i=i: (-near[i][j], j))[:NEAREST] for i in range(count)]
    links = [
        [((near[i][j] if j in kept[i] else 0) + (near[j][i] if i in kept[j] else 0)) / 2 for j in range(count)]
        for i in range(count)
    ]
    degree = [sum(row) + 1e-6 for row in links]
    step = [1.0 - SPREAD] + [0.0] * (count - 1)
    total = list(step)
    for _ in range(1500):
        step = [
            SPREAD * sum(links[i][j] * step[j] / (degree[i] * degree[j]) ** 0.5 for j in range(count))
            for i in range(count)
        ]
        total = [a + b for a, b in zip(total, step, strict=True)]
    return np.log(np.array(total[1:]) + (1 - SPREAD) * 1e-6)


def test_kinship_is_what_spreading_step_by_step_comes_to() -> None:
    vectors = unit(np.random.default_rng(7).normal(size=(10, 4)))
    found = kinship(vectors[1:] @ vectors[0], vectors[1:] @ vectors[1:].T)
    assert found == pytest.approx(
        kinship_by_steps(vectors[1:] @ vectors[0], vectors[1:] @ vectors[1:].T), abs=1e-3
    )


def test_a_candidate_that_others_of_the_kind_are_near_to_rises_above_one_that_stands_alone() -> None:
    asked = numbers(0.8, 0.78, 0.76, 0.6, 0.6)
    cosines = np.full((5, 5), 0.1, np.float32)
    cosines[:4, :4] = 0.9  # the fourth is of the kind of the first three, the fifth of none
    np.fill_diagonal(cosines, 1.0)
    found = kinship(asked, cosines)
    assert found[3] > found[4] + 0.1
    assert kinship(numbers(), np.empty((0, 0), np.float32)).shape == (0,)


def test_what_is_usual_for_a_score_changes_nothing_and_what_is_unknown_neither() -> None:
    parameters = CloseLookParameters({MATCH: Term(0.5, level=0.1, slope=0.4)})
    raw = numbers(1.0, 0.5, 0.2)
    look = CloseLook(numbers(0.9, 0.5, np.nan), {MATCH: numbers(0.5, 0.5, np.nan)})
    assert look.changes(raw, parameters) == pytest.approx([0.0, 0.5 * (0.5 - 0.3), 0.0], abs=1e-6)
    assert CloseLook.nothing().with_term(KIN, numbers(1, 2, 3)).changes(raw, parameters).tolist() == [0, 0, 0]


def test_what_is_usual_does_not_grow_above_the_scores_it_was_learnt_on() -> None:
    term = Term(2.0, level=1.0, slope=3.0, most=0.5)
    usual = numbers(1.0 + 3.0 * 0.4, 1.0 + 3.0 * 0.5, 1.0 + 3.0 * 0.5)
    assert term.changes(usual, numbers(0.4, 0.5, 4.0)) == pytest.approx([0, 0, 0], abs=1e-6)
    assert Term.from_manifest(term.as_json()) == term
    assert Term.from_manifest(Term(1.0).as_json()) == Term(1.0)


def test_terms_of_several_pictures_meet_as_their_scores_do() -> None:
    values = [numbers(1.0, 3.0, np.nan), numbers(2.0, 0.0, np.nan), numbers(5.0, 1.0, np.nan)]
    found = pooled(values, weights=[1.0, 3.0, 1.0], negative=[False, False, True], beta=0.5)
    assert found[:2] == pytest.approx([7 / 4 - 0.5 * 2, 3 / 4 + 0.5 * 2])
    assert np.isnan(found[2])


def test_the_head_stays_in_front_of_what_was_not_looked_at_and_keeps_its_order() -> None:
    raw = numbers(0.9, 0.2, 0.5, -0.4)
    kept = kept_in_front(raw, 0.4)
    assert kept[[0, 2]].tolist() == raw[[0, 2]].tolist()
    assert 0.4 > kept[1] > kept[3] >= 0.4 - 1.01e-4
    assert kept_in_front(raw, -1.0) is raw


def test_evidence_reorders_the_head_alone_and_scores_fall_down_the_list() -> None:
    standing = Standing.first(np.array([7, 3, 9, 4], np.int64), numbers(0.9, 0.8, 0.7, 0.65))
    parameters = FusionParameters(evidence=CloseLookParameters({MATCH: Term(1.0)}))
    look = CloseLook(numbers(0.1, 0.9, np.nan), {MATCH: numbers(-0.6, 0.05, np.nan)})
    after = standing.with_evidence(look, parameters)
    assert after.rows.tolist() == [3, 9, 7, 4]
    assert after.raw == pytest.approx([0.85, 0.7, 0.7, 0.65], abs=2e-4)
    assert after.stages == (Stage.GLOBAL, Stage.EVIDENCE)
    assert [after.stage_scores(at).relevance for at in range(4)] == [
        pytest.approx(0.9),
        None,
        pytest.approx(0.1),
        None,
    ]
    scale = ScoreScale.of_pack(RetrievalParameters(), after.stages)
    assert (np.diff(after.shown(scale, background=0.0)) <= 0).all()


def test_the_manifest_names_the_terms_that_count() -> None:
    read = CloseLookParameters.from_manifest
    assert read({}).terms == {}
    found = read({"evidence": {"kin": {"weight": 0.2, "level": -3, "slope": 1.5}, "match": {"weight": 0}}})
    assert found.terms == {KIN: Term(0.2, -3.0, 1.5)}
    for wrong in (
        {"luck": {"weight": 1}},
        {"kin": 3},
        {"kin": {"weight": "much"}},
        {"kin": {"weight": True}},
        {"kin": {"weight": 1, "most": float("nan")}},
        [1],
    ):
        with pytest.raises(PackError, match="evidence"):
            read({"evidence": wrong})
        if wrong != {"luck": {"weight": 1}}:
            with pytest.raises(PackError, match="kin"):
                FusionParameters.from_manifest(wrong if isinstance(wrong, dict) else {"kin": wrong})
