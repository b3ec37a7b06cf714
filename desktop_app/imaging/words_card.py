"""The card below the pictures of the evidence page: the verdict in words, the relevance, the numbered links."""

from __future__ import annotations

import re

from desktop_app.domain.evidence import MatchEvidence
from desktop_app.imaging.canvas import Canvas, text_width, wrap
from desktop_app.imaging.link_shapes import Box, Colour, link_colour
from desktop_app.imaging.themes import HALO, Theme

MAX_LINKS_DRAWN = 24


def draw_card(canvas: Canvas, box: Box, theme: Theme, unit: float) -> None:
    """A panel with a thin edge and round corners."""
    canvas.rectangle(box, theme.panel, radius=10 * unit)
    canvas.outline(box, theme.line, width=unit, radius=10 * unit)


class WordsCard:
    """Measured when made (`bottom` is its lower edge), drawn afterwards."""

    def __init__(
        self, evidence: MatchEvidence, theme: Theme, *, unit: float, left: float, right: float, top: float
    ):
        u = self.unit = unit
        self.evidence, self.theme = evidence, theme
        self.left, self.right, self.top = left, right, top
        self.meter = 150 * u
        room = self.right - self.left - 2 * 20 * u - self.meter - 24 * u
        first, rest = _first_sentence(evidence.words)
        self.headline = wrap(first, 17 * u, room)
        self.body = wrap(rest, 13.5 * u, room)
        self.chips = self._chips(room)
        rows = max((row for row, _, _ in self.chips), default=0) + 1
        self.chips_top = self.top + 20 * u + len(self.headline) * 25 * u + len(self.body) * 21 * u + 10 * u
        self.bottom = max(self.chips_top + rows * 32 * u, self.top + 84 * u) + 12 * u

    def _chips(self, room: float) -> list[tuple[int, float, str]]:
        """(row, offset from the left, words) of every numbered link, and of a last one for those not drawn."""
        links = self.evidence.links
        labels = [f"{number}  {link.strength.value}" for number, link in enumerate(links[:MAX_LINKS_DRAWN], 1)]
        if len(links) > MAX_LINKS_DRAWN:
            labels.append(f"and {len(links) - MAX_LINKS_DRAWN:,} more, not drawn")
        chips = []
        row, x = 0, 0.0
        for label in labels:
            width = text_width(label, 12 * self.unit) + 36 * self.unit
            if x and x + width > room:
                row, x = row + 1, 0.0
            chips.append((row, x, label))
            x += width + 8 * self.unit
        return chips

    def draw(self, canvas: Canvas) -> None:
        theme, u = self.theme, self.unit
        draw_card(canvas, Box(self.left, self.top, self.right, self.bottom), theme, u)
        x, y = self.left + 20 * u, self.top + 20 * u
        for line in self.headline:
            canvas.text(line, (x, y + 9 * u), size=17 * u, colour=theme.text, bold=True)
            y += 25 * u
        for line in self.body:
            canvas.text(line, (x, y + 9 * u), size=13.5 * u, colour=theme.text)
            y += 21 * u
        for number, (row, offset, label) in enumerate(self.chips, 1):
            colour = link_colour(number) if number <= MAX_LINKS_DRAWN else theme.line
            self._chip(canvas, x + offset, self.chips_top + row * 32 * u, label, colour)
        if not self.chips:
            canvas.text("No links", (x, self.chips_top + 12 * u), size=12 * u, colour=theme.secondary)
        self._relevance(canvas)

    def _chip(self, canvas: Canvas, left: float, top: float, label: str, colour: Colour) -> None:
        theme, u = self.theme, self.unit
        box = Box(left, top, left + text_width(label, 12 * u) + 36 * u, top + 24 * u)
        canvas.rectangle(box, theme.raised, radius=12 * u)
        canvas.outline(box, theme.line, width=u, radius=12 * u)
        canvas.disc((left + 14 * u, top + 12 * u), 6 * u, HALO, opacity=0.5)
        canvas.disc((left + 14 * u, top + 12 * u), 5 * u, colour)
        canvas.text(label, (left + 26 * u, top + 12 * u), size=12 * u, colour=theme.text)

    def _relevance(self, canvas: Canvas) -> None:
        theme, u = self.theme, self.unit
        value = min(1.0, max(0.0, self.evidence.relevance))
        right = self.right - 20 * u
        left = right - self.meter
        canvas.text("Relevance", (left, self.top + 30 * u), size=12 * u, colour=theme.secondary)
        canvas.text(
            f"{value:.2f}", (right, self.top + 28 * u), size=22 * u, colour=theme.text, anchor="rm", bold=True
        )
        bar = Box(left, self.top + 50 * u, right, self.top + 58 * u)
        canvas.rectangle(bar, theme.line, radius=4 * u)
        if value > 0:
            canvas.rectangle(Box(left, bar.top, left + self.meter * value, bar.bottom), theme.accent, radius=4 * u)
        canvas.text("0", (left, self.top + 70 * u), size=10.5 * u, colour=theme.secondary)
        canvas.text("1", (right, self.top + 70 * u), size=10.5 * u, colour=theme.secondary, anchor="rm")


def _first_sentence(words: str) -> tuple[str, str]:
    """The words up to the first full stop that ends a sentence, and the rest."""
    first, *rest = re.split(r"(?<=[.!?])\s+(?=\S)", words.strip(), maxsplit=1)
    return first, rest[0] if rest else ""
