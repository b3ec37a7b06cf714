"""Small parts that every page is made of: buttons, labels, empty states, popovers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.ui.views import icons
from desktop_app.ui.views.theme import AROUND, BETWEEN, INSIDE, set_role, tabular, theme

Slot = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Offer:
    """A button of an empty state or page: its words and what it does."""

    words: str
    do: Slot
    primary: bool = False
    icon: str = ""


def button(
    words: str, do: Slot | None = None, *, primary: bool = False, icon: str = "", quiet: bool = False
) -> QPushButton:
    """A push button with an accessible name; `primary` is the one thing to do here."""
    made = QPushButton(words)
    made.setAccessibleName(words)
    if primary or quiet:
        set_role(made, "primary" if primary else "quiet")
    if icon:
        icons.put_beside(made, icon, token="text_on_accent" if primary else "text")
    if do is not None:
        made.clicked.connect(lambda _checked=False: do())
    return made


def tool(icon: str, name: str, do: Slot | None = None, *, keys: str = "", checkable: bool = False) -> QToolButton:
    """An icon button; its tooltip and accessible name say what it does, `keys` which key does the same."""
    made = QToolButton()
    made.setIcon(icons.icon(icon))
    made.setIconSize(QSize(icons.SIZE, icons.SIZE))
    made.setAccessibleName(name)
    made.setToolTip(f"{name} ({keys})" if keys else name)
    made.setCheckable(checkable)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    set_role(made, "quiet")
    if do is not None:
        made.clicked.connect(lambda _checked=False: do())
    return made


def label(text: str = "", *, role: str = "", wrap: bool = False, selectable: bool = False) -> QLabel:
    """A label in one of the style sheet's roles."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if selectable:
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
    if role:
        set_role(made, role)
    return made


class ElidedLabel(QLabel):
    """One line that shortens instead of pushing others apart; the tooltip has all of it. A file name loses its
    middle, a sentence its end."""

    def __init__(self, *, role: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle) -> None:
        super().__init__()
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        if mode is Qt.TextElideMode.ElideMiddle:
            self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        if role:
            set_role(self, role)

    def setText(self, text: str) -> None:
        self.setToolTip(text)
        super().setText(text)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(tabular(self.font()))
        painter.setPen(theme().tokens.colour("text"))
        shown = painter.fontMetrics().elidedText(self.text(), self._mode, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


def row(*parts: QWidget | None, spacing: int = INSIDE) -> QHBoxLayout:
    """Widgets side by side; None is the stretch between them."""
    made = QHBoxLayout()
    made.setContentsMargins(0, 0, 0, 0)
    made.setSpacing(spacing)
    for part in parts:
        if part is None:
            made.addStretch(1)
        else:
            made.addWidget(part)
    return made


def column(*parts: QWidget | QLayout | None, spacing: int = INSIDE, margin: int = 0) -> QVBoxLayout:
    """Widgets and layouts one above the other; None is a stretch."""
    made = QVBoxLayout()
    made.setContentsMargins(margin, margin, margin, margin)
    made.setSpacing(spacing)
    for part in parts:
        if part is None:
            made.addStretch(1)
        elif isinstance(part, QLayout):
            made.addLayout(part)
        else:
            made.addWidget(part)
    return made


def closing(dialog: QDialog) -> QHBoxLayout:
    """The last line of a dialog that only shows or changes at once: a button that closes it."""
    made = row(None, button(dialog.tr("Close"), dialog.close))
    made.setContentsMargins(BETWEEN, INSIDE, BETWEEN, INSIDE)
    return made


def clear(layout: QLayout) -> None:
    """Take everything out of a layout and delete it."""
    while layout.count():
        item = layout.takeAt(0)
        if item is None:
            continue
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif inner is not None:
            clear(inner)
            inner.deleteLater()


def copy_text(text: str) -> None:
    """Put text on the clipboard."""
    QGuiApplication.clipboard().setText(text)


class Picture(QLabel):
    """An icon as a picture, repainted when the theme changes."""

    def __init__(self, name: str, *, size: int = icons.SIZE, token: str = "secondary") -> None:
        super().__init__()
        self._name, self._size, self._token = name, size, token
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        theme().changed.connect(self._paint)
        self._paint()

    def show_icon(self, name: str, token: str) -> None:
        self._name, self._token = name, token
        self._paint()

    def _paint(self) -> None:
        ratio = self.devicePixelRatioF()
        self.setPixmap(icons.pixmap(self._name, token=self._token, size=self._size, ratio=ratio))


class FoldingRow(QWidget):
    """Two groups of widgets in a line, or one above the other where a line does not hold both.

    The second group has the room that the first leaves; a stretch inside it says where that room goes.
    """

    def __init__(self, first: QLayout, second: QLayout, *, spacing: int = INSIDE) -> None:
        super().__init__()
        self._groups = (first, second)
        self._lines = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.setSpacing(spacing)
        self._lines.addLayout(first)
        self._lines.addLayout(second, 1)

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._fold()
        return super().event(event)

    def _fold(self) -> None:
        wide = sum(group.sizeHint().width() for group in self._groups) + 2 * self._lines.spacing()
        fits = self.contentsRect().width() >= wide
        way = QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom
        if way is not self._lines.direction():
            self._lines.setDirection(way)

    def minimumSizeHint(self) -> QSize:
        """As narrow as the wider group: the other one can go above it."""
        margins = self.contentsMargins()
        width = max(group.minimumSize().width() for group in self._groups) + margins.left() + margins.right()
        return QSize(width, super().minimumSizeHint().height())


WORDS_WIDTH = 460  # of an empty state's sentences: longer lines are hard to read


class EmptyState(QWidget):
    """What an empty place says: what will be here, and the action that fills it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = Picture("photos", size=56, token="disabled")
        self._picture.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._picture.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._title = label(role="title", wrap=True)
        self._title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._text = label(role="secondary", wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        # The text stands between two stretches instead of being aligned: an aligned label is given the height
        # that its text needs in the full width of the page, and in a narrower one its later lines are cut.
        words = QWidget()
        words.setMaximumWidth(WORDS_WIDTH)
        words.setLayout(column(self._picture, self._title, self._text))
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(words, 1000)
        middle.addStretch(1)
        self._offers = QHBoxLayout()
        self._offers.setSpacing(INSIDE)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(AROUND, AROUND, AROUND, AROUND)
        outer.setSpacing(BETWEEN)
        outer.addStretch(3)
        outer.addLayout(middle)
        outer.addLayout(self._offers)
        outer.addStretch(4)

    def say(self, *, icon: str, title: str, text: str, offers: Sequence[Offer] = ()) -> None:
        """Show this state; a state that is shown already keeps its buttons (and the focus on them)."""
        state = (icon, title, text, tuple(offer.words for offer in offers))
        if getattr(self, "_state", None) == state:
            return
        self._state = state
        self._picture.show_icon(icon, "disabled")
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        clear(self._offers)
        self._offers.addStretch(1)
        for offer in offers:
            self._offers.addWidget(button(offer.words, offer.do, primary=offer.primary, icon=offer.icon))
        self._offers.addStretch(1)

    def first_button(self) -> QWidget | None:
        return self.findChild(QPushButton)
