"""The query picture: a rectangle or an outline is drawn, moved and resized on it, by mouse and by keys."""

from __future__ import annotations

from enum import Enum, auto

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.domain.geometry import Region
from desktop_app.domain.outline import Outline, Part
from desktop_app.ui.viewmodels.query_pictures import ShownPicture
from desktop_app.ui.views import icons, theme
from desktop_app.ui.views.search.lasso import Lasso
from desktop_app.ui.views.search.region_handles import (
    Handle,
    Placement,
    between,
    dragged,
    handle_at,
)
from desktop_app.ui.views.search.region_painting import paint_lasso, paint_part

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


class Shape(Enum):
    """What is drawn."""

    RECTANGLE = auto()
    OUTLINE = auto()


_HINTS = {
    Shape.RECTANGLE: "Drag to search with a part of the picture. Esc uses all of it again.\n"
    "With keys: Enter draws a rectangle, arrows move it, Shift and arrows resize it.",
    Shape.OUTLINE: "Draw round a thing to search with it alone. Esc uses all of the picture again.\n"
    "With keys: Enter begins, arrows move the pen, Space sets a point, Enter closes the outline.",
}


class RegionEditor(QWidget):
    """Shows one query picture. `part_edited(part, live)`: live while the mouse or key still works on it."""

    part_edited = Signal(object, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: ShownPicture | None = None
        self._part: Part | None = None
        self._shape = Shape.RECTANGLE
        self._lasso: Lasso | None = None
        self._held: Handle | None = None
        self._pressed: QPointF | None = None
        self._before: Part | None = None
        self._scaled: tuple[QImage, QPixmap] | None = None
        self.setObjectName("region-editor")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Query picture")
        theme.theme().changed.connect(self.update)
        self.set_shape(Shape.RECTANGLE)

    def show_picture(self, picture: ShownPicture | None, part: Part | None) -> None:
        """Show a picture (None while it is read) and its part; what the mouse or a key draws stays as it is."""
        changed = picture is not self._picture
        self._picture = picture
        if changed:
            self._lasso = None
        if self._held is None and self._pressed is None:
            self._part = part
        if changed:
            self.updateGeometry()
        self._describe()
        self.update()

    def set_shape(self, shape: Shape) -> None:
        """Draw rectangles or outlines from now on; what is drawn already stays."""
        self._shape, self._lasso = shape, None
        self.setToolTip(_HINTS[shape])
        self._describe()
        self.update()

    @property
    def part(self) -> Part | None:
        return self._part

    @property
    def region(self) -> Region | None:
        """The rectangle drawn, or that round the outline."""
        return self._part.box if isinstance(self._part, Outline) else self._part

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
        region = self.region
        if self._picture is None:
            text = "No picture yet"
        elif self._lasso is not None and self._lasso.cursor is not None:
            x, y = self._lasso.cursor
            text = (
                f"Outline with {len(self._lasso.points)} points, the pen is at {x:.0f}, {y:.0f}. "
                "Arrows move it, Space sets a point, Backspace takes one back, Enter closes the outline"
            )
        elif region is None:
            shape = "an outline" if self._shape is Shape.OUTLINE else "a region"
            text = f"{self._picture.name}, all of it. Enter starts {shape}"
        else:
            shape = "outline" if isinstance(self._part, Outline) else "region"
            size = f"{region.w} by {region.h} pixels at {region.x}, {region.y}"
            text = f"{self._picture.name}, {shape} {size}"
        self.setAccessibleDescription(text)

    def _set(self, part: Part | None, *, live: bool) -> None:
        self._part = part
        self._describe()
        self.update()
        self.part_edited.emit(part, live)

    # -- mouse ---------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        placement = self.placement()
        if event.button() is not Qt.MouseButton.LeftButton or placement is None:
            return
        self._lasso = None
        self._pressed = event.position()
        self._before = self._part
        self._held = self._handle_at(event.position(), placement)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        placement = self.placement()
        if placement is None:
            return
        if self._pressed is None:
            held = self._handle_at(event.position(), placement)
            self.setCursor(_CURSORS[held] if held else Qt.CursorShape.CrossCursor)
            return
        moved = event.position() - self._pressed
        if self._held is None and self._lasso is None and moved.manhattanLength() < SLIP:
            return
        if self._held is None and self._shape is Shape.OUTLINE:
            if self._lasso is None:
                self._lasso = Lasso(placement)
                self._lasso.through(self._pressed.x(), self._pressed.y())
            self._lasso.through(event.position().x(), event.position().y())
            self.update()
            return
        part = self._dragged_to(event.position(), placement)
        if part is not None and part != self._part:
            self._set(part, live=True)

    def _handle_at(self, point: QPointF, placement: Placement) -> Handle | None:
        """What of the part lies under the pointer; the inside of an outline is what it encloses."""
        region = self.region
        if region is None:
            return None
        held = handle_at(point.x(), point.y(), region, placement)
        if held is Handle.INSIDE and isinstance(self._part, Outline):
            x, y = placement.to_picture(point.x(), point.y())
            return held if self._part.inside(np.array([x]), np.array([y])).any() else None
        return held

    def _dragged_to(self, point: QPointF, placement: Placement) -> Part | None:
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
        across, down = (point.x() - start.x()) / placement.scale, (point.y() - start.y()) / placement.scale
        return _moved(self._before, self._held, across, down, width=placement.width, height=placement.height)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed, self._held = self._pressed, None, None
        if self._lasso is not None and self._lasso.cursor is None:
            self._close_lasso()
        elif pressed is not None and self._part != self._before:
            self._set(self._part, live=False)

    def _close_lasso(self) -> None:
        """Ask with what was drawn; too little of it is a slip, and all stays as it was."""
        outline = None if self._lasso is None else self._lasso.outline()
        self._lasso = None
        if outline is not None:
            self._set(outline, live=False)
        self._describe()
        self.update()

    # -- keys ----------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        picture, placement = self._picture, self.placement()
        if picture is None or placement is None:
            super().keyPressEvent(event)
            return
        key, shifted = Qt.Key(event.key()), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        enter = key in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if self._lasso is not None and self._lasso.cursor is not None and self._pen_key(self._lasso, key, shifted):
            return
        if key == Qt.Key.Key_Escape and self._part is not None:
            self.clear_part()
        elif enter and self._part is None and self._shape is Shape.OUTLINE:
            self._lasso = Lasso(placement, cursor=(picture.width / 2, picture.height / 2))
            self._describe()
            self.update()
        elif enter and self._part is None:
            quarter_w, quarter_h = picture.width // 4, picture.height // 4
            start, end = (quarter_w, quarter_h), (picture.width - quarter_w, picture.height - quarter_h)
            self._set(between(start, end, width=picture.width, height=picture.height), live=False)
        elif key in _STEPS and self._part is not None:
            self._nudge(_STEPS[key], resize=shifted)
        else:
            super().keyPressEvent(event)

    def _pen_key(self, lasso: Lasso, key: Qt.Key, shifted: bool) -> bool:
        """A key while an outline is drawn point by point; False for one that says nothing here."""
        if key in _STEPS:
            lasso.move(*_STEPS[key], fine=shifted)
        elif key == Qt.Key.Key_Space:
            lasso.set_point()
        elif key == Qt.Key.Key_Backspace:
            lasso.take_back()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if lasso.outline() is not None:
                self._close_lasso()
        elif key == Qt.Key.Key_Escape:
            self._lasso = None
        else:
            return False
        self._describe()
        self.update()
        return True

    def clear_part(self) -> None:
        """Use all of the picture again; an outline that is being drawn is given up."""
        self._pressed, self._held = None, None
        if self._lasso is not None:
            self._lasso = None
            self._describe()
            self.update()
        elif self._part is not None:
            self._set(None, live=False)

    def _nudge(self, step: tuple[int, int], *, resize: bool) -> None:
        picture, part = self._picture, self._part
        if picture is None or part is None:
            return
        size = max(1, max(picture.width, picture.height) // 50)
        handle = Handle.BOTTOM_RIGHT if resize else Handle.INSIDE
        moved = _moved(part, handle, step[0] * size, step[1] * size, width=picture.width, height=picture.height)
        if moved != part:
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
        if self._lasso is not None:
            paint_lasso(painter, self._lasso)
        elif self._part is not None:
            paint_part(painter, area, self._part, placement)
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


def _moved(part: Part, handle: Handle, dx: float, dy: float, *, width: int, height: int) -> Part:
    """A part after its handle moved; an outline follows the rectangle round it."""
    box = part.box if isinstance(part, Outline) else part
    after = dragged(box, handle, dx, dy, width=width, height=height)
    return part.moved_to(after) if isinstance(part, Outline) else after


_STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
