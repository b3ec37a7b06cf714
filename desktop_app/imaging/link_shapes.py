"""Where links and patches lie when a picture is shown inside some frame; used wherever evidence is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.evidence import PatchLink, Strength
from desktop_app.domain.geometry import Region
from desktop_app.domain.outline import Outline

Colour = tuple[int, int, int]

LINK_COLOURS: tuple[Colour, ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (240, 228, 66),
    (229, 139, 192),
    (45, 203, 151),
    (255, 127, 80),
)
"""Okabe and Ito's colours, brightened for photographs; told apart with every kind of colour blindness."""

_CURVE_POINTS = 33
_BEND = 0.35


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in canvas pixels, with fractions."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of `picture_width` x `picture_height` original pixels shown at `box` of the canvas."""

    box: Box
    picture_width: int
    picture_height: int

    def place(self, region: Region) -> Box:
        """Where a rectangle of the oriented original lies on the canvas."""
        across = (self.box.right - self.box.left) / self.picture_width
        down = (self.box.bottom - self.box.top) / self.picture_height
        return Box(
            self.box.left + region.x * across,
            self.box.top + region.y * down,
            self.box.left + (region.x + region.w) * across,
            self.box.top + (region.y + region.h) * down,
        )

    def path(self, outline: Outline) -> NDArray[np.float32]:
        """[n + 1, 2] x, y on the canvas: an outline in the oriented original, closed."""
        points = np.array([*outline.points, outline.points[0]], np.float64)
        across = (self.box.right - self.box.left) / self.picture_width
        down = (self.box.bottom - self.box.top) / self.picture_height
        return np.asarray(points * (across, down) + (self.box.left, self.box.top), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class LinkShape:
    """One link on the canvas: its number from 1, both patches, and the line between them.

    path: [n, 2] float32, points (x, y) from the query's patch to the result's, a gentle curve that leaves and
    arrives horizontally.
    """

    number: int
    query: Box
    result: Box
    path: NDArray[np.float32]
    colour: Colour
    strength: Strength


def link_colour(number: int) -> Colour:
    """The colour of the link with this number (from 1), the same wherever it is drawn."""
    return LINK_COLOURS[(number - 1) % len(LINK_COLOURS)]


def link_shapes(links: Sequence[PatchLink], query: Frame, result: Frame) -> list[LinkShape]:
    """The links in their order, numbered from 1, placed in the two frames."""
    shapes = []
    for number, link in enumerate(links, 1):
        start, end = query.place(link.query), result.place(link.result)
        path = link_path((start.right, start.centre[1]), (end.left, end.centre[1]))
        shapes.append(LinkShape(number, start, end, path, link_colour(number), link.strength))
    return shapes


def link_path(start: tuple[float, float], end: tuple[float, float]) -> NDArray[np.float32]:
    """A cubic Bezier curve from `start` to `end` as [33, 2] float32 points, horizontal at both ends."""
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    reach = np.array([(b[0] - a[0]) * _BEND, 0.0])
    t = np.linspace(0, 1, _CURVE_POINTS)[:, None]
    curve = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * (a + reach) + 3 * (1 - t) * t**2 * (b - reach) + t**3 * b
    return np.asarray(curve, np.float32)


def dashes(path: NDArray[np.float32], on: float, off: float) -> list[NDArray[np.float32]]:
    """Cut a path [n, 2] into pieces of length `on` with gaps of length `off` between them."""
    steps = np.hypot(*np.diff(path, axis=0).T)
    along = np.concatenate(([0.0], np.cumsum(steps)))
    pieces = []
    for start in np.arange(0.0, along[-1], on + off):
        stops = np.linspace(start, min(start + on, along[-1]), 5)
        piece = np.stack([np.interp(stops, along, path[:, axis]) for axis in (0, 1)], axis=1)
        pieces.append(piece.astype(np.float32))
    return pieces
