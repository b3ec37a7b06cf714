"""The pictures of the question as the panel shows them: each is read once, on a worker, and kept.

A query picture may be a file, a photo of the library or pixels from the clipboard, so it is known by its identity
as an object, not by a name. What cannot be read stays without an image; the search itself reports the error.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.photos import path_text
from desktop_app.domain.query import FilePicture, LibraryPicture, Picture, QueryItem, Turn
from desktop_app.ui.viewmodels.bridge import Bridge

CHANNEL = "query-pictures"
PANEL_SIDE = 720  # long side in pixels of the pictures in the query panel
OTHERS_KEPT = 32  # pictures of earlier questions, for going back; each takes up to 2 MB


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A query picture for the panel: an image of at most `PANEL_SIDE` pixels and the oriented original's size."""

    image: QImage
    width: int
    height: int
    name: str
    in_library: bool


class PicturePort(Protocol):
    """Where query pictures are read; the call is made on a worker thread."""

    def shown_picture(self, item: QueryItem, *, long_side: int) -> ShownPicture:
        """The whole picture of a query item, whatever its region."""


def name_of(picture: Picture) -> str:
    """What a picture is called before it has been read."""
    if isinstance(picture, FilePicture):
        return path_text(os.path.basename(picture.path))
    return "photo of this library" if isinstance(picture, LibraryPicture) else picture.name


PictureKey = tuple[int, Turn]


def key_of(item: QueryItem) -> PictureKey:
    """What a picture is remembered by: itself as an object, and how it is turned."""
    return id(item.picture), item.turn


class QueryPictures(QObject):
    """The query pictures of one open library. Lives on the GUI thread."""

    changed = Signal()

    def __init__(self, bridge: Bridge, port: PicturePort | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._port = port
        # Oldest first; holding the picture keeps its id() from being used again.
        self._asked: OrderedDict[PictureKey, Picture] = OrderedDict()
        self._read: dict[PictureKey, ShownPicture] = {}

    def open_library(self, port: PicturePort | None) -> None:
        """Another library (or none): the pictures of the old one are forgotten."""
        self._bridge.drop(CHANNEL)
        self._port = port
        self._asked.clear()
        self._read.clear()

    def keep(self, items: Sequence[QueryItem]) -> None:
        """The pictures of these items are shown now: of all others only the last `OTHERS_KEPT` are kept."""
        for item in items:
            if key_of(item) in self._asked:
                self._asked.move_to_end(key_of(item))
        shown = {key_of(item) for item in items}
        others = [key for key in self._asked if key not in shown]
        for key in others[: max(0, len(others) - OTHERS_KEPT)]:
            del self._asked[key]
            self._read.pop(key, None)

    def picture(self, item: QueryItem) -> ShownPicture | None:
        """The picture of an item; None until it is read (`changed` follows)."""
        key = key_of(item)
        if key not in self._asked and self._port is not None:
            self._ask(self._port, key, item)
        return self._read.get(key)

    def _ask(self, port: PicturePort, key: PictureKey, item: QueryItem) -> None:
        self._asked[key] = item.picture

        asked = item.picture

        def arrived(picture: ShownPicture) -> None:
            if self._asked.get(key) is asked:  # else it was forgotten while it was read
                self._read[key] = picture
                self.changed.emit()

        def failed(error: IndiciumError) -> None:
            # The search with this picture reports the same error; here it only stays without an image.
            self.changed.emit()

        self._bridge.submit(
            CHANNEL,
            lambda _control: port.shown_picture(item, long_side=PANEL_SIDE),
            on_done=arrived,
            on_failed=failed,
            queue=True,
        )
