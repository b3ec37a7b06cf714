"""The colours of the evidence page, the same tokens as the window's."""

from __future__ import annotations

from dataclasses import dataclass

from desktop_app.imaging.link_shapes import Colour

HALO: Colour = (14, 15, 17)
"""Drawn under lines on photos, so that they stand out on every background."""


@dataclass(frozen=True, slots=True)
class Theme:
    window: Colour
    panel: Colour
    raised: Colour
    text: Colour
    secondary: Colour
    line: Colour
    accent: Colour
    plus: Colour
    minus: Colour


def _hex(text: str) -> Colour:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


THEMES: dict[str, Theme] = {
    "dark": Theme(
        *map(_hex, ("17181A", "1E2023", "282B2F", "ECEDEE", "A6ABB1", "34383D", "4DA3FF", "3DDC97", "FF8A5B"))
    ),
    "light": Theme(
        *map(_hex, ("F4F4F2", "FFFFFF", "F4F4F2", "1B1C1E", "5A5F66", "DDDEDC", "0B66D0", "0A7F53", "C4501B"))
    ),
}
