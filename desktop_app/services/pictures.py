"""The pictures that people ask with and look at: pixels of query items, results and previews."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage, UsageError
from desktop_app.domain.geometry import Region
from desktop_app.domain.outline import Outline
from desktop_app.domain.photos import PhotoRecord, path_text
from desktop_app.domain.query import FilePicture, LibraryPicture, Picture, PixelPicture, QueryItem, Turn
from desktop_app.imaging.decode import decode_full, decode_photo
from desktop_app.imaging.outside import filled_outside
from desktop_app.imaging.preview import decode_preview
from desktop_app.imaging.sizes import Size, preview_size, shrink, turn, turned
from desktop_app.services.library_session import LibrarySession

Pixels = NDArray[np.uint8]
Value = TypeVar("Value")

LEAST_REGION_SIDE = 16  # pixels; below this a rectangle is a slip of the hand and holds nothing to compare
LEAST_OUTLINE_AREA = LEAST_REGION_SIDE**2 // 2  # pixels, likewise


class RecentlyUsed(Generic[Value]):
    """A small thread-safe cache that forgets what was used longest ago."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value under `key`, made with `make` when it is not there. `make` runs outside the lock."""
        known = self.known([key])
        if key in known:
            return known[key]
        value = make()
        self.keep(key, value)
        return value

    def known(self, keys: Iterable[Hashable]) -> dict[Hashable, Value]:
        """Those of the values that are there, by key."""
        with self._lock:
            found = {key: self._entries[key] for key in keys if key in self._entries}
            for key in found:
                self._entries.move_to_end(key)
            return found

    def keep(self, key: Hashable, value: Value) -> None:
        """Put a value under `key`."""
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            while len(self._entries) > self._capacity:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


class QueryPixels:
    """What one query item looks like: its name, oriented size, the part used and the pixels the network sees."""

    __slots__ = ("height", "name", "outline", "path", "region", "rgb", "width")

    def __init__(
        self,
        *,
        name: str,
        path: bytes | None,
        width: int,
        height: int,
        region: Region | None,
        rgb: Pixels,
        outline: Outline | None = None,
    ) -> None:
        self.name = name
        self.path = path
        self.width = width  # oriented original, turned as it asks, pixels
        self.height = height
        self.region = region  # clipped to the picture, None for all of it
        self.outline = outline  # likewise; what lies outside does not count
        self.rgb = rgb  # [h, w, 3] uint8, preview-sized pixels of the region (or of the whole picture)

    @property
    def box(self) -> Region:
        """The pixels of the oriented original that `rgb` covers."""
        return self.region or Region(0, 0, self.width, self.height)


def usable_region(region: Region, *, width: int, height: int, name: str) -> Region | None:
    """`region` clipped to the picture; None when it is the whole picture.

    Raises UsageError when it lies outside or is smaller than `LEAST_REGION_SIDE` in either direction.
    """
    inside = region.clipped(width, height)
    least = min(LEAST_REGION_SIDE, width, height)
    if inside.w < least or inside.h < least:
        raise UsageError(
            f"the region {inside.w} x {inside.h} of {name} is too small to search with",
            remedy=f"Draw one of at least {LEAST_REGION_SIDE} x {LEAST_REGION_SIDE} pixels",
        )
    return None if (inside.w, inside.h) == (width, height) else inside


def usable_part(item: QueryItem, *, width: int, height: int, name: str) -> tuple[Region | None, Outline | None]:
    """The region and the outline of `item` clipped to its picture; both None when all of it asks.

    Raises UsageError when nothing of them lies inside, or too little to search with.
    """
    if item.region is None or item.outline is None:
        region = item.region
        return (region and usable_region(region, width=width, height=height, name=name)), None
    outline = item.outline.clipped(width, height)
    box = outline.box if item.region == item.outline.box else item.region.clipped(width, height)
    usable_region(box, width=width, height=height, name=name)
    if outline.samples(box).mean() * box.w * box.h < LEAST_OUTLINE_AREA:
        raise UsageError(
            f"the outline on {name} encloses too little to search with",
            remedy=f"Draw it round at least {LEAST_OUTLINE_AREA} pixels",
        )
    return box, outline


