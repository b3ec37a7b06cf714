"""Mouse movements as events of their own: the system's pointer stays where it is, so nothing depends on it."""

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

NONE = Qt.KeyboardModifier.NoModifier


def move(
    widget: QWidget,
    where: QPoint,
    *,
    held: Qt.MouseButton = Qt.MouseButton.NoButton,
    modifiers: Qt.KeyboardModifier = NONE,
) -> None:
    """Move the pointer to a place in the widget, with a button held or none."""
    local = QPointF(where)
    event = QMouseEvent(
        QEvent.Type.MouseMove, local, QPointF(widget.mapToGlobal(local)), Qt.MouseButton.NoButton, held, modifiers
    )
    QApplication.sendEvent(widget, event)


def drag(
    qtbot,
    widget: QWidget,
    start: QPoint,
    end: QPoint,
    *,
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    modifiers: Qt.KeyboardModifier = NONE,
    steps: int = 8,
) -> None:
    """Press, move in steps, let go."""
    qtbot.mousePress(widget, button, modifiers, start)
    for step in range(1, steps + 1):
        move(widget, start + (end - start) * step / steps, held=button, modifiers=modifiers)
    qtbot.mouseRelease(widget, button, modifiers, end)
