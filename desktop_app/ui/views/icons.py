"""Our own line icons (20 px, 1.5 px stroke), tinted from the theme at the moment they are painted."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton

from desktop_app import locate
from desktop_app.ui.views.theme import theme

SIZE = 20
AIR = 4  # added between an icon and the words beside it: Qt itself leaves only 4


def file_of(name: str) -> str:
    """The path of an icon with forward slashes, as style sheets want it."""
    return (locate.resources_dir() / "icons" / f"{name}.svg").as_posix()


def names() -> list[str]:
    """The names of all icons there are."""
    return sorted(path.stem for path in (locate.resources_dir() / "icons").glob("*.svg"))


def icon(name: str, *, token: str = "text") -> QIcon:
    """The icon `name`, tinted with a token of the theme; disabled states use the `disabled` token.

    The tint is looked up when painting, so a change of theme needs no new icons. Raises FileNotFoundError when
    there is no such icon.
    """
    _source(name)
    return QIcon(_TintedSvg(name, token))


def put_beside(button: QAbstractButton, name: str, *, token: str = "text", size: int = SIZE) -> None:
    """Give a button with words the icon `name` in front of them, with enough air between the two."""
    button.setIcon(icon(name, token=token))
    button.setIconSize(QSize(size + AIR, size))


def pixmap(name: str, *, token: str = "secondary", size: int = SIZE, ratio: float = 1.0) -> QPixmap:
    """The icon as a pixmap of `size` device-independent pixels at the device pixel `ratio`."""
    return QPixmap.fromImage(_render(name, theme().tokens.colour(token).name(), size, ratio))


def application_icon() -> QIcon:
    """The application's icon in all sizes there are."""
    made = QIcon()
    folder = locate.resources_dir() / "icons" / "application"
    for path in sorted(folder.glob("*.png")):
        made.addFile(str(path))
    return made


class _TintedSvg(QIconEngine):
    """Paints one icon in the theme's colour of the moment."""

    def __init__(self, name: str, token: str) -> None:
        super().__init__()
        self._name = name
        self._token = token

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        token = "disabled" if mode is QIcon.Mode.Disabled else self._token
        # At the left of a wider place: what is left over is the air before a button's words.
        side = min(rect.width(), rect.height())
        ratio = painter.device().devicePixelRatio() if painter.device() else 1.0
        picture = _render(self._name, theme().tokens.colour(token).name(), side, ratio)
        painter.drawImage(rect.x(), rect.y() + (rect.height() - side) // 2, picture)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        """`size` is in device-independent pixels; the pixmap has `scale` times as many."""
        made = QPixmap((size * scale).expandedTo(QSize(1, 1)))
        made.setDevicePixelRatio(scale)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return made

    def clone(self) -> QIconEngine:
        return _TintedSvg(self._name, self._token)


@lru_cache(maxsize=256)
def _source(name: str) -> str:
    return (Path(locate.resources_dir()) / "icons" / f"{name}.svg").read_text(encoding="utf-8")


@lru_cache(maxsize=512)
def _render(name: str, colour: str, size: int, ratio: float) -> QImage:
    drawing = _source(name).replace("currentColor", QColor(colour).name())
    side = max(1, round(size * ratio))
    made = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF(made.rect()))
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made
