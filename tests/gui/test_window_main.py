"""The window as a person uses it: real events on a real small library, and what they would see."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QMimeData, QObject, QSettings, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
)
from support.windows import answer, drag_away, drag_over, drop, make_photos, mime_of

from desktop_app import bootstrap
from desktop_app.domain.devices import Device
from desktop_app.domain.filters import FilterKind, PhotoFilter
from desktop_app.domain.metadata import PhotoMetadata
from desktop_app.domain.photos import LeftOut
from desktop_app.domain.query import FilePicture, LibraryPicture, PixelPicture
from desktop_app.services.index_folder import index_folders
from desktop_app.ui import app
from desktop_app.ui.viewmodels.jobs import JobPhase
from desktop_app.ui.viewmodels.library import PhotoOrder
from desktop_app.ui.viewmodels.settings import SettingsStore
from desktop_app.ui.viewmodels.shell import Place
from desktop_app.ui.views import theme
from desktop_app.ui.views.about_dialog import AboutDialog
from desktop_app.ui.views.duplicates_dialog import DuplicatesDialog
from desktop_app.ui.views.settings_dialog import SettingsDialog
from desktop_app.ui.views.shortcuts_dialog import ShortcutsDialog
from desktop_app.ui.views.skipped_dialog import SkippedDialog

LEFT = Qt.MouseButton.LeftButton
WAIT = 60_000


@pytest.fixture(scope="session")
def master_photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("master") / "photos"
    make_photos(folder)
    return folder


@pytest.fixture
def photos(master_photos, tmp_path) -> Path:
    return Path(shutil.copytree(master_photos, tmp_path / "photos"))


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("INDICIUM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def start(home, tiny_pack, qtbot):
    """Starts a window like the application does, as often as a test needs; closes what is left open."""
    windows = []

    def begin(*, paths=(), watch=False):
        options = bootstrap.Options(pack=str(tiny_pack), device=Device.CPU, window=True, threads=1)
        shell = app.build_shell(options)
        shell.parts.settings.change(watch_folders=watch)
        window = app.build_window(shell)
        windows.append(window)
        if paths:
            shell.take_paths(paths)
        shell.parts.library.open_last()
        window.show()
        qtbot.waitUntil(lambda: shell.parts.library.counts is not None, timeout=WAIT)
        return window

    yield begin
    for window in windows:
        window.shell.shut_down()
        window.close()
        window.deleteLater()


def idle(window) -> bool:
    parts = window.shell.parts
    return not parts.jobs.state.busy and not parts.bridge.busy()


@pytest.fixture(scope="session")
def library_home(master_photos, tiny_pack, tmp_path_factory) -> Path:
    """A home folder whose library holds the master photos; tests work on copies of it."""
    home = tmp_path_factory.mktemp("indexed") / "home"
    options = bootstrap.Options(library=home / "library", pack=str(tiny_pack), device=Device.CPU)
    with bootstrap.open_library(options) as session:
        for _ in index_folders(session, [master_photos]):
            pass
    return home


@pytest.fixture
def indexed(library_home, master_photos, home, start, qtbot):
    """A window on a library in which the master photos are indexed."""
    shutil.copytree(library_home, home)
    window = start()
    qtbot.waitUntil(lambda: idle(window) and len(window.shell.parts.library.ids) == 12, timeout=WAIT)
    return window


# -- the first start: the wizard -------------------------------------------------------------------------------


def test_the_first_start_asks_for_folders_and_a_dropped_one_is_indexed_in_four_steps(start, photos, qtbot):
    (photos / "broken.jpg").write_bytes(b"not a picture")
    (photos / "notes.txt").write_text("hello")
    window = start()
    wizard = window.wizard_page
    assert window.shell.place is Place.WIZARD
    assert not wizard.next_button.isEnabled()

    drop(window, mime_of(photos))
    assert window.shell.parts.wizard.folders == [photos]
    qtbot.mouseClick(wizard.next_button, LEFT)
    qtbot.waitUntil(wizard.next_button.isEnabled, timeout=WAIT)
    assert wizard.contents.total.text().startswith("13 photos")
    assert "disk space" in wizard.contents.space.text()
    assert "2018: 3" in wizard.contents.years.accessibleDescription()
    assert wizard.contents.switches[LeftOut.HIDDEN].isChecked()

    qtbot.mouseClick(wizard.next_button, LEFT)
    qtbot.waitUntil(wizard.next_button.isEnabled, timeout=WAIT)
    assert wizard.how.estimate.text().startswith("This takes")
    assert "tiny" in wizard.how.pack.text()
    assert wizard.how.low_priority.isChecked()

    qtbot.mouseClick(wizard.next_button, LEFT)
    assert window.shell.parts.jobs.state.busy
    qtbot.mouseClick(wizard.next_button, LEFT)
    assert window.shell.place is Place.LIBRARY
    qtbot.waitUntil(lambda: idle(window) and len(window.shell.parts.library.ids) == 12, timeout=WAIT)
    assert window.library_page.count.text() == "12 photos"
    assert window.status.skipped.text() == "1 skipped"
    assert window.side.model.index(1).data() == "photos"


def test_leaving_out_less_counts_again(start, photos, qtbot):
    shutil.copy(photos / "cats" / "chelsea-0.jpg", photos / ".hidden.jpg")
    window = start()
    window.shell.parts.wizard.add([photos])
    wizard = window.wizard_page
    qtbot.mouseClick(wizard.next_button, LEFT)
    qtbot.waitUntil(wizard.next_button.isEnabled, timeout=WAIT)
    assert wizard.contents.total.text().startswith("12 photos")
    wizard.contents.switches[LeftOut.HIDDEN].click()
    qtbot.waitUntil(lambda: wizard.contents.total.text().startswith("13 photos"), timeout=WAIT)


def test_the_wizard_offers_to_find_small_things_and_says_what_it_costs(start, photos, qtbot):
    window = start()
    model, wizard = window.shell.parts.wizard, window.wizard_page
    model.add([photos])
    qtbot.mouseClick(wizard.next_button, LEFT)
    qtbot.waitUntil(wizard.next_button.isEnabled, timeout=WAIT)
    assert not wizard.contents.small_things.isChecked()
    assert "14 times longer, and the library 96.0 kB larger" in wizard.contents.small_cost.text()
    wizard.contents.small_things.click()
    qtbot.mouseClick(wizard.next_button, LEFT)
    qtbot.waitUntil(lambda: model.seconds_needed is not None, timeout=WAIT)
    assert model.seconds_needed == pytest.approx(14 * model.survey.photos / model.plan.speed.images_per_second)
    qtbot.mouseClick(wizard.next_button, LEFT)
    session = window.shell.parts.library.session
    qtbot.waitUntil(lambda: idle(window) and session.reader.tiles_count() == 12, timeout=WAIT)


def test_small_things_are_turned_on_and_off_in_the_menu_of_the_library(indexed, qtbot):
    session = indexed.shell.parts.library.session

    def entry():
        indexed.side.library_button.menu().aboutToShow.emit()
        actions = indexed.side.library_button.menu().actions()
        return next(action for action in actions if action.text() == "Find small things in photos")

    assert not entry().isChecked()
    entry().trigger()
    qtbot.waitUntil(lambda: idle(indexed) and session.reader.tiles_count() == 12, timeout=WAIT)
    assert entry().isChecked()
    entry().trigger()
    qtbot.waitUntil(lambda: idle(indexed) and session.reader.tiles_count() == 0, timeout=WAIT)
    assert not entry().isChecked()


def test_the_wizard_can_be_left_and_the_empty_library_offers_it_again(start, qtbot):
    window = start()
    qtbot.mouseClick(window.wizard_page.cancel_button, LEFT)
    assert window.shell.place is Place.LIBRARY
    offer = window.library_page.empty.first_button()
    assert offer.text() == "Add a folder of photos"
    qtbot.mouseClick(offer, LEFT)
    assert window.shell.place is Place.WIZARD


def test_folders_that_are_chosen_later_are_counted_too(start, tmp_path, qtbot):
    for name, copies in (("one", 1), ("two", 1), ("three", 1)):
        make_photos(tmp_path / name, copies=copies)
    window = start()
    model, wizard = window.shell.parts.wizard, window.wizard_page

    def counted(sentence: str) -> None:
        qtbot.waitUntil(lambda: wizard.contents.total.text().startswith(sentence), timeout=WAIT)

    model.add([tmp_path / "one"])
    qtbot.mouseClick(wizard.next_button, LEFT)
    counted("4 photos")
    qtbot.mouseClick(wizard.back_button, LEFT)
    model.add([tmp_path / "two"])
    qtbot.mouseClick(wizard.next_button, LEFT)
    counted("8 photos")
    drop(window, mime_of(tmp_path / "three"))
    counted("12 photos")
    window.shell.add_folders()
    assert wizard.step == 0 and model.folders == []


def test_a_folder_without_photos_says_so(start, tmp_path, qtbot):
    (tmp_path / "empty").mkdir()
    window = start()
    window.shell.parts.wizard.add([tmp_path / "empty"])
    qtbot.mouseClick(window.wizard_page.next_button, LEFT)
    qtbot.waitUntil(lambda: window.shell.parts.wizard.survey is not None, timeout=WAIT)
    assert "no photos here" in window.wizard_page.contents.space.text()
    assert not window.wizard_page.next_button.isEnabled()


# -- library ---------------------------------------------------------------------------------------------------


def names(window) -> list[str]:
    model = window.shell.parts.photos
    return [model.photo(row).name for row in range(model.rowCount())]


def shown(window, qtbot) -> list[str]:
    """The names in the grid's order, once they are all read."""
    model = window.shell.parts.photos
    qtbot.waitUntil(
        lambda: (
            not window.shell.parts.bridge.busy()
            and all(model.photo(row) is not None for row in range(model.rowCount()))
        ),
        timeout=WAIT,
    )
    return names(window)


