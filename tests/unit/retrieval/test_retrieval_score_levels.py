"""What scores mean in one library: levels from samples of matches and of photos that do not match."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.domain.results import Words
from desktop_app.retrieval.calibration import ScoreScale, verdict, words_for
from desktop_app.retrieval.score_levels import (
    BACKGROUND,
    LEAST_SAMPLES,
    MARKS,
    WORDS,
    Asked,
    ScoreLevels,
    background,
    dividing_line,
    fit_levels,
)

LEVELS = ScoreLevels(0.5, unrelated=0.1, similar=0.3, found=0.45, same_thing=0.6, almost_certain=0.8, copy=1.2)


def sample(random: np.random.Generator, *, match: float, other: float, behind: float = 0.0) -> Asked:
    """A photo asked among 200: itself near `match`, the best of the others near `other`, raised by `behind`."""
    noise = random.normal(0, 0.02, 3)
    others = np.sort(behind + other + noise[0] - np.abs(random.normal(0, 0.1, 199)))[::-1].astype(np.float32)
    return Asked(
        own=behind + match + noise[1],
        others=others,
        kin=others,
        copy=behind + 1.5,
        background=behind + noise[2] / 4,
        photos=200,
    )


def judged(levels: ScoreLevels, best: float, behind: float) -> Words:
    scale = ScoreScale.of_library([levels])
    return verdict(scale.scores(np.array([best], np.float32), depths=(1,), background=behind), scale.words)


def test_the_levels_tell_matches_from_the_best_of_the_others_also_of_queries_they_were_not_made_of() -> None:
    random = np.random.default_rng(0)
    levels = fit_levels([sample(random, match=0.8, other=0.5) for _ in range(60)])
    assert levels is not None
    fresh = [sample(random, match=0.8, other=0.5) for _ in range(60)]
    assert {judged(levels, one.best(), one.background) is Words.NOTHING for one in fresh} == {False}
    assert {judged(levels, float(one.others[0]), one.background) for one in fresh} == {Words.NOTHING}


def test_a_library_of_one_kind_of_thing_asks_for_more() -> None:
    random = np.random.default_rng(1)
    mixed = fit_levels([sample(random, match=0.9, other=0.3) for _ in range(60)])
    alike = fit_levels([sample(random, match=0.9, other=0.75) for _ in range(60)])
    assert mixed is not None and alike is not None
    assert judged(mixed, 0.75, 0.0) is not Words.NOTHING
    assert judged(alike, 0.75, 0.0) is Words.NOTHING


def test_what_a_query_shares_with_all_photos_is_taken_off() -> None:
    random = np.random.default_rng(2)
    behind = np.tile([0.0, 0.3], 40)
    levels = fit_levels([sample(random, match=0.6, other=0.45, behind=one) for one in behind])
    assert levels is not None and levels.share > 0.5
    assert judged(levels, 0.6, 0.0) is not Words.NOTHING
    # A higher score than the one above, of a query that is like everything.
    assert judged(levels, 0.75, 0.3) is Words.NOTHING


def test_photos_as_near_as_views_are_no_wrong_answers() -> None:
    random = np.random.default_rng(3)
    plain = [sample(random, match=0.8, other=0.4) for _ in range(40)]

    def with_twin(one: Asked) -> Asked:
        others = np.concatenate([[np.float32(0.78)], one.others]).astype(np.float32)
        kin = np.concatenate([[np.float32(0.95)], one.kin]).astype(np.float32)
        return Asked(one.own, others, kin, one.copy, one.background, one.photos)

    levels = fit_levels([with_twin(one) for one in plain])
    assert levels is not None
    assert judged(levels, 0.78, 0.0) is not Words.NOTHING
    assert judged(levels, 0.42, 0.0) is Words.NOTHING


def test_too_few_samples_say_nothing() -> None:
    random = np.random.default_rng(4)
    samples = [sample(random, match=0.8, other=0.4) for _ in range(LEAST_SAMPLES)]
    assert fit_levels(samples) is not None
    assert fit_levels(samples[1:]) is None
    none = np.zeros(0, np.float32)
    assert fit_levels([Asked(-np.inf, none, none, 1.0, 0.0, 0)] * 50) is None
    assert fit_levels([Asked(0.5, none, none, 1.0, 0.0, 1)] * 50) is None


def test_scores_run_along_the_marks_and_never_reach_one_below_a_copy() -> None:
    raw = np.array([*LEVELS.values(), 9.0, -9.0], np.float32) + 0.1
    assert LEVELS.scores(raw, background=0.2).tolist() == pytest.approx([*MARKS[1:], 1.0, 0.0], abs=1e-5)
    assert LEVELS.scores(np.array([1.19], np.float32), background=0.0)[0] < 1.0


def test_words_follow_the_levels() -> None:
    words = [words_for(mark + 1e-6, WORDS) for mark in MARKS[1:]]
    assert words == [
        Words.WEAKER,
        Words.SIMILAR,
        Words.SIMILAR,
        Words.SAME_THING,
        Words.ALMOST_CERTAIN,
        Words.ALMOST_CERTAIN,
    ]


@given(st.lists(st.floats(-2, 3, width=32), min_size=2, max_size=40), st.floats(-1, 1))
def test_a_better_raw_score_is_never_a_worse_score(raw: list[float], behind: float) -> None:
    scores = LEVELS.scores(np.sort(np.array(raw, np.float32)), behind)
    assert (np.diff(scores) >= 0).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_levels_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValueError, match="rise"):
        ScoreLevels(0.0, 0.1, 0.3, 0.3, 0.6, 0.8, 1.0)
    with pytest.raises(ValueError, match="finite"):
        ScoreLevels(0.0, 0.1, 0.3, 0.4, 0.6, 0.8, float("nan"))


def test_the_background_is_a_high_quantile_and_nothing_in_an_empty_library() -> None:
    assert background(np.linspace(0, 1, 101, dtype=np.float32)) == pytest.approx(BACKGROUND)
    assert background(np.zeros(0, np.float32)) == 0.0


def test_the_line_takes_off_what_makes_scores_comparable() -> None:
    random = np.random.default_rng(5)
    behind = random.uniform(0, 1, 400)
    matching = np.stack([0.5 + 0.8 * behind + random.normal(0, 0.02, 400), behind], axis=1)
    strangers = np.stack([0.3 + 0.8 * behind + random.normal(0, 0.02, 400), behind], axis=1)
    share, found = dividing_line(matching, strangers)
    assert share == pytest.approx(0.8, abs=0.08)
    assert found == pytest.approx(0.4, abs=0.04)


def test_a_background_that_speaks_for_a_match_is_not_taken_off() -> None:
    random = np.random.default_rng(6)
    matching = np.stack([random.normal(0.6, 0.05, 100), random.normal(0.4, 0.05, 100)], axis=1)
    strangers = np.stack([random.normal(0.4, 0.05, 100), random.normal(0.2, 0.05, 100)], axis=1)
    share, found = dividing_line(matching, strangers)
    assert share == 0.0
    assert found == pytest.approx(0.5, abs=0.03)


def test_scores_that_say_the_opposite_still_give_a_level() -> None:
    matching, strangers = np.array([[0.2, 0.1]] * 20), np.array([[0.6, 0.1]] * 20)
    assert dividing_line(matching, strangers) == (0.0, pytest.approx(0.4))
