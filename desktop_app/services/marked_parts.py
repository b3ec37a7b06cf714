"""The stage `marks` of a search: candidates by the local features of the parts of results that a person marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Grid
from desktop_app.domain.query import LibraryPicture, QueryItem
from desktop_app.index.gallery import Gallery
from desktop_app.library.catalogue import Catalogue
from desktop_app.retrieval.feedback import null_rows
from desktop_app.retrieval.local_match import PackedCentroids, pack_centroids
from desktop_app.retrieval.marked_parts import (
    Background,
    likeness,
    marked_cells,
    parts_share,
    pooled_cells,
    standardised,
    stored_features,
)
from desktop_app.retrieval.standing import Standing
from desktop_app.services.embedded_query import EmbeddedItem
from desktop_app.services.engine import Engine

Float = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LikeMarked:
    """How like the marked parts M candidates are. likeness: [M] float32, standardised over the candidates; share:
    0..1 how much it counts; ordinary: [M] the candidates that neither ask nor are marked."""

    likeness: Float
    share: float
    ordinary: NDArray[np.bool_]


class MarkedParts:
    """What the query `items` have marked + in results, against one state of a library."""

    def __init__(
        self, items: Sequence[EmbeddedItem], *, reader: Catalogue, gallery: Gallery, engine: Engine
    ) -> None:
        self._every = items
        self._reader = reader
        self._gallery = gallery
        self._engine = engine

    @staticmethod
    def without(items: Sequence[EmbeddedItem]) -> list[EmbeddedItem]:
        """The items that do not come of marks on results."""
        return [one for one in items if not _of_result(one.item)]

    @staticmethod
    def any_in(items: Sequence[EmbeddedItem]) -> bool:
        """Whether a part of a result is marked +."""
        return any(_is_part(one) for one in items)

    def among(self, rows: Rows, asked: Callable[[], Standing]) -> LikeMarked:
        """The candidates `rows` [M], in this order; asked: the list that the question finds without marks on
        results. Nothing counts (share 0) where there are too few photos to learn from, or no marked photo has
        local features any more."""
        right, wrong = self._rows_of(_is_right), self._rows_of(_is_wrong)
        apart = np.concatenate([self._rows_of(_asks), right, wrong])
        ordinary = ~np.isin(rows, apart)
        background = Background.of(self._packed(null_rows(self._gallery.labels, apart)))
        if not self._pooled or background is None:
            return LikeMarked(np.zeros(len(rows), np.float32), 0.0, ordinary)
        found = likeness(self._packed(rows), background.direction(*self._weighed()), background)
        part = all(one.is_part for one in self._every if _asks(one))
        share = parts_share(*_scores(asked(), apart, right, wrong), part=part)
        return LikeMarked(standardised(found, found[ordinary]), share, ordinary)

    @cached_property
    def _pooled(self) -> list[tuple[EmbeddedItem, Float]]:
        """The marked parts that have local features, with their pooled vectors, [D] float32."""
        pooled = [(one, self._marked_part(one)) for one in self._every if _is_part(one)]
        return [(one, vector) for one, vector in pooled if vector is not None]

    @property
    def items(self) -> list[EmbeddedItem]:
        """The marked parts that can be looked for, in the order of `cosines`."""
        return [one for one, _ in self._pooled]

    def cosines(self, rows: Rows) -> Float:
        """[P, N] float32: the best cosine of each marked part with the local features of each photo."""
        if not self._pooled:
            return np.zeros((0, len(rows)), np.float32)
        units = self._packed(rows).units
        return np.stack([(units @ vector).max(axis=1, initial=-1.0) for _, vector in self._pooled])

    def _weighed(self) -> tuple[Float, Float]:
        """The marked parts and what asks as pooled vectors [P, D], and how much each counts, [P]."""
        most = max(one.item.weight for one in self.items)
        asking = [(one, _asking_part(one)) for one in self._every if _asks(one)]
        kept = [(vector, one.item.weight) for one, vector in self._pooled]
        kept += [(vector, one.item.weight * most) for one, vector in asking if vector is not None]
        return np.stack([vector for vector, _ in kept]), np.array([weight for _, weight in kept], np.float32)

    def _marked_part(self, one: EmbeddedItem) -> Float | None:
        rows = self._rows_of(lambda other: other is one)
        codes = self._reader.local_codes(self._engine.digest, rows)[0] if len(rows) else None
        region = one.pixels.region
        if codes is None or region is None:
            return None
        grid = Grid(*codes.labels.shape)
        size = one.pixels.width, one.pixels.height
        weights = marked_cells(one.item.cell_weights, one.item.grid or Grid(1, 1), region, size, grid)
        return pooled_cells(stored_features(codes), weights)

    def _packed(self, rows: Rows) -> PackedCentroids:
        return pack_centroids(self._reader.local_codes(self._engine.digest, rows))

    def _rows_of(self, which: Callable[[EmbeddedItem], bool]) -> Rows:
        """The rows of the library photos among the pictures of these items."""
        pictures = [one.item.picture for one in self._every if which(one)]
        photos = [picture.id for picture in pictures if isinstance(picture, LibraryPicture)]
        rows = self._reader.feature_rows_of(self._engine.digest, photos) if photos else np.zeros(0, np.int64)
        return rows[self._gallery.contains(rows)]


def _of_result(item: QueryItem) -> bool:
    return item.from_mark and isinstance(item.picture, LibraryPicture)


def _asks(one: EmbeddedItem) -> bool:
    return not (one.item.negative or _of_result(one.item))


def _is_right(one: EmbeddedItem) -> bool:
    return _of_result(one.item) and not one.item.negative


def _is_wrong(one: EmbeddedItem) -> bool:
    return _of_result(one.item) and one.item.negative


def _is_part(one: EmbeddedItem) -> bool:
    return _is_right(one) and one.pixels.region is not None


def _asking_part(one: EmbeddedItem) -> Float | None:
    features = one.embedding.local_features
    if features is None:
        return None
    weights = one.weights_on(Grid(*features.shape[:2]))
    return pooled_cells(features, np.ones(features.shape[:2], np.float32) if weights is None else weights)


def _scores(asked: Standing, apart: Rows, right: Rows, wrong: Rows) -> tuple[Float, Float]:
    """What a list gives the rows marked right and wrong, standardised over those not `apart`; a row that is not in
    the list gets what its last one has."""
    ordinary = asked.raw[~np.isin(asked.rows, apart)]
    least = float(asked.raw.min(initial=np.inf))
    by_row = dict(zip(asked.rows.tolist(), asked.raw.tolist(), strict=True))
    marked = [np.array([by_row.get(row, least) for row in rows.tolist()], np.float32) for rows in (right, wrong)]
    return standardised(marked[0], ordinary), standardised(marked[1], ordinary)
