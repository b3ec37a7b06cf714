"""A small canvas: smooth shapes, pictures with round corners, and text, on an RGB array."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from desktop_app.imaging.heat import blend
from desktop_app.imaging.link_shapes import Box, Colour
from desktop_app.imaging.sizes import Pixels

_FINE = 4  # shapes are drawn this many times larger and averaged
_FINE_LINES = 2  # long strokes are already smoothed by OpenCV
_FALLBACK_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "Arial Unicode.ttf",
    "arial.ttf",
    "msyh.ttc",
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
)
"""Fonts of the common systems, for letters that Pillow's own font lacks."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_Points = NDArray[np.float32]
_Draw = Callable[[Pixels, Callable[[_Points], _Points]], None]
"""Fills a mask; the second argument turns canvas points [n, 2] into points of the enlarged mask."""


class Canvas:
    """An RGB picture [height, width, 3] that shapes are painted on. Positions are pixels and may be fractions."""

    def __init__(self, width: int, height: int, colour: Colour) -> None:
        self.pixels: Pixels = np.empty((height, width, 3), np.uint8)
        self.pixels[:] = colour
        self._texts: list[_Text] = []

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    def rectangle(self, box: Box, colour: Colour, *, radius: float = 0.0, opacity: float = 1.0) -> None:
        """Fill a rectangle with round corners."""

        def draw(mask: Pixels, place: Callable[[_Points], _Points]) -> None:
            _fill_round(mask, place(_corners(box)), radius * _FINE)

        self._paint(box, colour, opacity, draw)

    def outline(
        self, box: Box, colour: Colour, *, width: float, radius: float = 0.0, opacity: float = 1.0
    ) -> None:
        """Draw the edge of a rectangle with round corners, centred on the edge."""
        outer = Box(box.left - width / 2, box.top - width / 2, box.right + width / 2, box.bottom + width / 2)
        inner = Box(box.left + width / 2, box.top + width / 2, box.right - width / 2, box.bottom - width / 2)

        def draw(mask: Pixels, place: Callable[[_Points], _Points]) -> None:
            _fill_round(mask, place(_corners(outer)), (radius + width / 2) * _FINE)
            if inner.right > inner.left and inner.bottom > inner.top:
                hole = np.zeros_like(mask)
                _fill_round(hole, place(_corners(inner)), max(0.0, radius - width / 2) * _FINE)
                np.subtract(mask, hole, out=mask)

        self._paint(outer, colour, opacity, draw)

    def disc(self, centre: tuple[float, float], radius: float, colour: Colour, *, opacity: float = 1.0) -> None:
        """Fill a circle."""
        x, y = centre
        self.rectangle(Box(x - radius, y - radius, x + radius, y + radius), colour, radius=radius, opacity=opacity)

    def lines(
        self, paths: Sequence[NDArray[np.float32]], colour: Colour, *, width: float, opacity: float = 1.0
    ) -> None:
        """Draw several paths of points [n, 2] as one stroke, so that crossings are not darker."""
        if not paths:
            return
        points = np.concatenate(list(paths))
        (left, top), (right, bottom) = points.min(axis=0) - width, points.max(axis=0) + width

        def draw(mask: Pixels, place: Callable[[_Points], _Points]) -> None:
            pieces = [np.rint(place(path) * 16).astype(np.int32) for path in paths]
            cv2.polylines(mask, pieces, False, 255, max(1, round(width * _FINE_LINES)), cv2.LINE_AA, shift=4)

        self._paint(Box(left, top, right, bottom), colour, opacity, draw, fine=_FINE_LINES)

    def picture(self, rgb: Pixels, left: int, top: int, *, radius: float = 0.0) -> None:
        """Lay a picture down with its top left corner at (`left`, `top`), its corners rounded."""
        height, width = rgb.shape[:2]
        mask = np.zeros((height * _FINE, width * _FINE), np.uint8)
        _fill_round(mask, np.array([[0, 0], [width, height]], np.float32) * _FINE, radius * _FINE)
        alpha = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        self.overlay(np.dstack([rgb, alpha]), left, top)

    def overlay(self, rgba: NDArray[np.uint8], left: int, top: int) -> None:
        """Blend an RGBA picture (straight alpha) with its top left corner at (`left`, `top`)."""
        area = self.pixels[top : top + rgba.shape[0], left : left + rgba.shape[1]]
        area[:] = blend(area, rgba)

    def text(
        self,
        words: str,
        at: tuple[float, float],
        *,
        size: float,
        colour: Colour,
        anchor: str = "lm",
        bold: bool = False,
    ) -> None:
        """Write one line, above all shapes; `anchor` is Pillow's ("lm": left, middle)."""
        self._texts.append(_Text(words, at, size, colour, anchor, bold))

    def finished(self) -> Pixels:
        """The picture with all text on top."""
        image = Image.fromarray(self.pixels)
        brush = ImageDraw.Draw(image)
        for text in self._texts:
            words, font = typeset(text.words, text.size)
            weight = text.size * 0.022 if text.bold else 0
            brush.text(text.at, words, font=font, fill=text.colour, anchor=text.anchor, stroke_width=weight)
        return np.array(image)

    def _paint(self, box: Box, colour: Colour, opacity: float, draw: _Draw, *, fine: int = _FINE) -> None:
        """Let `draw` fill an enlarged mask of the pixels around `box`, then blend `colour` through it."""
        left, top = max(0, int(box.left) - 1), max(0, int(box.top) - 1)
        right, bottom = min(self.width, int(box.right) + 2), min(self.height, int(box.bottom) + 2)
        if right <= left or bottom <= top:
            return
        mask = np.zeros(((bottom - top) * fine, (right - left) * fine), np.uint8)
        draw(mask, lambda points: (points - np.array([left, top], np.float32)) * fine)
        alpha = cv2.resize(mask, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        rgba = np.empty((bottom - top, right - left, 4), np.uint8)
        rgba[..., :3] = colour
        rgba[..., 3] = np.rint(alpha * opacity)
        self.overlay(rgba, left, top)


def text_width(words: str, size: float) -> float:
    """How wide one line of text is in pixels."""
    words, font = typeset(words, size)
    return float(font.getlength(words))


def wrap(words: str, size: float, width: float) -> list[str]:
    """Break text into lines of at most `width` pixels, between words; a word that is too long has its own line."""
    lines: list[str] = []
    for word in words.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def shorten(words: str, size: float, width: float) -> str:
    """The text with its middle left out where it is wider than `width` pixels, so that file endings stay."""
    if text_width(words, size) <= width:
        return words
    for keep in range(len(words) - 1, 1, -1):
        short = f"{words[: (keep + 1) // 2]}…{words[len(words) - keep // 2 :]}"
        if text_width(short, size) <= width:
            return short
    return "…"


def typeset(words: str, size: float) -> tuple[str, Font]:
    """A font that has every letter of `words`, and the words.

    Pillow's own font serves plain text and looks the same everywhere. For other letters (file names) a font of the
    system is used; where there is none, accents are dropped and letters that remain become question marks.
    """
    if all(_has_letter(letter) for letter in set(words)):
        return words, _own_font(size)
    if (font := _system_font(size)) is not None:
        return words, font
    plain = unicodedata.normalize("NFKD", words.replace("–", "-").replace("—", "-").replace("×", "x"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return "".join(letter if _has_letter(letter) else "?" for letter in plain), _own_font(size)


@dataclass(frozen=True, slots=True)
class _Text:
    words: str
    at: tuple[float, float]
    size: float
    colour: Colour
    anchor: str
    bold: bool


@functools.lru_cache(maxsize=32)
def _own_font(size: float) -> Font:
    return ImageFont.load_default(size)


@functools.lru_cache(maxsize=32)
def _system_font(size: float) -> Font | None:
    for name in _FALLBACK_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None


@functools.lru_cache(maxsize=4096)
def _has_letter(letter: str) -> bool:
    """Whether Pillow's own font draws this letter rather than the box that stands for a missing one."""
    font = _own_font(16)
    return letter == " " or bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))


def _corners(box: Box) -> _Points:
    return np.array([[box.left, box.top], [box.right, box.bottom]], np.float32)


def _fill_round(mask: Pixels, corners: _Points, radius: float) -> None:
    """Fill the rectangle between two corners [2, 2] of a mask, its own corners rounded; all in mask pixels."""
    (left, top), (right, bottom) = np.rint(corners).astype(int)
    radius = min(round(radius), (right - left) // 2, (bottom - top) // 2)
    if radius < 1:
        cv2.rectangle(mask, (left, top), (right - 1, bottom - 1), 255, cv2.FILLED)
        return
    cv2.rectangle(mask, (left + radius, top), (right - 1 - radius, bottom - 1), 255, cv2.FILLED)
    cv2.rectangle(mask, (left, top + radius), (right - 1, bottom - 1 - radius), 255, cv2.FILLED)
    for x in (left + radius, right - 1 - radius):
        for y in (top + radius, bottom - 1 - radius):
            cv2.circle(mask, (int(x), int(y)), int(radius), 255, cv2.FILLED)
