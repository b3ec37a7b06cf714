"""Where the cells of a grid lie: arithmetic only, so that a million rows cost as much as ten.

Rows (photos) fill lines from left to right. Where `divider` is set, the photo of that row starts a new line,
and a band of `band` pixels lies above that line. All numbers are device-independent pixels of the content;
the view subtracts its scroll position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Rect = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class GridLayout:
    """A uniform grid of `count` cells in `columns` columns, with at most one dividing band.

    cell_w, cell_h: size of a cell without the gap; left: where the first column starts; gap: between cells in
    both directions; top: space above the first line; divider: the row that starts the part below the band.
    """

    count: int
    columns: int
    cell_w: int
    cell_h: int
    left: int
    gap: int
    top: int = 0
    divider: int | None = None
    band: int = 0

    @classmethod
    def fitting(
        cls,
        count: int,
        *,
        width: int,
        cell_w: int,
        cell_h: Callable[[int], int],
        gap: int,
        edge: int = 0,
        top: int = 0,
        divider: int | None = None,
        band: int = 0,
    ) -> GridLayout:
        """As many columns as fit in `width` with cells of at least `cell_w`, which then share all of the width.

        `cell_h` gives the height of a cell for its width; `edge` is kept free on both sides.
        """
        room = max(cell_w, width - 2 * edge)
        columns = max(1, (room + gap) // (cell_w + gap))
        wide = (room - (columns - 1) * gap) // columns
        inside = divider if divider is not None and 0 <= divider < count else None
        above = band if inside is not None else 0
        return cls(count, columns, wide, cell_h(wide), edge, gap, top, inside, above)

    @property
    def lines_above(self) -> int:
        """Lines above the band (all lines when there is none)."""
        above = self.count if self.divider is None else self.divider
        return -(-above // self.columns)

    @property
    def lines(self) -> int:
        if self.divider is None:
            return self.lines_above
        return self.lines_above - (-(self.count - self.divider) // self.columns)

    @property
    def height(self) -> int:
        """The height of the whole content, a gap below the last line included."""
        return self.top + self.lines * (self.cell_h + self.gap) + self.band

    def place(self, row: int) -> tuple[int, int]:
        """(line, column) of a row."""
        if self.divider is None or row < self.divider:
            return divmod(row, self.columns)
        line, column = divmod(row - self.divider, self.columns)
        return self.lines_above + line, column

    def row_in(self, line: int, column: int) -> int | None:
        """The row at (line, column), None where the grid has a hole or ends."""
        if not (0 <= column < self.columns and 0 <= line < self.lines):
            return None
        if self.divider is None or line < self.lines_above:
            row = line * self.columns + column
            return row if row < (self.count if self.divider is None else self.divider) else None
        row = self.divider + (line - self.lines_above) * self.columns + column
        return row if row < self.count else None

    def _line_top(self, line: int) -> int:
        below = self.divider is not None and line >= self.lines_above
        return self.top + line * (self.cell_h + self.gap) + (self.band if below else 0)

    def rect(self, row: int) -> Rect:
        """(x, y, w, h) of a row's cell."""
        line, column = self.place(row)
        return self.left + column * (self.cell_w + self.gap), self._line_top(line), self.cell_w, self.cell_h

    def band_rect(self, width: int) -> Rect | None:
        """(x, y, w, h) of the band in a content of this width, None without one."""
        if self.divider is None:
            return None
        return 0, self._line_top(self.lines_above) - self.band, width, self.band

    def line_at(self, y: int) -> int:
        """The line whose cells or gap below contain `y`, clamped to the lines there are."""
        step = self.cell_h + self.gap
        line = (y - self.top) // step
        if self.divider is not None and line >= self.lines_above:
            line = max(self.lines_above - 1, (y - self.top - self.band) // step)
        return max(0, min(self.lines - 1, line))

    def row_at(self, x: int, y: int) -> int | None:
        """The row whose cell contains the point, None in gaps, holes and the band."""
        if self.count == 0:
            return None
        line = self.line_at(y)
        column, inside = divmod(x - self.left, self.cell_w + self.gap)
        if inside >= self.cell_w or not 0 <= y - self._line_top(line) < self.cell_h:
            return None
        return self.row_in(line, column)

    def rows_between(self, top: int, bottom: int) -> range:
        """The rows whose cells touch the content between `top` and `bottom` (pixels, bottom not included)."""
        if self.count == 0 or bottom <= top:
            return range(0)
        first = self.row_in(self.line_at(top), 0)
        line = self.line_at(bottom - 1)
        last = next((row for c in range(self.columns - 1, -1, -1) if (row := self.row_in(line, c)) is not None), 0)
        return range(first or 0, last + 1)

    def moved(self, row: int, *, lines: int = 0, columns: int = 0) -> int:
        """The row reached from `row`: sideways one by one through the reading order, up and down by lines.

        Stops at the first and last row; a hole below leads to the last photo of that line.
        """
        if columns:
            return max(0, min(self.count - 1, row + columns))
        line, column = self.place(row)
        line = max(0, min(self.lines - 1, line + lines))
        for candidate in range(column, -1, -1):
            found = self.row_in(line, candidate)
            if found is not None:
                return found
        return row

    def page(self, height: int) -> int:
        """Lines in a page of `height` pixels, at least 1."""
        return max(1, height // (self.cell_h + self.gap))
