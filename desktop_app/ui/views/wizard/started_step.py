"""The fourth page: the job runs in the status bar, and the window is usable at once."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.ui.viewmodels.words import photos
from desktop_app.ui.views.parts import Picture, label, row
from desktop_app.ui.views.theme import BETWEEN


class StartedStep(QWidget):
    """Says that it has begun and what one can do meanwhile."""

    question = "It has begun"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = label(wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(BETWEEN)
        layout.addWidget(self.sentence)
        for icon, text in (
            ("search", self.tr("Search at once: photos are found as soon as they are indexed.")),
            ("pause", self.tr("The status bar below shows progress; pause or stop there at any time.")),
            ("clock", self.tr("Closing the window is fine: it goes on from there next time.")),
        ):
            layout.addLayout(row(Picture(icon), label(text, role="secondary", wrap=True)))
        layout.addStretch(1)

    def say(self, count: int) -> None:
        """Name the number of photos."""
        self.sentence.setText(self.tr("{0} are being indexed in the background.").format(photos(count)))
