"""The grid of photos: what its cells show, and what the pointer and the keys do there.

One delegate paints what is in view, so 100,000 photos cost what ten cost; where each photo lies is `grid_view`'s.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QRect,
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
)
from PySide6.QtWidgets import (
    QAbstractItemView,
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
from desktop_app.ui.views.grid_slides import Slides
from desktop_app.ui.views.grid_view import EDGE, GAP, GridView
from desktop_app.ui.views.photo_actions import AddEntries, PhotoActions
from desktop_app.ui.views.photo_delegate import PhotoDelegate, photo_box
from desktop_app.ui.views.quick_preview import QuickPreview

SEEN_MS = 30  # after scrolling, what is out of view is taken out of the queue
HOVER_MS = 200  # the pointer rests this long before the map of a result shows


class PhotoGrid(GridView):
    """Photos of a `PhotoListModel`. Keyboard, context menu, drag out and quick preview are built in."""

    activated_row = Signal(int)
    """Enter or double click on a photo."""
    find_similar = Signal(object)
    not_like = Signal(object)
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
        super().__init__(model, parent)
        self._thumbnails = thumbnails
        self._maps = maps
        self._painted: dict[PhotoId, int] = {}
        self._hover = -1
        self._map_row = -1
        self._all_maps = False
        self._not_like_wanted = False
        self._more: tuple[AddEntries, ...] = ()
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
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragEnabled(True)
        self.setAcceptDrops(False)
        self.viewport().setAcceptDrops(False)  # the whole window takes drops
        # The view paints its own ground, so scrolling moves what is painted and paints only what comes in.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self._thumbnails.ready.connect(self._repaint_photo)
        if self._maps is not None:
            self._maps.ready.connect(self._repaint_photo)
        model.hits_moved.connect(self._slide)
        for changed in (model.rowsInserted, model.rowsRemoved, model.modelReset):
            changed.connect(self._forget_painted)
        for changed in (model.modelReset, self.selectionModel().currentChanged):
            changed.connect(self._show_focus)
        theme.theme().changed.connect(self.viewport().update)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.activated.connect(lambda index: self.activated_row.emit(index.row()))

    # -- for the pages ----------------------------------------------------------------------------------------

    def set_search_actions(self, wanted: bool) -> None:
        """Whether "not like this" makes sense here: there is a question to add it to."""
        self._not_like_wanted = wanted

    def set_more_entries(self, *more: AddEntries) -> None:
        """Offer more in the context menu: each adds its entries for the photos meant."""
        self._more = more

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

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self._seen_timer.start()

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
        self.remember_top()
        photos = [photo for row in self.visible_rows() if (photo := self._photos.photo(row)) is not None]
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

    def _show_focus(self) -> None:
        """The ring is around the current photo; only without one the whole list wears it."""
        wanted = "ringed" if self.currentIndex().isValid() else ""
        if (self.property("role") or "") != wanted:
            theme.set_role(self, wanted)

    def _forget_painted(self) -> None:
        """Rows have other numbers now."""
        self._painted.clear()

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
            more=self._more,
        )
        menu.popup(where)

    def startDrag(self, actions: Qt.DropAction) -> None:
        self._actions.drag(self.selected_photos(), self._thumbnails)
