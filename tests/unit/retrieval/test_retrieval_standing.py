"""One list from the scores of all stages."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.domain.results import Stage, StageScores
from desktop_app.retrieval.calibration import ScoreScale
from desktop_app.retrieval.close_look import Term
from desktop_app.retrieval.parameters import (
    FusionParameters,
    GraphParameters,
    Logistic,
    RetrievalParameters,
)
from desktop_app.retrieval.standing import Standing
from desktop_app.retrieval.tiles import PENALTY, TileScores, no_tiles


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


def in_parts() -> Standing:
    """The photo 4 is found by its tile 5, the photo 9 has a tile that is no better than the whole."""
    tiles = TileScores(numbers(-np.inf, -np.inf, 0.7, 1.0), np.array([-1, -1, 2, 5]))
    return Standing.first(np.array([7, 3, 9, 4]), numbers(0.9, 0.8, 0.7, 0.2), tiles)


def test_a_tile_counts_less_a_penalty_where_it_is_better_than_the_whole() -> None:
    standing = in_parts()
    assert standing.rows.tolist() == [7, 4, 3, 9]
    assert standing.raw == pytest.approx([0.9, 1.0 - PENALTY, 0.8, 0.7])
    assert [standing.tile(at) for at in range(4)] == [None, (5, pytest.approx(1.0)), None, None]
    assert standing.stage_scores(1).global_ == pytest.approx(0.2)


def test_smoothing_whole_photos_takes_nothing_from_a_tile() -> None:
    standing = in_parts().with_graph(numbers(0.5, 0.3, 0.8, 0.9), GraphParameters(mix=0.5))
    assert standing.rows.tolist() == [4, 3, 9, 7]
    assert standing.raw == pytest.approx([1.0 - PENALTY, 0.8, 0.8, 0.7])
    assert [standing.tile(at) is not None for at in range(4)] == [True, False, False, False]


def test_photos_without_a_tile_that_was_looked_at_stand_as_without_tiles() -> None:
    plain = first()
    same = Standing.first(plain.rows, plain.raw, no_tiles(4))
    for standing in (plain, same):
        standing = standing.with_graph(numbers(0.5, 0.8, 0.9), GraphParameters(mix=0.5))
        assert standing.rows.tolist() == [3, 9, 7, 4]
        assert standing.raw == pytest.approx([0.8, 0.8, 0.7, 0.6])


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


def test_marks_move_results_and_leave_the_best_score_as_it_was() -> None:
    ordinary = np.array([True, True, False])
    standing = first().with_marks(numbers(0.0, 1.0, 6.0), 0.5, ordinary)  # their spread is 0.05
    assert standing.rows.tolist() == [7, 9, 3, 4]
    assert standing.raw == pytest.approx([0.9, 0.85, 0.825, 0.6])
    assert standing.stage_scores(1).marks == pytest.approx(6.0)
    assert standing.stages == (Stage.GLOBAL, Stage.MARKS)
    moved = first().with_marks(numbers(0.0, 9.0, 6.0), 1.0, ordinary)
    assert moved.rows.tolist() == [3, 9, 7, 4] and moved.raw[0] == pytest.approx(0.9)
    assert first().with_marks(numbers(0.0, 9.0, 6.0), 0.0, ordinary).rows.tolist() == first().rows.tolist()


def test_kinship_is_said_by_the_stage_that_re_ranks_and_its_head_stays_in_front() -> None:
    parameters = FusionParameters(rerank=0.5, kin=Term(0.1, level=-2.0, slope=1.0))
    before = first().with_rerank(numbers(0.0, 0.18, 0.0), parameters)
    after = before.with_kin(numbers(-1.2, 2.89), parameters)
    expected = {7: 0.9 + 0.1 * (-1.2 + 2.0 - 0.9), 3: 0.89 + 0.1 * (2.89 + 2.0 - 0.89), 9: 0.7, 4: 0.6}
    assert after.rows.tolist() == [3, 7, 9, 4]
    assert after.raw == pytest.approx([expected[row] for row in after.rows.tolist()], abs=2e-4)
    said = {int(row): after.stage_scores(at).rerank for at, row in enumerate(after.rows)}
    assert said[3] == pytest.approx(0.18 + (expected[3] - 0.89) / 0.5, abs=1e-5)
    assert said[9] == pytest.approx(0.0)
    assert said[4] is None
    led = first().with_rerank(numbers(0.0, 0.1, 0.0), FusionParameters(rerank=0.1, kin=parameters.kin))
    assert led.with_kin(numbers(-1.2, 2.85), parameters).rows.tolist() == [7, 3, 9, 4]
    asking = np.array([False, True])
    assert led.with_kin(numbers(-1.2, 2.85), parameters, asking).rows.tolist() == [3, 7, 9, 4]
    low = before.with_kin(numbers(2.9, -9.0), parameters)
    assert low.rows.tolist() == [7, 3, 9, 4]
    assert low.raw[1] >= low.raw[2] - 1e-4
    assert before.with_kin(numbers(), parameters) is before


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
