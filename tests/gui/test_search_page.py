"""The Search page with real services on a small library: real events, and what a person sees afterwards."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QPushButton
from support.pointer import drag, move
from support.small_library import make_library, open_pages, write_query

from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import FilePicture, LibraryPicture, Profile
from desktop_app.domain.results import Hit, Words
from desktop_app.ui.viewmodels.result_order import SortOrder
from desktop_app.ui.views.photo_grid import HOVER_MS
from desktop_app.ui.views.search.region_handles import handle_points

LEFT = Qt.MouseButton.LeftButton
WAIT = 30_000


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_pack) -> Path:
    folder = tmp_path_factory.mktemp("search")
    make_library(folder, tiny_pack)
    write_query(folder / "my astronaut.jpg")
    return folder


@pytest.fixture
def pages(made, tiny_pack, qapp):
    with open_pages(made / "library", tiny_pack) as opened:
        yield opened
        assert opened.errors == []


def ask(pages, qtbot, *pictures):
    pages.search.ask(pictures)
    answered(pages, qtbot)


def answered(pages, qtbot):
    qtbot.waitUntil(lambda: not pages.search.busy and pages.search.answer is not None, timeout=WAIT)
    qtbot.waitUntil(lambda: pages.thumbnails.idle, timeout=WAIT)


def ask_file(pages, qtbot, made):
    ask(pages, qtbot, FilePicture(os.fsencode(made / "my astronaut.jpg")))
    qtbot.waitUntil(lambda: pages.search_page.panel.editor.placement() is not None, timeout=WAIT)


def names(pages) -> list[str]:
    model = pages.search.results
    return [model.photo(row).name for row in range(model.rowCount())]


def offer(page, words: str) -> QPushButton:
    QApplication.processEvents()  # buttons that were just made are shown in the next turn of the event loop
    shown = [b for b in page.empty.findChildren(QPushButton) if not b.isHidden()]
    return next(b for b in shown if b.text().startswith(words))


def test_before_a_question_the_page_says_how_to_ask_one(pages, qtbot):
    assert pages.search_page.stack.currentWidget() is pages.search_page.empty
    with qtbot.waitSignal(pages.search_page.choose_requested):
        qtbot.mouseClick(offer(pages.search_page, "Choose a photo"), LEFT)


def test_a_photo_finds_the_photos_of_the_same_thing_first(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    assert names(pages)[0].startswith("astronaut")
    assert "balanced" in pages.search_page.header.text() and pages.search_page.header.text().endswith(" s")
    assert pages.search_page.grid.isVisible()
    assert "my astronaut" in pages.search_page.panel.editor.accessibleDescription()


def test_a_photo_of_the_library_is_said_to_be_one_and_is_not_among_its_results(pages, qtbot, made):
    inside = made / "photos" / "space" / "rocket-0.jpg"
    ask(pages, qtbot, FilePicture(os.fsencode(inside)))
    note = pages.search_page.panel._note
    qtbot.waitUntil(lambda: "In this library" in note.text(), timeout=WAIT)
    assert "rocket-0.jpg" not in names(pages)
    assert names(pages)[0].startswith("rocket")


def test_drawing_a_region_searches_with_it_while_the_mouse_is_still_down(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    editor, answers = pages.search_page.panel.editor, []
    pages.search.answer_changed.connect(lambda: answers.append(pages.search.answer))
    qtbot.mousePress(editor, LEFT, pos=QPoint(60, 60))
    for step in range(1, 9):
        move(editor, QPoint(60 + 12 * step, 60 + 10 * step), held=LEFT)
    assert answers == [], "nothing is searched while the rectangle still moves"
    qtbot.waitUntil(lambda: any(a and a.final for a in answers), timeout=WAIT)
    assert pages.search.items[0].region == editor.region
    qtbot.mouseRelease(editor, LEFT, pos=QPoint(156, 140))
    answered(pages, qtbot)
    shown = pages.search.answer.query[0].region
    expected = editor.placement().to_picture(156, 140)
    assert abs(shown.x + shown.w - expected[0]) < 2 and abs(shown.y + shown.h - expected[1]) < 2
    assert "Region" in pages.search_page.panel._note.text()


def test_parts_where_the_picture_draws_the_eye_are_offered_and_asked_with(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    panel = pages.search_page.panel
    qtbot.waitUntil(lambda: bool(panel.parts.buttons) and panel.parts.isVisible(), timeout=WAIT)
    (item,) = pages.search.items
    assert tuple(panel.parts.buttons) == pages.search.parts.of(item) and len(panel.parts.buttons) <= 3
    part, button = next(iter(panel.parts.buttons.items()))
    assert part.x + part.w <= 400 and part.y + part.h <= 373 and part.w * part.h < 0.6 * 400 * 373
    qtbot.mouseClick(button, LEFT)
    answered(pages, qtbot)
    assert pages.search.answer.query[0].region == part == panel.editor.region and button.isChecked()
    assert pages.search.parts.of(pages.search.items[0]) == tuple(panel.parts.buttons), "they stay"
    qtbot.mouseClick(button, LEFT)
    answered(pages, qtbot)
    assert pages.search.answer.query[0].region is None and not button.isChecked()
    qtbot.mouseClick(panel.clear_button, LEFT)
    assert not panel.parts.isVisible()


def test_escape_uses_the_whole_picture_again(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    before = names(pages)
    editor = pages.search_page.panel.editor
    drag(qtbot, editor, QPoint(60, 60), QPoint(150, 150))
    answered(pages, qtbot)
    editor.setFocus()
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    answered(pages, qtbot)
    assert pages.search.items[0].region is None and names(pages) == before


def test_each_of_the_eight_handles_moves_its_own_edges(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    editor = pages.search_page.panel.editor
    drag(qtbot, editor, QPoint(80, 80), QPoint(170, 160))
    for handle in list(handle_points(0, 0, 1, 1)):
        before = editor.region
        x, y = handle_points(*editor.placement().rectangle(before))[handle]
        drag(qtbot, editor, QPoint(round(x), round(y)), QPoint(round(x) + 9, round(y) + 9))
        after, (left, top, right, bottom) = editor.region, handle.value
        assert (after.x > before.x) == bool(left), handle
        assert (after.y > before.y) == bool(top), handle
        assert (after.x + after.w > before.x + before.w) == bool(right), handle
        assert (after.y + after.h > before.y + before.h) == bool(bottom), handle
    answered(pages, qtbot)


def test_a_region_is_drawn_moved_and_resized_by_keys(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    editor = pages.search_page.panel.editor
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    first = editor.region
    qtbot.keyClick(editor, Qt.Key.Key_Right)
    qtbot.keyClick(editor, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert editor.region.x > first.x and editor.region.h > first.h and editor.region.w == first.w
    qtbot.waitUntil(lambda: pages.search.items[0].region == editor.region)
    qtbot.waitUntil(lambda: not pages.search._rest.isActive() and not pages.search.busy, timeout=WAIT)
    assert pages.search.answer.query[0].region == editor.region


def test_pictures_are_combined_switched_to_not_like_this_removed_and_cleared(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    panel = pages.search_page.panel
    pages.search.ask([LibraryPicture(PhotoId(pages.photo_named("coffee-0.jpg")))], replace=False)
    answered(pages, qtbot)
    assert len(pages.search.answer.query) == 2
    panel.choose(1)
    qtbot.mouseClick(panel.not_like, LEFT)
    answered(pages, qtbot)
    assert [item.negative for item in pages.search.items] == [False, True]
    assert not any(name.startswith("coffee") for name in names(pages)[:3])
    panel.choose(0)
    qtbot.mouseClick(panel.not_like, LEFT)
    assert [item.negative for item in pages.search.items] == [False, True], "one picture must stay wanted"
    panel.choose(1)
    qtbot.mouseClick(panel.remove, LEFT)
    answered(pages, qtbot)
    assert len(pages.search.items) == 1
    qtbot.mouseClick(panel.clear_button, LEFT)
    assert pages.search.query is None and pages.search_page.stack.currentWidget() is pages.search_page.empty
    pages.search.back()
    answered(pages, qtbot)
    assert names(pages)[0].startswith("astronaut")


def test_back_and_forward_return_to_earlier_questions(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    ask(pages, qtbot, LibraryPicture(PhotoId(pages.photo_named("coffee-0.jpg"))))
    panel = pages.search_page.panel
    assert names(pages)[0].startswith("coffee") and not panel.forward.isEnabled()
    qtbot.mouseClick(panel.back, LEFT)
    answered(pages, qtbot)
    assert names(pages)[0].startswith("astronaut")
    qtbot.mouseClick(panel.forward, LEFT)
    answered(pages, qtbot)
    assert names(pages)[0].startswith("coffee")


def test_not_like_this_in_the_grid_joins_the_question(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    worst = pages.search.hits[-1].photo.id
    pages.search_page.grid.not_like.emit(worst)
    answered(pages, qtbot)
    assert pages.search.items[-1].picture == LibraryPicture(worst) and pages.search.items[-1].negative


def test_the_profile_and_the_sorting_are_chosen_above_the_results(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    page = pages.search_page
    page.profile.setFocus()
    qtbot.keyClick(page.profile, Qt.Key.Key_Up)
    answered(pages, qtbot)
    assert pages.search.profile is Profile.INSTANT and "instant" in page.header.text()
    pages.search.show_all()
    page.sort.setCurrentIndex(list(SortOrder).index(SortOrder.NAME))
    page.sort.activated.emit(page.sort.currentIndex())
    strong = [hit.photo.name for hit in pages.search.hits if hit.words not in (Words.WEAKER, Words.NOTHING)]
    assert strong == sorted(strong)
    assert pages.search.results.divider is None


def test_the_slider_changes_the_size_of_the_photos(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    page = pages.search_page
    before = page.grid.visualRect(pages.search.results.index(0)).width()
    page.cell_size.setValue(page.cell_size.maximum())
    assert page.grid.visualRect(pages.search.results.index(0)).width() > before


def test_e_keeps_the_maps_on_and_they_are_painted(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    grid, best = pages.search_page.grid, pages.search.hits[0].photo
    plain = grid.viewport().grab().toImage()
    grid.setFocus()
    qtbot.keyClick(grid, Qt.Key.Key_E)
    assert pages.search_page.maps.isChecked()
    qtbot.waitUntil(lambda: pages.search.maps.image(best.id) is not None, timeout=WAIT)
    assert grid.viewport().grab().toImage() != plain
    qtbot.keyClick(grid, Qt.Key.Key_E)
    assert grid.viewport().grab().toImage() == plain, "without maps the photos are untouched"


def test_resting_on_a_result_shows_where_it_matches(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    grid, best = pages.search_page.grid, pages.search.hits[0].photo
    middle = grid.visualRect(pages.search.results.index(0)).center()
    move(grid.viewport(), middle)
    assert pages.search.maps.image(best.id) is None
    qtbot.wait(HOVER_MS // 2)
    qtbot.waitUntil(lambda: pages.search.maps.image(best.id) is not None, timeout=WAIT)
    assert best.id in grid.held()


def test_enter_asks_for_the_evidence_of_the_current_result(pages, qtbot, made):
    ask_file(pages, qtbot, made)
    grid = pages.search_page.grid
    grid.setFocus()
    grid.setCurrentIndex(pages.search.results.index(1))
    with qtbot.waitSignal(pages.search_page.evidence_requested) as asked:
        qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert asked.args == [1]


def test_a_file_that_is_no_picture_is_named_with_what_to_do(pages, qtbot, tmp_path):
    broken = tmp_path / "letter.jpg"
    broken.write_text("Dear Sir or Madam")
    pages.search.ask([FilePicture(os.fsencode(broken))])
    page = pages.search_page
    qtbot.waitUntil(lambda: pages.search.error is not None, timeout=WAIT)
    assert page.stack.currentWidget() is page.empty
    assert "letter.jpg" in page.empty._title.text()
    assert offer(page, "Choose a photo").isVisible()


def weak(hit: Hit) -> Hit:
    from dataclasses import replace

    return replace(hit, score=0.1, words=Words.WEAKER)


def test_when_nothing_matches_it_is_said_and_the_nearest_follow_below_the_line(pages, qtbot, made, monkeypatch):
    from dataclasses import replace

    from desktop_app.ui.viewmodels import result_order as module

    monkeypatch.setattr(module, "WEAKER_SHOWN", 2)
    port = pages.search._port
    real = port.search

    def nothing_matches(query, *, control):
        for answer in real(query, control=control):
            hits = tuple(weak(hit) for hit in answer.hits)
            yield replace(answer, hits=hits, verdict=Words.NOTHING)

    monkeypatch.setattr(port, "search", nothing_matches)
    ask_file(pages, qtbot, made)
    page, model = pages.search_page, pages.search.results
    assert page.header.text().startswith("Nothing here matches well · the nearest first")
    assert page.stack.currentWidget() is page.grid
    assert (model.rowCount(), model.divider, model.hidden) == (2, None, 10)
    assert page.footer.isVisible() and page.footer.more.text() == "Show 10 more anyway"
    pages.search.set_sort(SortOrder.NAME)  # of those that match, and none does
    assert page.stack.currentWidget() is page.empty
    page.empty.first_button().setFocus()
    qtbot.mouseClick(offer(page, "Show 12 anyway"), LEFT)
    assert page.stack.currentWidget() is page.grid and model.rowCount() == 12
    assert page.focusWidget() is page.grid, "the keyboard goes where the results are"


def test_similar_photos_are_counted_where_nothing_is_surely_the_same(pages, qtbot, made, monkeypatch):
    from dataclasses import replace

    port = pages.search._port
    real = port.search

    def similar(query, *, control):
        for answer in real(query, control=control):
            strong = tuple(replace(hit, words=Words.SIMILAR) for hit in answer.hits[:3])
            yield replace(answer, hits=strong + tuple(map(weak, answer.hits[3:])), verdict=Words.NOTHING)

    monkeypatch.setattr(port, "search", similar)
    ask_file(pages, qtbot, made)
    assert pages.search_page.header.text().startswith("3 similar · none surely the same")


def test_weaker_results_follow_below_the_line_and_more_on_request(pages, qtbot, made, monkeypatch):
    from dataclasses import replace

    from desktop_app.ui.viewmodels import result_order as module

    monkeypatch.setattr(module, "WEAKER_SHOWN", 2)
    port = pages.search._port
    real = port.search

    def four_match(query, *, control):
        for answer in real(query, control=control):
            strong = tuple(replace(hit, words=Words.SIMILAR) for hit in answer.hits[:4])
            yield replace(answer, hits=strong + tuple(weak(hit) for hit in answer.hits[4:]))

    monkeypatch.setattr(port, "search", four_match)
    ask_file(pages, qtbot, made)
    page, model = pages.search_page, pages.search.results
    assert (model.rowCount(), model.divider, model.hidden) == (6, 4, 6)
    assert page.header.text().startswith("4 results")
    assert page.footer.isVisible() and page.footer.more.text() == "Show 6 more anyway"
    qtbot.mouseClick(page.footer.more, LEFT)
    assert model.rowCount() == 12 and not page.footer.isVisible()


def test_an_empty_library_offers_to_add_a_folder(tmp_path, tiny_pack, made, qtbot, qapp):
    from support.small_library import options

    from desktop_app import bootstrap

    bootstrap.open_library(options(tmp_path / "empty", tiny_pack)).close()
    with open_pages(tmp_path / "empty", tiny_pack) as opened:
        opened.search.ask([FilePicture(os.fsencode(made / "my astronaut.jpg"))])
        answered(opened, qtbot)
        with qtbot.waitSignal(opened.search_page.wizard_requested):
            qtbot.mouseClick(offer(opened.search_page, "Add a folder"), LEFT)


def test_a_query_file_that_vanishes_is_named(pages, qtbot, made, tmp_path):
    gone = tmp_path / "gone.jpg"
    shutil.copy(made / "my astronaut.jpg", gone)
    ask(pages, qtbot, FilePicture(os.fsencode(gone)))
    gone.unlink()
    pages.search.set_part(0, None)
    pages.search.ask([FilePicture(os.fsencode(gone))])
    qtbot.waitUntil(lambda: pages.search.error is not None or pages.search.answer is not None, timeout=WAIT)
    qtbot.waitUntil(lambda: not pages.search.busy, timeout=WAIT)
    assert pages.search.error is not None and "gone.jpg" in pages.search.error.message


def test_a_very_wide_query_picture_fits_the_panel(pages, qtbot, tmp_path):
    wide = tmp_path / "panorama.jpg"
    Image.linear_gradient("L").resize((4000, 400)).convert("RGB").save(wide)
    ask(pages, qtbot, FilePicture(os.fsencode(wide)))
    editor = pages.search_page.panel.editor
    qtbot.waitUntil(lambda: editor.placement() is not None, timeout=WAIT)
    placement = editor.placement()
    assert placement.x >= 0 and placement.x + 4000 * placement.scale <= editor.width()
