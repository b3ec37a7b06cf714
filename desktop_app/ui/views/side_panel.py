"""The left panel, the same on all pages: libraries, the folders of the one that is open, and the folder filter."""

from __future__ import annotations

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.domain.photos import FolderId, FolderRecord
from desktop_app.services.index_tiles import TIMES_LONGER
from desktop_app.ui.viewmodels.folder_list import FolderListModel
from desktop_app.ui.viewmodels.library import LibraryViewModel
from desktop_app.ui.viewmodels.words import short_count
from desktop_app.ui.views import icons
from desktop_app.ui.views.parts import button, label, row, tool
from desktop_app.ui.views.theme import BETWEEN, INSIDE, set_role, small_font, tabular, theme

WIDTH = 220
ROW_HEIGHT = 32


class FolderDelegate(QStyledItemDelegate):
    """A folder's icon, name and number of photos in one row."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(80, max(ROW_HEIGHT, option.fontMetrics.height() + 14))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        tokens = theme().tokens
        box = option.rect.adjusted(2, 1, -2, -1)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        present = bool(index.data(FolderListModel.PresentRole))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen or hovered:
            painter.setBrush(tokens.colour("accent", 0.24) if chosen else tokens.colour("text", 0.06))
            painter.drawRoundedRect(box, 6, 6)
        if focused:
            pen = painter.pen()
            pen.setStyle(Qt.PenStyle.SolidLine)
            pen.setColor(tokens.colour("accent"))
            pen.setWidth(2)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 6, 6)
        name = "library" if index.row() == 0 else "folder" if present else "folder-off"
        side = 16
        spot = QRect(box.left() + 8, box.center().y() - side // 2 + 1, side, side)
        icons.icon(name, token="secondary" if present else "disabled").paint(painter, spot)
        count = short_count(int(index.data(FolderListModel.CountRole) or 0))
        small = tabular(small_font(option.font))
        painter.setFont(small)
        painter.setPen(tokens.colour("secondary"))
        width = painter.fontMetrics().horizontalAdvance(count)
        painter.drawText(
            box.adjusted(0, 0, -8, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, count
        )
        painter.setFont(option.font)
        painter.setPen(tokens.colour("text" if present else "disabled"))
        place = box.adjusted(32, 0, -16 - width, 0)
        text = option.fontMetrics.elidedText(str(index.data()), Qt.TextElideMode.ElideMiddle, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()


class FolderList(QListView):
    """Any number of folders may be selected; that is the filter. The first row stands for all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setItemDelegate(FolderDelegate(self))
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setFrameShape(QListView.Shape.NoFrame)


