"""Drawing round a thing on the query picture, by mouse and by keys, and pictures that may be turned."""

import os
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from support.pointer import drag, move
from support.small_library import make_library, open_pages, write_query

from desktop_app.domain.geometry import Region
from desktop_app.domain.outline import Outline
from desktop_app.domain.query import AS_IT_IS, FilePicture, Side, Turn
from desktop_app.retrieval import turned_query
from desktop_app.ui.views.search.lasso import Lasso
from desktop_app.ui.views.search.region_editor import Shape
from desktop_app.ui.views.search.region_handles import Placement

LEFT = Qt.MouseButton.LeftButton
WAIT = 30_000
ROUND = [(60, 60), (120, 50), (170, 90), (150, 150), (90, 160), (50, 110)]


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_pack) -> Path:
    folder = tmp_path_factory.mktemp("outline")
    make_library(folder, tiny_pack)
    whole = Image.open(write_query(folder / "astronaut.jpg"))
    whole.transpose(Image.Transpose.ROTATE_90).save(folder / "lying.png")
    return folder


@pytest.fixture
def pages(made, tiny_pack, qapp):
    with open_pages(made / "library", tiny_pack) as opened:
        yield opened
        assert opened.errors == []


def answered(pages, qtbot):
    qtbot.waitUntil(lambda: not pages.search.busy and pages.search.answer is not None, timeout=WAIT)
    qtbot.waitUntil(lambda: pages.thumbnails.idle, timeout=WAIT)


def ask(pages, qtbot, path):
    pages.search.ask([FilePicture(os.fsencode(path))])
    answered(pages, qtbot)
    qtbot.waitUntil(lambda: pages.search_page.panel.editor.placement() is not None, timeout=WAIT)
    return pages.search_page.panel


def draw(qtbot, editor, through=ROUND):
    qtbot.mousePress(editor, LEFT, pos=QPoint(*through[0]))
    for x, y in through[1:]:
        move(editor, QPoint(x, y), held=LEFT)
    qtbot.mouseRelease(editor, LEFT, pos=QPoint(*through[-1]))


def test_a_thing_drawn_round_freehand_is_searched_with(pages, qtbot, made):
    panel = ask(pages, qtbot, made / "astronaut.jpg")
    qtbot.mouseClick(panel.lasso, LEFT)
    assert not panel.rectangle.isChecked()
    draw(qtbot, panel.editor)
    answered(pages, qtbot)
    outline = pages.search.answer.query[0].outline
    placement = panel.editor.placement()
    assert outline == pages.search.items[0].outline == panel.editor.part
    assert outline == Outline.of(placement.to_picture(x, y) for x, y in ROUND)
    assert "Outline" in panel._note.text() and "outline" in panel.editor.accessibleDescription()
    qtbot.mouseClick(panel.whole, LEFT)
    answered(pages, qtbot)
    assert pages.search.items[0].part is None


