"""Features in the catalogue: one row per (content fingerprint, pack), shared by all copies of a photo."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import LocalCodes, PhotoFeatures
from desktop_app.domain.photos import FolderId, PhotoRecord
from desktop_app.library.codes import (
    DamagedFeatures,
    checksum,
    pack_cells,
    pack_descriptor,
    pack_local,
    unpack_cells,
    unpack_descriptor,
    unpack_local,
)
from desktop_app.library.database import Database
from desktop_app.library.faults import damaged
from desktop_app.library.records import PHOTO_SELECT, ids_array, photo_record
from desktop_app.library.schema import VISIBLE

log = logging.getLogger(__name__)

_STREAM = 4096  # descriptors taken from SQLite at a time


def pack_id(db: Database, digest: str) -> int:
    """The number of a pack in this catalogue; 0 when it has not been used yet."""
    return db.number("SELECT id FROM packs WHERE digest = ?", (digest,))


def ensure_pack(db: Database, digest: str) -> int:
    """The number of a pack, given now if it has none. Inside a transaction."""
    return pack_id(db, digest) or db.insert("INSERT INTO packs(digest) VALUES (?)", (digest,))


def add_features(db: Database, pack: int, fingerprint: bytes, features: PhotoFeatures) -> None:
    """Store features; those that are there already stay. Inside a transaction."""
    alpha = pack_descriptor(features.alpha)
    beta = pack_descriptor(features.beta) if features.beta is not None else None
    codes = [None if code is None else code.tobytes() for code in (features.alpha_code, features.beta_code)]
    inserted = db.row(
        "INSERT INTO features(pack, fingerprint, checksum, alpha, alpha_code, beta, beta_code, has_local)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(pack, fingerprint) DO NOTHING RETURNING id",
        (
            pack,
            fingerprint,
            checksum(alpha, codes[0], beta, codes[1]),
            alpha,
            codes[0],
            beta,
            codes[1],
            0 if features.local is None else 1,
        ),
    )
    if inserted is not None and features.local is not None:
        db.execute(
            "INSERT INTO local_codes(feature, codes) VALUES (?, ?)", (inserted[0], pack_local(features.local))
        )
        if features.cells is not None:
            add_cells(db, inserted[0], features.cells)


def add_cells(db: Database, feature: int, cells: NDArray[np.uint8]) -> None:
    """Store the codes of the cells of a feature row that has local codes; those that are there stay. Inside a
    transaction."""
    if db.execute("UPDATE features SET has_local = 2 WHERE id = ? AND has_local = 1", (feature,)):
        db.execute("INSERT INTO cell_codes(feature, codes) VALUES (?, ?)", (feature, pack_cells(cells)))


def lacking_cells(db: Database, digest: str, limit: int, *, after: int) -> list[tuple[int, PhotoRecord]]:
    """Up to `limit` feature rows above `after` with local codes and without those of cells, each with the first
    photo shown that has it, by row."""
    rows = db.rows(
        f"{PHOTO_SELECT.replace('SELECT ', 'SELECT f.id, ', 1)} JOIN features f ON p.id ="
        f" (SELECT min(q.id) FROM photos q WHERE q.fingerprint = f.fingerprint AND {VISIBLE})"
        " WHERE f.pack = ? AND f.has_local = 1 AND f.id > ? ORDER BY f.id LIMIT ?",
        (pack_id(db, digest), after, limit),
    )
    return [(int(row[0]), photo_record(row[1:])) for row in rows]


def lacking_cells_count(db: Database, digest: str) -> int:
    """How many feature rows lack the codes of cells."""
    return db.number(
        "SELECT count(*) FROM features NOT INDEXED WHERE pack = ? AND has_local = 1", (pack_id(db, digest),)
    )


def cell_codes(db: Database, rows: Sequence[int]) -> list[NDArray[np.uint8] | None]:
    """The codes [h, w, B] of the cells of `rows` in their order; None where there are none or they are damaged."""
    found: dict[int, bytes] = dict(db.rows_in("SELECT feature, codes FROM cell_codes WHERE feature IN ({})", rows))
    kept: list[NDArray[np.uint8] | None] = []
    for row in rows:
        try:
            kept.append(unpack_cells(found[row]) if row in found else None)
        except DamagedFeatures as error:
            log.warning("%s: feature row %d: %s", db.catalogue, row, error)
            kept.append(None)
    return kept


def has_features(db: Database, pack: int, fingerprint: bytes) -> bool:
    return db.row("SELECT 1 FROM features WHERE pack = ? AND fingerprint = ?", (pack, fingerprint)) is not None


def features_for(db: Database, fingerprint: bytes, digest: str) -> PhotoFeatures | None:
    """The features of a content, or None. Raises LibraryDamaged when they cannot be read."""
    row = db.row(
        "SELECT f.alpha, f.alpha_code, l.codes, f.beta, f.beta_code, c.codes FROM features f"
        " LEFT JOIN local_codes l ON l.feature = f.id LEFT JOIN cell_codes c ON c.feature = f.id"
        " WHERE f.pack = ? AND f.fingerprint = ?",
        (pack_id(db, digest), fingerprint),
    )
    if row is None:
        return None
    try:
        return PhotoFeatures(
            alpha=unpack_descriptor(row[0]),
            alpha_code=np.frombuffer(row[1], np.uint8) if row[1] is not None else None,
            local=unpack_local(row[2]) if row[2] is not None else None,
            beta=unpack_descriptor(row[3]) if row[3] is not None else None,
            beta_code=np.frombuffer(row[4], np.uint8) if row[4] is not None else None,
            cells=unpack_cells(row[5]) if row[5] is not None else None,
        )
    except DamagedFeatures as error:
        raise damaged(db.catalogue, str(error)) from error


def known_fingerprints(db: Database, fingerprints: Sequence[bytes], digest: str) -> set[bytes]:
    """Those of `fingerprints` that have features for `digest`."""
    rows = db.rows_in(
        "SELECT fingerprint FROM features WHERE pack = ? AND fingerprint IN ({})",
        list(dict.fromkeys(fingerprints)),
        before=[pack_id(db, digest)],
    )
    return {row[0] for row in rows}


def feature_counts(db: Database) -> dict[str, int]:
    """Rows per pack digest, packs without any left out."""
    return dict(
        db.rows(
            "SELECT p.digest, count(*) FROM features f JOIN packs p ON p.id = f.pack"
            " GROUP BY f.pack ORDER BY f.pack"
        )
    )


def last_feature_row(db: Database, digest: str) -> int:
    """The newest row of `digest`, 0 when there is none."""
    return db.number(
        "SELECT id FROM features NOT INDEXED WHERE pack = ? ORDER BY id DESC LIMIT 1", (pack_id(db, digest),)
    )


def feature_rows(db: Database, digest: str) -> NDArray[np.int64]:
    """[N] int64, ascending: every row of `digest`."""
    return ids_array(db.rows("SELECT id FROM features WHERE pack = ? ORDER BY id", (pack_id(db, digest),)))


def feature_rows_in(db: Database, digest: str, folders: Collection[FolderId] | None) -> NDArray[np.int64]:
    """[N] int64, ascending: the rows of `digest` that a photo shown in these folders (None: anywhere) has."""
    where, values = VISIBLE, [pack_id(db, digest)]
    if folders is not None:
        where += f" AND folder IN ({','.join('?' * len(folders))})"
        values += [int(folder) for folder in sorted(folders)]
    return ids_array(
        db.rows(
            "SELECT DISTINCT f.id FROM photos p JOIN features f ON f.pack = ? AND f.fingerprint = p.fingerprint"
            f" WHERE {where} ORDER BY f.id",
            values,
        )
    )


def feature_rows_of(db: Database, digest: str, photos: Sequence[int]) -> NDArray[np.int64]:
    """[N] int64, ascending: the rows of `digest` that these photos have, as far as they are shown."""
    rows = db.rows_in(
        "SELECT DISTINCT f.id FROM photos p JOIN features f ON f.pack = ? AND f.fingerprint = p.fingerprint"
        f" WHERE {VISIBLE} AND p.id IN ({{}}) ORDER BY f.id",
        list(photos),
        before=[pack_id(db, digest)],
    )
    return np.unique(ids_array(rows))


def rows_by_content(db: Database, digest: str) -> list[tuple[int, int]]:
    """(photo, its row of `digest`) of the photos shown that were last indexed with another pack, or not yet."""
    pack = pack_id(db, digest)
    found: list[tuple[int, int]] = db.rows(
        "SELECT p.id, f.id FROM photos p NOT INDEXED"
        " JOIN features f ON f.pack = ? AND f.fingerprint = p.fingerprint"
        f" WHERE NOT (p.pack IS ? AND ifnull(p.feature, 0) > 0) AND {VISIBLE}",
        (pack, pack),
    )
    return found


def alphas(db: Database, digest: str, newer_than: int) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """Rows with an id above `newer_than`, ascending: [N] int64 and [N, D] float16; [0, 0] when there is none."""
    pack = pack_id(db, digest)
    with db.snapshot():
        total = db.number(
            "SELECT count(*) FROM features NOT INDEXED WHERE pack = ? AND id > ?", (pack, newer_than)
        )
        first = db.row(
            "SELECT length(alpha) FROM features NOT INDEXED WHERE pack = ? AND id > ? LIMIT 1", (pack, newer_than)
        )
        if first is None:
            return np.empty(0, np.int64), np.empty((0, 0), np.float16)
        rows = np.empty(total, np.int64)
        vectors = np.empty((total, first[0] // 2), "<f2")
        done = 0
        for part in db.chunks(
            "SELECT id, alpha FROM features NOT INDEXED WHERE pack = ? AND id > ? ORDER BY id",
            (pack, newer_than),
            _STREAM,
        ):
            end = done + len(part)
            numbers, blobs = zip(*part, strict=True)
            data = b"".join(blobs)
            if not first[0] or len(data) != len(part) * first[0] or any(len(blob) != first[0] for blob in blobs):
                raise damaged(db.catalogue, "a descriptor has the wrong length")
            rows[done:end] = numbers
            vectors[done:end] = np.frombuffer(data, "<f2").reshape(len(part), -1)
            done = end
    return rows, vectors.astype(np.float16, copy=False)


def alpha_codes(db: Database, digest: str, rows: Sequence[int]) -> NDArray[np.uint8]:
    """[N, B] uint8 hash codes of `rows`, in their order; zeros for a row without one, [N, 0] if none has one."""
    found: dict[int, bytes] = dict(
        db.rows_in(
            "SELECT id, alpha_code FROM features WHERE pack = ? AND alpha_code IS NOT NULL AND id IN ({})",
            rows,
            before=[pack_id(db, digest)],
        )
    )
    width = len(next(iter(found.values()), b""))
    codes = np.zeros((len(rows), width), np.uint8)
    for place, row in enumerate(rows):
        blob = found.get(row, b"")
        if len(blob) == width:
            codes[place] = np.frombuffer(blob, np.uint8)
    return codes


def second_descriptors(
    db: Database, digest: str, rows: Sequence[int]
) -> tuple[NDArray[np.float16], NDArray[np.uint8]] | None:
    """Beta [N, E] and its code [N, B] uint8 of `rows`, in their order; None as soon as one row lacks them."""
    found = {
        row: (beta, code)
        for row, beta, code in db.rows_in(
            "SELECT id, beta, beta_code FROM features"
            " WHERE pack = ? AND beta IS NOT NULL AND beta_code IS NOT NULL AND id IN ({})",
            rows,
            before=[pack_id(db, digest)],
        )
    }
    kept = [found[row] for row in rows if row in found]
    if len(kept) < len(rows) or not kept or len({(len(beta), len(code)) for beta, code in kept}) > 1:
        return None
    betas = np.frombuffer(b"".join(beta for beta, _ in kept), "<f2").reshape(len(kept), -1)
    codes = np.frombuffer(b"".join(code for _, code in kept), np.uint8).reshape(len(kept), -1)
    return betas.astype(np.float16, copy=False), codes


def local_codes(db: Database, digest: str, rows: Sequence[int]) -> list[LocalCodes | None]:
    """The local codes of `rows` in their order; None where there are none or they are damaged (logged)."""
    blobs: dict[int, bytes] = dict(
        db.rows_in(
            "SELECT l.feature, l.codes FROM local_codes l JOIN features f ON f.id = l.feature"
            " WHERE f.pack = ? AND l.feature IN ({})",
            rows,
            before=[pack_id(db, digest)],
        )
    )
    codes: list[LocalCodes | None] = []
    for row in rows:
        blob = blobs.get(row)
        try:
            codes.append(unpack_local(blob) if blob is not None else None)
        except DamagedFeatures as error:
            log.warning("%s: feature row %d: %s", db.catalogue, row, error)
            codes.append(None)
    return codes


def photos_of_features(db: Database, rows: Sequence[int]) -> dict[int, list[PhotoRecord]]:
    """row -> the photos shown that have it, by id: copies share a row; a row that nobody has is not a key."""
    found: dict[int, list[PhotoRecord]] = {}
    select = PHOTO_SELECT.replace("SELECT ", "SELECT f.id, ", 1)
    for row in db.rows_in(
        f"{select} JOIN features f ON f.fingerprint = p.fingerprint"
        f" WHERE {VISIBLE} AND f.id IN ({{}}) ORDER BY f.id, p.id",
        rows,
    ):
        found.setdefault(row[0], []).append(photo_record(row[1:]))
    return found
