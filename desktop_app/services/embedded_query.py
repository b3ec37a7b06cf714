"""Query pictures and their embeddings, remembered so that a second look or a refinement costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.domain.features import Embedding, LocalCodes
from desktop_app.domain.geometry import Grid
from desktop_app.domain.query import AS_IT_IS, QueryItem
from desktop_app.domain.results import QueryPicture
from desktop_app.imaging.tensor import choose_shape, fit
from desktop_app.retrieval.clusters import make_local_codes
from desktop_app.retrieval.local_match import Packed, centroid_weights, local_similarity
from desktop_app.retrieval.parameters import MatchParameters, RetrievalParameters
from desktop_app.retrieval.part_match import part_match
from desktop_app.retrieval.query import pooled_descriptor, resampled, weight_map
from desktop_app.services.engine import Engine
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.pictures import (
    Pixels,
    QueryPixels,
    RecentlyUsed,
    load_query,
    picture_key,
    turned_picture,
)

REMEMBERED = 64  # embeddings with their local maps take about half a megabyte each


def _nothing_small() -> NDArray[np.uint8] | None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedItem:
    """A query item with what the network says about it; `codes` None when the pack has no local features.

    `key` identifies the content that was embedded, for whoever remembers what was made of it. `whole` gives the
    preview-sized pixels of the whole picture where only a region of it was embedded, else it is None. `small`
    gives the codes of its cells seen small (`retrieval.cell_match`).
    """

    key: Hashable
    item: QueryItem
    pixels: QueryPixels
    embedding: Embedding
    codes: LocalCodes | None
    whole: Callable[[], Pixels] | None = None
    small: Callable[[], NDArray[np.uint8] | None] = _nothing_small

    def weights_on(self, grid: Grid) -> NDArray[np.float32] | None:
        """How much the cells of `grid` count, [rows, columns] float32: the person's cell weights, times the share
        of each cell that lies inside the outline; None where all count the same."""
        weights = weight_map(self.item.cell_weights, self.item.grid or grid, grid)
        if self.pixels.outline is None:
            return weights
        inside = resampled(self.pixels.outline.samples(self.pixels.box), grid)
        return inside if weights is None else weights * inside

    def match(self, candidates: Packed, parameters: MatchParameters) -> NDArray[np.float32]:
        """The local match (S0) of the item with N candidates: [N] float32. Of a part, or with cell weights, only
        the query's cells ask."""
        if self.codes is None:
            return np.zeros(len(candidates), dtype=np.float32)
        return local_similarity(
            self.codes,
            candidates,
            parameters=parameters,
            weights=self._centroid_weights(self.codes),
            both_directions=not self.is_part,
        )

    def part_match(
        self, candidates: Packed, unrelated: Packed, parameters: MatchParameters
    ) -> NDArray[np.float32]:
        """The local match of a part of a picture (`retrieval.part_match`) with N candidates: [N] float32."""
        if self.codes is None:
            return np.zeros(len(candidates), dtype=np.float32)
        weights = self._centroid_weights(self.codes)
        return part_match(self.codes, candidates, unrelated, parameters=parameters, weights=weights)

    @property
    def is_part(self) -> bool:
        """Whether a part of a picture asks: a region of it, or some of its cells."""
        return self.item.region is not None or self.pixels.outline is not None or bool(self.item.cell_weights)

    def _centroid_weights(self, codes: LocalCodes) -> NDArray[np.float32] | None:
        weights = self.weights_on(Grid(*codes.labels.shape))
        return None if weights is None else centroid_weights(codes.labels, weights)

    def shown(self) -> QueryPicture:
        return QueryPicture(
            name=self.pixels.name,
            width=self.pixels.width,
            height=self.pixels.height,
            region=self.pixels.region,
            negative=self.item.negative,
            path=self.pixels.path,
            turn=self.item.turn,
            outline=self.pixels.outline,
        )


def rocchio_beta(items: Sequence[EmbeddedItem], parameters: RetrievalParameters) -> float:
    """How much what is not wanted counts: a mark that rejects a result says less than a picture that a person
    brought as unwanted."""
    marked = all(item.item.from_mark for item in items if item.item.negative)
    return parameters.feedback.rejected if marked else parameters.fusion.negative


def pooled_query(
    items: Sequence[EmbeddedItem],
    descriptor_of: Callable[[EmbeddedItem], NDArray[np.float32]],
    parameters: RetrievalParameters,
) -> NDArray[np.float32]:
    """One descriptor [D] of all pictures of a query, wanted and unwanted, from that of each. Raises UsageError
    when nothing is wanted."""
    wanted = [item for item in items if not item.item.negative]
    unwanted = [item for item in items if item.item.negative]
    return pooled_descriptor(
        [descriptor_of(item) for item in wanted],
        weights=[item.item.weight for item in wanted],
        negatives=[descriptor_of(item) for item in unwanted],
        negative_weights=[item.item.weight for item in unwanted],
        beta=rocchio_beta(items, parameters),
    )


def embed_pixels(rgb: Pixels, engine: Engine, *, width: int, height: int) -> Embedding:
    """The embedding of preview-sized pixels, ahead of any batch that waits for the device.

    width, height: of the original (or region) they show; as in indexing, its aspect ratio decides the input shape.
    """
    return engine.embedder.embed_query(fit(rgb, choose_shape(width, height, list(engine.embedder.shapes))))


class QueryEmbedder:
    """Embeds query items; thread safe. `session` None: only files and pixels can be used."""

    def __init__(self, session: LibrarySession | None) -> None:
        self._session = session
        self._remembered: RecentlyUsed[EmbeddedItem] = RecentlyUsed(REMEMBERED)

    def embed(self, item: QueryItem, engine: Engine) -> EmbeddedItem:
        """The item with its embedding and codes. Raises UnreadableImage, UsageError or DeviceError."""
        picture = picture_key(item.picture, self._session)
        key: Hashable = (engine.digest, picture, item.region, item.outline, item.turn)
        embedded = replace(self._remembered.get(key, lambda: self._make(key, item, engine)), item=item)
        if item.outline is not None and item.grid is not None:
            weights = embedded.weights_on(item.grid)
            if weights is not None and not weights.any():
                raise UsageError(
                    f"nothing inside the outline on {embedded.pixels.name} is left to look for",
                    remedy="Take a mark away, or mark something inside the outline",
                )
        return embedded

    def _make(self, key: Hashable, item: QueryItem, engine: Engine) -> EmbeddedItem:
        if item.turn != AS_IT_IS and item.region is None:  # decoded once for all orientations
            pixels = turned_picture(self.embed(replace(item, turn=AS_IT_IS), engine).pixels, item.turn)
        else:
            pixels = load_query(item, self._session)
        embedding = embed_pixels(pixels.rgb, engine, width=pixels.box.w, height=pixels.box.h)
        codes = make_local_codes(embedding, engine.embedder.code_logits)
        whole = None if pixels.region is None else partial(_whole_pixels, item, self._session)
        return EmbeddedItem(key, item, pixels, embedding, codes, whole, cache(partial(engine.small, pixels.rgb)))


def _whole_pixels(item: QueryItem, session: LibrarySession | None) -> Pixels:
    return load_query(item.with_part(None), session).rgb