def test_an_outline_is_moved_and_resized_like_a_rectangle(pages, qtbot, made):
    panel = ask(pages, qtbot, made / "astronaut.jpg")
    editor = panel.editor
    editor.set_shape(Shape.OUTLINE)
    draw(qtbot, editor)
    before = editor.part
    drag(qtbot, editor, QPoint(110, 100), QPoint(120, 110))
    moved = editor.part
    assert (moved.box.w, moved.box.h) == (before.box.w, before.box.h) and moved.box.x > before.box.x
    right, bottom = editor.placement().rectangle(moved.box)[2:]
    drag(qtbot, editor, QPoint(round(right), round(bottom)), QPoint(round(right) + 20, round(bottom) + 10))
    assert editor.part.box.w > moved.box.w and editor.part.box.x == moved.box.x
    editor.setFocus()
    here = editor.part
    qtbot.keyClick(editor, Qt.Key.Key_Left)
    qtbot.keyClick(editor, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert editor.part.box.x < here.box.x and editor.part.box.h < here.box.h
    answered(pages, qtbot)
    qtbot.waitUntil(lambda: pages.search.answer.query[0].outline == editor.part, timeout=WAIT)


def test_a_slip_of_the_hand_changes_nothing(pages, qtbot, made):
    panel = ask(pages, qtbot, made / "astronaut.jpg")
    panel.editor.set_shape(Shape.OUTLINE)
    draw(qtbot, panel.editor, [(60, 60), (66, 60), (60, 66)])
    assert panel.editor.part is None and pages.search.items[0].part is None and not pages.search.busy


def test_an_outline_is_drawn_point_by_point_with_the_keys(pages, qtbot, made):
    panel = ask(pages, qtbot, made / "astronaut.jpg")
    editor = panel.editor
    editor.set_shape(Shape.OUTLINE)
    editor.setFocus()
    key = Qt.Key
    qtbot.keyClick(editor, key.Key_Return)
    assert "Space sets a point" in editor.accessibleDescription()
    qtbot.keyClick(editor, key.Key_Space)
    qtbot.keyClick(editor, key.Key_Return)
    assert editor.part is None, "one point is no outline yet"
    for steps in ([key.Key_Right] * 4, [key.Key_Down] * 4, [key.Key_Up]):
        for step in steps:
            qtbot.keyClick(editor, step)
        qtbot.keyClick(editor, key.Key_Space)
    qtbot.keyClick(editor, key.Key_Backspace)
    assert "3 points" in editor.accessibleDescription()
    qtbot.keyClick(editor, key.Key_Return)
    answered(pages, qtbot)
    assert pages.search.items[0].outline == Outline(((200, 186), (264, 186), (264, 250)))
    qtbot.keyClick(editor, key.Key_Escape)
    answered(pages, qtbot)
    qtbot.keyClick(editor, key.Key_Return)
    qtbot.keyClick(editor, key.Key_Escape)
    assert editor.part is None and "Enter starts an outline" in editor.accessibleDescription()


def test_another_part_of_the_same_picture_asks_too_and_may_be_unwanted(pages, qtbot, made):
    panel = ask(pages, qtbot, made / "astronaut.jpg")
    drag(qtbot, panel.editor, QPoint(40, 40), QPoint(110, 120))
    answered(pages, qtbot)
    first = pages.search.items[0].part
    qtbot.mouseClick(panel.another, LEFT)
    assert panel.editor.part is None and len(pages.search.items) == 1
    qtbot.mouseClick(panel.lasso, LEFT)
    draw(qtbot, panel.editor)
    answered(pages, qtbot)
    one, other = pages.search.items
    assert one.part == first and isinstance(other.part, Outline) and panel.chosen == 1
    assert one.picture is other.picture
    qtbot.mouseClick(panel.not_like, LEFT)
    answered(pages, qtbot)
    assert [shown.negative for shown in pages.search.answer.query] == [False, True]
    qtbot.mouseClick(panel.another, LEFT)
    qtbot.keyClick(panel.editor, Qt.Key.Key_Escape)
    assert len(pages.search.items) == 2 and panel.editor.part == other.part


def test_evidence_shows_the_outline(pages, qtbot, made):
    panel = ask(pages, qtbot, made / "astronaut.jpg")
    panel.editor.set_shape(Shape.OUTLINE)
    draw(qtbot, panel.editor)
    answered(pages, qtbot)
    pages.evidence.show_result(0)
    qtbot.waitUntil(lambda: pages.evidence.evidence is not None, timeout=WAIT)
    assert pages.evidence.evidence.query_outline == panel.editor.part
    surfaces = pages.evidence_page.canvas.surfaces()
    assert [surface.outline for surface in surfaces.values()] == [panel.editor.part, None]
    assert not pages.evidence_page.grab().isNull()


def test_points_too_near_to_each_other_are_left_out():
    lasso = Lasso(Placement(0, 0, 0.5, 400, 300))
    for x in range(40):
        lasso.through(x, 10)
    assert len(lasso.points) == 14 and lasso.outline() is None
    lasso.through(-50, 900)
    assert lasso.points[-1] == (0, 300) and lasso.outline() == Outline.of(lasso.points)


def test_a_picture_on_its_side_is_looked_for_turned_and_shown_as_it_asked(pages, qtbot, made, monkeypatch):
    monkeypatch.setattr(turned_query, "GAIN", 1e-3)  # the tiny pack tells orientations apart less than a real one
    panel = ask(pages, qtbot, made / "lying.png")
    assert panel.turned.isEnabled() and not panel.turned.isChecked() and pages.search.items[0].turn == AS_IT_IS
    qtbot.mouseClick(panel.turned, LEFT)
    answered(pages, qtbot)
    assert pages.search.items[0].turn == Turn(90) and pages.search.results.photo(0).name.startswith("astronaut")
    qtbot.waitUntil(lambda: panel.editor.placement() is not None, timeout=WAIT)
    assert panel.editor.placement().width == 400, "as it asked"
    assert "Turned by 90° clockwise" in panel._note.text()
    pages.evidence.show_result(0)
    qtbot.waitUntil(lambda: pages.evidence.evidence is not None, timeout=WAIT)
    assert pages.evidence.evidence.query_box == Region(0, 0, 400, 373)
    assert "turned by 90° clockwise" in pages.evidence.title(Side.QUERY)
    drag(qtbot, panel.editor, QPoint(40, 40), QPoint(110, 120))
    answered(pages, qtbot)
    (item,) = pages.search.items
    assert item.turn == Turn(90) and not pages.search.query.turned
    assert not panel.turned.isEnabled() and "whole picture" in panel.turned.toolTip()
    qtbot.mouseClick(panel.whole, LEFT)
    answered(pages, qtbot)
    assert pages.search.query.turned and panel.turned.isChecked()
    qtbot.mouseClick(panel.turned, LEFT)
    answered(pages, qtbot)
    assert pages.search.items[0].turn == AS_IT_IS and not pages.search.query.turned


def test_marks_on_a_turned_picture_go_on_with_it_as_it_asked(pages, qtbot, made, monkeypatch):
    monkeypatch.setattr(turned_query, "GAIN", 1e-3)
    panel = ask(pages, qtbot, made / "lying.png")
    qtbot.mouseClick(panel.turned, LEFT)
    answered(pages, qtbot)
    pages.evidence.show_result(0)
    qtbot.waitUntil(lambda: pages.evidence.evidence is not None, timeout=WAIT)
    evidence = pages.evidence.evidence
    pages.evidence.click(Side.QUERY, evidence.query_grid.cell_by_index(3))
    pages.evidence.search_again()
    answered(pages, qtbot)
    assert pages.search.items[0].turn == Turn(90) and pages.search.items[0].region is not None
    assert pages.rounds.session.query.items[0].turn == Turn(90) and pages.rounds.place == (2, 2)
