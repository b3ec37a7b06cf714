"""Rounds on the Search page with real services: back and forth, what each changed, and keeping them by name."""

import os
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog, QLineEdit, QMenu
from support.small_library import make_library, open_pages, write_query

from desktop_app.domain.geometry import Cell
from desktop_app.domain.query import FilePicture, Pooling, Side

LEFT = Qt.MouseButton.LeftButton
WAIT = 60_000


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_pack) -> Path:
    folder = tmp_path_factory.mktemp("rounds")
    make_library(folder, tiny_pack)
    write_query(folder / "my astronaut.jpg")
    return folder


@pytest.fixture
def pages(made, tiny_pack, qapp):
    with open_pages(made / "library", tiny_pack, writer=True) as opened:
        opened.search.ask([FilePicture(os.fsencode(made / "my astronaut.jpg"))])
        yield opened
        assert opened.errors == []


def answered(pages, qtbot):
    qtbot.waitUntil(lambda: not pages.search.busy and pages.search.answer is not None, timeout=WAIT)


def mark_round(pages, qtbot, name: str) -> None:
    """Mark the middle of a result + and search again, as the Evidence page does."""
    row = next(row for row, hit in enumerate(pages.search.hits) if hit.photo.name == name)
    pages.evidence.show_result(row)
    qtbot.waitUntil(lambda: pages.evidence.evidence is not None, timeout=WAIT)
    grid = pages.evidence.evidence.result_grid
    pages.evidence.click(Side.RESULT, Cell(grid.rows // 2, grid.columns // 2))
    pages.evidence.search_again()
    answered(pages, qtbot)


def choose(bar, *titles: str) -> None:
    """Open the menu of the rounds with the mouse's signal and take an entry, through its sub-menus."""
    bar.menu.aboutToShow.emit()
    menu: QMenu = bar.menu
    for title in titles[:-1]:
        menu = next(action.menu() for action in menu.actions() if action.text() == title)
    entry: QAction = next(action for action in menu.actions() if action.text() == titles[-1])
    assert entry.isEnabled()
    entry.trigger()


def test_a_round_says_what_it_changed_and_undo_and_redo_lead_back_and_forth(pages, qtbot):
    page, bar = pages.search_page, pages.search_page.panel.rounds
    answered(pages, qtbot)
    first = pages.search.query
    assert bar.round.text() == "" and not bar.undo.isEnabled() and not page.change.isVisible()
    mark_round(pages, qtbot, "coffee-0.jpg")
    qtbot.waitUntil(lambda: "rose" in page.change.text(), timeout=WAIT)
    assert bar.round.text() == "Round 2 of 2" and page.change.isVisible()
    second, told = pages.search.query, page.change.text()
    qtbot.mouseClick(bar.undo, LEFT)
    answered(pages, qtbot)
    assert pages.search.query == first and bar.round.text() == "Round 1 of 2"
    assert not page.change.isVisible() and not bar.undo.isEnabled()
    qtbot.mouseClick(bar.redo, LEFT)
    answered(pages, qtbot)
    assert pages.search.query == second and bar.round.text() == "Round 2 of 2"
    qtbot.waitUntil(lambda: page.change.text() == told, timeout=WAIT)


def test_another_way_from_an_earlier_round_is_a_branch_and_both_are_in_the_menu(pages, qtbot):
    bar = pages.search_page.panel.rounds
    answered(pages, qtbot)
    mark_round(pages, qtbot, "coffee-0.jpg")
    one = pages.search.query
    qtbot.mouseClick(bar.undo, LEFT)
    answered(pages, qtbot)
    pages.evidence_page.entered()
    assert [mark.sign for mark in pages.evidence.marks] == [1], "the marks of that round are there again"
    pages.evidence.undo()
    mark_round(pages, qtbot, "rocket-0.jpg")
    other = pages.search.query
    lines = [line for _, line in pages.rounds.descriptions()]
    assert lines == [
        "1  The search as it began",
        "2  Marked 1 +",
        "2  Marked 1 + (instead of round 2 above)",
    ]
    choose(bar, lines[1])
    answered(pages, qtbot)
    assert pages.search.query == one != other
    choose(bar, lines[2])
    answered(pages, qtbot)
    assert pages.search.query == other


def test_changing_the_pictures_is_a_round_too(pages, qtbot):
    answered(pages, qtbot)
    mark_round(pages, qtbot, "coffee-0.jpg")
    pages.search.not_like(pages.photo_named("rocket-0.jpg"))
    answered(pages, qtbot)
    assert pages.rounds.place == (3, 3)
    assert pages.rounds.descriptions()[-1][1] == "3  The pictures were changed"
    pages.search.find_similar(pages.photo_named("chelsea-0.jpg"))
    answered(pages, qtbot)
    assert pages.rounds.place == (1, 1), "another search has rounds of its own"


def test_rounds_are_kept_by_name_and_opened_again(pages, qtbot):
    page, bar = pages.search_page, pages.search_page.panel.rounds
    answered(pages, qtbot)
    mark_round(pages, qtbot, "coffee-0.jpg")
    results = [hit.photo.name for hit in pages.search.hits]

    def type_name() -> None:
        dialog = page.findChild(QInputDialog)
        field = dialog.findChild(QLineEdit)
        qtbot.keyClicks(field, "my cups")
        qtbot.keyClick(field, Qt.Key.Key_Return)

    QTimer.singleShot(0, type_name)
    choose(bar, "Save these rounds…")
    qtbot.waitUntil(lambda: pages.rounds.saved == ("my cups",), timeout=WAIT)
    pages.search.find_similar(pages.photo_named("chelsea-0.jpg"))
    answered(pages, qtbot)
    choose(bar, "Open", "my cups")
    qtbot.waitUntil(lambda: pages.rounds.name == "my cups" and not pages.search.busy, timeout=WAIT)
    assert [hit.photo.name for hit in pages.search.hits] == results
    assert bar.round.text() == "Round 2 of 2"
    qtbot.mouseClick(bar.undo, LEFT)
    answered(pages, qtbot)
    assert bar.round.text() == "Round 1 of 2" and len(pages.search.items) == 1
    choose(bar, "Remove", "my cups")
    qtbot.waitUntil(lambda: pages.rounds.saved == (), timeout=WAIT)


def test_automatic_feedback_is_switched_on_in_the_menu_and_says_what_it_did(pages, qtbot):
    bar = pages.search_page.panel.rounds
    answered(pages, qtbot)
    choose(bar, "Automatic feedback", "What the first results share")
    answered(pages, qtbot)
    assert pages.search.query.automatic.pooling is Pooling.AVERAGE
    qtbot.waitUntil(lambda: bool(pages.search_page.change.text()), timeout=WAIT)
    choose(bar, "Automatic feedback", "Off")
    answered(pages, qtbot)
    assert pages.search.query.automatic is None and pages.search_page.change.text() == ""
