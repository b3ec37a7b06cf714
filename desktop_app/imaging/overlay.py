"""The one painter of evidence: window exports and `indicium explain --out` are drawn here.

A page shows both pictures side by side, a map or the links over them, the scale, and the words below. Pictures are
never cropped. Maps lie on the box they cover and on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.evidence import MatchEvidence, Strength
from desktop_app.domain.geometry import Region
from desktop_app.domain.outline import Outline
from desktop_app.domain.query import Mark, Side
from desktop_app.imaging.canvas import Canvas, shorten, text_width
from desktop_app.imaging.heat import DEFAULT_OPACITY, heat_rgba, legend_rgba, viridis
from desktop_app.imaging.link_shapes import (
    Box,
    Colour,
    Frame,
    LinkShape,
    dashes,
    link_colour,
    link_path,
    link_shapes,
)
from desktop_app.imaging.sizes import Pixels, Size
from desktop_app.imaging.svg_canvas import SvgCanvas
from desktop_app.imaging.themes import HALO, THEMES, Theme
from desktop_app.imaging.words_card import MAX_LINKS_DRAWN, WordsCard, draw_card

__all__ = [
    "EvidencePage",
    "Frame",
    "Layer",
    "LinkShape",
    "PagePicture",
    "evidence_picture",
    "evidence_svg",
    "heat_rgba",
    "legend_rgba",
    "link_colour",
    "link_path",
    "link_shapes",
    "viridis",
]

_DESIGN_WIDTH = 1200  # the page's lengths below are pixels at this width and grow with it
_PHOTO_HEIGHT = (200, 620)


class Layer(StrEnum):
    """What is laid over the pictures."""

    ATTENTION = "attention"
    AREAS = "areas"
    LINKS = "links"


_LAYER_WORDS = {
    Layer.ATTENTION: "Attention: what each picture shares with the other",
    Layer.AREAS: "Matched areas: how much of each place is found in the other picture",
    Layer.LINKS: "Links: patches that match each other",
}
_STROKES = {Strength.STRONG: 3.0, Strength.MEDIUM: 2.0, Strength.WEAK: 1.5}


@dataclass(frozen=True, slots=True, eq=False)
class PagePicture:
    """One of the two pictures of a page: `rgb` [h, w, 3] uint8, the whole oriented picture at any scale; `size`
    (width, height) of the original that the evidence speaks about, None where the picture was not scaled."""

    rgb: Pixels
    title: str = ""
    size: Size | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EvidencePage:
    """What is drawn, and how: the evidence for one pair.

    layer: "attention" (co-attention maps), "areas" (Q on the query, P on the result) or "links". marks: as in
    feedback, drawn on the side they belong to. opacity: of a map where it is 1. theme: "dark" or "light". width:
    of the page in pixels, at least 400.
    """

    query: PagePicture
    result: PagePicture
    evidence: MatchEvidence
    layer: Layer | str = Layer.LINKS
    marks: Sequence[Mark] = ()
    opacity: float = DEFAULT_OPACITY
    theme: str = "dark"
    width: int = 1800


def evidence_picture(page: EvidencePage) -> Pixels:
    """The page as pixels [H, `page.width`, 3] uint8 RGB.

    Raises UsageError when a box lies outside its picture, ValueError when the layer or the theme is unknown or the
    page is narrower than 400 pixels.
    """
    return _Painter(page).draw(Canvas).finished()


def evidence_svg(page: EvidencePage, *, prefix: str = "") -> str:
    """The page as an SVG document, drawn by the same painter; raises as `evidence_picture` does.

    prefix: put before the names inside, so that several drawings can share a document.
    """
    return _Painter(page).draw(partial(SvgCanvas, prefix=prefix)).document()


def _theme(name: str) -> Theme:
    if name not in THEMES:
        raise ValueError(f"unknown theme '{name}'")
    return THEMES[name]


_AnyCanvas = TypeVar("_AnyCanvas", bound=Canvas)


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    shown: PagePicture
    role: str
    covered: Region
    side: Side
    outline: Outline | None = None

    @property
    def original(self) -> Size:
        rgb = self.shown.rgb
        return self.shown.size or (rgb.shape[1], rgb.shape[0])

    @property
    def box(self) -> Region:
        """The part of the picture that the maps cover."""
        return self.covered.clipped(*self.original)


class _Painter:
    """Lays a page out from top to bottom: two cards with pictures, the scale, the words."""

    def __init__(self, page: EvidencePage) -> None:
        if page.width < 400:
            raise ValueError(f"a page of {page.width} pixels is too narrow")
        self.evidence = page.evidence
        self.layer = Layer(page.layer)
        self.theme = _theme(page.theme)
        self.marks = page.marks
        self.opacity = page.opacity
        self.width = page.width
        self.unit = page.width / _DESIGN_WIDTH
        self.sides = (
            _Picture(page.query, "Your picture", page.evidence.query_box, Side.QUERY, page.evidence.query_outline),
            _Picture(page.result, "Result", page.evidence.result_box, Side.RESULT),
        )

    def draw(self, new_canvas: Callable[[int, int, Colour], _AnyCanvas]) -> _AnyCanvas:
        u, sides = self.unit, self.sides
        margin, gap, inset, caption = 24 * u, 16 * u, 10 * u, 34 * u
        card_width = (self.width - 2 * margin - gap) / 2
        room = card_width - 2 * inset
        tall = max(room * side.original[1] / side.original[0] for side in sides)
        photo_height = min(max(tall, _PHOTO_HEIGHT[0] * u), _PHOTO_HEIGHT[1] * u)
        card_bottom = margin + caption + photo_height + inset
        words = WordsCard(
            self.evidence, self.theme, unit=u, left=margin, right=self.width - margin, top=card_bottom + 48 * u
        )
        canvas = new_canvas(self.width, round(words.bottom + margin), self.theme.window)
        self.canvas: Canvas = canvas

        frames = []
        for index, side in enumerate(sides):
            left = margin + index * (card_width + gap)
            card = Box(left, margin, left + card_width, card_bottom)
            draw_card(self.canvas, card, self.theme, u)
            self._caption(side, card, inset)
            space = Box(left + inset, margin + caption, left + inset + room, card_bottom - inset)
            frames.append(self._photo(side, space))
        for side, frame in zip(sides, frames, strict=True):
            self._marks(side, frame)
        if self.layer is Layer.LINKS:
            self._links(frames[0], frames[1])
        self._scale_strip(margin, card_bottom)
        words.draw(self.canvas)
        return canvas

    def _caption(self, side: _Picture, card: Box, inset: float) -> None:
        u = self.unit
        middle = card.top + 18 * u
        role_width = text_width(side.role, 13 * u)
        self.canvas.text(side.role, (card.left + inset, middle), size=13 * u, colour=self.theme.text, bold=True)
        size = f"{side.original[0]} x {side.original[1]}"
        self.canvas.text(size, (card.right - inset, middle), size=11 * u, colour=self.theme.secondary, anchor="rm")
        left = card.left + inset + role_width + 10 * u
        room = card.right - inset - text_width(size, 11 * u) - 12 * u - left
        name = shorten(side.shown.title, 13 * u, room) if side.shown.title else ""
        self.canvas.text(name, (left, middle), size=13 * u, colour=self.theme.secondary)

    def _photo(self, side: _Picture, space: Box) -> Frame:
        """Fit the picture into its space with its map over it; returns where it lies."""
        wide, high = side.original
        scale = min((space.right - space.left) / wide, (space.bottom - space.top) / high)
        width, height = max(1, round(wide * scale)), max(1, round(high * scale))
        left, top = round(space.centre[0] - width / 2), round(space.centre[1] - height / 2)
        shrinks = side.shown.rgb.shape[1] >= width
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        rgb = np.asarray(cv2.resize(side.shown.rgb, (width, height), interpolation=method), np.uint8)
        frame = Frame(Box(left, top, left + width, top + height), wide, high)
        box = frame.place(side.box)
        inside = tuple(
            round(edge) for edge in (box.left - left, box.top - top, box.right - left, box.bottom - top)
        )
        rgb = self._with_map(rgb, side, inside)
        self.canvas.picture(rgb, left, top, radius=6 * self.unit)
        if side.outline is not None:
            edge = frame.path(side.outline)
            self.canvas.lines([edge], HALO, width=4 * self.unit, opacity=0.5)
            self.canvas.lines([edge], self.theme.accent, width=2 * self.unit)
        elif (side.box.w, side.box.h) != side.original:
            self.canvas.outline(box, HALO, width=4 * self.unit, opacity=0.5)
            self.canvas.outline(box, self.theme.accent, width=2 * self.unit)
        return frame

    def _with_map(self, rgb: Pixels, side: _Picture, inside: tuple[int, ...]) -> Pixels:
        """The picture darkened outside its box or outline and, on the map layers, with the map inside it."""
        left, top, right, bottom = inside
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        shown, dark = rgb.copy(), (rgb.astype(np.float32) * 0.35).astype(np.uint8)
        if (side.box.w, side.box.h) != side.original:
            shown = dark.copy()
            shown[top:bottom, left:right] = rgb[top:bottom, left:right]
        values = self._map(side.side)
        if values is not None:
            height, width = shown[top:bottom, left:right].shape[:2]
            small = Canvas(width, height, HALO)
            small.pixels[:] = shown[top:bottom, left:right]
            small.overlay(heat_rgba(values, width, height, opacity=self.opacity), 0, 0)
            shown[top:bottom, left:right] = small.pixels
        if side.outline is None:
            return shown
        enclosed = side.outline.samples(Region(0, 0, *side.original), *rgb.shape[:2])
        return np.where(enclosed[..., None], shown, dark)

    def _map(self, side: Side) -> NDArray[np.float32] | None:
        query = side is Side.QUERY
        if self.layer is Layer.ATTENTION:
            return self.evidence.coattention.query if query else self.evidence.coattention.result
        if self.layer is Layer.AREAS:
            return self.evidence.q if query else self.evidence.p
        return None

    def _links(self, query: Frame, result: Frame) -> None:
        shapes = link_shapes(self.evidence.links[:MAX_LINKS_DRAWN], query, result)
        u = self.unit
        for shape in reversed(shapes):
            self._line(shape.path, shape.colour, shape.strength)
        for shape in reversed(shapes):
            for box in (shape.query, shape.result):
                self.canvas.outline(box, HALO, width=4.5 * u, radius=4 * u, opacity=0.55)
                self.canvas.outline(box, shape.colour, width=2 * u, radius=4 * u)
        for shape in reversed(shapes):
            self._badge((shape.query.left, shape.query.top), shape.number, shape.colour)
            self._badge((shape.result.right, shape.result.top), shape.number, shape.colour)

    def _line(self, path: NDArray[np.float32], colour: Colour, strength: Strength) -> None:
        u = self.unit
        width = _STROKES[strength] * u
        pieces = dashes(path, 7 * u, 6 * u) if strength is Strength.WEAK else [path]
        self.canvas.lines(pieces, HALO, width=width + 2.5 * u, opacity=0.55)
        self.canvas.lines(pieces, colour, width=width)

    def _badge(self, centre: tuple[float, float], number: int, colour: Colour) -> None:
        u = self.unit
        self.canvas.disc(centre, 9.5 * u, HALO, opacity=0.85)
        self.canvas.disc(centre, 8.2 * u, colour)
        self.canvas.text(str(number), centre, size=10.5 * u, colour=HALO, anchor="mm", bold=True)

    def _marks(self, side: _Picture, frame: Frame) -> None:
        """Plus: solid ring and plus sign; minus: dashed ring and minus sign; so that they read in grey too."""
        u = self.unit
        for mark in self.marks:
            if mark.side is not side.side or mark.sign == 0:
                continue
            x, y = frame.place(mark.grid.cell_region(mark.cell, mark.box)).centre
            colour = self.theme.plus if mark.sign > 0 else self.theme.minus
            angles = np.linspace(0, 2 * np.pi, 65)
            ring = np.stack([x + 11 * u * np.cos(angles), y + 11 * u * np.sin(angles)], axis=1).astype(np.float32)
            arm = 5 * u
            signs = [np.array([[x - arm, y], [x + arm, y]], np.float32)]
            if mark.sign > 0:
                signs.append(np.array([[x, y - arm], [x, y + arm]], np.float32))
            strokes = ([ring] if mark.sign > 0 else dashes(ring, 5 * u, 3.6 * u)) + signs
            self.canvas.disc((x, y), 14 * u, HALO, opacity=0.6)
            self.canvas.lines(strokes, colour, width=2.2 * u)

    def _scale_strip(self, margin: float, top: float) -> None:
        u = self.unit
        middle = top + 24 * u
        self.canvas.text(
            _LAYER_WORDS[self.layer], (margin + 4 * u, middle), size=13 * u, colour=self.theme.secondary
        )
        right = self.width - margin - 4 * u
        if self.layer is Layer.LINKS:
            self._stroke_legend(right, middle)
        else:
            self._heat_legend(right, middle)

    def _heat_legend(self, right: float, middle: float) -> None:
        """The scale as it looks on a photo: over grey, as opaque as its value."""
        u = self.unit
        width, height = round(220 * u), round(12 * u)
        left, top = round(right - 22 * u - width), round(middle - height / 2)
        ramp = np.tile(np.linspace(0, 1, width, dtype=np.float32), (2, 1))
        bar = Canvas(width, height, (128, 128, 128))
        bar.overlay(heat_rgba(ramp, width, height, opacity=self.opacity), 0, 0)
        self.canvas.picture(bar.pixels, left, top, radius=3 * u)
        self.canvas.text("0", (left - 8 * u, middle), size=12 * u, colour=self.theme.text, anchor="rm")
        self.canvas.text("1", (right - 14 * u, middle), size=12 * u, colour=self.theme.text)

    def _stroke_legend(self, right: float, middle: float) -> None:
        u = self.unit
        for strength in (Strength.WEAK, Strength.MEDIUM, Strength.STRONG):
            right -= text_width(strength.value, 12 * u)
            self.canvas.text(strength.value, (right, middle), size=12 * u, colour=self.theme.text)
            path = np.array([[right - 42 * u, middle], [right - 8 * u, middle]], np.float32)
            pieces = dashes(path, 7 * u, 6 * u) if strength is Strength.WEAK else [path]
            self.canvas.lines(pieces, self.theme.secondary, width=_STROKES[strength] * u)
            right -= 60 * u
