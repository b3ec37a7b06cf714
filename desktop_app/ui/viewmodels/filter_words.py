"""Filters in words: what a kind, a value and a whole choice are called in the window."""

from __future__ import annotations

from pathlib import PurePath

from desktop_app.domain.filters import FilterKind, position

SHOWN = (
    FilterKind.FOLDER,
    FilterKind.DATE,
    FilterKind.CAMERA,
    FilterKind.LENS,
    FilterKind.ORIENTATION,
    FilterKind.SIZE,
    FilterKind.FORMAT,
    FilterKind.RATING,
    FilterKind.TAG,
    FilterKind.LOCATED,
    FilterKind.PLACE,
    FilterKind.MARKED,
)
"""The kinds from left to right."""
_SIZES = {"small": "Up to 2 MP", "medium": "2 to 8 MP", "large": "8 to 24 MP", "huge": "24 MP and more"}


def kind_words(kind: FilterKind) -> str:
    """What a kind is called."""
    named = {FilterKind.MARKED: "Marks", FilterKind.LOCATED: "Location"}
    return named.get(kind, kind.value.capitalize())


def value_words(kind: FilterKind, value: str) -> str:
    """What a value is called."""
    if kind is FilterKind.RATING:
        stars = value.rstrip("+.")
        named = {"-1": "Rejected", "0": "Not rated"}.get(stars, "★" * int(stars) if stars.isdigit() else stars)
        return f"{named} or more" if stars != value else named
    if kind is FilterKind.SIZE:
        return _SIZES.get(value, value)
    if kind is FilterKind.ORIENTATION:
        return value.capitalize()
    if kind is FilterKind.MARKED:
        return "Marked" if value == "yes" else "Not marked"
    if kind is FilterKind.LOCATED:
        return "Place known" if value == "yes" else "Place not known"
    if kind is FilterKind.FOLDER:
        shown = value.encode("utf-8", "replace").decode()
        return "/".join(PurePath(shown).parts[-2:]).replace("//", "/")
    if kind is FilterKind.PLACE and (place := position(value)) is not None:
        north, east, around = place
        sides = f"{abs(north):g}° {'N' if north >= 0 else 'S'}, {abs(east):g}° {'E' if east >= 0 else 'W'}"
        return sides if around is None else f"{around:g} km around {sides}"
    return value or "Not known"


def choice_words(kind: FilterKind, values: tuple[str, ...]) -> str:
    """What is chosen of a kind, short enough for a button."""
    if not values:
        return kind_words(kind)
    first = value_words(kind, values[0])
    shown = first if len(first) <= 24 else f"{first[:23]}…"
    return shown if len(values) == 1 else f"{shown} +{len(values) - 1}"
