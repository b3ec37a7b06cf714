"""The query picture with a rectangle that can be drawn on it, moved and resized, by mouse and by keys."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.domain.geometry import Region
from desktop_app.ui.viewmodels.query_pictures import ShownPicture
from desktop_app.ui.views import icons, theme
from desktop_app.ui.views.search.region_handles import (
    Handle,
    Placement,
    between,
    dragged,
    handle_at,
    handle_points,
)

WIDTH = 240
TALLEST = 260
EDGE = 4  # room for the focus ring
SLIP = 4  # widget pixels; a shorter drag is a click

_CURSORS = {
    Handle.TOP_LEFT: Qt.CursorShape.SizeFDiagCursor,
    Handle.BOTTOM_RIGHT: Qt.CursorShape.SizeFDiagCursor,
    Handle.TOP_RIGHT: Qt.CursorShape.SizeBDiagCursor,
    Handle.BOTTOM_LEFT: Qt.CursorShape.SizeBDiagCursor,
    Handle.TOP: Qt.CursorShape.SizeVerCursor,
    Handle.BOTTOM: Qt.CursorShape.SizeVerCursor,
    Handle.LEFT: Qt.CursorShape.SizeHorCursor,
    Handle.RIGHT: Qt.CursorShape.SizeHorCursor,
    Handle.INSIDE: Qt.CursorShape.SizeAllCursor,
}


class RegionEditor(QWidget):
    """Shows one query picture. `region_edited(region, live)`: live while the mouse or key still works on it."""

    region_edited = Signal(object, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: ShownPicture | None = None
        self._region: Region | None = None
        self._held: Handle | None = None
        self._pressed: QPointF | None = None
        self._before: Region | None = None
        self._scaled: tuple[QImage, QPixmap] | None = None
        self.setObjectName("region-editor")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Query picture")
        self.setToolTip("Drag to search with a part of the picture. Esc uses all of it again.")
        theme.theme().changed.connect(self.update)
        self._describe()

    def show_picture(self, picture: ShownPicture | None, region: Region | None) -> None:
        """Show a picture (None while it is read) and its region; what the mouse holds stays as it is."""
        changed = picture is not self._picture
        self._picture = picture
        if self._held is None and self._pressed is None:
            self._region = region
        if changed:
            self.updateGeometry()
        self._describe()
        self.update()

    @property
    def region(self) -> Region | None:
        return self._region

    def sizeHint(self) -> QSize:
        height = WIDTH * 3 // 4
        if self._picture is not None:
            height = round(WIDTH * self._picture.height / max(1, self._picture.width))
        return QSize(WIDTH + 2 * EDGE, min(TALLEST, max(80, height)) + 2 * EDGE)

    def placement(self) -> Placement | None:
        """How the picture lies in this widget."""
        if self._picture is None:
            return None
        inner = Placement.fitted(
            self._picture.width,
            self._picture.height,
            into_width=self.width() - 2 * EDGE,
            into_height=self.height() - 2 * EDGE,
        )
        return Placement(inner.x + EDGE, inner.y + EDGE, inner.scale, inner.width, inner.height)

    def _describe(self) -> None:
        if self._picture is None:
            text = "No picture yet"
        elif self._region is None:
            text = f"{self._picture.name}, all of it. Enter starts a region"
        else:
            part = self._region
            text = f"{self._picture.name}, region {part.w} by {part.h} pixels at {part.x}, {part.y}"
        self.setAccessibleDescription(text)

    def _set(self, region: Region | None, *, live: bool) -> None:
        self._region = region
        self._describe()
        self.update()
        self.region_edited.emit(region, live)

    # -- mouse ---------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        placement = self.placement()
        if event.button() is not Qt.MouseButton.LeftButton or placement is None:
            return
        self._pressed = event.position()
        self._before = self._region
        self._held = None
        if self._region is not None:
            self._held = handle_at(event.position().x(), event.position().y(), self._region, placement)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        placement = self.placement()
        if placement is None:
            return
        if self._pressed is None:
            held = None
            if self._region is not None:
                held = handle_at(event.position().x(), event.position().y(), self._region, placement)
            self.setCursor(_CURSORS[held] if held else Qt.CursorShape.CrossCursor)
            return
        moved = event.position() - self._pressed
        if self._held is None and moved.manhattanLength() < SLIP:
            return
        region = self._dragged_to(event.position(), placement)
        if region is not None and region != self._region:
            self._set(region, live=True)

    def _dragged_to(self, point: QPointF, placement: Placement) -> Region | None:
        start = self._pressed
        if start is None:
            return None
        if self._held is None or self._before is None:
            return between(
                placement.to_picture(start.x(), start.y()),
                placement.to_picture(point.x(), point.y()),
                width=placement.width,
                height=placement.height,
            )
        return dragged(
            self._before,
            self._held,
            (point.x() - start.x()) / placement.scale,
            (point.y() - start.y()) / placement.scale,
            width=placement.width,
            height=placement.height,
        )

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed, self._held = self._pressed, None, None
        if pressed is not None and self._region != self._before:
            self._set(self._region, live=False)

    # -- keys ----------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        picture = self._picture
        if picture is None:
            super().keyPressEvent(event)
            return
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape and self._region is not None:
            self.clear_region()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._region is None:
            quarter_w, quarter_h = picture.width // 4, picture.height // 4
            start, end = (quarter_w, quarter_h), (picture.width - quarter_w, picture.height - quarter_h)
            self._set(between(start, end, width=picture.width, height=picture.height), live=False)
        elif key in _STEPS and self._region is not None:
            self._nudge(_STEPS[key], resize=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            super().keyPressEvent(event)

    def clear_region(self) -> None:
        """Use all of the picture again."""
        self._pressed, self._held = None, None
        if self._region is not None:
            self._set(None, live=False)

    def _nudge(self, step: tuple[int, int], *, resize: bool) -> None:
        picture, region = self._picture, self._region
        if picture is None or region is None:
            return
        size = max(1, max(picture.width, picture.height) // 50)
        handle = Handle.BOTTOM_RIGHT if resize else Handle.INSIDE
        moved = dragged(region, handle, step[0] * size, step[1] * size, width=picture.width, height=picture.height)
        if moved != region:
            self._set(moved, live=True)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    # -- painting ------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        tokens = theme.theme().tokens
        placement = self.placement()
        if self._picture is None or placement is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.colour("line", 0.5))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(EDGE, EDGE, -EDGE, -EDGE), 6, 6)
            mark = icons.pixmap("photo", token="disabled", size=32, ratio=self.devicePixelRatioF())
            painter.drawPixmap(QPointF(self.width() / 2 - 16, self.height() / 2 - 16), mark)
            return
        left, top = placement.x, placement.y
        area = QRectF(left, top, placement.width * placement.scale, placement.height * placement.scale)
        painter.drawPixmap(area.toRect(), self._at_size(area.toRect().size()))
        if self._region is not None:
            self._paint_region(painter, area, self._region, placement)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(tokens.colour("accent"), 2))
            painter.drawRoundedRect(area.adjusted(-3, -3, 3, 3), 6, 6)

    def _at_size(self, size: QSize) -> QPixmap:
        """The picture at the size it is shown in, kept so that a moving rectangle costs no scaling."""
        picture, wanted = self._picture, size * self.devicePixelRatioF()
        if picture is not None and (self._scaled is None or self._scaled[0] is not picture.image):
            self._scaled = None
        if picture is not None and (self._scaled is None or self._scaled[1].size() != wanted):
            image = picture.image.scaled(
                wanted, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            self._scaled = (picture.image, QPixmap.fromImage(image))
        return self._scaled[1] if self._scaled is not None else QPixmap()

    def _paint_region(self, painter: QPainter, area: QRectF, region: Region, placement: Placement) -> None:
        tokens = theme.theme().tokens
        box = placement.rectangle(region)
        inner = QRectF(QPointF(box[0], box[1]), QPointF(box[2], box[3]))
        outside = QPainterPath()
        outside.addRect(area)
        outside.addRect(inner)
        painter.fillPath(outside, tokens.colour("window", 0.62))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((Qt.GlobalColor.black, 3.0), (Qt.GlobalColor.white, 1.5)):
            painter.setPen(QPen(colour, width))
            painter.drawRect(inner)
        painter.setPen(QPen(Qt.GlobalColor.black, 1))
        painter.setBrush(Qt.GlobalColor.white)
        for x, y in handle_points(*box).values():
            painter.drawRect(QRectF(x - 3.5, y - 3.5, 7, 7))


_STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
