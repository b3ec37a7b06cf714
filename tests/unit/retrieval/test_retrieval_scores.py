"""Query making, fusion, relevance, calibration and parameters."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.domain.errors import PackError, UsageError
from desktop_app.domain.geometry import Cell, Grid
from desktop_app.domain.results import Stage, Words
from desktop_app.retrieval.calibration import ScoreScale, calibrate, verdict, weaker_from, words_for
from desktop_app.retrieval.fusion import descending, fuse, rerank
from desktop_app.retrieval.pairs import CellPairs
from desktop_app.retrieval.parameters import (
    FusionParameters,
    Logistic,
    RelevanceParameters,
    RetrievalParameters,
    WordThresholds,
)
from desktop_app.retrieval.query import pooled_descriptor, pooled_local, weight_map
from desktop_app.retrieval.relevance import PairMeasurements, relevance
from desktop_app.retrieval.score_levels import WORDS, ScoreLevels


def unit(seed, dimension=16):
    vector = np.random.default_rng(seed).normal(size=dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


def test_a_combined_query_is_rocchios_form_by_plain_loops():
    wanted, unwanted = [unit(0), 3 * unit(1)], [unit(2), unit(3)]
    fast = pooled_descriptor(wanted, weights=[2, 1], negatives=unwanted, negative_weights=[1, 3], beta=0.4)
    slow = []
    for d in range(16):
        mean = (2 * unit(0)[d] + 1 * unit(1)[d]) / 3
        against = (1 * unit(2)[d] + 3 * unit(3)[d]) / 4
        slow.append(mean - 0.4 * against)
    assert fast == pytest.approx(np.array(slow) / math.sqrt(sum(x * x for x in slow)), abs=1e-6)


def test_one_picture_is_its_own_query():
    assert pooled_descriptor([unit(5)]) == pytest.approx(unit(5), abs=1e-6)


def test_a_query_of_negatives_only_is_refused():
    with pytest.raises(UsageError, match="no picture to look for"):
        pooled_descriptor([], negatives=[unit(0)])
    with pytest.raises(UsageError, match="no picture to look for"):
        pooled_descriptor([unit(0)], weights=[0.0])


def test_a_negative_moves_the_query_away_from_it():
    wanted, unwanted = unit(0), unit(1)
    moved = pooled_descriptor([wanted], negatives=[unwanted])
    assert moved @ unwanted < wanted @ unwanted
    assert pooled_descriptor([wanted], negatives=[wanted], beta=1.0) == pytest.approx(wanted, abs=1e-6)


def test_local_scores_of_several_pictures_take_the_same_form():
    scores = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    pooled = pooled_local(scores, weights=[3, 1, 1], negative=[False, False, True], beta=0.5)
    assert pooled == pytest.approx([3 / 4 - 0.5, 1 / 4 - 0.5])
    assert pooled_local(scores[:1], weights=[1], negative=[False]).tolist() == [1, 0]


def test_marks_become_a_map_of_weights():
    grid = Grid(2, 3)
    assert weight_map({}, grid, grid) is None
    weights = weight_map({Cell(0, 1): 8.0, Cell(1, 2): 0.0, Cell(9, 9): 5.0}, grid, grid)
    assert weights == pytest.approx(np.array([[1, 8, 1], [1, 1, 0]]))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100), rows=st.integers(1, 5), columns=st.integers(1, 5))
def test_marks_on_another_grid_are_averaged_over_the_area(seed, rows, columns):
    random = np.random.default_rng(seed)
    marked, grid = Grid(3, 4), Grid(rows, columns)
    cells = {Cell(r, c): float(random.integers(0, 9)) for r in range(3) for c in range(4)}
    fine = np.zeros((3 * rows, 4 * columns))
    for row in range(3 * rows):
        for column in range(4 * columns):
            fine[row, column] = cells[Cell(row // rows, column // columns)]
    slow = fine.reshape(rows, 3, columns, 4).mean(axis=(1, 3))
    assert weight_map(cells, marked, grid) == pytest.approx(slow, abs=1e-5)


def test_a_match_below_the_floor_changes_nothing_and_above_it_is_a_bonus():
    parameters = FusionParameters(global_=1.0, local=2.0, local_floor=0.1)
    cosines = np.array([0.9, 0.8, 0.7], dtype=np.float32)
    match = np.array([0.02, 0.1, 0.4], dtype=np.float32)
    slow = [c + 2.0 * (m - 0.1 if m > 0.1 else 0.0) for c, m in zip(cosines, match, strict=True)]
    assert fuse(cosines, match, parameters) == pytest.approx(slow)
    assert RetrievalParameters.from_manifest({"fusion": {"local_floor": 0.1}}).fusion.local_floor == 0.1


def test_the_head_is_reordered_by_the_fused_score_and_the_tail_stays():
    global_scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32)
    local_scores = np.array([0.0, 0.1, 0.9], np.float32)
    order, raw = rerank(global_scores, local_scores, FusionParameters(global_=1.0, local=0.5))
    slow = [*sorted(range(3), key=lambda n: -(global_scores[n] + 0.5 * local_scores[n])), 3, 4]
    assert order.tolist() == slow
    assert raw == pytest.approx([0.7 + 0.45, 0.9, 0.85])
    assert fuse(global_scores[:3], local_scores, FusionParameters(2.0, 1.0)) == pytest.approx([1.8, 1.7, 2.3])


def test_equal_scores_keep_their_order():
    assert descending(np.array([1, 2, 2, 1], np.float32)).tolist() == [1, 2, 0, 3]


def test_calibration_is_the_logistic():
    curve = Logistic(scale=4.0, offset=-2.0)
    raw = np.array([-1, 0, 0.5, 2], np.float32)
    assert calibrate(raw, curve) == pytest.approx([1 / (1 + math.exp(-(4 * float(x) - 2))) for x in raw])
    assert calibrate(np.array([1e9], np.float32), curve)[0] <= 1.0


def test_shown_scores_fall_down_the_list():
    parameters = RetrievalParameters(calibration_balanced=Logistic(5, -2), calibration_global=Logistic(5, -2))
    raw = np.array([0.9, 0.2, 0.8, 0.7], np.float32)
    shown = ScoreScale.of_pack(parameters, (Stage.GLOBAL, Stage.LOCAL)).scores(raw, depths=(4, 2), background=0.0)
    assert shown[0] == calibrate(raw[:1], Logistic(5, -2))[0]
    assert (np.diff(shown) <= 0).all()


def test_levels_of_a_pack_stand_in_for_those_of_a_library_where_it_has_all_stages():
    numbers = {"share": 0.5, "unrelated": 0.0, "similar": 0.2, "found": 0.3, "same_thing": 0.5, "copy": 1.0}
    section = {"global": numbers | {"almost_certain": 0.8}, "global+local": numbers | {"almost_certain": 0.9}}
    parameters = RetrievalParameters.from_manifest({"levels": section})
    raw = np.array([0.9, 0.3], np.float32)
    scale = ScoreScale.of_pack(parameters, (Stage.GLOBAL, Stage.LOCAL, Stage.EVIDENCE))
    assert scale.words == WORDS and len(scale.curves) == 3
    whole = ScoreLevels(**section["global+local"]).scores(raw, 0.4)
    assert scale.scores(raw, depths=(2, 2, 2), background=0.4) == pytest.approx(whole)
    plain = ScoreScale.of_pack(parameters, (Stage.GLOBAL, Stage.GRAPH))
    assert plain.words == parameters.words, "a stage is missing: the curves of the pack"


@pytest.mark.parametrize("wrong", [{}, {"share": "much"}, {"found": 0.1}, 3])
def test_levels_of_a_pack_are_rising_numbers(wrong):
    good = {"share": 0, "unrelated": 0, "similar": 0.2, "found": 0.3, "same_thing": 0.5, "almost_certain": 1}
    assert RetrievalParameters.from_manifest({"levels": {"global": good | {"copy": 2}}}).levels
    section = wrong if wrong == 3 or not wrong else good | {"copy": 2} | wrong
    with pytest.raises(PackError):
        RetrievalParameters.from_manifest({"levels": {"global": section}})


def test_the_five_phrases():
    thresholds = WordThresholds(similar=0.4, same_thing=0.6, almost_certain=0.9)
    assert [words_for(s, thresholds) for s in (0.95, 0.9, 0.7, 0.4, 0.39)] == [
        Words.ALMOST_CERTAIN,
        Words.ALMOST_CERTAIN,
        Words.SAME_THING,
        Words.SIMILAR,
        Words.WEAKER,
    ]
    assert verdict([0.2, 0.65], thresholds) is Words.SAME_THING
    assert verdict([0.39], thresholds) is Words.NOTHING
    assert verdict([], thresholds) is Words.NOTHING
    stricter = WordThresholds(similar=0.4, same_thing=0.6, almost_certain=0.9, found=0.5)
    assert words_for(0.45, stricter) is Words.SIMILAR
    assert verdict([0.45], stricter) is Words.NOTHING
    assert verdict([0.5], stricter) is Words.SIMILAR
    # pixels that were compared in vain: only the score of the same thing is believed, where scores were measured
    assert verdict([0.5], stricter, refuted=True) is Words.NOTHING
    assert verdict([stricter.same_thing], stricter, refuted=True) is Words.SAME_THING
    assert verdict([0.65], thresholds, refuted=True) is verdict([0.65], thresholds)
    assert weaker_from([0.9, 0.5, 0.3, 0.2], thresholds) == 2
    assert weaker_from([0.9], thresholds) == 1


def test_relevance_is_the_logistic_of_the_measurements():
    parameters = RelevanceParameters(weights={"global": 2.0, "links": 0.5}, bias=-1.0)
    measured = PairMeasurements(global_=0.6, local=0.3, links=7, link_cosine=0.8)
    raw = 2.0 * 0.6 + 0.5 * math.log(8) - 1.0
    assert relevance(measured, parameters) == pytest.approx(1 / (1 + math.exp(-raw)))


def test_pairs_that_do_not_agree_are_not_counted_as_links():
    cells = np.arange(3)
    cosine = np.array([0.9, 0.8, 0.7], np.float32)
    loose = PairMeasurements.of(global_=0, local=0, pairs=CellPairs(cells, cells, cosine, agree=False))
    firm = PairMeasurements.of(global_=0, local=0, pairs=CellPairs(cells, cells, cosine, agree=True))
    assert (loose.links, firm.links) == (0, 3)
    assert loose.link_cosine == pytest.approx(0.8)


def test_parameters_come_from_the_manifest():
    manifest = {
        "name": "indicium-s",
        "thresholds": {
            "local_floor": 0.1,
            "local_power": 2,
            "link_cosine": 0.6,
            "link_strong": 0.9,
            "similar": 0.3,
        },
        "relevance": {"kind": "logistic", "inputs": ["global", "local"], "weights": [3, 1.5], "bias": -2},
        "fusion": {"global": 1.0, "local": 0.7},
        "calibration": {"balanced": {"kind": "logistic", "scale": 7.0, "offset": -3.0}},
    }
    read = RetrievalParameters.from_manifest(manifest)
    assert (read.match.floor, read.match.power) == (0.1, 2.0)
    assert (read.links.cosine, read.links.strong) == (0.6, 0.9)
    assert read.words.similar == 0.3
    assert read.relevance.weights == {"global": 3.0, "local": 1.5}
    assert read.relevance.bias == -2.0
    assert read.fusion == FusionParameters(global_=1.0, local=0.7)
    assert read.calibration_balanced == Logistic(7.0, -3.0)
    assert read.calibration_global == Logistic()


def test_a_manifest_without_these_sections_takes_the_defaults():
    assert RetrievalParameters.from_manifest({"name": "bare", "thresholds": None}) == RetrievalParameters()


def test_thresholds_out_of_order_are_put_in_order():
    read = RetrievalParameters.from_manifest(
        {"thresholds": {"similar": 0.8, "same_thing": 0.5, "link_cosine": 0.9}}
    )
    assert read.words.similar <= read.words.same_thing <= read.words.almost_certain
    assert read.links.map_floor <= read.links.cosine <= read.links.medium <= read.links.strong


@pytest.mark.parametrize(
    "manifest",
    [
        {"thresholds": {"similar": "high"}},
        {"thresholds": {"local_floor": math.nan}},
        {"thresholds": {"link_cosine": True}},
        {"fusion": [1, 2]},
        {"relevance": {"inputs": ["global"], "weights": [1, 2]}},
        {"relevance": {"inputs": ["aura"], "weights": [1]}},
        {"calibration": {"global": {"kind": "isotonic"}}},
        {"calibration": {"global": {"scale": -1}}},
    ],
)
def test_a_damaged_manifest_is_refused_in_a_sentence(manifest):
    with pytest.raises(PackError) as refused:
        RetrievalParameters.from_manifest(manifest)
    assert "manifest" in refused.value.message
    assert refused.value.remedy
