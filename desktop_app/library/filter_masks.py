"""What the clauses of filters leave, kept in memory for as long as the catalogue stays as it is.

A walk over all photos for every search is what a filter costs. One walk a clause says which photos it leaves; from
then on filters are put together of those, in a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.filters import PhotoFilter
from desktop_app.domain.photos import FolderId
from desktop_app.library import feature_store, filter_store
from desktop_app.library.database import Database
from desktop_app.library.filter_store import Allowed, Clause
from desktop_app.library.schema import VISIBLE

MOST_BYTES = 16_000_000
"""Of masks that are kept, a byte a photo each; what was not used for longest goes first."""
LEAST_KEPT = 8

Mask = NDArray[np.bool_]  # by photo id


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """By photo id: whether it is shown, and its feature row of one pack, 0 without one."""

    there: Mask
    rows: NDArray[np.int64]


class FilterMasks:
    """The filters of one connection. Not thread safe by itself: whoever asks holds the connection."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._version = (-1, -1)
        self._shown: dict[str, _Shown] = {}  # by the digest of the pack
        self._masks: dict[Clause, Mask] = {}  # the one used last at the end

    def allowed(self, digest: str, folders: Collection[FolderId] | None, chosen: PhotoFilter) -> Allowed:
        """What `filter_store.allowed` gives. Masks are made from the second filter on that meets the catalogue
        unchanged: while photos are indexed, most of them would never be used again."""
        with self._db.snapshot():
            version = self._db.version()
            if version != self._version:
                self._version, self._shown, self._masks = version, {}, {}
                return filter_store.allowed(self._db, digest, folders, chosen)
            if digest not in self._shown:
                self._shown[digest] = self._read(digest)
            shown = self._shown[digest]
            left = shown.there.copy()
            for part in filter_store.parts(folders, chosen):
                left &= self._any_of(part, len(left))
        photos = np.flatnonzero(left)
        if chosen.within is not None:
            photos = np.intersect1d(photos, np.array(sorted(chosen.within), np.int64), assume_unique=True)
        rows = shown.rows[photos]
        return Allowed(photos, filter_store.once(rows[rows > 0]))

    def _any_of(self, part: filter_store.Part, size: int) -> Mask:
        left = np.zeros(size, np.bool_)
        for clauses in part:
            both = np.ones(size, np.bool_)
            for clause in clauses:
                both &= self._mask(clause, size)
            left |= both
        return left

    def _mask(self, clause: Clause, size: int) -> Mask:
        mask = self._masks.pop(clause, None)
        if mask is None:
            text, values = clause
            found = self._db.row(f"SELECT group_concat(p.id) FROM photos p NOT INDEXED WHERE {text}", values)
            mask = np.zeros(size, np.bool_)
            mask[filter_store.numbers(found[0] if found else None)] = True
            while len(self._masks) >= max(LEAST_KEPT, MOST_BYTES // size):
                del self._masks[next(iter(self._masks))]
        self._masks[clause] = mask
        return mask

    def _read(self, digest: str) -> _Shown:
        photos, rows = filter_store.photos_and_rows(self._db, digest, VISIBLE, ())
        size = 1 + self._db.number("SELECT max(id) FROM photos")
        shown = _Shown(np.zeros(size, np.bool_), np.zeros(size, np.int64))
        shown.there[photos] = True
        shown.rows[photos] = rows
        for photo, row in feature_store.rows_by_content(self._db, digest) if (rows == 0).any() else ():
            shown.rows[photo] = row
        return shown
