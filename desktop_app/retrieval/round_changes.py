"""What a round of feedback changed among the first results, why, and the words for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.feedback import Moved

FIRST = 24  # places that are looked at: about what a window shows at once
CERTAIN = 99.0  # a part is shared by what matches it better than this percentage of unrelated photos

Places = dict[int, int]


def places(photos: Sequence[int]) -> Places:
    """photo -> place from 1; the first place of a photo counts."""
    found: Places = {}
    for place, photo in enumerate(photos, 1):
        found.setdefault(photo, place)
    return found


def movers(
    before: Places, after: Places, *, left_out: Collection[int] = (), first: int = FIRST
) -> tuple[list[int], list[int]]:
    """The photos that rose into or among the first places, by their new place, and those that fell, by their old
    one. `left_out`: photos that are not told about, such as the marked ones."""
    unplaced = max(len(before), len(after)) + 1
    rose = [
        photo
        for photo, place in after.items()
        if place <= first and place < before.get(photo, unplaced) and photo not in left_out
    ]
    fell = [
        photo
        for photo, place in before.items()
        if place <= first and place < after.get(photo, unplaced) and photo not in left_out
    ]
    return rose, fell


def shared_part(scores: NDArray[np.float32], unrelated: NDArray[np.float32]) -> list[int | None]:
    """Which marked part every photo shares, None where it shares none.

    scores: [I, P] how well I marked parts match P photos; unrelated: [I, M] how well they match photos that have
    nothing to do with them. A part is shared by a photo that it matches better than `CERTAIN` per cent of those;
    of several, the one that lies farthest above their mean, in standard deviations.
    """
    if not scores.size or not unrelated.size:
        return [None] * scores.shape[1]
    least = np.percentile(unrelated, CERTAIN, axis=1)
    spread = np.maximum(unrelated.std(axis=1), 1e-6)
    above = (scores - unrelated.mean(axis=1)[:, None]) / spread[:, None]
    above = np.where(scores > least[:, None], above, -np.inf)
    return [
        int(above[:, at].argmax()) if np.isfinite(above[:, at]).any() else None for at in range(above.shape[1])
    ]


def change_words(rose: Sequence[Moved], fell: Sequence[Moved]) -> str:
    """The round in a few sentences, for example "3 photos rose because they share the part you marked at the left
    of cup.jpg. 1 other photo rose."."""
    sentences = [
        f"{_photos(count)} {verb} because {'it' if count == 1 else 'they'} {_agreeing(because, count)}"
        for verb, group in (("rose", rose), ("fell", fell))
        for because, count in _counted(group)
    ]
    others = sum(not moved.because for moved in rose)
    if others:
        told = any(moved.because for moved in (*rose, *fell))
        sentences.append(f"{_photos(others, other=told)} rose")
    if not sentences:
        return "The first results are the same as before." if not fell else "No photo rose."
    return ". ".join(sentences) + "."


def _counted(group: Sequence[Moved]) -> list[tuple[str, int]]:
    """Reasons with the number of photos, the most frequent first."""
    counts: dict[str, int] = {}
    for moved in group:
        if moved.because:
            counts[moved.because] = counts.get(moved.because, 0) + 1
    return sorted(counts.items(), key=lambda entry: -entry[1])


def _photos(count: int, *, other: bool = False) -> str:
    return f"{count:,} {'other ' if other else ''}{'photo' if count == 1 else 'photos'}"


def _agreeing(because: str, count: int) -> str:
    """ "share ..." of several photos, "shares ..." of one."""
    verb, _, rest = because.partition(" ")
    return f"{verb}s {rest}" if count == 1 else because
