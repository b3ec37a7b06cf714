"""Is the catalogue in order? The figures, the check in plain sentences, and mending from the inside."""

from __future__ import annotations

from pathlib import Path

from desktop_app.domain.errors import LibraryError
from desktop_app.domain.photos import path_text
from desktop_app.library import photo_store, tile_store
from desktop_app.library.codes import DamagedFeatures, checksum, unpack_cells, unpack_local
from desktop_app.library.database import Database, open_reader
from desktop_app.library.faults import damaged
from desktop_app.library.feature_store import feature_counts
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.previews import PreviewCache
from desktop_app.library.records import LibraryStats
from desktop_app.library.schema import VISIBLE
from desktop_app.library.upgrade import bring_up_to_date

_CHUNK = 2000

_LACKING = (
    "p.status = 'present' AND (p.fingerprint IS NULL OR NOT EXISTS"
    " (SELECT 1 FROM features f WHERE f.pack = p.pack AND f.fingerprint = p.fingerprint))"
)
_UNUSED = "NOT EXISTS (SELECT 1 FROM photos p WHERE p.fingerprint = f.fingerprint)"


def stats(db: Database) -> LibraryStats:
    """The library in figures."""
    parts = [db.catalogue, db.catalogue.with_name(db.catalogue.name + "-wal")]
    return LibraryStats(
        counts=photo_store.counts(db),
        folders=db.number("SELECT count(*) FROM folders"),
        features=feature_counts(db),
        unused_features=db.number(f"SELECT count(*) FROM features f WHERE {_UNUSED}"),
        catalogue_bytes=sum(part.stat().st_size for part in parts if part.exists()),
    )


def check_library(root: Path) -> list[str]:
    """What is wrong with the library at `root`, in plain sentences; empty when nothing is. Never raises."""
    layout = LibraryLayout(root)
    bring_up_to_date(root)
    try:
        db = open_reader(layout.catalogue)
    except LibraryError as error:
        return [_told(error)]
    try:
        return check(db, PreviewCache(layout.previews_dir))
    finally:
        db.close()


def check(db: Database, previews: PreviewCache | None) -> list[str]:
    """What is wrong, in plain sentences."""
    try:
        structure = _structure(db)
        if structure:
            return [f"The catalogue's file is damaged: {line}." for line in structure]
        problems = _check_photos(db) + _check_features(db) + _check_tiles(db)
        if previews is not None:
            problems += _check_previews(db, previews)
    except LibraryError as error:
        return [_told(error)]
    return problems


def _structure(db: Database) -> list[str]:
    """What SQLite finds wrong with the file itself."""
    lines = [str(row[0]) for row in db.rows("PRAGMA integrity_check(20)")]
    return [] if lines == ["ok"] else lines


def _check_photos(db: Database) -> list[str]:
    problems = [
        _sentence("photo is indexed but has no features", *found)
        for found in [_count(db, f"SELECT p.path FROM photos p WHERE {_LACKING}")]
        if found[0]
    ]
    strays = _count(
        db, "SELECT path FROM photos p WHERE NOT EXISTS (SELECT 1 FROM folders d WHERE d.id = p.folder)"
    )
    if strays[0]:
        problems.append(_sentence("photo belongs to no folder of the library", *strays))
    odd = _count(
        db,
        "SELECT path FROM photos WHERE status NOT IN ('pending', 'present', 'skipped') OR gone NOT IN (0, 1, 2)"
        " OR (status = 'skipped' AND reason IS NULL)",
    )
    if odd[0]:
        problems.append(_sentence("photo has a status that does not exist", *odd))
    astray = _count(
        db,
        "SELECT p.path FROM photos p WHERE p.feature IS NOT"
        " (SELECT f.id FROM features f WHERE f.pack = p.pack AND f.fingerprint = p.fingerprint)",
    )
    if astray[0]:
        problems.append(_sentence("photo is filed under the features of another", *astray))
    silent = _count(db, "SELECT path FROM photos WHERE id NOT IN (SELECT id FROM texts_docsize)")
    if silent[0]:
        problems.append(_sentence("photo cannot be found by its name", *silent))
    return problems


def _check_features(db: Database) -> list[str]:
    problems = []
    twice = db.number(
        "SELECT count(*) FROM (SELECT 1 FROM features GROUP BY pack, fingerprint HAVING count(*) > 1)"
    )
    if twice:
        problems.append(f"{twice} contents have their features twice.")
    loose = db.number(
        "SELECT count(*) FROM local_codes l WHERE NOT EXISTS (SELECT 1 FROM features f WHERE f.id = l.feature)"
    )
    if loose:
        problems.append(f"{loose} local codes belong to no features.")
    broken = len(_damaged_features(db))
    if broken:
        problems.append(f"{broken} features are damaged: parts are lost or their checksums do not fit.")
    lengths = db.rows("SELECT pack, count(DISTINCT length(alpha)) FROM features GROUP BY pack")
    if any(number > 1 for _, number in lengths):
        problems.append("Descriptors of one pack have different lengths.")
    return problems