def test_photos_are_sorted_by_date_name_and_folder_in_both_directions(indexed, qtbot):
    page = indexed.library_page
    by_date = shown(indexed, qtbot)
    assert by_date[0].startswith("coffee-2")
    qtbot.mouseClick(page.direction, LEFT)
    assert shown(indexed, qtbot) == by_date[::-1]
    page.order.setCurrentIndex(page.order.findData(PhotoOrder.NAME))
    page.order.activated.emit(page.order.currentIndex())
    by_name = shown(indexed, qtbot)
    assert by_name == sorted(by_name)
    assert page.direction.accessibleName().startswith("A to Z")


def test_choosing_a_folder_shows_only_its_photos(indexed, tmp_path, qtbot):
    other = tmp_path / "more"
    make_photos(other, copies=1)
    library = indexed.shell.parts.library
    indexed.shell.parts.jobs.index([other], low_priority=False)
    qtbot.waitUntil(lambda: idle(indexed) and len(library.ids) == 16, timeout=WAIT)
    row = indexed.side.model.index(1)
    spot = indexed.side.folders.visualRect(row).center()
    qtbot.mouseClick(indexed.side.folders.viewport(), LEFT, pos=spot)
    qtbot.waitUntil(lambda: indexed.library_page.count.text() == "4 of 16 photos", timeout=WAIT)
    top = indexed.side.folders.visualRect(indexed.side.model.index(0)).center()
    qtbot.mouseClick(indexed.side.folders.viewport(), LEFT, pos=top)
    qtbot.waitUntil(lambda: indexed.library_page.count.text() == "16 photos", timeout=WAIT)


