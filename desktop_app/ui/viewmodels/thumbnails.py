"""Small pictures for the grids: made by workers newest first, kept in memory by size, never waited for.

A painter asks for a pixmap; a miss queues the photo and answers None (or the nearest size there is). Workers
decode, scale and grey as QImage; the GUI thread turns what arrives into pixmaps in small portions. What was
scrolled past is dropped from the bounded queue before it is decoded.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.photos import PhotoId, PhotoRecord, PhotoStatus

log = logging.getLogger(__name__)

Load = Callable[[PhotoRecord, int], NDArray[np.uint8] | None]
"""Gets a photo and a side in pixels; gives [h, w, 3] uint8 RGB of about that size, None when there is none."""

SIDES = (128, 192, 256, 384, 512)  # long sides that are kept, in device pixels
BYTES_KEPT = 256 * 1024 * 1024
WAITING = 240  # photos; the oldest beyond that are dropped
CONVERT_SECONDS = 0.006  # longest stretch of the GUI thread for one delivery


@dataclass(frozen=True, slots=True)
class ThumbnailKey:
    """What a kept thumbnail is of. The fingerprint is in it, so changed content is another thumbnail."""

    photo: PhotoId
    fingerprint: bytes | None
    side: int
    grey: bool


def side_for(wanted: int) -> int:
    """The kept size that serves a cell of `wanted` device pixels."""
    return next((side for side in SIDES if side >= wanted), SIDES[-1])


def image_of(rgb: NDArray[np.uint8]) -> QImage:
    """[h, w, 3] uint8 RGB -> an image that owns its pixels, in the format the screen uses."""
    picture = np.ascontiguousarray(rgb)
    height, width = picture.shape[:2]
    wrapped = QImage(picture.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return wrapped.convertToFormat(QImage.Format.Format_RGB32)


def image_of_rgba(rgba: NDArray[np.uint8]) -> QImage:
    """[h, w, 4] uint8 RGBA with straight alpha -> an image that owns its pixels."""
    picture = np.ascontiguousarray(rgba)
    height, width = picture.shape[:2]
    wrapped = QImage(picture.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return wrapped.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def greyed(image: QImage) -> QImage:
    """The look of a photo whose drive is away: no colour."""
    return image.convertToFormat(QImage.Format.Format_Grayscale8).convertToFormat(QImage.Format.Format_RGB32)


class _Queue:
    """The newest requests first; at most `WAITING`; a request made again becomes the newest."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: OrderedDict[ThumbnailKey, PhotoRecord] = OrderedDict()
        self._open = True

    def put(self, key: ThumbnailKey, photo: PhotoRecord) -> list[ThumbnailKey]:
        """Queue a photo; returns what was dropped for it."""
        with self._condition:
            self._waiting[key] = photo
            self._waiting.move_to_end(key)
            dropped = []
            while len(self._waiting) > WAITING:
                dropped.append(self._waiting.popitem(last=False)[0])
            self._condition.notify()
            return dropped

    def keep_only(self, wanted: Iterable[ThumbnailKey]) -> list[ThumbnailKey]:
        """Drop everything that is not wanted any more; returns what was dropped."""
        kept = set(wanted)
        with self._condition:
            dropped = [key for key in self._waiting if key not in kept]
            for key in dropped:
                del self._waiting[key]
            return dropped

    def take(self) -> tuple[ThumbnailKey, PhotoRecord] | None:
        """The newest request; waits for one; None once the queue was closed."""
        with self._condition:
            while self._open and not self._waiting:
                self._condition.wait()
            return self._waiting.popitem(last=True) if self._open else None

    def close(self) -> None:
        with self._condition:
            self._open = False
            self._waiting.clear()
            self._condition.notify_all()


