"""Evidence in sentences: which part of the query matches which part of the result, and how strongly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.evidence import PatchLink, Strength
from desktop_app.domain.geometry import Cell, Grid
from desktop_app.domain.results import Words
from desktop_app.retrieval.calibration import words_for
from desktop_app.retrieval.parameters import WordThresholds

PLACES = (
    ("top left", "top", "top right"),
    ("left", "centre", "right"),
    ("bottom left", "bottom", "bottom right"),
)
# Relevance is a probability, so its words begin at fixed ones (those of a search's scores are the pack's own).
RELEVANCE_WORDS = WordThresholds(similar=0.5, same_thing=0.7, almost_certain=0.9)
_MENTIONED = 4  # pairs of places that are told one by one
_STRONG_FOR_CERTAINTY = 3  # strong links without which nothing is called almost certain
_RANK = {Strength.STRONG: 2, Strength.MEDIUM: 1, Strength.WEAK: 0}


def place_of(cell: Cell, grid: Grid) -> str:
    """The ninth of the picture in which the middle of `cell` lies, in words."""
    row = min(2, int(3 * (cell.row + 0.5) / grid.rows))
    column = min(2, int(3 * (cell.column + 0.5) / grid.columns))
    return PLACES[row][column]


def region_words(p: NDArray[np.float32], relevance: float) -> str:
    """The text where a region was found without links: where the map `p` [rows, columns] is highest."""
    row, column = divmod(int(p.argmax()), p.shape[1])
    place = place_of(Cell(row, column), Grid(p.shape[0], p.shape[1]))
    where = place if place == "centre" else f"{place} part"
    return f"Something like the region you drew lies in the {where} of this one ({relevance:.2f})."


def evidence_words(
    links: Sequence[PatchLink],
    *,
    relevance: float,
    query_grid: Grid,
    result_grid: Grid,
    region: bool = False,
    alike: bool = False,
) -> str:
    """The text below the pictures. `links` strongest first; `region`: the query is a region of a picture;
    `alike`: the descriptors of the pair are called similar, whatever becomes of its parts.

    Links that join the same two ninths are told once, with the strongest of them; the
    strongest come first, among equals those with more links.
    """
    if not links:
        if relevance >= RELEVANCE_WORDS.similar:
            return f"Similar as a whole ({relevance:.2f}), but part by part nothing here matches well."
        if alike:
            return f"Similar as a whole, but no part of one is surely found in the other ({relevance:.2f})."
        return f"{_sentence(Words.NOTHING)} ({relevance:.2f})."
    grouped: dict[tuple[str, str], Strength] = {}
    count: Counter[tuple[str, str]] = Counter()
    for link in links:
        places = place_of(link.query_cell, query_grid), place_of(link.result_cell, result_grid)
        count[places] += 1
        before = grouped.get(places)
        if before is None or _RANK[link.strength] > _RANK[before]:
            grouped[places] = link.strength
    told = sorted(grouped.items(), key=lambda item: (-_RANK[item[1]], -count[item[0]]))
    owner = "the region you drew" if region else "your picture"
    parts = []
    for number, ((here, there), strength) in enumerate(told[:_MENTIONED]):
        whose = (f" of {owner}", " of this one") if number == 0 else ("", "")
        parts.append(f"the {here}{whose[0]} matches the {there}{whose[1]}, {strength.value}")
    rest = len(told) - _MENTIONED
    if rest > 0:
        parts.append(f"{rest} more {'place matches' if rest == 1 else 'places match'}")
    ending = " Nothing else matches." if rest <= 0 else ""
    return f"{_opening(links, relevance)} {_sentence('; '.join(parts))}.{ending}"


def _opening(links: Sequence[PatchLink], relevance: float) -> str:
    """The phrase for the pair as a whole. Certainty needs several strong links, whatever the number says."""
    words = words_for(relevance, RELEVANCE_WORDS)
    strong = sum(link.strength is Strength.STRONG for link in links)
    if words is Words.ALMOST_CERTAIN and strong < _STRONG_FOR_CERTAINTY:
        words = Words.SAME_THING
    return f"{_sentence(words)} ({relevance:.2f})."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
