"""One list from the scores of all stages."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.domain.results import Stage, StageScores
from desktop_app.retrieval.calibration import ScoreScale
from desktop_app.retrieval.parameters import (
    FusionParameters,
    GraphParameters,
    Logistic,
    RetrievalParameters,
)
from desktop_app.retrieval.standing import Standing


def numbers(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def first() -> Standing:
    return Standing.first(np.array([7, 3, 9, 4], np.int64), numbers(0.9, 0.8, 0.7, 0.6))


def test_every_stage_sorts_its_head_and_leaves_the_tail() -> None:
    standing = first().with_graph(numbers(0.5, 0.8, 0.9), GraphParameters(mix=0.5))
    assert standing.rows.tolist() == [3, 9, 7, 4]
    assert standing.raw == pytest.approx([0.8, 0.8, 0.7, 0.6])
    standing = standing.with_local(numbers(0.1, 0.6), FusionParameters(global_=1.0, local=0.5, local_floor=0.2))
    assert standing.rows.tolist() == [9, 3, 7, 4]
    assert standing.raw == pytest.approx([0.8 + 0.5 * 0.4, 0.8, 0.7, 0.6])
    assert standing.stages == (Stage.GLOBAL, Stage.GRAPH, Stage.LOCAL)


def test_every_result_carries_the_score_of_every_stage_that_looked_at_it() -> None:
    standing = (
        first()
        .with_graph(numbers(0.5, 0.8, 0.9), GraphParameters(mix=0.5))
        .with_local(numbers(0.1, 0.6), FusionParameters())
    )
    found = {int(row): standing.stage_scores(at) for at, row in enumerate(standing.rows)}
    assert found[9] == StageScores(global_=pytest.approx(0.7), graph=pytest.approx(0.9), local=pytest.approx(0.6))
    assert found[7] == StageScores(global_=pytest.approx(0.9), graph=pytest.approx(0.5), local=None)
    assert found[4] == StageScores(global_=pytest.approx(0.6))


def test_shown_scores_fall_down_the_list_each_by_the_curve_of_its_stages() -> None:
    parameters = RetrievalParameters(
        calibration_global=Logistic(5, -1),
        calibration_balanced=Logistic(5, -2),
        fusion=FusionParameters(local=1.0),
    )
    scale = ScoreScale.of_pack(parameters, (Stage.GLOBAL, Stage.LOCAL))
    shown = first().with_local(numbers(0.0, 0.3), parameters.fusion).shown(scale, background=0.0)
    head = [1 / (1 + np.exp(-(5 * raw - 2))) for raw in (1.1, 0.9)]
    tail = [min(head[1], 1 / (1 + np.exp(-(5 * raw - 1)))) for raw in (0.7, 0.6)]
    assert shown == pytest.approx([*head, *tail])
    assert (np.diff(shown) <= 0).all()


def test_an_empty_list_stays_empty() -> None:
    nothing = Standing.first(np.empty(0, np.int64), numbers())
    standing = nothing.with_graph(numbers(), GraphParameters()).with_local(numbers(), FusionParameters())
    scale = ScoreScale.of_pack(RetrievalParameters(), standing.stages)
    assert len(standing) == 0 and len(standing.shown(scale, background=0.0)) == 0
