"""The canvas of the painter as an SVG document: shapes and text stay sharp, photos are embedded."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from xml.sax.saxutils import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.imaging.canvas import Canvas
from desktop_app.imaging.link_shapes import Box, Colour
from desktop_app.imaging.sizes import Pixels

_ANCHORS = {"l": "start", "m": "middle", "r": "end"}
_FONTS = "'DejaVu Sans', 'Noto Sans', Helvetica, Arial, sans-serif"
JPEG_QUALITY = 90


class SvgCanvas(Canvas):
    """Takes the same calls as `Canvas`; `document` is the picture. Text lies above all shapes here too."""

    def __init__(self, width: int, height: int, colour: Colour, *, prefix: str = "") -> None:
        """prefix: put before the names inside the document."""
        super().__init__(1, 1, colour)
        self._size = (width, height)
        self._shapes: list[str] = [f'<rect width="{width}" height="{height}" fill="{_hex(colour)}"/>']
        self._words: list[str] = []
        self._prefix = prefix
        self._clips = 0

    @property
    def width(self) -> int:
        return self._size[0]

    @property
    def height(self) -> int:
        return self._size[1]

    def rectangle(self, box: Box, colour: Colour, *, radius: float = 0.0, opacity: float = 1.0) -> None:
        self._shapes.append(f'<rect {_box(box, radius)} fill="{_hex(colour)}" fill-opacity="{opacity:g}"/>')

    def outline(
        self, box: Box, colour: Colour, *, width: float, radius: float = 0.0, opacity: float = 1.0
    ) -> None:
        self._shapes.append(
            f'<rect {_box(box, radius)} fill="none" stroke="{_hex(colour)}" stroke-width="{width:.2f}"'
            f' stroke-opacity="{opacity:g}"/>'
        )

    def lines(
        self, paths: Sequence[NDArray[np.float32]], colour: Colour, *, width: float, opacity: float = 1.0
    ) -> None:
        if not paths:
            return
        drawn = " ".join("M" + " L".join(f"{x:.2f} {y:.2f}" for x, y in path) for path in paths)
        self._shapes.append(
            f'<path d="{drawn}" fill="none" stroke="{_hex(colour)}" stroke-width="{width:.2f}"'
            f' stroke-opacity="{opacity:g}" stroke-linecap="round" stroke-linejoin="round"/>'
        )

    def picture(self, rgb: Pixels, left: int, top: int, *, radius: float = 0.0) -> None:
        height, width = rgb.shape[:2]
        self._clips += 1
        name = f"{self._prefix}round{self._clips}"
        box = Box(left, top, left + width, top + height)
        self._shapes.append(
            f'<clipPath id="{name}"><rect {_box(box, radius)}/></clipPath>'
            f'<image x="{left}" y="{top}" width="{width}" height="{height}" clip-path="url(#{name})"'
            f' href="{data_uri(rgb)}"/>'
        )

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
        weight = ' font-weight="600"' if bold else ""
        self._words.append(
            f'<text x="{at[0]:.2f}" y="{at[1]:.2f}" dominant-baseline="central" font-size="{size:.2f}"{weight}'
            f' text-anchor="{_ANCHORS[anchor[0]]}" fill="{_hex(colour)}">{escape(_printable(words))}</text>'
        )

    def document(self) -> str:
        """The picture as a whole SVG document; it asks for nothing from outside."""
        width, height = self._size
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
                f' viewBox="0 0 {width} {height}" font-family="{_FONTS}">',
                *self._shapes,
                *self._words,
                "</svg>\n",
            ]
        )


def data_uri(rgb: Pixels) -> str:
    """[H, W, 3] uint8 RGB as a JPEG in a `data:` address."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def _printable(words: str) -> str:
    """The text without control characters and lone surrogates, which no XML document may hold."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _box(box: Box, radius: float) -> str:
    width, height = max(0.0, box.right - box.left), max(0.0, box.bottom - box.top)
    round_ = f' rx="{min(radius, width / 2, height / 2):.2f}"' if radius else ""
    return f'x="{box.left:.2f}" y="{box.top:.2f}" width="{width:.2f}" height="{height:.2f}"{round_}'
