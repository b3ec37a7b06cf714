"""Search: a query of one or several pictures, through the stages that its profile, the build and the pack have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.progress import Control, NoControl
from desktop_app.domain.query import TURNS, LibraryPicture, Profile, Query
from desktop_app.domain.results import Hit, Part, SearchAnswer, Stage, Words
from desktop_app.index.tile_index import TileIndex
from desktop_app.library.filter_store import Allowed
from desktop_app.retrieval.calibration import ScoreScale, verdict, words_for
from desktop_app.retrieval.close_look import CloseLook
from desktop_app.retrieval.feedback import learnt_descriptor, nearest_left_out, null_rows
from desktop_app.retrieval.pseudo_relevance import FirstResults, moved_towards
from desktop_app.retrieval.score_levels import BACKGROUND_SAMPLE, background
from desktop_app.retrieval.standing import GLOBAL_DEPTH, Standing
from desktop_app.retrieval.tiles import TileScores, best_tiles, no_tiles, tile_box
from desktop_app.retrieval.turned_query import chosen_orientation
from desktop_app.services.closer_look import Candidate, CloserLook
from desktop_app.services.confirming import Confirming, with_confirmed
from desktop_app.services.embedded_query import EmbeddedItem, QueryEmbedder, pooled_query
from desktop_app.services.engine import Engine
from desktop_app.services.library_session import LibrarySession, LibraryState
from desktop_app.services.marked_parts import MarkedParts
from desktop_app.services.score_keeper import ScoreKeeper
from desktop_app.services.stages import LaterStages

TILE_DEPTH = 500  # photos whose parts are compared by their descriptors
SLACK = 64  # features fetched beyond what is asked for: copies, missing photos and the query's own photo


class SearchService:
    """Searches one library; safe to call from several threads."""

    def __init__(self, session: LibrarySession, *, embedder: QueryEmbedder | None = None) -> None:
        self._session = session
        self._queries = embedder or QueryEmbedder(session)
        self._scores = ScoreKeeper(session)
        self._confirming = Confirming(session)
        self._closer = CloserLook()

    def search(
        self, query: Query, *, control: Control | None = None, towards: FirstResults | None = None
    ) -> Iterator[SearchAnswer]:
        """The answers to `query`: the first after the global stage, one before a close look, the last `final`.

        A library photo that is part of the query is not among its own results; identical copies of it are.
        towards: results that the descriptors of the query move towards before anything is compared.
        Raises UsageError, UnreadableImage, PackError or LibraryError.
        """
        control = control or NoControl()
        started = time.perf_counter()
        engine, items = self._embedded(query)
        timings = {"embed": _milliseconds(started)}
        control.wait_if_paused()
        with self._session.state(engine.digest, dimension=_dimension(items)) as state:
            if query.turned:
                started = time.perf_counter()
                items = [self._turned(query, items[0], state, engine, control)]
                timings["turn"] = _milliseconds(started)
            search = self._begun(query, items, state, engine, control, towards=towards)
            for standing, spent, left in search.standings():
                timings = {**timings, **spent}
                final = not left
                complete = final or left == (Stage.EVIDENCE,)
                if complete or standing.stages == (Stage.GLOBAL,):
                    scale = self._scores.scale(engine, standing.stages, reader=state.reader)
                    answer = search.answer(standing, timings, scale=scale, final=final)
                    yield self._confirmed(answer, search, scale) if complete else answer
                if not final:
                    control.wait_if_paused()

    def _turned(
        self, query: Query, asked: EmbeddedItem, state: LibraryState, engine: Engine, control: Control
    ) -> EmbeddedItem:
        """The picture in the orientation whose nearest photo is clearly the nearest, else as it is."""
        first = replace(query, profile=Profile.INSTANT, top=1, turned=False)
        scale = self._scores.scale(engine, (Stage.GLOBAL,), reader=state.reader)
        items = [self._queries.embed(replace(asked.item, turn=turn), engine) for turn in TURNS]
        nearest: list[float] = []
        for item in items:
            control.wait_if_paused()
            search = self._begun(first, [item], state, engine, control)
            hits = search.answer(search.globally(), {}, scale=scale, final=False).hits
            nearest.append(-1.0 if not hits or hits[0].stages.global_ is None else hits[0].stages.global_)
        return items[chosen_orientation(nearest)]

    def _confirmed(self, answer: SearchAnswer, search: _Search, scale: ScoreScale) -> SearchAnswer:
        """A complete answer to one whole picture, once the pixels of its first results were looked at."""
        asked = search.whole_picture
        if asked is None or answer.profile is Profile.INSTANT:
            return answer
        started = time.perf_counter()
        found = self._confirming.among(asked.pixels.rgb, answer.hits, mirrored=search.turned)
        answer = replace(answer, timings_ms={**answer.timings_ms, "confirm": _milliseconds(started)})
        if found.place is not None:
            return replace(answer, hits=with_confirmed(answer.hits, found.place), verdict=Words.ALMOST_CERTAIN)
        scores = [hit.score for hit in answer.hits]
        return replace(answer, verdict=verdict(scores, scale.words, refuted=found.compared))

    def standings(self, query: Query) -> Iterator[tuple[Standing, float]]:
        """What `search` makes answers of, stage by stage, before scores get their meaning, each with the query's
        background; of the pictures as they are. Raises as `search` does."""
        engine, items = self._embedded(query)
        with self._session.state(engine.digest, dimension=_dimension(items)) as state:
            search = self._begun(query, items, state, engine, NoControl())
            for standing, _, _ in search.standings():
                yield standing, search.background

    def _begun(
        self,
        query: Query,
        items: Sequence[EmbeddedItem],
        state: LibraryState,
        engine: Engine,
        control: Control,
        *,
        towards: FirstResults | None = None,
    ) -> _Search:
        look = partial(self._closer.look, items, engine=engine, control=control)
        return _Search(self._session, state, engine, query, items, towards, look)

    def _embedded(self, query: Query) -> tuple[Engine, list[EmbeddedItem]]:
        engine = self._session.search_engine()
        return engine, [self._queries.embed(self._session.recognise(item), engine) for item in query.items]


class _Search:
    """One search over one state of the library."""

    def __init__(
        self,
        session: LibrarySession,
        state: LibraryState,
        engine: Engine,
        query: Query,
        items: Sequence[EmbeddedItem],
        towards: FirstResults | None,
        look: Callable[[Sequence[Candidate]], CloseLook],
    ) -> None:
        self._reader = state.reader
        self.engine = engine
        self._query = query
        self._items = items
        self._gallery = state.gallery
        self._tiles = state.tiles
        self._allowed: Allowed | None = None  # everything
        if query.folders is not None or query.chosen:
            self._allowed = state.reader.allowed(engine.digest, query.folders, query.chosen)
        self._excluded = {
            item.item.picture.id
            for item in items
            if isinstance(item.item.picture, LibraryPicture) and not item.item.from_mark
        }
        self._marked = {
            item.item.picture.id
            for item in items
            if isinstance(item.item.picture, LibraryPicture) and item.item.from_mark
        }
        pooled = pooled_query(items, lambda item: item.embedding.alpha, engine.parameters)
        if towards is not None:
            there = towards.rows[self._gallery.contains(towards.rows)]
            pooled = moved_towards(pooled, self._gallery.vectors_of(there), towards.form)
        self._descriptor = self._learnt(pooled)
        asked = partial(_as_asked, session, state, engine, query, items, towards, look)
        self.later = LaterStages(
            session, state, engine, items, self._descriptor, look=look, asked=asked, towards=towards
        )

    @property
    def turned(self) -> bool:
        """Whether the picture may be turned or mirrored."""
        return self._query.turned

    @property
    def whole_picture(self) -> EmbeddedItem | None:
        """The picture that asks, where it is a single one, whole and without marks."""
        if len(self._items) != 1:
            return None
        only = self._items[0]
        return None if only.item.region is not None or only.item.cell_weights else only

    @cached_property
    def background(self) -> float:
        """How alike the query is to the library, on a sample of all its photos, whatever is searched in."""
        labels = self._gallery.labels
        some = np.linspace(0, len(labels) - 1, min(BACKGROUND_SAMPLE, len(labels))).astype(np.intp)
        return background(self._gallery.vectors_of(labels[some]) @ self._descriptor)

    def standings(self) -> Iterator[tuple[Standing, dict[str, float], tuple[Stage, ...]]]:
        """Stage by stage: the list, the milliseconds that the stage took by its name, and the stages to come."""
        started = time.perf_counter()
        standing = self.globally()
        stages = self.later.of(self._query.profile)
        yield standing, {Stage.GLOBAL.value: _milliseconds(started)}, stages
        spent: dict[str, float] = {}
        if Stage.LOCAL in stages:
            started = time.perf_counter()
            self.later.see_small()
            spent["small"] = _milliseconds(started)
        for number, stage in enumerate(stages, 1):
            started = time.perf_counter()
            standing = self.later.run(stage, standing)
            yield standing, {**spent, stage.value: _milliseconds(started)}, stages[number:]

    def globally(self) -> Standing:
        """The rows nearest to the pooled descriptor, by cosine; equal cosines by content, not by row number."""
        depth = self._query.top + SLACK
        if self._query.profile is not Profile.INSTANT:
            depth = max(depth, GLOBAL_DEPTH)
        allowed = None if self._allowed is None else self._allowed.rows
        rows, cosines = self._gallery.search(self._descriptor, depth, allowed=allowed)
        rows, cosines = self._with_marked(self._descriptor, rows, cosines)
        if self._tiles is None:
            return Standing.first(rows, cosines)
        return Standing.first(*self._with_tiles(self._tiles, rows, cosines, allowed))

    def _with_tiles(
        self,
        tiles: TileIndex,
        rows: NDArray[np.int64],
        cosines: NDArray[np.float32],
        allowed: NDArray[np.int64] | None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], TileScores]:
        """The rows found with those of photos of which a part is near, and the best part of each of these."""
        near = tiles.search(self._descriptor, TILE_DEPTH, allowed=allowed)
        kept = self._reader.tile_descriptors(near)
        size = len(self._descriptor)
        near = np.array([row for row in near.tolist() if row in kept and kept[row].shape[1] == size], np.int64)
        near = near[self._gallery.contains(near)]
        added = np.setdiff1d(near, rows)
        rows = np.concatenate([rows, added])
        cosines = np.concatenate([cosines, self._gallery.vectors_of(added) @ self._descriptor])
        scores = no_tiles(len(rows))
        if len(near):
            found = best_tiles(self._descriptor, np.stack([kept[row] for row in near.tolist()]))
            order = np.argsort(rows)
            at = order[np.searchsorted(rows, near, sorter=order)]
            scores.scores[at], scores.best[at] = found.scores, found.best
        return rows, cosines, scores

    def _learnt(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """The descriptor with what enough marks teach."""
        parameters = self.engine.parameters.feedback
        if sum(item.item.from_mark for item in self._items) < parameters.least:
            return descriptor
        nearest, _ = self._gallery.search(descriptor, nearest_left_out(len(self._gallery)))
        nulls = self._gallery.vectors_of(null_rows(self._gallery.labels, nearest))
        wanted, unwanted = (
            np.array([item.embedding.alpha for item in self._items if item.item.negative is negative])
            for negative in (False, True)
        )
        return learnt_descriptor(descriptor, wanted, unwanted.reshape(-1, len(descriptor)), nulls, parameters)

    def _with_marked(
        self, descriptor: NDArray[np.float32], rows: NDArray[np.int64], cosines: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The rows found with those of marked photos that are too far away to be among them: a mark never makes
        the marked photo disappear."""
        if not self._marked:
            return rows, cosines
        own = np.setdiff1d(self._reader.feature_rows_of(self.engine.digest, self._marked), rows)
        own = own[np.isin(own, self._gallery.labels)]
        if not len(own):
            return rows, cosines
        values = self._gallery.vectors_of(own) @ descriptor
        order = np.argsort(-values, kind="stable")
        return np.concatenate([rows, own[order]]), np.concatenate([cosines, values[order]])

    def answer(
        self, standing: Standing, timings: dict[str, float], *, scale: ScoreScale, final: bool
    ) -> SearchAnswer:
        hits = tuple(self._hits(standing, scale))
        return SearchAnswer(
            hits=hits,
            query=tuple(item.shown() for item in self._items),
            profile=self._query.profile,
            stages_run=standing.stages,
            verdict=verdict([hit.score for hit in hits], scale.words),
            device=self.engine.embedder.report().words,
            timings_ms=timings,
            final=final,
            searched=len(self._gallery),
            pending=self._reader.pending_count(),
            classes=None if self.later.class_source is None else self.later.class_source.value,
        )

    def _hits(self, standing: Standing, scale: ScoreScale) -> Iterator[Hit]:
        """The photos of the ranked rows, a copy beside its original, as many as were asked for; marked photos
        below them too."""
        left = self._query.top
        missing = set(self._marked)
        shown = standing.shown(scale, background=self.background)
        for start in range(0, len(standing), self._query.top + SLACK):
            part = standing.rows[start : start + self._query.top + SLACK]
            photos = self._reader.photos_of_features(part)
            # Rows of equal scores hold the same picture: their order is that of the paths, never that of the rows.
            for _, same in groupby(range(start, start + len(part)), key=lambda at: standing.raw[at]):
                positions = list(same)
                score = float(shown[positions[0]])
                found = [(photo, at) for at in positions for photo in photos.get(int(standing.rows[at]), ())]
                for photo, at in sorted(found, key=_by_path):
                    if photo.id in self._excluded or not self._is_allowed(photo):
                        continue
                    if left > 0 or photo.id in missing:
                        words, where = words_for(score, scale.words), _part(photo, standing.tile(at))
                        yield Hit(photo, score, standing.stage_scores(at), words, where)
                        left -= 1
                        missing.discard(photo.id)
                    if left <= 0 and not missing:
                        return

    def _is_allowed(self, photo: PhotoRecord) -> bool:
        return self._allowed is None or self._allowed.has(photo.id)


def _as_asked(
    session: LibrarySession,
    state: LibraryState,
    engine: Engine,
    query: Query,
    items: Sequence[EmbeddedItem],
    towards: FirstResults | None,
    look: Callable[[Sequence[Candidate]], CloseLook],
) -> Standing:
    """The list that a question finds without marks on results, before any close look."""
    plain = replace(query, profile=Profile.BALANCED)
    search = _Search(session, state, engine, plain, MarkedParts.without(items), towards, look)
    *_, (standing, _, _) = search.standings()
    return standing


def _dimension(items: Sequence[EmbeddedItem]) -> int:
    return len(items[0].embedding.alpha) if items else 0


def _part(photo: PhotoRecord, tile: tuple[int, float] | None) -> Part | None:
    if tile is None or not photo.width or not photo.height:
        return None
    return Part(tile_box(tile[0], photo.width, photo.height), tile[1])


def _by_path(found: tuple[PhotoRecord, int]) -> bytes:
    return found[0].path


def _milliseconds(since: float) -> float:
    return (time.perf_counter() - since) * 1000.0
