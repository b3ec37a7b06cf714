"""A list view whose items lie in a grid by arithmetic (`grid_layout`), instead of by QListView's bookkeeping.

It stays a QListView, so that screen readers meet a list. All that Qt asks about places (where an item is, which
one is at a point, where an arrow key leads, what a rubber band holds) is answered from the layout, which leaves
room for the dividing band and a footer, keeps in view what one looks at, and makes a million rows as cheap as ten.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from desktop_app.domain.photos import PhotoId
from desktop_app.ui.viewmodels.photo_list import PhotoListModel
from desktop_app.ui.views.grid_layout import GridLayout
from desktop_app.ui.views.photo_delegate import CAPTION

AnyIndex = QModelIndex | QPersistentModelIndex

SMALLEST, LARGEST, USUAL = 96, 384, 200  # cell widths in device-independent pixels
GAP = 12
EDGE = 4  # room for the focus ring of the outermost cells
BAND = 36
TOP = 6


class GridView(QListView):
    """The places of the photos of a `PhotoListModel`: layout, scrolling, moving and selecting."""

    cell_size_changed = Signal(int)

    def __init__(self, model: PhotoListModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._photos = model
        self._cell = USUAL
        self._layout = GridLayout(0, 1, USUAL, USUAL, 0, GAP)
        self._top: tuple[PhotoId, int] | None = None  # the first photo in view and how far down it begins
        self._footer: QWidget | None = None
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setModel(model)
        model.divider_changed.connect(self.doItemsLayout)
        model.rowsRemoved.connect(self._keep_top)

    # -- for the pages ----------------------------------------------------------------------------------------

    @property
    def photos(self) -> PhotoListModel:
        return self._photos

    @property
    def cell_size(self) -> int:
        return self._cell

    def set_cell_size(self, side: int) -> None:
        """The width of a cell. The photo in the middle of the view stays in view."""
        side = max(SMALLEST, min(LARGEST, side))
        if side == self._cell:
            return
        row = self._anchor()
        self._cell = side
        self.doItemsLayout()
        if row >= 0:
            self.scrollTo(self._photos.index(row), QAbstractItemView.ScrollHint.PositionAtCenter)
        self.cell_size_changed.emit(side)

    def set_footer(self, widget: QWidget | None) -> None:
        """A widget below the last line that scrolls with the photos."""
        self._footer = widget
        if widget is not None:
            widget.setParent(self.viewport())
        self.doItemsLayout()

    def visible_rows(self) -> range:
        """The rows that are at least partly in view."""
        top = self.verticalOffset()
        return self._layout.rows_between(top, top + self.viewport().height())

    # -- layout -----------------------------------------------------------------------------------------------

    def doItemsLayout(self) -> None:
        self._layout = GridLayout.fitting(
            self._photos.rowCount(),
            width=self.viewport().width(),
            cell_w=self._cell,
            cell_h=lambda width: width * 7 // 8 + CAPTION,
            gap=GAP,
            edge=EDGE,
            top=TOP,
            divider=self._photos.divider,
            band=BAND,
        )
        QAbstractItemView.doItemsLayout(self)
        self._place_footer()

    def rowsInserted(self, parent: AnyIndex, start: int, end: int) -> None:
        super().rowsInserted(parent, start, end)
        self._keep_top()

    def remember_top(self) -> None:
        """Note what is at the top of the view, to find it there again when photos come or go above."""
        rows = self.visible_rows()
        if rows:
            top = self._layout.rect(rows[0])[1] - self.verticalOffset()
            self._top = (self._photos.photo_id(rows[0]), top)

    def _keep_top(self) -> None:
        """Photos came or went above: what one looks at stays where it is."""
        scrolled, top = self.verticalOffset() > 0, self._top
        self.doItemsLayout()
        row = self._photos.row_of(top[0]) if scrolled and top else None
        if top is not None and row is not None:
            self.verticalScrollBar().setValue(self._layout.rect(row)[1] - top[1])

    def updateGeometries(self) -> None:
        bar, height = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(0, self._content_height() - height))
        bar.setPageStep(height)
        bar.setSingleStep(max(24, self._cell // 3))
        QAbstractItemView.updateGeometries(self)

    def _content_height(self) -> int:
        footer = self._footer.sizeHint().height() + GAP if self._footer and self._footer.isVisibleTo(self) else 0
        return self._layout.height + footer

    def _place_footer(self) -> None:
        if self._footer is not None:
            top = self._layout.height - self.verticalOffset()
            self._footer.setGeometry(0, top, self.viewport().width(), self._footer.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        row = self._anchor() if event.oldSize().width() != event.size().width() else -1
        self.doItemsLayout()
        if row >= 0:
            self.scrollTo(self._photos.index(row), QAbstractItemView.ScrollHint.PositionAtCenter)

    def _anchor(self) -> int:
        """The row to keep in view when lines break differently, -1 at the very top."""
        rows = self.visible_rows()
        if self.verticalOffset() == 0 or not rows:
            return -1
        current = self.currentIndex().row()
        return current if current in rows else rows[len(rows) // 2]

    # -- places -----------------------------------------------------------------------------------------------

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().scroll(dx, dy)
        self._place_footer()

    def visualRect(self, index: AnyIndex) -> QRect:
        if not index.isValid() or index.row() >= self._layout.count:
            return QRect()
        x, y, width, height = self._layout.rect(index.row())
        return QRect(x, y - self.verticalOffset(), width, height)

    def indexAt(self, point: QPoint) -> QModelIndex:
        row = self._layout.row_at(point.x(), point.y() + self.verticalOffset())
        return self._photos.index(row) if row is not None else QModelIndex()

    def isIndexHidden(self, index: AnyIndex) -> bool:
        return False

    def scrollTo(
        self, index: AnyIndex, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid() or index.row() >= self._layout.count:
            return
        _, y, _, cell = self._layout.rect(index.row())
        bar, height = self.verticalScrollBar(), self.viewport().height()
        if hint is QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(y - (height - cell) // 2)
        elif hint is QAbstractItemView.ScrollHint.PositionAtTop or y - TOP < bar.value():
            bar.setValue(y - TOP)
        elif y + cell + GAP > bar.value() + height:
            bar.setValue(y + cell + GAP - height)

    # -- moving and selecting ---------------------------------------------------------------------------------

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        if self._layout.count == 0:
            return QModelIndex()
        move = QAbstractItemView.CursorAction
        now = self.currentIndex().row()
        if now < 0:
            return self._photos.index(0)
        page = self._layout.page(self.viewport().height())
        if action in (move.MoveHome, move.MoveEnd):
            return self._photos.index(0 if action is move.MoveHome else self._layout.count - 1)
        lines, columns = {
            move.MoveLeft: (0, -1),
            move.MovePrevious: (0, -1),
            move.MoveRight: (0, 1),
            move.MoveNext: (0, 1),
            move.MoveUp: (-1, 0),
            move.MoveDown: (1, 0),
            move.MovePageUp: (-page, 0),
            move.MovePageDown: (page, 0),
        }[action]
        return self._photos.index(self._layout.moved(now, lines=lines, columns=columns))

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Select in reading order from the photo at one corner of `rect` to the one at the other."""
        first, last = self._nearest(rect.topLeft()), self._nearest(rect.bottomRight())
        selection = QItemSelection()
        if first is not None and last is not None:
            rows = sorted((first, last))
            selection.select(self._photos.index(rows[0]), self._photos.index(rows[1]))
        self.selectionModel().select(selection, command)

    def _nearest(self, point: QPoint) -> int | None:
        y = point.y() + self.verticalOffset()
        found = self._layout.row_at(point.x(), y)
        if found is not None or self._layout.count == 0:
            return found
        line = self._layout.line_at(y)
        step = self._layout.cell_w + self._layout.gap
        column = max(0, min(self._layout.columns - 1, (point.x() - self._layout.left) // step))
        return next(
            (row for c in range(column, -1, -1) if (row := self._layout.row_in(line, c)) is not None), None
        )

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        return QRegion(self.viewport().rect())

    def viewportSizeHint(self) -> QSize:
        return QSize(4 * (self._cell + GAP), 3 * (self._cell + GAP))

    def dataChanged(self, top: AnyIndex, bottom: AnyIndex, roles: Iterable[int] = ()) -> None:
        self.viewport().update()