class SidePanel(QWidget):
    """Libraries and folders. What a person wants is told by signals."""

    add_folder_wanted = Signal()
    remove_folder_wanted = Signal(object)
    rescan_wanted = Signal()
    open_library_wanted = Signal()
    create_library_wanted = Signal()
    tiles_wanted = Signal(bool)

    def __init__(
        self, library: LibraryViewModel, saved: QWidget | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._library = library
        self._in_parts = False
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        set_role(self, "side")
        self.setMinimumWidth(160)
        self.library_button = QToolButton()
        self.library_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        icons.put_beside(self.library_button, "photos", token="secondary", size=18)
        self.library_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.library_button.setSizePolicy(
            self.sizePolicy().horizontalPolicy().Expanding, self.sizePolicy().verticalPolicy().Fixed
        )
        self.library_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_role(self.library_button, "library")
        self._library_menu = QMenu(self)
        self._library_menu.aboutToShow.connect(self._fill_library_menu)
        self.library_button.setMenu(self._library_menu)

        self.rescan_button = tool(
            "refresh", self.tr("Look for changes in all folders"), self.rescan_wanted.emit, keys="F5"
        )
        self.model = FolderListModel(self)
        self.folders = FolderList()
        self.folders.setModel(self.model)
        self.folders.setAccessibleName(self.tr("Folders; select some to see only their photos"))
        self.folders.selectionModel().selectionChanged.connect(self._selected)
        self.folders.customContextMenuRequested.connect(self._folder_menu)
        self.add_button = button(
            self.tr("Add a folder"), self.add_folder_wanted.emit, icon="folder-add", quiet=True
        )

        layout = QVBoxLayout(self)
        layout.setContentsMargins(INSIDE, BETWEEN, INSIDE, INSIDE)
        layout.setSpacing(INSIDE // 2)
        layout.addWidget(self._heading(self.tr("LIBRARY")))
        layout.addWidget(self.library_button)
        layout.addSpacing(BETWEEN - INSIDE)
        layout.addLayout(row(self._heading(self.tr("FOLDERS")), None, self.rescan_button))
        layout.addWidget(self.folders, 1)
        layout.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignLeft)
        if saved is not None:
            layout.addSpacing(BETWEEN - INSIDE)
            layout.addWidget(saved)
        library.folders_changed.connect(self._show)
        library.filter_changed.connect(self._show_filter)
        library.session_changed.connect(lambda _session: self._show())
        self._show()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 400)

    def folder_actions(self, folder: FolderRecord) -> list[QAction]:
        """What can be done with one folder."""
        only = QAction(self.tr("Show only this folder"), self)
        only.triggered.connect(lambda: self._library.set_filter(frozenset({folder.id})))
        remove = QAction(icons.icon("trash"), self.tr("Remove from library…"), self)
        remove.setEnabled(not self._library.read_only)
        remove.triggered.connect(lambda: self.remove_folder_wanted.emit(folder))
        return [only, remove]

    @staticmethod
    def _heading(text: str) -> QWidget:
        made = label(text, role="heading")
        made.setContentsMargins(10, 0, 0, 0)
        return made

    def _show(self) -> None:
        title = self._library.title()
        self.library_button.setText(f"{title}" + (self.tr(" (read only)") if self._library.read_only else ""))
        self.library_button.setAccessibleName(
            self.tr("Library: {0}. Switch, create or open another").format(title)
        )
        self.library_button.setToolTip(str(self._library.root or ""))
        self.add_button.setEnabled(self._library.session is not None and not self._library.read_only)
        self.rescan_button.setEnabled(bool(self._library.folders) and not self._library.read_only)
        self.model.show(self._library.folders)
        self._show_filter()

    def _show_filter(self) -> None:
        """Select the rows of the filter without telling anybody."""
        chosen = self._library.filter
        selection = self.folders.selectionModel()
        selection.blockSignals(True)
        selection.clearSelection()
        flag = QItemSelectionModel.SelectionFlag.Select
        if chosen is None:
            selection.select(self.model.index(0), flag)
        for line in range(1, self.model.rowCount()):
            folder = self.model.folder(line)
            if folder is not None and chosen is not None and folder.id in chosen:
                selection.select(self.model.index(line), flag)
        selection.blockSignals(False)
        self.folders.viewport().update()

    def _selected(self) -> None:
        rows = {index.row() for index in self.folders.selectionModel().selectedIndexes()}
        folders = [self.model.folder(line) for line in sorted(rows)]
        ids: frozenset[FolderId] = frozenset(folder.id for folder in folders if folder is not None)
        self._library.set_filter(None if 0 in rows or not ids else ids)

    def _folder_menu(self, spot: QPoint) -> None:
        folder = self.model.folder(self.folders.indexAt(spot).row())
        if folder is None:
            return
        menu = QMenu(self)
        menu.addActions(self.folder_actions(folder))
        menu.exec(self.folders.viewport().mapToGlobal(spot))
        menu.deleteLater()

    def show_tiles(self, wanted: bool) -> None:
        """Whether the library is searched in parts."""
        self._in_parts = wanted

    def _fill_library_menu(self) -> None:
        menu = self._library_menu
        menu.clear()
        for root in self._library.known_libraries():
            action = menu.addAction(self._library.title(root))
            action.setToolTip(str(root))
            action.setCheckable(True)
            action.setChecked(root == self._library.root)
            action.setEnabled(root.is_dir())
            action.triggered.connect(lambda _checked=False, root=root: self._library.switch(root))
        menu.addSeparator()
        small = menu.addAction(self.tr("Find small things in photos"))
        small.setToolTip(self.tr("Indexing takes about {0} times longer").format(TIMES_LONGER))
        small.setCheckable(True)
        small.setChecked(self._in_parts)
        small.setEnabled(bool(self._library.folders) and not self._library.read_only)
        small.triggered.connect(self.tiles_wanted)
        menu.addSeparator()
        menu.addAction(icons.icon("plus"), self.tr("New library…"), self.create_library_wanted.emit)
        menu.addAction(icons.icon("folder"), self.tr("Open library…"), self.open_library_wanted.emit)
