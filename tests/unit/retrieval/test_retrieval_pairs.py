import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.domain.geometry import Grid
from desktop_app.retrieval.pairs import (
    CellPairs,
    cosine_matrix,
    find_pairs,
    mutual_nearest,
    soft_mutual,
    suppress_neighbours,
)
from desktop_app.retrieval.parameters import LinkParameters

GRID = Grid(14, 14)


def random_cells(seed, rows=14, columns=14, dimension=64):
    return np.random.default_rng(seed).normal(size=(rows, columns, dimension)).astype(np.float32)


def test_the_match_matrix_holds_the_cosine_of_every_pair_of_cells():
    one, other = random_cells(0, 2, 3, 8), random_cells(1, 3, 2, 8)
    matrix = cosine_matrix(one, other)
    for i in range(6):
        for j in range(6):
            a, b = one[i // 3, i % 3], other[j // 2, j % 2]
            assert matrix[i, j] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), floor=st.sampled_from([0.0, 0.3]))
def test_soft_mutual_matching_equals_plain_loops(seed, floor):
    random = np.random.default_rng(seed)
    cosines = random.uniform(-1, 1, size=(5, 7)).astype(np.float32)
    weights = random.uniform(0, 1, size=5).astype(np.float32)
    r = [[max(0.0, float(c) - floor) / (1 - floor) for c in row] for row in cosines]
    fast = soft_mutual(cosines, floor=floor, query_weights=weights)
    for i in range(5):
        for j in range(7):
            in_row, in_column = max(r[i]), max(r[k][j] for k in range(5))
            slow = r[i][j] * (r[i][j] / in_row) * (r[i][j] / in_column) if r[i][j] > 0 else 0.0
            assert fast[i, j] == pytest.approx(slow * weights[i], abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000))
def test_mutual_nearest_cells_equal_plain_loops(seed):
    random = np.random.default_rng(seed)
    cosines = random.uniform(-1, 1, size=(6, 9)).astype(np.float32)
    weights = random.choice([0.0, 1.0], size=6)
    slow = []
    for i in range(6):
        j = max(range(9), key=lambda n, i=i: cosines[i, n])
        best_back = max(range(6), key=lambda n, j=j: cosines[n, j])
        if best_back == i and cosines[i, j] >= 0.2 and weights[i] > 0:
            slow.append((i, j))
    query, result = mutual_nearest(cosines, least=0.2, query_weights=weights)
    assert list(zip(query.tolist(), result.tolist(), strict=True)) == slow


def placed(move, clutter=0, seed=0):
    """Cosines of a picture and its moved copy: cell (r, c) goes to move(r, c); `clutter` wrong pairs besides."""
    random = np.random.default_rng(seed)
    cosines = random.uniform(-0.1, 0.1, size=(196, 196)).astype(np.float32)
    truth, taken = set(), set()
    for cell in range(0, 196, 3):
        row, column = move(*divmod(cell, 14))
        target = round(row) * 14 + round(column)
        if 0 <= round(row) < 14 and 0 <= round(column) < 14 and target not in taken:
            cosines[cell, target] = 0.9 - 0.001 * (cell % 7)
            truth.add((cell, target))
            taken.add(target)
    free = [cell for cell in range(196) if cell % 3 == 1]
    for cell in random.choice(free, clutter, replace=False):
        target = int(random.choice([t for t in range(196) if t not in taken]))
        taken.add(target)
        cosines[cell, target] = 0.95
    return cosines, truth


MOVES = {
    "shift": lambda r, c: (r + 2, c - 3),
    "shrink": lambda r, c: (3 + r * 0.6, 2 + c * 0.6),
    "quarter turn": lambda r, c: (c, 13 - r),
    "mirror": lambda r, c: (r, 13 - c),
    "turn and shrink": lambda r, c: (
        6.5 + 0.6 * (r - 6.5) + 0.3 * (c - 6.5),
        6.5 - 0.3 * (r - 6.5) + 0.6 * (c - 6.5),
    ),
}


@pytest.mark.parametrize("name", MOVES)
def test_pairs_of_one_moved_object_hold_and_clutter_is_dropped(name):
    cosines, truth = placed(MOVES[name], clutter=10)
    pairs = find_pairs(cosines, GRID, GRID, parameters=LinkParameters(cosine=0.5))
    found = set(zip(pairs.query.tolist(), pairs.result.tolist(), strict=True))
    assert pairs.agree
    assert len(found & truth) >= 0.9 * len(truth)
    assert len(found - truth) <= 3  # a wrong pair may lie within the tolerance by chance


def test_pairs_come_strongest_first():
    cosines, _ = placed(MOVES["shift"])
    pairs = find_pairs(cosines, GRID, GRID, parameters=LinkParameters(cosine=0.5))
    assert (np.diff(pairs.cosine) <= 0).all()
    assert pairs.cosine.tolist() == [cosines[i, j] for i, j in zip(pairs.query, pairs.result, strict=True)]


def test_pairs_without_a_common_transform_stay_but_do_not_agree():
    random = np.random.default_rng(3)
    cosines = np.zeros((196, 196), np.float32)
    for i, j in zip(random.permutation(196)[:30], random.permutation(196)[:30], strict=True):
        cosines[i, j] = 0.8
    pairs = find_pairs(cosines, GRID, GRID, parameters=LinkParameters(cosine=0.5))
    assert not pairs.agree
    assert len(pairs) == 30


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_pairs_are_not_asked_for_geometry(count):
    cosines = np.zeros((196, 196), np.float32)
    for n in range(count):
        cosines[50 * n, 60 * n + 1] = 0.9
    pairs = find_pairs(cosines, GRID, GRID, parameters=LinkParameters(cosine=0.5))
    assert (len(pairs), pairs.agree) == (count, False)


def test_rejected_cells_have_no_pairs():
    cosines, _ = placed(MOVES["shift"])
    weights = np.ones(196, np.float32)
    weights[:98] = 0
    pairs = find_pairs(cosines, GRID, GRID, parameters=LinkParameters(cosine=0.5), query_weights=weights)
    assert len(pairs) > 0
    assert pairs.query.min() >= 98


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), radius=st.integers(0, 2), limit=st.integers(1, 15))
def test_suppression_in_four_dimensions_equals_plain_loops(seed, radius, limit):
    random = np.random.default_rng(seed)
    query_grid, result_grid = Grid(4, 5), Grid(5, 4)
    pairs = CellPairs(
        random.integers(20, size=25), random.integers(20, size=25), np.sort(random.random(25))[::-1], agree=True
    )
    slow = []
    for position in range(25):
        if len(slow) == limit:
            break
        here = (*divmod(int(pairs.query[position]), 5), *divmod(int(pairs.result[position]), 4))
        near = False
        for kept in slow:
            there = (*divmod(int(pairs.query[kept]), 5), *divmod(int(pairs.result[kept]), 4))
            near = near or all(abs(a - b) <= radius for a, b in zip(here, there, strict=True))
        if not near:
            slow.append(position)
    assert suppress_neighbours(pairs, query_grid, result_grid, radius=radius, limit=limit) == slow