def test_removing_a_folder_asks_first_and_touches_no_photo(indexed, master_photos, qtbot):
    before = {file: file.read_bytes() for file in master_photos.rglob("*.jpg")}
    folder = indexed.shell.parts.library.folders[0]
    question = answer(qtbot, "Remove from library", lambda: indexed.side.remove_folder_wanted.emit(folder))
    assert "no photo is moved, changed or deleted" in question
    qtbot.waitUntil(lambda: not indexed.shell.parts.library.folders, timeout=WAIT)
    assert {file: file.read_bytes() for file in master_photos.rglob("*.jpg")} == before
    assert indexed.library_page.empty.isVisible()


def test_a_refusal_removes_nothing(indexed, qtbot):
    folder = indexed.shell.parts.library.folders[0]
    answer(qtbot, "Cancel", lambda: indexed.side.remove_folder_wanted.emit(folder))
    qtbot.wait(50)
    assert len(indexed.shell.parts.library.folders) == 1


def test_f5_finds_new_photos(start, photos, qtbot):
    window = start()
    window.shell.parts.jobs.index([photos], low_priority=False)
    qtbot.waitUntil(lambda: idle(window) and len(window.shell.parts.library.ids) == 12, timeout=WAIT)
    shutil.copy(photos / "cats" / "chelsea-0.jpg", photos / "cats" / "copy.jpg")
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: len(window.shell.parts.library.ids) == 13, timeout=WAIT)


def test_a_new_library_is_made_and_the_old_one_found_again(indexed, tmp_path, qtbot):
    library = indexed.shell.parts.library
    old, new = library.root, tmp_path / "second"
    new.mkdir()
    library.create(new)
    qtbot.waitUntil(lambda: library.root == new and library.counts is not None, timeout=WAIT)
    assert len(library.ids) == 0
    assert library.known_libraries() == [new, old]
    library.switch(old)
    qtbot.waitUntil(lambda: library.root == old and len(library.ids) == 12, timeout=WAIT)


def test_a_folder_that_is_no_library_is_refused_in_words(indexed, master_photos):
    library = indexed.shell.parts.library
    library.open_existing(master_photos)
    library.create(master_photos)
    texts = [notice.message for notice in indexed.shell.parts.notices.shown]
    assert any("is not a library" in text for text in texts)
    assert any("is not empty" in text for text in texts)
    assert library.session is not None


def test_a_second_window_on_the_same_library_only_reads_and_says_why(indexed, start, qtbot):
    second = start()
    assert second.shell.parts.library.read_only
    assert len(second.shell.parts.library.ids) == 12
    assert any("search and look" in notice.text for notice in second.shell.parts.notices.shown)


# -- searching -------------------------------------------------------------------------------------------------


def results(window) -> list[str]:
    return [hit.photo.name for hit in window.shell.parts.search.hits]


def answered(window) -> bool:
    search = window.shell.parts.search
    return search.answer is not None and search.answer.final and not search.busy


def test_a_photo_dropped_anywhere_is_searched_with(indexed, master_photos, tmp_path, qtbot):
    query = Path(shutil.copy(master_photos / "space" / "rocket-1.jpg", tmp_path / "query.jpg"))
    drop(indexed, mime_of(query))
    assert indexed.shell.place is Place.SEARCH
    qtbot.waitUntil(lambda: answered(indexed), timeout=WAIT)
    assert {name.split("-")[0] for name in results(indexed)[:3]} == {"rocket"}


def test_a_photo_of_the_library_is_not_among_its_own_results(indexed, master_photos, qtbot):
    drop(indexed, mime_of(master_photos / "space" / "rocket-1.jpg"))
    qtbot.waitUntil(lambda: answered(indexed), timeout=WAIT)
    assert "rocket-1.jpg" not in results(indexed)
    assert results(indexed)[0].startswith("rocket")


def test_several_dropped_photos_are_one_query(indexed, master_photos, qtbot):
    drop(indexed, mime_of(master_photos / "cats" / "chelsea-0.jpg", master_photos / "table" / "coffee-0.jpg"))
    qtbot.waitUntil(lambda: answered(indexed), timeout=WAIT)
    assert [type(item.picture) for item in indexed.shell.parts.search.items] == [FilePicture, FilePicture]


