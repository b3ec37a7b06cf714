"""Banners under the top bar: what happened, what to do, and the details to copy. They never block the window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.ui.viewmodels.notices import Notice, Notices, Severity
from desktop_app.ui.views.parts import Picture, button, clear, copy_text, label, tool
from desktop_app.ui.views.theme import INSIDE, set_role

ICONS = {
    Severity.INFO: ("info", "accent"),
    Severity.WARNING: ("warning", "warning"),
    Severity.ERROR: ("error", "error"),
}
ROLES = {Severity.INFO: "raised", Severity.WARNING: "banner-warning", Severity.ERROR: "banner-error"}
SHOWN = 3


class Banner(QFrame):
    """One notice."""

    def __init__(self, notice: Notice, notices: Notices) -> None:
        super().__init__()
        set_role(self, ROLES[notice.severity])
        icon, token = ICONS[notice.severity]
        line = QHBoxLayout(self)
        line.setContentsMargins(INSIDE + 4, INSIDE // 2, INSIDE // 2, INSIDE // 2)
        line.setSpacing(INSIDE)
        line.addWidget(Picture(icon, token=token), 0, Qt.AlignmentFlag.AlignVCenter)
        self.text = label(notice.text, wrap=True, selectable=True)
        self.setAccessibleName(f"{notice.severity.value}: {notice.text}")
        line.addWidget(self.text, 1)
        if notice.action is not None:
            act = notice.action

            def do() -> None:
                notices.dismiss(notice)
                act()

            line.addWidget(button(notice.action_words, do))
        if notice.severity is not Severity.INFO:
            line.addWidget(
                button(self.tr("Copy details"), lambda: copy_text(notices.report(notice)), icon="copy", quiet=True)
            )
        line.addWidget(tool("close", self.tr("Dismiss this message"), lambda: notices.dismiss(notice)))


class NoticeBar(QWidget):
    """The newest notices, one above the other; hidden while there is none."""

    def __init__(self, notices: Notices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._notices = notices
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(INSIDE, INSIDE, INSIDE, 0)
        self._layout.setSpacing(INSIDE // 2)
        notices.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        shown = self._notices.shown[-SHOWN:]
        clear(self._layout)
        for notice in shown:
            self._layout.addWidget(Banner(notice, self._notices))
        self.setVisible(bool(shown))
        if shown and self.isVisible():
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))
