"""The parts of photos in the catalogue: one row per features of a content, so copies share them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import TILES, TileEntries
from desktop_app.domain.photos import PhotoRecord
from desktop_app.library.database import Database
from desktop_app.library.feature_store import pack_id
from desktop_app.library.records import PHOTO_SELECT, photo_record
from desktop_app.library.schema import VISIBLE

SETTING = "tiles"  # whether the library is searched in parts: "on", anything else means it is not
_CHUNK = 2000

# The features of a pack that a photo shown has, without parts; of copies the first photo stands for all.
_LACKING = f"""
    FROM features f JOIN photos p ON p.id =
        (SELECT min(p.id) FROM photos p WHERE p.fingerprint = f.fingerprint AND {VISIBLE})
    JOIN folders d ON d.id = p.folder
    WHERE f.pack = :pack AND NOT EXISTS (SELECT 1 FROM tiles t WHERE t.feature = f.id)
"""


def wanted(db: Database) -> bool:
    """Whether the library is searched in parts."""
    return db.row("SELECT 1 FROM settings WHERE key = ? AND value = 'on'", (SETTING,)) is not None


def set_wanted(db: Database, wish: bool) -> None:
    """Turn the parts on, or off: then they are removed."""
    with db.transaction():
        db.execute(
            "INSERT INTO settings VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            (SETTING, "on" if wish else "off"),
        )
        if not wish:
            db.execute("DELETE FROM tile_descriptors")
            db.execute("DELETE FROM tiles")


def add(db: Database, made: Sequence[tuple[int, TileEntries]]) -> None:
    """Store the parts of feature rows in one transaction; those of rows that are gone, or have them, are left.
    Nothing is stored once the option is off."""
    with db.transaction():
        if not wanted(db):
            return
        for feature, tiles in made:
            signs, descriptors = _signs(tiles).tobytes(), np.ascontiguousarray(tiles.descriptors).tobytes()
            row = db.row(
                "INSERT INTO tiles(feature, checksum, signs) SELECT id, ?, ? FROM features WHERE id = ?"
                " ON CONFLICT(feature) DO NOTHING RETURNING id",
                (checksum(signs, descriptors), signs, feature),
            )
            if row is not None:
                db.execute("INSERT INTO tile_descriptors VALUES (?, ?)", (row[0], descriptors))


def lacking(db: Database, digest: str, limit: int, *, after: int) -> list[tuple[int, PhotoRecord]]:
    """Up to `limit` feature rows above `after` without parts, each with a photo that has it, by row."""
    rows = db.rows(
        f"{PHOTO_SELECT.split(' FROM ')[0].replace('SELECT ', 'SELECT f.id, ', 1)} {_LACKING}"
        " AND f.id > :after ORDER BY f.id LIMIT :limit",
        {"pack": pack_id(db, digest), "after": after, "limit": limit},
    )
    return [(int(row[0]), photo_record(row[1:])) for row in rows]


def lacking_count(db: Database, digest: str) -> int:
    """How many feature rows `lacking` gives in all."""
    return db.number(f"SELECT count(*) {_LACKING}", {"pack": pack_id(db, digest)})


def count(db: Database) -> int:
    """How many contents have parts."""
    return db.number("SELECT count(*) FROM tiles")


def last_row(db: Database) -> int:
    """The newest row, 0 without any. Ids only grow."""
    return db.number("SELECT max(id) FROM tiles")


def signs(
    db: Database, digest: str, newer_than: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Rows with an id above `newer_than`, ascending: ids [N] int64, their feature rows [N] int64, and the signs of
    the descriptors [N, 13, D / 8] uint8, packed. Damaged rows are left out; `library check` tells them."""
    found = db.rows(
        "SELECT t.id, t.feature, t.signs FROM tiles t JOIN features f ON f.id = t.feature"
        " WHERE f.pack = ? AND t.id > ? ORDER BY t.id",
        (pack_id(db, digest), newer_than),
    )
    length = len(found[0][2]) if found else 0
    kept = [row for row in found if len(row[2]) == length and length and length % TILES == 0]
    codes = np.frombuffer(b"".join(row[2] for row in kept), np.uint8)
    return (
        np.array([row[0] for row in kept], np.int64),
        np.array([row[1] for row in kept], np.int64),
        codes.reshape(len(kept), TILES, -1) if kept else np.empty((0, TILES, 0), np.uint8),
    )


def descriptors(db: Database, rows: Sequence[int]) -> dict[int, NDArray[np.int8]]:
    """feature row -> the descriptors [13, D] int8 of its parts, where they are there and whole."""
    found = {}
    for feature, expected, codes, blob in db.rows_in(
        "SELECT t.feature, t.checksum, t.signs, b.descriptors FROM tiles t"
        " JOIN tile_descriptors b ON b.tile = t.id WHERE t.feature IN ({})",
        list(rows),
    ):
        if is_whole(expected, codes, blob):
            found[int(feature)] = np.frombuffer(blob, np.int8).reshape(TILES, -1)
    return found


def damaged_rows(db: Database) -> list[int]:
    """The ids whose bytes are not what was written, or lost."""
    broken: list[int] = []
    last = 0
    while rows := db.rows(
        "SELECT t.id, t.checksum, t.signs, b.descriptors FROM tiles t"
        " LEFT JOIN tile_descriptors b ON b.tile = t.id WHERE t.id > ? ORDER BY t.id LIMIT ?",
        (last, _CHUNK),
    ):
        last = rows[-1][0]
        broken += [row for row, *parts in rows if not is_whole(*parts)]
    return broken


def is_whole(expected: int, codes: bytes, blob: bytes | None) -> bool:
    """Whether both parts of a row are what was written."""
    sizes = blob is not None and len(blob) == 8 * len(codes) and len(codes) % TILES == 0 and len(codes) > 0
    return sizes and blob is not None and checksum(codes, blob) == expected


def checksum(codes: bytes, blob: bytes) -> int:
    """CRC-32 over signs and descriptors."""
    return zlib.crc32(blob, zlib.crc32(codes))


def _signs(tiles: TileEntries) -> NDArray[np.uint8]:
    """[13, D / 8] uint8: one bit a dimension, set where it is 0 or more. Raises ValueError for another shape."""
    if tiles.descriptors.ndim != 2 or len(tiles.descriptors) != TILES or tiles.descriptors.shape[1] % 8:
        raise ValueError(f"{tiles.descriptors.shape} are not the descriptors of {TILES} tiles")
    return np.packbits(tiles.descriptors >= 0, axis=1)