def test_a_pasted_picture_is_searched_with_from_any_page(indexed, master_photos, qtbot):
    clipboard = QGuiApplication.clipboard()
    clipboard.setImage(QImage(str(master_photos / "table" / "coffee-0.jpg")))
    qtbot.keyClick(indexed, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: answered(indexed), timeout=WAIT)
    clipboard.clear()
    assert isinstance(indexed.shell.parts.search.items[0].picture, PixelPicture)
    assert results(indexed)[0].startswith("coffee")


def test_pasting_something_else_says_why_nothing_happens(indexed, qtbot):
    QGuiApplication.clipboard().setText("just words")
    indexed.paste()
    QGuiApplication.clipboard().clear()
    assert indexed.notices.isVisible()
    assert "no picture" in indexed.shell.parts.notices.shown[-1].text


def test_find_similar_in_the_library_and_back_again(indexed, qtbot):
    shown(indexed, qtbot)
    grid = indexed.library_page.grid
    grid.setFocus()
    grid.setCurrentIndex(grid.model().index(0, 0))
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert indexed.shell.place is Place.SEARCH
    qtbot.waitUntil(lambda: answered(indexed), timeout=WAIT)
    assert isinstance(indexed.shell.parts.search.items[0].picture, LibraryPicture)
    first = indexed.shell.parts.search.query
    indexed.shell.find_similar(indexed.shell.parts.photos.photo_id(5))
    qtbot.waitUntil(lambda: answered(indexed), timeout=WAIT)
    qtbot.mouseClick(indexed.bar.back_button, LEFT)
    assert indexed.shell.parts.search.query == first
    assert indexed.bar.forward_button.isEnabled()


def test_the_folder_filter_holds_for_searches_too(indexed, master_photos, qtbot):
    folder = indexed.shell.parts.library.folders[0]
    indexed.shell.parts.library.set_filter(frozenset({folder.id}))
    indexed.shell.take_paths([master_photos / "cats" / "chelsea-0.jpg"])
    assert indexed.shell.parts.search.query.folders == frozenset({folder.id})
    qtbot.waitUntil(lambda: answered(indexed), timeout=WAIT)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [("photo", "Search with this photo"), ("folder", "Add this folder"), ("text", "no picture")],
)
def test_one_sentence_says_what_a_drop_will_do(indexed, master_photos, what, sentence, qtbot):
    mime = {"photo": mime_of(master_photos / "a.jpg"), "folder": mime_of(master_photos), "text": QMimeData()}[what]
    drag_over(indexed, mime)
    assert indexed.overlay.isVisible()
    assert sentence in indexed.overlay.sentence
    assert indexed.overlay.geometry() == indexed.rect()
    drag_away(indexed)
    assert not indexed.overlay.isVisible()


def test_a_result_opens_its_evidence_and_going_back_returns_to_the_results(indexed, master_photos, qtbot):
    drop(indexed, mime_of(master_photos / "space" / "rocket-1.jpg"))
    qtbot.waitUntil(lambda: answered(indexed), timeout=WAIT)
    indexed.search_page.evidence_requested.emit(0)
    assert indexed.shell.place is Place.EVIDENCE
    qtbot.waitUntil(lambda: indexed.shell.parts.evidence.evidence is not None, timeout=WAIT)
    qtbot.mouseClick(indexed.bar.back_button, LEFT)
    assert indexed.shell.place is Place.SEARCH


# -- the command line and a second start -----------------------------------------------------------------------


def test_an_image_on_the_command_line_becomes_the_query(indexed, start, master_photos, qtbot):
    indexed.shell.shut_down()
    again = start(paths=[master_photos / "cats" / "chelsea-1.jpg"])
    assert again.shell.place is Place.SEARCH
    qtbot.waitUntil(lambda: answered(again), timeout=WAIT)
    assert results(again)[0].startswith("chelsea")


def test_a_folder_on_the_command_line_opens_the_wizard_on_it(start, photos):
    window = start(paths=[photos])
    assert window.shell.place is Place.WIZARD
    assert window.shell.parts.wizard.folders == [photos]


def test_a_folder_that_is_indexed_already_is_shown_instead(indexed, master_photos, qtbot):
    indexed.shell.go(Place.SEARCH)
    indexed.take_from_later_start([master_photos])
    assert indexed.shell.place is Place.LIBRARY
    assert indexed.shell.parts.library.filter == {indexed.shell.parts.library.folders[0].id}


def test_a_file_that_is_gone_is_named(indexed, master_photos):
    indexed.take_from_later_start([master_photos / "gone.jpg"])
    assert "gone.jpg is not there" in indexed.shell.parts.notices.shown[-1].text


# -- the background job ----------------------------------------------------------------------------------------


def slow_down(monkeypatch):
    """Indexing that takes its time, so that a person can pause it."""
    import time

    from desktop_app.services import index_folder, pipeline

    monkeypatch.setattr(pipeline, "STALE_SECONDS", 0.0)
    decode = index_folder.decode_photo

    def slowly(*arguments, **named):
        time.sleep(0.15)
        return decode(*arguments, **named)

    monkeypatch.setattr(index_folder, "decode_photo", slowly)
    monkeypatch.setattr(index_folder, "TELL_SECONDS", 0.0)


