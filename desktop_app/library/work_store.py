"""The work queue, and what comes back from it: one transaction per batch of photos."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from desktop_app.domain.photos import FolderId, PhotoId, PhotoRecord, PhotoStatus
from desktop_app.library import feature_store, metadata_store
from desktop_app.library.database import Database
from desktop_app.library.records import GONE, PHOTO_SELECT, IndexedPhoto, SkippedPhoto, photo_record

_REACHABLE = "p.gone = 0 AND d.present = 1"
# Indexed with another pack, and this one has never seen the content.
_OTHER_PACK = (
    "p.status = 'present' AND p.pack IS NOT :pack"
    " AND NOT EXISTS (SELECT 1 FROM features f WHERE f.pack = :pack AND f.fingerprint = p.fingerprint)"
)


def pending(db: Database, limit: int, *, after: int, digest: str | None) -> list[PhotoRecord]:
    """Photos that wait and can be reached, by id, from the one after `after`."""
    wanted = "p.status = 'pending'"
    if digest is not None and _other_packs(db, digest):
        wanted = f"({wanted} OR ({_OTHER_PACK}))"
    rows = db.rows(
        f"{PHOTO_SELECT} WHERE {wanted} AND {_REACHABLE} AND p.id > :after ORDER BY p.id LIMIT :limit",
        {"pack": feature_store.pack_id(db, digest or ""), "after": after, "limit": limit},
    )
    return [photo_record(row) for row in rows]


def pending_count(db: Database, *, digest: str | None) -> int:
    """How many photos `pending` would give in all."""
    number = db.number(
        "SELECT count(*) FROM photos p JOIN folders d ON d.id = p.folder"
        f" WHERE p.status = 'pending' AND {_REACHABLE}"
    )
    if digest is not None and _other_packs(db, digest):
        number += db.number(
            "SELECT count(*) FROM photos p JOIN folders d ON d.id = p.folder"
            f" WHERE {_OTHER_PACK} AND {_REACHABLE}",
            {"pack": feature_store.pack_id(db, digest)},
        )
    return number


def settled_count(db: Database, digest: str, folders: Collection[FolderId]) -> int:
    """How many photos of `folders` are there and have what `digest` gives: a run has nothing to do for them."""
    members = ",".join(str(int(folder)) for folder in folders)
    present = f"FROM photos p JOIN folders d ON d.id = p.folder WHERE p.folder IN ({members}) AND {_REACHABLE}"
    number = db.number(f"SELECT count(*) {present} AND p.status = 'present'")
    if _other_packs(db, digest):
        number -= db.number(
            f"SELECT count(*) {present} AND {_OTHER_PACK}", {"pack": feature_store.pack_id(db, digest)}
        )
    return number


def retry_skipped(db: Database) -> int:
    """Put the files that could not be used back into the queue. -> how many."""
    return db.execute("UPDATE photos SET status = 'pending', reason = NULL WHERE status = 'skipped' AND gone < 2")


def commit_batch(
    db: Database, digest: str, items: Sequence[IndexedPhoto], skipped: Sequence[SkippedPhoto]
) -> list[PhotoId]:
    """Store a batch in one transaction; see `Catalogue.commit_batch`."""
    done: list[PhotoId] = []
    with db.transaction():
        pack = feature_store.ensure_pack(db, digest)
        for item in items:
            if item.features is not None:
                feature_store.add_features(db, pack, item.fingerprint, item.features)
            elif not feature_store.has_features(db, pack, item.fingerprint):
                continue  # its features were removed meanwhile: it stays in the queue
            photo = _store_photo(db, pack, item)
            if photo is not None:
                done.append(photo)
        db.execute_many(
            "UPDATE photos SET status = 'skipped', reason = ?, fingerprint = NULL, pack = NULL"
            " WHERE id = ? AND size = ? AND mtime_ns = ?",
            ((skip.reason, skip.photo.id, skip.photo.size, skip.photo.mtime_ns) for skip in skipped),
        )
    return done


def _store_photo(db: Database, pack: int, item: IndexedPhoto) -> PhotoId | None:
    row = db.row(
        "SELECT path, size, mtime_ns, fingerprint, name_key, folder, parent, paired, sidecar, sidecar_ns"
        " FROM photos WHERE id = ?",
        (item.photo.id,),
    )
    if row is None or row[0] != item.photo.path:
        return None  # taken out of the library, or moved, while it was being indexed
    path, size, mtime_ns, fingerprint, name_key, folder, parent, *beside = row
    photo = item.photo.id
    if fingerprint is None:
        origin = db.row(
            "SELECT id FROM photos WHERE fingerprint = ? AND gone = ? AND id <> ?"
            " ORDER BY name_key = ? DESC, id LIMIT 1",
            (item.fingerprint, GONE, photo, name_key),
        )
        if origin is not None:  # a file that is gone, with this content: it has moved here
            db.execute("DELETE FROM photos WHERE id = ?", (photo,))
            photo = PhotoId(origin[0])
            db.execute(
                "UPDATE photos SET path = ?, folder = ?, parent = ?, name_key = ?, paired = ?, sidecar = ?,"
                " sidecar_ns = ?, gone = 0, described = 0 WHERE id = ?",
                (path, folder, parent, name_key, *beside, photo),
            )
    as_decoded = size == item.photo.size and mtime_ns == item.photo.mtime_ns
    db.execute(
        "UPDATE photos SET size = ?, mtime_ns = ?, width = ?, height = ?, taken = ?, camera = ?, fingerprint = ?,"
        " pack = ?, feature = (SELECT id FROM features WHERE pack = ? AND fingerprint = ?), status = ?,"
        " reason = NULL, sort_date = ?, described = 0 WHERE id = ?",
        (
            size,
            mtime_ns,
            item.width,
            item.height,
            item.taken,
            item.camera,
            item.fingerprint,
            pack,
            pack,
            item.fingerprint,
            PhotoStatus.PRESENT if as_decoded else PhotoStatus.PENDING,
            item.taken if item.taken is not None else mtime_ns / 1e9,
            photo,
        ),
    )
    if item.metadata is not None and item.photo.sidecar == beside[1]:
        metadata_store.store(db, photo, item.metadata)
    return photo


def _other_packs(db: Database, digest: str) -> bool:
    """Whether any photo was last indexed with another pack (cheap: one step into an index per pack)."""
    return (
        db.row(
            "SELECT 1 FROM packs k WHERE k.digest <> ?"
            " AND EXISTS (SELECT 1 FROM photos p WHERE p.status = 'present' AND p.pack = k.id)",
            (digest,),
        )
        is not None
    )
