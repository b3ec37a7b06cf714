"""Photos that are one picture, group by group, with the one to keep. What becomes of them is up to the person."""

from __future__ import annotations

import os

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QComboBox, QDialog, QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from desktop_app.domain.duplicates import DuplicateGroup, Keep, Strictness
from desktop_app.domain.photos import path_text
from desktop_app.ui.viewmodels.duplicates import KEEP_WORDS, STRICTNESS_WORDS, DuplicatesViewModel
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.viewmodels.words import photos, pixels, size
from desktop_app.ui.views.parts import button, label, row
from desktop_app.ui.views.theme import BETWEEN, INSIDE

SIDE = 72  # pixels of a picture in the list
SHOWN = 500  # groups listed; the command line lists all


class DuplicatesDialog(QDialog):
    """Strictness and rule above, groups below; closing it gives up what still runs."""

    def __init__(
        self, duplicates: DuplicatesViewModel, thumbnails: ThumbnailProvider, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._duplicates, self._thumbnails = duplicates, thumbnails
        self._items: dict[int, list[QTreeWidgetItem]] = {}
        self._listed: tuple[DuplicateGroup, ...] | None = None
        self.setWindowTitle(self.tr("Duplicates"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.strictness, self.keep = QComboBox(), QComboBox()
        for strictness, words in STRICTNESS_WORDS.items():
            self.strictness.addItem(words, strictness)
        self.strictness.setCurrentIndex(list(STRICTNESS_WORDS).index(Strictness.NORMAL))
        self.strictness.setAccessibleName(self.tr("What counts as a duplicate"))
        for keep, words in KEEP_WORDS.items():
            self.keep.addItem(words, keep)
        self.keep.setAccessibleName(self.tr("Which photo of a group to keep"))
        self.find_button = button(self.tr("Find duplicates"), self.look, primary=True, icon="search")
        self.show_button = button(self.tr("Show them in the library"), self._show_in_library, icon="photos")
        self.total = label(role="title")
        self.list = QTreeWidget()
        self.list.setColumnCount(4)
        self.list.setHeaderLabels([self.tr("Photo"), "", self.tr("Size"), self.tr("Folder")])
        self.list.setIconSize(QSize(SIDE, SIDE))
        self.list.setAccessibleName(self.tr("Groups of photos that are one picture"))
        self.list.header().setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.list.setColumnWidth(0, 320)
        self.list.setColumnWidth(1, 120)
        self.list.setColumnWidth(2, 190)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(BETWEEN, BETWEEN, BETWEEN, BETWEEN)
        layout.setSpacing(INSIDE)
        layout.addLayout(row(self.strictness, self.keep, self.find_button, None))
        layout.addWidget(self.total)
        layout.addWidget(label(self.tr("This is a list only: no photo is moved or deleted."), role="secondary"))
        layout.addWidget(self.list, 1)
        layout.addLayout(row(self.show_button, None, button(self.tr("Close"), self.close)))
        self.resize(900, 560)
        thumbnails.ready.connect(self._thumbnail)
        duplicates.changed.connect(self._show)
        self.finished.connect(lambda _result: duplicates.stop())
        self._show()

    def look(self) -> None:
        """Look through the library with what is chosen."""
        self._duplicates.find(Strictness(self.strictness.currentData()), Keep(self.keep.currentData()))

    def _show_in_library(self) -> None:
        self._duplicates.show_in_library(self._duplicates.groups or ())
        self.close()

    def _show(self) -> None:
        groups = self._duplicates.groups
        self.total.setText(self._duplicates.sentence())
        self.find_button.setEnabled(not self._duplicates.busy)
        self.show_button.setEnabled(bool(groups))
        if groups is not self._listed:
            self._listed = groups
            self._fill(groups or ())

    def _fill(self, groups: tuple[DuplicateGroup, ...]) -> None:
        self.list.clear()
        self._items = {}
        for group in groups[:SHOWN]:
            kind = self.tr("identical files") if group.exact else self.tr("edited copies")
            top = QTreeWidgetItem(self.list, [f"{photos(len(group.photos))}, {kind}"])
            for one in group.photos:
                photo = one.photo
                measures = f"{pixels(photo.width, photo.height)}, {size(photo.size)}"
                folder = path_text(os.path.dirname(photo.path))
                item = QTreeWidgetItem(top, [photo.name, self._duplicates.said_of(one), measures, folder])
                item.setToolTip(0, path_text(photo.path))
                item.setSizeHint(0, QSize(SIDE, SIDE + INSIDE))
                item.setData(0, Qt.ItemDataRole.UserRole, photo)
                self._items.setdefault(int(photo.id), []).append(item)
                self._draw(item)
        self.list.expandAll()

    def _draw(self, item: QTreeWidgetItem) -> None:
        pixmap = self._thumbnails.pixmap(item.data(0, Qt.ItemDataRole.UserRole), SIDE)
        if pixmap is not None:
            item.setIcon(0, QIcon(_square(pixmap)))

    def _thumbnail(self, photo: object) -> None:
        for item in self._items.get(int(photo), ()) if isinstance(photo, int) else ():
            self._draw(item)


def _square(pixmap: QPixmap) -> QPixmap:
    """A small picture in the middle of a square, so that the names beside upright and wide ones stand in line."""
    ratio = pixmap.devicePixelRatio()
    side = max(pixmap.width(), pixmap.height())
    made = QPixmap(side, side)
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.drawPixmap(
        QPointF((side - pixmap.width()) / (2 * ratio), (side - pixmap.height()) / (2 * ratio)), pixmap
    )
    painter.end()
    return made
