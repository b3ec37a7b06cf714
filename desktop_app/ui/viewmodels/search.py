"""The question and its answer: pictures that are combined, regions, rounds, and the list of results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.filters import PhotoFilter
from desktop_app.domain.outline import Part
from desktop_app.domain.photos import FolderId, PhotoId
from desktop_app.domain.progress import Control
from desktop_app.domain.query import (
    AS_IT_IS,
    AutomaticFeedback,
    LibraryPicture,
    Picture,
    Profile,
    Query,
    QueryItem,
    can_be_turned,
)
from desktop_app.domain.results import Hit, SearchAnswer
from desktop_app.ui.viewmodels.bridge import Bridge, JobControl
from desktop_app.ui.viewmodels.match_maps import MapPort, MatchMaps
from desktop_app.ui.viewmodels.part_suggestions import PartsPort, PartSuggestions
from desktop_app.ui.viewmodels.photo_list import PhotoListModel
from desktop_app.ui.viewmodels.query_history import QueryHistory
from desktop_app.ui.viewmodels.query_pictures import PicturePort, QueryPictures, ShownPicture
from desktop_app.ui.viewmodels.result_order import (
    SortOrder,
    answer_words,
    divider_of,
    is_weak,
    ordered,
    shown_at_once,
)

REST_MS = 150  # a region under the mouse is searched with once it rests this long


class SearchPort(MapPort, PartsPort, PicturePort, Protocol):
    """What the Search page needs of an open library; every call is made on a worker thread."""

    def search(self, query: Query, *, control: Control) -> Iterator[SearchAnswer]: ...


class SearchViewModel(QObject):
    """The state of the Search page. Lives on the GUI thread."""

    query_changed = Signal()
    answer_changed = Signal()
    pictures_changed = Signal()
    history_changed = Signal()
    busy_changed = Signal(bool)
    failed = Signal(object)
    """An IndiciumError of the search or of one of its pictures; `error` holds it until the next search."""

    def __init__(self, bridge: Bridge, port: SearchPort | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._port = port
        self._history = QueryHistory()
        self._pictures = QueryPictures(bridge, port, self)
        self._pictures.changed.connect(self.pictures_changed)
        self.parts = PartSuggestions(bridge, port, self)
        self.parts.changed.connect(self.pictures_changed)
        self._query: Query | None = None
        self._answer: SearchAnswer | None = None
        self._error: IndiciumError | None = None
        self._busy = False
        self._profile = Profile.BALANCED
        self._automatic: AutomaticFeedback | None = None
        self._turned = False
        self._folders: frozenset[FolderId] | None = None
        self._chosen = PhotoFilter()
        self._sort = SortOrder.BEST
        self._hits: tuple[Hit, ...] = ()
        self.results = PhotoListModel(bridge, self)
        self.maps = MatchMaps(bridge, port, self)
        self.held: Callable[[], Collection[PhotoId]] = lambda: ()
        """Asks the view for the photos that must not move: under the pointer, with focus."""
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._search)

    # -- what the page shows ----------------------------------------------------------------------------------

    @property
    def query(self) -> Query | None:
        return self._query

    @property
    def items(self) -> tuple[QueryItem, ...]:
        return self._query.items if self._query else ()

    @property
    def main_item(self) -> QueryItem | None:
        """The picture that results are explained against: the first wanted one the person brought."""
        wanted = [item for item in self.items if not item.negative]
        return next((item for item in wanted if not item.from_mark), wanted[0] if wanted else None)

    @property
    def answer(self) -> SearchAnswer | None:
        return self._answer

    @property
    def hits(self) -> tuple[Hit, ...]:
        """All hits in the order shown, those kept back included."""
        return self._hits

    @property
    def error(self) -> IndiciumError | None:
        return self._error

    @property
    def busy(self) -> bool:
        return self._busy

    @property
    def profile(self) -> Profile:
        return self._profile

    @property
    def chosen(self) -> PhotoFilter:
        """The filter that holds for searches."""
        return self._chosen

    @property
    def folders(self) -> frozenset[FolderId] | None:
        """The folders that are searched; None means everywhere."""
        return self._folders

    @property
    def automatic(self) -> AutomaticFeedback | None:
        """Automatic feedback, None when only marks change a question."""
        return self._automatic

    @property
    def turned(self) -> bool:
        """Whether pictures are also looked for turned and mirrored, where that can be."""
        return self._turned

    @property
    def can_turn(self) -> bool:
        """Whether the present question can be asked in every orientation."""
        return self._query is not None and can_be_turned(self.items) and self._query.automatic is None

    @property
    def sort(self) -> SortOrder:
        return self._sort

    @property
    def rounds(self) -> tuple[int, int]:
        """(this round, rounds there are)."""
        return self._history.rounds()

    @property
    def can_go_back(self) -> bool:
        return self._history.can_go_back

    @property
    def can_go_forward(self) -> bool:
        return self._history.can_go_forward

    @property
    def ready(self) -> bool:
        """Whether a library is open to search in."""
        return self._port is not None

    def picture(self, item: QueryItem) -> ShownPicture | None:
        """The picture of an item for the panel; None until it is read (`pictures_changed` follows)."""
        return self._pictures.picture(item)

    def header(self) -> str:
        """The line above the results: how many match, the profile, the time it took."""
        return "" if self._answer is None else answer_words(self._answer)

    def weaker_sentence(self) -> str:
        """The line below the results, empty when nothing is kept back or the headline says it already."""
        some_match = bool(self._hits) and not is_weak(self._hits[0])
        return "Nothing else matches well." if self.results.hidden and some_match else ""

    # -- asking -----------------------------------------------------------------------------------------------

    def open_library(self, port: SearchPort | None) -> None:
        """Another library (or none): the questions of the old one are forgotten."""
        self._bridge.drop("search")
        self._port = port
        self._history = QueryHistory()
        self._folders, self._chosen = None, PhotoFilter()
        self._pictures.open_library(port)
        self.parts.open_library(port)
        self.maps.open_library(port)
        self._show_nothing()

    def ask(self, pictures: Sequence[Picture], *, replace: bool = True) -> None:
        """Search with these pictures together; without `replace` they join the present ones."""
        added = tuple(QueryItem(picture) for picture in pictures)
        if added:
            self._ask_items((() if replace else self.items) + added, same_search=not replace)

    def find_similar(self, photo: PhotoId) -> None:
        """Search with a photo of the library."""
        self.ask([LibraryPicture(photo)])

    def not_like(self, photo: PhotoId) -> None:
        """Add a photo of the library as something not wanted."""
        picture = LibraryPicture(photo)
        kept = tuple(item for item in self.items if item.picture != picture)
        if any(not item.negative for item in kept):
            self._ask_items((*kept, QueryItem(picture, negative=True)), same_search=True)

    def set_negative(self, index: int, negative: bool) -> None:
        """Switch one picture between wanted and "not like this". At least one stays wanted."""
        items = list(self.items)
        items[index] = replace(items[index], negative=negative)
        if any(not item.negative for item in items):
            self._ask_items(tuple(items), same_search=True)
        else:
            self.query_changed.emit()

    def remove(self, index: int) -> None:
        """Take a picture out of the query; without a wanted one left, the search is cleared."""
        items = self.items[:index] + self.items[index + 1 :]
        if any(not item.negative for item in items):
            self._ask_items(items, same_search=True)
        else:
            self.clear()

    def clear(self) -> None:
        """No question. Going back returns to the last one."""
        self._bridge.drop("search")
        self._rest.stop()
        self._show_nothing()

    def run(self, query: Query) -> None:
        """Ask a whole query, for example the next round made from marks."""
        self._history.push(query)
        self._take(query)
        self._search()

    def set_part(self, index: int, part: Part | None, *, live: bool = False) -> None:
        """Restrict a picture to a part of its oriented pixels, or use all of it again (None).

        `live`: the mouse still holds it; the search starts once it has rested.
        """
        if not 0 <= index < len(self.items) or (self.items[index].part == part and live):
            return
        items = list(self.items)
        items[index] = items[index].with_part(part)
        self._edit(tuple(items), live=live)

    def add_part(self, index: int, part: Part, *, live: bool = False) -> None:
        """Ask with another part of a picture as well; it becomes the last picture of the question."""
        if 0 <= index < len(self.items):
            self._edit((*self.items, replace(self.items[index], negative=False).with_part(part)), live=live)

    def _edit(self, items: tuple[QueryItem, ...], *, live: bool) -> None:
        if self._query is None:
            return
        query = self._turnable(self._query.with_items(items))
        self._history.push(query, editing=True)
        self._query = query
        self.maps.set_item(self.main_item)
        self.query_changed.emit()
        self.history_changed.emit()
        if live:
            self._rest.start()
        else:
            self._history.end_edit()
            self._search()

    def set_turned(self, wanted: bool) -> None:
        """Also look for the picture turned by quarters and mirrored, or only as it is; the present question is
        asked again."""
        self._turned = wanted
        query = self._query
        if query is None or not self.can_turn:
            return
        items = tuple(replace(item, turn=AS_IT_IS) for item in query.items)
        self.run(self._turnable(query.with_items(items)))

    def _turnable(self, query: Query) -> Query:
        """The question looking for turned pictures where that is wanted and can be."""
        possible = can_be_turned(query.items) and query.automatic is None
        return replace(query, turned=self._turned and possible)

    def search_again(self) -> None:
        """Ask the same once more, for example when more photos have been indexed."""
        if self._query is not None:
            self._search()

    def set_profile(self, profile: Profile) -> None:
        self._profile = profile
        if self._query is not None and self._query.profile is not profile:
            self.run(replace(self._query, profile=profile))

    def set_automatic(self, automatic: AutomaticFeedback | None) -> None:
        """Let the first results mark by themselves, or not (None); the present question is asked again."""
        self._automatic = automatic
        if self._query is not None and self._query.automatic != automatic:
            self.run(self._turnable(replace(self._query, automatic=automatic, turned=False)))

    def set_filter(self, folders: frozenset[FolderId] | None, chosen: PhotoFilter) -> None:
        """Search in these folders only (None: everywhere), among the photos that `chosen` leaves."""
        self._folders, self._chosen = folders, chosen
        query = self._query
        if query is not None and (query.folders, query.chosen) != (folders, chosen):
            self._query = replace(query, folders=folders, chosen=chosen)
            self._search()

    def set_sort(self, order: SortOrder) -> None:
        self._sort = order
        self._list(refine=False)
        self.answer_changed.emit()

    def show_all(self) -> None:
        """List the results that were kept back."""
        self.results.show_all()
        self.answer_changed.emit()

    def back(self) -> None:
        """The question before; after `clear`, the one that was cleared."""
        self._revisit(self._history.current if self._query is None else self._history.back())

    def forward(self) -> None:
        self._revisit(self._history.forward())

    def return_to(self, query: Query) -> None:
        """Back to an earlier question; one that is no longer remembered is asked anew."""
        if self._history.return_to(query):
            self._revisit(query)
        else:
            self.run(query)

    # -- inside -----------------------------------------------------------------------------------------------

    def _ask_items(self, items: tuple[QueryItem, ...], *, same_search: bool) -> None:
        number = self._query.round if self._query and same_search else 1
        query = Query(
            items,
            profile=self._profile,
            folders=self._folders,
            chosen=self._chosen,
            round=number,
            automatic=self._automatic,
        )
        self.run(self._turnable(query))

    def _revisit(self, query: Query | None) -> None:
        if query is not None:
            self._take(query)
            self._search()

    def _take(self, query: Query) -> None:
        if (query.folders, query.chosen) != (self._folders, self._chosen):
            query = replace(query, folders=self._folders, chosen=self._chosen)
        self._query = query
        if can_be_turned(query.items) and query.automatic is None:
            self._turned = query.turned
        self._pictures.keep(query.items)
        self.maps.set_item(self.main_item)
        self.query_changed.emit()
        self.history_changed.emit()

    def _show_nothing(self) -> None:
        self._query, self._answer, self._error, self._hits = None, None, None, ()
        self.results.clear()
        self._set_busy(False)
        self.query_changed.emit()
        self.answer_changed.emit()
        self.history_changed.emit()

    def _set_busy(self, busy: bool) -> None:
        if busy != self._busy:
            self._busy = busy
            self.busy_changed.emit(busy)

    def _search(self) -> None:
        self._rest.stop()
        port, query = self._port, self._query
        if port is None or query is None:
            return
        self._error = None
        self._set_busy(True)
        fresh = True

        def step(answer: SearchAnswer) -> None:
            nonlocal fresh
            self._answer = answer
            self._take_turn(answer)
            self._list(refine=not fresh)
            fresh = False
            if answer.final:
                self._set_busy(False)
                self.parts.find(self.items)
            self.answer_changed.emit()

        def work(control: JobControl) -> Iterator[SearchAnswer]:
            yield from port.search(query, control=control)

        self._bridge.submit(
            "search", work, on_step=step, on_done=lambda _: self._set_busy(False), on_failed=self._fail
        )

    def _take_turn(self, answer: SearchAnswer) -> None:
        """From now on the picture is the turned one that asked: it is shown, drawn on, marked and kept so."""
        query = self._query
        if query is None or not query.turned:
            return
        items = answer.asked(query).items
        if items != query.items:
            self._query = replace(query, items=items)
            self._history.replace(self._query)
            self._pictures.keep(items)
            self.maps.set_item(self.main_item)
            self.query_changed.emit()

    def _fail(self, error: IndiciumError) -> None:
        self._error = error
        self._answer, self._hits = None, ()
        self.results.clear()
        self._set_busy(False)
        self.answer_changed.emit()
        self.failed.emit(error)

    def _list(self, *, refine: bool) -> None:
        answer = self._answer
        if answer is None:
            return
        self._hits = ordered(answer.hits, self._sort)
        divider = divider_of(self._hits) if self._sort is SortOrder.BEST else None
        shown = shown_at_once(self._hits, self._sort)
        if refine and self._sort is SortOrder.BEST:
            self.results.refine_hits(self._hits, divider=divider, shown=shown, keep=self.held())
        else:
            self.results.show_hits(self._hits, divider=divider, shown=shown)
