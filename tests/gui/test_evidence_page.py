"""The Evidence page with real services on a small library: pointer, keys, marks, rounds and exports."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtWidgets import QApplication
from support.pointer import drag, move
from support.small_library import make_library, open_pages, write_query

from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import FilePicture, LibraryPicture, Side
from desktop_app.domain.results import Part
from desktop_app.services import painting
from desktop_app.ui.viewmodels.evidence_pair import Layer
from desktop_app.ui.viewmodels.evidence_words import links_at
from desktop_app.ui.views.evidence.geometry import Camera
from desktop_app.ui.views.evidence.painter import DIMMED
from desktop_app.ui.views.evidence.why_panel import LinkChip

LEFT = Qt.MouseButton.LeftButton
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
WAIT = 30_000


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_pack) -> Path:
    folder = tmp_path_factory.mktemp("evidence")
    make_library(folder, tiny_pack)
    write_query(folder / "my astronaut.jpg")
    return folder


@pytest.fixture
def pages(made, tiny_pack, qapp):
    with open_pages(made / "library", tiny_pack) as opened:
        yield opened
        assert opened.errors == []


@pytest.fixture
def pair(pages, made, qtbot):
    """The query beside the photo of the same thing, explained."""
    pages.search.ask([FilePicture(os.fsencode(made / "my astronaut.jpg"))])
    qtbot.waitUntil(lambda: not pages.search.busy and pages.search.answer is not None, timeout=WAIT)
    row = next(row for row, hit in enumerate(pages.search.hits) if hit.photo.name == "astronaut-0.jpg")
    pages.evidence.show_result(row)
    explained(pages, qtbot)
    pages.evidence_page.canvas.setFocus()
    return pages


def explained(pages, qtbot):
    qtbot.waitUntil(lambda: pages.evidence.evidence is not None, timeout=WAIT)
    qtbot.waitUntil(lambda: pages.evidence.picture(Side.RESULT) is not None, timeout=WAIT)
    for _ in range(2):  # what there is to say has its height before anything is pointed at
        QApplication.processEvents()


def place(pages, side: Side, cell: Cell) -> QPoint:
    """The middle of a patch on the screen."""
    surface = pages.evidence_page.canvas.surfaces()[side]
    region = surface.grid.cell_region(cell, surface.box)
    x, y = surface.view.to_widget(region.x + region.w / 2, region.y + region.h / 2)
    return QPoint(round(x), round(y))


def colour(pages, where: QPoint) -> np.ndarray:
    return np.array(pages.evidence_page.canvas.grab().toImage().pixelColor(where).getRgb()[:3], float)


def signs(pages) -> list[int]:
    return [mark.sign for mark in pages.evidence.marks]


def test_the_part_by_which_a_result_was_found_is_framed_and_told(pair, monkeypatch):
    page, model = pair.evidence_page, pair.evidence
    assert "framed" not in model.words()
    assert page.canvas.surfaces()[Side.RESULT].part is None
    box = Region(60, 40, 160, 120)
    before = page.canvas.grab().toImage()
    found = replace(model.hit, part=Part(box, 0.9))
    monkeypatch.setattr(type(model), "hit", property(lambda _model: found))
    model.evidence_changed.emit()
    assert model.words().endswith("by the part that is framed: it matches best there.")
    assert page.canvas.surfaces()[Side.RESULT].part == box
    assert page.canvas.grab().toImage() != before


def test_before_any_result_the_page_leads_to_the_search(pages, qtbot):
    page = pages.evidence_page
    assert page.stack.currentWidget() is page.empty
    with qtbot.waitSignal(page.back_to_search):
        qtbot.mouseClick(page.empty.first_button(), LEFT)


def test_both_pictures_the_words_and_the_links_are_shown(pair):
    page = pair.evidence_page
    assert "my astronaut.jpg" in page.query_title.text()
    assert page.result_title.text().endswith("of 12: astronaut-0.jpg")
    assert "your picture" in page.why.words.text()
    assert page.why.words.accessibleDescription() == pair.evidence.evidence.words
    assert page.canvas.accessibleDescription() == pair.evidence.evidence.words
    chips = page.why.findChildren(LinkChip)
    assert len(chips) == len(pair.evidence.evidence.links) >= 3
    assert chips[0].accessibleName().startswith("Link 1, ")


def test_links_join_the_same_places_of_both_pictures(pair):
    """The query is the astronaut cut at (20, 10) and scaled by 400/450: every link must undo exactly that."""
    evidence = pair.evidence.evidence
    original = 360 / 512  # the library's photo was made smaller
    for link in evidence.links:
        x = (link.query.x + link.query.w / 2) * 450 / 400 + 20
        y = (link.query.y + link.query.h / 2) * 420 / 373 + 10
        assert abs(x * original - (link.result.x + link.result.w / 2)) < 1.5 * link.result.w
        assert abs(y * original - (link.result.y + link.result.h / 2)) < 1.5 * link.result.h


def test_n_and_p_and_the_buttons_walk_through_the_results(pair, qtbot):
    page, evidence = pair.evidence_page, pair.evidence
    qtbot.keyClick(page.canvas, Qt.Key.Key_N)
    explained(pair, qtbot)
    second = evidence.hit.photo.id
    qtbot.mouseClick(page.previous, LEFT)
    explained(pair, qtbot)
    assert evidence.hit.photo.name == "astronaut-0.jpg"
    qtbot.mouseClick(page.next, LEFT)
    explained(pair, qtbot)
    assert evidence.hit.photo.id == second
    qtbot.keyClick(page.canvas, Qt.Key.Key_P)
    explained(pair, qtbot)
    assert evidence.hit.photo.name == "astronaut-0.jpg"


def test_the_keys_1_to_4_switch_the_layers_and_the_maps_are_painted(pair, qtbot):
    page, evidence = pair.evidence_page, pair.evidence
    canvas = page.canvas
    qtbot.keyClick(canvas, Qt.Key.Key_4)
    bare = canvas.grab().toImage()
    assert not page.attention.isChecked() and not page.links.isChecked() and not page.off.isEnabled()
    qtbot.keyClick(canvas, Qt.Key.Key_1)
    attention = canvas.grab().toImage()
    qtbot.keyClick(canvas, Qt.Key.Key_2)
    areas = canvas.grab().toImage()
    assert evidence.map_layer is Layer.AREAS and page.areas.isChecked() and not page.attention.isChecked()
    qtbot.keyClick(canvas, Qt.Key.Key_2)
    qtbot.keyClick(canvas, Qt.Key.Key_3)
    links = canvas.grab().toImage()
    assert page.links.isChecked()
    pictures = [bare, attention, areas, links]
    assert all(one != other for n, one in enumerate(pictures) for other in pictures[n + 1 :])


def test_the_maps_are_the_painters_own_on_the_fixed_scale(pair):
    evidence = pair.evidence
    image = evidence.heat(Side.RESULT)
    values = evidence.evidence.coattention.result
    expected = painting.heat_rgba(values, image.width(), image.height(), opacity=1.0)
    row, column = image.height() // 2, image.width() // 2
    found = QColor.fromRgba(image.pixel(column, row))
    assert abs(found.alpha() - int(expected[row, column, 3])) <= 1


def test_strength_sets_how_much_of_the_map_is_seen(pair, qtbot):
    page, evidence = pair.evidence_page, pair.evidence
    evidence.set_links_shown(False)
    best = np.unravel_index(
        evidence.evidence.coattention.query.argmax(), evidence.evidence.coattention.query.shape
    )
    where = place(pair, Side.QUERY, Cell(int(best[0]), int(best[1])))
    page.strength.setValue(0)
    without = colour(pair, where)
    evidence.all_off()
    assert (colour(pair, where) == without).all()
    evidence.set_map_layer(Layer.ATTENTION)
    page.strength.setValue(100)
    assert np.abs(colour(pair, where) - without).sum() > 20


def test_pointing_at_a_patch_lights_its_partner_and_dims_everything_else(pair, qtbot):
    canvas, evidence = pair.evidence_page.canvas, pair.evidence
    evidence.set_map_layer(None)
    link = evidence.evidence.links[0]
    partner = place(pair, Side.RESULT, link.result_cell)
    linked = {(cell.row, cell.column) for other in evidence.evidence.links for cell in (other.result_cell,)}
    grid = evidence.evidence.result_grid
    far = next(
        Cell(row, column)
        for row in range(grid.rows)
        for column in range(grid.columns)
        if all(abs(row - r) > 2 or abs(column - c) > 2 for r, c in linked)
    )
    elsewhere = place(pair, Side.RESULT, far)
    evidence.set_links_shown(False)
    before_partner, before_far = colour(pair, partner), colour(pair, elsewhere)
    move(canvas, place(pair, Side.QUERY, link.query_cell))
    assert canvas.lit() == [0]
    ground = np.array([0x17, 0x18, 0x1A], float)
    assert colour(pair, elsewhere) == pytest.approx(DIMMED * before_far + (1 - DIMMED) * ground, abs=4)
    assert colour(pair, partner) == pytest.approx(before_partner, abs=4)
    move(canvas, QPoint(canvas.width() // 2, 2))
    assert canvas.lit() == [] and colour(pair, elsewhere) == pytest.approx(before_far, abs=1)


def test_pointing_at_a_link_in_the_list_lights_it(pair, qtbot):
    page = pair.evidence_page
    chip = page.why.findChildren(LinkChip)[1]
    chip.setFocus()
    chip.pointed.emit(1)
    assert page.canvas.lit() == [1]
    chip.pointed.emit(None)
    assert page.canvas.lit() == []


def test_one_click_marks_plus_the_second_minus_the_third_nothing(pair, qtbot):
    canvas, why = pair.evidence_page.canvas, pair.evidence_page.why
    link = pair.evidence.evidence.links[0]
    where = place(pair, Side.QUERY, link.query_cell)
    plain = canvas.grab().toImage()
    looks = []
    for expected in ([1], [-1], []):
        qtbot.mouseClick(canvas, LEFT, pos=where)
        assert signs(pair) == expected
        pair.evidence_page.canvas._set_pointed(None)
        looks.append(canvas.grab().toImage())
        if expected == [1]:
            assert why.marks.text() == "You marked: + patch 1 of your picture"
            assert why.again.isEnabled()
    assert looks[0] != looks[1] != plain and looks[0] != plain
    assert not why.again.isEnabled()


def test_a_mark_is_told_apart_in_grey_by_its_ring_and_sign(pair, qtbot):
    canvas = pair.evidence_page.canvas
    pair.evidence.all_off()
    cell = Cell(7, 7)
    where = place(pair, Side.RESULT, cell)
    qtbot.mouseClick(canvas, LEFT, pos=where)
    canvas._cursor = None
    plus = grey_patch(pair, where)
    qtbot.mouseClick(canvas, LEFT, pos=where)
    canvas._cursor = None
    minus = grey_patch(pair, where)
    column, row = 15, 15
    assert plus[row - 4, column] > minus[row - 4, column] + 40, "only the plus has an upright stroke"
    assert abs(plus[row, column - 4] - minus[row, column - 4]) < 60, "both have the level one"


def grey_patch(pages, where: QPoint) -> np.ndarray:
    image = pages.evidence_page.canvas.grab().toImage()
    return np.array(
        [
            [image.pixelColor(where.x() + x - 15, where.y() + y - 15).lightness() for x in range(31)]
            for y in range(31)
        ],
        float,
    )


def test_shift_and_drag_paints_a_region_in_one_step(pair, qtbot):
    canvas = pair.evidence_page.canvas
    start, end = place(pair, Side.RESULT, Cell(3, 2)), place(pair, Side.RESULT, Cell(3, 6))
    drag(qtbot, canvas, start, end, modifiers=SHIFT)
    assert signs(pair) == [1] * 5
    qtbot.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
    assert signs(pair) == []
    qtbot.keyClick(canvas, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert signs(pair) == [1] * 5


def test_arrows_move_from_patch_to_patch_and_enter_marks(pair, qtbot):
    canvas = pair.evidence_page.canvas
    grid: Grid = pair.evidence.evidence.query_grid
    qtbot.keyClick(canvas, Qt.Key.Key_Down)
    assert canvas.cursor_cell == (Side.QUERY, Cell(grid.rows // 2, grid.columns // 2))
    for _ in range(grid.columns):
        qtbot.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.cursor_cell[0] is Side.RESULT
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    mark = pair.evidence.marks[0]
    assert (mark.side, mark.sign, mark.photo) == (Side.RESULT, 1, pair.evidence.hit.photo.id)
    assert "of this one, row" in canvas.accessibleDescription()


def test_zoom_and_pan_are_linked_and_0_fits(pair, qtbot):
    canvas = pair.evidence_page.canvas
    at = QPointF(200, 250)
    under = canvas.pointed(at)
    wheel(canvas, at, 3)
    after = canvas.pointed(at)
    assert canvas.camera.zoom > 1.5
    assert (after.x, after.y) == pytest.approx((under.x, under.y), abs=1)
    views = [surface.view for surface in canvas.surfaces().values()]
    assert views[0].camera == views[1].camera
    before = canvas.camera
    drag(qtbot, canvas, QPoint(200, 250), QPoint(170, 240), button=Qt.MouseButton.MiddleButton)
    assert canvas.camera.cx > before.cx and canvas.camera.zoom == before.zoom
    qtbot.keyPress(canvas, Qt.Key.Key_Space)
    drag(qtbot, canvas, QPoint(200, 250), QPoint(230, 260))
    qtbot.keyRelease(canvas, Qt.Key.Key_Space)
    assert canvas.camera.cx == pytest.approx(before.cx, abs=1e-6)
    assert signs(pair) == [], "dragging marks nothing"
    qtbot.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.camera == Camera()
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.camera.zoom > 1
    qtbot.keyClick(canvas, Qt.Key.Key_Minus)
    assert canvas.camera == Camera()


def wheel(canvas, at: QPointF, steps: int) -> None:
    event = QWheelEvent(
        at,
        QPointF(canvas.mapToGlobal(at)),
        QPoint(),
        QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def test_a_click_marks_the_right_patch_also_when_zoomed_in(pair, qtbot):
    canvas = pair.evidence_page.canvas
    wheel(canvas, QPointF(place(pair, Side.RESULT, Cell(5, 5))), 5)
    qtbot.mouseClick(canvas, LEFT, pos=place(pair, Side.RESULT, Cell(5, 5)))
    assert [(mark.side, mark.cell) for mark in pair.evidence.marks] == [(Side.RESULT, Cell(5, 5))]


def test_b_shows_both_pictures_in_the_same_place_by_turns(pair, qtbot):
    canvas = pair.evidence_page.canvas
    qtbot.keyClick(canvas, Qt.Key.Key_B)
    mine = canvas.grab().toImage()
    assert list(canvas.surfaces()) == [Side.QUERY] and pair.evidence_page.blink.isChecked()
    qtbot.keyClick(canvas, Qt.Key.Key_B)  # with reduced motion every press shows the other one
    assert list(canvas.surfaces()) == [Side.RESULT] and canvas.grab().toImage() != mine
    qtbot.keyClick(canvas, Qt.Key.Key_B)
    assert not canvas.blinking and len(canvas.surfaces()) == 2


def test_searching_again_with_marks_is_the_next_round_and_undo_leads_back(pair, qtbot):
    search, evidence, page = pair.search, pair.evidence, pair.evidence_page
    link = evidence.evidence.links[0]
    qtbot.mouseClick(page.canvas, LEFT, pos=place(pair, Side.QUERY, link.query_cell))
    qtbot.mouseClick(page.canvas, LEFT, pos=place(pair, Side.RESULT, Cell(0, 0)))
    qtbot.mouseClick(page.canvas, LEFT, pos=place(pair, Side.RESULT, Cell(0, 0)))
    first, shown = search.query, evidence.hit.photo.id
    with qtbot.waitSignal(evidence.next_round):
        qtbot.mouseClick(page.why.again, LEFT)
    qtbot.waitUntil(lambda: not search.busy, timeout=WAIT)
    assert search.query.round == 2 and search.rounds == (2, 2)
    assert pair.search_page.panel.rounds.round.text() == "Round 2 of 2"
    region = search.items[0].region
    assert region is not None and region.contains(link.query.x + 1, link.query.y + 1)
    assert search.items[0].cell_weights
    unwanted = search.items[1]
    assert unwanted.negative and unwanted.from_mark and unwanted.picture == LibraryPicture(shown)
    assert shown in [hit.photo.id for hit in search.hits], "a mark never removes the marked photo"
    page.entered()
    explained(pair, qtbot)
    assert evidence.marks == () and evidence.evidence.query_box == region
    with qtbot.waitSignal(evidence.next_round):
        qtbot.keyClick(page.canvas, Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: not search.busy, timeout=WAIT)
    assert search.query is first and search.rounds == (1, 2)
    assert signs(pair) == [1, -1], "the marks of that round are there again"


def test_marks_on_a_region_are_marks_inside_it(pages, made, qtbot):
    pages.search.ask([FilePicture(os.fsencode(made / "my astronaut.jpg"))])
    pages.search.set_part(0, Region(100, 20, 200, 200))
    qtbot.waitUntil(lambda: not pages.search.busy and pages.search.answer is not None, timeout=WAIT)
    pages.evidence.show_result(0)
    explained(pages, qtbot)
    canvas = pages.evidence_page.canvas
    view = canvas.surfaces()[Side.QUERY].view
    qtbot.mouseClick(canvas, LEFT, pos=QPoint(*map(round, view.to_widget(20, 300))))
    assert pages.evidence.marks == (), "outside the region there is nothing to mark"
    qtbot.mouseClick(canvas, LEFT, pos=QPoint(*map(round, view.to_widget(200, 120))))
    mark = pages.evidence.marks[0]
    assert mark.box == Region(100, 20, 200, 200)
    assert mark.grid.cell_region(mark.cell, mark.box).contains(200, 120)


def test_where_nothing_matches_nothing_is_painted_over_the_photos(pair, qtbot):
    row = next(row for row, hit in enumerate(pair.search.hits) if hit.photo.name.startswith("coffee"))
    pair.evidence.show_result(row)
    explained(pair, qtbot)
    page = pair.evidence_page
    assert page.why.words.text().startswith("Nothing here matches well")
    assert not page.why.findChildren(LinkChip) or not page.why._links.isVisible()
    page.canvas.clearFocus()
    with_maps = page.canvas.grab().toImage()
    pair.evidence.all_off()
    bare = page.canvas.grab().toImage()
    worst = max(
        abs(with_maps.pixelColor(x, y).lightness() - bare.pixelColor(x, y).lightness())
        for x in range(0, bare.width(), 9)
        for y in range(0, bare.height(), 9)
    )
    assert worst <= 6


def test_evidence_is_saved_as_the_picture_and_the_document_of_the_command_line(pair, qtbot, tmp_path):
    picture, document = tmp_path / "evidence.png", tmp_path / "evidence.json"
    for path in (picture, document):
        with qtbot.waitSignal(pair.evidence.exported, timeout=WAIT):
            pair.evidence_page.export_to(str(path))
    assert json.loads(document.read_text("utf-8")) == painting.evidence_json(pair.evidence.evidence)
    with Image.open(picture) as saved:
        assert saved.format == "PNG" and saved.width > 1000


def test_a_place_that_cannot_be_written_is_named(pair, qtbot, tmp_path):
    said = []
    pair.evidence.failed.connect(said.append)
    pair.evidence_page.export_to(str(tmp_path / "no such folder" / "evidence.json"))
    qtbot.waitUntil(lambda: bool(said), timeout=WAIT)
    assert "evidence.json" in said[0].message and said[0].remedy


def test_a_result_whose_drive_is_away_is_shown_from_its_preview(pages, made, qtbot):
    file = made / "photos" / "table" / "coffee-1.jpg"
    away = file.rename(made / "away.jpg")
    try:
        pages.search.ask([LibraryPicture(PhotoId(pages.photo_named("coffee-0.jpg")))])
        qtbot.waitUntil(lambda: not pages.search.busy and pages.search.answer is not None, timeout=WAIT)
        row = next(row for row, hit in enumerate(pages.search.hits) if hit.photo.name == "coffee-1.jpg")
        pages.evidence.show_result(row)
        explained(pages, qtbot)
        assert not pages.evidence.picture(Side.RESULT).image.isNull()
        assert pages.evidence.evidence.links
    finally:
        away.rename(file)


def test_with_several_pictures_one_chooses_which_to_explain(pair, qtbot):
    pair.search.ask([LibraryPicture(PhotoId(pair.photo_named("coffee-0.jpg")))], replace=False)
    qtbot.waitUntil(lambda: not pair.search.busy, timeout=WAIT)
    row = next(row for row, hit in enumerate(pair.search.hits) if hit.photo.name == "coffee-1.jpg")
    pair.evidence.show_result(row)
    explained(pair, qtbot)
    page = pair.evidence_page
    assert page.pictures.isVisible() and page.pictures.count() == 2 and not pair.evidence.evidence.links
    page.pictures.setCurrentIndex(1)
    page.pictures.activated.emit(1)
    explained(pair, qtbot)
    assert pair.evidence.item_index == 1 and pair.evidence.evidence.links


def test_a_neighbour_of_a_linked_patch_counts_as_that_patch(pair):
    evidence = pair.evidence.evidence
    link = evidence.links[0]
    assert 0 in links_at(evidence, Side.QUERY, link.query_cell)
    assert links_at(evidence, Side.QUERY, Cell(link.query_cell.row + 40, 0)) == []
