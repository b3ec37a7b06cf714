"""Cells that glide from where they were to where they belong after a refinement."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QRect, QVariantAnimation
from PySide6.QtWidgets import QWidget

from desktop_app.ui.views import theme

SLIDE_MS = 120


class Slides:
    """At most one glide at a time; without motion where the system asks for less of it."""

    def __init__(self, viewport: QWidget) -> None:
        self._viewport = viewport
        self._starts: dict[int, QRect] = {}
        self._at = 1.0
        self._animation = QVariantAnimation(viewport)
        self._animation.setDuration(SLIDE_MS)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._animation.valueChanged.connect(self._step)

    @property
    def running(self) -> bool:
        return bool(self._starts)

    def start(self, starts: dict[int, QRect]) -> None:
        """Let these rows begin at these rectangles (in the viewport) and end at their own."""
        self.stop()
        if starts and theme.motion_ms():
            self._starts, self._at = starts, 0.0
            self._animation.start()

    def stop(self) -> None:
        self._animation.stop()
        self._starts, self._at = {}, 1.0

    def rect(self, row: int, goal: QRect) -> QRect:
        """Where the row is now on its way to `goal`."""
        start = self._starts.get(row)
        if start is None:
            return goal
        return goal.translated((start.topLeft() - goal.topLeft()) * (1.0 - self._at))

    def _step(self, value: float) -> None:
        self._at = float(value)
        if self._at >= 1.0:
            self._starts = {}
        self._viewport.update()
