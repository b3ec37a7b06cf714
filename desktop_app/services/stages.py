"""The stages of a search after `global`: each looks at the head of the list and says what it finds there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.query import LibraryPicture, Profile
from desktop_app.domain.results import Stage
from desktop_app.index.gallery import Gallery
from desktop_app.index.neighbours import Neighbours
from desktop_app.retrieval.fusion import LOCAL_DEPTH
from desktop_app.retrieval.graph_smoothing import near_rows, smoothed_cosines
from desktop_app.retrieval.local_match import pack
from desktop_app.retrieval.query import pooled_local
from desktop_app.retrieval.standing import GRAPH_DEPTH, Standing
from desktop_app.services.embedded_query import EmbeddedItem
from desktop_app.services.engine import Engine
from desktop_app.services.library_session import LibrarySession


class LaterStages:
    """The stages that one search runs after `global`, over one state of the library."""

    def __init__(
        self,
        session: LibrarySession,
        engine: Engine,
        gallery: Gallery,
        items: Sequence[EmbeddedItem],
        descriptor: NDArray[np.float32],
    ) -> None:
        """descriptor: [D] the pooled descriptor that `global` asked with."""
        self._session = session
        self._engine = engine
        self._gallery = gallery
        self._items = items
        self._descriptor = descriptor
        self._graph: Neighbours | None = None
        if engine.parameters.graph.mix > 0:
            self._graph = session.graph(engine.digest, gallery)

    def of(self, profile: Profile) -> tuple[Stage, ...]:
        """The stages of `profile` that the library and the pack have, in their order."""
        if profile is Profile.INSTANT:
            return ()
        stages = []
        if self._graph is not None:
            stages.append(Stage.GRAPH)
        if all(item.embedding.local_features is not None for item in self._items):
            stages.append(Stage.LOCAL)
        return tuple(stages)

    def run(self, stage: Stage, standing: Standing) -> Standing:
        """The list after `stage`, one of those that `of` gave."""
        return self._smoothed(standing) if stage is Stage.GRAPH else self._matched(standing)

    def _smoothed(self, standing: Standing) -> Standing:
        """By descriptors smoothed over the library's neighbour graph. The query's own photos take no part in it;
        photos newer than the graph stay as they are."""
        if self._graph is None:
            return standing
        parameters = self._engine.parameters.graph
        rows = standing.rows[:GRAPH_DEPTH]
        labels, cosines = self._graph.of(rows)
        gone = ~self._gallery.contains(labels.ravel()).reshape(labels.shape) | np.isin(labels, self._own_rows())
        near, cosines = near_rows(labels, cosines, gone=gone)
        others = np.unique(near[near >= 0])
        smooth = smoothed_cosines(
            self._descriptor,
            self._gallery.vectors_of(rows),
            self._gallery.vectors_of(others),
            np.where(near >= 0, np.searchsorted(others, near), -1),
            cosines,
            parameters,
        )
        return standing.with_graph(smooth, parameters)

    def _own_rows(self) -> NDArray[np.int64]:
        """The rows of the photos that ask."""
        photos = [item.item.picture.id for item in self._items if isinstance(item.item.picture, LibraryPicture)]
        if not photos:
            return np.empty(0, np.int64)
        return self._session.reader.feature_rows_of(self._engine.digest, photos)

    def _matched(self, standing: Standing) -> Standing:
        """By the many-to-many match of local codes."""
        parameters = self._engine.parameters
        head = standing.rows[:LOCAL_DEPTH]
        candidates = pack(self._session.reader.local_codes(self._engine.digest, head), parameters.match)
        local = pooled_local(
            np.stack([item.match(candidates, parameters.match) for item in self._items]),
            weights=[item.item.weight for item in self._items],
            negative=[item.item.negative for item in self._items],
            beta=parameters.fusion.negative,
        )
        return standing.with_local(local, parameters.fusion)
