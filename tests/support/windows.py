"""What the window's tests share: a small folder of real photographs, and a window over its own home folder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QWidget
from skimage import data

PICTURES = {
    "cats/chelsea": data.chelsea,
    "space/astronaut": data.astronaut,
    "space/rocket": data.rocket,
    "table/coffee": data.coffee,
}


def make_photos(folder: Path, *, copies: int = 3) -> int:
    """Real photographs with honest variations in subfolders, each of another year; returns how many."""
    written = 0
    for number, (name, load) in enumerate(PICTURES.items()):
        whole = Image.fromarray(np.ascontiguousarray(load()[..., :3]))
        whole.thumbnail((360, 360))
        width, height = whole.size
        for copy in range(copies):
            inset = 6 * copy
            cut = whole.crop((inset, inset, width - inset, height - inset))
            file = folder / f"{name}-{copy}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            cut.save(file, quality=90)
            when = time.mktime((2015 + number, 6, 1 + copy, 12, 0, 0, 0, 0, -1))
            os.utime(file, (when, when))
            written += 1
    return written


def mime_of(*paths: Path) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


def drag_over(window: QWidget, mime: QMimeData) -> QDragEnterEvent:
    """Let something hover over the middle of the window, as the system would."""
    event = QDragEnterEvent(
        window.rect().center(),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(window, event)
    return event


def drag_away(window: QWidget) -> None:
    QApplication.sendEvent(window, QDragLeaveEvent())


def drop(window: QWidget, mime: QMimeData) -> None:
    """Drag something over the window and let go."""
    drag_over(window, mime)
    event = QDropEvent(
        QPointF(window.rect().center()),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(window, event)


def answer(qtbot, words: str, do: Callable[[], object]) -> str:
    """Do something that asks a question, and click the button with these words. Returns the question."""
    from PySide6.QtCore import QTimer

    asked: list[str] = []

    def click() -> None:
        box = next(
            (w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox) and w.isVisible()), None
        )
        if box is None:
            QTimer.singleShot(20, click)
            return
        asked.append(f"{box.text()} {box.informativeText()}")
        button = next(b for b in box.findChildren(QPushButton) if b.text() == words)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))

    QTimer.singleShot(0, click)
    do()
    assert asked, "no question was asked"
    return asked[0]
