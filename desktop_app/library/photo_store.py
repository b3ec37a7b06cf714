"""Questions about photos and folders, and the changes a person makes to the list of folders."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import LibraryError
from desktop_app.domain.filters import PhotoFilter
from desktop_app.domain.photos import FolderId, FolderRecord, PhotoId, PhotoRecord, PhotoStatus
from desktop_app.library.database import Database
from desktop_app.library.filter_store import condition
from desktop_app.library.records import (
    PHOTO_SELECT,
    KnownFile,
    LibraryCounts,
    PhotoOrder,
    ids_array,
    photo_record,
    status_of,
)
from desktop_app.library.scan_rules import reaches
from desktop_app.library.schema import VISIBLE

_ORDER = {
    PhotoOrder.DATE: "sort_date {0}, id {0}",
    PhotoOrder.NAME: "name_key {0}, id {0}",
    PhotoOrder.FOLDER: "parent {0}, name_key {0}, id {0}",
}


def folders(db: Database) -> list[FolderRecord]:
    """All folders, by path, with the number of photos shown."""
    rows = db.rows(
        "SELECT d.id, d.path, d.present,"
        f" (SELECT count(*) FROM photos p WHERE p.folder = d.id AND {VISIBLE}) FROM folders d ORDER BY d.path"
    )
    return [FolderRecord(FolderId(row[0]), row[1], bool(row[2]), row[3]) for row in rows]


def add_folder(db: Database, path: bytes) -> FolderId:
    """Add a folder, or name the one that covers it already; folders below it become part of it."""
    path = os.path.abspath(path)  # noqa: PTH100 - paths are bytes
    with db.transaction():
        known = db.rows("SELECT id, path FROM folders")
        for number, other in known:
            if other == path or reaches(other, path):
                return FolderId(number)
        folder = db.insert("INSERT INTO folders(path) VALUES (?)", (path,))
        for number, other in known:
            if reaches(path, other):
                db.execute("UPDATE photos SET folder = ? WHERE folder = ?", (folder, number))
                db.execute("DELETE FROM folders WHERE id = ?", (number,))
    return FolderId(folder)


def remove_folder(db: Database, folder: FolderId) -> list[bytes]:
    """Forget a folder with its photos and the features that nothing else uses. -> their fingerprints."""
    with db.transaction():
        fingerprints = [
            row[0]
            for row in db.rows(
                "SELECT DISTINCT fingerprint FROM photos p WHERE folder = ? AND fingerprint IS NOT NULL"
                " AND NOT EXISTS (SELECT 1 FROM photos o WHERE o.fingerprint = p.fingerprint AND o.folder <> ?)",
                (folder, folder),
            )
        ]
        db.execute("DELETE FROM photos WHERE folder = ?", (folder,))
        db.execute("DELETE FROM folders WHERE id = ?", (folder,))
        packs = db.rows("SELECT id FROM packs")
        db.execute_many(
            "DELETE FROM features WHERE pack = ? AND fingerprint = ?",
            ((pack, fingerprint) for fingerprint in fingerprints for (pack,) in packs),
        )
    return fingerprints


def set_folder_present(db: Database, folder: FolderId, present: bool) -> None:
    """Note that a folder is there or away; its photos follow."""
    if not db.execute("UPDATE folders SET present = ? WHERE id = ?", (int(present), folder)):
        raise LibraryError(f"folder {folder} is not in the library any more")


def known_files(db: Database, folder: FolderId) -> dict[bytes, KnownFile]:
    """Every file known in a folder, missing ones included."""
    rows = db.rows(
        "SELECT p.path, p.size, p.mtime_ns, p.id, p.status, p.gone, d.present"
        " FROM photos p JOIN folders d ON d.id = p.folder WHERE p.folder = ?",
        (folder,),
    )
    return {row[0]: KnownFile(row[1], row[2], PhotoId(row[3]), status_of(*row[4:])) for row in rows}


def photos(db: Database, ids: Sequence[PhotoId]) -> list[PhotoRecord]:
    """The records of `ids` in their order, without those that are gone from the catalogue."""
    rows = db.rows_in(PHOTO_SELECT + " WHERE p.id IN ({})", [int(number) for number in ids])
    found = {row[0]: photo_record(row) for row in rows}
    return [found[number] for number in ids if number in found]


def photo_by_path(db: Database, path: bytes) -> PhotoRecord | None:
    row = db.row(PHOTO_SELECT + " WHERE p.path = ?", (path,))
    return photo_record(row) if row is not None else None


def photos_by_fingerprint(db: Database, fingerprint: bytes) -> list[PhotoRecord]:
    """Every photo with this content, missing ones included."""
    rows = db.rows(PHOTO_SELECT + " WHERE p.fingerprint = ? ORDER BY p.id", (fingerprint,))
    return [photo_record(row) for row in rows]


def photos_page(
    db: Database,
    order: PhotoOrder,
    *,
    descending: bool,
    folders: Collection[FolderId] | None,
    chosen: PhotoFilter | None,
    offset: int,
    limit: int,
) -> list[PhotoRecord]:
    """One page of the photos that are shown."""
    where, values = condition(folders, chosen)
    rows = db.rows(
        f"SELECT id FROM photos p WHERE {where} ORDER BY {_sorted(order, descending)} LIMIT ? OFFSET ?",
        [*values, limit, offset],
    )
    return photos(db, [PhotoId(row[0]) for row in rows])


def photo_ids(
    db: Database,
    order: PhotoOrder,
    *,
    descending: bool,
    folders: Collection[FolderId] | None,
    chosen: PhotoFilter | None = None,
) -> NDArray[np.int64]:
    """[N] int64: the ids of all photos that are shown, sorted."""
    where, values = condition(folders, chosen)
    return ids_array(
        db.rows(f"SELECT id FROM photos p WHERE {where} ORDER BY {_sorted(order, descending)}", values)
    )


def count(db: Database, folders: Collection[FolderId] | None, chosen: PhotoFilter | None = None) -> int:
    """How many photos are shown."""
    where, values = condition(folders, chosen)
    return db.number(f"SELECT count(*) FROM photos p WHERE {where}", values)


def copies(db: Database) -> list[list[PhotoId]]:
    """The photos shown that have the same content, group by group, each by id."""
    rows = db.rows(
        f"SELECT group_concat(id) FROM photos WHERE {VISIBLE} AND status = 'present' AND fingerprint IS NOT NULL"
        " GROUP BY fingerprint HAVING count(*) > 1 ORDER BY min(id)"
    )
    return [sorted(PhotoId(int(number)) for number in numbers.split(",")) for (numbers,) in rows]


def counts(db: Database) -> LibraryCounts:
    """How many photos stand where."""
    tally = dict.fromkeys(PhotoStatus, 0)
    for status, gone, present, number in db.rows(
        "SELECT p.status, p.gone, d.present, count(*) FROM photos p JOIN folders d ON d.id = p.folder"
        " GROUP BY p.folder, p.status, p.gone"
    ):
        tally[status_of(status, gone, present)] += number
    shown = (PhotoStatus.PRESENT, PhotoStatus.PENDING, PhotoStatus.OFFLINE)
    return LibraryCounts(
        photos=sum(tally[status] for status in shown),
        indexed=tally[PhotoStatus.PRESENT],
        pending=tally[PhotoStatus.PENDING],
        skipped=tally[PhotoStatus.SKIPPED],
        offline=tally[PhotoStatus.OFFLINE],
        missing=tally[PhotoStatus.MISSING],
    )


def skipped(db: Database) -> list[PhotoRecord]:
    """The files that are there but cannot be used, by path."""
    rows = db.rows(PHOTO_SELECT + " WHERE p.status = 'skipped' AND p.gone < 2 ORDER BY p.path")
    return [photo_record(row) for row in rows]


def _sorted(order: PhotoOrder, descending: bool) -> str:
    return _ORDER[order].format("DESC" if descending else "ASC")
