"""The tables of the catalogue, the ordered steps that make them, and what a file says about itself."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from desktop_app.domain.errors import LibraryForeign
from desktop_app.library.faults import damaged, from_os_error, shown

APPLICATION_ID = 0x494E4449  # "INDI"
PAGE_SIZE = 4096
_MAGIC = b"SQLite format 3\x00"

# A photo that is shown and searched. The partial indexes below serve only queries that repeat this text; they hold
# its columns too, because SQLite would otherwise look every row up to test it again.
VISIBLE = "gone < 2 AND status <> 'skipped'"

# photos.status: what became of the content (pending | present | skipped).
# photos.gone:   where the file is: 0 there, 1 out of reach (offline), 2 missing. It is kept apart from the status
#                so that a file that comes back unchanged is at once what it was before.
# photos.pack:   the pack that the features of this photo were last made or found with.
# features.has_local: whether there is a row in local_codes, so that its loss is noticed.
# sort_date:     capture time, or modification time where there is none, in seconds.
_STEP_1 = f"""
CREATE TABLE folders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL UNIQUE,
    present INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE TABLE packs (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE photos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder INTEGER NOT NULL REFERENCES folders(id),
    path BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending',
    gone INTEGER NOT NULL DEFAULT 0,
    width INTEGER NOT NULL DEFAULT 0,
    height INTEGER NOT NULL DEFAULT 0,
    taken REAL,
    camera TEXT,
    fingerprint BLOB,
    pack INTEGER REFERENCES packs(id),
    reason TEXT,
    paired BLOB,
    parent BLOB NOT NULL,
    name_key TEXT NOT NULL,
    sort_date REAL NOT NULL
) STRICT;
CREATE TABLE features (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pack INTEGER NOT NULL REFERENCES packs(id),
    fingerprint BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    alpha BLOB NOT NULL,
    alpha_code BLOB,
    has_local INTEGER NOT NULL,
    UNIQUE (pack, fingerprint)
) STRICT;
CREATE TABLE local_codes (
    feature INTEGER PRIMARY KEY REFERENCES features(id) ON DELETE CASCADE,
    codes BLOB NOT NULL
) STRICT;
CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
CREATE INDEX photos_state ON photos(folder, status, gone);
CREATE INDEX photos_pending ON photos(id) WHERE status = 'pending';
CREATE INDEX photos_pack ON photos(pack) WHERE status = 'present';
CREATE INDEX photos_fingerprint ON photos(fingerprint);
CREATE INDEX photos_date ON photos(sort_date, id, folder, gone, status) WHERE {VISIBLE};
CREATE INDEX photos_name ON photos(name_key, id, folder, gone, status) WHERE {VISIBLE};
CREATE INDEX photos_place ON photos(parent, name_key, id, folder, gone, status) WHERE {VISIBLE};
"""

# The descriptor of the second model; rows made before it was known, and packs without one, have none.
_STEP_2 = """
ALTER TABLE features ADD COLUMN beta BLOB;
ALTER TABLE features ADD COLUMN beta_code BLOB;
"""

# What a person said about photos; kind: tags, albums or marks.
_STEP_3 = """
CREATE TABLE labels (
    id INTEGER PRIMARY KEY,
    photo INTEGER NOT NULL REFERENCES photos(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    UNIQUE (photo, kind, label)
) STRICT;
"""

# Feedback sessions that a person saved, as JSON documents.
_STEP_4 = """
CREATE TABLE sessions (
    name TEXT PRIMARY KEY,
    saved REAL NOT NULL,
    document TEXT NOT NULL
) STRICT;
"""

# photos.feature:   the row in features that `pack` gave this content, so that filters need no join.
# photos.kind:      of picture, as shown ("JPEG"). place: a name. rating: what a person said, before file_rating
#                   (-1..5).
# photos.described: whether the metadata of the file and of its sidecar is here as it is now.
# labels.kind:      also keywords (from the file) and removed (those of them that a person took away).
# texts:            what the search box looks through, one row a photo, kept by the triggers.
_TEXT_OF_FOLDER = "replace(CAST(d.path AS TEXT), '\\', '/')"
_STEP_5 = f"""
ALTER TABLE photos ADD COLUMN feature INTEGER;
ALTER TABLE photos ADD COLUMN kind TEXT;
ALTER TABLE photos ADD COLUMN lens TEXT;
ALTER TABLE photos ADD COLUMN latitude REAL;
ALTER TABLE photos ADD COLUMN longitude REAL;
ALTER TABLE photos ADD COLUMN place TEXT;
ALTER TABLE photos ADD COLUMN caption TEXT;
ALTER TABLE photos ADD COLUMN rating INTEGER;
ALTER TABLE photos ADD COLUMN file_rating INTEGER;
ALTER TABLE photos ADD COLUMN described INTEGER NOT NULL DEFAULT 0;
ALTER TABLE photos ADD COLUMN sidecar BLOB;
ALTER TABLE photos ADD COLUMN sidecar_ns INTEGER;
UPDATE photos SET feature =
    (SELECT f.id FROM features f WHERE f.pack = photos.pack AND f.fingerprint = photos.fingerprint);
CREATE INDEX photos_undescribed ON photos(id) WHERE described = 0 AND status = 'present';
CREATE INDEX labels_label ON labels(kind, label, photo);
CREATE VIRTUAL TABLE texts USING fts5(
    name, folder, words, about, prefix = '2 3', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE VIEW photo_texts AS SELECT
    p.id AS id,
    CAST(substr(p.path, length(p.parent) + 1) AS TEXT) AS name,
    substr({_TEXT_OF_FOLDER}, length(rtrim({_TEXT_OF_FOLDER}, replace({_TEXT_OF_FOLDER}, '/', ''))) + 1)
        || CAST(substr(p.parent, length(d.path) + 1) AS TEXT) AS folder,
    (SELECT group_concat(label, ' | ') FROM labels l
        WHERE l.photo = p.id AND l.kind IN ('tags', 'keywords', 'albums')) AS words,
    coalesce(p.camera, '') || ' | ' || coalesce(p.lens, '') || ' | ' || coalesce(p.place, '')
        || ' | ' || coalesce(p.caption, '') || ' | ' || coalesce(p.kind, '') AS about
    FROM photos p LEFT JOIN folders d ON d.id = p.folder;
CREATE TRIGGER photos_texts_new AFTER INSERT ON photos BEGIN
    INSERT INTO texts(rowid, name, folder, words, about) SELECT * FROM photo_texts WHERE id = new.id;
END;
CREATE TRIGGER photos_texts_gone AFTER DELETE ON photos BEGIN
    DELETE FROM texts WHERE rowid = old.id;
END;
CREATE TRIGGER photos_texts_changed AFTER UPDATE OF path, folder, camera, lens, place, caption, kind ON photos
WHEN old.path <> new.path OR old.folder <> new.folder OR old.camera IS NOT new.camera OR old.lens IS NOT new.lens
    OR old.place IS NOT new.place OR old.caption IS NOT new.caption OR old.kind IS NOT new.kind
BEGIN
    DELETE FROM texts WHERE rowid = new.id;
    INSERT INTO texts(rowid, name, folder, words, about) SELECT * FROM photo_texts WHERE id = new.id;
END;
CREATE TRIGGER labels_texts_new AFTER INSERT ON labels WHEN new.kind IN ('tags', 'keywords', 'albums') BEGIN
    UPDATE texts SET words = (SELECT words FROM photo_texts WHERE id = new.photo) WHERE rowid = new.photo;
END;
CREATE TRIGGER labels_texts_gone AFTER DELETE ON labels WHEN old.kind IN ('tags', 'keywords', 'albums') BEGIN
    UPDATE texts SET words = (SELECT words FROM photo_texts WHERE id = old.photo) WHERE rowid = old.photo;
END;
INSERT INTO texts(rowid, name, folder, words, about) SELECT * FROM photo_texts;
"""

# The parts of photos as further entries, of a library with that option. They are two tables because all signs
# [13, D / 8] are read when the library is searched for the first time, and descriptors [13, D] of few photos.
_STEP_6 = """
CREATE TABLE tiles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    feature INTEGER NOT NULL UNIQUE REFERENCES features(id) ON DELETE CASCADE,
    checksum INTEGER NOT NULL,
    signs BLOB NOT NULL
) STRICT;
CREATE TABLE tile_descriptors (
    tile INTEGER PRIMARY KEY REFERENCES tiles(id) ON DELETE CASCADE,
    descriptors BLOB NOT NULL
) STRICT;
"""

# Codes of the cells of photos, as `library.codes.pack_cells` writes them. What was described without them is
# described anew.
_STEP_7 = """
DELETE FROM tile_descriptors;
DELETE FROM tiles;
ALTER TABLE tile_descriptors ADD COLUMN cells BLOB;
"""

# The codes of cells belong to every library.
# features.has_local: 2 when there is a row in cell_codes as well.
_STEP_8 = """
CREATE TABLE cell_codes (
    feature INTEGER PRIMARY KEY REFERENCES features(id) ON DELETE CASCADE,
    codes BLOB NOT NULL
) STRICT;
INSERT INTO cell_codes SELECT t.feature, b.cells FROM tiles t JOIN tile_descriptors b ON b.tile = t.id
    WHERE b.cells IS NOT NULL AND t.feature IN (SELECT feature FROM local_codes);
UPDATE features SET has_local = 2 WHERE id IN (SELECT feature FROM cell_codes);
ALTER TABLE tile_descriptors DROP COLUMN cells;
"""

STEPS: tuple[str, ...] = (_STEP_1, _STEP_2, _STEP_3, _STEP_4, _STEP_5, _STEP_6, _STEP_7, _STEP_8)
VERSION = len(STEPS)


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring the open catalogue to this version, one step per transaction; a new file starts at version 0."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    for number, step in enumerate(STEPS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{step}\nPRAGMA user_version = {number};\nCOMMIT;")


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes of a SQLite file say."""

    application_id: int
    user_version: int


def read_header(catalogue: Path) -> Header:
    """Read the header without opening the file as a database, so that a foreign file stays untouched.

    Raises LibraryDamaged when it is not a SQLite file, LibraryError when it cannot be read.
    """
    try:
        with catalogue.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise from_os_error(error, catalogue) from error
    if not head:
        raise damaged(catalogue, "the file is empty")
    if len(head) < 100 or head[:16] != _MAGIC:
        raise damaged(catalogue, "it is not a database")
    return Header(
        application_id=int.from_bytes(head[68:72], "big"), user_version=int.from_bytes(head[60:64], "big")
    )


def refuse_foreign(catalogue: Path, header: Header) -> None:
    """Raises LibraryForeign for a file of another program or of a newer Indicium."""
    if header.application_id != APPLICATION_ID:
        raise LibraryForeign(
            f"{shown(catalogue)} was not made by Indicium",
            remedy="Choose another folder for the library; the file was left as it is.",
        )
    if header.user_version > VERSION:
        raise LibraryForeign(
            f"{shown(catalogue)} was made by a newer Indicium"
            f" (format {header.user_version}, this one knows {VERSION})",
            remedy="Update Indicium, or choose another library; the file was left as it is.",
        )
