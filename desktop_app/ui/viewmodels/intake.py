"""What comes into the window by dropping, pasting, choosing or the command line, and what is done with it."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QColor, QImage, QPainter

from desktop_app.domain.query import FilePicture, Picture, PixelPicture

DATA_URL = re.compile(r"data:image/[a-z0-9.+-]+(;base64)?,([^\"'\s>]+)", re.IGNORECASE)


class Deed(StrEnum):
    """What happens with it."""

    SEARCH = "search"
    ADD_FOLDERS = "add folders"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Intake:
    """What came in. `sentence` says what a drop will do, or why it does nothing."""

    deed: Deed
    sentence: str
    pictures: tuple[Picture, ...] = ()
    folders: tuple[Path, ...] = ()


def from_paths(paths: Iterable[Path]) -> Intake:
    """Folders go to the wizard; files become one query. A mixture adds its folders."""
    there = list(paths)
    folders = tuple(path for path in there if path.is_dir())
    if folders:
        return Intake(Deed.ADD_FOLDERS, _folder_sentence(len(folders)), folders=folders)
    files = tuple(FilePicture(os.fsencode(path)) for path in there)
    if not files:
        return Intake(Deed.NOTHING, "There is nothing to search with here")
    return Intake(Deed.SEARCH, _photo_sentence(len(files)), pictures=files)


def from_mime(mime: QMimeData, *, name: str = "pasted picture") -> Intake:
    """Read what is dragged or on the clipboard: local files and folders first, then pixels.

    A browser gives pixels, a data address or only a web address; the last cannot be used, as nothing is ever
    fetched from the network, and the sentence says what to do instead.
    """
    local = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    if local:
        return from_paths(local)
    text_path = _path_in_text(mime)
    if text_path is not None:
        return from_paths([text_path])
    image = _image_of(mime)
    if image is not None and not image.isNull():
        return Intake(Deed.SEARCH, _photo_sentence(1), pictures=(PixelPicture(rgb_of(image), name),))
    if any(not url.isLocalFile() for url in mime.urls()) or mime.hasHtml():
        return Intake(
            Deed.NOTHING, "This is only a web address. Copy the picture itself in the browser, then paste it here"
        )
    return Intake(Deed.NOTHING, "There is no picture in this")


def preview(mime: QMimeData) -> Intake:
    """Like `from_mime` without decoding pixels: for the sentence while something is dragged over the window."""
    if mime.hasImage() and not any(url.isLocalFile() for url in mime.urls()):
        return Intake(Deed.SEARCH, _photo_sentence(1))
    if not mime.urls() and not mime.hasHtml() and not mime.hasText():
        return Intake(Deed.NOTHING, "There is no picture in this")
    return from_mime(mime)


def rgb_of(image: QImage) -> NDArray[np.uint8]:
    """[H, W, 3] uint8 RGB of an image; what is transparent becomes white."""
    if image.hasAlphaChannel():
        ground = QImage(image.size(), QImage.Format.Format_RGB32)
        ground.fill(QColor("white"))
        painter = QPainter(ground)
        painter.drawImage(0, 0, image)
        painter.end()
        image = ground
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return rows[:, : plain.width() * 3].reshape(plain.height(), plain.width(), 3).copy()


def _image_of(mime: QMimeData) -> QImage | None:
    if mime.hasImage():
        image = mime.imageData()
        return image if isinstance(image, QImage) else None
    for text in (mime.html() if mime.hasHtml() else "", *(url.toString() for url in mime.urls())):
        found = DATA_URL.search(text)
        if found:
            body = unquote_to_bytes(found.group(2))
            try:
                data = base64.b64decode(body) if found.group(1) else body
            except ValueError:
                return None
            return QImage.fromData(data)
    return None


def _path_in_text(mime: QMimeData) -> Path | None:
    """A single line of text that names a file which is there: terminals and editors copy paths like this."""
    text = mime.text().strip() if mime.hasText() and not mime.hasImage() else ""
    if not text or "\n" in text or len(text) > 4096:
        return None
    url = QUrl(text)
    path = Path(url.toLocalFile()) if url.isLocalFile() else Path(text)
    try:
        return path if path.is_absolute() and path.exists() else None
    except (OSError, ValueError):
        return None


def _photo_sentence(photos: int) -> str:
    return "Search with this photo" if photos == 1 else f"Search with these {photos} photos together"


def _folder_sentence(folders: int) -> str:
    return "Add this folder" if folders == 1 else f"Add these {folders} folders"
