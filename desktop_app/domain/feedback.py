"""A search over many rounds: each round holds marks on what the one before it found; rounds form a tree.

Nothing here changes in place: every step gives a new session, so that undo, redo and branches are only places in
the tree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from desktop_app.domain.errors import UsageError
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import AnyMark, Query, QueryItem

LONGEST_NAME = 80  # characters of a session's name


@dataclass(frozen=True, slots=True)
class Round:
    """One step: marks on the answer of the round `before`, or a question that was put together anew (`items`).

    `before` is the number of the round that this one continues, None for the first. `marks` of all rounds since
    the last one with `items` act together.
    """

    before: int | None
    marks: tuple[AnyMark, ...] = ()
    items: tuple[QueryItem, ...] | None = None


@dataclass(frozen=True, slots=True)
class FeedbackSession:
    """The rounds of one search and the round one is at.

    query: what was asked first; its profile, folders and automatic feedback hold for all rounds. rounds: by
    number; a round only continues one with a smaller number. current: the number of the round shown. ahead: the
    rounds that redo leads to, the nearest last. pack: the digest of the pack that answered last ("" for none yet).
    Raises UsageError when the numbers do not make a tree.
    """

    query: Query
    rounds: tuple[Round, ...] = (Round(None),)
    current: int = 0
    ahead: tuple[int, ...] = ()
    name: str = ""
    pack: str = ""

    def __post_init__(self) -> None:
        for number, step in enumerate(self.rounds):
            is_first = number == 0
            if (step.before is None) != is_first or (step.before is not None and not 0 <= step.before < number):
                raise UsageError(f"round {number + 1} of the session does not continue an earlier one")
        numbers = range(len(self.rounds))
        if self.current not in numbers or any(number not in numbers for number in self.ahead):
            raise UsageError(f"the session has no round {self.current + 1}")

    # -- looking ----------------------------------------------------------------------------------------------

    def path(self, number: int | None = None) -> tuple[int, ...]:
        """The numbers of the rounds from the first to `number` (None: the current one)."""
        numbers: list[int] = []
        at: int | None = self.current if number is None else number
        while at is not None:
            numbers.append(at)
            at = self.rounds[at].before
        return tuple(reversed(numbers))

    def continued_by(self, number: int) -> tuple[int, ...]:
        """The rounds that continue this one: more than one where the session branches."""
        return tuple(at for at, step in enumerate(self.rounds) if step.before == number)

    def marks(self) -> tuple[AnyMark, ...]:
        """All marks that act on the current round, in the order in which they were made."""
        found: list[AnyMark] = []
        for number in self.path():
            step = self.rounds[number]
            found = [] if step.items is not None else [*found, *step.marks]
        return tuple(found)

    @property
    def can_undo(self) -> bool:
        return self.rounds[self.current].before is not None

    @property
    def can_redo(self) -> bool:
        return bool(self.ahead)

    # -- steps ------------------------------------------------------------------------------------------------

    def with_marks(self, marks: tuple[AnyMark, ...]) -> FeedbackSession:
        """A further round. From a round that was continued before, it is a branch; the other one stays.

        Raises UsageError without any mark.
        """
        if not marks:
            raise UsageError("nothing is marked", remedy="Click a patch of either picture to mark it")
        return self._with(Round(self.current, marks))

    def with_items(self, items: tuple[QueryItem, ...]) -> FeedbackSession:
        """A further round that asks with these pictures; marks of earlier rounds act no longer."""
        return self._with(Round(self.current, items=items))

    def undone(self) -> FeedbackSession:
        """Back by one round; the same session at its beginning."""
        before = self.rounds[self.current].before
        return self if before is None else replace(self, current=before, ahead=(*self.ahead, self.current))

    def redone(self) -> FeedbackSession:
        """The round again that was taken back last; the same session when there is none."""
        if not self.ahead:
            return self
        return replace(self, current=self.ahead[-1], ahead=self.ahead[:-1])

    def at(self, number: int) -> FeedbackSession:
        """At any round of the tree. Redo then leads back along the path that was left, if `number` is on it.

        Raises UsageError when there is no such round.
        """
        if not 0 <= number < len(self.rounds):
            raise UsageError(
                f"the session has no round {number + 1}", remedy=f"It has rounds 1 to {len(self.rounds)}"
            )
        line = (*self.path(), *reversed(self.ahead))
        ahead = tuple(reversed(line[line.index(number) + 1 :])) if number in line else ()
        return replace(self, current=number, ahead=ahead)

    def named(self, name: str) -> FeedbackSession:
        """With a name that people find it by. Raises UsageError for an empty or an overlong one."""
        name = " ".join(name.split())
        if not name:
            raise UsageError("a session needs a name", remedy="Type one")
        if len(name) > LONGEST_NAME:
            raise UsageError(f"a name of {len(name)} characters is too long", remedy=f"Use at most {LONGEST_NAME}")
        return replace(self, name=name)

    def _with(self, step: Round) -> FeedbackSession:
        return replace(self, rounds=(*self.rounds, step), current=len(self.rounds), ahead=())


@dataclass(frozen=True, slots=True)
class Moved:
    """A photo that a round moved among the first results: its places (from 1, None: not among the results), and
    why, as the end of a sentence ("share the part you marked at the left of cup.jpg"; empty when unknown)."""

    photo: PhotoId
    name: str
    before: int | None
    after: int | None
    because: str = ""


@dataclass(frozen=True, slots=True)
class RoundChange:
    """What a round changed against the round before it: the photos that rose, then those that fell, and words."""

    moved: tuple[Moved, ...]
    words: str
