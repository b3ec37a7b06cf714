"""Small pictures of the parts of a query picture that are worth asking with; a click asks with that part."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from desktop_app.domain.geometry import Region
from desktop_app.ui.viewmodels.query_pictures import ShownPicture
from desktop_app.ui.viewmodels.words import pixels
from desktop_app.ui.views.parts import clear, label
from desktop_app.ui.views.theme import INSIDE, set_role

SIDE = 56  # of a small picture


class PartButtons(QWidget):
    """One button a part. `chosen(region)`: the part to ask with, None for the whole picture again."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[ShownPicture | None, tuple[Region, ...]] = (None, ())
        self.buttons: dict[Region, QToolButton] = {}
        self._line = QHBoxLayout()
        self._line.setSpacing(2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(INSIDE // 2)
        column.addWidget(label(self.tr("Ask with a part of it"), role="small"))
        column.addLayout(self._line)
        self.hide()

    def show_parts(self, picture: ShownPicture | None, parts: tuple[Region, ...], region: Region | None) -> None:
        """Offer the parts of a picture; the one that is `region` now is pressed. Hidden where there are none."""
        if picture is not self._shown[0] or parts != self._shown[1]:
            self._shown = (picture, parts)
            clear(self._line)
            made = {part: self._button(picture, part, at) for at, part in enumerate(parts, 1)} if picture else {}
            self.buttons = made
            for button in made.values():
                self._line.addWidget(button)
            self._line.addStretch(1)
        for part, button in self.buttons.items():
            button.setChecked(part == region)
        self.setVisible(bool(self.buttons))

    def _button(self, picture: ShownPicture, part: Region, place: int) -> QToolButton:
        button = QToolButton()
        button.setAccessibleName(self.tr("Ask with part {0}").format(place))
        button.setToolTip(self.tr("Ask with this part, {0}").format(pixels(part.w, part.h)))
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_role(button, "quiet")
        scale = picture.image.width() / picture.width
        cut = QRect(
            round(part.x * scale), round(part.y * scale), round(part.w * scale), round(part.h * scale)
        ).intersected(picture.image.rect())
        small = picture.image.copy(cut).scaled(
            QSize(SIDE, SIDE) * self.devicePixelRatioF(),
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        button.setIcon(QIcon(QPixmap.fromImage(small)))
        button.setIconSize(QSize(SIDE, SIDE))
        button.clicked.connect(lambda on: self.chosen.emit(part if on else None))
        return button
