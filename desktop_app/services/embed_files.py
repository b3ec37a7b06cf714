"""Features of plain files without a library: what evaluation and the speed probe work with."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage, UsageError
from desktop_app.domain.features import Embedding, PhotoFeatures
from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import Skipped
from desktop_app.domain.progress import NoControl
from desktop_app.domain.query import FilePicture, QueryItem
from desktop_app.imaging.decode import decode_photo
from desktop_app.imaging.tensor import choose_shape, fit
from desktop_app.retrieval.close_look import CloseLook
from desktop_app.services.closer_look import Candidate, CloserLook, Shown
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.engine import Engine

LOOKED_AT = 1000  # files that are remembered between two close looks
WINDOW_BATCHES = 8  # files that are decoded and sorted into batches together

Tensor = NDArray[np.uint8]


def embed_files(engine: Engine, paths: Sequence[Path], *, threads: int) -> Iterator[PhotoFeatures | Skipped]:
    """One item per path, in order: its features, or why it cannot be used.

    Decoding runs `threads` wide and one window ahead of the device.
    """
    window = max(1, engine.embedder.batch_size) * WINDOW_BATCHES
    shapes = list(engine.embedder.shapes)
    with ThreadPoolExecutor(threads, "decode") as pool:
        ahead: deque[Future[Tensor | Skipped]] = deque()
        work = iter(paths)

        def fill() -> None:
            while len(ahead) < 2 * window and (path := next(work, None)) is not None:
                ahead.append(pool.submit(_decode, path, shapes))

        fill()
        while ahead:
            decoded = [ahead.popleft().result() for _ in range(min(window, len(ahead)))]
            fill()
            yield from _features(engine, decoded)


def embed_regions(engine: Engine, parts: Sequence[tuple[Path, Region]]) -> Iterator[PhotoFeatures | Skipped]:
    """One item per part of a photo, in order, embedded as a search does with a region of its query."""
    embedder = QueryEmbedder(None)
    for path, region in parts:
        file = os.fsencode(path.absolute())
        try:
            embedded = embedder.embed(QueryItem(FilePicture(file), region), engine)
        except UnreadableImage as error:
            yield Skipped(os.fsencode(path), error.reason)
        except UsageError as error:  # the region lies outside the picture, or is too small
            yield Skipped(os.fsencode(path), str(error))
        else:
            yield engine.features([embedded.embedding])[0]


def _decode(path: Path, shapes: Sequence[tuple[int, int]]) -> Tensor | Skipped:
    try:
        photo = decode_photo(path, fingerprint=False)
    except UnreadableImage as error:
        return Skipped(os.fsencode(path), error.reason)
    return fit(photo.rgb, choose_shape(photo.width, photo.height, shapes))


def _features(engine: Engine, decoded: Sequence[Tensor | Skipped]) -> list[PhotoFeatures | Skipped]:
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for position, item in enumerate(decoded):
        if not isinstance(item, Skipped):
            by_shape.setdefault(item.shape, []).append(position)
    made: dict[int, PhotoFeatures] = {}
    size = max(1, engine.embedder.batch_size)
    for positions in by_shape.values():
        for start in range(0, len(positions), size):
            part = positions[start : start + size]
            embeddings: list[Embedding] = engine.embedder.embed(np.stack([np.asarray(decoded[p]) for p in part]))
            made.update(zip(part, engine.features(embeddings), strict=True))
    return [item if isinstance(item, Skipped) else made[position] for position, item in enumerate(decoded)]


def files_seen_small(engine: Engine) -> Callable[[Path], NDArray[np.uint8] | None]:
    """The codes of the cells of what a file shows, seen small, as a search asks with it; remembered, 1 KB a file.
    None for a file that cannot be read."""

    @cache
    def small(path: Path) -> NDArray[np.uint8] | None:
        try:
            return engine.small(decode_photo(path, fingerprint=False).rgb)
        except UnreadableImage:
            return None

    return small


class FilesLook:
    """A close look with one file at others, as a search has it at previews; remembers the last ones."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._embedder = QueryEmbedder(None)
        self._closer = CloserLook(LOOKED_AT)

    def __call__(self, asked: Path, candidates: Sequence[tuple[Path, PhotoFeatures]]) -> CloseLook:
        """Files that cannot be read are not seen. Raises UnreadableImage for the one that asks, PackError."""
        item = QueryItem(FilePicture(os.fsencode(asked.absolute())))
        near = [
            Candidate(path, features.alpha.astype(np.float32), features.local, partial(_shown, path))
            for path, features in candidates
        ]
        return self._closer.look([self._embedder.embed(item, self._engine)], near, self._engine, NoControl())


def _shown(path: Path) -> Shown | None:
    try:
        photo = decode_photo(path, fingerprint=False)
    except UnreadableImage:
        return None
    return Shown(photo.rgb, photo.width, photo.height)
