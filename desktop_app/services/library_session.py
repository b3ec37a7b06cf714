"""An open library: its catalogue, previews and index, and the model packs that work on it."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import LibraryError, UnreadableImage
from desktop_app.domain.filters import Facets, PhotoFilter
from desktop_app.domain.photos import FolderId, FolderRecord, PhotoId, PhotoRecord
from desktop_app.domain.ports import Embedder
from desktop_app.domain.progress import Control, Progress
from desktop_app.domain.query import FilePicture, LibraryPicture, QueryItem
from desktop_app.imaging.decode import decode_photo
from desktop_app.imaging.preview import decode_thumbnail, encode_preview
from desktop_app.index.gallery import Gallery
from desktop_app.index.neighbours import Neighbours
from desktop_app.index.tile_index import TileIndex
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.faults import shown
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.lock import WriterLock
from desktop_app.library.previews import PreviewCache
from desktop_app.library.records import LibraryCounts, PhotoOrder
from desktop_app.library.upgrade import bring_up_to_date
from desktop_app.retrieval.components import ComponentParameters
from desktop_app.services.engine import Engine, FindPackByDigest, OpenEngine
from desktop_app.services.gallery_keeper import GalleryKeeper
from desktop_app.services.graph_keeper import GraphKeeper
from desktop_app.services.tile_keeper import TileKeeper

log = logging.getLogger(__name__)

Result = TypeVar("Result")
PACK_SETTING = "pack"
_TRIES = 20  # of finding descriptors and catalogue in the same state, before the newer descriptors are taken

__all__ = ["PACK_SETTING", "LibraryCounts", "LibrarySession", "LibraryState", "PhotoOrder"]


@dataclass(frozen=True, slots=True, eq=False)
class LibraryState:
    """A library as it was at one moment, whatever is written meanwhile: its catalogue, and the descriptors of one
    pack that were committed by then."""

    reader: Catalogue
    gallery: Gallery
    tiles: TileIndex | None = None  # None for a library that is not searched in parts


class LibrarySession:
    """One library, open for reading, or for reading and writing.

    Reading is safe from any thread: every thread has a connection of its own. Everything that changes the
    catalogue runs on one thread of the session, in the order in which it was asked for (see `write`).
    """

    def __init__(
        self,
        root: Path,
        *,
        writer: bool,
        open_engine: OpenEngine,
        find_pack: FindPackByDigest,
        pack: str | None = None,
        threads: int = 1,
    ) -> None:
        """Open the library at `root`; a writer creates it when it is not there and holds its lock.

        `pack` None: the one the library was indexed with, else the one that is shipped. Nothing of the pack or
        the index is loaded before it is needed.
        Raises LibraryLocked, LibraryForeign, LibraryDamaged, StorageFull or LibraryError.
        """
        self.root = root
        self.writer = writer
        self.threads = threads
        self.layout = LibraryLayout(root)
        self.previews = PreviewCache(self.layout.previews_dir)
        self._open_engine = open_engine
        self._find_pack = find_pack
        self._pack = pack
        self._engines: dict[str | None, Engine] = {}
        self._complete: set[str] = set()  # digests seen to have features for as many contents as any other
        self._engine_lock = threading.RLock()
        self._local = threading.local()
        self._readers: weakref.WeakSet[Catalogue] = weakref.WeakSet()  # those of threads that are gone fall out
        self._readers_lock = threading.Lock()
        self._idle: list[Catalogue] = []  # connections for `state`, kept for the next one
        self._closed = False
        self._lock: WriterLock | None = None
        self._writing: ThreadPoolExecutor | None = None
        self._catalogue: Catalogue | None = None
        if writer:
            self._open_for_writing()
        elif not self.layout.exists():
            raise LibraryError(
                f"there is no library in {shown(root)}",
                remedy=f"Make one with: indicium index DIR --library {shown(root)}",
            )
        else:
            bring_up_to_date(root)
        try:
            self._graphs = GraphKeeper(self.layout)
            self._tiles = TileKeeper(lambda: self.reader)
            self._galleries = GalleryKeeper(self.layout, lambda: self.reader, threads=threads)
            self.reader.folders()  # a catalogue that cannot be read is told now, not at the first search
        except BaseException:
            self.close()
            raise

    def _open_for_writing(self) -> None:
        self.layout.create()
        lock = WriterLock(self.layout.lock_file)
        lock.acquire()
        self._lock = lock
        self._writing = ThreadPoolExecutor(1, "catalogue")
        try:
            self._catalogue = self._writing.submit(Catalogue.create_or_open, self.root).result()
            self.previews.clear_unfinished()
        except BaseException:
            self.close()
            raise

    # --- life ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is being written, give up the lock and the device. May be called twice, from any thread.

        A read of another thread that is under way is finished first.
        """
        if self._closed:
            return
        self._closed = True
        with self._readers_lock:
            for reader in self._readers:
                reader.close()
        if self._writing is not None:
            if self._catalogue is not None:
                self._writing.submit(self._catalogue.close)
            self._writing.shutdown()
        if self._lock is not None:
            self._lock.release()
        with self._engine_lock:
            for engine in self._engines.values():
                engine.embedder.close()
            self._engines.clear()

    # --- the catalogue ---------------------------------------------------------------------------------------

    @property
    def reader(self) -> Catalogue:
        """The calling thread's own connection for reading."""
        reader: Catalogue | None = getattr(self._local, "reader", None)
        if reader is None or self._closed:
            reader = self._local.reader = self._opened()
        return reader

    def _opened(self) -> Catalogue:
        """One more connection for reading."""
        if self._closed:
            raise LibraryError(f"the library {self.root} is closed")
        if not self.layout.exists():
            raise LibraryError(
                f"the library {shown(self.root)} is not there any more",
                remedy="Connect its drive, then open the library again",
            )
        reader = Catalogue.open_reader(self.root)
        with self._readers_lock:
            self._readers.add(reader)
        return reader

    @contextmanager
    def state(self, digest: str, *, dimension: int) -> Iterator[LibraryState]:
        """The library as it is now, with the descriptors of the pack `digest` (see `gallery`), for as long as the
        context lasts: what several reads inside say belongs together."""
        reader = self._idle_reader()
        reader.hold()
        try:
            for _ in range(_TRIES):
                gallery = self.gallery(digest, dimension=dimension)
                if gallery.newest <= reader.last_feature_row(digest):
                    break
                # Rows were committed in between, and another thread has them already.
                reader.let_go()
                reader.hold()
            yield LibraryState(reader, gallery, self._tiles_of(digest, reader))
        finally:
            reader.let_go()
            self._idle.append(reader)

    def _tiles_of(self, digest: str, reader: Catalogue) -> TileIndex | None:
        """The parts of photos that `reader` sees."""
        return self._tiles.current(digest).until(reader.last_tile_row()) if reader.tiles_wanted() else None

    def _idle_reader(self) -> Catalogue:
        if self._closed:
            raise LibraryError(f"the library {self.root} is closed")
        try:
            return self._idle.pop()
        except IndexError:
            return self._opened()

    def write(self, change: Callable[[Catalogue], Result]) -> Result:
        """Run `change` on the writer's thread and return what it returns; what it raises is raised here."""
        return self.write_later(change).result()

    def write_later(self, change: Callable[[Catalogue], Result]) -> Future[Result]:
        """Queue `change` for the writer's thread. Raises LibraryError when this session only reads."""
        if self._writing is None or self._catalogue is None or self._closed:
            raise LibraryError(
                f"the library {self.root} is open for reading only",
                remedy="Close the other program that uses it and try again",
            )
        return self._writing.submit(change, self._catalogue)

    def folders(self) -> list[FolderRecord]:
        """The folders of the library, by path."""
        return self.reader.folders()

    def forget_folder(self, folder: FolderId) -> None:
        """Take a folder out of the library. No photo is touched."""
        self.previews.forget(self.write(lambda catalogue: catalogue.remove_folder(folder)))
        self._galleries.forget()
        self._tiles.forget()

    def counts(self) -> LibraryCounts:
        """How many photos there are, and where they stand."""
        return self.reader.counts()

    def photo(self, photo: PhotoId) -> PhotoRecord:
        """Raises LibraryError when there is no such photo (any more)."""
        found = self.reader.photo(photo)
        if found is None:
            raise LibraryError(f"photo {photo} is not in the library any more", remedy="Search again")
        return found

    def photos(self, photos: Sequence[PhotoId]) -> list[PhotoRecord]:
        """The records of `photos`, in their order, without those that are gone."""
        return self.reader.photos(photos)

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
        """One page of the photos shown (indexed, pending and offline ones), in `folders` (None: all), as far as
        they are `chosen`."""
        return self.reader.photos_page(
            order, descending=descending, folders=folders, chosen=chosen, offset=offset, limit=limit
        )

    def photo_ids(
        self,
        order: PhotoOrder = PhotoOrder.DATE,
        *,
        descending: bool = False,
        folders: Collection[FolderId] | None = None,
        chosen: PhotoFilter | None = None,
    ) -> NDArray[np.int64]:
        """[N] int64: the ids of all photos shown, sorted, as far as they are `chosen`."""
        return self.reader.photo_ids(order, descending=descending, folders=folders, chosen=chosen)

    def facets(self, folders: Collection[FolderId] | None, chosen: PhotoFilter) -> Facets:
        """How many photos `chosen` leaves in `folders`, and how many every further choice would leave."""
        return self.reader.facets(folders, chosen)

    def set_rating(self, photos: Sequence[PhotoId], rating: int | None) -> None:
        """Rate photos in the catalogue, -1 to 5; None: what their files say."""
        self.write(lambda catalogue: catalogue.set_rating(photos, rating))

    def change_tags(
        self, photos: Sequence[PhotoId], *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Put tags on photos and take tags away, in the catalogue."""
        self.write(lambda catalogue: catalogue.change_tags(photos, add=add, remove=remove))

    def get_setting(self, key: str, default: str | None = None) -> str | None:
        """A setting kept in the library."""
        return self.reader.get_setting(key, default)

    def set_setting(self, key: str, value: str) -> None:
        """Keep a setting in the library."""
        self.write(lambda catalogue: catalogue.set_setting(key, value))

    def tiles_wanted(self) -> bool:
        """Whether the library is searched in parts (see `retrieval.tiles`)."""
        return self.reader.tiles_wanted()

    def set_tiles_wanted(self, wanted: bool) -> None:
        """Turn searching in parts on, so that the next index run describes them, or off, which removes them."""
        if wanted != self.tiles_wanted():
            self.write(lambda catalogue: catalogue.set_tiles_wanted(wanted))
            self._tiles.forget()

    def skipped(self) -> list[PhotoRecord]:
        """The files that could not be used, each with its reason."""
        return self.reader.skipped()

    # --- pictures --------------------------------------------------------------------------------------------

    def preview(self, photo: PhotoRecord) -> bytes | None:
        """The JPEG preview of a photo (long side about 512), also while its original is away; else None.

        One that is lost (the cache may be deleted at any time) is made again from the original.
        """
        if photo.fingerprint is None:
            return None
        return self.previews.get(photo.fingerprint) or self._lost_preview(photo)

    def _lost_preview(self, photo: PhotoRecord) -> bytes | None:
        data = self.made_preview(photo)
        if data is not None and self.writer and photo.fingerprint is not None:
            try:
                self.previews.put(photo.fingerprint, data)
            except LibraryError as error:
                log.warning("a preview is not kept: %s", error)
        return data

    @staticmethod
    def made_preview(photo: PhotoRecord) -> bytes | None:
        """A preview made from the original now; None when that is not there or holds something else by now."""
        try:
            decoded = decode_photo(photo.path)
        except UnreadableImage as error:
            log.info("no preview: %s", error)
            return None
        return encode_preview(decoded.rgb) if decoded.fingerprint == photo.fingerprint else None

    def thumbnail(self, photo: PhotoRecord, side: int) -> NDArray[np.uint8] | None:
        """[h, w, 3] uint8 RGB with a long side of about `side`, decoded from the preview; None without one."""
        data = self.preview(photo)
        if data is None:
            return None
        try:
            return decode_thumbnail(data, side)
        except UnreadableImage:
            log.warning("the preview of %r is damaged", photo.path)
        data = self._lost_preview(photo)
        return None if data is None else decode_thumbnail(data, side)

    def recognise(self, item: QueryItem) -> QueryItem:
        """`item` as a photo of the library where its file is one, so that it is not among its own results."""
        if not isinstance(item.picture, FilePicture):
            return item
        for path in dict.fromkeys((item.picture.path, os.path.realpath(item.picture.path))):
            photo = self.reader.photo_by_path(path)
            if photo is not None and photo.fingerprint is not None:
                return replace(item, picture=LibraryPicture(photo.id))
        return item

    # --- packs and the index ---------------------------------------------------------------------------------

    @property
    def embedder(self) -> Embedder:
        """The network that new photos are indexed with; loaded at the first use."""
        return self.index_engine().embedder

    @property
    def pack_digest(self) -> str:
        return self.embedder.digest

    def index_engine(self) -> Engine:
        """The pack that new photos are indexed with. Raises PackError or DeviceError."""
        return self._engine(self._pack or self.get_setting(PACK_SETTING))

    def search_engine(self) -> Engine:
        """The pack that answers now: while photos are being re-embedded with a new pack, the old one answers.

        The new pack takes over as soon as it has features for as many contents as any other.
        """
        wanted = self.index_engine()
        if wanted.digest in self._complete:
            return wanted
        coverage = self.reader.feature_counts()
        best = max(coverage, key=lambda digest: coverage[digest], default=wanted.digest)
        if coverage.get(best, 0) <= coverage.get(wanted.digest, 0):
            self._complete.add(wanted.digest)  # from here on it can only grow
            return wanted
        other = self._find_pack(best)
        return wanted if other is None else self._engine(other)

    def _engine(self, pack: str | None) -> Engine:
        with self._engine_lock:
            if self._closed:
                raise LibraryError(f"the library {self.root} is closed")
            if pack not in self._engines:
                self._engines[pack] = self._open_engine(pack)
            return self._engines[pack]

    def pack_name(self, digest: str) -> str:
        """The name of the installed pack with this digest, the digest itself where there is none."""
        return self._find_pack(digest) or digest

    def gallery(self, digest: str, *, dimension: int) -> Gallery:
        """The searchable descriptors of one pack, [N, dimension], with everything that is committed by now."""
        return self._galleries.current(digest, dimension=dimension)

    def save_snapshot(self, digest: str, *, at_end: bool, force: bool = False) -> bool:
        """Save the index of `digest` when enough has been added since the last snapshot; True if it was."""
        return self._galleries.save(digest, at_end=at_end, force=force)

    def graph(self, digest: str, gallery: Gallery) -> Neighbours | None:
        """The neighbour graph of one pack as it was last brought up to date, None without any."""
        return self._graphs.current(digest, gallery)

    def graph_groups(
        self, digest: str, graph: Neighbours, parameters: ComponentParameters, rows: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """[n] int64: the group of mutual neighbours that each of `rows` is in, -1 for none."""
        return self._graphs.groups(digest, graph, parameters, rows)

    def update_graph(self, digest: str, *, control: Control | None = None) -> Generator[Progress, None, bool]:
        """Bring the neighbour graph of `digest` up to what is committed by now; yields progress. True when there
        was something to do."""
        rows = self.reader.feature_counts().get(digest, 0)
        if not rows or not self._graphs.is_behind(digest, rows, self.reader.last_feature_row(digest)):
            return False
        gallery = self.gallery(digest, dimension=0)
        yield from self._graphs.update(digest, gallery, save=self.writer, control=control)
        return True
