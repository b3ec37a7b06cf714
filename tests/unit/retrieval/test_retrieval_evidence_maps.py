"""The maps of a matched pair, against plain loops."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from desktop_app.domain.geometry import Grid
from desktop_app.retrieval.evidence_maps import match_maps, near_cells
from desktop_app.retrieval.pairs import CellPairs, find_pairs, soft_mutual
from desktop_app.retrieval.parameters import LinkParameters

LINKS = LinkParameters(cosine=0.6, map_floor=0.4)
QUERY, RESULT = Grid(4, 5), Grid(6, 7)
SHIFT = np.array([[1.2, 0.1, 0.4], [-0.1, 1.2, 0.3]])


def matched(transform: np.ndarray | None) -> CellPairs:
    none = np.zeros(0, dtype=np.int64)
    return CellPairs(none, none, np.zeros(0, np.float32), agree=transform is not None, transform=transform)


def cosines(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.2, 0.9, size=(20, 42)).astype(np.float32)


def middle(cell: int, grid: Grid) -> tuple[float, float]:
    row, column = divmod(cell, grid.columns)
    return column + 0.5, row + 0.5


@pytest.mark.parametrize("transform", [SHIFT, SHIFT * 0.4, SHIFT * np.array([-1.0, 1.0, -15.0])])
def test_near_is_within_a_cell_of_where_the_transform_leads(transform):
    near = near_cells(transform, QUERY, RESULT)
    scale = math.sqrt(abs(transform[0, 0] * transform[1, 1] - transform[0, 1] * transform[1, 0]))
    for i in range(20):
        x, y = middle(i, QUERY)
        u = transform[0, 0] * x + transform[0, 1] * y + transform[0, 2]
        v = transform[1, 0] * x + transform[1, 1] * y + transform[1, 2]
        for j in range(42):
            away = math.dist((u, v), middle(j, RESULT))
            assert near[i, j] == (away <= max(0.71, scale))


@pytest.mark.parametrize("weighted", [False, True])
def test_with_geometry_the_best_near_cell_counts(weighted):
    values = cosines()
    weights = np.random.default_rng(1).uniform(size=20).astype(np.float32) if weighted else None
    p, q = match_maps(
        values, matched(SHIFT), QUERY, RESULT, parameters=LINKS, relevance=0.8, query_weights=weights
    )
    near = near_cells(SHIFT, QUERY, RESULT)
    floor = 0.6 * 0.4
    r = np.zeros((20, 42))
    for i in range(20):
        for j in range(42):
            if near[i, j]:
                r[i, j] = min(1.0, max(0.0, (float(values[i, j]) - floor) / (0.6 - floor)))
                r[i, j] *= 1.0 if weights is None else float(weights[i])
    for found, raw, grid in ((p, r.max(axis=0), RESULT), (q, r.max(axis=1), QUERY)):
        smooth = cv2.GaussianBlur(
            raw.reshape(grid.rows, grid.columns).astype(np.float32), (0, 0), 0.8, borderType=cv2.BORDER_REPLICATE
        )
        np.testing.assert_allclose(found, 0.8 * smooth / smooth.max(), atol=1e-5)


def test_without_geometry_the_sums_of_equation_4_are_gentler():
    values = cosines(2)
    p, q = match_maps(values, matched(None), QUERY, RESULT, parameters=LINKS, relevance=0.5)
    mutual = soft_mutual(values, floor=0.4)
    for found, axis, grid in ((p, 0, RESULT), (q, 1, QUERY)):
        raw = mutual.sum(axis=axis).reshape(grid.rows, grid.columns)
        smooth = np.sqrt(cv2.GaussianBlur(raw, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE))
        np.testing.assert_allclose(found, 0.5 * smooth / smooth.max(), atol=1e-5)


def test_maps_of_an_empty_match_are_empty():
    for transform in (None, SHIFT):
        p, q = match_maps(
            np.zeros((20, 42), np.float32), matched(transform), QUERY, RESULT, parameters=LINKS, relevance=0.9
        )
        assert p.shape == (6, 7) and q.shape == (4, 5)
        assert not p.any() and not q.any()
    p, q = match_maps(cosines(), matched(SHIFT), QUERY, RESULT, parameters=LINKS, relevance=0.0)
    assert not p.any() and not q.any()


@pytest.mark.parametrize("mirror", [False, True])
def test_matched_pairs_bring_the_transform_that_explains_them(mirror):
    random = np.random.default_rng(3)
    query = random.normal(size=(8, 9, 64))
    result = random.normal(size=(10, 12, 64))
    shown = query[:, ::-1] if mirror else query
    result[1:9, 2:11] = shown
    grids = Grid(8, 9), Grid(10, 12)
    unit = [cells.reshape(-1, 64) / np.linalg.norm(cells, axis=-1).reshape(-1, 1) for cells in (query, result)]
    found = find_pairs((unit[0] @ unit[1].T).astype(np.float32), *grids, parameters=LINKS)
    assert found.agree and len(found) == 72 <= found.tried
    expected = [[-1.0, 0.0, 11.0], [0.0, 1.0, 1.0]] if mirror else [[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]]
    np.testing.assert_allclose(found.transform, expected, atol=1e-4)
