"""Sessions of feedback: a tree of rounds with a place in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.domain.errors import UsageError
from desktop_app.domain.feedback import LONGEST_NAME, FeedbackSession, Round
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import AutomaticFeedback, FilePicture, PhotoMark, Pooling, Query, QueryItem

QUERY = Query((QueryItem(FilePicture(b"/q.jpg")),))


def mark(photo: int, sign: int = 1) -> PhotoMark:
    return PhotoMark(PhotoId(photo), sign)


def three_rounds() -> FeedbackSession:
    return FeedbackSession(QUERY).with_marks((mark(1),)).with_marks((mark(2), mark(3, -1)))


def test_a_session_begins_without_marks_and_without_anything_to_take_back() -> None:
    session = FeedbackSession(QUERY)
    assert session.marks() == () and session.path() == (0,)
    assert not session.can_undo and not session.can_redo
    assert session.undone() is session and session.redone() is session


def test_every_round_adds_its_marks() -> None:
    assert three_rounds().marks() == (mark(1), mark(2), mark(3, -1))


def test_undo_and_redo_walk_along_the_rounds() -> None:
    session = three_rounds()
    back = session.undone().undone()
    assert back.current == 0 and back.marks() == () and back.can_redo
    assert back.redone().marks() == (mark(1),)
    assert back.redone().redone() == session


def test_marks_after_an_undo_are_a_branch_and_the_other_one_stays() -> None:
    session = three_rounds().undone().with_marks((mark(9),))
    assert session.continued_by(1) == (2, 3) and session.path() == (0, 1, 3)
    assert session.marks() == (mark(1), mark(9)) and not session.can_redo
    assert session.at(2).marks() == (mark(1), mark(2), mark(3, -1))


def test_going_back_to_an_earlier_round_leaves_the_way_forward() -> None:
    back = three_rounds().at(0)
    assert back.redone().current == 1 and back.redone().redone().current == 2
    other = three_rounds().undone().with_marks((mark(9),)).at(2)
    assert not other.can_redo


def test_a_question_put_together_anew_begins_without_marks() -> None:
    other = (QueryItem(FilePicture(b"/other.jpg")),)
    session = three_rounds().with_items(other)
    assert session.marks() == () and session.with_marks((mark(4),)).marks() == (mark(4),)


def test_no_mark_is_no_round() -> None:
    with pytest.raises(UsageError, match="nothing is marked"):
        FeedbackSession(QUERY).with_marks(())


@pytest.mark.parametrize("number", [-1, 3])
def test_a_round_that_is_not_there_is_a_sentence(number: int) -> None:
    with pytest.raises(UsageError, match="no round"):
        three_rounds().at(number)


@pytest.mark.parametrize("rounds", [(Round(0),), (Round(None), Round(1)), (Round(None), Round(None))])
def test_rounds_that_are_no_tree_are_refused(rounds: tuple[Round, ...]) -> None:
    with pytest.raises(UsageError, match="does not continue an earlier one"):
        FeedbackSession(QUERY, rounds)


def test_names_are_tidied_and_never_empty_or_overlong() -> None:
    assert FeedbackSession(QUERY).named("  red \n cups ").name == "red cups"
    for name in ("", "  ", "x" * (LONGEST_NAME + 1)):
        with pytest.raises(UsageError, match="name"):
            FeedbackSession(QUERY).named(name)


@pytest.mark.parametrize("count", [0, 11])
def test_automatic_feedback_takes_one_to_ten_results(count: int) -> None:
    with pytest.raises(UsageError, match="automatic feedback"):
        AutomaticFeedback(Pooling.AVERAGE, count)


@given(st.lists(st.sampled_from(["mark", "undo", "redo"]), max_size=30))
def test_whatever_is_done_every_round_stays_reachable(steps: list[str]) -> None:
    session = FeedbackSession(QUERY)
    for number, step in enumerate(steps):
        if step == "mark":
            session = session.with_marks((mark(number),))
        else:
            session = session.undone() if step == "undo" else session.redone()
    assert len(session.rounds) == 1 + steps.count("mark")
    for number in range(len(session.rounds)):
        there = session.at(number)
        assert there.path()[0] == 0 and there.path()[-1] == number
    undone = session
    while undone.can_undo:
        undone = undone.undone()
    while undone.current != session.current:
        undone = undone.redone()
    assert undone.marks() == session.marks()