def _check_tiles(db: Database) -> list[str]:
    """What is wrong with the parts of photos, where the library is searched in parts."""
    problems = []
    broken = len(tile_store.damaged_rows(db))
    if broken:
        problems.append(f"The parts of {broken} photos are damaged.")
    if tile_store.wanted(db):
        lacking = db.number(
            f"SELECT count(DISTINCT feature) FROM photos WHERE {VISIBLE} AND status = 'present'"
            " AND feature IS NOT NULL AND feature NOT IN (SELECT feature FROM tiles)"
        )
        if lacking:
            problems.append(f"{lacking} photos are not described in parts (the next indexing does it).")
    return problems


def _check_previews(db: Database, previews: PreviewCache) -> list[str]:
    kept = previews.fingerprints()
    lacking = sum(
        row[0] not in kept
        for row in db.rows(
            "SELECT DISTINCT fingerprint FROM photos"
            " WHERE status = 'present' AND gone < 2 AND fingerprint IS NOT NULL"
        )
    )
    return [f"{lacking} photos have no preview (previews are made again when needed)."] if lacking else []


def mend(db: Database, *, unused: bool = True) -> list[str]:
    """Put right what can be put right; `unused`: remove features that no photo refers to.

    Raises LibraryDamaged when the file itself is damaged: what is missing in it may be there, only not found.
    """
    if structure := _structure(db):
        raise damaged(db.catalogue, structure[0])
    done = []
    with db.transaction():
        broken = _damaged_features(db)
        if broken:
            db.execute_many("DELETE FROM features WHERE id = ?", ((row,) for row in broken))
            done.append(f"Removed {len(broken)} damaged features.")
        torn = tile_store.damaged_rows(db)
        if torn:
            db.execute_many("DELETE FROM tiles WHERE id = ?", ((row,) for row in torn))
            done.append(f"Removed the damaged parts of {len(torn)} photos.")
        loose = db.execute("DELETE FROM local_codes WHERE feature NOT IN (SELECT id FROM features)")
        if loose > 0:
            done.append(f"Removed {loose} local codes that belonged to no features.")
        removed = db.execute(f"DELETE FROM features AS f WHERE {_UNUSED}") if unused else 0
        if removed > 0:
            done.append(f"Removed {removed} features that no photo uses.")
        queued = db.execute(
            f"UPDATE photos AS p SET status = 'pending', pack = NULL, feature = NULL WHERE {_LACKING}"
        )
        if queued > 0:
            done.append(f"{queued} photos will be indexed again.")
        settle_derived(db)
    return done


def settle_derived(db: Database) -> None:
    """Make again what follows from other rows: which features a photo has, and the texts that are searched."""
    db.execute(
        "UPDATE photos AS p SET feature = x.id FROM"
        " (SELECT o.id AS photo, f.id AS id FROM photos o"
        "  LEFT JOIN features f ON f.pack = o.pack AND f.fingerprint = o.fingerprint) x"
        " WHERE x.photo = p.id AND p.feature IS NOT x.id"
    )
    db.execute("DELETE FROM texts")
    db.execute("INSERT INTO texts(rowid, name, folder, words, about) SELECT * FROM photo_texts")


def _damaged_features(db: Database) -> list[int]:
    """The rows whose bytes are not what was written."""
    broken = []
    last = 0
    while rows := db.rows(
        "SELECT f.id, f.checksum, f.alpha, f.alpha_code, f.beta, f.beta_code, f.has_local, l.codes, c.codes"
        " FROM features f LEFT JOIN local_codes l ON l.feature = f.id LEFT JOIN cell_codes c ON c.feature = f.id"
        " WHERE f.id > ? ORDER BY f.id LIMIT ?",
        (last, _CHUNK),
    ):
        last = rows[-1][0]
        for row, expected, alpha, alpha_code, beta, beta_code, has_local, codes, cells in rows:
            try:
                if codes is not None:
                    unpack_local(codes)
                if cells is not None:
                    unpack_cells(cells)
                whole = alpha and checksum(alpha, alpha_code, beta, beta_code) == expected
                if not whole or has_local != (codes is not None) + (cells is not None):
                    broken.append(row)
            except DamagedFeatures:
                broken.append(row)
    return broken


def _count(db: Database, query: str) -> tuple[int, bytes]:
    """How many paths a query gives, and the first of them."""
    first = db.row(query + " LIMIT 1")
    return (0, b"") if first is None else (db.number(f"SELECT count(*) FROM ({query})"), first[0])


def _sentence(what: str, number: int, example: bytes) -> str:
    return f"{number} x: {what} (first: {path_text(example)})."


def _told(error: LibraryError) -> str:
    remedy = f" {error.remedy}" if error.remedy else ""
    return f"{error.message[:1].upper()}{error.message[1:]}.{remedy}"
