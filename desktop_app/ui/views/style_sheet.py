"""The style sheet over Fusion: shapes, spacing and the focus ring; colours come from the tokens.

Widgets ask for a look by the dynamic property `role` (see `theme.set_role`): title, secondary, small, primary,
quiet, place, panel, bar, raised, inside, banner-warning, banner-error.
"""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop_app.ui.views.theme import Tokens

# The focus ring is 2 px. Controls reserve it as a transparent border so that nothing moves when it shows.
_SHEET = Template("""
* { outline: 0; }
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 6px 8px; }
QLabel { background: transparent; }
QLabel[role="title"] { font-size: 16px; font-weight: 600; }
QLabel[role="heading"] { font-size: 11px; font-weight: 600; color: $secondary; }
QLabel[role="secondary"] { color: $secondary; }
QLabel[role="small"] { color: $secondary; font-size: 11px; }
QLabel[role="warning"] { color: $warning; }
QLabel[role="error"] { color: $error; }
QWidget[role="panel"] { background: $panel; }
QWidget[role="bar"] { background: $panel; border-bottom: 1px solid $line; }
QWidget[role="status"] { background: $panel; border-top: 1px solid $line; }
QWidget[role="side"] { background: $panel; border-right: 1px solid $line; }
QWidget[role="inside"] { background: transparent; border: none; }
QFrame[role="raised"] { background: $raised; border: 1px solid $line; border-radius: 6px; }
QFrame[role="banner-warning"] { background: $raised; border: 1px solid $warning; border-radius: 6px; }
QFrame[role="banner-error"] { background: $raised; border: 1px solid $error; border-radius: 6px; }

QPushButton, QToolButton, QComboBox, QLineEdit, QSpinBox, QDoubleSpinBox, QDateEdit, QPlainTextEdit, QTextEdit {
    border: 1px solid $line; border-radius: 6px; padding: 5px 11px; margin: 2px;
    background: $raised; color: $text;
}
QPushButton:hover, QToolButton:hover, QComboBox:hover { border-color: $secondary; }
QPushButton:pressed, QToolButton:pressed { background: $line; }
QPushButton:disabled, QToolButton:disabled, QComboBox:disabled, QLineEdit:disabled, QSpinBox:disabled {
    color: $disabled;
}
QPushButton:focus, QToolButton:focus, QComboBox:focus, QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus,
QDateEdit:focus, QPlainTextEdit:focus, QTextEdit:focus { border: 2px solid $accent; margin: 1px; }
QPushButton[role="primary"], QPushButton:default[role="primary"] {
    background: $accent; color: $text_on_accent; border-color: $accent; font-weight: 600;
}
QPushButton[role="primary"]:hover { border-color: $text; }
QPushButton[role="primary"]:focus { border: 2px solid $text; margin: 1px; }
QPushButton[role="primary"]:disabled { background: $line; color: $disabled; border-color: $line; }
QToolButton[role="quiet"], QPushButton[role="quiet"] {
    background: transparent; border-color: transparent; padding: 4px;
}
QPushButton[role="quiet"] { padding: 4px 8px; }
QToolButton[role="quiet"]:hover, QPushButton[role="quiet"]:hover { background: $hover; }
QToolButton[role="quiet"]:pressed, QPushButton[role="quiet"]:pressed { background: $line; }
QToolButton[role="quiet"]:checked { background: $hover; border-color: $line; }
QToolButton[role="quiet"]:focus, QPushButton[role="quiet"]:focus { border: 2px solid $accent; }
QToolButton[role="place"] {
    background: transparent; border-color: transparent; color: $secondary; padding: 5px 14px; font-weight: 500;
}
QToolButton[role="place"]:hover { color: $text; background: $hover; }
QToolButton[role="place"]:checked { color: $text; background: $hover; border-color: $line; }
QToolButton[role="place"]:disabled { color: $disabled; }
QToolButton[role="place"]:focus { border: 2px solid $accent; }
QFrame[role="rule"] { background: $line; }
QLabel[role="key"] { background: $raised; border: 1px solid $line; border-radius: 4px; padding: 2px 6px; }
QToolButton[role="library"] {
    background: transparent; border-color: transparent; text-align: left; padding: 5px 8px;
}
QToolButton[role="library"]:hover { background: $hover; }
QToolButton[role="library"]:focus { border: 2px solid $accent; }
QToolButton::menu-indicator { image: none; }
QPushButton[role="intake"] {
    background: $window; color: $secondary; text-align: left; padding: 6px 12px; border-style: dashed;
}
QPushButton[role="intake"]:hover { color: $text; border-color: $secondary; }
QPushButton[role="intake"]:focus { border: 2px solid $accent; }
QPushButton[role="status"] {
    background: transparent; border-color: transparent; color: $accent;
    padding: 0 6px; margin: 0; min-height: 20px;
}
QPushButton[role="status"]:hover { background: $hover; }
QPushButton[role="status"]:focus { border: 2px solid $accent; }
QFrame[role="drop-zone"] { border: 1px dashed $secondary; border-radius: 10px; background: $panel; }

QCheckBox, QRadioButton { spacing: 8px; padding: 3px; border: 2px solid transparent; border-radius: 6px; }
QCheckBox::indicator, QRadioButton::indicator {
    width: 14px; height: 14px; border: 1px solid $secondary; background: $panel;
}
QCheckBox::indicator { border-radius: 4px; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url($check); }
QRadioButton::indicator:checked {
    width: 6px; height: 6px; border: 5px solid $accent; background: $text_on_accent;
}
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border-color: $disabled; background: $line; }
QListView::indicator {
    width: 14px; height: 14px; border: 1px solid $secondary; border-radius: 4px; background: $raised;
}
QListView::indicator:checked { background: $accent; border-color: $accent; image: url($check); }
QListView::indicator:indeterminate { background: $selected; border-color: $accent; }
QCheckBox:focus, QRadioButton:focus { border-color: $accent; }
QSpinBox, QDoubleSpinBox { padding-right: 24px; }
QSpinBox QLineEdit, QDoubleSpinBox QLineEdit, QComboBox QLineEdit {
    border: 0; margin: 0; padding: 0 0 0 9px; background: transparent;
}
QSpinBox::up-button, QDoubleSpinBox::up-button {
    subcontrol-origin: border; subcontrol-position: top right; width: 22px; border: 0;
}
QSpinBox::down-button, QDoubleSpinBox::down-button {
    subcontrol-origin: border; subcontrol-position: bottom right; width: 22px; border: 0;
}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url($arrow_up); width: 10px; height: 10px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url($arrow_down); width: 10px; height: 10px; }
QComboBox { padding-right: 22px; }
QComboBox::drop-down { border: 0; width: 22px; }
QComboBox::down-arrow { image: url($arrow_down); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: $raised; border: 1px solid $line; padding: 4px; }

QMenu { background: $raised; border: 1px solid $line; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: $accent; color: $text_on_accent; }
QMenu::item:disabled { color: $disabled; background: transparent; }
QMenu::icon { padding-left: 8px; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }

QAbstractScrollArea { border: 0; background: transparent; }
QListView, QTreeView, QTableView {
    background: transparent; border: 2px solid transparent; border-radius: 6px;
    selection-background-color: $accent; selection-color: $text_on_accent;
}
QListView:focus, QTreeView:focus, QTableView:focus { border-color: $accent; }
QListView[role="ringed"]:focus { border-color: transparent; }
QTreeView::item, QListView[role="list"]::item { padding: 4px 6px; border-radius: 4px; }
QTreeView::item:hover, QListView[role="list"]::item:hover { background: $hover; }
QTreeView::item:selected, QListView[role="list"]::item:selected { background: $selected; color: $text; }
QHeaderView::section {
    background: $panel; color: $secondary; border: 0; border-bottom: 1px solid $line; padding: 6px;
}

QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $scroll; border-radius: 4px; margin: 2px; min-height: 32px; min-width: 32px; }
QScrollBar::handle:hover { background: $secondary; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {
    background: transparent; width: 0; height: 0;
}
QSlider { border: 2px solid transparent; border-radius: 6px; }
QSlider:focus { border-color: $accent; }
QSlider::groove:horizontal { height: 4px; background: $line; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal { width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: $text; }
QSlider::sub-page:horizontal:disabled, QSlider::handle:horizontal:disabled { background: $disabled; }
QProgressBar { background: $line; border: 0; border-radius: 2px; max-height: 4px; min-height: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $accent; }
QTabWidget::pane { border: 0; }
QTabBar::tab { background: transparent; color: $secondary; padding: 8px 14px; border: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; }
QTabBar::tab:focus { border: 2px solid $accent; border-radius: 6px; }
QGroupBox { border: 0; margin-top: 20px; font-weight: 600; }
QGroupBox::title { subcontrol-origin: margin; left: 0; }
""")


def sheet(tokens: Tokens) -> str:
    """The style sheet in the colours of `tokens`."""
    from desktop_app.ui.views import icons

    return _SHEET.substitute(
        window=tokens.window,
        panel=tokens.panel,
        raised=tokens.raised,
        text=tokens.text,
        secondary=tokens.secondary,
        disabled=tokens.disabled,
        line=tokens.line,
        accent=tokens.accent,
        text_on_accent=tokens.text_on_accent,
        warning=tokens.warning,
        error=tokens.error,
        hover="rgba(255,255,255,0.07)" if tokens.dark else "rgba(0,0,0,0.05)",
        selected="rgba(77,163,255,0.26)" if tokens.dark else "rgba(11,102,208,0.16)",
        scroll="#4A4F55" if tokens.dark else "#C4C6C9",
        check=icons.file_of("check-dark" if tokens.dark else "check-light"),
        arrow_up=icons.file_of("chevron-up-dark" if tokens.dark else "chevron-up-light"),
        arrow_down=icons.file_of("chevron-down-dark" if tokens.dark else "chevron-down-light"),
    )
