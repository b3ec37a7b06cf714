"""A rectangle with eight handles: which handle lies under the pointer, and what dragging it gives.

Pure functions; rectangles are in pixels of the oriented picture, pointer positions in pixels of the widget.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from desktop_app.domain.geometry import Region

LEAST = 16  # pixels of the picture; below this a rectangle holds nothing to compare
REACH = 8.0  # widget pixels around a handle that still catch it


class Handle(Enum):
    """The part of a rectangle that is held; the value is (moves left, moves top, moves right, moves bottom)."""

    TOP_LEFT = (1, 1, 0, 0)
    TOP = (0, 1, 0, 0)
    TOP_RIGHT = (0, 1, 1, 0)
    RIGHT = (0, 0, 1, 0)
    BOTTOM_RIGHT = (0, 0, 1, 1)
    BOTTOM = (0, 0, 0, 1)
    BOTTOM_LEFT = (1, 0, 0, 1)
    LEFT = (1, 0, 0, 0)
    INSIDE = (1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Placement:
    """A picture of `width` x `height` pixels shown at (x, y) of a widget, `scale` times as large."""

    x: float
    y: float
    scale: float
    width: int
    height: int

    @classmethod
    def fitted(cls, width: int, height: int, *, into_width: float, into_height: float) -> Placement:
        """The whole picture, centred, as large as it fits."""
        scale = min(into_width / width, into_height / height)
        return cls((into_width - width * scale) / 2, (into_height - height * scale) / 2, scale, width, height)

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Widget pixels to picture pixels; may lie outside the picture."""
        return (x - self.x) / self.scale, (y - self.y) / self.scale

    def to_widget(self, x: float, y: float) -> tuple[float, float]:
        return self.x + x * self.scale, self.y + y * self.scale

    def rectangle(self, region: Region) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of a region in widget pixels."""
        left, top = self.to_widget(region.x, region.y)
        right, bottom = self.to_widget(region.x + region.w, region.y + region.h)
        return left, top, right, bottom


def handle_points(left: float, top: float, right: float, bottom: float) -> dict[Handle, tuple[float, float]]:
    """Where the eight handles lie."""
    across, down = (left + right) / 2, (top + bottom) / 2
    return {
        Handle.TOP_LEFT: (left, top),
        Handle.TOP_RIGHT: (right, top),
        Handle.BOTTOM_RIGHT: (right, bottom),
        Handle.BOTTOM_LEFT: (left, bottom),
        Handle.TOP: (across, top),
        Handle.RIGHT: (right, down),
        Handle.BOTTOM: (across, bottom),
        Handle.LEFT: (left, down),
    }


def handle_at(x: float, y: float, region: Region, placement: Placement) -> Handle | None:
    """The handle under the widget point (corners before edges), INSIDE within the rectangle, None outside."""
    box = placement.rectangle(region)
    for handle, (at_x, at_y) in handle_points(*box).items():
        if abs(x - at_x) <= REACH and abs(y - at_y) <= REACH:
            return handle
    left, top, right, bottom = box
    return Handle.INSIDE if left <= x <= right and top <= y <= bottom else None


def between(start: tuple[float, float], end: tuple[float, float], *, width: int, height: int) -> Region | None:
    """The rectangle spanned by two picture points, inside the picture; None when it is too small."""
    left, right = sorted((min(max(start[0], 0), width), min(max(end[0], 0), width)))
    top, bottom = sorted((min(max(start[1], 0), height), min(max(end[1], 0), height)))
    across, down = round(right) - round(left), round(bottom) - round(top)
    if across < min(LEAST, width) or down < min(LEAST, height):
        return None
    return Region(round(left), round(top), across, down)


def dragged(region: Region, handle: Handle, dx: float, dy: float, *, width: int, height: int) -> Region:
    """`region` after its `handle` moved by (dx, dy) picture pixels: inside the picture and not too small."""
    left, top, right, bottom = region.x, region.y, region.x + region.w, region.y + region.h
    move_left, move_top, move_right, move_bottom = handle.value
    least_w, least_h = min(LEAST, width), min(LEAST, height)
    if handle is Handle.INSIDE:
        x = min(max(0, round(left + dx)), width - region.w)
        y = min(max(0, round(top + dy)), height - region.h)
        return Region(x, y, region.w, region.h)
    if move_left:
        left = min(max(0, round(left + dx)), right - least_w)
    if move_right:
        right = max(min(width, round(right + dx)), left + least_w)
    if move_top:
        top = min(max(0, round(top + dy)), bottom - least_h)
    if move_bottom:
        bottom = max(min(height, round(bottom + dy)), top + least_h)
    return Region(left, top, right - left, bottom - top)
