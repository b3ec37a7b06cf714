"""Colours, spacing and type of the window: two sets of tokens, and the Fusion palette and style sheet from them.

`Theme` belongs to the application and follows the system's colour scheme unless told otherwise. Painters ask
`theme().tokens`; whoever keeps painted pixmaps listens to `theme().changed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.ui.views import motion, style_sheet


class Scheme(StrEnum):
    """What the person chose."""

    SYSTEM = "system"
    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours as #RRGGBB. `text_on_accent` is what reads at 4.5:1 on `accent`."""

    dark: bool
    window: str
    panel: str
    raised: str
    text: str
    secondary: str
    disabled: str
    line: str
    accent: str
    text_on_accent: str
    plus: str
    minus: str
    warning: str
    error: str
    photo_surround: str

    def colour(self, name: str, alpha: float = 1.0) -> QColor:
        """The token `name` as a colour with the given opacity (0 to 1)."""
        colour = QColor(getattr(self, name))
        colour.setAlphaF(alpha)
        return colour


DARK = Tokens(
    dark=True,
    window="#17181A",
    panel="#1E2023",
    raised="#282B2F",
    text="#ECEDEE",
    secondary="#A6ABB1",
    disabled="#6B7076",
    line="#34383D",
    accent="#4DA3FF",
    text_on_accent="#0B1622",
    plus="#3DDC97",
    minus="#FF8A5B",
    warning="#F2C14E",
    error="#FF6B6B",
    photo_surround="#17181A",
)
LIGHT = Tokens(
    dark=False,
    window="#F4F4F2",
    panel="#FFFFFF",
    raised="#FFFFFF",
    text="#1B1C1E",
    secondary="#5A5F66",
    disabled="#9A9FA5",
    line="#DDDEDC",
    accent="#0B66D0",
    text_on_accent="#FFFFFF",
    plus="#0A7F53",
    minus="#C4501B",
    warning="#8A6100",
    error="#B3261E",
    photo_surround="#F4F4F2",
)

# Spacing in pixels at 100 %: inside a control group, between groups, around a page.
INSIDE, BETWEEN, AROUND = 8, 16, 24
CELL_RADIUS = 10
BASE_FONT, SMALL_FONT, TITLE_FONT = 13, 11, 16
MOTION_MS = 150


def palette(tokens: Tokens) -> QPalette:
    """The Fusion palette for `tokens`."""
    made = QPalette()
    role = QPalette.ColorRole
    colours = {
        role.Window: tokens.window,
        role.WindowText: tokens.text,
        role.Base: tokens.panel,
        role.AlternateBase: tokens.raised,
        role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text,
        role.PlaceholderText: tokens.secondary,
        role.Text: tokens.text,
        role.Button: tokens.raised,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.error,
        role.Link: tokens.accent,
        role.LinkVisited: tokens.accent,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.text_on_accent,
        role.Mid: tokens.line,
        role.Midlight: tokens.line,
        role.Dark: tokens.line,
        role.Shadow: "#000000",
        role.Accent: tokens.accent,
    }
    for which, colour in colours.items():
        made.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(tokens.disabled))
    made.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(tokens.line))
    return made


class Theme(QObject):
    """The look at work. One per application, reached by `theme()`."""

    changed = Signal()

    def __init__(self, application: QApplication, scheme: Scheme = Scheme.SYSTEM) -> None:
        super().__init__(application)
        self._application = application
        self._scheme = scheme
        self.setObjectName("indicium-theme")
        self.tokens = self._wanted()
        self.reduced_motion = motion.system_asks_for_less()
        application.setStyle("Fusion")
        font = QFont(application.font())
        font.setPixelSize(BASE_FONT)
        application.setFont(font)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_changed)
        self._apply()

    @property
    def scheme(self) -> Scheme:
        return self._scheme

    def set_scheme(self, scheme: Scheme) -> None:
        """Change the look at once, without a restart."""
        self._scheme = scheme
        self._refresh()

    def set_reduced_motion(self, reduced: bool) -> None:
        """Ask for no movement; what the system asks for stays in force."""
        self.reduced_motion = reduced or motion.system_asks_for_less()

    def _system_changed(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        wanted = self._wanted()
        if wanted is not self.tokens:
            self.tokens = wanted
            self._apply()

    def _wanted(self) -> Tokens:
        if self._scheme is Scheme.SYSTEM:
            light = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Light
            return LIGHT if light else DARK
        return LIGHT if self._scheme is Scheme.LIGHT else DARK

    def _apply(self) -> None:
        self._application.setPalette(palette(self.tokens))
        self._application.setStyleSheet(style_sheet.sheet(self.tokens))
        self.changed.emit()


def install(application: QApplication, scheme: Scheme = Scheme.SYSTEM) -> Theme:
    """Give `application` its theme, once; later calls change the scheme of the one that is there."""
    present = application.findChild(Theme, "indicium-theme")
    if isinstance(present, Theme):
        present.set_scheme(scheme)
        return present
    return Theme(application, scheme)


def theme() -> Theme:
    """The theme of the running application (made on first use)."""
    application = cast(QApplication, QApplication.instance())
    present = application.findChild(Theme, "indicium-theme")
    return present if isinstance(present, Theme) else Theme(application)


def motion_ms() -> int:
    """How long a movement may take in milliseconds: 0 while reduced motion is asked for."""
    return 0 if theme().reduced_motion else MOTION_MS


def small_font(base: QFont) -> QFont:
    """The 11 px face beside the 13 px base, scaled with it."""
    return _scaled(base, SMALL_FONT / BASE_FONT)


def title_font(base: QFont) -> QFont:
    """The 16 px face for titles, scaled with the base."""
    font = _scaled(base, TITLE_FONT / BASE_FONT)
    font.setWeight(QFont.Weight.DemiBold)
    return font


def tabular(font: QFont) -> QFont:
    """The same face with figures of one width, for numbers that change."""
    made = QFont(font)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def _scaled(base: QFont, factor: float) -> QFont:
    font = QFont(base)
    if base.pixelSize() > 0:
        font.setPixelSize(max(8, round(base.pixelSize() * factor)))
    else:
        font.setPointSizeF(base.pointSizeF() * factor)
    return font


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget one of the style sheet's roles: title, secondary, primary, quiet, panel, bar, danger."""
    widget.setProperty("role", role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
