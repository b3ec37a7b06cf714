"""The stages of a search after `global`: each looks at the head of the list and says what it finds there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.query import LibraryPicture, Profile
from desktop_app.domain.results import Stage
from desktop_app.imaging.preview import decode_preview
from desktop_app.index.neighbours import Neighbours
from desktop_app.retrieval.cell_match import CELL_DEPTH, bonus, cell_scores, usual_rows
from desktop_app.retrieval.close_look import DEPTH as CLOSE_DEPTH
from desktop_app.retrieval.close_look import KIN, CloseLook
from desktop_app.retrieval.components import NO_CLASS
from desktop_app.retrieval.feedback import FEWEST_NULLS, null_rows
from desktop_app.retrieval.fusion import LOCAL_DEPTH
from desktop_app.retrieval.graph_smoothing import near_rows, smoothed_cosines
from desktop_app.retrieval.kinship import DEEP as DEEP_KIN
from desktop_app.retrieval.kinship import DEPTH as KIN_DEPTH
from desktop_app.retrieval.kinship import kinship
from desktop_app.retrieval.local_match import Packed, pack
from desktop_app.retrieval.part_match import part_fusion
from desktop_app.retrieval.pseudo_relevance import FirstResults, moved_towards
from desktop_app.retrieval.query import pooled_local
from desktop_app.retrieval.reranking import RerankParameters, SecondModel, changes, common_labels
from desktop_app.retrieval.standing import GRAPH_DEPTH, Standing
from desktop_app.retrieval.two_model import ClassSource, bits_apart
from desktop_app.services.closer_look import Candidate, Shown
from desktop_app.services.embedded_query import EmbeddedItem, pooled_query, rocchio_beta
from desktop_app.services.engine import Engine
from desktop_app.services.library_session import LibrarySession, LibraryState
from desktop_app.services.marked_parts import MarkedParts

log = logging.getLogger(__name__)


class LaterStages:
    """The stages that one search runs after `global`, over one state of the library."""

    def __init__(
        self,
        session: LibrarySession,
        state: LibraryState,
        engine: Engine,
        items: Sequence[EmbeddedItem],
        descriptor: NDArray[np.float32],
        *,
        look: Callable[[Sequence[Candidate]], CloseLook],
        asked: Callable[[], Standing],
        towards: FirstResults | None = None,
    ) -> None:
        """descriptor: [D] the pooled descriptor that `global` asked with. look: a close look with `items`.
        asked: the list that the question finds without marks on results.
        towards: what the descriptor was moved towards; the second model's is moved likewise."""
        self._session = session
        self._reader = state.reader
        self._engine = engine
        self._gallery = state.gallery
        self._in_parts = state.tiles is not None
        self._items = items
        self._descriptor = descriptor
        self._look = look
        self._asked = asked
        self._towards = towards
        self.class_source: ClassSource | None = None  # where the classes of `rerank` came from, once it ran
        self._graph: Neighbours | None = None
        if engine.parameters.graph.mix > 0:
            self._graph = session.graph(engine.digest, state.gallery)

    def of(self, profile: Profile) -> tuple[Stage, ...]:
        """The stages of `profile` that the library and the pack have, in their order."""
        if profile is Profile.INSTANT:
            return ()
        stages = []
        if self._graph is not None:
            stages.append(Stage.GRAPH)
        described = all(item.embedding.local_features is not None for item in self._items)
        if described:
            stages.append(Stage.LOCAL)
        if self._re_ranks():
            stages.append(Stage.RERANK)
        if described and MarkedParts.any_in(self._items):
            stages.append(Stage.MARKS)
        if profile is Profile.THOROUGH and self._engine.close_terms(described=described):
            stages.append(Stage.EVIDENCE)
        return tuple(stages)

    def _re_ranks(self) -> bool:
        parameters = self._engine.parameters
        described = all(
            item.embedding.beta is not None and item.embedding.beta_code is not None for item in self._items
        )
        return parameters.rerank is not None and parameters.fusion.rerank > 0 and described

    def run(self, stage: Stage, standing: Standing) -> Standing:
        """The list after `stage`, one of those that `of` gave."""
        if stage is Stage.GRAPH:
            return self._smoothed(standing)
        if stage is Stage.MARKS:
            return self._like_marked_parts(standing)
        if stage is Stage.EVIDENCE:
            return self._looked_at(standing)
        return self._matched(standing) if stage is Stage.LOCAL else self._reranked(standing)

    def _smoothed(self, standing: Standing) -> Standing:
        """By descriptors smoothed over the library's neighbour graph. The query's own photos take no part in it;
        photos newer than the graph stay as they are."""
        if self._graph is None:
            return standing
        parameters = self._engine.parameters.graph
        rows = standing.rows[:GRAPH_DEPTH]
        labels, cosines = self._graph.of(rows)
        gone = ~self._gallery.contains(labels.ravel()).reshape(labels.shape) | np.isin(labels, self._own_rows)
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

    @cached_property
    def _own_rows(self) -> NDArray[np.int64]:
        """The rows of the photos that ask; those of marks on results stay among the results."""
        photos = [
            item.item.picture.id
            for item in self._items
            if isinstance(item.item.picture, LibraryPicture) and not item.item.from_mark
        ]
        if not photos:
            return np.empty(0, np.int64)
        return self._reader.feature_rows_of(self._engine.digest, photos)

    def _matched(self, standing: Standing) -> Standing:
        """By the many-to-many match of local codes. Where only parts of pictures ask, their own match."""
        parameters = self._engine.parameters
        fusion = parameters.fusion
        candidates = self._packed(standing.rows[:LOCAL_DEPTH])
        unrelated = null_rows(self._gallery.labels, self._own_rows)
        if self._parts_ask and len(unrelated) >= FEWEST_NULLS:
            usual, fusion = self._packed(unrelated), part_fusion(fusion)
            matches = [item.part_match(candidates, usual, parameters.match) for item in self._items]
        else:
            matches = [item.match(candidates, parameters.match) for item in self._items]
        local = pooled_local(
            np.stack(matches),
            weights=[item.item.weight for item in self._items],
            negative=[item.item.negative for item in self._items],
            beta=rocchio_beta(self._items, parameters),
        )
        return standing.with_local(local, fusion, self._cell_bonus(standing.rows[:LOCAL_DEPTH]))

    @property
    def _parts_ask(self) -> bool:
        """Whether only parts of pictures ask."""
        return all(item.is_part for item in self._items if not item.item.negative)

    def _packed(self, rows: NDArray[np.int64]) -> Packed:
        return pack(self._reader.local_codes(self._engine.digest, rows), self._engine.parameters.match)

    def see_small(self) -> list[NDArray[np.uint8]]:
        """The codes of the pictures whose cells ask, each seen small: one more run of the network for each, which
        is remembered."""
        asked = [item for item in self._items if not item.item.negative and not item.item.from_mark]
        return [code for item in asked if not item.item.cell_weights and (code := item.small()) is not None]

    def _cell_bonus(self, rows: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """What the cells of candidates add: the best of the pictures that are asked with counts, marks do not, nor
        does a picture of which only marked cells ask."""
        codes = self.see_small()
        if not codes:
            return None
        asking = np.isin(rows, self._own_rows)
        places = np.flatnonzero(~asking)[: LOCAL_DEPTH if self._in_parts else CELL_DEPTH]
        places = np.concatenate([np.flatnonzero(asking), places])  # copies of a photo that asks have its row
        usual = usual_rows(self._gallery.labels, self._own_rows)
        photos, others = self._reader.cell_codes(rows[places]), self._reader.cell_codes(usual)
        others = [cells for cells in others if cells is not None]
        every = np.zeros(len(rows), np.float32)
        every[places] = np.max(
            [bonus(cell_scores(code, photos), cell_scores(code, others)) for code in codes], axis=0
        )
        return every

    def _reranked(self, standing: Standing) -> Standing:
        """By what the second model says of the candidates (S2)."""
        parameters = self._engine.parameters
        head = standing.rows[:GRAPH_DEPTH]
        asking = np.isin(head, self._own_rows)  # "images with the same id" are in no list
        rows = head[~asking]
        found = self._reader.second_descriptors(self._engine.digest, rows)
        if parameters.rerank is None or found is None:
            return standing
        betas, codes = found
        wanted = [item for item in self._items if not item.item.negative]
        second = SecondModel(
            query=self._second_query,
            features=betas.astype(np.float32),
            bits_apart=np.mean([bits_apart(_beta_code(item), codes) for item in wanted], axis=0),
        )
        classes, self.class_source = self._classes(rows, parameters.rerank)
        cosines = standing.scores[Stage.GLOBAL][: len(head)][~asking]
        nearer = changes(cosines, second, classes, parameters.rerank.depth, parameters.rerank)
        every = np.full(len(head), nearer.max(initial=0.0), np.float32)  # copies of the query stay in front
        every[np.flatnonzero(~asking)[: len(nearer)]] = nearer
        kept = np.flatnonzero(~asking)[: len(nearer)][-1:] + 1  # up to the last result that was looked at
        standing = standing.with_rerank(every[: int(kept.max(initial=0))], parameters.fusion)
        if not parameters.fusion.kin.weight or self._parts_ask:  # kinship is that of whole photos
            return standing
        head = standing.rows[: min(KIN_DEPTH, standing.depths[-1])]
        return standing.with_kin(self._kin(head), parameters.fusion, np.isin(head, self._own_rows))

    @cached_property
    def _second_query(self) -> NDArray[np.float32]:
        """The second model's descriptor of all pictures of the query together."""
        return self._moved(pooled_query(self._items, _beta, self._engine.parameters))

    def _moved(self, beta: NDArray[np.float32]) -> NDArray[np.float32]:
        """The second model's descriptor of the query, moved towards the results taken to be right."""
        if self._towards is None:
            return beta
        found = self._reader.second_descriptors(self._engine.digest, self._towards.rows)
        return beta if found is None else moved_towards(beta, found[0].astype(np.float32), self._towards.form)

    def _like_marked_parts(self, standing: Standing) -> Standing:
        """By the local features of the parts that a person marked +."""
        parts = MarkedParts(self._items, reader=self._reader, gallery=self._gallery, engine=self._engine)
        found = parts.among(standing.rows[:GRAPH_DEPTH], self._asked)
        return standing.with_marks(found.likeness, found.share, found.ordinary)

    def _looked_at(self, standing: Standing) -> Standing:
        """By a close look at the first candidates, and by how more of them support one another."""
        head = standing.rows[: min(DEEP_KIN, standing.depths[-1])]
        look = CloseLook.nothing()
        if all(item.embedding.local_features is not None for item in self._items):
            look = self._look(self._candidates(head[:CLOSE_DEPTH]))
        if KIN in self._engine.parameters.fusion.evidence.terms and not self._parts_ask:
            look = look.with_term(KIN, self._kin(head))
        return standing.with_evidence(
            look, self._engine.parameters.fusion, np.isin(head[: len(look.relevance)], self._own_rows)
        )

    def _kin(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The term `kin` of rows [M]: by the second model's descriptors where there are any. The photos that ask
        support nobody; copies of them come first."""
        asking = np.isin(rows, self._own_rows)
        others = rows[~asking]
        found = self._reader.second_descriptors(self._engine.digest, others)
        if found is not None and all(item.embedding.beta is not None for item in self._items):
            query, vectors = self._second_query, found[0].astype(np.float32)
        else:
            query, vectors = self._descriptor, self._gallery.vectors_of(others)
        kin = kinship(vectors @ query, vectors @ vectors.T)
        every = np.full(len(rows), kin.max(initial=0.0) if len(kin) else 0.0, np.float32)
        every[~asking] = kin
        return every

    def _candidates(self, rows: NDArray[np.int64]) -> list[Candidate]:
        photos = self._reader.photos_of_features(rows)
        alphas = self._gallery.vectors_of(rows)
        codes = self._reader.local_codes(self._engine.digest, rows)
        return [
            Candidate(row, alpha, code, partial(self._shown, photos.get(row, ())))
            for row, alpha, code in zip(rows.tolist(), alphas, codes, strict=True)
        ]

    def _shown(self, photos: Sequence[PhotoRecord]) -> Shown | None:
        """The preview of the first of the photos (copies of one another) that has one."""
        for photo in photos:
            data = self._session.preview(photo)
            if data is not None:
                try:
                    return Shown(decode_preview(data), photo.width, photo.height)
                except UnreadableImage as error:
                    log.warning("%r is not looked at: %s", photo.path, error)
        return None

    def _classes(
        self, rows: NDArray[np.int64], parameters: RerankParameters
    ) -> tuple[NDArray[np.int64], ClassSource]:
        """The classes of candidates: their tags and albums, else groups of the neighbour graph, else none."""
        classes = common_labels(rows, self._reader.labels_of_features(rows))
        if (classes != NO_CLASS).any():
            return classes, ClassSource.GIVEN
        if self._graph is not None:
            classes = self._session.graph_groups(self._engine.digest, self._graph, parameters.groups, rows)
            if (classes != NO_CLASS).any():
                return classes, ClassSource.GROUPS
        return np.full(len(rows), NO_CLASS, np.int64), ClassSource.NONE


def _beta(item: EmbeddedItem) -> NDArray[np.float32]:
    if item.embedding.beta is None:
        raise ValueError("the query has no second descriptor")
    return item.embedding.beta


def _beta_code(item: EmbeddedItem) -> NDArray[np.uint8]:
    if item.embedding.beta_code is None:
        raise ValueError("the query has no second code")
    return item.embedding.beta_code
