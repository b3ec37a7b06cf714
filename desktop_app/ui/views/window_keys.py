"""The keys that work on every page, and the help menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from desktop_app.ui.viewmodels.shell import Place

if TYPE_CHECKING:
    from desktop_app.ui.views.main_window import MainWindow

Keys = list[tuple[QKeySequence | str, str]]


def add_keys(window: MainWindow) -> Keys:
    """Give the window its shortcuts; returns them with what they do, for the list of shortcuts."""
    shell, standard = window.shell, QKeySequence.StandardKey
    entries = [
        (QKeySequence(standard.Open), window.tr("Choose a photo to search with"), window.choose_photos),
        (QKeySequence(standard.Paste), window.tr("Search with what was copied"), window.paste),
        (QKeySequence("Ctrl+1"), window.tr("Library"), lambda: shell.go(Place.LIBRARY)),
        (QKeySequence("Ctrl+2"), window.tr("Search"), lambda: shell.go(Place.SEARCH)),
        (QKeySequence("Ctrl+3"), window.tr("Evidence"), lambda: shell.go(Place.EVIDENCE)),
        (QKeySequence("Alt+Left"), window.tr("Back to the search before"), window.go_back),
        (QKeySequence("Alt+Right"), window.tr("Forward"), window.go_forward),
        (QKeySequence("Ctrl+B"), window.tr("Show or hide the side panel"), window.toggle_side_panel),
        (QKeySequence("Ctrl+Shift+A"), window.tr("Add a folder"), shell.add_folders),
        (QKeySequence("F5"), window.tr("Look for changes in all folders"), shell.parts.jobs.rescan),
        (QKeySequence("Ctrl+D"), window.tr("Find duplicates"), window.show_duplicates),
        (QKeySequence("Ctrl+,"), window.tr("Settings"), window.show_settings),
        (QKeySequence("F1"), window.tr("Keyboard shortcuts"), window.show_shortcuts),
        (QKeySequence("F11"), window.tr("Full screen"), window.toggle_full_screen),
        (QKeySequence("Ctrl+Q"), window.tr("Quit"), window.close),
    ]
    for key, words, do in entries:
        action = QAction(words, window)
        action.setShortcut(key)
        action.triggered.connect(lambda _checked=False, do=do: do())
        window.addAction(action)
    return [(key, words) for key, words, _ in entries]


def help_menu(window: MainWindow) -> QMenu:
    """What the help button offers."""
    menu = QMenu(window)
    menu.addAction(window.tr("Keyboard shortcuts"), window.show_shortcuts)
    menu.addAction(window.tr("Find duplicates"), window.show_duplicates)
    menu.addAction(window.tr("Files that could not be used"), window.show_skipped)
    menu.addSeparator()
    menu.addAction(window.tr("About Indicium"), window.show_about)
    return menu
