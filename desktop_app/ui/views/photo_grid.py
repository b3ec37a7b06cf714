"""The grid of photos: virtualised, one delegate, flat in the number of rows.

It is a QListView, so that screen readers meet a list, with a layout of its own (`grid_layout`): a photo's place
is arithmetic, which leaves room for the dividing band and for slides, and makes 100,000 rows cost what ten cost.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from desktop_app.domain.photos import PhotoId, PhotoRecord
from desktop_app.domain.results import Words
from desktop_app.ui.viewmodels.full_pictures import FullPictures
from desktop_app.ui.viewmodels.match_maps import MatchMaps
from desktop_app.ui.viewmodels.photo_list import PhotoListModel
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.views import theme
from desktop_app.ui.views.grid_layout import GridLayout
from desktop_app.ui.views.grid_slides import Slides
from desktop_app.ui.views.photo_actions import PhotoActions
from desktop_app.ui.views.photo_delegate import CAPTION, PhotoDelegate, photo_box
from desktop_app.ui.views.quick_preview import QuickPreview

AnyIndex = QModelIndex | QPersistentModelIndex

SMALLEST, LARGEST, USUAL = 96, 384, 200  # cell widths in device-independent pixels
GAP = 12
EDGE = 4  # room for the focus ring of the outermost cells
BAND = 36
SEEN_MS = 30  # after scrolling, what is out of view is taken out of the queue
HOVER_MS = 200  # the pointer rests this long before the map of a result shows
TOP = 6


class PhotoGrid(QListView):
    """Photos of a `PhotoListModel`. Keyboard, context menu, drag out and quick preview are built in."""

    activated_row = Signal(int)
    """Enter or double click on a photo."""
    find_similar = Signal(object)
    not_like = Signal(object)
    cell_size_changed = Signal(int)
    all_maps_changed = Signal(bool)

    def __init__(
        self,
        model: PhotoListModel,
        thumbnails: ThumbnailProvider,
        pictures: FullPictures,
        *,
        maps: MatchMaps | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._photos = model
        self._thumbnails = thumbnails
        self._maps = maps
        self._cell = USUAL
        self._layout = GridLayout(0, 1, USUAL, USUAL, 0, GAP)
        self._painted: dict[PhotoId, int] = {}
        self._top: tuple[PhotoId, int] | None = None  # the first photo in view and how far down it begins
        self._hover = -1
        self._map_row = -1
        self._all_maps = False
        self._not_like_wanted = False
        self._footer: QWidget | None = None
        self._slides = Slides(self.viewport())
        self._actions = PhotoActions(self, pictures)
        self._preview = QuickPreview(self, pictures, thumbnails)
        self._hover_timer = QTimer(self, singleShot=True, interval=HOVER_MS)
        self._hover_timer.timeout.connect(self._hover_rested)
        self._seen_timer = QTimer(self, singleShot=True, interval=SEEN_MS)
        self._seen_timer.timeout.connect(self._seen)
        self._set_up(model)

    def _set_up(self, model: PhotoListModel) -> None:
        self.setObjectName("photo-grid")
        self.setAccessibleName("Photos")
        self.setItemDelegate(PhotoDelegate(self._thumbnails, self))
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragEnabled(True)
        self.setAcceptDrops(False)
        self.viewport().setAcceptDrops(False)  # the whole window takes drops
        # The view paints its own ground, so scrolling moves what is painted and paints only what comes in.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setModel(model)
        self._thumbnails.ready.connect(self._repaint_photo)
        if self._maps is not None:
            self._maps.ready.connect(self._repaint_photo)
        model.divider_changed.connect(self.doItemsLayout)
        model.hits_moved.connect(self._slide)
        model.rowsRemoved.connect(self.rowsRemoved)
        theme.theme().changed.connect(self.viewport().update)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.activated.connect(lambda index: self.activated_row.emit(index.row()))

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

    def set_search_actions(self, wanted: bool) -> None:
        """Whether "not like this" makes sense here: there is a question to add it to."""
        self._not_like_wanted = wanted

    def set_footer(self, widget: QWidget | None) -> None:
        """A widget below the last line that scrolls with the photos."""
        self._footer = widget
        if widget is not None:
            widget.setParent(self.viewport())
        self.doItemsLayout()

    def set_all_maps(self, wanted: bool) -> None:
        """Show the match map over every result, not only under the pointer."""
        if self._maps is None or wanted == self._all_maps:
            return
        self._all_maps = wanted
        self.viewport().update()
        self.all_maps_changed.emit(wanted)

    @property
    def all_maps(self) -> bool:
        return self._all_maps

    def held(self) -> set[PhotoId]:
        """The photos that must not move: under the pointer, and with keyboard focus."""
        rows = {self._hover}
        if self.hasFocus() and self.currentIndex().isValid():
            rows.add(self.currentIndex().row())
        return {self._photos.photo_id(row) for row in rows if 0 <= row < self._photos.rowCount()}

    def selected_photos(self) -> list[PhotoRecord]:
        """The selected photos in their order; those not read yet are left out."""
        rows = sorted(index.row() for index in self.selectionModel().selectedIndexes())
        return [photo for row in rows if (photo := self._photos.photo(row)) is not None]

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

    def rowsRemoved(self) -> None:
        """Called when photos have left the list."""
        self._keep_top()

    def _keep_top(self) -> None:
        """Photos came or went above: what one looks at stays where it is."""
        self._painted.clear()
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

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().scroll(dx, dy)
        self._place_footer()
        self._seen_timer.start()

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

    def dataChanged(self, top: AnyIndex, bottom: AnyIndex, roles: Iterable[int] = ()) -> None:
        self.viewport().update()

    # -- painting ---------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        top = self.verticalOffset()
        area, region = event.rect(), event.region()
        painter.fillRect(area, theme.theme().tokens.colour("window"))
        # The bottom line first: what is asked for last is made first, so thumbnails fill in from the top.
        rows = self._layout.rows_between(top + area.top() - GAP, top + area.bottom() + 1 + GAP)
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        for row in reversed(rows):
            index = self._photos.index(row)
            rect = self._slides.rect(row, self.visualRect(index))
            if region.intersects(rect.adjusted(-EDGE, -EDGE, EDGE, EDGE)):
                self._paint_row(painter, option, index, rect)
        self._paint_band(painter)
        painter.end()
        if area.contains(self.viewport().rect()):
            self._seen()

    def _paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex, rect: QRect) -> None:
        row = index.row()
        state = QStyle.StateFlag.State_Enabled
        if self.selectionModel().isSelected(index):
            state |= QStyle.StateFlag.State_Selected
        if row == self._hover:
            state |= QStyle.StateFlag.State_MouseOver
        if self.hasFocus() and self.currentIndex().row() == row:
            state |= QStyle.StateFlag.State_HasFocus
        option.rect = rect
        option.state = state
        delegate = self.itemDelegate()
        if isinstance(delegate, PhotoDelegate):
            delegate.paint_cell(painter, option, index, overlay=self._overlay(row))
        self._painted[self._photos.photo_id(row)] = row

    def _overlay(self, row: int) -> QImage | None:
        if self._maps is None or not (self._all_maps or row == self._map_row):
            return None
        return self._maps.image(self._photos.photo_id(row))

    def _paint_band(self, painter: QPainter) -> None:
        band = self._layout.band_rect(self.viewport().width())
        if band is None:
            return
        tokens = theme.theme().tokens
        area = QRect(*band).translated(0, -self.verticalOffset() - GAP // 2)
        painter.setFont(theme.small_font(self.font()))
        width = QFontMetrics(painter.font()).horizontalAdvance(Words.WEAKER.value) + 24
        label = QRect(area.center().x() - width // 2, area.top(), width, area.height())
        painter.setPen(QPen(tokens.colour("line"), 1))
        y = area.center().y()
        painter.drawLine(self._layout.left, y, label.left(), y)
        painter.drawLine(label.right(), y, self.viewport().width() - self._layout.left, y)
        painter.setPen(tokens.colour("secondary"))
        painter.drawText(label, Qt.AlignmentFlag.AlignCenter, Words.WEAKER.value)

    def _seen(self) -> None:
        """The whole view was painted: what is out of sight needs no thumbnail, what is in sight may want a map."""
        rows = self.visible_rows()
        photos = [photo for row in rows if (photo := self._photos.photo(row)) is not None]
        if rows:
            top = self._layout.rect(rows[0])[1] - self.verticalOffset()
            self._top = (self._photos.photo_id(rows[0]), top)
        ratio = self.devicePixelRatioF()
        box = photo_box(QRect(0, 0, self._layout.cell_w, self._layout.cell_h))
        self._thumbnails.keep_waiting(photos, round(max(box.width(), box.height()) * ratio))
        if self._all_maps and self._maps is not None:
            self._maps.want(photos[::-1])
        if len(self._painted) > 4 * max(1, len(photos)) + 400:
            self._painted.clear()

    def _repaint_photo(self, identity: PhotoId) -> None:
        row = self._painted.get(identity, -1)
        if 0 <= row < self._photos.rowCount() and self._photos.photo_id(row) == identity:
            self.viewport().update(self.visualRect(self._photos.index(row)).adjusted(-EDGE, -EDGE, EDGE, EDGE))

    def _slide(self, moved: dict[int, int]) -> None:
        """Rows that changed rank in view glide to their places; what is far away just appears."""
        self._painted.clear()
        self.doItemsLayout()
        in_view = set(self.visible_rows())
        top = self.verticalOffset()
        starts = {}
        for row, before in moved.items():
            if row in in_view and before < self._layout.count:
                x, y, width, height = self._layout.rect(before)
                starts[row] = QRect(x, y - top, width, height)
        self._slides.start(starts)

    # -- pointer and keys -------------------------------------------------------------------------------------

    def _scrolled(self) -> None:
        self._slides.stop()
        under = self.indexAt(self.viewport().mapFromGlobal(self.cursor().pos())).row()
        self._set_hover(under if self.viewport().underMouse() else -1)

    def _set_hover(self, row: int) -> None:
        if row == self._hover:
            return
        for old in (self._hover, row):
            if old >= 0:
                self.viewport().update(self.visualRect(self._photos.index(old)))
        self._hover = row
        self._map_row = -1
        self._hover_timer.stop()
        if row >= 0 and self._maps is not None:
            self._hover_timer.start()

    def _hover_rested(self) -> None:
        photo = self._photos.photo(self._hover)
        if photo is not None and self._maps is not None:
            self._map_row = self._hover
            self._maps.want([photo])
            self._repaint_photo(photo.id)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self._set_hover(self.indexAt(event.position().toPoint()).row())

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._set_hover(-1)
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.currentIndex().row()
        key = event.key()
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key == Qt.Key.Key_Space and plain and row >= 0:
            self.open_preview()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and plain and row >= 0:
            self.activated_row.emit(row)
        elif key == Qt.Key.Key_E and plain and self._maps is not None:
            self.set_all_maps(not self._all_maps)
        elif key == Qt.Key.Key_F and plain and row >= 0:
            self.find_similar.emit(self._photos.photo_id(row))
        elif not self._actions.handle_key(event, self.selected_photos()):
            super().keyPressEvent(event)
            return
        event.accept()

    def keyboardSearch(self, search: str) -> None:
        """Letters are commands here, not the beginning of a name."""

    def open_preview(self) -> None:
        """Show the current photo large, over the whole window."""
        if self.currentIndex().isValid():
            self._preview.open_at(self._photos, self.currentIndex().row(), on_moved=self._go_to)

    def _go_to(self, row: int) -> None:
        self.setCurrentIndex(self._photos.index(row))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            index = self.currentIndex()
            where = self.viewport().mapToGlobal(self.visualRect(index).center())
        else:
            index = self.indexAt(event.pos())
            where = event.globalPos()
        photo = self._photos.photo(index.row()) if index.isValid() else None
        if photo is None:
            return
        menu = self._actions.menu(
            photo,
            self.selected_photos(),
            find_similar=lambda: self.find_similar.emit(photo.id),
            not_like=(lambda: self.not_like.emit(photo.id)) if self._not_like_wanted else None,
            open_large=self.open_preview,
        )
        menu.popup(where)

    def startDrag(self, actions: Qt.DropAction) -> None:
        self._actions.drag(self.selected_photos(), self._thumbnails)

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        self._painted.clear()

    def viewportSizeHint(self) -> QSize:
        return QSize(4 * (self._cell + GAP), 3 * (self._cell + GAP))
