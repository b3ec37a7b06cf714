"""Where each result matches the query, as small see-through pictures over the thumbnails."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.photos import PhotoId, PhotoRecord
from desktop_app.domain.query import QueryItem
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.thumbnails import image_of_rgba

CHANNEL = "match-maps"
KEPT = 600
WAITING = 80
LONG_SIDE = 256


class MapPort(Protocol):
    """Where the maps come from; called on a worker thread."""

    def match_map(self, item: QueryItem, photo: PhotoRecord, *, long_side: int) -> NDArray[np.uint8]:
        """The co-attention of the result as [h, w, 4] uint8 RGBA in the photo's shape, on the fixed 0..1 scale."""


class MatchMaps(QObject):
    """Maps of the results for one query item. Newest wishes first, one at a time; nothing waits for them."""

    ready = Signal(object)
    """A PhotoId whose map can be painted now."""

    def __init__(self, bridge: Bridge, port: MapPort | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._port = port
        self._item: QueryItem | None = None
        self._kept: OrderedDict[PhotoId, QImage | None] = OrderedDict()
        self._waiting: OrderedDict[PhotoId, PhotoRecord] = OrderedDict()
        self._working = False

    def open_library(self, port: MapPort | None) -> None:
        self._port = port
        self.set_item(None)

    def set_item(self, item: QueryItem | None) -> None:
        """Maps for another query picture: the old ones are forgotten."""
        if item == self._item and item is not None:
            return
        self._item = item
        self._kept.clear()
        self._waiting.clear()
        self._bridge.drop(CHANNEL)
        self._working = False

    def image(self, photo: PhotoId) -> QImage | None:
        """The map of a result, None while it is not there."""
        return self._kept.get(photo)

    def want(self, photos: Sequence[PhotoRecord]) -> None:
        """Make the maps of these results, the last named first."""
        for photo in photos:
            if photo.id not in self._kept:
                self._waiting[photo.id] = photo
                self._waiting.move_to_end(photo.id)
        while len(self._waiting) > WAITING:
            self._waiting.popitem(last=False)
        self._next()

    def _next(self) -> None:
        port, item = self._port, self._item
        if self._working or not self._waiting or port is None or item is None:
            return
        identity, photo = self._waiting.popitem(last=True)
        self._working = True

        def done(image: QImage | None) -> None:
            self._working = False
            self._kept[identity] = image
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            self.ready.emit(identity)
            self._next()

        def failed(_error: IndiciumError) -> None:
            done(None)  # a map is an extra: the photo stays without one

        self._bridge.submit(CHANNEL, _painted(port, item, photo), on_done=done, on_failed=failed, queue=True)


def _painted(port: MapPort, item: QueryItem, photo: PhotoRecord) -> Callable[[object], QImage]:
    return lambda _control: image_of_rgba(port.match_map(item, photo, long_side=LONG_SIDE))
