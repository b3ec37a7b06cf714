"""Saved searches at the side: saved from what is on screen, opened, renamed, removed; they find new photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QInputDialog, QWidget
from support.windows import answer

from desktop_app.domain.filters import FilterKind, PhotoFilter
from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import FoundFile
from desktop_app.domain.query import FilePicture, LibraryPicture, PixelPicture
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.saved_searches import saved_searches
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.library import LibraryViewModel
from desktop_app.ui.viewmodels.notices import Notices
from desktop_app.ui.viewmodels.saved_searches import SavedSearchesViewModel
from desktop_app.ui.viewmodels.search import SearchViewModel
from desktop_app.ui.viewmodels.settings import SettingsStore
from desktop_app.ui.views.saved_searches_box import SavedSearchesBox

WAIT = 30_000
REGION = Region(1, 2, 30, 40)


def session_of(root: Path, writer: bool) -> LibrarySession:
    return LibrarySession(
        root, writer=writer, open_engine=lambda pack: None, find_pack=lambda _: None, pack=None, threads=1
    )


class Parts:
    """The box over a library of two photos that no network has seen: questions are asked, not answered."""

    def __init__(self, root: Path) -> None:
        with session_of(root, True) as session:
            self.folder = session.write(lambda catalogue: catalogue.add_folder(b"/p"))
            found = [FoundFile(b"/p/a.jpg", 5, 1), FoundFile(b"/p/b\xff.jpg", 5, 1)]
            session.write(lambda catalogue: catalogue.record_scan(self.folder, found))
        self.bridge, self.notices = Bridge(), Notices()
        self.library = LibraryViewModel(
            self.bridge,
            open_library=session_of,
            default_root=root,
            settings=SettingsStore(root.parent / "settings.json"),
            notices=self.notices,
        )
        self.search = SearchViewModel(self.bridge)
        self.library.filter_changed.connect(
            lambda: self.search.set_filter(self.library.filter, self.library.chosen)
        )
        self.saved = SavedSearchesViewModel(
            self.bridge, library=self.library, search=self.search, notices=self.notices
        )
        self.window = QWidget()
        self.box = SavedSearchesBox(self.saved, self.window)
        self.box.resize(220, 300)
        self.window.show()
        self.library.open(root)

    @property
    def kept(self):
        return saved_searches(self.library.session)


@pytest.fixture
def parts(tmp_path, qtbot):
    parts = Parts(tmp_path / "library")
    qtbot.addWidget(parts.window)
    qtbot.waitUntil(lambda: len(parts.library.ids) == 2, timeout=WAIT)
    yield parts
    parts.bridge.close()
    parts.library.shut_down()


def save(parts, qtbot, name):
    """Save what is on screen as a person does."""
    qtbot.mouseClick(parts.box.save_button, Qt.MouseButton.LeftButton)
    type_in(parts, name)
    qtbot.waitUntil(lambda: name in parts.saved.names or bool(parts.notices.shown), timeout=WAIT)


def type_in(parts, text):
    dialog = next(one for one in parts.window.findChildren(QInputDialog) if one.isVisible())
    dialog.setTextValue(text)
    dialog.accept()


def test_there_is_nothing_to_save_before_anything_is_asked(parts):
    assert not parts.box.save_button.isEnabled() and parts.box.none.isVisible()


def test_a_search_is_saved_and_opened_again_with_all_that_belongs_to_it(parts, qtbot):
    first, second = (int(photo) for photo in sorted(parts.library.ids))
    parts.search.find_similar(first)
    parts.search.set_part(0, REGION)
    parts.search.not_like(second)
    parts.library.set_chosen(PhotoFilter.parse(["rating=3+"]))
    parts.library.set_filter(frozenset({parts.folder}))
    save(parts, qtbot, "like a")
    kept = parts.kept["like a"]
    assert (kept.images, kept.negative, kept.parts) == ((b"/p/a.jpg",), (b"/p/b\xff.jpg",), (REGION, None))
    assert kept.chosen.of(FilterKind.FOLDER) == ("/p",) and kept.chosen.of(FilterKind.RATING) == ("3+",)
    parts.search.clear()
    parts.library.set_chosen(PhotoFilter())
    item = parts.box.list.item(0)
    spot = parts.box.list.visualItemRect(item).center()
    with qtbot.waitSignal(parts.saved.opened, timeout=WAIT) as opened:
        qtbot.mouseClick(parts.box.list.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(spot))
    assert opened.args == [True] and parts.library.filter is None and parts.library.chosen == kept.chosen
    wanted, unwanted = parts.search.items
    assert (wanted.picture, wanted.region) == (FilePicture(b"/p/a.jpg"), REGION)
    assert unwanted.negative and parts.search.query.chosen == kept.chosen


def test_a_filter_alone_is_saved_renamed_and_removed(parts, qtbot):
    parts.library.set_chosen(PhotoFilter.parse(["text=harbour"]))
    save(parts, qtbot, "boats")
    with qtbot.waitSignal(parts.saved.opened, timeout=WAIT) as opened:
        parts.saved.open("boats")
    assert opened.args == [False]
    menu = parts.box.menu_of("boats")
    next(action for action in menu.actions() if action.text() == "Rename…").trigger()
    type_in(parts, "ships")
    qtbot.waitUntil(lambda: parts.saved.names == ("ships",), timeout=WAIT)
    menu.close()
    asked = answer(qtbot, "Remove", lambda: parts.box.ask_forget("ships"))
    qtbot.waitUntil(lambda: parts.saved.names == (), timeout=WAIT)
    assert "“ships”" in asked and parts.kept == {} and parts.box.none.isVisible()


def test_an_open_saved_search_is_asked_again_when_the_library_changes(parts, qtbot, monkeypatch):
    parts.search.ask([LibraryPicture(int(parts.library.ids[0]))])
    save(parts, qtbot, "one")
    with qtbot.waitSignal(parts.saved.opened, timeout=WAIT):
        parts.saved.open("one")
    asked = []
    monkeypatch.setattr(parts.search, "search_again", lambda: asked.append(True))
    parts.library.photos_changed.emit()
    assert asked == []  # nothing is new
    parts.library.ids = np.append(parts.library.ids, 99)
    parts.library.photos_changed.emit()
    parts.library.photos_changed.emit()
    assert asked == [True]


def test_a_pasted_picture_is_refused_with_what_to_do(parts, qtbot):
    parts.search.ask([PixelPicture(np.zeros((8, 8, 3), np.uint8))])
    save(parts, qtbot, "pasted")
    assert "pasted" in parts.notices.shown[0].text and "as a file" in parts.notices.shown[0].text
    assert parts.kept == {}
