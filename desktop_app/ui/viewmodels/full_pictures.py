"""Whole photos for looking at closely: read by a worker, the last few kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.photos import PhotoId, PhotoRecord
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.thumbnails import image_of

Load = Callable[[PhotoRecord, int], NDArray[np.uint8]]
"""Gets a photo and the longest side wanted in pixels; gives [h, w, 3] uint8 RGB. Raises IndiciumError."""

LONG_SIDE = 2560
KEPT = 6


class FullPictures(QObject):
    """Reads whole photos on the channel "full-picture"; a newer wish replaces an older one."""

    def __init__(self, bridge: Bridge, load: Load, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._load = load
        self._kept: OrderedDict[tuple[PhotoId, bytes | None], QImage] = OrderedDict()

    def set_source(self, load: Load) -> None:
        """Another library: forget everything and read from there."""
        self._bridge.drop("full-picture")
        self._load = load
        self._kept.clear()

    def report(self, error: IndiciumError) -> None:
        """Show in the window what could not be done with a photo."""
        self._bridge.failed.emit(error)

    def request(
        self,
        photo: PhotoRecord,
        on_ready: Callable[[QImage], object],
        on_failed: Callable[[IndiciumError], object],
    ) -> None:
        """Call back on the GUI thread with the picture: at once when it is kept."""
        key = (photo.id, photo.fingerprint)
        if key in self._kept:
            self._kept.move_to_end(key)
            on_ready(self._kept[key])
            return

        def arrived(image: QImage) -> None:
            self._kept[key] = image
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            on_ready(image)

        load = self._load
        self._bridge.submit(
            "full-picture",
            lambda _control: image_of(load(photo, LONG_SIDE)),
            on_done=arrived,
            on_failed=on_failed,
        )
