"""The rounds of the search that is shown: where one is among them, what each changed, and keeping them by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.feedback import FeedbackSession, Round, RoundChange
from desktop_app.domain.query import Query
from desktop_app.domain.results import Hit
from desktop_app.services.feedback import query_of
from desktop_app.services.saved_sessions import SavedSession
from desktop_app.services.session_document import LoadedSession
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.marks import MarkBook
from desktop_app.ui.viewmodels.search import SearchViewModel
from desktop_app.ui.viewmodels.words import number

CHANNEL, CHANGES = "rounds", "round-changes"


class RoundsPort(Protocol):
    """What rounds need of an open library; every call is made on a worker thread."""

    def changes(
        self, before: Query, before_hits: Sequence[Hit], query: Query, hits: Sequence[Hit]
    ) -> RoundChange: ...
    def save_session(self, session: FeedbackSession) -> None: ...
    def saved_sessions(self) -> list[SavedSession]: ...
    def open_session(self, name: str) -> LoadedSession: ...
    def forget_session(self, name: str) -> None: ...


@dataclass(eq=False)
class _Asked:
    """A round as it was asked: its question, its answer once there is one, and the marks made on that."""

    query: Query
    hits: tuple[Hit, ...] | None = None
    words: str = ""
    book: MarkBook | None = None


class RoundsViewModel(QObject):
    """Follows the search: its questions are the rounds. Lives on the GUI thread."""

    changed = Signal()
    """The rounds, the place among them, or what is said about them."""
    saved_changed = Signal()
    """The list of saved sessions."""

    def __init__(self, bridge: Bridge, search: SearchViewModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._search = search
        self._port: RoundsPort | None = None
        self._session: FeedbackSession | None = None
        self._asked: list[_Asked] = []
        self._loaded: tuple[str, ...] = ()
        self.saved: tuple[str, ...] = ()
        """The names of the sessions that are kept, the newest first."""
        search.query_changed.connect(self._query_changed)
        search.answer_changed.connect(self._answered)

    # -- what is shown ----------------------------------------------------------------------------------------

    @property
    def session(self) -> FeedbackSession | None:
        return self._session

    @property
    def name(self) -> str:
        """The name of the session, empty for one that is not kept."""
        return self._session.name if self._session else ""

    @property
    def place(self) -> tuple[int, int]:
        """(number of this round, rounds along this line); (0, 0) without a search."""
        if self._session is None:
            return 0, 0
        before = len(self._session.path())
        return before, before + len(self._session.ahead)

    @property
    def can_undo(self) -> bool:
        return self._session is not None and self._session.can_undo

    @property
    def can_redo(self) -> bool:
        return self._session is not None and self._session.can_redo

    def words(self) -> str:
        """What the round changed, and what is to be known about its marks; empty when there is nothing to say."""
        if self._session is None:
            return ""
        answer = self._search.answer
        notes = answer.notes if answer is not None else ()
        return " ".join(part for part in (self._asked[self._session.current].words, *self._loaded, *notes) if part)

    def descriptions(self) -> list[tuple[int, str]]:
        """Every round with a line that says what it is, in the order of the rounds, to go back to."""
        return [] if self._session is None else [(at, self._line(at)) for at in range(len(self._session.rounds))]

    def _line(self, number: int) -> str:
        session = self._session
        if session is None:
            return ""
        step = session.rounds[number]
        if step.before is None:
            return "1  The search as it began"
        deep = len(session.path(number))
        if step.items is not None:
            what = "The pictures were changed"
        else:
            wanted = sum(mark.sign > 0 for mark in step.marks)
            unwanted = sum(mark.sign < 0 for mark in step.marks)
            parts = [f"{wanted} +"] if wanted else []
            parts += [f"{unwanted} −"] if unwanted else []
            what = "Marked " + ", ".join(parts)
        beside = "" if session.continued_by(step.before)[0] == number else f" (instead of round {deep} above)"
        return f"{deep}  {what}{beside}"

    # -- rounds -----------------------------------------------------------------------------------------------

    def open_library(self, port: RoundsPort | None) -> None:
        """Another library (or none)."""
        for channel in (CHANNEL, CHANGES):
            self._bridge.drop(channel)
        self._port = port
        self._session, self._asked, self._loaded, self.saved = None, [], (), ()
        self.changed.emit()
        self.saved_changed.emit()
        self._list_saved()

    def mark(self, query: Query, book: MarkBook) -> bool:
        """The next round, from marks on what `query` found. False when they cannot be searched with: why comes
        by the bridge's `failed`."""
        self._follow(query)
        if self._session is None:
            return False
        try:
            session = self._session.with_marks(book.marks)
            asked = replace(query_of(session), round=query.round + 1)
        except IndiciumError as error:
            self._bridge.failed.emit(error)
            return False
        self._asked[self._session.current].book = book
        self._session = session
        self._asked.append(_Asked(asked))
        self._search.run(asked)
        return True

    def book(self, number: int) -> MarkBook | None:
        """The marks that were made on the answer of a round, as far as they led to another one."""
        return self._asked[number].book if 0 <= number < len(self._asked) else None

    def undo(self) -> bool:
        """Back by one round; False when there was none."""
        return self._go(FeedbackSession.undone)

    def redo(self) -> bool:
        """The round again that was taken back last; False when there was none."""
        return self._go(FeedbackSession.redone)

    def go_to(self, number: int) -> None:
        """To any round."""
        self._go(lambda session: session.at(number))

    def _go(self, step: Callable[[FeedbackSession], FeedbackSession]) -> bool:
        if self._session is None:
            return False
        session = step(self._session)
        if session.current == self._session.current:
            return False
        self._session = session
        self._search.return_to(self._asked[session.current].query)
        return True

    # -- keeping ----------------------------------------------------------------------------------------------

    def save(self, name: str) -> None:
        """Keep the rounds under a name; others of that name are replaced."""
        port = self._port
        if self._session is None or port is None:
            return
        try:
            self._session = self._session.named(name)
        except IndiciumError as error:
            self._bridge.failed.emit(error)
            return
        session = self._session
        self._bridge.submit(
            CHANNEL, lambda _control: port.save_session(session), on_done=lambda _: self._list_saved(), queue=True
        )
        self.changed.emit()

    def open(self, name: str) -> None:
        """Go on with rounds that were kept."""
        port = self._port
        if port is not None:
            self._bridge.submit(CHANNEL, lambda _control: _read(port, name), on_done=self._opened, queue=True)

    def forget(self, name: str) -> None:
        """Keep these rounds no longer."""
        port = self._port
        if port is not None:
            self._bridge.submit(
                CHANNEL,
                lambda _control: port.forget_session(name),
                on_done=lambda _: self._list_saved(),
                queue=True,
            )

    def _list_saved(self) -> None:
        port = self._port
        if port is not None:
            self._bridge.submit(CHANNEL, lambda _control: port.saved_sessions(), on_done=self._listed, queue=True)

    def _listed(self, saved: list[SavedSession]) -> None:
        self.saved = tuple(one.name for one in saved)
        self.saved_changed.emit()

    def _opened(self, opened: tuple[LoadedSession, list[Query]]) -> None:
        loaded, queries = opened
        self._session = loaded.session
        self._asked = [_Asked(query) for query in queries]
        self._loaded = loaded.notes
        now = queries[loaded.session.current]
        self._search.set_automatic(now.automatic)
        self._search.run(replace(now, folders=self._search.folders, chosen=self._search.chosen))

    # -- following the search ---------------------------------------------------------------------------------

    def _query_changed(self) -> None:
        query = self._search.query
        if query is not None:
            self._follow(query)
        self.changed.emit()

    def _follow(self, query: Query) -> None:
        """Find the round that asks `query`; one that was put together otherwise becomes a round, or a session."""
        now = self._session.current if self._session is not None else 0
        numbers = sorted(range(len(self._asked)), key=lambda number: number != now)  # the present one first
        same = [number for number in numbers if self._asked[number].query.items == query.items]
        if self._session is not None and same:
            asked = self._asked[same[0]]
            if (asked.query.profile, asked.query.automatic) != (query.profile, query.automatic):
                asked.query = query  # else the very question that the history of searches knows is kept
            self._session = self._session.at(same[0])
        else:
            if self._session is None or len(self._session.rounds) == 1 or not self._belongs(query):
                self._session, self._asked, self._loaded = FeedbackSession(query), [_Asked(query)], ()
            else:
                self._edit(self._session, query)
        if self._session is not None:
            first = self._session.query.items
            self._session = replace(self._session, query=replace(query.with_items(first), round=1))

    def _belongs(self, query: Query) -> bool:
        """Whether a question goes on with this search: it has a picture in common with it."""
        before = [item.picture for asked in self._asked for item in asked.query.items]
        return any(item.picture is picture for item in query.items for picture in before)

    def _edit(self, session: FeedbackSession, query: Query) -> None:
        """The person changed the pictures: one round, however often they are changed in a row."""
        last = len(session.rounds) - 1
        step = session.rounds[last]
        if session.current == last and step.items is not None:
            rounds: tuple[Round, ...] = (*session.rounds[:-1], replace(step, items=query.items))
            self._session = replace(session, rounds=rounds)
            self._asked[last] = _Asked(query)
        else:
            self._session = session.with_items(query.items)
            self._asked.append(_Asked(query))

    def _answered(self) -> None:
        answer, query, port = self._search.answer, self._search.query, self._port
        if answer is None or query is None or not answer.final or self._session is None:
            self.changed.emit()
            return
        number = self._session.current
        asked, step = self._asked[number], self._session.rounds[number]
        if asked.query.items == query.items:
            asked.hits = answer.hits
            before = None if step.before is None else self._asked[step.before]
            if port is not None and before is not None and before.hits is not None and step.marks:
                earlier, hits = before.hits, answer.hits
                self._bridge.submit(
                    CHANGES,
                    lambda _control: port.changes(before.query, earlier, query, hits),
                    on_done=lambda change: self._told(asked, change),
                )
        self.changed.emit()

    def _told(self, asked: _Asked, change: RoundChange) -> None:
        asked.words = change.words
        self.changed.emit()


def _read(port: RoundsPort, name: str) -> tuple[LoadedSession, list[Query]]:
    """A kept session with the question of every round."""
    loaded = port.open_session(name)
    return loaded, [query_of(loaded.session, number) for number in range(len(loaded.session.rounds))]


def rounds_words(place: tuple[int, int]) -> str:
    """`Round 2 of 3`; empty while there is only one."""
    now, most = place
    return f"Round {number(now)} of {number(most)}" if most > 1 else ""
