"""Filters in SQL: which photos they leave, and how many photos every further choice would leave."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.filters import (
    SIZES,
    Facets,
    FacetValue,
    FilterKind,
    PhotoFilter,
    date_range,
    position,
    rating_range,
)
from desktop_app.domain.photos import FolderId
from desktop_app.library import feature_store
from desktop_app.library.database import Database
from desktop_app.library.metadata_store import RATING, TAGS
from desktop_app.library.schema import VISIBLE

MOST_VALUES = 500  # of one kind that are counted; nobody reads more
_KILOMETRES = 111.195  # of a degree of latitude

_SIZE = " ".join(
    f"WHEN p.width * p.height < {'9e999' if math.isinf(below) else below} THEN '{name}'"
    for name, (_, below) in SIZES.items()
)
# The value that a photo has of each kind, as in `domain.filters`; NULL where it has none.
_VALUES = {
    FilterKind.DATE: "strftime('%Y', p.sort_date, 'unixepoch')",
    FilterKind.CAMERA: "coalesce(p.camera, '')",
    FilterKind.LENS: "coalesce(p.lens, '')",
    FilterKind.ORIENTATION: "CASE WHEN p.width > p.height THEN 'landscape' WHEN p.width < p.height THEN 'portrait'"
    " WHEN p.width > 0 THEN 'square' END",
    FilterKind.SIZE: f"CASE WHEN p.width = 0 THEN NULL {_SIZE} END",
    FilterKind.FORMAT: "upper(p.kind)",
    FilterKind.RATING: RATING,
    FilterKind.LOCATED: "CASE WHEN coalesce(p.place, p.latitude + p.longitude) IS NULL THEN 'no' ELSE 'yes' END",
    FilterKind.PLACE: "coalesce(p.place, (round(p.latitude, 1) + 0.0) || ',' || (round(p.longitude, 1) + 0.0))",
    FilterKind.MARKED: "CASE WHEN p.id IN (SELECT photo FROM labels WHERE kind = 'marks')"
    " THEN 'yes' ELSE 'no' END",
}
Clause = tuple[str, tuple[object, ...]]
"""A condition over `photos p`, and its values."""
Part = list[list[Clause]]
"""Alternatives, of each of which all clauses must hold."""
_WORD = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """The photos shown that a filter leaves, and the feature rows of one pack that they have: [N] int64 each,
    ascending."""

    photos: NDArray[np.int64]
    rows: NDArray[np.int64]

    def has(self, photo: int) -> bool:
        at = int(np.searchsorted(self.photos, photo))
        return at < len(self.photos) and bool(self.photos[at] == photo)


def allowed(db: Database, digest: str, folders: Collection[FolderId] | None, chosen: PhotoFilter) -> Allowed:
    """What `chosen` leaves in `folders` (None: anywhere), by one walk over the photos."""
    where, values = condition(folders, chosen)
    with db.snapshot():
        photos, rows = photos_and_rows(db, digest, where, values)
        others = feature_store.feature_rows_of(db, digest, photos[rows == 0].tolist())
    return Allowed(np.sort(photos), once(np.concatenate([rows[rows > 0], others])))


def photos_and_rows(
    db: Database, digest: str, where: str, values: Sequence[object]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ids [N] int64 of photos, in no order, and the row that each was indexed with [N] int64, 0 where that was
    not with the pack `digest`."""
    # One long text takes a third of the time of as many rows. Walking an index that lacks the columns asked
    # for and looking every row up takes four times as long as walking the table.
    found = db.row(
        "SELECT group_concat(p.id), group_concat(CASE WHEN p.pack = ? AND p.feature > 0 THEN p.feature ELSE 0 END)"
        f" FROM photos p NOT INDEXED WHERE {where}",
        [feature_store.pack_id(db, digest), *values],
    )
    photos, rows = (numbers(text) for text in found or ("", ""))
    return photos, rows


def facets(db: Database, folders: Collection[FolderId] | None, chosen: PhotoFilter) -> Facets:
    """How many photos `chosen` leaves, and how many every value of every kind would leave."""
    with db.snapshot():
        where, values = condition(folders, chosen)
        total = db.number(f"SELECT count(*) FROM photos p WHERE {where}", values)
        return Facets(total, {kind: tuple(_values_of(db, kind, folders, chosen)) for kind in FilterKind})


