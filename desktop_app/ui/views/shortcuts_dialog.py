"""All keys on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from desktop_app.ui.views.parts import closing, label
from desktop_app.ui.views.theme import AROUND, BETWEEN, INSIDE, set_role

Keys = Sequence[tuple[QKeySequence | str, str]]


class ShortcutsDialog(QDialog):
    """Sections of keys with what they do."""

    def __init__(self, sections: Sequence[tuple[str, Keys]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        content = QWidget()
        grid = QGridLayout(content)
        grid.setContentsMargins(AROUND, BETWEEN, AROUND, BETWEEN)
        grid.setHorizontalSpacing(AROUND)
        grid.setVerticalSpacing(INSIDE)
        grid.setColumnStretch(1, 1)
        line = 0
        for title, keys in sections:
            if not keys:
                continue
            grid.addWidget(label(title, role="title"), line, 0, 1, 2)
            line += 1
            for key, words in keys:
                text = key if isinstance(key, str) else key.toString(QKeySequence.SequenceFormat.NativeText)
                name = label(text)
                set_role(name, "key")
                grid.addWidget(name, line, 0, Qt.AlignmentFlag.AlignLeft)
                grid.addWidget(label(words, wrap=True), line, 1)
                line += 1
        grid.setRowStretch(line, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(content)
        area.setAccessibleName(self.tr("Keyboard shortcuts"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(area, 1)
        layout.addLayout(closing(self))
        self.resize(560, 620)
