"""What the Evidence page says: titles, patches and marks in words.

Plain functions of the evidence. A patch is named by the link that it belongs to where there is one, as the page
numbers them, and else by where it lies in its picture.
"""

from __future__ import annotations

from collections.abc import Sequence

from desktop_app.domain.evidence import MatchEvidence, PatchLink
from desktop_app.domain.geometry import Cell, Grid
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import AS_IT_IS, Mark, Side, Turn
from desktop_app.services.painting import place_of
from desktop_app.ui.viewmodels.words import number, sentence

NEAR = 1  # a patch this many cells beside a linked one counts as that link's patch
LINKS_SHOWN = 12
MARKS_NAMED = 6
FRAMED = "The search found it by the part that is framed: it matches best there."


def links_at(evidence: MatchEvidence, side: Side, cell: Cell) -> list[int]:
    """Positions in `evidence.links` of the links whose patch on `side` is this cell, or else lies beside it."""

    def distance(link: PatchLink) -> int:
        own = _cell_of(link, side)
        return max(abs(own.row - cell.row), abs(own.column - cell.column))

    distances = [distance(link) for link in evidence.links[:LINKS_SHOWN]]
    nearest = min(distances, default=NEAR + 1)
    return [position for position, away in enumerate(distances) if away == nearest] if nearest <= NEAR else []


def query_title(name: str, index: int, count: int, turn: Turn = AS_IT_IS) -> str:
    """`Your picture: IMG_1.jpg`; of several pictures also which one, of a turned one also how."""
    more = f" {index + 1} of {count}" if count > 1 else ""
    turned = f", {turn.words}" if turn.words else ""
    return f"Your picture{more}" + (f": {name}" if name else "") + turned


def result_title(name: str, row: int, count: int) -> str:
    """`Result 3 of 214: IMG_2031.jpg`."""
    return f"Result {number(row + 1)} of {number(count)}: {name}"


def patch(evidence: MatchEvidence, side: Side, cell: Cell, grid: Grid, sign: int) -> str:
    """One patch: where it is, what it matches, whether it is marked (`sign` +1, -1 or 0)."""
    whose = "your picture" if side is Side.QUERY else "this one"
    parts = [f"{place_of(cell, grid)} of {whose}, row {cell.row + 1}, column {cell.column + 1}"]
    parts += [f"link {position + 1}" for position in links_at(evidence, side, cell)]
    parts += ["marked +"] if sign > 0 else ["marked −"] if sign < 0 else []
    return sentence(", ".join(parts))


def marked(marks: Sequence[Mark], evidence: MatchEvidence | None, shown: PhotoId | None) -> str:
    """`You marked: + patch 1 of your picture, − top left of this one`, empty without marks.

    `shown` is the result on the page: marks on other results are said to be there.
    """
    if not marks:
        return ""
    parts = [f"{'+' if mark.sign > 0 else '−'} {_place(mark, evidence, shown)}" for mark in marks[:MARKS_NAMED]]
    if len(marks) > MARKS_NAMED:
        parts.append(f"and {len(marks) - MARKS_NAMED} more")
    return f"You marked: {', '.join(parts)}"


def consequence(marks: Sequence[Mark]) -> str:
    """What another round with these marks will do."""
    signs = {mark.sign for mark in marks}
    if signs == {1, -1}:
        return "Photos with what you marked + will rank higher, with what you marked − lower."
    if 1 in signs:
        return "Photos with what you marked will rank higher."
    return "Photos with what you marked will rank lower." if signs else ""


def _place(mark: Mark, evidence: MatchEvidence | None, shown: PhotoId | None) -> str:
    here = mark.side is Side.QUERY or mark.photo == shown
    whose = "your picture" if mark.side is Side.QUERY else "this one" if here else "another result"
    if evidence is not None and here:
        for position, link in enumerate(evidence.links[:LINKS_SHOWN], 1):
            if mark.cell == _cell_of(link, mark.side):
                return f"patch {position} of {whose}"
    return f"{place_of(mark.cell, mark.grid)} of {whose}"


def _cell_of(link: PatchLink, side: Side) -> Cell:
    return link.query_cell if side is Side.QUERY else link.result_cell
