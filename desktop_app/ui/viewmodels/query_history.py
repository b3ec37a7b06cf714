"""The questions of this session, back and forward, and the rounds of feedback among them."""

from __future__ import annotations

from collections.abc import Iterable

from desktop_app.domain.query import PixelPicture, Query

KEPT = 100
KEPT_PIXEL_BYTES = 256_000_000
"""Pasted pictures live only here; older questions are forgotten when they hold more than this."""


def pixel_bytes(queries: Iterable[Query]) -> int:
    """The memory of the pasted pictures in `queries`, each counted once."""
    pictures = [item.picture for query in queries for item in query.items]
    arrays = {id(picture.rgb): picture.rgb.nbytes for picture in pictures if isinstance(picture, PixelPicture)}
    return sum(arrays.values())


class QueryHistory:
    """A list of queries with a place in it. Asking something new forgets what lay ahead."""

    def __init__(self) -> None:
        self._queries: list[Query] = []
        self._place = -1
        self._open = False  # the newest query is still being edited (a region under the mouse)

    @property
    def current(self) -> Query | None:
        return self._queries[self._place] if self._place >= 0 else None

    @property
    def can_go_back(self) -> bool:
        return self._place > 0

    @property
    def can_go_forward(self) -> bool:
        return 0 <= self._place < len(self._queries) - 1

    def push(self, query: Query, *, editing: bool = False) -> None:
        """A new question. While `editing`, it takes the place of the one that the same edit put there."""
        if editing and self._open and self._place >= 0:
            self._queries[self._place] = query
        else:
            del self._queries[self._place + 1 :]
            self._queries.append(query)
            del self._queries[:-KEPT]
            while len(self._queries) > 1 and pixel_bytes(self._queries) > KEPT_PIXEL_BYTES:
                del self._queries[0]
            self._place = len(self._queries) - 1
        self._open = editing

    def replace(self, query: Query) -> None:
        """Put a question in the place of the present one, of which its answer said more."""
        if self._place >= 0:
            self._queries[self._place] = query

    def end_edit(self) -> None:
        """The next edit is a question of its own."""
        self._open = False

    def back(self) -> Query | None:
        """The question before, or None at the beginning."""
        if not self.can_go_back:
            return None
        self._open = False
        self._place -= 1
        return self.current

    def forward(self) -> Query | None:
        """The question after, or None at the end."""
        if not self.can_go_forward:
            return None
        self._open = False
        self._place += 1
        return self.current

    def return_to(self, query: Query) -> bool:
        """Go back to this very question. False when it is not among those before."""
        for place in range(self._place, -1, -1):
            if self._queries[place] is query:
                self._place, self._open = place, False
                return True
        return False

    def rounds(self) -> tuple[int, int]:
        """(round of the current query, rounds of the search it belongs to); (0, 0) before any query.

        A search is the stretch of the history that started with a query of round 1.
        """
        if self._place < 0:
            return 0, 0
        now = self._queries[self._place].round
        most = now
        for query in self._queries[self._place + 1 :]:
            if query.round <= most:
                break
            most = query.round
        return now, most