def test_a_job_is_paused_resumed_and_stopped_in_the_status_bar(start, photos, qtbot, monkeypatch):
    slow_down(monkeypatch)
    window = start()
    jobs, status = window.shell.parts.jobs, window.status
    jobs.index([photos], low_priority=True)
    qtbot.waitUntil(lambda: "indexing" in status.sentence.text(), timeout=WAIT)
    assert status.bar.isVisible()
    qtbot.mouseClick(status.pause_button, LEFT)
    assert jobs.state.phase is JobPhase.PAUSED
    assert status.pause_button.text() == "Resume"
    assert status.sentence.text().startswith("paused")
    qtbot.mouseClick(status.pause_button, LEFT)
    assert jobs.state.phase is JobPhase.RUNNING
    qtbot.mouseClick(status.cancel_button, LEFT)
    qtbot.waitUntil(lambda: not jobs.state.busy, timeout=WAIT)
    assert not status.bar.isVisible()


def test_closing_while_photos_are_indexed_asks_stops_and_goes_on_next_time(start, photos, qtbot, monkeypatch):
    with monkeypatch.context() as patch:
        slow_down(patch)
        window = start()
        window.shell.parts.jobs.index([photos], low_priority=True)
        qtbot.waitUntil(lambda: "indexing" in window.status.sentence.text(), timeout=WAIT)
        answer(qtbot, "Keep the window open", window.close)
        assert window.isVisible()
        assert window.shell.parts.jobs.state.busy
        question = answer(qtbot, "Stop and close", window.close)
        assert "goes on from there next time" in question
        assert not window.isVisible()
    again = start()
    qtbot.waitUntil(lambda: idle(again) and len(again.shell.parts.library.ids) == 12, timeout=WAIT)
    assert again.shell.parts.library.counts.indexed == 12


def test_a_pause_holds_over_a_restart_until_it_is_resumed(start, photos, qtbot, monkeypatch):
    with monkeypatch.context() as patch:
        slow_down(patch)
        window = start()
        window.shell.parts.jobs.index([photos], low_priority=True)
        qtbot.waitUntil(lambda: "indexing" in window.status.sentence.text(), timeout=WAIT)
        qtbot.mouseClick(window.status.pause_button, LEFT)
        qtbot.waitUntil(lambda: not window.shell.parts.bridge.busy("library-change"), timeout=WAIT)
        answer(qtbot, "Stop and close", window.close)
    again = start()
    qtbot.waitUntil(lambda: again.shell.parts.jobs.state.left > 0, timeout=WAIT)
    assert again.shell.parts.jobs.state.phase is JobPhase.IDLE
    assert "not indexed yet" in again.status.sentence.text()
    qtbot.mouseClick(again.status.pause_button, LEFT)
    qtbot.waitUntil(lambda: idle(again) and again.shell.parts.library.counts.indexed == 12, timeout=WAIT)


