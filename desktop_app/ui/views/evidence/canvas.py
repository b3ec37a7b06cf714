"""Two pictures in one widget, so that links can be drawn across; linked zoom and pan, marks by click."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.domain.geometry import Cell
from desktop_app.domain.query import Side
from desktop_app.ui.viewmodels.evidence import EvidenceViewModel
from desktop_app.ui.viewmodels.evidence_words import LINKS_SHOWN, links_at
from desktop_app.ui.views import theme
from desktop_app.ui.views.evidence.geometry import (
    STEP,
    Camera,
    Pane,
    Pointed,
    Surface,
    View,
    hit_test,
    moved_cursor,
    panned,
    zoomed,
)
from desktop_app.ui.views.evidence.painter import Scene, paint_scene

GAP = 16
BLINK_MS = 450
CLICK_SLIP = 4  # a press that moves less is a click

_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class PairCanvas(QWidget):
    """Shows what the view model holds; clicks and keys go to it. The camera and the hover are its own."""

    zoom_changed = Signal(float)
    blinking_changed = Signal(bool)

    def __init__(self, evidence: EvidenceViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._evidence = evidence
        self._camera = Camera()
        self._pointed: Pointed | None = None
        self._cursor: tuple[Side, Cell] | None = None
        self._chosen: list[int] = []
        self._pressed: QPointF | None = None
        self._last: QPointF | None = None
        self._panning = False
        self._painting = False
        self._space = False
        self._blink_side: Side | None = None
        self._blink = QTimer(self, interval=BLINK_MS)
        self._blink.timeout.connect(self._blink_step)
        self.setObjectName("evidence-canvas")
        self.setAccessibleName("Your picture and the result")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumHeight(100)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        for signal in (evidence.pictures_changed, evidence.marks_changed, evidence.layers_changed):
            signal.connect(self.update)
        evidence.evidence_changed.connect(self._evidence_changed)
        evidence.position_changed.connect(self._forget_pointer)
        theme.theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(900, 480)

    # -- what is shown -------------------------------------------------------------------------------------------

    def panes(self) -> dict[Side, Pane]:
        """Where the two pictures may lie; one pane over all of it while blinking."""
        if self._blink_side is not None:
            return {self._blink_side: Pane(0, 0, self.width(), self.height())}
        half = (self.width() - GAP) / 2
        return {
            Side.QUERY: Pane(0, 0, half, self.height()),
            Side.RESULT: Pane(half + GAP, 0, half, self.height()),
        }

    def surfaces(self) -> dict[Side, Surface]:
        """The pictures that are there, as they are seen now."""
        made = {}
        for side, pane in self.panes().items():
            picture = self._evidence.picture(side)
            if picture is None:
                continue
            view = View(pane, picture.width, picture.height, self._camera)
            canvas = self._evidence.canvas(side)
            evidence = self._evidence.evidence
            outline = evidence.query_outline if evidence is not None and side is Side.QUERY else None
            part = self._evidence.part if side is Side.RESULT else None
            made[side] = (
                Surface(view, canvas.grid, canvas.box, outline, part) if canvas else Surface(view, part=part)
            )
        return made

    def scene(self) -> Scene:
        """All that is painted, as data."""
        model, surfaces = self._evidence, self.surfaces()
        evidence = model.evidence
        links = evidence.links[:LINKS_SHOWN] if evidence is not None else ()
        lit = self.lit()
        visible = links if model.links_shown or lit else ()
        heat = {side: image for side in surfaces if (image := model.heat(side)) is not None}
        return Scene(
            surfaces=surfaces,
            images={side: picture.image for side in surfaces if (picture := model.picture(side)) is not None},
            heat=heat,
            strength=model.strength,
            links=visible,
            colours=[QColor(*model.link_colour(number)) for number in range(1, len(visible) + 1)],
            lit=lit,
            marks={side: model.marks_on(side) for side in surfaces},
            cursor=self._cursor if self.hasFocus() else None,
        )

    def lit(self) -> list[int]:
        """The links that are looked at: under the pointer, at the cursor, or chosen in the list."""
        evidence = self._evidence.evidence
        if evidence is None or self._blink_side is not None:
            return []
        if self._pointed is not None and self._pointed.cell is not None:
            found = links_at(evidence, self._pointed.side, self._pointed.cell)
            if found:
                return found
        if self._chosen:
            return [position for position in self._chosen if position < len(evidence.links)]
        if self._cursor is not None and self.hasFocus():
            return links_at(evidence, *self._cursor)
        return []

    def light(self, positions: list[int]) -> None:
        """Light these links, as if one pointed at them (from the list below)."""
        self._chosen = positions
        self.update()

    @property
    def camera(self) -> Camera:
        return self._camera

    @property
    def cursor_cell(self) -> tuple[Side, Cell] | None:
        return self._cursor

    @property
    def blinking(self) -> bool:
        return self._blink_side is not None

    def _evidence_changed(self) -> None:
        self.setAccessibleDescription(self._evidence.words())
        if self._cursor is not None:
            canvas = self._evidence.canvas(self._cursor[0])
            inside = (
                canvas and self._cursor[1].row < canvas.grid.rows and self._cursor[1].column < canvas.grid.columns
            )
            if canvas and not inside:
                self._cursor = None
        self.update()

    def _forget_pointer(self) -> None:
        self._pointed = None
        self._chosen = []
        self.update()

    # -- zoom and pan --------------------------------------------------------------------------------------------

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom both pictures around a widget point (None: the middle of the view)."""
        surfaces = self.surfaces()
        if not surfaces:
            return
        view = next(iter(surfaces.values())).view
        if at is not None:
            view = next((s.view for s in surfaces.values() if s.view.pane.contains(at.x(), at.y())), view)
        x = at.x() if at is not None else view.pane.x + view.pane.w / 2
        y = at.y() if at is not None else view.pane.y + view.pane.h / 2
        self._look(zoomed(self._camera, factor, view, x, y))

    def fit(self) -> None:
        """Both pictures whole."""
        self._look(Camera())

    def _look(self, camera: Camera) -> None:
        if camera != self._camera:
            self._camera = camera
            self.zoom_changed.emit(camera.zoom)
            self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120.0
        if steps:
            self.zoom(STEP**steps, event.position())
        event.accept()

    def set_blinking(self, wanted: bool) -> None:
        """Show both pictures in the same place by turns. With reduced motion, each press shows the other one."""
        if theme.theme().reduced_motion and self._blink_side is Side.QUERY and not wanted:
            self._blink_side = Side.RESULT
        elif wanted and self._blink_side is None:
            self._blink_side = Side.QUERY
            if not theme.theme().reduced_motion:
                self._blink.start()
        else:
            self._blink_side = None
            self._blink.stop()
        self.blinking_changed.emit(self._blink_side is not None)
        self.update()

    def _blink_step(self) -> None:
        if not self.isVisible():
            self.set_blinking(False)
            return
        self._blink_side = Side.RESULT if self._blink_side is Side.QUERY else Side.QUERY
        self.update()

    # -- pointer -------------------------------------------------------------------------------------------------

    def pointed(self, point: QPointF) -> Pointed | None:
        """What lies under a widget point."""
        return hit_test(point.x(), point.y(), self.surfaces())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self._last = event.position()
        middle = event.button() is Qt.MouseButton.MiddleButton
        if middle or (event.button() is Qt.MouseButton.LeftButton and self._space):
            self._panning = True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() is Qt.MouseButton.LeftButton and _shifted(event):
            self._painting = True
            self._evidence.begin_stroke()
            self._paint_at(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        last, self._last = self._last, event.position()
        if self._panning and last is not None:
            moved = event.position() - last
            surfaces = self.surfaces()
            if surfaces:
                view = next(iter(surfaces.values())).view
                self._look(panned(self._camera, moved.x(), moved.y(), view))
        elif self._painting:
            self._paint_at(event.position())
        else:
            self._set_pointed(self.pointed(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if self._painting:
            self._painting = False
            self._evidence.end_stroke()
        elif self._panning:
            self._panning = False
            self.setCursor(Qt.CursorShape.OpenHandCursor if self._space else Qt.CursorShape.ArrowCursor)
        elif event.button() is Qt.MouseButton.LeftButton and pressed is not None:
            found = self.pointed(event.position())
            if (event.position() - pressed).manhattanLength() < CLICK_SLIP and found and found.cell:
                self._cursor = (found.side, found.cell)
                self._evidence.click(found.side, found.cell)

    def _paint_at(self, point: QPointF) -> None:
        found = self.pointed(point)
        if found is not None and found.cell is not None:
            self._evidence.paint(found.side, found.cell)

    def _set_pointed(self, pointed: Pointed | None) -> None:
        before = (self._pointed.side, self._pointed.cell) if self._pointed else None
        after = (pointed.side, pointed.cell) if pointed else None
        self._pointed = pointed
        if before != after:
            self.setCursor(
                Qt.CursorShape.PointingHandCursor if pointed and pointed.cell else Qt.CursorShape.ArrowCursor
            )
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._set_pointed(None)

    # -- keys ----------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _STEPS:
            self._move_cursor(_STEPS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._cursor is not None:
            self._evidence.click(*self._cursor)
        elif key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space = True
                self.setCursor(Qt.CursorShape.OpenHandCursor)
        elif key == Qt.Key.Key_Escape and (self._cursor or self._blink_side):
            self._cursor = None
            if self._blink_side:
                self.set_blinking(False)
            self.update()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            self.setCursor(Qt.CursorShape.ArrowCursor)
        else:
            super().keyReleaseEvent(event)

    def _move_cursor(self, step: tuple[int, int]) -> None:
        canvases = {side: canvas for side in Side if (canvas := self._evidence.canvas(side)) is not None}
        if not canvases:
            return
        grids = {side: canvas.grid for side, canvas in canvases.items()}
        if self._cursor is None:
            grid = grids[Side.QUERY]
            self._cursor = (Side.QUERY, Cell(grid.rows // 2, grid.columns // 2))
        else:
            self._cursor = moved_cursor(*self._cursor, step, grids)
        self._pointed = None
        self._say_cursor()
        self.update()

    def _say_cursor(self) -> None:
        if self._cursor is not None:
            self.setAccessibleDescription(f"{self._evidence.patch_words(*self._cursor)} {self._evidence.words()}")

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space = False
        self.update()

    # -- painting ------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        tokens = theme.theme().tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for pane in self.panes().values():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.colour("panel"))
            painter.drawRoundedRect(QRectF(pane.x, pane.y, pane.w, pane.h), theme.CELL_RADIUS, theme.CELL_RADIUS)
        scene = self.scene()
        paint_scene(painter, scene)
        if self._blink_side is not None:
            self._paint_blink_label(painter)
        if self.hasFocus() and self._cursor is None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(tokens.colour("accent"), 2))
            painter.drawRoundedRect(
                QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.CELL_RADIUS, theme.CELL_RADIUS
            )

    def _paint_blink_label(self, painter: QPainter) -> None:
        text = "Your picture" if self._blink_side is Side.QUERY else "Result"
        painter.setFont(theme.title_font(self.font()))
        width = painter.fontMetrics().horizontalAdvance(text) + 24
        area = QRectF((self.width() - width) / 2, 12, width, 32)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(12, 13, 14, 190))
        painter.drawRoundedRect(area, 6, 6)
        painter.setPen(QColor("#ECEDEE"))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)


def _shifted(event: QMouseEvent) -> bool:
    return bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
