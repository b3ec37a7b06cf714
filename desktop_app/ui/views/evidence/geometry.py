"""Where a picture lies in its pane, and what lies under the pointer: pure functions, no widgets.

Both panes share one zoom and one centre (a share of the picture's width and height), so that zooming and panning
are linked although the pictures differ in size. Widget coordinates are device-independent pixels; picture
coordinates are pixels of the oriented original.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.outline import Outline
from desktop_app.domain.query import Side

LARGEST_ZOOM = 32.0
STEP = 1.25


@dataclass(frozen=True, slots=True)
class Pane:
    """The place of one picture in the widget."""

    x: float
    y: float
    w: float
    h: float

    def contains(self, x: float, y: float) -> bool:
        return self.x <= x < self.x + self.w and self.y <= y < self.y + self.h


@dataclass(frozen=True, slots=True)
class Camera:
    """What both panes look at: `zoom` 1 fits the whole picture, (cx, cy) in 0..1 is the point in the middle."""

    zoom: float = 1.0
    cx: float = 0.5
    cy: float = 0.5

    @property
    def fits(self) -> bool:
        return self.zoom == 1.0


@dataclass(frozen=True, slots=True)
class View:
    """One picture of `width` x `height` pixels in its pane, seen through a camera."""

    pane: Pane
    width: int
    height: int
    camera: Camera

    @property
    def scale(self) -> float:
        """Widget pixels for a pixel of the original."""
        return min(self.pane.w / self.width, self.pane.h / self.height) * self.camera.zoom

    @property
    def origin(self) -> tuple[float, float]:
        """Where the picture's top left corner lies in the widget."""
        return (
            self.pane.x + self.pane.w / 2 - self.camera.cx * self.width * self.scale,
            self.pane.y + self.pane.h / 2 - self.camera.cy * self.height * self.scale,
        )

    def to_widget(self, x: float, y: float) -> tuple[float, float]:
        left, top = self.origin
        return left + x * self.scale, top + y * self.scale

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """The inverse of `to_widget`; may lie outside the picture."""
        left, top = self.origin
        return (x - left) / self.scale, (y - top) / self.scale

    def place(self, region: Region) -> tuple[float, float, float, float]:
        """(left, top, width, height) of a region in the widget."""
        left, top = self.to_widget(region.x, region.y)
        return left, top, region.w * self.scale, region.h * self.scale


def zoomed(camera: Camera, factor: float, view: View, x: float, y: float) -> Camera:
    """The camera after zooming by `factor`; what lies under the widget point (x, y) of `view` stays there."""
    zoom = min(LARGEST_ZOOM, max(1.0, camera.zoom * factor))
    if zoom == 1.0:
        return Camera()
    at_x, at_y = view.to_picture(x, y)
    new = replace(view, camera=replace(camera, zoom=zoom))
    now_x, now_y = new.to_picture(x, y)
    moved_x = camera.cx + (at_x - now_x) / view.width
    moved_y = camera.cy + (at_y - now_y) / view.height
    return clamped(Camera(zoom, moved_x, moved_y))


def panned(camera: Camera, dx: float, dy: float, view: View) -> Camera:
    """The camera after the picture was dragged by (dx, dy) widget pixels."""
    if camera.fits:
        return camera
    moved_x = camera.cx - dx / (view.width * view.scale)
    moved_y = camera.cy - dy / (view.height * view.scale)
    return clamped(Camera(camera.zoom, moved_x, moved_y))


def clamped(camera: Camera) -> Camera:
    """The middle of the pane stays on the picture."""
    return Camera(camera.zoom, min(1.0, max(0.0, camera.cx)), min(1.0, max(0.0, camera.cy)))


@dataclass(frozen=True, slots=True)
class Surface:
    """A picture that can be pointed at: how it is seen, the map's grid over its box (None before evidence), the
    outline outside which nothing counts, and the part by which it was found."""

    view: View
    grid: Grid | None = None
    box: Region | None = None
    outline: Outline | None = None
    part: Region | None = None


@dataclass(frozen=True, slots=True)
class Pointed:
    """What lies under a point: a side, the picture's pixel, and the cell of the map (None outside its box)."""

    side: Side
    x: float
    y: float
    cell: Cell | None


def hit_test(x: float, y: float, surfaces: Mapping[Side, Surface]) -> Pointed | None:
    """What lies under the widget point; None outside the pictures."""
    for side, surface in surfaces.items():
        view = surface.view
        if not view.pane.contains(x, y):
            continue
        at_x, at_y = view.to_picture(x, y)
        if not (0 <= at_x < view.width and 0 <= at_y < view.height):
            return None
        cell = None
        if surface.grid is not None and surface.box is not None:
            cell = surface.grid.cell_at(at_x, at_y, surface.box)
        return Pointed(side, at_x, at_y, cell)
    return None


def moved_cursor(side: Side, cell: Cell, step: tuple[int, int], grids: Mapping[Side, Grid]) -> tuple[Side, Cell]:
    """The patch cursor after a step (rows, columns). Past the inner edge it goes to the other picture."""
    grid = grids[side]
    row = min(grid.rows - 1, max(0, cell.row + step[0]))
    column = cell.column + step[1]
    other = Side.RESULT if side is Side.QUERY else Side.QUERY
    leaves = column >= grid.columns if side is Side.QUERY else column < 0
    if leaves and other in grids:
        there = grids[other]
        across = min(there.rows - 1, row * there.rows // grid.rows)
        return other, Cell(across, 0 if other is Side.RESULT else there.columns - 1)
    return side, Cell(row, min(grid.columns - 1, max(0, column)))
