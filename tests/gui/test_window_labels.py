"""Rating, tags and sidecars from the context menu: several photos at once, files only after a yes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu
from support.windows import answer

from desktop_app.domain.photos import FoundFile
from desktop_app.imaging.xmp import read_xmp
from desktop_app.services.library_session import LibrarySession
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.labels import LabelsViewModel
from desktop_app.ui.viewmodels.library import LibraryViewModel
from desktop_app.ui.viewmodels.notices import Notices
from desktop_app.ui.viewmodels.settings import SettingsStore
from desktop_app.ui.views.label_actions import LabelActions, TagsDialog
from desktop_app.ui.views.page import Page


def session_of(root: Path, writer: bool) -> LibrarySession:
    return LibrarySession(
        root, writer=writer, open_engine=lambda pack: None, find_pack=lambda _: None, pack=None, threads=1
    )


@pytest.fixture
def parts(tmp_path, qtbot):
    """The view model over a library of two photos, both tagged with `sea`, one with `boat` too."""
    photos = tmp_path / "photos"
    photos.mkdir()
    found = []
    for name in ("a.jpg", "b.jpg"):
        (photos / name).write_bytes(b"photo")
        found.append(FoundFile(bytes(photos / name), 5, 1))
    with session_of(tmp_path / "library", True) as session:
        folder = session.write(lambda catalogue: catalogue.add_folder(bytes(photos)))
        session.write(lambda catalogue: catalogue.record_scan(folder, found))
        ids = sorted(session.reader.photo_ids().tolist())
        session.change_tags(ids, add=["sea"], remove=[])
        session.change_tags(ids[:1], add=["boat"], remove=[])
    bridge, notices = Bridge(), Notices()
    library = LibraryViewModel(
        bridge,
        open_library=session_of,
        default_root=tmp_path / "library",
        settings=SettingsStore(tmp_path / "settings.json"),
        notices=notices,
    )
    library.open(tmp_path / "library")
    qtbot.waitUntil(lambda: library.facets is not None, timeout=30_000)
    owner = Page()
    qtbot.addWidget(owner)
    owner.show()
    labels = LabelsViewModel(bridge, library=library, notices=notices)
    yield labels, library, LabelActions(labels, owner), notices, owner
    bridge.close()
    library.shut_down()


def records(library):
    return library.session.photos(sorted(library.session.reader.photo_ids().tolist()))


def tags(library, place):
    return library.session.reader.facts_of(records(library)[place].id).keywords


def entry(menu: QMenu, words: str):
    return next(action for action in menu.actions() if action.text().startswith(words))


def test_several_photos_are_rated_at_once(parts, qtbot):
    labels, library, actions, _, owner = parts
    menu = QMenu(owner)
    actions.add_to(menu, records(library))
    with qtbot.waitSignal(labels.changed, timeout=30_000):
        entry(entry(menu, "Rating").menu(), "★★★★★").trigger()
    rated = [library.session.reader.facts_of(photo.id).rating for photo in records(library)]
    assert rated == [5, 5] and entry(menu, "Write tags").text().endswith("2 XMP sidecars…")


def test_tags_are_ticked_typed_and_taken_away(parts, qtbot):
    labels, library, actions, _, owner = parts
    actions.edit_tags(records(library))
    qtbot.waitUntil(lambda: owner.findChild(TagsDialog) is not None, timeout=30_000)
    dialog = owner.findChild(TagsDialog)
    shown = {dialog.list.item(at).text(): dialog.list.item(at) for at in range(dialog.list.count())}
    states = {tag: item.checkState() for tag, item in shown.items()}
    assert states == {"boat": Qt.CheckState.PartiallyChecked, "sea": Qt.CheckState.Checked}
    assert dialog.line.completer().model().rowCount() == 2
    shown["boat"].setCheckState(Qt.CheckState.Checked)
    shown["sea"].setCheckState(Qt.CheckState.Unchecked)
    qtbot.keyClicks(dialog.line, "harbour, old town ,")
    with qtbot.waitSignal(labels.changed, timeout=30_000):
        qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    assert tags(library, 0) == tags(library, 1) == ("boat", "harbour", "old town")


def test_sidecars_are_written_only_after_a_yes_that_names_them(parts, qtbot, tmp_path):
    labels, library, actions, notices, _ = parts
    ids = [photo.id for photo in records(library)]
    files = [tmp_path / "photos" / f"{name}.jpg.xmp" for name in "ab"]
    plans = []
    labels.plan_sidecars(ids, plans.append)
    qtbot.waitUntil(lambda: bool(plans), timeout=30_000)
    labels.plan_sidecars = lambda _ids, take: take(plans[0])  # at once, so that the question is asked here
    asked = answer(qtbot, "Cancel", lambda: actions.write_sidecars(ids))
    assert all(str(file) in asked for file in files) and not any(file.exists() for file in files)
    answer(qtbot, "Write", lambda: actions.write_sidecars(ids))
    qtbot.waitUntil(lambda: any("2 sidecars written" in one.message for one in notices.shown), timeout=30_000)
    assert [read_xmp(file.read_bytes()).keywords for file in files] == [("boat", "sea"), ("sea",)]


def test_a_library_that_another_program_works_on_offers_nothing(parts, monkeypatch):
    _, library, actions, _, owner = parts
    menu = QMenu(owner)
    monkeypatch.setattr(LibraryViewModel, "read_only", True)
    actions.add_to(menu, records(library))
    assert not any(action.isEnabled() for action in menu.actions())
