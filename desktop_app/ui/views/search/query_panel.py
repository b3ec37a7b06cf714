"""The left side of the Search page: the pictures one asks with, their regions, and the rounds."""

from __future__ import annotations

import re

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QPen, QPixmap, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.domain.outline import Outline, Part
from desktop_app.domain.query import QueryItem
from desktop_app.ui.viewmodels.query_pictures import ShownPicture, name_of
from desktop_app.ui.viewmodels.rounds import RoundsViewModel
from desktop_app.ui.viewmodels.search import SearchViewModel
from desktop_app.ui.viewmodels.words import pixels
from desktop_app.ui.views import icons, theme
from desktop_app.ui.views.flow import FlowLayout
from desktop_app.ui.views.parts import button, clear, label, row, tool
from desktop_app.ui.views.search.part_buttons import PartButtons
from desktop_app.ui.views.search.region_editor import EDGE, WIDTH, RegionEditor, Shape
from desktop_app.ui.views.search.rounds_bar import RoundsBar
from desktop_app.ui.views.theme import BETWEEN, INSIDE, set_role

SMALL = 52  # the side of a picture in the strip


class ItemButton(QToolButton):
    """A small query picture in the strip: chosen for editing by a click; a minus sign when it is not wanted."""

    def __init__(self, item: QueryItem, picture: ShownPicture | None, *, chosen: bool) -> None:
        super().__init__()
        self._negative = item.negative
        name = picture.name if picture else name_of(item.picture)
        self.setAccessibleName(f"{'Not like' if item.negative else 'Like'} {name}")
        self.setToolTip(name)
        self.setCheckable(True)
        self.setChecked(chosen)
        self.setFixedSize(SMALL + 8, SMALL + 8)
        self.setIconSize(QSize(SMALL - 6, SMALL - 6))
        set_role(self, "quiet")
        if picture is not None:
            ratio = self.devicePixelRatioF()
            image = _part_of(picture, item).scaled(
                round((SMALL - 6) * ratio),
                round((SMALL - 6) * ratio),
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            self.setIcon(QIcon(QPixmap.fromImage(image)))
        else:
            self.setIcon(icons.icon("photo", token="disabled"))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        tokens = theme.theme().tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isChecked():
            painter.setPen(QPen(tokens.colour("accent"), 2))
            painter.drawRoundedRect(self.rect().adjusted(3, 3, -4, -4), 6, 6)
        if self._negative:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.colour("panel"))
            painter.drawEllipse(self.width() - 22, 4, 18, 18)
            painter.setPen(QPen(tokens.colour("minus"), 2, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(self.width() - 21, 5, 16, 16)
            painter.setPen(QPen(tokens.colour("minus"), 2))
            painter.drawLine(self.width() - 17, 13, self.width() - 9, 13)


def _part_of(picture: ShownPicture, item: QueryItem) -> QImage:
    """The picture, or the part of it that asks."""
    region = item.region
    if region is None:
        return picture.image
    across, down = picture.image.width() / picture.width, picture.image.height() / picture.height
    return picture.image.copy(
        round(region.x * across),
        round(region.y * down),
        max(1, round(region.w * across)),
        max(1, round(region.h * down)),
    )


class QueryPanel(QScrollArea):
    """What is asked with. Emits `add_requested` for the file dialog of the window."""

    add_requested = Signal()

    def __init__(self, search: SearchViewModel, rounds: RoundsViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._search = search
        self._rounds = rounds
        self._chosen = 0
        self._adding = False  # what is drawn next is another part of the picture
        self._strip_state: object = None
        self.setObjectName("query-panel")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedWidth(WIDTH + 2 * EDGE + 2 * BETWEEN)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._build()
        for signal in (search.query_changed, search.pictures_changed, search.history_changed):
            signal.connect(self._refresh)
        search.busy_changed.connect(lambda _busy: self._refresh())
        theme.theme().changed.connect(self._restyle)
        self._refresh()

    def _build(self) -> None:
        body = QWidget()
        set_role(body, "panel")
        self.editor = RegionEditor()
        self.editor.part_edited.connect(self._part_edited)
        self.rectangle = tool(
            "region", "Draw a rectangle", lambda: self.editor.set_shape(Shape.RECTANGLE), checkable=True
        )
        self.lasso = tool(
            "lasso", "Draw round a thing", lambda: self.editor.set_shape(Shape.OUTLINE), checkable=True
        )
        shapes = QButtonGroup(self)
        for shape in (self.rectangle, self.lasso):
            shapes.addButton(shape)
        self.rectangle.setChecked(True)
        self.parts = PartButtons()
        self.parts.chosen.connect(lambda region: self._part_edited(region, False))
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self._escape)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._name = label(wrap=True)
        self._note = label(role="small", wrap=True)
        self.another = tool(
            "plus", "Draw another part of this picture; each can be wanted or not", self._begin_another
        )
        self.turned = QCheckBox("Also turned or mirrored")
        self.turned.clicked.connect(self._search.set_turned)
        self.not_like = button("Not like this", icon="not-like", quiet=True)
        self.not_like.setCheckable(True)
        self.not_like.clicked.connect(self._toggle_negative)
        self.remove = button("Remove", self._remove, icon="close", quiet=True)
        self.whole = button("Use all of it", self.editor.clear_part, quiet=True)
        self.whole.setToolTip("Search with the whole picture again (Esc)")
        self._strip = FlowLayout(spacing=2)
        self._strip_box = QWidget()
        self._strip_box.setLayout(self._strip)
        self.add = button("Add", self.add_requested.emit, icon="plus")
        self.add.setAccessibleName("Add a picture to the search")
        self.clear_button = button("Clear", self._search.clear, icon="close")
        self.rounds = RoundsBar(self._search, self._rounds)
        self._earlier = label("Earlier searches", role="secondary")
        self.back = tool("chevron-left", "Previous search", self._search.back, keys="Alt+Left")
        self.forward = tool("chevron-right", "Next search", self._search.forward, keys="Alt+Right")
        self.again = button("Search again", self._search.search_again, icon="refresh")
        actions = QHBoxLayout()
        actions.setSpacing(0)
        actions.addWidget(self.not_like)
        actions.addWidget(self.remove)
        actions.addStretch(1)
        column = QVBoxLayout(body)
        column.setContentsMargins(BETWEEN, BETWEEN, BETWEEN, BETWEEN)
        column.setSpacing(INSIDE)
        column.addWidget(self.editor)
        column.addLayout(row(self.rectangle, self.lasso, self.another, None, self.whole, spacing=2))
        column.addWidget(self._name)
        column.addWidget(self._note)
        column.addWidget(self.turned)
        column.addWidget(self.parts)
        column.addLayout(actions)
        column.addWidget(self._strip_box)
        column.addLayout(row(self.add, self.clear_button, None))
        column.addStretch(1)
        column.addWidget(self.rounds)
        column.addLayout(row(self._earlier, None, self.back, self.forward, spacing=0))
        column.addWidget(self.again)
        self.setWidget(body)

    @property
    def chosen(self) -> int:
        """The index of the picture that is being edited."""
        return self._chosen

    def choose(self, index: int) -> None:
        """Edit another picture of the query."""
        self._chosen, self._adding = index, False
        self._refresh()

    def _item(self) -> QueryItem | None:
        items = self._search.items
        if not items:
            return None
        self._chosen = max(0, min(self._chosen, len(items) - 1))
        return items[self._chosen]

    def _refresh(self) -> None:
        item = self._item()
        picture = self._search.picture(item) if item else None
        self._adding = self._adding and item is not None
        self.editor.show_picture(picture, None if self._adding or item is None else item.part)
        parts = self._search.parts.of(item) if item else ()
        self.parts.show_parts(picture, parts, item.region if item else None)
        self._name.setText(_breakable(picture.name if picture else name_of(item.picture)) if item else "")
        self._note.setText("Draw the other part (Esc: leave it)" if self._adding else _note(item, picture))
        self._note.setVisible(bool(self._note.text()))
        self.whole.setVisible(item is not None and item.region is not None and not self._adding)
        self.another.setVisible(self.whole.isVisibleTo(self))
        for shape in (self.rectangle, self.lasso):
            shape.setEnabled(item is not None)
        self._refresh_turned(item)
        several = len(self._search.items) > 1
        self.not_like.setVisible(several)
        self.remove.setVisible(several)
        self.not_like.setChecked(item is not None and item.negative)
        self._refresh_strip()
        self.back.setEnabled(self._search.can_go_back)
        self.forward.setEnabled(self._search.can_go_forward)
        for part in (self._earlier, self.back, self.forward):
            part.setVisible(self._search.can_go_back or self._search.can_go_forward)
        self.again.setEnabled(item is not None and not self._search.busy)
        self.clear_button.setEnabled(item is not None)

    def _refresh_strip(self) -> None:
        items = self._search.items
        pictures = [self._search.picture(item) for item in items]
        state = ([(item.negative, item.part) for item in items], [id(p) for p in pictures], self._chosen)
        if state == self._strip_state:
            return
        self._strip_state = state
        clear(self._strip)
        self._strip_box.setVisible(len(items) > 1)
        if len(items) < 2:
            return
        order = sorted(range(len(items)), key=lambda index: items[index].negative)
        for index in order:
            small = ItemButton(items[index], pictures[index], chosen=index == self._chosen)
            small.clicked.connect(lambda _checked=False, index=index: self.choose(index))
            self._strip.addWidget(small)

    def _restyle(self) -> None:
        self._strip_state = None
        self._refresh()

    def _refresh_turned(self, item: QueryItem | None) -> None:
        self.turned.setVisible(item is not None)
        possible = self._search.can_turn
        self.turned.setEnabled(possible)
        self.turned.setChecked(possible and self._search.turned)
        self.turned.setToolTip(_TURNED if possible else _NOT_TURNED)

    def _begin_another(self) -> None:
        self._adding = True
        self._refresh()
        self.editor.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._adding:
            self._escape()
        else:
            super().keyPressEvent(event)

    def _escape(self) -> None:
        if self._adding:
            self.choose(self._chosen)
        else:
            self.editor.clear_part()

    def _part_edited(self, part: Part | None, live: bool) -> None:
        if self._adding and part is not None:
            self._adding = False
            index, self._chosen = self._chosen, len(self._search.items)
            self._search.add_part(index, part, live=live)
        else:
            self._search.set_part(self._chosen, part, live=live)

    def _toggle_negative(self, wanted: bool) -> None:
        self._search.set_negative(self._chosen, wanted)

    def _remove(self) -> None:
        self._search.remove(self._chosen)


_TURNED = (
    "Look for the picture turned by quarters and mirrored as well; the way round that fits best asks, "
    "and is shown here. Takes a little longer."
)
_NOT_TURNED = "Only one whole picture, without marks or automatic feedback, can be looked for turned and mirrored"


def _note(item: QueryItem | None, picture: ShownPicture | None) -> str:
    """Where the picture comes from, its size and its region, in a line or two."""
    if item is None:
        return ""
    parts = []
    if item.from_mark:
        parts.append("A part you marked")
    elif picture is not None and picture.in_library:
        parts.append("In this library")
    if item.region is not None:
        shape = "Outline" if isinstance(item.part, Outline) else "Region"
        parts.append(f"{shape} {pixels(item.region.w, item.region.h)}")
    elif picture is not None:
        parts.append(pixels(picture.width, picture.height))
    if item.turn.words:
        parts.append(item.turn.words.capitalize())
    return " · ".join(parts)


def _breakable(name: str) -> str:
    """Long file names may break behind their separators, and anywhere when there are none."""
    pieces = re.findall(r"[^\W_]{1,16}|[\W_]", name)
    return "\u200b".join(pieces)
