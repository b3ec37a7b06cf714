"""An open library: its catalogue, previews and index, and the model pack that works on it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import LibraryError
from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import FolderId, FolderRecord, PhotoId, PhotoRecord
from desktop_app.domain.ports import Embedder
from desktop_app.domain.query import FilePicture, LibraryPicture, QueryItem
from desktop_app.imaging.preview import decode_thumbnail
from desktop_app.index.gallery import Gallery
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.lock import WriterLock
from desktop_app.library.previews import PreviewCache
from desktop_app.services.engine import Engine, FindPackByDigest, OpenEngine
from desktop_app.services.gallery_keeper import GalleryKeeper

log = logging.getLogger(__name__)

Result = TypeVar("Result")
PACK_SETTING = "pack"


class LibrarySession:
    """One library, open for reading, or for reading and writing.

    Reading is safe from any thread: every thread has a connection of its own. Everything that changes the
    catalogue runs on one thread of the session, in the order in which it was asked for (`write`).
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

        Raises LibraryLocked, LibraryForeign, LibraryDamaged, StorageFull or LibraryError.
        """
        self.root = root
        self.writer = writer
        self.threads = threads
        self.layout = LibraryLayout(root)
        self._open_engine = open_engine
        self._find_pack = find_pack
        self._pack = pack
        self._engines: dict[str | None, Engine] = {}
        self._engine_lock = threading.RLock()
        self._local = threading.local()
        self._readers: list[Catalogue] = []
        self._readers_lock = threading.Lock()
        self._lock: WriterLock | None = None
        self._writing: ThreadPoolExecutor | None = None
        self._closed = False
        ...