class ThumbnailProvider(QObject):
    """Thumbnails for any number of grids. Lives on the GUI thread; `close()` before the application ends."""

    ready = Signal(object)
    """A PhotoId whose thumbnail can be painted now (or is known not to exist)."""
    _arrived = Signal()

    def __init__(
        self, load: Load, parent: QObject | None = None, *, workers: int = 2, bytes_kept: int = BYTES_KEPT
    ) -> None:
        super().__init__(parent)
        self._load = load
        self._limit = bytes_kept
        self._held = 0
        self._kept: OrderedDict[ThumbnailKey, QPixmap] = OrderedDict()
        self._absent: set[ThumbnailKey] = set()
        self._queued: set[ThumbnailKey] = set()
        self._queue = _Queue()
        self._mail: deque[tuple[ThumbnailKey, QImage | None]] = deque()
        self._announced = threading.Event()
        self._arrived.connect(self._convert_some, Qt.ConnectionType.QueuedConnection)
        self._threads = [
            threading.Thread(target=self._work, name=f"indicium-thumbnails-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def set_source(self, load: Load) -> None:
        """Another library: forget everything and read from there."""
        self._load = load
        self.forget_all()

    def pixmap(self, photo: PhotoRecord, wanted: int) -> QPixmap | None:
        """The thumbnail for a cell of `wanted` device pixels, or the nearest size while that is being made."""
        key = self._key(photo, side_for(wanted))
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        if key not in self._absent and key not in self._queued:
            self._queued.add(key)
            for dropped in self._queue.put(key, photo):
                self._queued.discard(dropped)
        return self._other_size(key)

    def is_absent(self, photo: PhotoRecord, wanted: int) -> bool:
        """Whether there is no picture to show for this photo."""
        return self._key(photo, side_for(wanted)) in self._absent

    def keep_waiting(self, photos: Iterable[PhotoRecord], wanted: int) -> None:
        """Only these photos are still looked at: what else waits is dropped."""
        side = side_for(wanted)
        for key in self._queue.keep_only(self._key(photo, side) for photo in photos):
            self._queued.discard(key)

    def forget(self, ids: Iterable[PhotoId]) -> None:
        """Photos changed: make their thumbnails anew when they are asked for."""
        gone = set(ids)
        for key in [key for key in self._kept if key.photo in gone]:
            self._held -= _bytes(self._kept.pop(key))
        self._absent = {key for key in self._absent if key.photo not in gone}

    def forget_all(self) -> None:
        self._queue.keep_only(())
        self._queued.clear()
        self._kept.clear()
        self._absent.clear()
        self._held = 0

    @property
    def bytes_held(self) -> int:
        return self._held

    @property
    def idle(self) -> bool:
        """Whether nothing is being made."""
        return not self._queued

    def close(self) -> None:
        self._queue.close()
        for thread in self._threads:
            thread.join(10)
        self._mail.clear()

    @staticmethod
    def _key(photo: PhotoRecord, side: int) -> ThumbnailKey:
        return ThumbnailKey(photo.id, photo.fingerprint, side, photo.status is PhotoStatus.OFFLINE)

    def _other_size(self, key: ThumbnailKey) -> QPixmap | None:
        for side in sorted(SIDES, key=lambda other: (other < key.side, abs(other - key.side))):
            found = self._kept.get(ThumbnailKey(key.photo, key.fingerprint, side, key.grey))
            if found is not None:
                return found
        return None

    def _work(self) -> None:
        while (job := self._queue.take()) is not None:
            key, photo = job
            self._mail.append((key, self._made(key, photo)))
            if not self._announced.is_set():
                self._announced.set()
                self._arrived.emit()

    def _made(self, key: ThumbnailKey, photo: PhotoRecord) -> QImage | None:
        try:
            pixels = self._load(photo, key.side)
        except IndiciumError as error:
            log.info("no thumbnail of %s: %s", photo.name, error)
            return None
        except Exception:  # a broken preview must not end the worker
            log.exception("no thumbnail of %s", photo.name)
            return None
        if pixels is None:
            return None
        image = image_of(pixels)
        if max(image.width(), image.height()) > key.side:
            size = image.size().scaled(QSize(key.side, key.side), Qt.AspectRatioMode.KeepAspectRatio)
            image = image.scaled(
                size.expandedTo(QSize(1, 1)),
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        return greyed(image) if key.grey else image

    def _convert_some(self) -> None:
        self._announced.clear()
        limit = time.monotonic() + CONVERT_SECONDS
        while self._mail and time.monotonic() < limit:
            key, image = self._mail.popleft()
            if key not in self._queued:  # forgotten in the meantime
                continue
            self._queued.discard(key)
            if image is None:
                self._absent.add(key)
            else:
                self._keep(key, QPixmap.fromImage(image))
            self.ready.emit(key.photo)
        if self._mail and not self._announced.is_set():
            self._announced.set()
            self._arrived.emit()

    def _keep(self, key: ThumbnailKey, pixmap: QPixmap) -> None:
        self._kept[key] = pixmap
        self._held += _bytes(pixmap)
        while self._held > self._limit and len(self._kept) > 1:
            self._held -= _bytes(self._kept.popitem(last=False)[1])


def _bytes(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4
