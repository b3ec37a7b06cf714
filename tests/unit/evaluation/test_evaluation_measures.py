import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from desktop_app.evaluation.measures import average_precision, precision_at, recall_at


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_average_precision_equals_plain_loops(ranking):
    precisions, found = [], 0
    for rank, relevant in enumerate(ranking, start=1):
        if relevant:
            found += 1
            precisions.append(found / rank)
    expected = sum(precisions) / len(precisions) if precisions else 0.0
    assert average_precision(np.array(ranking)) == pytest.approx(expected)


def test_average_precision_of_a_known_list():
    assert average_precision(np.array([1, 0, 1, 0, 0], bool)) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([0, 0, 1], bool)) == pytest.approx(1 / 3)
    assert average_precision(np.array([1, 1], bool)) == 1.0
    assert average_precision(np.zeros(4, bool)) == 0.0


def test_average_precision_agrees_with_scikit_learn():
    random = np.random.default_rng(0)
    relevant = random.random(200) < 0.2
    assert average_precision(relevant) == pytest.approx(average_precision_score(relevant, -np.arange(200)))


def test_recall_at_one_looks_at_the_first_only():
    assert recall_at(np.array([1, 0], bool), 1) == 1.0
    assert recall_at(np.array([0, 1], bool), 1) == 0.0
    assert recall_at(np.array([0, 1], bool), 2) == 1.0


def test_precision_is_always_over_k():
    assert precision_at(np.array([1, 1, 0], bool), 20) == pytest.approx(2 / 20)
    assert precision_at(np.ones(50, bool), 20) == 1.0