def test_skipped_files_are_listed_with_reasons_and_tried_again(start, photos, qtbot):
    bad = photos / "cut short.jpg"
    whole = (photos / "cats" / "chelsea-0.jpg").read_bytes()
    bad.write_bytes(whole[: len(whole) // 3])
    window = start()
    jobs = window.shell.parts.jobs
    jobs.index([photos], low_priority=False)
    qtbot.waitUntil(lambda: idle(window) and window.status.skipped_button.isVisible(), timeout=WAIT)
    qtbot.mouseClick(window.status.skipped_button, LEFT)
    dialog = window.findChild(SkippedDialog)
    qtbot.waitUntil(lambda: dialog.list.model().rowCount() == 1, timeout=WAIT)
    row = [dialog.list.model().index(0, column).data() for column in range(3)]
    assert row[0] == "cut short.jpg"
    assert "cut short" in row[1]
    bad.write_bytes(whole + b" ")
    qtbot.mouseClick(dialog.retry_button, LEFT)
    qtbot.waitUntil(lambda: idle(window) and len(window.shell.parts.library.ids) == 13, timeout=WAIT)
    assert not window.status.skipped.isVisible()


def test_changes_in_a_folder_are_noticed_while_the_window_is_open(start, photos, qtbot):
    window = start(watch=True)
    library = window.shell.parts.library
    window.shell.parts.jobs.index([photos], low_priority=False)
    qtbot.waitUntil(lambda: idle(window) and len(library.ids) == 12, timeout=WAIT)
    (photos / "cats" / "chelsea-0.jpg").rename(photos / "new name.jpg")
    shutil.copy(photos / "cats" / "chelsea-1.jpg", photos / "cats" / "another.jpg")
    qtbot.waitUntil(lambda: len(library.ids) == 13, timeout=WAIT)


def test_the_device_and_every_reason_are_shown(indexed, qtbot):
    qtbot.waitUntil(lambda: indexed.shell.parts.device.report is not None, timeout=WAIT)
    assert "CPU" in indexed.status.device.text()
    qtbot.mouseClick(indexed.status.why_button, LEFT)
    popover = QApplication.activePopupWidget()
    texts = [label.text() for label in popover.findChildren(type(indexed.status.device))]
    for _name, reason in indexed.shell.parts.device.reasons:
        assert any(reason.lower()[:20] in text.lower() for text in texts)
    popover.close()


# -- errors, dialogs, keys -------------------------------------------------------------------------------------


def test_an_error_is_a_banner_with_details_to_copy_and_can_be_dismissed(indexed, qtbot):
    (indexed.shell.parts.bridge).submit("trouble", lambda control: 1 / 0)
    qtbot.waitUntil(indexed.notices.isVisible, timeout=WAIT)
    copy = next(b for b in indexed.notices.findChildren(QPushButton) if b.text() == "Copy details")
    qtbot.mouseClick(copy, LEFT)
    assert "ZeroDivisionError" in QGuiApplication.clipboard().text()
    QGuiApplication.clipboard().clear()
    dismiss = next(
        b for b in indexed.notices.findChildren(QAbstractButton) if b.accessibleName().startswith("Dismiss")
    )
    qtbot.mouseClick(dismiss, LEFT)
    assert not indexed.notices.isVisible()


def test_settings_take_effect_at_once(indexed, qtbot):
    qtbot.keyClick(indexed, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    dialog = indexed.findChild(SettingsDialog)
    theme_box = dialog.controls["theme"]
    theme_box.setCurrentIndex(theme_box.findData("light"))
    theme_box.activated.emit(theme_box.currentIndex())
    assert QApplication.palette().window().color().name().upper() == "#F4F4F2"
    theme_box.setCurrentIndex(theme_box.findData("dark"))
    theme_box.activated.emit(theme_box.currentIndex())
    assert QApplication.palette().window().color().name().upper() == "#17181A"
    dialog.controls["cell_size"].setValue(240)
    dialog.close()
    assert indexed.library_page.grid.cell_size == 240


def test_the_side_panel_is_hidden_by_key_and_stays_so(indexed, start, qtbot):
    qtbot.keyClick(indexed, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert not indexed.side.isVisible()
    indexed.shell.shut_down()
    assert not start().side.isVisible()


def test_about_shows_versions_packs_and_licences(indexed, qtbot):
    indexed.show_about()
    dialog = indexed.findChild(AboutDialog)
    texts = [label.text() for label in dialog.findChildren(type(indexed.status.device))]
    assert any("Indicium 0." in text for text in texts)
    dialog.close()


def test_help_lists_the_keys_of_every_page(indexed, qtbot):
    qtbot.keyClick(indexed, Qt.Key.Key_F1)
    dialog = indexed.findChild(ShortcutsDialog)
    texts = {label.text() for label in dialog.findChildren(type(indexed.status.device))}
    assert {"Everywhere", "Library", "Search"} <= texts
    assert "Look for changes in all folders" in texts
    dialog.close()


def test_places_are_reached_by_key(indexed, qtbot):
    for key, place in (
        (Qt.Key.Key_2, Place.SEARCH),
        (Qt.Key.Key_3, Place.EVIDENCE),
        (Qt.Key.Key_1, Place.LIBRARY),
    ):
        qtbot.keyClick(indexed, key, Qt.KeyboardModifier.ControlModifier)
        assert indexed.shell.place is place
        assert indexed.bar.place_buttons[place].isChecked()


def test_the_empty_evidence_page_leads_to_search(indexed, qtbot):
    indexed.shell.go(Place.EVIDENCE)
    offer = indexed.evidence_page.empty.first_button()
    assert offer.text() == "Go to Search"
    qtbot.mouseClick(offer, LEFT)
    assert indexed.shell.place is Place.SEARCH


CONTROLS = (QAbstractButton, QComboBox, QAbstractSlider, QAbstractSpinBox, QLineEdit, QAbstractItemView)


def unnamed(widget) -> list[str]:
    found = []
    for kind in CONTROLS:
        for control in widget.findChildren(kind):
            inner = control.objectName().startswith("qt_") or control.metaObject().className().startswith(
                "QScrollBar"
            )
            holder = control.parent()
            part_of_combo = isinstance(holder, QComboBox) or holder.inherits("QComboBoxPrivateContainer")
            nested = isinstance(control, QLineEdit) and isinstance(control.parent(), QAbstractSpinBox)
            named = control.accessibleName() or (isinstance(control, QAbstractButton) and control.text())
            if not (inner or part_of_combo or nested or named):
                found.append(f"{type(control).__name__} in {type(control.parent()).__name__}")
    return found


def test_every_control_has_a_name_for_screen_readers(indexed, qtbot):
    indexed.show_settings()
    indexed.show_about()
    indexed.show_skipped()
    assert unnamed(indexed) == []
    for dialog in (SettingsDialog, AboutDialog, SkippedDialog):
        indexed.findChild(dialog).close()


def test_tab_reaches_every_control_of_the_bars(indexed, qtbot):
    reached, widget = set(), indexed.bar.place_buttons[Place.LIBRARY]
    widget.setFocus()
    for _ in range(80):
        qtbot.keyClick(QApplication.focusWidget() or indexed, Qt.Key.Key_Tab)
        reached.add(QApplication.focusWidget())
    wanted = {
        indexed.bar.intake_button,
        indexed.bar.settings_button,
        indexed.bar.help_button,
        indexed.side.folders,
        indexed.side.add_button,
        indexed.library_page.order,
        indexed.library_page.direction,
        indexed.library_page.grid,
    }
    missing = [widget.accessibleName() for widget in wanted - reached]
    assert missing == []


def test_grey_places_and_pages_survive_a_change_of_theme(indexed, qtbot):
    before = indexed.grab().toImage()
    indexed.shell.parts.settings.change(theme="light")
    after = indexed.grab().toImage()
    indexed.shell.parts.settings.change(theme="dark")
    brightness = [
        float(np.mean([image.pixelColor(x, 60).lightness() for x in range(0, 1200, 40)]))
        for image in (before, after)
    ]
    assert brightness[0] < 100 < brightness[1]


def test_the_window_works_at_200_percent(indexed, qtbot):
    font = QApplication.font()
    bigger = QApplication.font()
    bigger.setPixelSize(26)
    QApplication.setFont(bigger)
    indexed.resize(1600, 1000)
    qtbot.wait(20)
    bar = indexed.status
    assert bar.height() >= bar.sentence.sizeHint().height()
    QApplication.setFont(font)


def test_the_window_opens_where_it_was_closed(start, tmp_path, qtbot):
    place = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    window = start()
    qtbot.waitUntil(lambda: idle(window), timeout=WAIT)
    first = app.build_window(window.shell, geometry=place)
    first.resize(760, 560)
    first.show()
    first.close()
    again = app.build_window(first.shell, geometry=place)
    assert (again.width(), again.height()) == (760, 560)
    first.deleteLater()
    again.deleteLater()


@pytest.mark.parametrize("window_first", [True, False])
def test_window_and_settings_may_go_in_either_order(tmp_path, qapp, window_first):
    settings, window = SettingsStore(tmp_path / "settings.json"), QObject()
    app.FollowSettings(settings, theme.theme(), qapp, parent=window)
    settings.change(theme="light")
    assert theme.theme().tokens is theme.LIGHT
    if window_first:
        shiboken6.delete(window)
        settings.change(theme="dark")
        assert theme.theme().tokens is theme.LIGHT  # nobody follows any more, and nothing was raised
    else:
        shiboken6.delete(settings)
        shiboken6.delete(window)


# -- filters ---------------------------------------------------------------------------------------------------


def names_listed(window) -> set[str]:
    library = window.shell.parts.library
    return {photo.name for photo in library.fetch([int(number) for number in library.ids])}


def test_words_and_menus_filter_the_library_and_the_search(indexed, qtbot):
    window, library = indexed, indexed.shell.parts.library
    row = window.filters
    assert row.isVisible() and not row.clear.isVisible()
    assert row.kinds[FilterKind.FOLDER].isVisible() and not row.kinds[FilterKind.CAMERA].isVisible()
    qtbot.keyClicks(row.words, "chel")
    qtbot.waitUntil(lambda: len(library.ids) == 3, timeout=WAIT)
    assert names_listed(window) == {"chelsea-0.jpg", "chelsea-1.jpg", "chelsea-2.jpg"}
    assert row.left.text() == "3 photos" and window.library_page.count.text() == "3 of 12 photos"
    qtbot.mouseClick(row.clear, LEFT)
    qtbot.waitUntil(lambda: len(library.ids) == 12, timeout=WAIT)
    dates = row.kinds[FilterKind.DATE]
    dates.fill()
    action = next(action for action in dates.menu().actions() if action.data() == "2016")
    assert action.text() == "2016\t3"
    action.trigger()
    qtbot.waitUntil(lambda: len(library.ids) == 3, timeout=WAIT)
    assert dates.isChecked() and dates.text().startswith("2016")
    window.shell.find_similar(library.ids[0])
    search = window.shell.parts.search
    qtbot.waitUntil(lambda: search.answer is not None and search.answer.final, timeout=WAIT)
    assert window.shell.place is Place.SEARCH and row.isVisible()
    assert {hit.photo.id for hit in search.hits} == {int(number) for number in library.ids[1:]}
    qtbot.mouseClick(row.clear, LEFT)
    qtbot.waitUntil(lambda: len(search.hits) == 11, timeout=WAIT)


def test_photos_near_a_photo_are_shown_from_its_menu(indexed, qtbot):
    window, library = indexed, indexed.shell.parts.library
    grid, row = window.library_page.grid, window.filters
    photos = library.fetch([int(number) for number in library.ids])
    by_name = {photo.name: photo for photo in photos}

    def near(name):
        menu = QMenu(grid)
        for add in grid._more:
            add(menu, [by_name[name]])
        (entry,) = [action for action in menu.actions() if action.text() == "Near this photo"] or [None]
        return entry and {action.text(): action for action in entry.menu().actions()}

    assert near("rocket-0.jpg") is None and not row.kinds[FilterKind.LOCATED].isVisible()
    vienna, graz, sydney = (48.2082, 16.3738), (47.0707, 15.4395), (-33.8568, 151.2153)
    taken = {"chelsea-0.jpg": vienna, "chelsea-1.jpg": (48.21, 16.37)}
    taken |= {"coffee-0.jpg": graz, "coffee-1.jpg": sydney}
    facts = [(by_name[name], PhotoMetadata(latitude=at[0], longitude=at[1])) for name, at in taken.items()]
    assert library.session.write(lambda catalogue: catalogue.store_metadata(facts)) == 4
    library.refresh()
    qtbot.waitUntil(lambda: library.knows_places, timeout=WAIT)
    located = row.kinds[FilterKind.LOCATED]
    located.fill()
    assert located.isVisible()
    assert [action.text() for action in located.menu().actions()] == ["Place not known\t8", "Place known\t4"]
    near("chelsea-0.jpg")["Within 10 km"].trigger()
    qtbot.waitUntil(lambda: names_listed(window) == {"chelsea-0.jpg", "chelsea-1.jpg"}, timeout=WAIT)
    row.kinds[FilterKind.PLACE].fill()
    assert row.kinds[FilterKind.PLACE].menu().actions()[0].text() == "10 km around 48.2082° N, 16.3738° E\t2"
    near("chelsea-0.jpg")["Within 100 km"].trigger()
    qtbot.waitUntil(lambda: "100 km" in row.kinds[FilterKind.PLACE].text(), timeout=WAIT)
    assert len(library.chosen.of(FilterKind.PLACE)) == 1, "the wider circle takes the place of the other"
    library.set_chosen(PhotoFilter())
    near("rocket-0.jpg")["Within 1 km"].trigger()
    notices = window.shell.parts.notices
    qtbot.waitUntil(lambda: any("rocket-0.jpg does not say" in one.message for one in notices.shown), timeout=WAIT)
    assert library.chosen == PhotoFilter()


def test_filters_that_leave_nothing_say_so_and_offer_the_way_back(indexed, qtbot):
    window, library = indexed, indexed.shell.parts.library
    library.set_chosen(PhotoFilter.parse(["rating=5", "text=chelsea"]))
    qtbot.waitUntil(lambda: len(library.ids) == 0, timeout=WAIT)
    assert window.filters.kinds[FilterKind.RATING].text() == "★★★★★ ▾"
    assert window.filters.words.text() == "chelsea"
    way_back = window.library_page.empty.first_button()
    assert way_back.text() == "Clear filters"
    qtbot.mouseClick(way_back, LEFT)
    qtbot.waitUntil(lambda: len(library.ids) == 12, timeout=WAIT)
    assert window.filters.words.text() == ""


def test_a_search_among_no_photos_says_so_and_offers_all_of_them(indexed, qtbot):
    window, library, search = indexed, indexed.shell.parts.library, indexed.shell.parts.search
    window.shell.find_similar(int(library.ids[0]))
    library.set_chosen(PhotoFilter.parse(["text=nothinglikethis"]))
    page = window.search_page
    qtbot.waitUntil(lambda: not search.busy and page.empty.isVisible(), timeout=WAIT)
    words = " ".join(label.text() for label in page.empty.findChildren(QLabel))
    assert "No other photo fits these filters" in words
    way_back = page.empty.first_button()
    qtbot.mouseClick(way_back, LEFT)
    qtbot.waitUntil(lambda: not search.busy and len(search.hits) == 11, timeout=WAIT)
    assert library.chosen == PhotoFilter() and page.stack.currentWidget() is page.grid


def test_duplicates_are_listed_in_groups_and_shown_in_the_library(indexed, qtbot):
    """The photos are four pictures, each with two copies that were cut a little."""
    window, library = indexed, indexed.shell.parts.library
    window.show_duplicates()
    dialog = window.findChild(DuplicatesDialog)
    qtbot.mouseClick(dialog.find_button, LEFT)
    assert not dialog.find_button.isEnabled()
    qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() == 4, timeout=WAIT)
    assert dialog.total.text().startswith("4 groups")
    first = dialog.list.topLevelItem(0)
    assert first.text(0) == "3 photos, edited copies"
    assert [first.child(line).text(1) for line in range(3)] == ["Keep", "Edited copy", "Edited copy"]
    assert first.child(0).text(0).endswith("-0.jpg")
    qtbot.waitUntil(lambda: not first.child(2).icon(0).isNull(), timeout=WAIT)
    library.set_chosen(PhotoFilter.parse(["text=coffee"]))
    qtbot.mouseClick(dialog.show_button, LEFT)
    qtbot.waitUntil(lambda: len(library.ids) == 3 and library.chosen.within is not None, timeout=WAIT)
    assert len(library.chosen.within) == 12


def test_a_selection_is_shown_and_searched_alone(indexed, qtbot):
    window, library = indexed, indexed.shell.parts.library
    page, model = window.library_page, window.shell.parts.photos
    qtbot.waitUntil(lambda: model.rowCount() == 12, timeout=WAIT)
    assert not page.among.isVisible()
    chosen = {model.photo_id(line) for line in (1, 4, 5)}
    for line in (1, 4, 5):
        page.grid.selectionModel().select(model.index(line), page.grid.selectionModel().SelectionFlag.Select)
    qtbot.mouseClick(page.among, LEFT)
    qtbot.waitUntil(lambda: len(library.ids) == 3, timeout=WAIT)
    assert set(library.ids.tolist()) == chosen
    assert window.filters.selection.text() == "Among 3 selected"
    window.shell.find_similar(library.ids[0])
    search = window.shell.parts.search
    qtbot.waitUntil(lambda: search.answer is not None and search.answer.final, timeout=WAIT)
    assert {hit.photo.id for hit in search.hits} == chosen - {int(library.ids[0])}
    qtbot.mouseClick(window.filters.selection, LEFT)
    qtbot.waitUntil(lambda: len(library.ids) == 12, timeout=WAIT)
