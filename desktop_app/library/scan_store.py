"""What a scan found, compared with what is known: set operations in SQLite, whatever the number of files."""

from __future__ import annotations

import os
from collections.abc import Iterable

from desktop_app.domain.errors import LibraryError
from desktop_app.domain.photos import FolderId, FoundFile
from desktop_app.library.database import Database
from desktop_app.library.records import GONE, OUT_OF_REACH, ScanChanges, ids_array, place_keys

_SAME = "p.size = f.size AND p.mtime_ns = f.mtime_ns"


def record_scan(
    db: Database, folder: FolderId, found: Iterable[FoundFile], *, out_of_reach: Iterable[bytes]
) -> ScanChanges:
    """Bring a folder up to date; see `Catalogue.record_scan`."""
    _gather(db, found)
    try:
        with db.transaction():
            present = db.row("SELECT present FROM folders WHERE id = ?", (folder,))
            if present is None:
                raise LibraryError(f"folder {folder} is not in the library any more")
            db.execute("UPDATE folders SET present = 1 WHERE id = ?", (folder,))
            return _compare(db, folder, out_of_reach, was_away=not present[0])
    finally:
        db.execute("DELETE FROM temp.found")


def _gather(db: Database, found: Iterable[FoundFile]) -> None:
    """Put `found` into a temporary table; the catalogue itself is not locked meanwhile."""
    db.execute(
        "CREATE TEMP TABLE IF NOT EXISTS found"
        "(path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, paired BLOB, sidecar BLOB, sidecar_ns INTEGER)"
        " WITHOUT ROWID"
    )
    with db.transaction(temporary=True):
        db.execute("DELETE FROM temp.found")
        db.execute_many(
            "INSERT OR REPLACE INTO temp.found VALUES (?, ?, ?, ?, ?, ?)",
            ((file.path, file.size, file.mtime_ns, file.paired, file.sidecar, file.sidecar_ns) for file in found),
        )


def _compare(db: Database, folder: FolderId, out_of_reach: Iterable[bytes], *, was_away: bool) -> ScanChanges:
    known = "SELECT p.id FROM temp.found f CROSS JOIN photos p ON p.path = f.path WHERE "
    changed = db.rows(f"{known} NOT ({_SAME})")
    returned = db.rows(f"{known} {_SAME} AND (p.gone <> 0 OR ?)", (was_away,))
    unchanged = db.number(
        f"SELECT count(*) FROM temp.found f CROSS JOIN photos p ON p.path = f.path WHERE {_SAME}"
    ) - len(returned)
    db.execute_many("UPDATE photos SET gone = 0 WHERE id = ?", returned)
    db.execute(
        "UPDATE photos AS p SET size = f.size, mtime_ns = f.mtime_ns, gone = 0, status = 'pending', reason = NULL"
        f" FROM temp.found f WHERE p.path = f.path AND NOT ({_SAME})"
    )
    db.execute(
        "UPDATE photos AS p SET paired = f.paired FROM temp.found f"
        " WHERE p.path = f.path AND p.paired IS NOT f.paired"
    )
    db.execute(
        "UPDATE photos AS p SET sidecar = f.sidecar, sidecar_ns = f.sidecar_ns, described = 0 FROM temp.found f"
        " WHERE p.path = f.path AND (p.sidecar IS NOT f.sidecar OR p.sidecar_ns IS NOT f.sidecar_ns)"
    )
    last = db.number("SELECT max(id) FROM photos")
    db.execute_many(
        "INSERT INTO photos"
        "(folder, path, size, mtime_ns, paired, sidecar, sidecar_ns, parent, name_key, sort_date)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (folder, path, size, mtime_ns, *beside, *place_keys(path), mtime_ns / 1e9)
            for path, size, mtime_ns, *beside in db.rows(
                "SELECT path, size, mtime_ns, paired, sidecar, sidecar_ns FROM temp.found f"
                " WHERE NOT EXISTS (SELECT 1 FROM photos p WHERE p.path = f.path) ORDER BY path"
            )
        ),
    )
    new = db.rows("SELECT id FROM photos WHERE id > ? ORDER BY id", (last,))
    not_seen = "folder = ? AND gone < ? AND NOT EXISTS (SELECT 1 FROM temp.found f WHERE f.path = photos.path)"
    offline = []
    for path in out_of_reach:
        below = (path + os.fsencode(os.sep), path + bytes([os.sep.encode()[0] + 1]))
        offline += db.rows(
            f"UPDATE photos SET gone = ? WHERE {not_seen} AND (path = ? OR (path >= ? AND path < ?)) RETURNING id",
            (OUT_OF_REACH, folder, OUT_OF_REACH, path, *below),
        )
        db.execute(  # what was out of reach before stays so, and is not taken for missing below
            "INSERT OR IGNORE INTO temp.found(path)"
            " SELECT path FROM photos WHERE folder = ? AND gone = ? AND (path = ? OR (path >= ? AND path < ?))",
            (folder, OUT_OF_REACH, path, *below),
        )
    missing = db.rows(f"UPDATE photos SET gone = ? WHERE {not_seen} RETURNING id", (GONE, folder, GONE))
    return ScanChanges(
        new=ids_array(new),
        changed=ids_array(changed),
        returned=ids_array(returned),
        missing=ids_array(missing),
        offline=ids_array(offline),
        unchanged=unchanged,
    )