def condition(folders: Collection[FolderId] | None, chosen: PhotoFilter | None) -> tuple[str, list[object]]:
    """The text behind WHERE, over `photos p`, and its values."""
    needed = parts(folders, chosen)
    texts = [" OR ".join(" AND ".join(text for text, _ in all_of) for all_of in any_of) for any_of in needed]
    values = [value for any_of in needed for all_of in any_of for _, given in all_of for value in given]
    if chosen is not None and chosen.within is not None:
        texts.append("p.id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(sorted(chosen.within)))
    # nearly all photos are shown, so that is looked at last
    return " AND ".join([*(f"({text})" for text in texts), VISIBLE]), values


def parts(folders: Collection[FolderId] | None, chosen: PhotoFilter | None) -> list[Part]:
    """What a filter asks for, but for being shown and for the selection."""
    found: list[Part] = []
    if folders is not None:
        # The plus keeps SQLite from gathering by folder and sorting: it filters while it walks the sorted index.
        inside = f"+p.folder IN ({','.join('?' * len(folders))})"
        found.append([[(inside, tuple(int(folder) for folder in sorted(folders)))]])
    for kind in FilterKind if chosen is not None else ():
        if chosen is not None and (values := chosen.of(kind)):
            clauses = [_clauses(kind, value) for value in values]
            found += [[several] for several in clauses] if kind is FilterKind.TAG else [clauses]
    if chosen is not None and chosen.text:
        found.append([_text_clauses(chosen.text)])
    return found


def _values_of(
    db: Database, kind: FilterKind, folders: Collection[FolderId] | None, chosen: PhotoFilter
) -> list[FacetValue]:
    where, values = condition(folders, chosen if kind is FilterKind.TAG else chosen.without(kind))
    order = f"GROUP BY 1 HAVING value IS NOT NULL ORDER BY number DESC, value LIMIT {MOST_VALUES}"
    if kind is FilterKind.TAG:
        rows = db.rows(
            "SELECT l.label AS value, count(DISTINCT l.photo) AS number FROM labels l"
            f" JOIN photos p ON p.id = l.photo WHERE l.{TAGS} AND {where} {order}",
            values,
        )
    elif kind is FilterKind.FOLDER:
        rows = db.rows(f"SELECT p.parent AS value, count(*) AS number FROM photos p WHERE {where} {order}", values)
        return [FacetValue(os.fsdecode(path), number) for path, number in rows]
    else:
        rows = db.rows(
            f"SELECT {_VALUES[kind]} AS value, count(*) AS number FROM photos p WHERE {where} {order}", values
        )
    return [FacetValue(str(value), number) for value, number in rows]


def _clauses(kind: FilterKind, value: str) -> list[Clause]:
    """One choice as conditions that must all hold."""
    if kind is FilterKind.FOLDER:
        folder = os.path.abspath(os.fsencode(value))  # noqa: PTH100 - paths are bytes
        inside = os.path.join(folder, b"")
        within = "(p.parent = ? OR (p.parent >= ? AND p.parent < ?))"
        return [(within, (folder, inside, inside[:-1] + b"\x30"))]
    if kind is FilterKind.DATE:
        start, end = date_range(value)
        return [("p.sort_date >= ?", (start,)), ("p.sort_date < ?", (end,))]
    if kind is FilterKind.RATING:
        return [(f"{RATING} BETWEEN ? AND ?", rating_range(value))]
    if kind is FilterKind.TAG:
        return [(f"p.id IN (SELECT photo FROM labels WHERE {TAGS} AND label = ?)", (value,))]
    if kind is FilterKind.PLACE and (place := position(value)) is not None and place[2] is not None:
        return [_near(place[0], place[1], place[2])]
    return [(f"{_VALUES[kind]} = ?", (value,))]


def _near(latitude: float, longitude: float, kilometres: float) -> Clause:
    """On a plane that touches the globe there: within 1 % up to some hundred kilometres, away from the poles."""
    shrunk = _KILOMETRES * math.cos(math.radians(latitude))
    east = f"min(abs(p.longitude - ?), 360 - abs(p.longitude - ?)) * {shrunk!r}"
    north = f"(p.latitude - ?) * {_KILOMETRES}"
    return (
        f"(({north}) * ({north}) + ({east}) * ({east}) <= ?)",
        (latitude, latitude, longitude, longitude, longitude, longitude, kilometres * kilometres),
    )


def _text_clauses(text: str) -> list[Clause]:
    """All words, each the beginning of a word of the photo; "in quotes" one after the other; -word not there."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for minus, phrase, word in _WORD.findall(text):
        plain = "".join(letter if letter.isprintable() and letter != '"' else " " for letter in phrase or word)
        if any(letter.isalnum() for letter in plain):
            (unwanted if minus else wanted).append(f'"{plain}"' + ("" if phrase else "*"))
    if not wanted and not unwanted:
        return [("0", ())]  # signs that no name holds
    holding = "(SELECT rowid FROM texts WHERE texts MATCH ?)"
    there: list[Clause] = [(f"p.id IN {holding}", (" AND ".join(wanted),))] if wanted else []
    return [*there, *((f"p.id NOT IN {holding}", (words,)) for words in unwanted)]


def once(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ascending and each once. Numbers that are nearly in order sort in no time; np.unique would hash them."""
    ordered = np.sort(rows, kind="stable")
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def numbers(text: str | None) -> NDArray[np.int64]:
    """What `group_concat` gave, [N] int64."""
    return np.fromstring(text, np.int64, sep=",") if text else np.empty(0, np.int64)
