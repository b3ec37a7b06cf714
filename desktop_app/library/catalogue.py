"""The catalogue: everything a library knows about its photos, in one SQLite file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import LocalCodes, PhotoFeatures, TileEntries
from desktop_app.domain.filters import Facets, PhotoFilter
from desktop_app.domain.metadata import PhotoMetadata
from desktop_app.domain.photos import FolderId, FolderRecord, FoundFile, PhotoId, PhotoRecord
from desktop_app.library import (
    feature_store,
    filter_store,
    health,
    label_store,
    metadata_store,
    photo_store,
    scan_store,
    session_store,
    tile_store,
    work_store,
)
from desktop_app.library.database import Database, open_or_create, open_reader
from desktop_app.library.filter_masks import FilterMasks
from desktop_app.library.filter_store import Allowed
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.previews import PreviewCache
from desktop_app.library.records import (
    IndexedPhoto,
    KnownFile,
    LibraryCounts,
    LibraryStats,
    PhotoOrder,
    ScanChanges,
    SkippedPhoto,
)

Photos = NDArray[np.int64]


class Catalogue:
    """One connection to a catalogue.

    It may be passed between threads, but serves one call at a time: threads that read at the same time each open
    their own. Who writes holds the `WriterLock`. All paths are bytes. Every method may raise LibraryDamaged,
    LibraryLocked, StorageFull (after which everything committed is still there) or another LibraryError.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self._masks = FilterMasks(database)

    @classmethod
    def create_or_open(cls, root: Path, *, writer: bool = True) -> Self:
        """Open the library in the folder `root`; a writer makes it when it is not there, a reader never does.

        Raises LibraryForeign for the file of another program or a newer version, which is then left untouched.
        """
        return cls(open_or_create(root)) if writer else cls.open_reader(root)

    @classmethod
    def open_reader(cls, root: Path) -> Self:
        """Open the library in `root` for reading only."""
        return cls(open_reader(LibraryLayout(root).catalogue))

    def close(self) -> None:
        """Close; a call of another thread that is under way is finished first. May be called twice."""
        self._db.close()

    def hold(self) -> None:
        """From here to `let_go` everything read is as it is now, whatever others write. For readers only."""
        self._db.hold()

    def let_go(self) -> None:
        """End what `hold` began; may be called on a closed catalogue."""
        self._db.let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- folders ---------------------------------------------------------------------------------------------

    def folders(self) -> list[FolderRecord]:
        """The folders of the library, by path, each with its number of photos shown."""
        return photo_store.folders(self._db)

    def add_folder(self, path: bytes) -> FolderId:
        """Add a folder. One inside a known folder is that folder; known folders below it are merged into it."""
        return photo_store.add_folder(self._db, path)

    def remove_folder(self, folder: FolderId) -> list[bytes]:
        """Forget a folder and its photos. Nothing is touched on disk.

        -> the fingerprints that no photo has any more: their features are gone, their previews may go.
        """
        return photo_store.remove_folder(self._db, folder)

    def set_folder_present(self, folder: FolderId, present: bool) -> None:
        """Note that a folder is away (its photos are offline) or there again (they are at once what they were)."""
        photo_store.set_folder_present(self._db, folder, present)

    # --- scans -----------------------------------------------------------------------------------------------

    def known_files(self, folder: FolderId) -> dict[bytes, KnownFile]:
        """Every file known in a folder by path, missing ones included."""
        return photo_store.known_files(self._db, folder)

    def record_scan(
        self, folder: FolderId, found: Iterable[FoundFile], *, out_of_reach: Iterable[bytes] = ()
    ) -> ScanChanges:
        """Compare everything that a complete scan of a folder found with what is known, in one transaction.

        New files and files with another size or time become pending; until they are done, a changed photo answers
        with its old features. Files that are back are what they were before. What was not found is missing, but
        offline at or below a path `out_of_reach` (see `LeftOutItem.out_of_reach`). Marks the folder as present.
        """
        return scan_store.record_scan(self._db, folder, found, out_of_reach=out_of_reach)

    # --- the work queue --------------------------------------------------------------------------------------

    def pending(self, limit: int, *, after: int = 0, digest: str | None = None) -> list[PhotoRecord]:
        """Up to `limit` photos that wait and can be reached, by id, beginning behind the id `after`.

        With `digest`, also photos that are indexed, but with another pack only.
        """
        return work_store.pending(self._db, limit, after=after, digest=digest)

    def pending_count(self, *, digest: str | None = None) -> int:
        """How many photos `pending` gives in all."""
        return work_store.pending_count(self._db, digest=digest)

    def settled_count(self, digest: str, folders: Collection[FolderId]) -> int:
        """How many photos of `folders` are there and have features of this pack already."""
        return work_store.settled_count(self._db, digest, folders)

    def commit_batch(
        self, digest: str, items: Sequence[IndexedPhoto], skipped: Sequence[SkippedPhoto] = ()
    ) -> list[PhotoId]:
        """Store photos with their features, and files that cannot be used, in one transaction.

        A photo whose content a missing photo had is that photo, moved: it keeps the old id and its own row goes.
        -> the ids of `items` in order, without those that were taken out of the library meanwhile and those whose
        features (`features` None) are not there, which stay pending.
        """
        return work_store.commit_batch(self._db, digest, items, skipped)

    def retry_skipped(self) -> int:
        """Put the files that could not be used back into the queue. -> how many."""
        return work_store.retry_skipped(self._db)

    # --- photos ----------------------------------------------------------------------------------------------

    def photo(self, photo: PhotoId) -> PhotoRecord | None:
        """The record of a photo, None when there is none (any more)."""
        return next(iter(self.photos([photo])), None)

    def photos(self, photos: Sequence[PhotoId]) -> list[PhotoRecord]:
        """The records of `photos` in their order, without those that are not in the catalogue any more."""
        return photo_store.photos(self._db, photos)

    def photo_by_path(self, path: bytes) -> PhotoRecord | None:
        """The photo at exactly this path."""
        return photo_store.photo_by_path(self._db, path)

    def photo_by_fingerprint(self, fingerprint: bytes) -> list[PhotoRecord]:
        """All photos with this content, by id, missing ones included."""
        return photo_store.photos_by_fingerprint(self._db, fingerprint)

    def photos_page(
        self,
        order: PhotoOrder = PhotoOrder.DATE,
        *,
        descending: bool = False,
        folders: Collection[FolderId] | None = None,
        chosen: PhotoFilter | None = None,
        offset: int = 0,
        limit: int = 100,
    ) -> list[PhotoRecord]:
        """One page of the photos shown: present, pending and offline ones, in `folders` (None: all), as far as
        they are `chosen`."""
        return photo_store.photos_page(
            self._db, order, descending=descending, folders=folders, chosen=chosen, offset=offset, limit=limit
        )

    def photo_ids(
        self,
        order: PhotoOrder = PhotoOrder.DATE,
        *,
        descending: bool = False,
        folders: Collection[FolderId] | None = None,
        chosen: PhotoFilter | None = None,
    ) -> Photos:
        """[N] int64: the ids of all photos shown, sorted. Names sort as people count: IMG_9 before IMG_10."""
        return photo_store.photo_ids(self._db, order, descending=descending, folders=folders, chosen=chosen)

    def count(self, folders: Collection[FolderId] | None = None, *, chosen: PhotoFilter | None = None) -> int:
        """How many photos are shown."""
        return photo_store.count(self._db, folders, chosen)

    def allowed(self, digest: str, folders: Collection[FolderId] | None, chosen: PhotoFilter) -> Allowed:
        """The photos shown that `chosen` leaves in `folders` (None: anywhere), and their rows of a pack."""
        return self._masks.allowed(digest, folders, chosen)

    def facets(self, folders: Collection[FolderId] | None, chosen: PhotoFilter) -> Facets:
        """How many photos `chosen` leaves, and how many every further choice would leave."""
        return filter_store.facets(self._db, folders, chosen)

    def copies(self) -> list[list[PhotoId]]:
        """The photos shown that have the same content, group by group."""
        return photo_store.copies(self._db)

    def counts(self) -> LibraryCounts:
        """How many photos stand where."""
        return photo_store.counts(self._db)

    def skipped(self) -> list[PhotoRecord]:
        """The files that could not be used, by path, each with its reason."""
        return photo_store.skipped(self._db)

    # --- features --------------------------------------------------------------------------------------------

    def features_for(self, fingerprint: bytes, digest: str) -> PhotoFeatures | None:
        """The features that a pack gave for a content."""
        return feature_store.features_for(self._db, fingerprint, digest)

    def known_fingerprints(self, fingerprints: Sequence[bytes], digest: str) -> set[bytes]:
        """Those of `fingerprints` that have features of this pack: such photos need no network."""
        return feature_store.known_fingerprints(self._db, fingerprints, digest)

    def feature_counts(self) -> dict[str, int]:
        """Rows per pack digest."""
        return feature_store.feature_counts(self._db)

    def last_feature_row(self, digest: str) -> int:
        """The newest row of a pack, 0 without any. Rows never change and ids only grow."""
        return feature_store.last_feature_row(self._db, digest)

    def feature_rows(self, digest: str) -> NDArray[np.int64]:
        """[N] int64, ascending: all rows of a pack."""
        return feature_store.feature_rows(self._db, digest)

    def feature_rows_in(self, digest: str, folders: Collection[FolderId] | None = None) -> NDArray[np.int64]:
        """[N] int64, ascending: the rows of a pack that a photo shown in `folders` (None: anywhere) has."""
        return feature_store.feature_rows_in(self._db, digest, folders)

    def feature_rows_of(self, digest: str, photos: Collection[PhotoId]) -> NDArray[np.int64]:
        """[N] int64, ascending: the rows of a pack that these photos have; those that are gone have none."""
        return feature_store.feature_rows_of(self._db, digest, [int(photo) for photo in photos])

    def alphas(self, digest: str, *, newer_than: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Rows above `newer_than`, ascending, and their descriptors: [N] int64 and [N, D] float16."""
        return feature_store.alphas(self._db, digest, newer_than)

    def alpha_codes(self, digest: str, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """[N, B] uint8: the hash codes of `rows`, in their order; zeros where there is none."""
        return feature_store.alpha_codes(self._db, digest, [int(row) for row in rows])

    def local_codes(self, digest: str, rows: Sequence[int] | NDArray[np.int64]) -> list[LocalCodes | None]:
        """The local codes of `rows`, in their order; None where there are none or they are damaged."""
        return feature_store.local_codes(self._db, digest, [int(row) for row in rows])

    def second_descriptors(
        self, digest: str, rows: Sequence[int] | NDArray[np.int64]
    ) -> tuple[NDArray[np.float16], NDArray[np.uint8]] | None:
        """Beta [N, E] and its code [N, B] of `rows`, in their order; None as soon as one row lacks them."""
        return feature_store.second_descriptors(self._db, digest, [int(row) for row in rows])

    def labels_of_features(self, rows: Sequence[int] | NDArray[np.int64]) -> dict[int, list[str]]:
        """row -> the tags and albums of the photos shown that have it, sorted; rows without any are no keys."""
        return label_store.labels_of_features(self._db, [int(row) for row in rows], ("tags", "albums"))

    def photos_of_features(self, rows: Sequence[int] | NDArray[np.int64]) -> dict[int, list[PhotoRecord]]:
        """row -> the photos shown that have it, by id. Copies share a row; rows that nobody has are no keys."""
        return feature_store.photos_of_features(self._db, [int(row) for row in rows])

    # --- parts of photos -------------------------------------------------------------------------------------

    def tiles_wanted(self) -> bool:
        """Whether the library is searched in parts."""
        return tile_store.wanted(self._db)

    def set_tiles_wanted(self, wanted: bool) -> None:
        """Turn the parts on, or off: then what is kept of them is removed."""
        tile_store.set_wanted(self._db, wanted)

    def add_tiles(self, made: Sequence[tuple[int, TileEntries]]) -> None:
        """Store the parts of feature rows in one transaction; rows that are gone are left out."""
        tile_store.add(self._db, made)

    def lacking_tiles(self, digest: str, limit: int, *, after: int = 0) -> list[tuple[int, PhotoRecord]]:
        """Up to `limit` feature rows of a pack above `after` that lack their parts, each with its first photo."""
        return tile_store.lacking(self._db, digest, limit, after=after)

    def lacking_tiles_count(self, digest: str) -> int:
        """How many rows `lacking_tiles` gives in all."""
        return tile_store.lacking_count(self._db, digest)

    def tiles_count(self) -> int:
        """How many contents have parts here."""
        return tile_store.count(self._db)

    def last_tile_row(self) -> int:
        """The newest row of parts, 0 without any. Rows never change and ids only grow."""
        return tile_store.last_row(self._db)

    def tile_signs(
        self, digest: str, *, newer_than: int = 0
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
        """Rows of parts above `newer_than`, ascending: ids [N], feature rows [N], signs [N, 13, D / 8] uint8."""
        return tile_store.signs(self._db, digest, newer_than)

    def tile_descriptors(self, rows: Sequence[int] | NDArray[np.int64]) -> dict[int, NDArray[np.int8]]:
        """feature row -> descriptors [13, D] int8 of its parts; rows without usable ones are no keys."""
        return tile_store.descriptors(self._db, [int(row) for row in rows])

    # --- cells -----------------------------------------------------------------------------------------------

    def add_cells(self, made: Sequence[tuple[int, NDArray[np.uint8]]]) -> None:
        """Store the codes of the cells of feature rows in one transaction; rows that are gone are left out."""
        with self._db.transaction():
            for feature, cells in made:
                feature_store.add_cells(self._db, feature, cells)

    def lacking_cells(self, digest: str, limit: int, *, after: int = 0) -> list[tuple[int, PhotoRecord]]:
        """Up to `limit` feature rows of a pack above `after` that lack these codes, each with its first photo."""
        return feature_store.lacking_cells(self._db, digest, limit, after=after)

    def lacking_cells_count(self, digest: str) -> int:
        """How many feature rows of a pack lack these codes."""
        return feature_store.lacking_cells_count(self._db, digest)

    def cell_codes(self, rows: Sequence[int] | NDArray[np.int64]) -> list[NDArray[np.uint8] | None]:
        """The codes [h, w, B] of the cells of feature rows, in their order; None where there are none."""
        return feature_store.cell_codes(self._db, [int(row) for row in rows])

    # --- labels ----------------------------------------------------------------------------------------------

    def labels(self, kind: str) -> list[tuple[bytes, str]]:
        """(path, label) of every photo with labels of a kind: tags, albums or marks."""
        return label_store.labels(self._db, kind)

    def set_labels(self, photo: PhotoId, kind: str, names: Iterable[str]) -> None:
        """Replace the labels of one kind of a photo."""
        label_store.set_labels(self._db, photo, kind, names)

    # --- feedback sessions -----------------------------------------------------------------------------------

    def save_session(self, name: str, document: str, *, saved: float) -> None:
        """Keep a feedback session under a name, in place of an older one; `saved`: seconds since the epoch."""
        session_store.save(self._db, name, document, saved)

    def sessions(self) -> list[tuple[str, float]]:
        """(name, when it was saved) of every session, the newest first."""
        return session_store.names(self._db)

    def session_document(self, name: str) -> str | None:
        """What was kept under a name, None without any."""
        return session_store.document(self._db, name)

    def forget_session(self, name: str) -> None:
        """Remove a session."""
        session_store.forget(self._db, name)

    # --- metadata, ratings and tags --------------------------------------------------------------------------

    def undescribed(self, limit: int, *, after: int = 0) -> list[PhotoRecord]:
        """Up to `limit` indexed photos in reach whose metadata is still to be read, behind the id `after`."""
        return metadata_store.undescribed(self._db, limit, after=after)

    def undescribed_count(self) -> int:
        """How many photos `undescribed` gives in all."""
        return metadata_store.undescribed_count(self._db)

    def store_metadata(self, read: Sequence[tuple[PhotoRecord, PhotoMetadata]]) -> int:
        """Keep metadata in one transaction; what was read of a file that changed since is left. -> how many."""
        return metadata_store.store_read(self._db, read)

    def facts_of(self, photo: PhotoId) -> PhotoMetadata:
        """All that is known of a photo: the rating that counts, and as keywords all its tags."""
        return metadata_store.facts_of(self._db, photo)

    def set_rating(self, photos: Iterable[PhotoId], rating: int | None) -> None:
        """Rate photos, -1 (rejected) to 5; None: what their files say. No file is written."""
        metadata_store.set_rating(self._db, photos, rating)

    def change_tags(
        self, photos: Iterable[PhotoId], *, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> None:
        """Put tags on photos and take tags away, those of their files too. No file is written."""
        metadata_store.change_tags(self._db, photos, add=add, remove=remove)

    # --- settings and health ---------------------------------------------------------------------------------

    def get_setting(self, key: str, default: str | None = None) -> str | None:
        """A setting of this library."""
        row = self._db.row("SELECT value FROM settings WHERE key = ?", (key,))
        return default if row is None else str(row[0])

    def set_setting(self, key: str, value: str) -> None:
        """Keep a setting."""
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO settings VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def stats(self) -> LibraryStats:
        """The library in figures."""
        return health.stats(self._db)

    def check(self, *, previews: PreviewCache | None = None) -> list[str]:
        """Everything that is wrong, in plain sentences; empty when nothing is. Never raises for damage."""
        return health.check(self._db, previews)

    def mend(self) -> list[str]:
        """Put right what `check` finds inside a readable catalogue. -> what was done, in plain sentences.

        Photos without usable features go back into the queue; features that nothing refers to are removed.
        Raises LibraryDamaged, having changed nothing, when the file itself is damaged (see `recover`).
        """
        return health.mend(self._db)
