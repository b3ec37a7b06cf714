"""Groups of photos that are one picture, put together pair by pair."""

from __future__ import annotations


def row_pair(one: int, other: int) -> tuple[int, int]:
    """Two rows, the smaller first."""
    return (one, other) if one < other else (other, one)


class PhotoGroups:
    """Disjoint sets of feature rows."""

    def __init__(self) -> None:
        self._groups: dict[int, set[int]] = {}
        self._different: set[tuple[int, int]] = set()

    def root(self, row: int) -> int:
        """One and the same number for all rows of a group."""
        return min(self._groups.get(row, {row}))

    def apart(self, one: int, other: int) -> bool:
        return other not in self._groups.get(one, {one})

    def keep_apart(self, one: int, other: int) -> None:
        """From here on no doubtful pair joins their groups."""
        self._different.add(row_pair(one, other))

    def join(self, one: int, other: int, *, doubtful: bool = False) -> None:
        """`doubtful`: outlines are most of what agrees; in a row of such pairs the last is not the first any more,
        so they join no groups of which two photos were found to be different."""
        first, second = (self._groups.setdefault(row, {row}) for row in (one, other))
        if first is second:
            return
        if doubtful and any(row_pair(a, b) in self._different for a in first for b in second):
            return
        if len(first) < len(second):
            first, second = second, first
        first |= second
        self._groups.update(dict.fromkeys(second, first))

    def members(self) -> list[int]:
        """All rows that were joined with another."""
        return sorted(row for row, group in self._groups.items() if len(group) > 1)
