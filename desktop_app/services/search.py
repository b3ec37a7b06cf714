"""Search: a query of one or several pictures, through the stages that its profile, the build and the pack have."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.progress import Control, NoControl
from desktop_app.domain.query import LibraryPicture, Profile, Query
from desktop_app.domain.results import Hit, SearchAnswer, Stage, StageScores
from desktop_app.library.filter_store import Allowed
from desktop_app.retrieval.calibration import calibrate, list_scores, verdict, words_for
from desktop_app.retrieval.feedback import learnt_descriptor, nearest_left_out, null_rows
from desktop_app.retrieval.fusion import LOCAL_DEPTH, rerank
from desktop_app.retrieval.local_match import pack
from desktop_app.retrieval.query import pooled_descriptor, pooled_local
from desktop_app.services.embedded_query import EmbeddedItem, QueryEmbedder
from desktop_app.services.engine import Engine
from desktop_app.services.library_session import LibrarySession

GLOBAL_DEPTH = 1000  # candidates after the global stage
SLACK = 64  # features fetched beyond what is asked for: copies, missing photos and the query's own photo


@dataclass(frozen=True, slots=True, eq=False)
class _Ranking:
    """Feature rows, best first, with what every stage said of them (`local` for the first of them only)."""

    rows: NDArray[np.int64]
    shown: NDArray[np.float32]
    global_: NDArray[np.float32]
    local: NDArray[np.float32]

    def stages(self, position: int) -> StageScores:
        local = float(self.local[position]) if position < len(self.local) else None
        return StageScores(global_=float(self.global_[position]), local=local)


class SearchService:
    """Searches one library; safe to call from several threads."""

    def __init__(self, session: LibrarySession, *, embedder: QueryEmbedder | None = None) -> None:
        self._session = session
        self._queries = embedder or QueryEmbedder(session)

    def search(self, query: Query, *, control: Control | None = None) -> Iterator[SearchAnswer]:
        """The answers to `query`: the first after the global stage, refined ones after it, the last with `final`.

        A library photo that is part of the query is not among its own results; identical copies of it are.
        Raises UsageError, UnreadableImage, PackError or LibraryError.
        """
        control = control or NoControl()
        started = time.perf_counter()
        engine = self._session.search_engine()
        items = [self._queries.embed(self._session.recognise(item), engine) for item in query.items]
        timings = {"embed": _milliseconds(started)}
        control.wait_if_paused()

        started = time.perf_counter()
        search = _Search(self._session, engine, query, items)
        globally = search.globally()
        timings["global"] = _milliseconds(started)
        local = query.profile is not Profile.INSTANT and search.can_match_locally()
        yield search.answer(globally, timings, stages=(Stage.GLOBAL,), final=not local)
        if not local:
            return
        control.wait_if_paused()
        started = time.perf_counter()
        refined = search.locally(globally)
        timings = {**timings, "local": _milliseconds(started)}
        yield search.answer(refined, timings, stages=(Stage.GLOBAL, Stage.LOCAL), final=True)


class _Search:
    """One search over one state of the library."""

    def __init__(
        self, session: LibrarySession, engine: Engine, query: Query, items: Sequence[EmbeddedItem]
    ) -> None:
        self._session = session
        self._engine = engine
        self._query = query
        self._items = items
        self._gallery = session.gallery(engine.digest, dimension=_dimension(items))
        self._allowed: Allowed | None = None  # everything
        if query.folders is not None or query.chosen:
            self._allowed = session.reader.allowed(engine.digest, query.folders, query.chosen)
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

    def globally(self) -> _Ranking:
        """The rows nearest to the pooled descriptor, by cosine; equal cosines by content, not by row number."""
        parameters = self._engine.parameters
        wanted = [item for item in self._items if not item.item.negative]
        unwanted = [item for item in self._items if item.item.negative]
        descriptor = pooled_descriptor(
            [item.embedding.alpha for item in wanted],
            weights=[item.item.weight for item in wanted],
            negatives=[item.embedding.alpha for item in unwanted],
            negative_weights=[item.item.weight for item in unwanted],
            beta=parameters.fusion.negative,
        )
        descriptor = self._learnt(descriptor)
        depth = self._query.top + SLACK
        if self._query.profile is not Profile.INSTANT:
            depth = max(depth, GLOBAL_DEPTH)
        allowed = None if self._allowed is None else self._allowed.rows
        rows, cosines = self._gallery.search(descriptor, depth, allowed=allowed)
        rows, cosines = self._with_marked(descriptor, rows, cosines)
        none = np.zeros(0, dtype=np.float32)
        return _Ranking(rows, calibrate(cosines, parameters.calibration_global), cosines, none)

    def _learnt(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """The descriptor with what enough marks teach."""
        parameters = self._engine.parameters.feedback
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
        own = np.setdiff1d(self._session.reader.feature_rows_of(self._engine.digest, self._marked), rows)
        own = own[np.isin(own, self._gallery.labels)]
        if not len(own):
            return rows, cosines
        values = self._gallery.vectors_of(own) @ descriptor
        order = np.argsort(-values, kind="stable")
        return np.concatenate([rows, own[order]]), np.concatenate([cosines, values[order]])

    def can_match_locally(self) -> bool:
        return all(item.embedding.local_features is not None for item in self._items)

    def locally(self, ranking: _Ranking) -> _Ranking:
        """The head of the list by the fused score of both stages, the tail as it was."""
        parameters = self._engine.parameters
        head = ranking.rows[:LOCAL_DEPTH]
        candidates = pack(self._session.reader.local_codes(self._engine.digest, head), parameters.match)
        scores = np.stack([item.match(candidates, parameters.match) for item in self._items])
        local = pooled_local(
            scores,
            weights=[item.item.weight for item in self._items],
            negative=[item.item.negative for item in self._items],
            beta=parameters.fusion.negative,
        )
        order, fused = rerank(ranking.global_, local, parameters.fusion)
        shown = list_scores(
            fused,
            ranking.global_[len(local) :],
            balanced=parameters.calibration_balanced,
            global_=parameters.calibration_global,
        )
        return _Ranking(ranking.rows[order], shown, ranking.global_[order], local[order[: len(local)]])

    def answer(
        self, ranking: _Ranking, timings: dict[str, float], *, stages: tuple[Stage, ...], final: bool
    ) -> SearchAnswer:
        hits = tuple(self._hits(ranking))
        words = self._engine.parameters.words
        return SearchAnswer(
            hits=hits,
            query=tuple(item.shown() for item in self._items),
            profile=self._query.profile,
            stages_run=stages,
            verdict=verdict([hit.score for hit in hits], words),
            device=self._engine.embedder.report().words,
            timings_ms=timings,
            final=final,
            searched=len(self._gallery),
            pending=self._session.reader.pending_count(),
        )

    def _hits(self, ranking: _Ranking) -> Iterator[Hit]:
        """The photos of the ranked rows, a copy beside its original, as many as were asked for; marked photos
        below them too."""
        left = self._query.top
        missing = set(self._marked)
        words = self._engine.parameters.words
        for start in range(0, len(ranking.rows), self._query.top + SLACK):
            part = ranking.rows[start : start + self._query.top + SLACK]
            photos = self._session.reader.photos_of_features(part)
            # Rows of equal scores hold the same picture: their order is that of the paths, never that of the rows.
            for stages, same in groupby(range(start, start + len(part)), key=ranking.stages):
                positions = list(same)
                score = float(ranking.shown[positions[0]])
                found = [photo for at in positions for photo in photos.get(int(ranking.rows[at]), ())]
                for photo in sorted(found, key=_by_path):
                    if photo.id in self._excluded or not self._is_allowed(photo):
                        continue
                    if left > 0 or photo.id in missing:
                        yield Hit(photo, score, stages, words_for(score, words))
                        left -= 1
                        missing.discard(photo.id)
                    if left <= 0 and not missing:
                        return

    def _is_allowed(self, photo: PhotoRecord) -> bool:
        return self._allowed is None or self._allowed.has(photo.id)


def _dimension(items: Sequence[EmbeddedItem]) -> int:
    return len(items[0].embedding.alpha) if items else 0


def _by_path(photo: PhotoRecord) -> bytes:
    return photo.path


def _milliseconds(since: float) -> float:
    return (time.perf_counter() - since) * 1000.0
