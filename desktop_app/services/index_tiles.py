"""Describe the parts of photos, for a library that is searched in parts (see `retrieval.tiles`).

It runs behind the indexing of whole photos, which are found meanwhile, and takes whatever lacks its parts: so a
library in which the option is turned on, a run that was killed and a row that was damaged are all the same case.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.features import Embedding, TileEntries
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.progress import Control, Phase, Progress
from desktop_app.imaging.preview import decode_preview
from desktop_app.imaging.sizes import preview_size, shrink
from desktop_app.imaging.tensor import choose_shape, fit
from desktop_app.library.catalogue import Catalogue
from desktop_app.retrieval.cell_match import cell_codes
from desktop_app.retrieval.tile_match import content_mask, object_canvas, object_cells
from desktop_app.retrieval.tiles import quantised, region_crops
from desktop_app.services.engine import Engine
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.pace import Pace
from desktop_app.services.priority import step_aside

log = logging.getLogger(__name__)

TIMES_LONGER = 15  # than indexing whole photos alone: 14 more pictures pass the network for every photo
BYTES_A_PHOTO = 13_000  # on disk
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
    total = session.reader.lacking_tiles_count(engine.digest)
    pace = Pace()
    made = seen = after = 0
    with ThreadPoolExecutor(1, "tiles", initializer=step_aside if low_priority else None) as worker:
        while waiting := session.reader.lacking_tiles(engine.digest, TOGETHER, after=after):
            batch: list[tuple[int, TileEntries]] = []
            for feature, photo in waiting:
                tiles = worker.submit(_tiles, session, engine, photo).result()
                seen += 1
                if tiles is not None:
                    batch.append((feature, tiles))
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
            session.write(partial(Catalogue.add_tiles, made=batch))
            made += len(batch)
            after = waiting[-1][0]
    return made


def _tiles(session: LibrarySession, engine: Engine, photo: PhotoRecord) -> TileEntries | None:
    """The parts of one photo; None where there are no pixels of it."""
    data = session.preview(photo)
    if data is None:
        return None
    try:
        rgb = decode_preview(data)
    except UnreadableImage as error:
        log.warning("the parts of %r are left out: %s", photo.path, error)
        return None
    return describe_tiles(rgb, engine)


def describe_tiles(rgb: NDArray[np.uint8], engine: Engine) -> TileEntries:
    """The parts of a picture [H, W, 3], seen as large as its preview is, and the cells of the whole."""
    crops = region_crops(shrink(rgb, preview_size(rgb.shape[1], rgb.shape[0])))
    shapes = list(engine.embedder.shapes)
    by_shape: dict[tuple[int, int], list[int]] = {}
    for number, crop in enumerate(crops):
        by_shape.setdefault(choose_shape(crop.shape[1], crop.shape[0], shapes), []).append(number)
    made: dict[int, Embedding] = {}
    for shape, numbers in by_shape.items():
        embeddings = engine.embedder.embed(np.stack([fit(crops[number], shape) for number in numbers]))
        made.update(zip(numbers, embeddings, strict=True))
    features = made[0].local_features
    cells = None if features is None else cell_codes(features, engine.embedder.code_logits)
    alphas = [made[number].alpha for number in range(1, len(crops))]
    return TileEntries(quantised(np.stack(alphas)), cells)


def small_query(rgb: NDArray[np.uint8], engine: Engine) -> NDArray[np.uint8] | None:
    """The codes [n, B] of the cells of what a picture shows, seen as small as it is in scenes; None for a pack
    without local features."""
    shape = min(engine.embedder.shapes, key=lambda size: abs(math.log(size[1] / size[0])))
    canvas, where = object_canvas(rgb, content_mask(rgb), shape)
    features = engine.embedder.embed_query(canvas).local_features
    return None if features is None else cell_codes(object_cells(features, where), engine.embedder.code_logits)
