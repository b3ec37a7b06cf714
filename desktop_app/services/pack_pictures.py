"""The photos that a pack is learnt on: a sample of a folder or of a library, decoded to a moderate size."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage, UsageError
from desktop_app.domain.features import Embedding
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.ports import Embedder
from desktop_app.imaging.decode import decode_photo
from desktop_app.imaging.formats import is_picture_name
from desktop_app.imaging.preview import decode_preview
from desktop_app.imaging.tensor import choose_shape, fit
from desktop_app.services.library_session import LibrarySession

Rgb = NDArray[np.uint8]
LONG_SIDE = 512
FEWEST = 8


def photos_of_folder(folder: Path, count: int, *, threads: int) -> list[Rgb]:
    """Up to `count` photos from anywhere below `folder`, spread over it; unreadable ones are left out.

    Raises UsageError when it is no folder or holds too few photos to learn anything from.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", remedy="Give a folder of photos")
    found = sorted(
        Path(place) / name
        for place, folders, names in os.walk(folder)
        for name in names
        if is_picture_name(os.fsencode(name))
    )
    return _enough([_of_file(path) for path in spread(found, count)], f"the folder {folder}", threads)


def photos_of_library(session: LibrarySession, count: int, *, threads: int) -> list[Rgb]:
    """Up to `count` photos of a library, spread over it: their previews, which are there without the originals.

    Raises UsageError when the library holds too few.
    """
    ids = [PhotoId(int(number)) for number in np.sort(session.photo_ids())]
    chosen = session.photos(spread(ids, count))
    return _enough(
        [lambda photo=photo: _of_preview(session.preview(photo)) for photo in chosen],  # type: ignore[misc]
        f"the library {session.root}",
        threads,
    )


def spread(items: Sequence[PhotoId] | Sequence[Path], count: int) -> list:  # type: ignore[type-arg]
    """`count` items evenly over the whole sequence, or all when there are fewer."""
    if len(items) <= count:
        return list(items)
    return [items[int(at)] for at in np.linspace(0, len(items) - 1, count)]


def _of_file(path: Path) -> Callable[[], Rgb | None]:
    def read() -> Rgb | None:
        try:
            return decode_photo(path, long_side=LONG_SIDE, fingerprint=False).rgb
        except UnreadableImage:
            return None

    return read


def _of_preview(data: bytes | None) -> Rgb | None:
    try:
        return None if data is None else decode_preview(data)
    except UnreadableImage:
        return None


def _enough(readers: Sequence[Callable[[], Rgb | None]], place: str, threads: int) -> list[Rgb]:
    with ThreadPoolExecutor(max(1, threads), "decode") as pool:
        photos = [rgb for rgb in pool.map(lambda read: read(), readers) if rgb is not None]
    if len(photos) < FEWEST:
        raise UsageError(
            f"{place} holds {len(photos)} photos that can be read, and at least {FEWEST} are needed",
            remedy="A few hundred photos of the kind you search in are best",
        )
    return photos


def embed_pictures(embedder: Embedder, pictures: Sequence[Rgb]) -> list[Embedding]:
    """One embedding per picture [H, W, 3] uint8, in order."""
    shapes = list(embedder.shapes)
    by_shape: dict[tuple[int, int], list[int]] = {}
    for at, rgb in enumerate(pictures):
        by_shape.setdefault(choose_shape(rgb.shape[1], rgb.shape[0], shapes), []).append(at)
    made: dict[int, Embedding] = {}
    size = max(1, embedder.batch_size)
    for shape, places in by_shape.items():
        for start in range(0, len(places), size):
            part = places[start : start + size]
            batch = np.stack([fit(pictures[at], shape) for at in part])
            made.update(zip(part, embedder.embed(batch), strict=True))
    return [made[at] for at in range(len(pictures))]
