"""The window: it places the parts, connects what they signal, and takes what is dropped, pasted or chosen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFileDialog,
    QMainWindow,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop_app.ui.viewmodels import intake
from desktop_app.ui.viewmodels.shell import Place, Shell
from desktop_app.ui.views import icons, questions, window_keys
from desktop_app.ui.views.about_dialog import AboutDialog
from desktop_app.ui.views.drop_overlay import DropOverlay
from desktop_app.ui.views.duplicates_dialog import DuplicatesDialog
from desktop_app.ui.views.evidence.page import EvidencePage
from desktop_app.ui.views.filter_row import FilterRow
from desktop_app.ui.views.label_actions import LabelActions
from desktop_app.ui.views.library_page import LibraryPage
from desktop_app.ui.views.notice_bar import NoticeBar
from desktop_app.ui.views.page import Page
from desktop_app.ui.views.place_actions import PlaceActions
from desktop_app.ui.views.saved_searches_box import SavedSearchesBox
from desktop_app.ui.views.search.page import SearchPage
from desktop_app.ui.views.settings_dialog import SettingsDialog
from desktop_app.ui.views.shortcuts_dialog import ShortcutsDialog
from desktop_app.ui.views.side_panel import WIDTH, SidePanel
from desktop_app.ui.views.skipped_dialog import SkippedDialog
from desktop_app.ui.views.status_bar import StatusBar
from desktop_app.ui.views.top_bar import TopBar
from desktop_app.ui.views.wizard.page import WizardPage


class MainWindow(QMainWindow):
    """Wires the parts of the window together; every decision is the shell's or a view model's."""

    def __init__(self, shell: Shell, *, geometry: QSettings | None = None) -> None:
        super().__init__()
        self.shell = shell
        self._parts = shell.parts
        self._geometry = geometry
        self.setWindowTitle("Indicium")
        self.setWindowIcon(icons.application_icon())
        self.setAcceptDrops(True)
        self._build()
        self._connect()
        self.keys = window_keys.add_keys(self)
        self.bar.set_help_menu(window_keys.help_menu(self))
        self.resize(QSize(1280, 820).boundedTo(self.screen().availableSize()))
        self.setMinimumSize(720, 480)
        self._restore_geometry()
        self.show_place(shell.place)

    # -- parts ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        parts = self._parts
        self.bar = TopBar()
        self.side = SidePanel(parts.library, SavedSearchesBox(parts.saved))
        self.status = StatusBar(jobs=parts.jobs, library=parts.library, device=parts.device)
        self.notices = NoticeBar(parts.notices)
        self.library_page = LibraryPage(
            library=parts.library,
            jobs=parts.jobs,
            model=parts.photos,
            thumbnails=parts.thumbnails,
            pictures=parts.pictures,
        )
        self.search_page = SearchPage(parts.search, parts.thumbnails, parts.pictures, parts.rounds)
        self.evidence_page = EvidencePage(parts.evidence)
        self.wizard_page = WizardPage(parts.wizard)
        self.pages: dict[Place, Page] = {
            Place.LIBRARY: self.library_page,
            Place.SEARCH: self.search_page,
            Place.EVIDENCE: self.evidence_page,
            Place.WIZARD: self.wizard_page,
        }
        self.stack = QStackedWidget()
        for page in self.pages.values():
            self.stack.addWidget(page)
        right = QWidget()
        right_column = QVBoxLayout(right)
        right_column.setContentsMargins(0, 0, 0, 0)
        right_column.setSpacing(0)
        right_column.addWidget(self.notices)
        self.filters = FilterRow(parts.library)
        right_column.addWidget(self.filters)
        right_column.addWidget(self.stack, 1)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(self.side)
        self.splitter.addWidget(right)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setCollapsible(1, False)
        self.splitter.setHandleWidth(4)
        self.splitter.setSizes([WIDTH, 1060])
        self.side.setVisible(parts.settings.values.side_panel)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget, stretch in ((self.bar, 0), (self.splitter, 1), (self.status, 0)):
            column.addWidget(widget, stretch)
        self.setCentralWidget(centre)
        self.overlay = DropOverlay(self)

    def _connect(self) -> None:
        shell, parts = self.shell, self._parts
        shell.place_changed.connect(self.show_place)
        self.bar.place_wanted.connect(shell.go)
        self.bar.back_wanted.connect(self.go_back)
        self.bar.forward_wanted.connect(self.go_forward)
        self.bar.choose_wanted.connect(self.choose_photos)
        self.bar.settings_wanted.connect(self.show_settings)
        self.bar.panel_wanted.connect(self.toggle_side_panel)
        parts.search.history_changed.connect(self._show_history)
        parts.search.answer_changed.connect(self._show_history)
        self.side.add_folder_wanted.connect(lambda: shell.add_folders())
        self.side.remove_folder_wanted.connect(lambda folder: questions.remove_folder(self, parts.library, folder))
        self.side.rescan_wanted.connect(lambda: parts.jobs.rescan())
        self.side.tiles_wanted.connect(parts.jobs.search_in_parts)
        parts.jobs.tiles_changed.connect(self.side.show_tiles)
        self.side.create_library_wanted.connect(lambda: questions.create_library(self, parts.library))
        self.side.open_library_wanted.connect(lambda: questions.open_library(self, parts.library))
        self.status.skipped_wanted.connect(self.show_skipped)
        self.library_page.add_folder_wanted.connect(lambda: shell.add_folders())
        self.library_page.similar_wanted.connect(shell.find_similar)
        self.library_page.open_library_wanted.connect(lambda: questions.open_library(self, parts.library))
        for grid in (self.library_page.grid, self.search_page.grid):
            near, labels = PlaceActions(parts.library, grid), LabelActions(parts.labels, grid)
            grid.set_more_entries(near.add_to, labels.add_to)
            grid.set_cell_size(parts.settings.values.cell_size)
            grid.cell_size_changed.connect(lambda side: parts.settings.change(cell_size=side))
        parts.settings.changed.connect(self._setting_changed)
        self.search_page.choose_requested.connect(self.choose_photos)
        self.search_page.add_requested.connect(lambda: self.choose_photos(join=True))
        self.search_page.open_library_requested.connect(lambda: questions.open_library(self, parts.library))
        self.search_page.wizard_requested.connect(lambda: shell.add_folders())
        self.search_page.clear_filters_requested.connect(parts.library.clear_filters)
        self.search_page.evidence_requested.connect(shell.show_evidence)
        self.search_page.report.clicked.connect(lambda: questions.save_report(self, parts.reports))
        parts.reports.changed.connect(lambda: self.search_page.report.setEnabled(parts.reports.possible))
        self.evidence_page.back_to_search.connect(lambda: shell.go(Place.SEARCH))
        parts.evidence.next_round.connect(lambda: shell.go(Place.SEARCH))
        self.wizard_page.left.connect(shell.leave_wizard)
        self.wizard_page.done.connect(lambda: shell.go(Place.LIBRARY))

    # -- places -----------------------------------------------------------------------------------------------

    def show_place(self, place: Place) -> None:
        """Show the page of a place and put the keyboard there."""
        page = self.pages[place]
        self.stack.setCurrentWidget(page)
        self.filters.setVisible(place in (Place.LIBRARY, Place.SEARCH))
        if place is not Place.WIZARD:
            self.bar.show_place(place)
        self._show_history()
        page.entered()
        page.first_focus().setFocus(Qt.FocusReason.OtherFocusReason)

    def go_back(self) -> None:
        """Back through searches; from Evidence first to its results."""
        if self.shell.place is Place.EVIDENCE:
            self.shell.go(Place.SEARCH)
        elif self._parts.search.can_go_back:
            self._parts.search.back()
            self.shell.go(Place.SEARCH)

    def go_forward(self) -> None:
        if self._parts.search.can_go_forward:
            self._parts.search.forward()
            self.shell.go(Place.SEARCH)

    def _show_history(self) -> None:
        search = self._parts.search
        results_behind = self.shell.place is Place.EVIDENCE
        self.bar.set_history(back=search.can_go_back or results_behind, forward=search.can_go_forward)

    def _setting_changed(self, key: str) -> None:
        if key == "cell_size":
            for grid in (self.library_page.grid, self.search_page.grid):
                grid.set_cell_size(self._parts.settings.values.cell_size)

    def toggle_side_panel(self) -> None:
        shown = not self.side.isVisible()
        self.side.setVisible(shown)
        self._parts.settings.change(side_panel=shown)

    def toggle_full_screen(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    # -- what comes in ----------------------------------------------------------------------------------------

    def choose_photos(self, *, join: bool = False) -> None:
        """The system's file dialog; several files make one query, or join the present one."""
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Choose a photo to search with"))
        if names:
            self.shell.take_paths([Path(name) for name in names], join=join)

    def paste(self) -> None:
        """Search with what is on the clipboard: a picture, files, or the path of one."""
        self.shell.take(intake.from_mime(QGuiApplication.clipboard().mimeData()))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.source() is not None:
            return  # a photo on its way out of our own grid
        self.overlay.show_for(intake.preview(event.mimeData()))
        event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if event.source() is None:
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.overlay.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.overlay.hide()
        coming = intake.from_mime(event.mimeData(), name=self.tr("dropped picture"))
        event.acceptProposedAction()
        self.activateWindow()
        self.shell.take(coming)

    def take_from_later_start(self, paths: list[Path]) -> None:
        """A second start was given these: show the window and use them."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()
        if paths:
            self.shell.take_paths(paths)

    # -- dialogs ----------------------------------------------------------------------------------------------

    def show_settings(self) -> None:
        SettingsDialog(self._parts.settings, self).open()

    def show_about(self) -> None:
        AboutDialog(self).open()

    def show_skipped(self) -> None:
        SkippedDialog(self._parts.skipped, self).open()

    def show_duplicates(self) -> None:
        DuplicatesDialog(self._parts.duplicates, self._parts.thumbnails, self).open()

    def show_shortcuts(self) -> None:
        sections = [(self.tr("Everywhere"), self.keys)]
        sections += [(page.title, page.shortcuts()) for page in self.pages.values()]
        ShortcutsDialog(sections, self).open()

    # -- the end ----------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        if not questions.may_close(self, self._parts.jobs):
            event.ignore()
            return
        if self._geometry is not None:
            self._geometry.setValue("window/geometry", self.saveGeometry())
            self._geometry.setValue("window/splitter", self.splitter.saveState())
        self.hide()
        self.shell.shut_down()
        event.accept()

    def _restore_geometry(self) -> None:
        if self._geometry is None:
            return
        place, split = self._geometry.value("window/geometry"), self._geometry.value("window/splitter")
        if isinstance(place, QByteArray):
            self.restoreGeometry(place)
        if isinstance(split, QByteArray):
            self.splitter.restoreState(split)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.overlay.setGeometry(self.rect())