def load_query(item: QueryItem, session: LibrarySession | None) -> QueryPixels:
    """Decode the picture of `item` and turn it; a region is cut from the original at full resolution.

    A library photo whose original is away answers from its preview. Raises UnreadableImage or UsageError.
    """
    picture = item.picture
    if isinstance(picture, PixelPicture):
        return _from_pixels(picture.rgb, item, name=picture.name, path=None)
    if isinstance(picture, LibraryPicture):
        if session is None:
            raise UsageError("a photo of a library can only be used with that library open")
        photo = session.photo(picture.id)
        try:
            return _from_file(photo.path, item, name=photo.name)
        except UnreadableImage:
            if Path(os.fsdecode(photo.path)).exists():
                raise
            return _from_preview(photo, item, session)
    return _from_file(picture.path, item, name=path_text(os.path.basename(picture.path)))


def _from_file(path: bytes, item: QueryItem, *, name: str) -> QueryPixels:
    if item.region is not None:
        return _from_pixels(decode_full(path), item, name=name, path=path)
    decoded = decode_photo(path, fingerprint=False)
    whole = QueryPixels(
        name=name, path=path, width=decoded.width, height=decoded.height, region=None, rgb=decoded.rgb
    )
    return turned_picture(whole, item.turn)


def _from_preview(photo: PhotoRecord, item: QueryItem, session: LibrarySession) -> QueryPixels:
    data = session.preview(photo)
    if data is None:
        raise UnreadableImage(
            photo.name, "it is gone, and there is no preview of it", remedy="Connect its drive and try again"
        )
    size = turned((photo.width, photo.height), item.turn.orientation)
    return _from_pixels(decode_preview(data), item, name=photo.name, path=photo.path, size=size)


def _from_pixels(
    rgb: Pixels, item: QueryItem, *, name: str, path: bytes | None, size: Size | None = None
) -> QueryPixels:
    """size: (width, height) of the original after its turn, where `rgb` is a smaller copy of it."""
    rgb = turned_rgb(rgb, item.turn)
    shown = (rgb.shape[1], rgb.shape[0])
    width, height = size or shown
    region, outline = usable_part(item, width=width, height=height, name=name)
    if region is not None:
        part = region if size is None else scaled(region, width, height, *shown)
        rgb = rgb[part.y : part.y + part.h, part.x : part.x + part.w]
    rgb = _small(rgb)
    if region is not None and outline is not None:
        rgb = filled_outside(rgb, outline.samples(region, *rgb.shape[:2]))
    return QueryPixels(name=name, path=path, width=width, height=height, region=region, rgb=rgb, outline=outline)


def _small(rgb: Pixels) -> Pixels:
    """Preview-sized pixels of a full-resolution picture, as indexing sees them; never enlarged."""
    return np.ascontiguousarray(shrink(rgb, preview_size(rgb.shape[1], rgb.shape[0])))


def turned_rgb(rgb: Pixels, how: Turn) -> Pixels:
    """Pixels [h, w, 3] uint8, turned."""
    return turn(rgb, how.orientation)


def turned_picture(pixels: QueryPixels, how: Turn) -> QueryPixels:
    """A whole query picture, turned; its width and height are those after turning."""
    width, height = turned((pixels.width, pixels.height), how.orientation)
    rgb = turned_rgb(pixels.rgb, how)
    return QueryPixels(name=pixels.name, path=pixels.path, width=width, height=height, region=None, rgb=rgb)


def scaled(region: Region, width: int, height: int, to_width: int, to_height: int) -> Region:
    """`region` of a `width` x `height` picture in the pixels of a `to_width` x `to_height` copy of it."""
    left = min(to_width - 1, region.x * to_width // width)
    top = min(to_height - 1, region.y * to_height // height)
    right = max(left + 1, -(-(region.x + region.w) * to_width // width))
    bottom = max(top + 1, -(-(region.y + region.h) * to_height // height))
    return Region(left, top, min(right, to_width) - left, min(bottom, to_height) - top)


def picture_key(picture: Picture, session: LibrarySession | None) -> Hashable:
    """What identifies a picture in a cache: a file that may change has its size and time of change in it."""
    if isinstance(picture, LibraryPicture):
        return ("library", picture.id, session.photo(picture.id).fingerprint if session is not None else None)
    if isinstance(picture, FilePicture):
        try:
            status = Path(os.fsdecode(picture.path)).stat()
        except OSError:
            return ("file", picture.path)
        return ("file", picture.path, status.st_size, status.st_mtime_ns)
    return ("pixels", picture.rgb.shape, hash(picture.rgb.tobytes()))
