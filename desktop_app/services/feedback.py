"""Searching over rounds: marks that can be used, automatic feedback, and what a round changed and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.feedback import FeedbackSession, Moved, RoundChange
from desktop_app.domain.geometry import Cell, Grid
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.progress import Control, NoControl
from desktop_app.domain.query import AutomaticFeedback, LibraryPicture, Pooling, Query, QueryItem
from desktop_app.domain.results import Hit, SearchAnswer
from desktop_app.retrieval.evidence_words import place_of
from desktop_app.retrieval.feedback import nearest_left_out, null_rows
from desktop_app.retrieval.fusion import fuse
from desktop_app.retrieval.local_match import best_matches, pack
from desktop_app.retrieval.marked_query import query_of
from desktop_app.retrieval.pseudo_relevance import CERTAIN, FirstResults, shared_cells
from desktop_app.retrieval.query import weight_map
from desktop_app.retrieval.round_changes import change_words, movers, places, shared_part
from desktop_app.services.embedded_query import EmbeddedItem, QueryEmbedder
from desktop_app.services.engine import Engine
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.marked_parts import MarkedParts
from desktop_app.services.search import SearchService

__all__ = ["FeedbackService", "RoundAnswer", "query_of"]

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RoundAnswer:
    """The final answer of a round, and what the round changed (None where it did not come of marks)."""

    answer: SearchAnswer
    change: RoundChange | None


class FeedbackService:
    """Searches one library over rounds; safe to call from several threads."""

    def __init__(self, session: LibrarySession, *, embedder: QueryEmbedder | None = None) -> None:
        self._session = session
        self._queries = embedder or QueryEmbedder(session)
        self._searching = SearchService(session, embedder=self._queries)

    def search(self, query: Query, *, control: Control | None = None) -> Iterator[SearchAnswer]:
        """As `SearchService.search`; the answers say which marks could not be used.

        A mark whose photo is not in the library any more, or cannot be read, is left out. With automatic feedback
        the answers of a second pass follow, unless the first results say nothing.
        """
        control = control or NoControl()
        query, notes = self._usable(query)
        automatic = query.automatic
        answer: SearchAnswer | None = None
        for answer in self._searching.search(query, control=control):
            final = answer.final and automatic is None
            yield replace(answer, notes=notes, final=final)
        if answer is None or automatic is None:
            return
        control.wait_if_paused()
        count = min(automatic.count, len(answer.hits))
        again, towards = self._once_more(query, answer.hits, automatic)
        if again is None:
            told = "The first results say nothing that automatic feedback could use, so it changed nothing."
            yield replace(answer, notes=(*notes, told))
            return
        told = f"What your picture shares with its first {count} results counts more."
        if towards is not None:
            told = f"The first {count} results are taken to be right, and more like them is looked for."
        for second in self._searching.search(again, control=control, towards=towards):
            # the first results are right by assumption now, which says nothing new about whether they are
            yield replace(second, notes=(*notes, told), verdict=answer.verdict)

    def round(self, session: FeedbackSession) -> RoundAnswer:
        """The current round of a session, and the one before it for comparison. Raises as `search`, and as
        `query_of` for marks that make no sense."""
        query = query_of(session)
        *_, answer = self.search(query)
        step = session.rounds[session.current]
        if step.before is None or step.items is not None:
            return RoundAnswer(answer, None)
        before = query_of(session, step.before)
        *_, earlier = self.search(before)
        return RoundAnswer(answer, self.changes(before, earlier.hits, query, answer.hits))

    def changes(self, before: Query, before_hits: Sequence[Hit], query: Query, hits: Sequence[Hit]) -> RoundChange:
        """What the round that asked `query` changed against the one that asked `before`.

        A reason is given where a photo matches one of the parts that the round marked better than 99 % of the
        library's unrelated photos do.
        """
        known = {int(hit.photo.id): hit.photo for hit in (*hits, *before_hits)}
        old, new = (places([int(hit.photo.id) for hit in found]) for found in (before_hits, hits))
        own = {
            int(item.picture.id)
            for item in query.items
            if item.from_mark and isinstance(item.picture, LibraryPicture)
        }
        rose, fell = movers(old, new, left_out=own)
        marked = [item for item in self._usable(query)[0].items if item not in before.items]
        engine = self._session.search_engine()

        def told(photos: list[int], *, negative: bool) -> tuple[Moved, ...]:
            parts = [item for item in marked if item.negative is negative]
            embedded = [self._queries.embed(self._session.recognise(item), engine) for item in parts]
            because = self._because(embedded, photos, engine)
            return tuple(
                Moved(PhotoId(photo), known[photo].name, old.get(photo), new.get(photo), reason)
                for photo, reason in zip(photos, because, strict=True)
            )

        up, down = told(rose, negative=False), told(fell, negative=True)
        return RoundChange((*up, *down), change_words(up, down))

    # -- marks that can be used -------------------------------------------------------------------------------

    def _usable(self, query: Query) -> tuple[Query, tuple[str, ...]]:
        """The query without marks on photos that are gone, and a sentence for each of these."""
        engine = self._session.search_engine()
        kept: list[QueryItem] = []
        notes: list[str] = []
        for item in query.items:
            if item.from_mark:
                picture = item.picture
                if isinstance(picture, LibraryPicture) and self._session.reader.photo(picture.id) is None:
                    notes.append("A mark is left out, because its photo is not in the library any more.")
                    continue
                try:
                    self._queries.embed(item, engine)
                except UnreadableImage as error:
                    notes.append(f"A mark is left out: {error.message}.")
                    continue
            kept.append(item)
        return replace(query, items=tuple(kept)), tuple(dict.fromkeys(notes))

    # -- automatic feedback -----------------------------------------------------------------------------------

    def _once_more(
        self, query: Query, hits: Sequence[Hit], automatic: AutomaticFeedback
    ) -> tuple[Query | None, FirstResults | None]:
        """The query of the second pass, and what its descriptor moves towards (see `pseudo_relevance`); None where
        the first results say nothing. Results that the person rejected are left out."""
        rejected = {item.picture for item in query.items if item.negative}
        kept = [hit for hit in hits if LibraryPicture(hit.photo.id) not in rejected][: automatic.count]
        if not kept:
            return None, None
        engine = self._session.search_engine()
        rows = self._session.reader.feature_rows_of(engine.digest, [hit.photo.id for hit in kept])
        if kept[0].score >= CERTAIN:
            return query, FirstResults(rows, automatic.pooling)
        return self._masked(query, rows, automatic.pooling, engine), None

    def _masked(self, query: Query, rows: NDArray[np.int64], form: Pooling, engine: Engine) -> Query | None:
        """The query with S1's mask (eq. 10) over its first wanted picture; None when nothing is shared."""
        at = next((at for at, item in enumerate(query.items) if not (item.negative or item.from_mark)), None)
        if at is None:
            return None
        item = query.items[at]
        codes = self._queries.embed(self._session.recognise(item), engine).codes
        if codes is None:
            return None
        match = engine.parameters.match
        results = pack(self._session.reader.local_codes(engine.digest, rows), match)
        mask = shared_cells(best_matches(codes, results, parameters=match), codes.labels, form)
        if mask is None:
            return None
        grid = Grid(*codes.labels.shape)
        own = weight_map(item.cell_weights, item.grid or grid, grid)
        weights = mask if own is None else mask * own
        masked = replace(
            item,
            cell_weights={
                Cell(row, column): float(weights[row, column])
                for row in range(grid.rows)
                for column in range(grid.columns)
            },
            grid=grid,
        )
        return query.with_items((*query.items[:at], masked, *query.items[at + 1 :]))

    # -- reasons ----------------------------------------------------------------------------------------------

    def _because(self, parts: Sequence[EmbeddedItem], photos: Sequence[int], engine: Engine) -> list[str]:
        """For every photo the marked part that it shares, as the end of a sentence; empty without one."""
        if not parts or not photos:
            return [""] * len(photos)
        gallery = self._session.gallery(engine.digest, dimension=len(parts[0].embedding.alpha))
        rows = self._session.reader.feature_rows_of(engine.digest, [PhotoId(photo) for photo in photos])
        rows = rows[np.isin(rows, gallery.labels)]
        row_of = {
            int(photo.id): row
            for row, sharing in self._session.reader.photos_of_features(rows).items()
            for photo in sharing
        }
        there = [photo for photo in photos if photo in row_of]
        count = nearest_left_out(len(gallery))
        near = [gallery.search(part.embedding.alpha, count)[0] for part in parts]
        unrelated = null_rows(gallery.labels, np.concatenate([*near, rows]))
        looked_at = np.array([row_of[photo] for photo in there], dtype=np.int64)
        marked = MarkedParts(parts, reader=self._session.reader, gallery=gallery, engine=engine)
        scores, nulls = (
            np.concatenate([*(self._part_scores(part, chosen, engine) for part in parts), marked.cosines(chosen)])
            for chosen in (looked_at, unrelated)
        )
        found = dict(zip(there, shared_part(scores, nulls), strict=True))
        reasons = [_part_words(part) for part in (*parts, *marked.items)]
        return ["" if (part := found.get(photo)) is None else reasons[part] for photo in photos]

    def _part_scores(self, part: EmbeddedItem, rows: NDArray[np.int64], engine: Engine) -> Float:
        """How well a marked part matches these rows of the library as a picture: [1, N] float32."""
        gallery = self._session.gallery(engine.digest, dimension=len(part.embedding.alpha))
        cosines = gallery.vectors_of(rows) @ part.embedding.alpha
        candidates = pack(self._session.reader.local_codes(engine.digest, rows), engine.parameters.match)
        return fuse(cosines, part.match(candidates, engine.parameters.match), engine.parameters.fusion)[None]


def _part_words(part: EmbeddedItem) -> str:
    """`share the part you marked at the left of cup.jpg`, or `resemble cup.jpg, which you marked`."""
    sign = " −" if part.item.negative else ""
    name, region = part.pixels.name, part.pixels.region
    if region is None and part.item.from_mark:
        return f"resemble {name}, which you marked{sign}"
    if region is None:
        return f"share the rest of {name}, which you did not mark −"
    row, column = (
        (region.y + region.h / 2) / part.pixels.height,
        (region.x + region.w / 2) / part.pixels.width,
    )
    place = place_of(Cell(min(2, int(3 * row)), min(2, int(3 * column))), Grid(3, 3))
    return f"share the part you marked{sign} at the {place} of {name}"
