"""The marks of a round: which patches a person wants more or less of, with undo and redo."""

from __future__ import annotations

from dataclasses import dataclass

from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import Mark, Side

NEXT_SIGN = {0: 1, 1: -1, -1: 0}  # first click wants, second rejects, third clears


@dataclass(frozen=True, slots=True)
class Canvas:
    """One picture that can be marked: a side, its owner, and how its map lies over it."""

    side: Side
    grid: Grid
    box: Region
    item: int = 0
    photo: PhotoId | None = None

    def mark(self, cell: Cell, sign: int) -> Mark:
        """A mark on this picture."""
        return Mark(self.side, cell, self.grid, self.box, sign, item=self.item, photo=self.photo)


Place = tuple[Side, int, PhotoId | None, Cell]


def _place(mark: Mark) -> Place:
    return mark.side, mark.item, mark.photo, mark.cell


class MarkBook:
    """All marks of a round, over any number of results. One click or one stroke is one step of undo."""

    def __init__(self) -> None:
        self._marks: dict[Place, Mark] = {}
        self._undo: list[dict[Place, Mark]] = []
        self._redo: list[dict[Place, Mark]] = []
        self._stroke = False

    @property
    def marks(self) -> tuple[Mark, ...]:
        """In the order in which they were made."""
        return tuple(self._marks.values())

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    def sign(self, canvas: Canvas, cell: Cell) -> int:
        """+1, -1, or 0 for a cell without a mark."""
        found = self._marks.get(_place(canvas.mark(cell, 0)))
        return found.sign if found else 0

    def on(self, canvas: Canvas) -> tuple[Mark, ...]:
        """The marks of one picture."""
        return tuple(
            mark
            for mark in self._marks.values()
            if (mark.side, mark.item, mark.photo) == (canvas.side, canvas.item, canvas.photo)
        )

    def click(self, canvas: Canvas, cell: Cell) -> int:
        """Wanted, not wanted, no mark: the next of the three. Returns the new sign."""
        sign = NEXT_SIGN[self.sign(canvas, cell)]
        self._remember()
        self._set(canvas.mark(cell, sign))
        return sign

    def begin_stroke(self) -> None:
        """What is painted until `end_stroke` is undone in one step."""
        self._remember()
        self._stroke = True

    def paint(self, canvas: Canvas, cell: Cell, sign: int = 1) -> None:
        """Part of a stroke: give the cell this sign."""
        if not self._stroke:
            self._remember()
        self._set(canvas.mark(cell, sign))

    def end_stroke(self) -> None:
        """A stroke that changed nothing leaves no step behind."""
        if self._stroke and self._undo and self._undo[-1] == self._marks:
            self._undo.pop()
        self._stroke = False

    def undo(self) -> bool:
        """Take back the last step. False when there was none."""
        if not self._undo:
            return False
        self._redo.append(self._marks)
        self._marks = self._undo.pop()
        return True

    def redo(self) -> bool:
        """Make the step again that was taken back last. False when there was none."""
        if not self._redo:
            return False
        self._undo.append(self._marks)
        self._marks = self._redo.pop()
        return True

    def clear(self) -> None:
        """A new round: no marks and nothing to undo."""
        self._marks, self._undo, self._redo = {}, [], []
        self._stroke = False

    def _remember(self) -> None:
        self._undo.append(dict(self._marks))
        self._redo.clear()

    def _set(self, mark: Mark) -> None:
        place = _place(mark)
        if mark.sign == 0:
            self._marks.pop(place, None)
        else:
            self._marks[place] = mark
