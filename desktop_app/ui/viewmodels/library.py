"""The open library as the window shows it: folders, counts, the order and the list of its photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.domain.errors import IndiciumError, LibraryError, LibraryLocked
from desktop_app.domain.filters import Facets, FilterKind, PhotoFilter, circle
from desktop_app.domain.metadata import PhotoMetadata
from desktop_app.domain.photos import FolderId, FolderRecord, PhotoId, PhotoRecord
from desktop_app.services.library_session import LibraryCounts, LibrarySession, PhotoOrder
from desktop_app.ui.viewmodels.bridge import Bridge, JobControl
from desktop_app.ui.viewmodels.notices import Notices, Severity
from desktop_app.ui.viewmodels.settings import SettingsStore

__all__ = ["CHANGES", "LibraryViewModel", "OpenLibrary", "PhotoOrder"]

OpenLibrary = Callable[[Path, bool], LibrarySession]
"""(root, writer) -> an open library; called on a worker."""

CHANNEL = "library"
PLACE_CHANNEL = "library-place"
CHANGES = "library-change"
"""The channel of everything that changes the library or opens and closes it, one after the other."""
CLOSING_SECONDS = 20.0
CATALOGUE = "catalogue.sqlite"
REFRESH_MS = 1500  # while photos stream in, the list is read again at most this often


@dataclass(frozen=True, slots=True)
class _Snapshot:
    folders: list[FolderRecord]
    counts: LibraryCounts
    ids: NDArray[np.int64]
    facets: Facets


class LibraryViewModel(QObject):
    """One library at a time. Everything is read on a worker; signals say what changed."""

    session_changed = Signal(object)
    """The LibrarySession that is open now, or None. Listeners must have let go of the old one when they return."""
    folders_changed = Signal()
    photos_changed = Signal()
    """`ids`, `counts`, the order or the filter have changed."""
    filter_changed = Signal()

    def __init__(
        self,
        bridge: Bridge,
        *,
        open_library: OpenLibrary,
        default_root: Path,
        settings: SettingsStore,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._open_library = open_library
        self._default_root = default_root
        self._settings = settings
        self._notices = notices
        self.session: LibrarySession | None = None
        self.folders: list[FolderRecord] = []
        self.counts: LibraryCounts | None = None
        self.ids: NDArray[np.int64] = np.zeros(0, np.int64)
        self.filter: frozenset[FolderId] | None = None
        self.chosen = PhotoFilter()
        self.facets: Facets | None = None
        self.opening = False
        self._later = QTimer(self)
        self._later.setObjectName("library-refresh")
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.refresh)

    # -- which library ----------------------------------------------------------------------------------------

    @property
    def root(self) -> Path | None:
        return self.session.root if self.session else None

    @property
    def read_only(self) -> bool:
        return self.session is not None and not self.session.writer

    def known_libraries(self) -> list[Path]:
        """Libraries opened before, the one at work first."""
        known = [Path(text) for text in self._settings.values.libraries]
        if self.root and self.root not in known:
            known.insert(0, self.root)
        return known

    def title(self, root: Path | None = None) -> str:
        """The name a library is shown by."""
        shown = root or self.root or self._default_root
        return "My photos" if shown == self._default_root else shown.name

    def open_last(self) -> None:
        """Open the library of last time, or the default one; a last one that is gone says so."""
        last = self._settings.values.library
        if last and Path(last).is_dir():
            self.open(Path(last))
            return
        if last and Path(last) != self._default_root:
            self._notices.add(
                f"the library {last} is not there now",
                severity=Severity.WARNING,
                remedy="Connect its drive and choose it in the list of libraries",
            )
        self.open(self._default_root)

    def switch(self, root: Path) -> None:
        """Go to another library; the one at work stays as it is."""
        if root != self.root:
            self.open(root)

    def create(self, root: Path) -> None:
        """Make a new library in an empty folder and go there."""
        if (root / CATALOGUE).exists():
            self.switch(root)
        elif any(root.iterdir()):
            self._notices.add(
                f"{root} is not empty, so no library was made there",
                severity=Severity.WARNING,
                remedy="Make a new folder for it",
            )
        else:
            self.open(root)

    def open_existing(self, root: Path) -> None:
        """Go to a library that was made before."""
        if (root / CATALOGUE).exists():
            self.switch(root)
        else:
            self._notices.add(
                f"{root} is not a library",
                severity=Severity.WARNING,
                remedy=f"A library's folder has a file {CATALOGUE} in it; to make one, choose New library",
            )

    def open(self, root: Path) -> None:
        """Close the library at work and open (or create) the one at `root`."""
        self.close()
        self.opening = True

        def work(control: JobControl) -> tuple[LibrarySession, IndiciumError | None]:
            try:
                return self._open_library(root, True), None
            except LibraryLocked as locked:
                return self._open_library(root, False), locked

        self._bridge.submit(CHANGES, work, on_done=self._opened, on_failed=self._not_opened, queue=True)

    def close(self) -> None:
        """Let go of the library at work."""
        self._later.stop()
        self._bridge.drop(CHANNEL)
        self._bridge.drop(PLACE_CHANNEL)
        old, self.session = self.session, None
        self.folders, self.counts, self.filter = [], None, None
        self.chosen, self.facets = PhotoFilter(), None
        self.ids = np.zeros(0, np.int64)
        if old is not None:
            self.session_changed.emit(None)

            def work(control: JobControl) -> None:
                self._bridge.wait_for_others(seconds=CLOSING_SECONDS)
                old.close()

            self._bridge.submit(CHANGES, work, queue=True)
            self._tell_all()

    def shut_down(self) -> None:
        """The end of the program, after the bridge was closed: nothing reads or writes any more."""
        self._later.stop()
        old, self.session = self.session, None
        if old is not None:
            old.close()

    def _opened(self, opened: tuple[LibrarySession, IndiciumError | None]) -> None:
        self.session, locked = opened
        self.opening = False
        self._settings.remember_library(self.session.root)
        if locked is not None:
            self._notices.add(
                locked.message,
                severity=Severity.WARNING,
                remedy="You can search and look at photos; to add or rescan, close the other program first",
            )
        self.session_changed.emit(self.session)
        self.refresh()

    def _not_opened(self, error: IndiciumError) -> None:
        self.opening = False
        self._notices.fail(error)
        self._tell_all()

    # -- what is in it ----------------------------------------------------------------------------------------

    @property
    def order(self) -> PhotoOrder:
        return PhotoOrder(self._settings.values.order)

    @property
    def descending(self) -> bool:
        return self._settings.values.descending

    def set_order(self, order: PhotoOrder, *, descending: bool) -> None:
        """Sort the photos by date, name or folder."""
        self._settings.change(order=order.value, descending=descending)
        self.refresh()

    def set_filter(self, folders: frozenset[FolderId] | None) -> None:
        """Show the photos of these folders only; None shows all."""
        if folders != self.filter:
            self.filter = folders
            self.filter_changed.emit()
            self.refresh()

    def set_chosen(self, chosen: PhotoFilter) -> None:
        """Show only the photos that this filter leaves, of the folders that are shown."""
        if chosen != self.chosen:
            self.chosen = chosen
            self.filter_changed.emit()
            self.refresh()

    def clear_filters(self) -> None:
        """Show all photos of all folders."""
        self.set_filter(None)
        self.set_chosen(PhotoFilter())

    @property
    def knows_places(self) -> bool:
        """Whether some of the photos say where they were taken."""
        return self.facets is not None and any(
            found.value == "yes" for found in self.facets.values[FilterKind.LOCATED]
        )

    def show_near(self, photo: PhotoRecord, kilometres: float) -> None:
        """Show only photos within `kilometres` of where this one was taken, in place of other places chosen."""
        session = self.session
        if session is None:
            return

        def take(facts: PhotoMetadata) -> None:
            if facts.latitude is None or facts.longitude is None:
                self._notices.add(
                    f"{photo.name} does not say at which position it was taken",
                    severity=Severity.WARNING,
                    remedy="Choose a photo that was taken with a position, or a place in the row of filters",
                )
                return
            near = circle(facts.latitude, facts.longitude, kilometres)
            self.set_chosen(self.chosen.without(FilterKind.PLACE).toggled(FilterKind.PLACE, near))

        self._bridge.submit(PLACE_CHANNEL, lambda control: session.reader.facts_of(photo.id), on_done=take)

    @property
    def filtered(self) -> bool:
        """Whether some photos of the library may be left out."""
        return self.filter is not None or bool(self.chosen)

    def fetch(self, ids: Sequence[PhotoId]) -> list[PhotoRecord]:
        """Records of photos, for lists that page; called on a worker."""
        session = self.session
        if session is None:
            return []
        try:
            return session.photos(ids)
        except LibraryError:
            if session is self.session:
                raise
            return []  # it was closed while the list was still being read

    def refresh(self) -> None:
        """Read folders, counts and the list of photos again."""
        session = self.session
        if session is None:
            return
        order, descending, folders, chosen = self.order, self.descending, self.filter, self.chosen

        def work(control: JobControl) -> _Snapshot:
            ids = session.photo_ids(order, descending=descending, folders=folders, chosen=chosen)
            return _Snapshot(session.folders(), session.counts(), ids, session.facets(folders, chosen))

        self._bridge.submit(CHANNEL, work, on_done=self._take)

    def refresh_soon(self) -> None:
        """Like `refresh`, at most every `REFRESH_MS`: for changes that stream in."""
        if self.session is not None and not self._later.isActive():
            self._later.start(REFRESH_MS)

    def _take(self, snapshot: _Snapshot) -> None:
        self.folders, self.counts, self.ids = snapshot.folders, snapshot.counts, snapshot.ids
        self.facets = snapshot.facets
        if self.filter is not None:
            here = frozenset(folder.id for folder in self.folders)
            self.filter = (self.filter & here) or None
        self._tell_all()

    def _tell_all(self) -> None:
        self.folders_changed.emit()
        self.photos_changed.emit()

    def forget_folder(self, folder: FolderRecord) -> None:
        """Take a folder out of the library; its photos on disk are not touched."""
        session = self.session
        if session is not None:
            self._bridge.submit(
                CHANGES,
                lambda control: session.forget_folder(folder.id),
                on_done=lambda _: self.refresh(),
                queue=True,
            )
