"""Marks on the evidence become the next question (S1 section 3.4: feedback on patches)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from desktop_app.domain.errors import UsageError
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import Feedback, LibraryPicture, Mark, Query, QueryItem, Side

MARKED = 1.0  # weight of a cell marked +
AROUND = 0.25  # weight of a cell that is only there because it lies beside a marked one
REJECTED = 0.0  # weight of a cell marked -
SURROUNDINGS = 1  # cells added on each side of what was marked, so that it is seen with its surroundings
LEAST_SIDE = 32  # pixels; more cells are added until the part is as large, because a smaller one shows too little
MARKED_ITEM_WEIGHT = 0.5  # a marked patch of a result counts half as much as a picture the person brought


def next_query(query: Query, feedback: Feedback) -> Query:
    """The question of the next round.

    Marks on a picture of the query restrict it: to the surroundings of its + cells, with - cells counting
    nothing. A + on a result adds that patch as a further wanted picture, a - adds it as an unwanted one; the
    marked photo itself stays among the results. A later mark on the same cell replaces an earlier one.

    Raises UsageError when there is no mark at all, or one that refers to nothing.
    """
    if not feedback.marks:
        raise UsageError("nothing is marked", remedy="Click a patch of either picture to mark it")
    items = list(query.items)
    for index, marks in _grouped(feedback.marks, Side.QUERY).items():
        if not 0 <= index < len(items):
            raise UsageError(f"a mark refers to picture {index + 1} of a query of {len(items)}")
        items[index] = _restricted(items[index], marks)
    for photo, marks in _grouped(feedback.marks, Side.RESULT).items():
        items.extend(_items_of_result(PhotoId(photo), marks))
    return replace(query, items=tuple(items), round=query.round + 1)


def _grouped(marks: Iterable[Mark], side: Side) -> dict[int, list[Mark]]:
    """The marks that stand on `side`, by query item or by result photo, the last one per cell only."""
    last: dict[tuple[int, Cell, Grid, Region], Mark] = {}
    for mark in marks:
        if mark.side is not side:
            continue
        if side is Side.RESULT and mark.photo is None:
            raise UsageError("a mark on a result does not say which photo it belongs to")
        owner = mark.item if side is Side.QUERY else int(mark.photo or 0)
        last[(owner, mark.cell, mark.grid, mark.box)] = mark
    grouped: dict[int, list[Mark]] = {}
    for (owner, _cell, _grid, _box), mark in last.items():
        if mark.sign != 0:
            grouped.setdefault(owner, []).append(mark)
    return grouped


def _restricted(item: QueryItem, marks: list[Mark]) -> QueryItem:
    grid, box = marks[0].grid, marks[0].box
    wanted = [mark.cell for mark in marks if mark.sign > 0]
    rejected = {mark.cell for mark in marks if mark.sign < 0}
    before = item.cell_weights if item.grid == grid else {}
    if not wanted:
        weights = {**before, **dict.fromkeys(rejected, REJECTED)}
        return replace(item, cell_weights=weights, grid=grid)
    top, left, bottom, right = _bounds(wanted, grid, box)
    weights = _weights((top, left, bottom, right), wanted, rejected, before)
    region = _pixels((top, left, bottom, right), grid, box)
    return replace(item, region=region, cell_weights=weights, grid=Grid(bottom - top + 1, right - left + 1))


def _items_of_result(photo: PhotoId, marks: list[Mark]) -> list[QueryItem]:
    grid, box = marks[0].grid, marks[0].box
    wanted = [mark.cell for mark in marks if mark.sign > 0]
    rejected = [mark.cell for mark in marks if mark.sign < 0]
    items = []
    for cells, negative in ((wanted, False), (rejected, True)):
        if not cells:
            continue
        bounds = _bounds(cells, grid, box)
        other = set() if negative else set(rejected)
        items.append(
            QueryItem(
                LibraryPicture(photo),
                region=_pixels(bounds, grid, box),
                negative=negative,
                weight=MARKED_ITEM_WEIGHT,
                cell_weights=_weights(bounds, cells, other, {}),
                grid=Grid(bounds[2] - bounds[0] + 1, bounds[3] - bounds[1] + 1),
                from_mark=True,
            )
        )
    return items


Bounds = tuple[int, int, int, int]  # first row, first column, last row, last column


def _bounds(cells: Iterable[Cell], grid: Grid, box: Region) -> Bounds:
    """The cells around all of `cells`: with their surroundings, and large enough to search with."""
    rows = [cell.row for cell in cells]
    columns = [cell.column for cell in cells]
    for margin in range(SURROUNDINGS, max(grid.rows, grid.columns) + 1):
        bounds = (
            max(0, min(rows) - margin),
            max(0, min(columns) - margin),
            min(grid.rows - 1, max(rows) + margin),
            min(grid.columns - 1, max(columns) + margin),
        )
        part = _pixels(bounds, grid, box)
        if part.w >= LEAST_SIDE and part.h >= LEAST_SIDE:
            return bounds
    return 0, 0, grid.rows - 1, grid.columns - 1


def _weights(
    bounds: Bounds, wanted: Iterable[Cell], rejected: set[Cell], before: Mapping[Cell, float]
) -> dict[Cell, float]:
    """Weights of the cells inside `bounds`, counted from its top left corner."""
    top, left, bottom, right = bounds
    marked = set(wanted)
    weights = {}
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            cell = Cell(row, column)
            weight = MARKED if cell in marked else REJECTED if cell in rejected else before.get(cell, AROUND)
            weights[Cell(row - top, column - left)] = weight
    return weights


def _pixels(bounds: Bounds, grid: Grid, box: Region) -> Region:
    first = grid.cell_region(Cell(bounds[0], bounds[1]), box)
    last = grid.cell_region(Cell(bounds[2], bounds[3]), box)
    return Region(first.x, first.y, last.x + last.w - first.x, last.y + last.h - first.y)
