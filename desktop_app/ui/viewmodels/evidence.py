"""The state of the Evidence page: one pair of pictures, what joins them, and the marks on both."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.evidence import MatchEvidence
from desktop_app.domain.geometry import Cell, Region
from desktop_app.domain.query import AS_IT_IS, Mark, Query, QueryItem, Side
from desktop_app.domain.results import Hit
from desktop_app.services import painting
from desktop_app.ui.viewmodels import evidence_words as wording
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.evidence_ahead import EvidenceAhead
from desktop_app.ui.viewmodels.evidence_pair import (
    EvidencePort,
    Explained,
    Layer,
    PictureView,
    ShownPair,
    read_pair,
    write_pair,
)
from desktop_app.ui.viewmodels.marks import Canvas, MarkBook
from desktop_app.ui.viewmodels.query_pictures import name_of
from desktop_app.ui.viewmodels.rounds import RoundsViewModel
from desktop_app.ui.viewmodels.search import SearchViewModel
from desktop_app.ui.viewmodels.thumbnails import image_of_rgba
from desktop_app.ui.viewmodels.words import number


class EvidenceViewModel(QObject):
    """One result of the search against the picture it was found with. Lives on the GUI thread."""

    pictures_changed = Signal()
    evidence_changed = Signal()
    marks_changed = Signal()
    layers_changed = Signal()
    position_changed = Signal()
    failed = Signal(object)
    next_round = Signal()
    """"Search again with this" (or its undo) has begun: the Search page has something to show."""
    exported = Signal(object)
    """The Path that an export was written to."""

    def __init__(
        self, bridge: Bridge, search: SearchViewModel, rounds: RoundsViewModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._ahead = EvidenceAhead(bridge)
        self._search = search
        self._rounds = rounds
        self._port: EvidencePort | None = None
        self._query: Query | None = None
        self._item_index = 0
        self._hits: tuple[Hit, ...] = ()
        self._row = -1
        self._pictures: dict[Side, PictureView] = {}
        self._explained: Explained | None = None
        self._error: IndiciumError | None = None
        self._marks = MarkBook()
        self._marked: tuple[QueryItem, ...] | None = None  # the question that the marks belong to
        self.map_layer: Layer | None = Layer.ATTENTION
        self.links_shown = True
        self.strength = 0.75
        search.answer_changed.connect(self._answer_changed)
        search.query_changed.connect(self._ahead.stop)

    # -- what the page shows --------------------------------------------------------------------------------------

    @property
    def shown(self) -> bool:
        """Whether there is a pair to look at."""
        return self._row >= 0

    @property
    def hit(self) -> Hit | None:
        return self._hits[self._row] if self.shown else None

    @property
    def item(self) -> QueryItem | None:
        return self._query.items[self._item_index] if self._query else None

    @property
    def items(self) -> tuple[QueryItem, ...]:
        return self._query.items if self._query else ()

    @property
    def item_index(self) -> int:
        return self._item_index

    @property
    def error(self) -> IndiciumError | None:
        return self._error

    @property
    def evidence(self) -> MatchEvidence | None:
        return self._explained.evidence if self._explained else None

    @property
    def can_go_next(self) -> bool:
        return self.shown and self._row + 1 < len(self._hits)

    @property
    def can_go_previous(self) -> bool:
        return self._row > 0

    def picture(self, side: Side) -> PictureView | None:
        return self._pictures.get(side)

    def heat(self, side: Side) -> QImage | None:
        """The map that is switched on, for one side, at full strength."""
        if self._explained is None or self.map_layer is None:
            return None
        return self._explained.heat.get((self.map_layer, side))

    def title(self, side: Side) -> str:
        """`your picture: IMG_1.jpg` or `result 3 of 214: IMG_2031.jpg`."""
        if side is Side.QUERY:
            picture = self._pictures.get(side)
            name = picture.name if picture else ""
            turn = self.item.turn if self.item else AS_IT_IS
            return wording.query_title(name, self._item_index, len(self.items), turn)
        hit = self.hit
        return wording.result_title(hit.photo.name, self._row, len(self._hits)) if hit else ""

    @property
    def part(self) -> Region | None:
        """The part of the result that matches clearly better than the whole, in a library searched in parts."""
        hit = self.hit
        return hit.part.box if hit is not None and hit.part is not None else None

    def words(self) -> str:
        """The evidence in words; what screen readers read."""
        if self.evidence is not None:
            return f"{self.evidence.words} {wording.FRAMED}" if self.part else self.evidence.words
        return "" if self._error or not self.shown else "Looking for what these two pictures share…"

    def item_names(self) -> list[str]:
        """What the pictures of the query are called, to choose between them."""
        return [
            f"{number(position)}  {self._name_of_item(item)}{' (not like)' if item.negative else ''}"
            for position, item in enumerate(self.items, 1)
        ]

    @staticmethod
    def link_colour(position: int) -> tuple[int, int, int]:
        """The red, green and blue of the link with this number (from 1), as in exports."""
        return painting.link_colour(position)

    @staticmethod
    def legend() -> QImage:
        """The scale from 0 to 1 as a strip."""
        return image_of_rgba(painting.legend_rgba(256, 8))

    def patch_words(self, side: Side, cell: Cell) -> str:
        """One patch in words: where it is, what it matches, whether it is marked."""
        canvas, evidence = self.canvas(side), self.evidence
        if canvas is None or evidence is None:
            return ""
        return wording.patch(evidence, side, cell, canvas.grid, self._marks.sign(canvas, cell))

    # -- where one is -----------------------------------------------------------------------------------------

    def open_library(self, port: EvidencePort | None) -> None:
        """Another library (or none)."""
        self._bridge.drop("evidence")
        self._ahead.stop()
        self._port = port
        self._query, self._hits, self._row = None, (), -1
        self._pictures.clear()
        self._explained, self._error = None, None
        self._marks.clear()
        self.position_changed.emit()
        self.pictures_changed.emit()
        self.evidence_changed.emit()
        self.marks_changed.emit()

    def show_result(self, row: int) -> None:
        """Explain the result in this row of the search."""
        query, hits = self._search.query, self._search.hits
        if query is None or not 0 <= row < len(hits):
            return
        main = self._search.main_item
        index = query.items.index(main) if main is not None else 0
        self._take_query(query, index)
        self._hits, self._row = hits, row
        self._load()

    def next(self) -> None:
        if self.can_go_next:
            self._row += 1
            self._load()

    def previous(self) -> None:
        if self.can_go_previous:
            self._row -= 1
            self._load()

    def choose_item(self, index: int) -> None:
        """Explain against another picture of the query."""
        if self._query is not None and 0 <= index < len(self._query.items) and index != self._item_index:
            self._item_index = index
            self._pictures.pop(Side.QUERY, None)
            self._load()

    def refresh(self) -> None:
        """The page is entered: follow the search when its question has changed since."""
        asked = self._search.query
        if asked is not None and self._marked is not None and asked.items != self._marked:
            self._take_marks()
        if asked is None or not self._search.hits or (self._query and asked.items == self._query.items):
            return
        identity = self.hit.photo.id if self.hit else None
        rows = [row for row, hit in enumerate(self._search.hits) if hit.photo.id == identity]
        self.show_result(rows[0] if rows else 0)

    # -- layers -----------------------------------------------------------------------------------------------

    def set_map_layer(self, layer: Layer | None) -> None:
        if layer is not self.map_layer:
            self.map_layer = layer
            self.layers_changed.emit()

    def set_links_shown(self, wanted: bool) -> None:
        if wanted != self.links_shown:
            self.links_shown = wanted
            self.layers_changed.emit()

    def all_off(self) -> None:
        """Only the two photos."""
        self.map_layer, self.links_shown = None, False
        self.layers_changed.emit()

    def set_strength(self, strength: float) -> None:
        """How opaque maps are, 0 to 1: the opacity of a place is this times its value."""
        self.strength = min(1.0, max(0.0, strength))
        self.layers_changed.emit()

    # -- marks ------------------------------------------------------------------------------------------------

    def canvas(self, side: Side) -> Canvas | None:
        """What can be marked on a side; None before there is evidence."""
        evidence, hit = self.evidence, self.hit
        if evidence is None or hit is None:
            return None
        if side is Side.QUERY:
            return Canvas(side, evidence.query_grid, evidence.query_box, item=self._item_index)
        return Canvas(side, evidence.result_grid, evidence.result_box, photo=hit.photo.id)

    def marks_on(self, side: Side) -> tuple[Mark, ...]:
        canvas = self.canvas(side)
        return self._marks.on(canvas) if canvas else ()

    @property
    def marks(self) -> tuple[Mark, ...]:
        return self._marks.marks

    def click(self, side: Side, cell: Cell) -> None:
        """Mark a patch +, then -, then not at all."""
        canvas = self.canvas(side)
        if canvas is not None:
            self._marks.click(canvas, cell)
            self.marks_changed.emit()

    def begin_stroke(self) -> None:
        self._marks.begin_stroke()

    def paint(self, side: Side, cell: Cell) -> None:
        """Part of a stroke: mark a patch +."""
        canvas = self.canvas(side)
        if canvas is not None and self._marks.sign(canvas, cell) != 1:
            self._marks.paint(canvas, cell)
            self.marks_changed.emit()

    def end_stroke(self) -> None:
        self._marks.end_stroke()
        self.marks_changed.emit()

    @property
    def can_search_again(self) -> bool:
        return bool(self._marks.marks) and self._query is not None

    @property
    def undo_words(self) -> str:
        """What undo would do now; empty when there is nothing to undo."""
        if self._marks.can_undo:
            return "Undo mark"
        return "Undo round" if self._rounds.can_undo else ""

    @property
    def can_redo(self) -> bool:
        return self._marks.can_redo or self._rounds.can_redo

    def undo(self) -> None:
        """Take back the last mark; without one, the last round, whose marks are there again."""
        if self._marks.undo():
            self.marks_changed.emit()
        elif self._rounds.undo():
            self._take_marks()
            self.next_round.emit()

    def redo(self) -> None:
        """Make the mark again that was taken back last; without one, the round."""
        if self._marks.redo():
            self.marks_changed.emit()
        elif self._rounds.redo():
            self._take_marks()
            self.next_round.emit()

    def search_again(self) -> None:
        """The next round: what is marked becomes regions, weights and further pictures of the question."""
        if self._query is not None and self._marks.marks and self._rounds.mark(self._query, self._marks):
            self._take_marks()
            self.next_round.emit()

    def _take_marks(self) -> None:
        """The marks of the round that the search is at: those that were made there, none in a new one."""
        session, query = self._rounds.session, self._search.query
        book = None if session is None else self._rounds.book(session.current)
        self._marks = book or MarkBook()
        self._marked = None if query is None else query.items
        self.marks_changed.emit()

    def marks_sentence(self) -> str:
        """`You marked: + patch 1, − top left of your picture.`, empty without marks."""
        hit = self.hit
        return wording.marked(self.marks, self.evidence, hit.photo.id if hit else None)

    def marks_consequence(self) -> str:
        """What another round with these marks will do."""
        return wording.consequence(self.marks)

    # -- export -----------------------------------------------------------------------------------------------

    def export(self, path: Path, *, theme: str) -> None:
        """Write what is shown as PNG or SVG, or the evidence as JSON, as the name ends."""
        port, explained = self._port, self._explained
        query, result = self._pictures.get(Side.QUERY), self._pictures.get(Side.RESULT)
        if port is None or explained is None or query is None or result is None:
            return
        shown = ShownPair(
            query=query,
            result=result,
            evidence=explained.evidence,
            layer=self.map_layer,
            marks=(*self.marks_on(Side.QUERY), *self.marks_on(Side.RESULT)),
        )
        self._bridge.submit(
            "export",
            lambda _control: write_pair(port, shown, path, theme=theme),
            on_done=self.exported.emit,
            on_failed=self.failed.emit,
            queue=True,
        )

    # -- inside -----------------------------------------------------------------------------------------------

    def _take_query(self, query: Query, index: int) -> None:
        item = query.items[index]
        if self.item is None or (self.item.picture, self.item.turn) != (item.picture, item.turn):
            self._pictures.pop(Side.QUERY, None)
        if self._marked != query.items:
            self._take_marks()
            self._marked = query.items
        self._query, self._item_index = query, index
        self.marks_changed.emit()

    def _answer_changed(self) -> None:
        """A refinement of the same question: the list may have another order, the pair stays."""
        asked = self._search.query
        if asked is None or self._query is None or asked.items != self._query.items or not self.shown:
            return
        hit = self.hit
        rows = [row for row, other in enumerate(self._search.hits) if hit and other.photo.id == hit.photo.id]
        if rows:
            self._hits, self._row = self._search.hits, rows[0]
            self.position_changed.emit()

    def _load(self) -> None:
        port, item, hit = self._port, self.item, self.hit
        if port is None or item is None or hit is None:
            return
        self._ahead.stop()
        self._explained, self._error = None, None
        self.position_changed.emit()
        self.evidence_changed.emit()
        self.marks_changed.emit()
        known = self._pictures.get(Side.QUERY)
        name = self._name_of_item(item)

        self._bridge.submit(
            "evidence",
            lambda _control: read_pair(port, item, hit.photo, known=known, query_name=name),
            on_step=self._step,
            on_failed=self._fail,
        )

    def _name_of_item(self, item: QueryItem) -> str:
        shown = self._search.picture(item)
        return shown.name if shown else name_of(item.picture)

    def _step(self, step: tuple[PictureView, PictureView] | Explained) -> None:
        if isinstance(step, Explained):
            self._explained = step
            if self._port is not None and self.item is not None:
                beside = [*self._hits[self._row + 1 : self._row + 2], *self._hits[: self._row][-1:]]
                self._ahead.make(self._port, self.item, [hit.photo for hit in beside])
            self.evidence_changed.emit()
            self.marks_changed.emit()
        else:
            self._pictures = {Side.QUERY: step[0], Side.RESULT: step[1]}
            self.pictures_changed.emit()

    def _fail(self, error: IndiciumError) -> None:
        self._error = error
        self.evidence_changed.emit()
        self.failed.emit(error)
