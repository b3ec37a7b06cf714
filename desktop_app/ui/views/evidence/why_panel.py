"""Below the pictures: the evidence in words, the links one by one, and what was marked."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QPushButton, QScrollArea, QVBoxLayout, QWidget

from desktop_app.domain.evidence import PatchLink
from desktop_app.ui.viewmodels.evidence import EvidenceViewModel
from desktop_app.ui.viewmodels.evidence_words import LINKS_SHOWN
from desktop_app.ui.viewmodels.words import count
from desktop_app.ui.views import theme
from desktop_app.ui.views.flow import FlowLayout
from desktop_app.ui.views.parts import button, clear, column, label, row, tool
from desktop_app.ui.views.theme import BETWEEN, INSIDE, set_role

LEAST_ROOM = 44  # pixels for the words and links, before they scroll


class LinkChip(QPushButton):
    """One link as a button: its number, its colour and its strength. Pointing at it or focusing it lights it."""

    pointed = Signal(object)
    """The position of the link, or None when the pointer has left."""

    def __init__(self, position: int, link: PatchLink, colour: QColor) -> None:
        super().__init__(f"{position + 1}  {link.strength.value}  {link.score:.2f}")
        self._position = position
        self.setCheckable(True)
        self.setIcon(_disc(colour, self.devicePixelRatioF()))
        self.setFont(theme.tabular(theme.small_font(self.font())))
        self.setAccessibleName(f"Link {position + 1}, {link.strength.value}, {link.score:.2f}")
        self.setToolTip("Show only this link")

    @property
    def position(self) -> int:
        return self._position

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Enter, QEvent.Type.FocusIn):
            self.pointed.emit(self._position)
        elif event.type() in (QEvent.Type.Leave, QEvent.Type.FocusOut):
            self.pointed.emit(None)
        return super().event(event)


class WhyPanel(QFrame):
    """Words, links and marks of the pair. `lit` says which links are pointed at or kept."""

    lit = Signal(list)

    def __init__(self, evidence: EvidenceViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._evidence = evidence
        self._chips: list[LinkChip] = []
        self._state: object = None
        set_role(self, "raised")
        self.setObjectName("why")
        self.words = label(wrap=True, selectable=True)
        self.words.setAccessibleName("Why these two pictures match")
        self.marks = label(wrap=True)
        self.marks.setAccessibleName("What you marked")
        self.consequence = label(role="secondary", wrap=True)
        self.undo = tool("undo", "Undo", evidence.undo, keys="Ctrl+Z")
        self.redo = tool("redo", "Redo", evidence.redo, keys="Ctrl+Shift+Z")
        self.again = button("Search again with this", evidence.search_again, primary=True)
        self._flow = FlowLayout(spacing=4)
        self._links = QWidget()
        self._links.setLayout(self._flow)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.marks)
        texts.addWidget(self.consequence)
        bottom = row(spacing=INSIDE)
        bottom.addLayout(texts, 1)
        for part in (self.undo, self.redo, self.again):
            bottom.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
        self._told = QWidget()
        self._told.setLayout(column(self.words, self._links))
        self._told.installEventFilter(self)
        self._scroll = QScrollArea()  # in a low window what is told scrolls, and the pictures keep their room
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self._told)
        self._room = LEAST_ROOM
        for inside in (self._told, self._scroll, self._scroll.viewport()):
            set_role(inside, "inside")
        lay = QVBoxLayout(self)
        lay.setContentsMargins(BETWEEN, 12, BETWEEN, 12)
        lay.setSpacing(INSIDE)
        lay.addWidget(self._scroll)
        lay.addLayout(bottom)
        evidence.evidence_changed.connect(self.refresh)
        evidence.marks_changed.connect(self._refresh_marks)
        theme.theme().changed.connect(self._restyle)
        self.refresh()

    def set_room(self, height: int) -> None:
        """How high words and links may be together, in pixels; what is more scrolls."""
        self._room = max(LEAST_ROOM, height)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._told and event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize):
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        told = self._told
        wanted = told.heightForWidth(self._scroll.viewport().width())
        self._scroll.setFixedHeight(min(self._room, wanted if wanted > 0 else told.sizeHint().height()))

    def refresh(self) -> None:
        """Take over words and links."""
        words = self._evidence.words()
        error = self._evidence.error
        self.words.setText(str(error) if error is not None else words)
        self.words.setAccessibleDescription(self.words.text())
        evidence = self._evidence.evidence
        links = evidence.links[:LINKS_SHOWN] if evidence is not None else ()
        if links is not self._state:
            self._state = links
            self._make_chips(links)
        self._refresh_marks()
        self._fit()  # at once: what lies above must not move under the pointer later

    def _restyle(self) -> None:
        self._state = None
        self.refresh()

    def _make_chips(self, links: tuple[PatchLink, ...]) -> None:
        clear(self._flow)
        self._chips = []
        self._links.setVisible(bool(links))
        if not links:
            return
        title = label(count(len(links), "link", "links"), role="secondary")
        title.setContentsMargins(0, 8, 8, 8)
        self._flow.addWidget(title)
        for position, link in enumerate(links):
            chip = LinkChip(position, link, QColor(*self._evidence.link_colour(position + 1)))
            chip.pointed.connect(self._pointed)
            chip.toggled.connect(self._toggled)
            self._flow.addWidget(chip)
            self._chips.append(chip)
        for item in (title, *self._chips):
            item.show()  # a layout shows what is added only in the next turn of the event loop

    def _pointed(self, position: int | None) -> None:
        self.lit.emit([position] if position is not None else self._kept())

    def _toggled(self, on: bool) -> None:
        self.lit.emit(self._kept())

    def _kept(self) -> list[int]:
        return [chip.position for chip in self._chips if chip.isChecked()]

    def _refresh_marks(self) -> None:
        model = self._evidence
        marked = model.marks_sentence()
        self.marks.setText(marked or "Click a patch to mark it +, again for −, once more to take the mark away.")
        set_role(self.marks, "" if marked else "secondary")
        self.consequence.setText(model.marks_consequence())
        self.consequence.setVisible(bool(marked))
        self.undo.setEnabled(bool(model.undo_words))
        words = model.undo_words or "Undo"
        self.undo.setAccessibleName(words)
        self.undo.setToolTip(f"{words} (Ctrl+Z)")
        self.redo.setEnabled(model.can_redo)
        self.again.setEnabled(model.can_search_again)


def _disc(colour: QColor, ratio: float) -> QIcon:
    picture = QPixmap(round(12 * ratio), round(12 * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(12, 13, 14))
    painter.setBrush(colour)
    painter.drawEllipse(1, 1, 10, 10)
    painter.end()
    return QIcon(picture)
