"""Decoding of the indicative network: links, maps on a fixed scale, the feedback mask, what goes in."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.domain.evidence import CoAttention, EvidenceSource, MatchEvidence, Strength
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.retrieval.indicative import (
    CELLS,
    GRID,
    IndicativeOutput,
    IndicativeParameters,
    feedback_mask,
    find_links,
    indicative_evidence,
    square_features,
    square_pixels,
)


def matching(*entries):
    """M* with ((result row, column), (query row, column), value) entries."""
    made = np.zeros((14, 14, 14, 14), np.float32)
    for (i, j), (k, n), value in entries:
        made[i, j, k, n] = value
    return made.reshape(CELLS, CELLS)


def local_evidence(relevance):
    blank = np.zeros((4, 5), np.float32)
    return MatchEvidence(
        relevance=relevance,
        source=EvidenceSource.LOCAL,
        coattention=CoAttention(blank, blank),
        p=blank,
        q=blank,
        links=(),
        words="",
        query_grid=Grid(4, 5),
        result_grid=Grid(4, 5),
        query_box=Region(10, 20, 280, 140),
        result_box=Region(0, 0, 1400, 700),
    )


# --- links ------------------------------------------------------------------------------------------------------


def slow_links(matching_, limit, least):
    """Every entry by falling value, kept when no kept one is within a cell in all four directions."""
    values = matching_.reshape(14, 14, 14, 14)
    kept = []
    for flat in np.argsort(-values.ravel(), kind="stable"):
        place = np.array(np.unravel_index(flat, values.shape))
        if len(kept) == limit or values.ravel()[flat] < least or values.ravel()[flat] <= 0:
            break
        if all(np.abs(place - other).max() > 1 for other in kept):
            kept.append(place)
    return [(int(i * 14 + j), int(k * 14 + n)) for i, j, k, n in kept]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8), st.floats(0.0, 0.999))
def test_links_equal_the_slow_way(seed, limit, least):
    random = np.random.default_rng(seed)
    values = np.zeros(CELLS * CELLS, np.float32)
    at = random.choice(CELLS * CELLS, 60, replace=False)
    values[at] = random.permutation(60).astype(np.float32) / 60 + 0.001  # all different
    values = values.reshape(CELLS, CELLS)
    found = find_links(values, limit=limit, least=least)
    assert list(zip(found.result.tolist(), found.query.tolist(), strict=True)) == slow_links(values, limit, least)
    assert (np.diff(found.score) <= 0).all()


def test_a_neighbour_in_all_four_directions_is_no_second_link():
    near = ((3, 4), (8, 9), 0.9), ((4, 5), (7, 9), 0.8), ((3, 4), (8, 11), 0.7)
    found = find_links(matching(*near), limit=5)
    assert found.query.tolist() == [8 * 14 + 9, 8 * 14 + 11]


def test_nothing_matched_means_no_links():
    assert len(find_links(np.zeros((CELLS, CELLS), np.float32), limit=5).score) == 0


# --- evidence ---------------------------------------------------------------------------------------------------


def test_maps_equal_equation_4_by_plain_loops():
    random = np.random.default_rng(0)
    values = random.random((CELLS, CELLS)).astype(np.float32)
    made = indicative_evidence(
        local_evidence(0.8), IndicativeOutput(2.0, values), IndicativeParameters(), region=False
    )
    wide = values.reshape(14, 14, 14, 14)
    p = [[float(sum(wide[i, j, k].sum() for k in range(14))) for j in range(14)] for i in range(14)]
    q = [[float(sum(wide[i, :, k, n].sum() for i in range(14))) for n in range(14)] for k in range(14)]
    assert np.allclose(made.p, 0.8 * np.array(p) / np.max(p), atol=1e-5)
    assert np.allclose(made.q, 0.8 * np.array(q) / np.max(q), atol=1e-5)
    assert made.source is EvidenceSource.INDICATIVE


def test_boxes_lie_in_the_pixels_of_each_original():
    output = IndicativeOutput(3.0, matching(((13, 0), (0, 13), 0.9), ((0, 0), (7, 7), 0.6)))
    parameters = IndicativeParameters(link_medium=0.5, link_strong=0.8)
    made = indicative_evidence(local_evidence(0.9), output, parameters, region=True)
    first, second = made.links
    assert first.result_cell == Cell(13, 0) and first.query_cell == Cell(0, 13)
    assert first.result == Region(0, 650, 100, 50)
    assert first.query == Region(270, 20, 20, 10)
    assert (first.strength, second.strength) == (Strength.STRONG, Strength.MEDIUM)
    assert made.query_grid == made.result_grid == GRID
    assert "region you drew" in made.words


def test_below_half_nothing_is_shown():
    output = IndicativeOutput(-2.0, np.ones((CELLS, CELLS), np.float32))
    made = indicative_evidence(local_evidence(0.49), output, IndicativeParameters(), region=False)
    assert not made.p.any() and not made.q.any() and made.links == ()
    assert made.relevance == 0.49


def test_a_network_that_saw_nothing_shows_nothing():
    output = IndicativeOutput(9.0, np.zeros((CELLS, CELLS), np.float32))
    made = indicative_evidence(local_evidence(0.9), output, IndicativeParameters(), region=False)
    assert not made.p.any() and made.links == ()


def test_relevance_is_a_logistic_of_both_logits():
    parameters = IndicativeParameters(network=0.5, local=0.25, bias=-1.0)
    wanted = 1 / (1 + math.exp(-(-1.0 + 0.5 * 3.0 + 0.25 * math.log(0.8 / 0.2))))
    assert parameters.relevance(3.0, 0.8) == pytest.approx(wanted)
    assert 0 < parameters.relevance(-1e9, 0.0) < parameters.relevance(1e9, 1.0) <= 1


def test_parameters_come_from_the_manifest():
    read = IndicativeParameters.from_manifest({"indicative": {"evidence": True, "bias": -2, "link_least": 0.3}})
    assert read == IndicativeParameters(evidence=True, bias=-2.0, link_least=0.3)
    assert IndicativeParameters.from_manifest({}) == IndicativeParameters()


# --- feedback (eq. 10) ------------------------------------------------------------------------------------------


def test_the_feedback_mask_is_equation_10_over_its_largest_value():
    random = np.random.default_rng(1)
    maps = [random.random((14, 14)).astype(np.float32) for _ in range(5)]
    average, maximum = (feedback_mask(maps, form=form) for form in ("average", "maximum"))
    for k, n in ((0, 0), (6, 13)):
        mean = sum(float(one[k, n]) for one in maps) / 5
        most = max(float(one[k, n]) for one in maps)
        assert average[k, n] == pytest.approx(max(0.1, mean / float(np.mean(maps, axis=0).max())), abs=1e-5)
        assert maximum[k, n] == pytest.approx(max(0.1, most / float(np.max(maps))), abs=1e-5)
    assert float(average.max()) == float(maximum.max()) == 1.0


def test_the_feedback_mask_has_a_floor_and_a_neutral_form():
    one = np.zeros((14, 14), np.float32)
    one[2, 2] = 3.0
    mask = feedback_mask([one])
    assert mask[2, 2] == 1.0 and float(mask.min()) == pytest.approx(0.1)
    assert (feedback_mask([]) == 1).all()
    assert (feedback_mask([np.zeros((14, 14), np.float32)]) == 1).all()
    with pytest.raises(ValueError, match="median"):
        feedback_mask([one], form="median")


# --- inputs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(18, 18), (10, 30), (14, 14), (5, 7)])
def test_features_cover_the_whole_photo_on_the_square_grid(shape):
    """A ramp stays a ramp: the middle of every cell keeps its place."""
    height, width = shape
    rows, columns = np.mgrid[0:height, 0:width]
    y, x = (rows + 0.5) / height, (columns + 0.5) / width
    features = np.stack([y, x, np.ones(shape)], axis=2).astype(np.float32)
    made = square_features(features)
    assert made.shape == (14, 14, 3)
    assert np.allclose(np.linalg.norm(made, axis=2), 1.0, atol=1e-5)
    inner = slice(3, 11)
    want = (np.arange(14) + 0.5) / 14
    assert np.allclose((made[..., 0] / made[..., 2])[inner, inner], want[inner][:, None], atol=0.005)
    assert np.allclose((made[..., 1] / made[..., 2])[inner, inner], want[inner][None], atol=0.005)


def test_features_already_on_the_grid_stay_as_they_are():
    features = np.random.default_rng(0).normal(size=(14, 14, 6)).astype(np.float32)
    features /= np.linalg.norm(features, axis=2, keepdims=True)
    assert np.allclose(square_features(features), features, atol=1e-6)


def test_pixels_are_the_whole_picture():
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 150:] = 200
    made = square_pixels(picture)
    assert made.shape == (224, 224, 3) and made.dtype == np.uint8
    assert (made[:, :110] == 0).all() and (made[:, 114:] == 200).all()
