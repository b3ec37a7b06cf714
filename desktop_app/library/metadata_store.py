"""What files say of themselves and what a person says of photos: facts, ratings, tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from desktop_app.domain.errors import LibraryError
from desktop_app.domain.metadata import LEAST_RATING, MOST_RATING, PhotoMetadata
from desktop_app.domain.photos import PhotoId, PhotoRecord
from desktop_app.library.database import Database
from desktop_app.library.records import PHOTO_SELECT, photo_record

RATING = "coalesce(p.rating, p.file_rating, 0)"
"""The rating that counts: the person's, else the file's."""
TAGS = "kind IN ('tags', 'keywords')"
"""The labels that count as tags: the person's, and the file's that the person has not taken away."""
_WAITING = "p.described = 0 AND p.status = 'present' AND p.gone = 0 AND d.present = 1"


def store(db: Database, photo: PhotoId, facts: PhotoMetadata) -> None:
    """Keep what a photo's file and sidecar say. Inside a transaction.

    Time and camera known already stay where `facts` lacks them: they come from decoding the whole file.
    """
    db.execute(
        "UPDATE photos SET taken = coalesce(?, taken), sort_date = coalesce(?, taken, mtime_ns / 1e9),"
        " camera = coalesce(?, camera), lens = ?, kind = ?, latitude = ?, longitude = ?, place = ?, caption = ?,"
        " file_rating = ?, described = 1 WHERE id = ?",
        (
            facts.taken,
            facts.taken,
            facts.camera,
            facts.lens,
            facts.kind,
            facts.latitude,
            facts.longitude,
            facts.place,
            facts.caption,
            facts.rating,
            photo,
        ),
    )
    labels = "SELECT label FROM labels WHERE photo = ? AND kind = ?"
    known = {row[0] for row in db.rows(labels, (photo, "keywords"))}
    removed = {row[0] for row in db.rows(labels, (photo, "removed"))}
    wanted = [word for word in facts.keywords if word not in removed]
    db.execute_many(
        "DELETE FROM labels WHERE photo = ? AND kind = 'keywords' AND label = ?",
        ((photo, word) for word in known.difference(wanted)),
    )
    db.execute_many(
        "INSERT OR IGNORE INTO labels(photo, kind, label) VALUES (?, 'keywords', ?)",
        ((photo, word) for word in wanted if word not in known),
    )


def store_read(db: Database, read: Sequence[tuple[PhotoRecord, PhotoMetadata]]) -> int:
    """Keep the metadata of files that were read as these records say; files changed since wait. -> how many."""
    done = 0
    with db.transaction():
        for photo, facts in read:
            if db.row(
                "SELECT 1 FROM photos WHERE id = ? AND size = ? AND mtime_ns = ? AND status = 'present'"
                " AND sidecar IS ?",
                (photo.id, photo.size, photo.mtime_ns, photo.sidecar),
            ):
                store(db, photo.id, facts)
                done += 1
    return done


def undescribed(db: Database, limit: int, *, after: int) -> list[PhotoRecord]:
    """Indexed photos in reach whose metadata is still to be read, by id, from the one after `after`."""
    rows = db.rows(f"{PHOTO_SELECT} WHERE {_WAITING} AND p.id > ? ORDER BY p.id LIMIT ?", (after, limit))
    return [photo_record(row) for row in rows]


def undescribed_count(db: Database) -> int:
    """How many photos `undescribed` gives in all."""
    return db.number(f"SELECT count(*) FROM photos p JOIN folders d ON d.id = p.folder WHERE {_WAITING}")


def facts_of(db: Database, photo: PhotoId) -> PhotoMetadata:
    """All that is known of a photo: the rating that counts, and as keywords all its tags."""
    row = db.row(
        "SELECT taken, camera, lens, kind, latitude, longitude, place, coalesce(rating, file_rating), caption"
        " FROM photos WHERE id = ?",
        (photo,),
    )
    if row is None:
        return PhotoMetadata()
    tags = db.rows(f"SELECT DISTINCT label FROM labels WHERE photo = ? AND {TAGS} ORDER BY label", (photo,))
    taken, camera, lens, kind, latitude, longitude, place, rating, caption = row
    words = tuple(tag for (tag,) in tags)
    return PhotoMetadata(taken, camera, lens, kind, latitude, longitude, place, rating, caption, words)


def set_rating(db: Database, photos: Iterable[PhotoId], rating: int | None) -> None:
    """Rate photos, -1 (rejected) to 5; None: what their files say. Raises LibraryError for other numbers."""
    if rating is not None and not LEAST_RATING <= rating <= MOST_RATING:
        raise LibraryError(
            f"{rating} is no rating", remedy=f"Ratings go from {LEAST_RATING} (rejected) to {MOST_RATING} stars."
        )
    with db.transaction():
        db.execute_many("UPDATE photos SET rating = ? WHERE id = ?", ((rating, photo) for photo in photos))


def change_tags(db: Database, photos: Iterable[PhotoId], *, add: Iterable[str], remove: Iterable[str]) -> None:
    """Put tags on photos and take tags away, those of their files too (in the catalogue only).

    Raises LibraryError for a tag without text.
    """
    added = [_tidy(tag) for tag in add]
    taken = [_tidy(tag) for tag in remove]
    with db.transaction():
        for photo in photos:
            for tag in taken:
                db.execute("DELETE FROM labels WHERE photo = ? AND kind = 'tags' AND label = ?", (photo, tag))
                of_file = "photo = ? AND kind = 'keywords' AND label = ?"
                if db.execute(f"DELETE FROM labels WHERE {of_file}", (photo, tag)):
                    db.execute(
                        "INSERT OR IGNORE INTO labels(photo, kind, label) VALUES (?, 'removed', ?)", (photo, tag)
                    )
            db.execute_many(
                "INSERT OR IGNORE INTO labels(photo, kind, label) SELECT id, 'tags', ? FROM photos WHERE id = ?",
                ((tag, photo) for tag in added),
            )


def _tidy(tag: str) -> str:
    tidied = " ".join(tag.split())
    if not tidied:
        raise LibraryError("a tag needs a text", remedy="Write a word or two.")
    return tidied
