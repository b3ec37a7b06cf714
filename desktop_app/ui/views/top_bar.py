"""The bar at the top, 48 px: the three places, back and forward, the field that takes a photo, settings, help."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QMenu, QPushButton, QSizePolicy, QToolButton, QWidget

from desktop_app.ui.viewmodels.shell import Place
from desktop_app.ui.views import icons
from desktop_app.ui.views.parts import tool
from desktop_app.ui.views.theme import INSIDE, set_role

HEIGHT = 48
PLACES = {
    Place.LIBRARY: ("library", "Ctrl+1"),
    Place.SEARCH: ("search", "Ctrl+2"),
    Place.EVIDENCE: ("evidence", "Ctrl+3"),
}


class TopBar(QWidget):
    """Shows where one is and takes one elsewhere; decides nothing."""

    place_wanted = Signal(object)
    back_wanted = Signal()
    forward_wanted = Signal()
    choose_wanted = Signal()
    paste_wanted = Signal()
    settings_wanted = Signal()
    panel_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        set_role(self, "bar")
        self.setFixedHeight(HEIGHT)
        line = QHBoxLayout(self)
        line.setContentsMargins(INSIDE, 0, INSIDE, 0)
        line.setSpacing(INSIDE // 2)
        self.panel_button = tool(
            "sidebar", self.tr("Show or hide the side panel"), self.panel_wanted.emit, keys="Ctrl+B"
        )
        line.addWidget(self.panel_button)
        line.addSpacing(INSIDE)
        self._group = QButtonGroup(self)
        self.place_buttons: dict[Place, QToolButton] = {}
        for place, (icon, keys) in PLACES.items():
            line.addWidget(self._place_button(place, icon, keys))
        line.addSpacing(INSIDE)
        self.back_button = tool(
            "back", self.tr("Back to the search before"), self.back_wanted.emit, keys="Alt+Left"
        )
        self.forward_button = tool("forward", self.tr("Forward"), self.forward_wanted.emit, keys="Alt+Right")
        line.addWidget(self.back_button)
        line.addWidget(self.forward_button)
        line.addSpacing(INSIDE)
        self.intake_button = self._intake_field()
        line.addWidget(self.intake_button, 1)
        line.addSpacing(INSIDE)
        self.settings_button = tool("settings", self.tr("Settings"), self.settings_wanted.emit, keys="Ctrl+,")
        self.help_button = tool("help", self.tr("Help"))
        self.help_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        line.addWidget(self.settings_button)
        line.addWidget(self.help_button)

    def set_help_menu(self, menu: QMenu) -> None:
        self.help_button.setMenu(menu)

    def show_place(self, place: Place) -> None:
        """Mark the place one is at."""
        self.place_buttons[place].setChecked(True)

    def set_history(self, *, back: bool, forward: bool) -> None:
        self.back_button.setEnabled(back)
        self.forward_button.setEnabled(forward)

    def set_place_enabled(self, place: Place, enabled: bool, reason: str = "") -> None:
        """Grey out a place there is nothing to see at; the tooltip says why."""
        button = self.place_buttons[place]
        button.setEnabled(enabled)
        button.setToolTip(reason or f"{button.text()} ({PLACES[place][1]})")

    def _place_button(self, place: Place, icon: str, keys: str) -> QToolButton:
        made = QToolButton()
        made.setText(place.value)
        made.setAccessibleName(place.value)
        made.setToolTip(f"{place.value} ({keys})")
        icons.put_beside(made, icon)
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setCheckable(True)
        made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_role(made, "place")
        made.clicked.connect(lambda _checked=False: self.place_wanted.emit(place))
        self._group.addButton(made)
        self.place_buttons[place] = made
        return made

    def _intake_field(self) -> QPushButton:
        made = QPushButton(self.tr("Drop, paste or choose a photo"))
        made.setAccessibleName(self.tr("Choose a photo to search with"))
        made.setAccessibleDescription(self.tr("You may also drop a photo anywhere or paste one"))
        made.setToolTip(self.tr("Choose a photo to search with (Ctrl+O); drop or paste one anywhere"))
        icons.put_beside(made, "photo", token="secondary")
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        made.setMaximumWidth(520)
        made.setMinimumWidth(120)
        set_role(made, "intake")
        made.clicked.connect(lambda _checked=False: self.choose_wanted.emit())
        return made
