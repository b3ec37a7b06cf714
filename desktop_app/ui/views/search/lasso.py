"""A free outline in the making: drawn with the mouse, or point by point with the keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import hypot

from desktop_app.domain.errors import UsageError
from desktop_app.domain.outline import Outline
from desktop_app.ui.views.search.region_handles import LEAST, Placement

NEAR = 3.0  # widget pixels; a nearer point says nothing new


@dataclass(slots=True)
class Lasso:
    """Points (x, y) in pixels of the oriented picture. `cursor`: where the next one is set with the keys, None
    while the mouse draws."""

    placement: Placement
    points: list[tuple[float, float]] = field(default_factory=list)
    cursor: tuple[float, float] | None = None

    def through(self, x: float, y: float) -> None:
        """The mouse at a widget point; what is too near to the last point is left out."""
        at = self._inside(*self.placement.to_picture(x, y))
        if not self.points or self._apart(at, self.points[-1]) >= NEAR:
            self.points.append(at)

    def move(self, across: int, down: int, *, fine: bool) -> None:
        """Move the cursor by a step: a 25th of the long side, or a 200th."""
        x, y = self.cursor or (self.placement.width / 2, self.placement.height / 2)
        step = max(self.placement.width, self.placement.height) / (200 if fine else 25)
        self.cursor = self._inside(x + across * step, y + down * step)

    def set_point(self) -> None:
        """A point at the cursor."""
        if self.cursor is not None and (not self.points or self.points[-1] != self.cursor):
            self.points.append(self.cursor)

    def take_back(self) -> None:
        """Without the last point."""
        if self.points:
            self.points.pop()

    def outline(self) -> Outline | None:
        """The line closed; None when what it encloses is too small to search with."""
        try:
            made = Outline.of(self.points)
        except UsageError:
            return None
        width, height = self.placement.width, self.placement.height
        return made if made.box.w >= min(LEAST, width) and made.box.h >= min(LEAST, height) else None

    def _inside(self, x: float, y: float) -> tuple[float, float]:
        return min(max(x, 0.0), float(self.placement.width)), min(max(y, 0.0), float(self.placement.height))

    def _apart(self, one: tuple[float, float], other: tuple[float, float]) -> float:
        """In widget pixels."""
        return hypot(one[0] - other[0], one[1] - other[1]) * self.placement.scale
