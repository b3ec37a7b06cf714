"""Question 1: which folders?"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QFrame, QVBoxLayout, QWidget

from desktop_app.ui.viewmodels.wizard import WizardViewModel
from desktop_app.ui.viewmodels.words import photos
from desktop_app.ui.views.parts import Picture, button, clear, label, row, tool
from desktop_app.ui.views.theme import BETWEEN, INSIDE, set_role


class FoldersStep(QWidget):
    """Drop zone, picker, and the common places with their counts."""

    question = "Which folders?"

    def __init__(self, wizard: WizardViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wizard = wizard
        self.zone = QFrame()
        set_role(self.zone, "drop-zone")
        inside = QVBoxLayout(self.zone)
        inside.setContentsMargins(BETWEEN, BETWEEN, BETWEEN, BETWEEN)
        inside.setSpacing(INSIDE)
        inside.addWidget(Picture("drop", size=32), 0, Qt.AlignmentFlag.AlignHCenter)
        words = label(self.tr("Drop folders here, or anywhere on the window"), role="secondary")
        inside.addWidget(words, 0, Qt.AlignmentFlag.AlignHCenter)
        self.choose_button = button(self.tr("Choose a folder…"), self.choose, icon="folder-add")
        inside.addWidget(self.choose_button, 0, Qt.AlignmentFlag.AlignHCenter)
        self._chosen = QVBoxLayout()
        self._chosen.setSpacing(INSIDE // 2)
        self._places = QVBoxLayout()
        self._places.setSpacing(INSIDE // 2)
        self._chosen_heading = label(self.tr("CHOSEN"), role="heading")
        self._places_heading = label(self.tr("COMMON PLACES"), role="heading")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(INSIDE)
        layout.addWidget(self.zone)
        layout.addSpacing(INSIDE)
        layout.addWidget(self._chosen_heading)
        layout.addLayout(self._chosen)
        layout.addSpacing(INSIDE)
        layout.addWidget(self._places_heading)
        layout.addLayout(self._places)
        layout.addStretch(1)
        wizard.folders_changed.connect(self._show_chosen)
        wizard.folders_changed.connect(self._show_places)
        wizard.places_changed.connect(self._show_places)
        self._show_chosen()
        self._show_places()

    def first_focus(self) -> QWidget:
        return self.choose_button

    def choose(self) -> None:
        """Open the system's folder picker."""
        picked = QFileDialog.getExistingDirectory(self, self.tr("Choose a folder of photos"), str(Path.home()))
        if picked:
            self._wizard.add([Path(picked)])

    def _show_chosen(self) -> None:
        clear(self._chosen)
        for folder in self._wizard.folders:
            name = label(str(folder), selectable=True)
            remove = tool(
                "close",
                self.tr("Take {0} off the list").format(folder.name),
                partial(self._wizard.remove, folder),
            )
            self._chosen.addLayout(row(Picture("folder"), name, None, remove))
        self._chosen_heading.setVisible(bool(self._wizard.folders))

    def _show_places(self) -> None:
        clear(self._places)
        shown = [place for place in self._wizard.places if place.path not in self._wizard.folders]
        for place in shown:
            found = self.tr("counting…") if place.photos is None else photos(place.photos)
            add = button(self.tr("Add"), partial(self._wizard.add, [place.path]))
            add.setAccessibleName(self.tr("Add {0}").format(place.name))
            add.setEnabled(place.photos is None or place.photos > 0)
            where = label(str(place.path), role="secondary")
            self._places.addLayout(row(Picture("folder"), label(place.name), where, None, label(found), add))
        self._places_heading.setVisible(bool(shown))
