"""A photo large over the whole window, at once: the thumbnail first, the original as soon as it is read."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.photos import PhotoRecord
from desktop_app.ui.viewmodels.full_pictures import FullPictures
from desktop_app.ui.viewmodels.photo_list import PhotoListModel, score_words
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.viewmodels.words import pixels, sentence
from desktop_app.ui.views import theme
from desktop_app.ui.views.photo_delegate import fitted

FOOT = 40


class QuickPreview(QWidget):
    """Opened with Space, closed with Space, Escape or a click; arrows go to the neighbours."""

    def __init__(self, opener: QWidget, pictures: FullPictures, thumbnails: ThumbnailProvider) -> None:
        super().__init__(opener)
        self._opener = opener
        self._pictures = pictures
        self._thumbnails = thumbnails
        self._model: PhotoListModel | None = None
        self._row = -1
        self._picture: QImage | QPixmap | None = None
        self._message = ""
        self._on_moved: Callable[[int], object] = lambda row: None
        self.setObjectName("quick-preview")
        self.setAccessibleName("Quick preview")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.hide()

    @property
    def row(self) -> int:
        return self._row

    def open_at(self, model: PhotoListModel, row: int, *, on_moved: Callable[[int], object]) -> None:
        """Show the photo of `row` over the window of the opener."""
        window = self._opener.window()
        self._model, self._on_moved = model, on_moved
        self.setParent(window)
        window.installEventFilter(self)
        self.setGeometry(window.rect())
        self._go(row)
        self.show()
        self.raise_()
        self.setFocus()

    def close_preview(self) -> None:
        """Back to the grid."""
        self.window().removeEventFilter(self)
        self.hide()
        self._picture = None
        self._opener.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.setGeometry(watched.rect())
        return False

    def _photo(self) -> PhotoRecord | None:
        return self._model.photo(self._row) if self._model else None

    def _go(self, row: int) -> None:
        if self._model is None or not 0 <= row < self._model.rowCount():
            return
        self._row = row
        self._on_moved(row)
        photo = self._photo()
        self._message = ""
        self._picture = self._thumbnails.pixmap(photo, 512) if photo else None
        if photo is not None:
            self.setAccessibleDescription(self._caption(photo))
            self._pictures.request(
                photo, lambda image: self._show(row, image), lambda error: self._fail(row, error)
            )
        self.update()

    def _show(self, row: int, image: QImage) -> None:
        if row == self._row:
            self._picture = image
            self.update()

    def _fail(self, row: int, error: IndiciumError) -> None:
        if row == self._row:
            self._message = f"{sentence(error.message)} {sentence(error.remedy)}".strip()
            self.update()

    def _caption(self, photo: PhotoRecord) -> str:
        parts = [photo.name]
        hit = self._model.hit(self._row) if self._model else None
        if hit is not None:
            parts.append(score_words(hit.score, hit.words))
        if photo.width:
            parts.append(pixels(photo.width, photo.height))
        if self._model:
            parts.append(f"{self._row + 1} of {self._model.rowCount()}")
        return "   ·   ".join(parts)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(
            self.rect(), QColor(12, 13, 14, 240)
        )  # dark in both themes: nothing competes with the photo
        photo = self._photo()
        if photo is None:
            return
        area = self.rect().adjusted(24, 24, -24, -24 - FOOT)
        if self._picture is not None:
            shape = QSize(photo.width, photo.height) if photo.width else self._picture.size()
            target = fitted(shape, area)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            if isinstance(self._picture, QPixmap):
                painter.drawPixmap(target, self._picture)
            else:
                painter.drawImage(target, self._picture)
        foot = QRect(area.left(), self.height() - FOOT - 8, area.width(), FOOT)
        painter.setFont(theme.tabular(self.font()))
        painter.setPen(QColor("#ECEDEE"))
        painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, self._message or self._caption(photo))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Space, Qt.Key.Key_Escape):
            self.close_preview()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Up):
            self._go(self._row - 1)
        elif key in (Qt.Key.Key_Right, Qt.Key.Key_Down):
            self._go(self._row + 1)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.close_preview()
