"""The measures of evidence, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.domain.evidence import PatchLink, Strength
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.evaluation.evidence_measures import (
    THRESHOLDS,
    above_chance,
    best_threshold,
    curve_area,
    inside_over_outside,
    ious,
    pointing_hit,
    precision_of_first,
    removal_order,
    right_links,
    upsampled,
)

# A map of 2 x 2 cells over a picture of 4 x 6 pixels; the region is its left third (8 pixels of 24).
MAP = np.array([[0.8, 0.2], [0.5, 0.0]], dtype=np.float32)
REGION = np.zeros((4, 6), dtype=bool)
REGION[:, :2] = True


def test_a_map_is_laid_over_a_picture_cell_by_cell():
    laid = upsampled(MAP, 4, 6)
    assert laid.tolist() == 2 * [3 * [pytest.approx(0.8)] + 3 * [pytest.approx(0.2)]] + 2 * [3 * [0.5] + 3 * [0.0]]


def test_iou_at_the_ten_thresholds():
    # t = 0: everything, 8/24. t <= .2: three cells = 18 px that hold the region: 8/18. t <= .5: the left half =
    # 12 px: 8/12. t <= .8: the upper left cell = 6 px, 4 of them in the region: 4/10. t = .9: nothing.
    expected = [8 / 24, 8 / 18, 8 / 18, 8 / 12, 8 / 12, 8 / 12, 4 / 10, 4 / 10, 4 / 10, 0.0]
    assert THRESHOLDS == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    np.testing.assert_allclose(ious(MAP, REGION), expected, atol=1e-12)


def test_threshold_zero_gives_the_share_of_the_area_even_without_evidence():
    found = ious(np.zeros((3, 3), np.float32), REGION)
    assert found[0] == pytest.approx(REGION.mean())
    assert not found[1:].any()


def test_the_pointing_game_looks_at_the_middle_of_the_highest_cell():
    assert pointing_hit(MAP, REGION)  # its middle is pixel (1, 1)
    assert not pointing_hit(MAP[:, ::-1], REGION)  # pixel (1, 4)
    narrow = np.zeros((4, 6), dtype=bool)
    narrow[1, 1] = True
    assert pointing_hit(MAP, narrow)
    assert not pointing_hit(np.zeros((2, 2), np.float32), np.ones((4, 6), dtype=bool))


def test_inverted_attention_is_noticed():
    assert inside_over_outside(MAP, REGION)
    assert not inside_over_outside(1.0 - MAP, REGION)
    assert not inside_over_outside(np.ones((2, 2), np.float32), REGION)


def test_chance_and_areas():
    assert above_chance(0.9, 0.5) == pytest.approx(0.8)
    assert above_chance(0.2, 0.5) == pytest.approx(-0.6)
    assert curve_area([1.0, 0.5, 0.0]) == pytest.approx(0.5)
    assert curve_area([1.0, 0.0, 0.0]) == pytest.approx(0.25)


def test_cells_go_from_the_highest_to_the_lowest():
    assert removal_order(MAP).tolist() == [0, 2, 1, 3]
    assert removal_order(np.zeros((2, 2), np.float32)).tolist() == [0, 1, 2, 3]


def test_the_best_threshold_is_the_one_of_the_highest_mean():
    table = np.array([[0.1, 0.6, 0.6], [0.3, 0.4, 0.4]])
    assert best_threshold(table, (0.2, 0.4, 0.6)) == (0.4, pytest.approx(0.5))


def _link(query: tuple[int, int], result: tuple[int, int]) -> PatchLink:
    box = Region(0, 0, 1, 1)
    return PatchLink(Cell(*query), Cell(*result), box, box, 0.5, Strength.WEAK)


def test_links_are_right_within_a_cell_and_a_half():
    # the result shows the query's left half over its whole width: x of the query is taken to 2 x
    to_result = np.diag([2.0, 1.0, 1.0])
    links = [
        _link((0, 0), (0, 0)),  # .125 -> .25 = cell .5 of 4: half a cell away
        _link((2, 1), (2, 3)),  # .375 -> .75 = cell 2.5: half a cell away
        _link((2, 1), (2, 1)),  # one cell and a half away: still right
        _link((0, 1), (2, 2)),  # two rows away
        _link((0, 1), (0, 0)),  # two and a half columns away
    ]
    found = right_links(links, to_result, Grid(4, 4), Grid(4, 4))
    assert found.tolist() == [True, True, True, False, False]


def test_no_links_are_no_right_links():
    assert right_links((), np.eye(3), Grid(4, 4), Grid(4, 4)).tolist() == []


def test_precision_of_the_first_links_counts_links_not_pairs():
    right = [np.array([True, False, True]), np.array([False]), np.array([], dtype=bool)]
    assert precision_of_first(right, 1) == pytest.approx(1 / 2)
    assert precision_of_first(right, 2) == pytest.approx(1 / 3)
    assert precision_of_first(right, 5) == pytest.approx(2 / 4)
    assert precision_of_first([np.array([], dtype=bool)], 5) is None
