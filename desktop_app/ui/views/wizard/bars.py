"""Counts as bars with their words and numbers: for kinds of file and for years."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.ui.viewmodels.words import number
from desktop_app.ui.views.theme import tabular, theme

ROW = 24
BAR = 10


class Bars(QWidget):
    """One row per name: a bar in proportion to the largest, the count, and a second figure behind it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, int, str]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def show_rows(self, title: str, rows: Sequence[tuple[str, int, str]]) -> None:
        """`rows` are (name, count, more), in the order shown."""
        self._rows = list(rows)
        self.setAccessibleName(title)
        self.setAccessibleDescription("; ".join(f"{name}: {number(n)} {more}".strip() for name, n, more in rows))
        self.setToolTip("")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, self._row() * max(1, len(self._rows)))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.sizeHint().height())

    def _row(self) -> int:
        return max(ROW, self.fontMetrics().height() + 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._rows:
            return
        tokens = theme().tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = self.fontMetrics()
        figures = tabular(self.font())
        names = max(metrics.horizontalAdvance(name) for name, _, _ in self._rows) + 12
        counts = max(QFontMetrics(figures).horizontalAdvance(number(count)) for _, count, _ in self._rows) + 12
        mores = max(metrics.horizontalAdvance(more) for _, _, more in self._rows) + 12
        largest = max(1, *(count for _, count, _ in self._rows))
        room = max(40, self.width() - names - counts - mores)
        centre = Qt.AlignmentFlag.AlignVCenter
        for line, (name, count, more) in enumerate(self._rows):
            y, height = line * self._row(), self._row()
            painter.setPen(tokens.colour("text"))
            painter.setFont(self.font())
            painter.drawText(QRectF(0, y, names, height), centre, name)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.colour("line"))
            track = QRectF(names, y + (height - BAR) / 2, room, BAR)
            painter.drawRoundedRect(track, 3, 3)
            painter.setBrush(tokens.colour("accent"))
            track.setWidth(max(4.0, room * count / largest) if count else 0)
            painter.drawRoundedRect(track, 3, 3)
            painter.setPen(tokens.colour("text"))
            painter.setFont(figures)
            right = Qt.AlignmentFlag.AlignRight | centre
            painter.drawText(QRectF(names + room, y, counts, height), right, number(count))
            painter.setPen(tokens.colour("secondary"))
            painter.drawText(QRectF(names + room + counts, y, mores, height), right, more)
        painter.end()
