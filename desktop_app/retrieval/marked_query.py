"""From the marks of a session to its next question (S1 section 3.4: feedback on patches, regions and photos).

Marks on a picture of the query restrict it; marks on a result add its marked parts as further wanted or unwanted
pictures, so that every stage of a search treats them as it treats any picture. A later mark on the same place
replaces an earlier one. Where signs contradict each other, a patch beats the rectangle it lies in, and of two
rectangles the unwanted one wins.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from desktop_app.domain.errors import UsageError
from desktop_app.domain.feedback import FeedbackSession
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import (
    AnyMark,
    LibraryPicture,
    Mark,
    PhotoMark,
    Query,
    QueryItem,
    RegionMark,
    Side,
)

MARKED = 1.0  # weight of a cell marked +
AROUND = 0.25  # weight of a cell that is only there because it lies beside a marked one
REJECTED = 0.0  # weight of a cell marked -
LEAST_SHARE = (
    0.6  # of either side of its picture, for what is seen of a marked patch: seen alone it says too little
)
LEAST_SIDE = 32  # pixels, likewise
MARKED_ITEM_WEIGHT = 0.25  # how much a marked part of a result counts against a picture the person brought
FINE = Grid(14, 14)  # over a rectangle or a whole photo, for the parts of it that are not wanted

Items = tuple[QueryItem, ...]
_M = TypeVar("_M", bound=AnyMark)
Bounds = tuple[int, int, int, int]  # first row, first column, last row, last column


def query_of(session: FeedbackSession, number: int | None = None) -> Query:
    """The question that a round asks (None: the current one); marks of all rounds before it act on it too.

    Raises UsageError for a mark that refers to nothing, lies outside its picture, or leaves nothing to look for.
    """
    items: Items = session.query.items
    results: list[AnyMark] = []
    path = session.path(number)
    for at in path:
        step = session.rounds[at]
        if step.items is not None:
            items, results = step.items, []
            continue
        shown = (*items, *_items_of_results(results))
        own: list[Mark | RegionMark] = []
        for mark in step.marks:
            _check(mark)
            if isinstance(mark, PhotoMark) or mark.side is Side.RESULT:
                results.append(mark)
            else:
                if not 0 <= mark.item < len(shown):
                    raise UsageError(f"a mark refers to picture {mark.item + 1} of a query of {len(shown)}")
                picture = shown[mark.item].picture
                if mark.item < len(items):
                    own.append(mark)
                elif isinstance(picture, LibraryPicture):  # a part of a result, shown as a picture of the query
                    results.append(replace(mark, side=Side.RESULT, photo=picture.id))
        items = _restricted_items(items, own)
    return replace(session.query.with_items((*items, *_items_of_results(results))), round=len(path))


# --- which marks count ----------------------------------------------------------------------------------------


def _check(mark: AnyMark) -> None:
    """Raises UsageError for a mark that refers to nothing."""
    if not mark.weight > 0:
        raise UsageError(f"a mark of weight {mark.weight} says nothing", remedy="Give a weight above 0")
    if isinstance(mark, PhotoMark):
        return
    if mark.side is Side.RESULT and mark.photo is None:
        raise UsageError("a mark on a result does not say which photo it belongs to")
    if isinstance(mark, Mark):
        if not (0 <= mark.cell.row < mark.grid.rows and 0 <= mark.cell.column < mark.grid.columns):
            raise UsageError(
                f"the marked cell in row {mark.cell.row + 1}, column {mark.cell.column + 1} lies outside its grid"
                f" of {mark.grid.rows} x {mark.grid.columns}"
            )
    elif _overlap(mark.region, mark.box) is None:
        raise UsageError(
            f"the marked region {','.join(map(str, mark.region.as_list()))} lies outside the picture"
            f" ({mark.box.w} x {mark.box.h})",
            remedy="Mark a part of the picture",
        )


def _last_words(marks: Iterable[_M]) -> list[_M]:
    """The last mark on every place, without those that clear it (sign 0)."""
    last: dict[Hashable, _M] = {}
    for mark in marks:
        place: Hashable
        if isinstance(mark, PhotoMark):
            place = mark.photo
        else:
            owner = mark.photo if mark.side is Side.RESULT else mark.item
            place = (mark.side, owner, _pixels_of(mark))
        last.pop(place, None)
        last[place] = mark
    return [mark for mark in last.values() if mark.sign != 0]


def _pixels_of(mark: Mark | RegionMark) -> Region:
    if isinstance(mark, Mark):
        return mark.grid.cell_region(mark.cell, mark.box)
    inside = _overlap(mark.region, mark.box)
    return mark.region if inside is None else inside


# --- marks on the query ---------------------------------------------------------------------------------------


def _restricted_items(items: Items, marks: Sequence[Mark | RegionMark]) -> Items:
    """Every item restricted to the surroundings of its + marks, with - cells counting nothing. Several wanted
    rectangles of one picture ask together."""
    kept, added = list(items), []
    by_item: dict[int, list[Mark | RegionMark]] = {}
    for mark in _last_words(marks):
        by_item.setdefault(mark.item, []).append(mark)
    for index, own in by_item.items():
        item = kept[index]
        rectangles = [mark for mark in own if isinstance(mark, RegionMark) and mark.sign > 0]
        unwanted = [_pixels_of(mark) for mark in own if mark.sign < 0]
        if rectangles:
            first, *others = (_rectangle(item, mark, unwanted) for mark in rectangles)
            if first is None:
                raise _nothing_left(index)
            kept[index] = first
            added += [replace(other, from_mark=True) for other in others if other is not None]
            continue
        frames = [_frame(mark) for mark in own if mark.sign > 0] or [_frame(own[0])]
        for grid, box in dict.fromkeys(frames):
            kept[index] = _restricted(kept[index], own, grid, box)
        weights = kept[index].cell_weights
        grid_now = kept[index].grid
        if grid_now and len(weights) == grid_now.rows * grid_now.columns and not any(weights.values()):
            raise _nothing_left(index)
    return (*kept, *added)


def _restricted(item: QueryItem, marks: Sequence[Mark | RegionMark], grid: Grid, box: Region) -> QueryItem:
    """By the patches marked on this grid and the unwanted rectangles."""
    wanted = {
        mark.cell: mark.weight
        for mark in marks
        if isinstance(mark, Mark) and mark.sign > 0 and (mark.grid, mark.box) == (grid, box)
    }
    unwanted = [_pixels_of(mark) for mark in marks if mark.sign < 0]
    rejected = _cells_inside(grid, box, unwanted) - set(wanted)
    before = item.cell_weights if item.grid == grid else {}
    if not wanted:
        return replace(item, cell_weights={**before, **dict.fromkeys(rejected, REJECTED)}, grid=grid)
    bounds = _bounds(wanted, grid, box)
    return replace(
        item,
        region=_pixels(bounds, grid, box),
        cell_weights=_weights(bounds, wanted, rejected, before),
        grid=Grid(bounds[2] - bounds[0] + 1, bounds[3] - bounds[1] + 1),
    )


def _frame(mark: Mark | RegionMark) -> tuple[Grid, Region]:
    return (mark.grid if isinstance(mark, Mark) else FINE), mark.box


def _nothing_left(index: int) -> UsageError:
    return UsageError(
        f"all of picture {index + 1} is marked −, so nothing is left to look for",
        remedy="Take a mark away, or mark something +",
    )


# --- marks on results -----------------------------------------------------------------------------------------


def _items_of_results(marks: Sequence[AnyMark]) -> Items:
    """Further pictures of the query: the marked parts of results, and whole results."""
    by_photo: dict[PhotoId, list[AnyMark]] = {}
    for mark in _last_words(marks):
        photo = mark.photo
        if photo is not None:
            by_photo.setdefault(photo, []).append(mark)
    return tuple(item for photo, own in by_photo.items() for item in _items_of_photo(photo, own))


def _items_of_photo(photo: PhotoId, marks: Sequence[AnyMark]) -> list[QueryItem]:
    base = QueryItem(LibraryPicture(photo), weight=MARKED_ITEM_WEIGHT, from_mark=True)
    parts = [mark for mark in marks if not isinstance(mark, PhotoMark)]
    unwanted = [_pixels_of(mark) for mark in parts if mark.sign < 0]
    items: list[QueryItem | None] = []
    for mark in marks:
        weighed = replace(base, weight=MARKED_ITEM_WEIGHT * mark.weight, negative=mark.sign < 0)
        if isinstance(mark, PhotoMark):
            box = parts[0].box if parts and mark.sign > 0 else None
            items.append(_without(weighed, box, unwanted) if box else weighed)
        elif isinstance(mark, RegionMark):
            items.append(_rectangle(weighed, mark, unwanted if mark.sign > 0 else []))
    patches = [mark for mark in parts if isinstance(mark, Mark)]
    for grid, box, sign in dict.fromkeys((mark.grid, mark.box, mark.sign) for mark in patches):
        cells = {
            mark.cell: mark.weight for mark in patches if (mark.grid, mark.box, mark.sign) == (grid, box, sign)
        }
        bounds = _bounds(cells, grid, box)
        rejected = _cells_inside(grid, box, unwanted) - set(cells) if sign > 0 else set()
        items.append(
            replace(
                base,
                region=_pixels(bounds, grid, box),
                negative=sign < 0,
                weight=MARKED_ITEM_WEIGHT * max(cells.values()),
                cell_weights=_weights(bounds, cells, rejected, {}),
                grid=Grid(bounds[2] - bounds[0] + 1, bounds[3] - bounds[1] + 1),
            )
        )
    return [item for item in items if item is not None]


def _rectangle(item: QueryItem, mark: RegionMark, unwanted: Sequence[Region]) -> QueryItem | None:
    """The item restricted to a rectangle; None when all of it is unwanted."""
    region = _pixels_of(mark)
    return _without(replace(item, region=region, cell_weights={}, grid=None), region, unwanted)


def _without(item: QueryItem, box: Region, unwanted: Sequence[Region]) -> QueryItem | None:
    """The item with the cells of `unwanted` counting nothing; None when none is left."""
    rejected = _cells_inside(FINE, box, unwanted)
    if len(rejected) == FINE.rows * FINE.columns:
        return None
    return replace(item, cell_weights=dict.fromkeys(rejected, REJECTED), grid=FINE) if rejected else item


# --- cells ----------------------------------------------------------------------------------------------------


def _bounds(cells: Iterable[Cell], grid: Grid, box: Region) -> Bounds:
    """The cells around all of `cells`: with their surroundings, and large enough to search with."""
    rows, columns = zip(*((cell.row, cell.column) for cell in cells), strict=True)
    top, bottom = _span(min(rows), max(rows), grid.rows, box.h)
    left, right = _span(min(columns), max(columns), grid.columns, box.w)
    return top, left, bottom, right


def _span(first: int, last: int, count: int, pixels: int) -> tuple[int, int]:
    """The cells `first` to `last` of `count` that share `pixels`, with as many more beside them as are needed."""
    least = max(LEAST_SHARE * pixels, min(LEAST_SIDE, pixels))
    while first > 0 or last < count - 1:
        if (last + 1) * pixels // count - first * pixels // count >= least:
            break
        first, last = max(0, first - 1), min(count - 1, last + 1)
    return first, last


def _weights(
    bounds: Bounds, wanted: Mapping[Cell, float], rejected: set[Cell], before: Mapping[Cell, float]
) -> dict[Cell, float]:
    """Weights of the cells inside `bounds`, counted from its top left corner; `wanted` are relative weights."""
    top, left, bottom, right = bounds
    most = max(wanted.values())
    weights = {}
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            cell = Cell(row, column)
            if cell in wanted:
                weight = MARKED * wanted[cell] / most
            else:
                weight = REJECTED if cell in rejected else before.get(cell, AROUND)
            weights[Cell(row - top, column - left)] = weight
    return weights


def _cells_inside(grid: Grid, box: Region, regions: Sequence[Region]) -> set[Cell]:
    """The cells of a grid over `box` whose middle lies in one of `regions`."""
    cells = set()
    for row in range(grid.rows) if regions else ():
        for column in range(grid.columns):
            part = grid.cell_region(Cell(row, column), box)
            x, y = part.x + part.w / 2, part.y + part.h / 2
            if any(region.contains(x, y) for region in regions):
                cells.add(Cell(row, column))
    return cells


def _pixels(bounds: Bounds, grid: Grid, box: Region) -> Region:
    first = grid.cell_region(Cell(bounds[0], bounds[1]), box)
    last = grid.cell_region(Cell(bounds[2], bounds[3]), box)
    return Region(first.x, first.y, last.x + last.w - first.x, last.y + last.h - first.y)


def _overlap(one: Region, other: Region) -> Region | None:
    left, top = max(one.x, other.x), max(one.y, other.y)
    right, bottom = min(one.x + one.w, other.x + other.w), min(one.y + one.h, other.y + other.h)
    return Region(left, top, right - left, bottom - top) if right > left and bottom > top else None
