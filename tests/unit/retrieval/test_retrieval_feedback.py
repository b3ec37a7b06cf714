"""What marks teach, and what is said about a round."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.domain.feedback import Moved
from desktop_app.domain.photos import PhotoId
from desktop_app.retrieval.feedback import FEWEST_NULLS, NULLS, learnt_descriptor, null_rows
from desktop_app.retrieval.parameters import FeedbackParameters
from desktop_app.retrieval.pooling import l2_normalise
from desktop_app.retrieval.round_changes import change_words, movers, places, shared_part

DIMENSION = 24


def unit(random: np.random.Generator, count: int) -> np.ndarray:
    return l2_normalise(random.normal(size=(count, DIMENSION)).astype(np.float32))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def learnt(random: np.random.Generator, **parameters: float) -> tuple[np.ndarray, ...]:
    """A query, wanted and unwanted parts that differ in the first number, unrelated photos, and the result."""
    query = unit(random, 1)[0]
    wanted, unwanted = unit(random, 4), unit(random, 4)
    wanted[:, 0], unwanted[:, 0] = 2.0, -2.0
    wanted, unwanted, nulls = l2_normalise(wanted), l2_normalise(unwanted), unit(random, 60)
    made = learnt_descriptor(query, wanted, unwanted, nulls, FeedbackParameters(**parameters))
    return query, wanted, unwanted, nulls, made


def test_the_descriptor_moves_to_what_was_wanted_and_away_from_what_was_not(random: np.random.Generator) -> None:
    query, wanted, unwanted, _nulls, made = learnt(random)
    assert np.linalg.norm(made) == pytest.approx(1.0, abs=1e-5)
    assert (wanted @ made).mean() > (wanted @ query).mean() + 0.1
    assert (unwanted @ made).mean() < (unwanted @ query).mean() - 0.1


def test_the_share_says_how_far_it_moves(random: np.random.Generator) -> None:
    query, *_, still = learnt(random, learnt=0.0)
    assert np.allclose(still, query, atol=1e-6)
    along = [float(learnt(np.random.default_rng(3), learnt=share)[4] @ query) for share in (0.2, 0.5, 0.8)]
    assert along == sorted(along, reverse=True)


def test_the_classifier_is_the_minimum_of_its_loss(random: np.random.Generator) -> None:
    """The slow twin: plain gradient descent on the same weighted logistic loss gives the same direction."""
    _query, wanted, unwanted, nulls, made = learnt(random, learnt=1.0, strength=2.0, unwanted=0.5)
    rows = np.concatenate([wanted, nulls, unwanted]).astype(np.float64)
    right = np.array([1.0] * len(wanted) + [-1.0] * (len(nulls) + len(unwanted)))
    share = np.array(
        [1 / len(wanted)] * len(wanted) + [1 / len(nulls)] * len(nulls) + [0.5 / len(unwanted)] * len(unwanted)
    )
    w, bias = np.zeros(DIMENSION), 0.0
    for _ in range(6000):
        slope = -share * right / (1.0 + np.exp(right * (rows @ w + bias)))
        w -= 0.2 * (w / 2.0 + rows.T @ slope)
        bias -= 0.2 * slope.sum()
    assert made @ (w / np.linalg.norm(w)) > 0.9999


def test_without_enough_photos_nothing_is_learnt(random: np.random.Generator) -> None:
    query, nulls = unit(random, 1)[0], unit(random, FEWEST_NULLS - 1)
    same = learnt_descriptor(query, unit(random, 3), unit(random, 0), nulls, FeedbackParameters())
    assert np.allclose(same, query, atol=1e-6)


def test_unrelated_rows_leave_out_what_is_named_and_are_the_same_every_time() -> None:
    rows = np.arange(10, 2000)
    chosen = null_rows(rows, np.arange(0, 1500))
    assert len(chosen) == NULLS and chosen.min() >= 1500 and len(set(chosen.tolist())) == NULLS
    assert np.array_equal(chosen, null_rows(rows[::-1].copy(), np.arange(0, 1500)))
    assert np.array_equal(null_rows(np.array([3, 1, 2]), np.array([2])), [1, 3])


# --- what changed ---------------------------------------------------------------------------------------------


def test_photos_that_rise_and_fall_among_the_first_places() -> None:
    before, after = places([1, 2, 3, 4, 5]), places([3, 1, 6, 2, 5, 4])
    assert movers(before, after) == ([3, 6], [1, 2, 4])
    assert movers(before, after, left_out={3, 4}) == ([6], [1, 2])
    assert movers(before, after, first=2) == ([3], [1, 2])
    assert movers(before, before) == ([], [])


def test_a_photo_shares_the_part_that_stands_out_most() -> None:
    random = np.random.default_rng(0)
    unrelated = random.normal(0.2, 0.05, size=(2, 200)).astype(np.float32)
    scores = np.array([[0.9, 0.2, 0.6], [0.2, 0.2, 0.9]], dtype=np.float32)
    assert shared_part(scores, unrelated) == [0, None, 1]


def test_without_unrelated_photos_no_reason_is_given() -> None:
    assert shared_part(np.ones((1, 2), np.float32), np.zeros((1, 0), np.float32)) == [None, None]


def moved(photo: int, because: str = "") -> Moved:
    return Moved(PhotoId(photo), f"{photo}.jpg", 5, 2, because)


def test_a_round_in_words() -> None:
    handle = "share the part you marked at the left of cup.jpg"
    assert change_words([moved(1, handle), moved(2, handle), moved(3)], []) == (
        f"2 photos rose because they {handle}. 1 other photo rose."
    )
    assert change_words([moved(1, handle)], [moved(2, "resemble box.jpg, which you marked −")]) == (
        "1 photo rose because it shares the part you marked at the left of cup.jpg. "
        "1 photo fell because it resembles box.jpg, which you marked −."
    )
    assert change_words([moved(1), moved(2)], []) == "2 photos rose."
    assert change_words([moved(1)], [moved(2, "resemble box.jpg, which you marked −")]) == (
        "1 photo fell because it resembles box.jpg, which you marked −. 1 other photo rose."
    )
    assert change_words([], []) == "The first results are the same as before."
    assert change_words([], [moved(1)]) == "No photo rose."
