"""The photos of an evaluated folder and their features, for protocols that ask with pictures they make."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.domain.features import Embedding, PhotoFeatures
from desktop_app.domain.photos import Skipped
from desktop_app.domain.progress import Control, Progress
from desktop_app.domain.query import FilePicture, PixelPicture, QueryItem
from desktop_app.domain.results import Stage
from desktop_app.evaluation.clock import Clock
from desktop_app.evaluation.composites import Rgb
from desktop_app.evaluation.ranking import Asked, Gallery, content_key, ranked
from desktop_app.retrieval.fusion import LOCAL_DEPTH
from desktop_app.retrieval.parameters import RetrievalParameters
from desktop_app.retrieval.tiles import TileScores
from desktop_app.services.embed_files import embed_files
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.engine import Engine
from desktop_app.services.explain import ExplainService

LONG_SIDE = 1024  # pixels to which photos are reduced before anything is made of them


@dataclass(frozen=True, slots=True)
class Described:
    """The photos that can be read, in the order of their content, their features, and what cannot be read.

    numbers: the place of each among the files that were given, so that what is made of a photo does not depend on
    the pack. contents: [N] int64, equal for photos with the same features.
    """

    paths: tuple[Path, ...]
    numbers: tuple[int, ...]
    contents: NDArray[np.int64]
    features: tuple[PhotoFeatures, ...]
    skipped: tuple[Skipped, ...]

    def gallery(self) -> Gallery:
        return Gallery.of(self.features)


def picture_files(root: Path, is_picture: Callable[[bytes], bool]) -> list[Path]:
    """The pictures below `root`, sorted; hidden files and folders are left out, links to folders not followed.

    Raises UsageError when `root` is not a folder or holds no picture.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder")
    files = [path for path in all_files(root) if is_picture(os.fsencode(path.name))]
    if not files:
        raise UsageError(f"there are no pictures in {root}")
    return files


def all_files(root: Path) -> Iterator[Path]:
    """The files below a folder, folder by folder in sorted order, without hidden ones."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(names) if not name.startswith("."))


def described(
    files: Sequence[Path], engine: Engine, *, threads: int, control: Control
) -> Generator[Progress, None, Described]:
    """Embed files; the result is in the order of content, so that not even equal scores depend on a name.

    Raises UsageError when none of them can be read.
    """
    clock = Clock(len(files), f"embedding with {engine.embedder.pack_name}")
    kept: list[tuple[bytes, int, PhotoFeatures]] = []
    skipped: list[Skipped] = []
    for at, item in enumerate(embed_files(engine, files, threads=threads)):
        control.wait_if_paused()
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            kept.append((content_key(item), at, item))
        if report := clock.step():
            yield report
    if not kept:
        raise UsageError(f"none of the {len(files)} pictures can be read", remedy=_first_reason(skipped))
    kept.sort(key=lambda entry: entry[0])
    changes = [0] + [int(one[0] != other[0]) for one, other in pairwise(kept)]
    return Described(
        paths=tuple(files[at] for _, at, _ in kept),
        numbers=tuple(at for _, at, _ in kept),
        contents=np.cumsum(changes),
        features=tuple(features for _, _, features in kept),
        skipped=tuple(skipped),
    )


def choose(photos: Described, count: int | None, seed: int) -> list[int]:
    """The positions that ask: all of them, or `count` chosen by `seed`; the same files with every pack."""
    by_number = np.argsort(photos.numbers, kind="stable")
    if count is None or count >= len(by_number):
        return [int(at) for at in by_number]
    picked = np.random.default_rng(seed).choice(len(by_number), count, replace=False)
    return [int(by_number[at]) for at in np.sort(picked)]


def ranks_of(
    photos: Described,
    gallery: Gallery,
    asked: Sequence[int],
    queries: Sequence[PhotoFeatures | Asked],
    *,
    stages: Sequence[Stage],
    parameters: RetrievalParameters,
) -> NDArray[np.int64]:
    """For every query the rank, from 1, of the photo at its position in `asked`, or of an identical copy of it.
    gallery: that of `photos`, made once for all calls."""
    ranks = []
    for at, query in zip(asked, queries, strict=True):
        order = rank(gallery, query, stages=stages, parameters=parameters)
        ranks.append(1 + int((photos.contents[order] == photos.contents[at]).argmax()))
    return np.array(ranks, dtype=np.int64)


def rank_measures(ranks: NDArray[np.int64]) -> dict[str, float]:
    """R@1, R@10 and the mean reciprocal rank of what was looked for, each 0..1."""
    return {
        "R@1": float((ranks <= 1).mean()),
        "R@10": float((ranks <= 10).mean()),
        "MRR": float((1.0 / ranks).mean()),
    }


class MadePictures:
    """Loads pixels and embeds made ones, as the search does with a file and with a pasted picture."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._files = ExplainService(None, engine=engine)
        self._embedder = QueryEmbedder(None)

    def load(self, path: Path) -> Rgb:
        """The oriented pixels of a file, at most LONG_SIDE long. Raises UnreadableImage."""
        item = QueryItem(FilePicture(os.fsencode(path.absolute())))
        return self._files.query_picture(item, long_side=LONG_SIDE).rgb

    def embed(self, rgb: Rgb) -> Embedding:
        """All outputs of the pack for made pixels."""
        return self._embedder.embed(QueryItem(PixelPicture(rgb)), self._engine).embedding

    def asked(self, rgb: Rgb) -> Asked:
        """Made pixels as a query."""
        embedded = self._embedder.embed(QueryItem(PixelPicture(rgb)), self._engine)
        return replace(Asked.of(self._engine.features([embedded.embedding])[0]), small=embedded.small())

    def describe(self, rgb: Rgb) -> PhotoFeatures:
        """What a library would keep of made pixels."""
        return self._engine.features([self.embed(rgb)])[0]


def rank(
    gallery: Gallery,
    query: PhotoFeatures | Asked,
    *,
    stages: Sequence[Stage],
    parameters: RetrievalParameters,
    tiles: TileScores | None = None,
    depth: int = LOCAL_DEPTH,
) -> NDArray[np.int64]:
    """The order [N] of a gallery, best first, for a query that is no member of it.

    tiles: the best part of every photo, in a gallery that is searched in parts.
    """
    asked = query if isinstance(query, Asked) else Asked.of(query)
    scores = gallery.alphas @ asked.alpha
    return ranked(gallery, asked, scores, stages=stages, parameters=parameters, depth=depth, tiles=tiles).rows


def _first_reason(skipped: Sequence[Skipped]) -> str:
    return f"The first of them: {skipped[0].reason}" if skipped else ""
