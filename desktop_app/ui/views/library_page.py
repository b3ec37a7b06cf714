"""Library: what I have. Browse all photos before any search, in the order one likes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QItemSelectionModel, QSize, Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QComboBox, QSlider, QStackedWidget, QVBoxLayout, QWidget

from desktop_app.domain.filters import PhotoFilter
from desktop_app.domain.photos import PhotoId
from desktop_app.ui.viewmodels.full_pictures import FullPictures
from desktop_app.ui.viewmodels.jobs import JobsViewModel
from desktop_app.ui.viewmodels.library import LibraryViewModel, PhotoOrder
from desktop_app.ui.viewmodels.photo_list import PhotoListModel
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.viewmodels.words import number, photos
from desktop_app.ui.views import icons
from desktop_app.ui.views.grid_view import LARGEST, SMALLEST
from desktop_app.ui.views.page import Page
from desktop_app.ui.views.parts import EmptyState, Offer, button, label, row, tool
from desktop_app.ui.views.photo_grid import PhotoGrid
from desktop_app.ui.views.theme import BETWEEN, INSIDE, tabular

ORDERS = {PhotoOrder.DATE: "Date", PhotoOrder.NAME: "Name", PhotoOrder.FOLDER: "Folder"}


class LibraryPage(Page):
    """The grid of the library with its order, size and count; or what to do while it is empty."""

    title = "Library"
    add_folder_wanted = Signal()
    similar_wanted = Signal(object)
    open_library_wanted = Signal()

    def __init__(
        self,
        *,
        library: LibraryViewModel,
        jobs: JobsViewModel,
        model: PhotoListModel,
        thumbnails: ThumbnailProvider,
        pictures: FullPictures,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._library, self._jobs, self._model = library, jobs, model
        self._top_photo: PhotoId | None = None
        self._current_photo: PhotoId | None = None
        self.grid = PhotoGrid(model, thumbnails, pictures)
        self.grid.setAccessibleName(self.tr("Photos of the library"))
        self.empty = EmptyState()
        self.count = label()
        self.count.setFont(tabular(self.count.font()))
        self.order = QComboBox()
        self.order.setAccessibleName(self.tr("Sort photos by"))
        self.order.setIconSize(QSize(icons.SIZE, icons.SIZE))
        for order, words in ORDERS.items():
            self.order.addItem(self.tr(words), order)
        self.direction = tool("descending", self.tr("Reverse the order"))
        self.size_slider = QSlider(Qt.Orientation.Horizontal)
        self.size_slider.setRange(SMALLEST, LARGEST)
        self.size_slider.setFixedWidth(120)
        self.size_slider.setAccessibleName(self.tr("Size of pictures"))
        self.size_slider.setToolTip(self.tr("Size of pictures (Ctrl+plus, Ctrl+minus)"))
        self._bar = QWidget()
        self.among = button(self.tr("Only the selected"), self._only_selected, quiet=True)
        self.among.setToolTip(self.tr("Show the selected photos only, and search among them"))
        self.among.hide()
        line = row(
            self.count,
            self.among,
            None,
            label(self.tr("Size"), role="secondary"),
            self.size_slider,
            label(self.tr("Sort by"), role="secondary"),
            self.order,
            self.direction,
        )
        line.setContentsMargins(BETWEEN, INSIDE // 2, INSIDE, INSIDE // 2)
        self._bar.setLayout(line)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.grid)
        self._stack.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._bar)
        layout.addWidget(self._stack, 1)
        self._connect()
        self._show()

    def _connect(self) -> None:
        self.order.activated.connect(lambda _row: self._choose_order())
        self.direction.clicked.connect(lambda _checked=False: self._turn())
        self.size_slider.valueChanged.connect(self.grid.set_cell_size)
        self.grid.cell_size_changed.connect(self.size_slider.setValue)
        self.grid.selectionModel().selectionChanged.connect(lambda *_: self._offer_selection())
        self._model.modelReset.connect(self._offer_selection)
        self.grid.find_similar.connect(self.similar_wanted)
        self.grid.activated_row.connect(lambda line: self.similar_wanted.emit(self._model.photo_id(line)))
        self._model.modelAboutToBeReset.connect(self._remember_view)
        self._model.modelReset.connect(self._restore_view)
        self._library.photos_changed.connect(self._show)
        self._library.session_changed.connect(lambda _session: self._show())
        self._jobs.changed.connect(self._show)
        self.size_slider.setValue(self.grid.cell_size)

    def first_focus(self) -> QWidget:
        if self._stack.currentWidget() is self.grid:
            return self.grid
        return self.empty.first_button() or self

    def shortcuts(self) -> list[tuple[QKeySequence | str, str]]:
        return [
            ("Enter", self.tr("Find photos like this one")),
            ("Space", self.tr("Look at the photo large")),
            ("Ctrl++", self.tr("Larger pictures")),
            ("Ctrl+-", self.tr("Smaller pictures")),
        ]

    # -- the selection ----------------------------------------------------------------------------------------

    def _selected(self) -> frozenset[PhotoId]:
        found = (self._model.photo_id(index.row()) for index in self.grid.selectionModel().selectedIndexes())
        return frozenset(photo for photo in found if photo is not None)

    def _offer_selection(self) -> None:
        self.among.setVisible(len(self.grid.selectionModel().selectedIndexes()) > 1)

    def _only_selected(self) -> None:
        self._library.set_chosen(replace(self._library.chosen, within=self._selected()))

    # -- order ------------------------------------------------------------------------------------------------

    def _choose_order(self) -> None:
        order = PhotoOrder(self.order.currentData())
        # Newest first, but names and folders from A to Z: what one expects of each.
        self._library.set_order(order, descending=order is PhotoOrder.DATE)
        self._show()

    def _turn(self) -> None:
        self._library.set_order(self._library.order, descending=not self._library.descending)
        self._show()

    def _direction_words(self) -> str:
        down = self._library.descending
        if self._library.order is PhotoOrder.DATE:
            return self.tr("Newest first") if down else self.tr("Oldest first")
        return self.tr("Z to A") if down else self.tr("A to Z")

    # -- what is shown ----------------------------------------------------------------------------------------

    def _show(self) -> None:
        library = self._library
        shown = len(library.ids)
        total = library.counts.photos if library.counts else 0
        self.order.setCurrentIndex(list(ORDERS).index(library.order))
        words = self._direction_words()
        self.direction.setIcon(icons.icon("descending" if library.descending else "ascending"))
        self.direction.setToolTip(self.tr("{0}. Reverse the order").format(words))
        self.direction.setAccessibleName(self.tr("{0}. Reverse the order").format(words))
        if not library.filtered or shown == total:
            self.count.setText(photos(shown) if shown else "")
        else:
            self.count.setText(self.tr("{0} of {1} photos").format(number(shown), number(total)))
        if not shown:
            self._show_empty()
        self._bar.setVisible(bool(shown or library.filtered))
        self._stack.setCurrentWidget(self.grid if shown else self.empty)

    def _show_empty(self) -> None:
        library = self._library
        if library.session is None and not library.opening:
            self.empty.say(
                icon="library",
                title=self.tr("No library is open"),
                text=self.tr("A library remembers which folders you added and what is in their photos."),
                offers=[Offer(self.tr("Open a library"), self.open_library_wanted.emit, primary=True)],
            )
        elif library.session is None or library.counts is None:
            self.empty.say(icon="photos", title=self.tr("Opening your photos"), text="")
        elif not library.folders:
            self.empty.say(
                icon="photos",
                title=self.tr("Your photos will be here"),
                text=self.tr(
                    "Add a folder, or drop one anywhere on this window. "
                    "Photos are only read; nothing is ever moved, changed or sent anywhere."
                ),
                offers=[
                    Offer(
                        self.tr("Add a folder of photos"),
                        self.add_folder_wanted.emit,
                        primary=True,
                        icon="folder-add",
                    )
                ],
            )
        elif self._jobs.state.busy:
            self.empty.say(
                icon="clock",
                title=self.tr("The first photos appear in a moment"),
                text=self.tr("You can look around and search while the rest is indexed."),
            )
        elif library.chosen:
            self.empty.say(
                icon="filter",
                title=self.tr("No photo fits these filters"),
                text=self.tr("Take one of them back in the row above, or all of them."),
                offers=[
                    Offer(self.tr("Clear filters"), lambda: library.set_chosen(PhotoFilter()), primary=True),
                ],
            )
        elif library.filter is not None:
            self.empty.say(
                icon="folder",
                title=self.tr("No photos in this folder"),
                text=self.tr("The folders you chose on the left hold no photos that can be shown."),
                offers=[Offer(self.tr("Show all folders"), lambda: library.set_filter(None), primary=True)],
            )
        else:
            self.empty.say(
                icon="photos",
                title=self.tr("No photos were found"),
                text=self.tr("The folders of this library hold no photos that can be used."),
                offers=[
                    Offer(
                        self.tr("Add another folder"), self.add_folder_wanted.emit, primary=True, icon="folder-add"
                    ),
                    Offer(self.tr("Look again"), self._jobs.rescan, icon="refresh"),
                ],
            )

    # -- the view stays where it is while photos stream in -----------------------------------------------------

    def _remember_view(self) -> None:
        rows = self.grid.visible_rows()
        scrolled = self.grid.verticalScrollBar().value() > 0
        self._top_photo = self._model.photo_id(rows[0]) if scrolled and rows else None
        current = self.grid.currentIndex()
        self._current_photo = self._model.photo_id(current.row()) if current.isValid() else None

    def _restore_view(self) -> None:
        for identity, scroll in ((self._current_photo, False), (self._top_photo, True)):
            found = np.flatnonzero(self._library.ids == (identity if identity is not None else -1))
            if not found.size:
                continue
            index = self._model.index(int(found[0]))
            if scroll:
                self.grid.doItemsLayout()
                self.grid.scrollTo(index, PhotoGrid.ScrollHint.PositionAtTop)
            else:
                self.grid.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
