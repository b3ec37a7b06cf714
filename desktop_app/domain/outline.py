"""A part of a picture inside a free outline (a lasso), in pixels of the oriented picture."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.domain.geometry import Region

Point = tuple[int, int]

MOST_POINTS = 2000
FINE = 256  # samples across and down when it is asked how much of a place lies inside
_REMEDY = "Draw a line round the part to search with"


@dataclass(frozen=True, slots=True)
class Outline:
    """A closed line through `points` (x, y), in whole pixels from the top left corner of the oriented picture, the
    last one joined to the first. Where it crosses itself, the even-odd rule says what lies inside.

    Raises UsageError for fewer than 3 points, more than `MOST_POINTS`, and a line that encloses nothing.
    """

    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        if len(self.points) < 3:
            raise UsageError(f"an outline needs at least 3 points, not {len(self.points)}", remedy=_REMEDY)
        if len(self.points) > MOST_POINTS:
            raise UsageError(
                f"an outline of {len(self.points):,} points is too long", remedy=f"Use at most {MOST_POINTS:,}"
            )
        across, down = (max(values) - min(values) for values in zip(*self.points, strict=True))
        if not (across and down and self.samples(self.box).any()):
            raise UsageError("the outline encloses nothing", remedy=_REMEDY)

    @classmethod
    def of(cls, points: Iterable[tuple[float, float]]) -> Outline:
        """Through points that may have fractions; they are rounded. Raises UsageError, also for NaN."""
        kept: list[Point] = []
        for x, y in points:
            if not (math.isfinite(x) and math.isfinite(y)):
                raise UsageError(f"an outline cannot go through the point {x}, {y}", remedy="Give whole pixels")
            if not kept or kept[-1] != (round(x), round(y)):
                kept.append((round(x), round(y)))
        return cls(tuple(kept))

    @classmethod
    def parse(cls, text: str) -> Outline:
        """Read `x,y x,y x,y ...`. Raises UsageError for other text."""
        try:
            pairs = [tuple(int(number) for number in pair.split(",")) for pair in text.split()]
            points = tuple((x, y) for x, y in pairs)
        except ValueError:
            raise UsageError(
                f"'{text}' is not an outline", remedy="Give whole numbers: 'x,y x,y x,y ...', in one argument"
            ) from None
        return cls(points)

    @property
    def text(self) -> str:
        """What `parse` reads."""
        return " ".join(f"{x},{y}" for x, y in self.points)

    def as_lists(self) -> list[list[int]]:
        """`[[x, y], ...]`, the form used in JSON."""
        return [[x, y] for x, y in self.points]

    @property
    def box(self) -> Region:
        """The smallest rectangle round it."""
        xs, ys = zip(*self.points, strict=True)
        return Region(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))

    def clipped(self, width: int, height: int) -> Outline:
        """What of it lies inside a `width` x `height` picture. Raises UsageError when nothing does."""
        points: list[tuple[float, float]] = [(float(x), float(y)) for x, y in self.points]
        for axis, limit, sign in ((0, 0, 1), (0, width, -1), (1, 0, 1), (1, height, -1)):
            points = _clipped_at(points, axis=axis, limit=limit, sign=sign)
        try:
            return Outline.of(points)
        except UsageError:
            raise UsageError(
                f"the outline lies outside the picture ({width} x {height})", remedy="Draw it inside the picture"
            ) from None

    def moved_to(self, box: Region) -> Outline:
        """The same shape, moved and stretched until `box` is the rectangle round it."""
        own = self.box
        return Outline.of(
            (box.x + (x - own.x) * box.w / own.w, box.y + (y - own.y) * box.h / own.h) for x, y in self.points
        )

    def inside(self, xs: NDArray[np.floating], ys: NDArray[np.floating]) -> NDArray[np.bool_]:
        """[len(ys), len(xs)] bool: the points of a lattice that lie inside. xs: rising, pixels; ys: pixels."""
        return even_odd(np.asarray(self.points, np.float64), xs, ys)

    def samples(self, box: Region, rows: int = FINE, columns: int = FINE) -> NDArray[np.bool_]:
        """[rows, columns] bool: whether the middles of that many equal cells over `box` lie inside."""
        xs = box.x + (np.arange(columns) + 0.5) * box.w / columns
        ys = box.y + (np.arange(rows) + 0.5) * box.h / rows
        return self.inside(xs, ys)


Part = Region | Outline
"""A part of a picture to search with."""


def parse_part(text: str) -> Part:
    """A rectangle `x,y,w,h` or an outline `x,y x,y x,y ...`. Raises UsageError for other text."""
    return Outline.parse(text) if len(text.split()) > 1 else Region.parse(text)


def even_odd(points: NDArray[np.float64], xs: NDArray[np.floating], ys: NDArray[np.floating]) -> NDArray[np.bool_]:
    """[len(ys), len(xs)] bool: the points of a lattice that lie inside the closed line through `points` [n, 2],
    by the even-odd rule. xs must rise."""
    (x0, y0), (x1, y1) = points.T, np.roll(points, -1, axis=0).T
    at = np.asarray(ys, np.float64)[:, None]
    row, edge = np.nonzero((y0 <= at) != (y1 <= at))
    crossing = x0[edge] + (at[row, 0] - y0[edge]) * (x1 - x0)[edge] / (y1 - y0)[edge]
    crossed = np.zeros((len(ys), len(xs) + 1), dtype=np.int64)
    np.add.at(crossed, (row, np.searchsorted(xs, crossing)), 1)
    return np.asarray(crossed.cumsum(axis=1)[:, : len(xs)] % 2 == 1)


def _clipped_at(
    points: list[tuple[float, float]], *, axis: int, limit: float, sign: int
) -> list[tuple[float, float]]:
    """The part of a closed line on one side of an upright or level line (Sutherland and Hodgman)."""
    kept: list[tuple[float, float]] = []
    for before, now in zip([*points[-1:], *points[:-1]], points, strict=True):
        was_within, is_within = (sign * (point[axis] - limit) >= 0 for point in (before, now))
        if was_within != is_within:
            share = (limit - before[axis]) / (now[axis] - before[axis])
            x, y = (a + share * (b - a) for a, b in zip(before, now, strict=True))
            kept.append((x, y))
        if is_within:
            kept.append(now)
    return kept
