"""Rectangles and grids in the one frame everything shares: integer pixels of the oriented original.

A map is row-major with row 0 at the top and always covers the whole picture (or the whole region of a
query), so cell (row, column) of a `rows` x `columns` grid covers an equal share of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from desktop_app.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle `x, y, w, h` in pixels of the oriented picture; `w` and `h` are at least 1."""

    x: int
    y: int
    w: int
    h: int

    def __post_init__(self) -> None:
        if self.w < 1 or self.h < 1:
            raise UsageError(f"a region needs a width and a height of at least 1, not {self.w} x {self.h}")

    @classmethod
    def parse(cls, text: str) -> Region:
        """Read `x,y,w,h`. Raises UsageError when the text is not four whole numbers."""
        try:
            x, y, w, h = (int(part) for part in text.split(","))
        except ValueError:
            raise UsageError(
                f"'{text}' is not a region", remedy="Give four whole numbers: x,y,width,height"
            ) from None
        return cls(x, y, w, h)

    def clipped(self, width: int, height: int) -> Region:
        """The part inside a `width` x `height` picture. Raises UsageError when there is none."""
        left, top = max(0, self.x), max(0, self.y)
        right, bottom = min(width, self.x + self.w), min(height, self.y + self.h)
        if right <= left or bottom <= top:
            raise UsageError(
                f"the region {self.x},{self.y},{self.w},{self.h} lies outside the picture ({width} x {height})"
            )
        return Region(left, top, right - left, bottom - top)

    def contains(self, x: float, y: float) -> bool:
        """Whether the point lies inside (left and top edges belong to it)."""
        return self.x <= x < self.x + self.w and self.y <= y < self.y + self.h

    @property
    def text(self) -> str:
        """What `parse` reads."""
        return ",".join(map(str, self.as_list()))

    def as_list(self) -> list[int]:
        """`[x, y, w, h]`, the form used in JSON."""
        return [self.x, self.y, self.w, self.h]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a map: row 0 is the top row, column 0 the leftmost."""

    row: int
    column: int


@dataclass(frozen=True, slots=True)
class Grid:
    """The size of a map in cells."""

    rows: int
    columns: int

    def cell_region(self, cell: Cell, box: Region) -> Region:
        """The pixels that `cell` covers when this grid lies over `box`; edges are rounded and never overlap.

        Cells of a box with fewer pixels than cells are at least one pixel in each direction.
        """
        left = box.x + cell.column * box.w // self.columns
        right = box.x + (cell.column + 1) * box.w // self.columns
        top = box.y + cell.row * box.h // self.rows
        bottom = box.y + (cell.row + 1) * box.h // self.rows
        return Region(left, top, max(1, right - left), max(1, bottom - top))

    def cell_at(self, x: float, y: float, box: Region) -> Cell | None:
        """The cell whose pixels contain the point (`x`, `y`), or None outside `box`."""
        if not box.contains(x, y):
            return None
        column = min(self.columns - 1, int(((x - box.x) * self.columns + self.columns - 1) // box.w))
        row = min(self.rows - 1, int(((y - box.y) * self.rows + self.rows - 1) // box.h))
        # The closed form above can be one too far where edges are rounded down: settle it on the edges.
        while column > 0 and x < box.x + column * box.w // self.columns:
            column -= 1
        while row > 0 and y < box.y + row * box.h // self.rows:
            row -= 1
        return Cell(row, column)

    def cell_by_index(self, index: int) -> Cell:
        """The cell with row-major `index`."""
        return Cell(*divmod(index, self.columns))
