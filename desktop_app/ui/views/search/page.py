"""The Search page: the question on the left, what matches on the right."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QSizePolicy,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import Profile
from desktop_app.domain.results import Words
from desktop_app.ui.viewmodels.full_pictures import FullPictures
from desktop_app.ui.viewmodels.result_order import SortOrder
from desktop_app.ui.viewmodels.rounds import RoundsViewModel
from desktop_app.ui.viewmodels.search import SearchViewModel
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.viewmodels.words import number, photos, sentence
from desktop_app.ui.views.grid_view import LARGEST, SMALLEST
from desktop_app.ui.views.page import Page
from desktop_app.ui.views.parts import ElidedLabel, EmptyState, FoldingRow, Offer, button, label, row, tool
from desktop_app.ui.views.photo_grid import PhotoGrid
from desktop_app.ui.views.search.query_panel import QueryPanel
from desktop_app.ui.views.theme import AROUND, BETWEEN, INSIDE

PROFILES = (Profile.INSTANT, Profile.BALANCED)  # those that differ in this version
PATIENCE_MS = 300  # a search that takes longer says that it is under way


class Footer(QWidget):
    """Below the last result: what is kept back, and the button that shows it."""

    def __init__(self, search: SearchViewModel) -> None:
        super().__init__()
        self._search = search
        self._text = label(role="secondary")
        self.more = button("Show more anyway", search.show_all)
        lay = QHBoxLayout(self)
        lay.setContentsMargins(0, INSIDE, 0, BETWEEN)
        lay.addStretch(1)
        lay.addWidget(self._text)
        lay.addWidget(self.more)
        lay.addStretch(1)

    def refresh(self) -> bool:
        """Take over the state; returns whether there is anything to say."""
        hidden = self._search.results.hidden
        self._text.setText(self._search.weaker_sentence())
        self.more.setText(f"Show {number(hidden)} more anyway")
        self.more.setAccessibleName(self.more.text())
        self.setVisible(hidden > 0)
        return hidden > 0


class SearchPage(Page):
    """Queries and results. The window connects the signals."""

    title = "Search"
    evidence_requested = Signal(int)
    """The row whose evidence is wanted."""
    choose_requested = Signal()
    """A file dialog for a new search."""
    add_requested = Signal()
    """A file dialog for a picture that joins the search."""
    open_library_requested = Signal()
    """There is no library to search in: open one."""
    clear_filters_requested = Signal()
    """The filters leave nothing to search in."""
    wizard_requested = Signal()
    """There is nothing to search in: add a folder."""

    def __init__(
        self,
        search: SearchViewModel,
        thumbnails: ThumbnailProvider,
        pictures: FullPictures,
        rounds: RoundsViewModel,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._search = search
        self.setObjectName("search-page")
        self._rounds = rounds
        self.panel = QueryPanel(search, rounds)
        self.panel.add_requested.connect(self.add_requested)
        self.grid = PhotoGrid(search.results, thumbnails, pictures, maps=search.maps)
        self.grid.setAccessibleName("Results")
        self.footer = Footer(search)
        self.grid.set_footer(self.footer)
        self.empty = EmptyState()
        self._build()
        self._connect()
        self._refresh()

    def _build(self) -> None:
        self.header = ElidedLabel(role="title", mode=Qt.TextElideMode.ElideRight)
        self.note = label(role="small")
        self.change = label(role="secondary", wrap=True)
        self.change.setAccessibleName("What this round changed")
        self.change.setContentsMargins(0, 0, AROUND - 4, 0)
        self.maps = tool("layers", "Show where each result matches", keys="E", checkable=True)
        self.report = tool("export", "Save these results as a report with their evidence")
        self.report.setEnabled(False)
        self.profile = QComboBox()
        self.profile.setAccessibleName("Thoroughness")
        self.profile.setToolTip("Instant compares whole pictures; balanced also compares their parts")
        for profile in PROFILES:
            self.profile.addItem(profile.value.capitalize(), profile)
        self.profile.setCurrentIndex(PROFILES.index(self._search.profile))
        self.cell_size = QSlider(Qt.Orientation.Horizontal)
        self.cell_size.setRange(SMALLEST, LARGEST)
        self.cell_size.setValue(self.grid.cell_size)
        self.cell_size.setMinimumWidth(60)
        self.cell_size.setMaximumWidth(120)
        self.cell_size.setAccessibleName("Size of the photos")
        self.cell_size.setToolTip("Size of the photos")
        self.sort = QComboBox()
        self.sort.setAccessibleName("Sort by")
        for order in SortOrder:
            self.sort.addItem(f"{order.value.capitalize()}{' match' if order is SortOrder.BEST else ''}", order)
        steering = row(None, self.maps, self.report, self.profile, self.cell_size, self.sort)
        steering.setStretchFactor(self.cell_size, 100)
        self._bar = FoldingRow(row(self.header, self.note), steering)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.grid)
        self.stack.addWidget(self.empty)
        self.stack.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        right = QVBoxLayout()
        right.setContentsMargins(BETWEEN, BETWEEN, 4, 0)
        right.setSpacing(INSIDE)
        right.addWidget(self._bar)
        right.addWidget(self.change)
        right.addWidget(self.stack, 1)
        lay = row(self.panel, spacing=0)
        lay.addLayout(right, 1)
        self.setLayout(lay)
        self._bar.setContentsMargins(0, 0, AROUND - 4, 0)
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE_MS)

    def _connect(self) -> None:
        search = self._search
        search.held = self.grid.held
        for signal in (search.query_changed, search.answer_changed, search.history_changed):
            signal.connect(self._refresh)
        search.busy_changed.connect(self._busy_changed)
        self._rounds.changed.connect(self._refresh_change)
        search.results.divider_changed.connect(self._refresh_footer)
        self._patience.timeout.connect(self._refresh)
        self.grid.activated_row.connect(self.evidence_requested)
        self.grid.find_similar.connect(self._find_similar)
        self.grid.not_like.connect(search.not_like)
        self.grid.cell_size_changed.connect(self.cell_size.setValue)
        self.grid.all_maps_changed.connect(self.maps.setChecked)
        self.maps.toggled.connect(self.grid.set_all_maps)
        self.cell_size.valueChanged.connect(self.grid.set_cell_size)
        self.sort.activated.connect(lambda _index: search.set_sort(SortOrder(self.sort.currentData())))
        self.profile.activated.connect(lambda _index: search.set_profile(Profile(self.profile.currentData())))

    # -- for the window ------------------------------------------------------------------------------------------

    def first_focus(self) -> QWidget:
        if self.stack.currentWidget() is self.grid:
            return self.grid
        return self.empty.first_button() or self.panel.editor

    def shortcuts(self) -> list[tuple[QKeySequence | str, str]]:
        return [
            ("Enter", "Show why a result matches"),
            ("Space", "Quick preview"),
            ("E", "Show where every result matches"),
            ("F", "Find similar photos"),
            ("Esc", "Search with the whole picture again"),
            ("Ctrl+C", "Copy the photo"),
            ("Ctrl+Shift+C", "Copy its path"),
            ("Ctrl+R", "Show the photo in its folder"),
        ]

    # -- inside --------------------------------------------------------------------------------------------------

    def _find_similar(self, photo: PhotoId) -> None:
        self._search.find_similar(photo)
        self.grid.scrollToTop()

    def _busy_changed(self, busy: bool) -> None:
        if busy:
            self._patience.start()
        else:
            self._patience.stop()
        self._refresh()

    def _refresh_footer(self) -> None:
        self.footer.refresh()
        self.grid.doItemsLayout()

    def _refresh_change(self) -> None:
        words = self._rounds.words()
        self.change.setText(words)
        self.change.setVisible(bool(words) and self._search.error is None)

    def _refresh(self) -> None:
        search = self._search
        asked = search.query is not None
        self.panel.setVisible(asked)
        self._bar.setVisible(asked and search.error is None)
        self.grid.set_search_actions(asked)
        self.header.setText(self._header())
        answer = search.answer
        pending = answer.pending if answer else 0
        self.note.setText(f"{photos(pending)} not indexed yet" if pending else "")
        self.note.setVisible(bool(pending))
        if self.profile.currentData() != search.profile:
            self.profile.setCurrentIndex(PROFILES.index(search.profile) if search.profile in PROFILES else 1)
        self._refresh_change()
        self._refresh_footer()
        listed = search.results.rowCount() > 0
        if not listed:
            self._say_why_empty()
        self._show(self.grid if listed else self.empty)

    def _show(self, wanted: QWidget) -> None:
        """The results, or what there is to say without any; the keyboard goes with them."""
        before, focused = self.stack.currentWidget(), QApplication.focusWidget()
        self.stack.setCurrentWidget(wanted)
        if before is None or before is wanted or focused is None:
            return
        if before.isAncestorOf(focused):
            self.first_focus().setFocus(Qt.FocusReason.OtherFocusReason)

    def _header(self) -> str:
        if self._search.answer is None:
            waited = self._search.busy and not self._patience.isActive()
            return "Searching…" if waited else ""
        closer = self._search.busy and not self._search.answer.final and not self._patience.isActive()
        return self._search.header() + (" · looking closer…" if closer else "")

    def _say_why_empty(self) -> None:
        search, answer = self._search, self._search.answer
        choose = Offer("Choose a photo", self.choose_requested.emit, primary=True, icon="photo")
        if not search.ready:
            self.empty.say(
                icon="library",
                title="No library is open",
                text="Searching looks through the photos of a library.",
                offers=[Offer("Open a library", self.open_library_requested.emit, primary=True)],
            )
        elif search.error is not None:
            self.empty.say(
                icon="warning",
                title=sentence(search.error.message),
                text=sentence(search.error.remedy) or "Try another photo.",
                offers=[choose],
            )
        elif search.query is None:
            self.empty.say(
                icon="search",
                title="Search with a photo",
                text="Drop a photo here, paste one, or choose a file. The photos that match will be here, "
                "with the parts that match. In the library, “Find similar” does the same with any photo.",
                offers=[choose],
            )
        elif answer is None:
            self.empty.say(icon="search", title="Searching…", text="The first search takes a moment.")
        elif answer.searched == 0:
            self._say_nothing_indexed(answer.pending)
        elif not answer.hits and (search.chosen or search.folders is not None):
            self.empty.say(
                icon="filter",
                title="No other photo fits these filters",
                text="Take one of them back in the row above or at the side, or all of them.",
                offers=[Offer("Clear filters", self.clear_filters_requested.emit, primary=True)],
            )
        elif answer.verdict is Words.NOTHING or search.results.hidden:
            hidden = search.results.hidden
            self.empty.say(
                icon="search",
                title="Nothing here matches well",
                text="No photo of this library surely shows the same thing. "
                "The nearest may still be of the same kind.",
                offers=[Offer(f"Show {number(hidden)} anyway", search.show_all)] if hidden else [],
            )
        else:
            self.empty.say(
                icon="filter",
                title="No other photos to compare with",
                text="The library holds no other photo.",
                offers=[Offer("Add a folder", self.wizard_requested.emit, primary=True, icon="folder-add")],
            )

    def _say_nothing_indexed(self, pending: int) -> None:
        if pending:
            self.empty.say(
                icon="clock",
                title="The photos are still being indexed",
                text=f"{photos(pending)} to go. The first can be searched in a moment.",
                offers=[Offer("Search again", self._search.search_again, primary=True, icon="refresh")],
            )
        else:
            self.empty.say(
                icon="folder-add",
                title="There are no photos to search in yet",
                text="Add a folder with photos; searching works as soon as the first of them are indexed.",
                offers=[Offer("Add a folder", self.wizard_requested.emit, primary=True, icon="folder-add")],
            )
