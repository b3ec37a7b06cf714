"""Describe the parts of photos, for a library that is searched in parts (see `retrieval.tiles`).

It runs behind the indexing of whole photos, which are found meanwhile, and takes whatever lacks its parts: so a
library in which the option is turned on, a run that was killed and a row that was damaged are all the same case.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.features import TileEntries
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.progress import Control, Phase, Progress
from desktop_app.imaging.preview import decode_preview
from desktop_app.imaging.sizes import preview_size, shrink
from desktop_app.imaging.tensor import choose_shape, fit
from desktop_app.library.catalogue import Catalogue
from desktop_app.retrieval.tiles import quantised, region_crops
from desktop_app.services.engine import Engine
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.pace import Pace
from desktop_app.services.priority import step_aside

log = logging.getLogger(__name__)

TIMES_LONGER = 14  # than indexing whole photos alone: 13 more pictures pass the network for every photo
BYTES_A_PHOTO = 8_000  # on disk
TOGETHER = 16  # photos in one transaction: what a kill costs


def index_tiles(
    session: LibrarySession, engine: Engine, *, control: Control, low_priority: bool = False
) -> Generator[Progress, None, int]:
    """Describe the parts of every photo that lacks them; yields progress and returns of how many it did.

    Nothing happens while the option is off. A photo without a preview that cannot be read is left for the next
    run. Raises IndiciumError when the job cannot go on.
    """
    if not session.tiles_wanted():
        return 0
    work = Work(
        Catalogue.lacking_tiles, Catalogue.lacking_tiles_count, partial(describe_tiles, engine=engine), _keep_tiles
    )
    return (yield from _described(session, engine, work, control=control, low_priority=low_priority))


def index_cells(
    session: LibrarySession, engine: Engine, *, control: Control, low_priority: bool = False
) -> Generator[Progress, None, int]:
    """Code the cells of photos that were indexed before cells were coded; else as `index_tiles`."""
    work = Work(
        Catalogue.lacking_cells, Catalogue.lacking_cells_count, partial(_cells, engine=engine), _keep_cells
    )
    return (yield from _described(session, engine, work, control=control, low_priority=low_priority))


Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Work(Generic[Made]):
    """What is described. lacking, count: what a catalogue lacks of it, for a digest. make: it, of the pixels of a
    preview. keep: stores it for feature rows."""

    lacking: Callable[..., list[tuple[int, PhotoRecord]]]
    count: Callable[[Catalogue, str], int]
    make: Callable[[NDArray[np.uint8]], Made | None]
    keep: Callable[[Catalogue, Sequence[tuple[int, Made]]], None]


def _described(
    session: LibrarySession, engine: Engine, work: Work[Made], *, control: Control, low_priority: bool
) -> Generator[Progress, None, int]:
    total = work.count(session.reader, engine.digest)
    pace = Pace()
    made = seen = after = 0
    with ThreadPoolExecutor(1, "parts", initializer=step_aside if low_priority else None) as worker:
        while waiting := work.lacking(session.reader, engine.digest, TOGETHER, after=after):
            batch: list[tuple[int, Made]] = []
            for feature, photo in waiting:
                described: Made | None = worker.submit(partial(_of_photo, session, photo, work.make)).result()
                seen += 1
                if described is not None:
                    batch.append((feature, described))
                pace.note(seen)
                yield Progress(
                    Phase.PARTS,
                    done=seen,
                    total=max(total, seen),
                    rate=pace.rate,
                    seconds_left=pace.seconds_left(max(0, total - seen)),
                    device=engine.embedder.report().words,
                )
                before = time.monotonic()
                control.wait_if_paused()
                if time.monotonic() - before > 1.0:
                    pace.resume()
            session.write(_storing(work, batch))
            made += len(batch)
            after = waiting[-1][0]
    return made


def _storing(work: Work[Made], made: Sequence[tuple[int, Made]]) -> Callable[[Catalogue], None]:
    return lambda catalogue: work.keep(catalogue, made)


def _keep_tiles(catalogue: Catalogue, made: Sequence[tuple[int, TileEntries]]) -> None:
    catalogue.add_tiles(made)


def _keep_cells(catalogue: Catalogue, made: Sequence[tuple[int, NDArray[np.uint8]]]) -> None:
    catalogue.add_cells(made)


def _of_photo(
    session: LibrarySession, photo: PhotoRecord, make: Callable[[NDArray[np.uint8]], Made | None]
) -> Made | None:
    """What is made of the preview of one photo; None where there are no pixels of it."""
    data = session.preview(photo)
    if data is None:
        return None
    try:
        return make(decode_preview(data))
    except UnreadableImage as error:
        log.warning("%r is not described further: %s", photo.path, error)
        return None


def _cells(rgb: NDArray[np.uint8], engine: Engine) -> NDArray[np.uint8] | None:
    shape = choose_shape(rgb.shape[1], rgb.shape[0], list(engine.embedder.shapes))
    return engine.cells(engine.embedder.embed(fit(rgb, shape)[None])[0])


def describe_tiles(rgb: NDArray[np.uint8], engine: Engine) -> TileEntries:
    """The parts of a picture [H, W, 3], seen as large as its preview is."""
    crops = region_crops(shrink(rgb, preview_size(rgb.shape[1], rgb.shape[0])))[1:]
    shapes = list(engine.embedder.shapes)
    by_shape: dict[tuple[int, int], list[int]] = {}
    for number, crop in enumerate(crops):
        by_shape.setdefault(choose_shape(crop.shape[1], crop.shape[0], shapes), []).append(number)
    alphas: dict[int, NDArray[np.float32]] = {}
    for shape, numbers in by_shape.items():
        embeddings = engine.embedder.embed(np.stack([fit(crops[number], shape) for number in numbers]))
        alphas.update(zip(numbers, (embedding.alpha for embedding in embeddings), strict=True))
    return TileEntries(quantised(np.stack([alphas[number] for number in range(len(crops))])))
