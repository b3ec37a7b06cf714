"""How an answer becomes a list: the order of the hits, where weaker ones begin, how many are listed at once, and
what is said above them.

Plain functions of the hits. Whatever the order, photos that match come before those that do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from PySide6.QtCore import QLocale

from desktop_app.domain.results import Hit, SearchAnswer, Words
from desktop_app.ui.viewmodels.words import count

WEAKER_SHOWN = 24  # hits below the dividing line that are listed at once; the others on request


class SortOrder(StrEnum):
    """How results are ordered, in the words of the menu."""

    BEST = "best"
    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"


def is_weak(hit: Hit) -> bool:
    """Whether a hit stands below the dividing line."""
    return hit.words in (Words.WEAKER, Words.NOTHING)


def divider_of(hits: Sequence[Hit]) -> int | None:
    """The row from which hits are weaker, None when all of them match."""
    return next((row for row, hit in enumerate(hits) if is_weak(hit)), None)


def shown_at_once(hits: Sequence[Hit], order: SortOrder) -> int:
    """How many hits are listed before "show more anyway": all that match and the nearest of the weaker ones, which
    another order than the best leaves out."""
    matching = sum(not is_weak(hit) for hit in hits)
    if order is not SortOrder.BEST:
        return matching
    return min(len(hits), matching + WEAKER_SHOWN)


def ordered(hits: Sequence[Hit], order: SortOrder) -> tuple[Hit, ...]:
    """Matching hits in the wanted order, the weaker ones behind them."""
    if order is SortOrder.BEST:
        return tuple(hits)

    def when(hit: Hit) -> float:
        return hit.photo.taken if hit.photo.taken is not None else hit.photo.mtime_ns / 1e9

    def key(hit: Hit) -> tuple[bool, float | str]:
        if order is SortOrder.NAME:
            return is_weak(hit), hit.photo.name.casefold()
        return is_weak(hit), -when(hit) if order is SortOrder.NEWEST else when(hit)

    return tuple(sorted(hits, key=key))


def answer_words(answer: SearchAnswer) -> str:
    """`12 results · balanced · 0.12 s`: how many match, the profile, the time it took."""
    strong = divider_of(answer.hits)
    matching = len(answer.hits) if strong is None else strong
    if not answer.hits:
        found = "No photos to compare with"
    elif matching == 0:
        found = "Nothing here matches well · the nearest first"
    elif answer.verdict is Words.NOTHING:
        found = f"{count(matching, 'similar', 'similar')} · none surely the same"
    else:
        found = count(matching, "result", "results")
    seconds = sum(answer.timings_ms.values()) / 1000.0
    return " · ".join((found, answer.profile.value, f"{QLocale().toString(seconds, 'f', 2)} s"))
