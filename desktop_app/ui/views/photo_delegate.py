"""Paints one cell of a grid: the photo whole, what its score means, and the rings of selection and focus."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop_app.domain.photos import PhotoRecord, PhotoStatus
from desktop_app.domain.results import Words
from desktop_app.ui.viewmodels.photo_list import PhotoListModel
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.views import icons, theme
from desktop_app.ui.views.theme import Tokens, tabular

AnyIndex = QModelIndex | QPersistentModelIndex

CAPTION = 22  # height of the line below the photo
MARGIN = 6  # between the cell's edge and the photo, so that round corners cut nothing off
RING = 2
FITTED_KEPT = 400  # pixmaps at the size of the cells, enough for a few screens


def fitted(size: QSize, box: QRect) -> QRect:
    """The largest rectangle of the shape `size` inside `box`, centred, never larger than four times itself."""
    if size.isEmpty() or box.isEmpty():
        return QRect(box.center(), QSize(0, 0))
    shape = size.scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio).boundedTo(size * 4)
    shape = shape.expandedTo(QSize(1, 1))
    return QRect(
        box.x() + (box.width() - shape.width()) // 2,
        box.y() + (box.height() - shape.height()) // 2,
        shape.width(),
        shape.height(),
    )


def photo_box(cell: QRect) -> QRect:
    """The part of a cell that the photo is fitted into."""
    return cell.adjusted(MARGIN, MARGIN, -MARGIN, -CAPTION - 2)


class PhotoDelegate(QStyledItemDelegate):
    """One delegate paints every cell. It asks the thumbnail cache and never waits for it."""

    def __init__(self, thumbnails: ThumbnailProvider, parent: QWidget) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._fitted: OrderedDict[tuple[int, int, int], QPixmap] = OrderedDict()
        self._faces: tuple[QFont, QFont, QFont] | None = None  # the base they were made of, captions, figures

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        self.paint_cell(painter, option, index, overlay=None)

    def paint_cell(
        self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex, *, overlay: QImage | None
    ) -> None:
        """Paint the cell of `index` in `option.rect`, with a map over the photo where there is one."""
        tokens = theme.theme().tokens
        cell: QRect = option.rect
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        photo: PhotoRecord | None = index.data(PhotoListModel.PhotoRole)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._ground(
            painter, cell, tokens, selected=selected, hover=bool(state & QStyle.StateFlag.State_MouseOver)
        )
        box = photo_box(cell)
        if photo is not None:
            self._photo(painter, box, photo, tokens, overlay)
            self._caption(painter, cell, photo, index, tokens)
        if state & QStyle.StateFlag.State_HasFocus:
            self._ring(painter, cell.adjusted(-3, -3, 3, 3), tokens, radius=theme.CELL_RADIUS + 3)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return option.rect.size()

    @staticmethod
    def _ground(painter: QPainter, cell: QRect, tokens: Tokens, *, selected: bool, hover: bool) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.colour("raised" if hover and tokens.dark else "panel"))
        painter.drawRoundedRect(QRectF(cell), theme.CELL_RADIUS, theme.CELL_RADIUS)
        if selected:
            painter.setBrush(tokens.colour("accent", 0.22))
            painter.setPen(QPen(tokens.colour("accent"), RING))
            painter.drawRoundedRect(QRectF(cell).adjusted(1, 1, -1, -1), theme.CELL_RADIUS, theme.CELL_RADIUS)
        elif not tokens.dark:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(tokens.colour("secondary" if hover else "line"), 1))
            painter.drawRoundedRect(
                QRectF(cell).adjusted(0.5, 0.5, -0.5, -0.5), theme.CELL_RADIUS, theme.CELL_RADIUS
            )

    @staticmethod
    def _ring(painter: QPainter, around: QRect, tokens: Tokens, *, radius: int) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(tokens.colour("accent"), RING))
        painter.drawRoundedRect(QRectF(around).adjusted(1, 1, -1, -1), radius, radius)

    def _photo(
        self, painter: QPainter, box: QRect, photo: PhotoRecord, tokens: Tokens, overlay: QImage | None
    ) -> None:
        device = painter.device()
        ratio = device.devicePixelRatio() if device else 1.0
        wanted = round(max(box.width(), box.height()) * ratio)
        pixmap = self._thumbnails.pixmap(photo, wanted)
        if pixmap is None:
            self._placeholder(painter, box, photo, tokens, absent=self._thumbnails.is_absent(photo, wanted))
            return
        target = fitted(_logical(pixmap, photo), box)
        painter.drawPixmap(target, self._at_size(pixmap, target.size() * ratio))
        if overlay is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(target, overlay)
        if photo.status is PhotoStatus.OFFLINE:
            self._badge(painter, target, "drive", tokens)

    def _at_size(self, pixmap: QPixmap, size: QSize) -> QPixmap:
        """The pixmap at exactly this size in device pixels, so that scrolling copies pixels instead of scaling."""
        if pixmap.size() == size:
            return pixmap
        key = (pixmap.cacheKey(), size.width(), size.height())
        made = self._fitted.get(key)
        if made is None:
            made = pixmap.scaled(
                size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            self._fitted[key] = made
            while len(self._fitted) > FITTED_KEPT:
                self._fitted.popitem(last=False)
        else:
            self._fitted.move_to_end(key)
        return made

    def _fonts(self, base: QFont) -> tuple[QFont, QFont]:
        """The face of captions and the one of their figures."""
        if self._faces is None or self._faces[0] != base:
            small = theme.small_font(base)
            self._faces = (QFont(base), small, tabular(small))
        return self._faces[1], self._faces[2]

    @staticmethod
    def _placeholder(painter: QPainter, box: QRect, photo: PhotoRecord, tokens: Tokens, *, absent: bool) -> None:
        if not absent:  # on its way: a quiet shape of the right proportions
            shape = QSize(photo.width or 4, photo.height or 3)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.colour("line", 0.6))
            painter.drawRoundedRect(fitted(shape * 100, box), 3, 3)
            return
        side = max(16, min(32, box.height() // 3))
        name = "clock" if photo.status is PhotoStatus.PENDING else "photo-off"
        where = QPointF(box.center().x() - side / 2, box.center().y() - side / 2)
        painter.drawPixmap(where, icons.pixmap(name, token="disabled", size=side, ratio=_ratio(painter)))

    @staticmethod
    def _badge(painter: QPainter, target: QRect, name: str, tokens: Tokens) -> None:
        disc = QRectF(target.right() - 27, target.top() + 5, 22, 22)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.colour("panel", 0.85))
        painter.drawEllipse(disc)
        badge = icons.pixmap(name, token="text", size=14, ratio=_ratio(painter))
        painter.drawPixmap(disc.topLeft() + QPointF(4, 4), badge)

    def _caption(
        self, painter: QPainter, cell: QRect, photo: PhotoRecord, index: AnyIndex, tokens: Tokens
    ) -> None:
        line = QRect(cell.left() + 10, cell.bottom() - CAPTION, cell.width() - 20, CAPTION - 3)
        font, figures = self._fonts(painter.font())
        painter.setFont(font)
        score = index.data(PhotoListModel.ScoreRole)
        if score is None:
            _text(painter, line, photo.name, tokens.colour("secondary"), mode=Qt.TextElideMode.ElideMiddle)
            return
        number = f"{score:.2f}"
        painter.setFont(figures)
        painter.setPen(tokens.colour("text"))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)
        words = Words(index.data(PhotoListModel.WordsRole))  # Qt hands enumerations over as plain text
        if words not in (Words.WEAKER, Words.NOTHING):
            painter.setFont(font)
            room = line.adjusted(0, 0, -QFontMetrics(figures).horizontalAdvance(number) - 8, 0)
            text = words.value[:1].upper() + words.value[1:]
            if QFontMetrics(font).horizontalAdvance(text) + 4 <= room.width():  # whole words or none
                _text(painter, room, text, tokens.colour("secondary"))


def _text(
    painter: QPainter,
    line: QRect,
    text: str,
    colour: QColor,
    *,
    mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> None:
    painter.setPen(colour)
    shown = QFontMetrics(painter.font()).elidedText(text, mode, line.width())
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


def _logical(pixmap: QPixmap, photo: PhotoRecord) -> QSize:
    """The photo's own proportions where they are known: a small thumbnail rounds them."""
    if photo.width and photo.height:
        return QSize(photo.width, photo.height)
    return pixmap.size()


def _ratio(painter: QPainter) -> float:
    device = painter.device()
    return device.devicePixelRatio() if device else 1.0
