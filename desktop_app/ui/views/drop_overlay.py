"""One frame and one sentence over the whole window while something is dragged over it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop_app.ui.viewmodels.intake import Deed, Intake
from desktop_app.ui.views import icons
from desktop_app.ui.views.theme import theme, title_font

PICTURES = {Deed.SEARCH: "search", Deed.ADD_FOLDERS: "folder-add", Deed.NOTHING: "photo-off"}


class DropOverlay(QWidget):
    """Covers its parent and lets the drag through to it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._coming: Intake | None = None
        self.hide()

    @property
    def sentence(self) -> str:
        return self._coming.sentence if self._coming else ""

    def show_for(self, coming: Intake) -> None:
        """Say what a drop will do."""
        self._coming = coming
        self.setAccessibleName(coming.sentence)
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.raise_()
        self.show()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._coming is None:
            return
        tokens = theme().tokens
        useful = self._coming.deed is not Deed.NOTHING
        colour = tokens.colour("accent" if useful else "secondary")
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), tokens.colour("window", 0.78))
        frame = QRectF(self.rect()).adjusted(14, 14, -14, -14)
        pen = QPen(colour, 3, Qt.PenStyle.DashLine)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.setBrush(tokens.colour("accent", 0.08) if useful else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(frame, 10, 10)
        middle = frame.center()
        side = 48
        picture = icons.pixmap(
            PICTURES[self._coming.deed],
            token="accent" if useful else "secondary",
            size=side,
            ratio=self.devicePixelRatioF(),
        )
        painter.drawPixmap(round(middle.x() - side / 2), round(middle.y() - side), picture)
        painter.setFont(title_font(self.font()))
        painter.setPen(tokens.colour("text"))
        words = frame.adjusted(32, frame.height() / 2 + 12, -32, 0)
        painter.drawText(
            words,
            int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop) | int(Qt.TextFlag.TextWordWrap),
            self._coming.sentence,
        )
        painter.end()
