"""Parts of a query picture to ask with, from what the network says about its cells."""

from __future__ import annotations

from desktop_app.domain.geometry import Region
from desktop_app.domain.query import QueryItem
from desktop_app.retrieval.crop_suggestions import suggested_parts as parts_of
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.engine import Engine
from desktop_app.services.pictures import LEAST_REGION_SIDE


def suggested_parts(item: QueryItem, embedder: QueryEmbedder, engine: Engine) -> tuple[Region, ...]:
    """Rectangles of the whole picture of `item`, in pixels of the oriented original, the most promising first.

    Whatever region `item` has now counts for nothing. None for a pack without local features and map. Raises
    UnreadableImage or DeviceError.
    """
    whole = embedder.embed(item.with_part(None), engine)
    parts = parts_of(whole.embedding, whole.pixels.box)
    return tuple(part for part in parts if min(part.w, part.h) >= LEAST_REGION_SIDE)
