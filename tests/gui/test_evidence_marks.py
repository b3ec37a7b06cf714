"""Marks: one click wants, the second rejects, the third clears; every step can be taken back."""

from hypothesis import given
from hypothesis import strategies as st

from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import Side
from desktop_app.ui.viewmodels.marks import Canvas, MarkBook

QUERY = Canvas(Side.QUERY, Grid(14, 14), Region(0, 0, 800, 600))
RESULT = Canvas(Side.RESULT, Grid(14, 14), Region(0, 0, 640, 480), photo=PhotoId(7))
OTHER = Canvas(Side.RESULT, Grid(14, 14), Region(0, 0, 640, 480), photo=PhotoId(8))


def test_three_clicks_give_plus_minus_and_nothing():
    book = MarkBook()
    assert [book.click(QUERY, Cell(1, 2)) for _ in range(3)] == [1, -1, 0]
    assert book.marks == ()


def test_marks_of_both_pictures_and_of_other_results_are_kept_apart():
    book = MarkBook()
    for canvas in (QUERY, RESULT, OTHER):
        book.click(canvas, Cell(0, 0))
    book.click(RESULT, Cell(0, 0))
    assert [mark.sign for mark in book.on(QUERY)] == [1]
    assert [(mark.sign, mark.photo) for mark in book.on(RESULT)] == [(-1, 7)]
    assert [mark.sign for mark in book.marks] == [1, -1, 1]
    assert book.marks[0].box == Region(0, 0, 800, 600)


def test_a_painted_region_is_one_step():
    book = MarkBook()
    book.click(QUERY, Cell(0, 0))
    book.begin_stroke()
    for column in range(4):
        book.paint(QUERY, Cell(5, column))
    book.end_stroke()
    assert len(book.marks) == 5
    book.undo()
    assert [mark.cell for mark in book.marks] == [Cell(0, 0)]
    book.redo()
    assert len(book.marks) == 5


def test_a_stroke_that_touches_nothing_leaves_no_step():
    book = MarkBook()
    book.begin_stroke()
    book.end_stroke()
    assert not book.can_undo


def test_a_new_mark_forgets_what_was_taken_back():
    book = MarkBook()
    book.click(QUERY, Cell(0, 0))
    book.undo()
    book.click(QUERY, Cell(1, 1))
    assert not book.can_redo and not book.redo()


@given(st.lists(st.tuples(st.sampled_from([QUERY, RESULT, OTHER]), st.integers(0, 3)), max_size=20))
def test_undoing_everything_and_redoing_it_gives_the_same_marks(clicks):
    book = MarkBook()
    for canvas, column in clicks:
        book.click(canvas, Cell(0, column))
    made = book.marks
    steps = 0
    while book.undo():
        steps += 1
    assert steps == len(clicks) and book.marks == ()
    while book.redo():
        pass
    assert book.marks == made
