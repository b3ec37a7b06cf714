"""A part of a picture looked for in a result, with its surroundings in view (see `retrieval.region_evidence`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import Embedding
from desktop_app.domain.geometry import Grid
from desktop_app.retrieval.region_evidence import (
    RegionMeasurements,
    choose_zoom,
    contrast,
    contrast_map,
    inside,
    place_cells,
    region_relevance,
    zoom_boxes,
)
from desktop_app.services.embedded_query import EmbeddedItem, embed_pixels
from desktop_app.services.engine import Engine
from desktop_app.services.pictures import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class RegionMatch:
    """Where a part of the query lies in the result.

    relevance: 0..1, that the result holds it. p: [rows, columns] float32 over the whole result, 0..1 with 1 at its
    largest, before relevance; finer than the result's grid where the part is small. measured: what relevance is
    made of.
    """

    relevance: float
    p: NDArray[np.float32]
    measured: RegionMeasurements


def region_match(
    asked: EmbeddedItem, answered: EmbeddedItem, engine: Engine, *, zoom: int | None = None
) -> RegionMatch | None:
    """Look for the region of `asked` in `answered`; None for a query that is a whole picture or all but its edge,
    or that a person has weighted cell by cell, and for packs without local features.

    zoom: 1, 2 or 3; None chooses it by the size of the region. Takes 2 x zoom^2 embeddings, one at a zoom of 1.
    """
    region, crop, whole = asked.pixels.region, asked.embedding.local_features, answered.embedding.local_features
    if region is None or asked.whole is None or asked.item.cell_weights or crop is None or whole is None:
        return None
    width, height = asked.pixels.width, asked.pixels.height
    box = (
        region.x / width,
        region.y / height,
        (region.x + region.w) / width,
        (region.y + region.h) / height,
    )
    zoom = zoom or choose_zoom(box, Grid(*crop.shape[:2]))
    query_tiles = _tiles(asked.whole(), width, height, engine, zoom)
    result_tiles = (
        [answered.embedding]
        if zoom == 1
        else _tiles(answered.pixels.rgb, answered.pixels.width, answered.pixels.height, engine, zoom)
    )
    query, result = (
        place_cells([tile.local_features for tile in tiles if tile.local_features is not None], zoom)
        for tiles in (query_tiles, result_tiles)
    )
    samples = None if asked.pixels.outline is None else asked.pixels.outline.samples(region)
    part = inside(query, box, samples)
    if part.all():
        return None
    values, like = contrast(query, part, result)
    alpha = asked.embedding.alpha
    measured = RegionMeasurements(
        nearest=float(like.max()),
        contrast=float(values.max()),
        whole=float(alpha @ answered.embedding.alpha),
        tile=max(float(alpha @ tile.alpha) for tile in result_tiles),
    )
    return RegionMatch(
        relevance=region_relevance(measured, engine.parameters.region),
        p=contrast_map(values, result, Grid(whole.shape[0] * zoom, whole.shape[1] * zoom)),
        measured=measured,
    )


def _tiles(rgb: Pixels, width: int, height: int, engine: Engine, zoom: int) -> list[Embedding]:
    """The embeddings of the tiles of a picture; width and height are those of the original."""
    rows, columns = rgb.shape[:2]
    found = []
    for x0, y0, x1, y1 in zoom_boxes(zoom):
        top, bottom = round(y0 * rows), max(round(y1 * rows), round(y0 * rows) + 1)
        left, right = round(x0 * columns), max(round(x1 * columns), round(x0 * columns) + 1)
        part = np.ascontiguousarray(rgb[top:bottom, left:right])
        size = max(1, round((x1 - x0) * width)), max(1, round((y1 - y0) * height))
        found.append(embed_pixels(part, engine, width=size[0], height=size[1]))
    return found
