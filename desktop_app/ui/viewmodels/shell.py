"""What the window is about as a whole: where one is, what comes in, and how the view models hear of each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import Picture
from desktop_app.services.library_session import LibrarySession
from desktop_app.ui.viewmodels import intake, session_ports
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.device import DeviceViewModel
from desktop_app.ui.viewmodels.duplicates import DuplicatesViewModel
from desktop_app.ui.viewmodels.evidence import EvidenceViewModel
from desktop_app.ui.viewmodels.full_pictures import FullPictures
from desktop_app.ui.viewmodels.intake import Deed, Intake
from desktop_app.ui.viewmodels.jobs import JobsViewModel
from desktop_app.ui.viewmodels.labels import LabelsViewModel
from desktop_app.ui.viewmodels.library import LibraryViewModel
from desktop_app.ui.viewmodels.notices import Notices, Severity
from desktop_app.ui.viewmodels.photo_list import PhotoListModel
from desktop_app.ui.viewmodels.reports import ReportsViewModel
from desktop_app.ui.viewmodels.rounds import RoundsViewModel
from desktop_app.ui.viewmodels.saved_searches import SavedSearchesViewModel
from desktop_app.ui.viewmodels.search import SearchViewModel
from desktop_app.ui.viewmodels.settings import SettingsStore
from desktop_app.ui.viewmodels.skipped import SkippedViewModel
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.viewmodels.watching import WatchViewModel
from desktop_app.ui.viewmodels.wizard import WizardViewModel


class Place(StrEnum):
    """The places of the window; the wizard is a place one passes through."""

    LIBRARY = "Library"
    SEARCH = "Search"
    EVIDENCE = "Evidence"
    WIZARD = "Add photos"


@dataclass(frozen=True)
class Parts:
    """The view models of one window."""

    bridge: Bridge
    settings: SettingsStore
    notices: Notices
    library: LibraryViewModel
    jobs: JobsViewModel
    device: DeviceViewModel
    wizard: WizardViewModel
    watch: WatchViewModel
    photos: PhotoListModel
    thumbnails: ThumbnailProvider
    pictures: FullPictures
    skipped: SkippedViewModel
    duplicates: DuplicatesViewModel
    labels: LabelsViewModel
    saved: SavedSearchesViewModel
    search: SearchViewModel
    rounds: RoundsViewModel
    reports: ReportsViewModel
    evidence: EvidenceViewModel


class Shell(QObject):
    """Connects the parts. The window shows `place` and hands everything that comes in to `take`."""

    place_changed = Signal(object)

    def __init__(self, parts: Parts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.parts = parts
        self.place = Place.LIBRARY
        self._before = Place.LIBRARY
        self._waiting: list[Intake] = []
        self._greeted = False
        self._listed: NDArray[np.int64] = np.zeros(0, np.int64)
        parts.bridge.failed.connect(parts.notices.fail)
        parts.library.session_changed.connect(self._session_changed)
        parts.library.photos_changed.connect(self._photos_changed)
        parts.library.filter_changed.connect(
            lambda: parts.search.set_filter(parts.library.filter, parts.library.chosen)
        )
        parts.jobs.photos_changed.connect(self._indexed)
        parts.jobs.finished.connect(self._job_finished)
        parts.wizard.started.connect(self._wizard_started)
        parts.saved.opened.connect(lambda pictures: self.go(Place.SEARCH if pictures else Place.LIBRARY))
        parts.watch.rescan_wanted.connect(lambda: parts.jobs.rescan(low_priority=True))
        if parts.settings.problem:
            parts.notices.add(parts.settings.problem, severity=Severity.WARNING)

    # -- where one is -----------------------------------------------------------------------------------------

    def go(self, place: Place) -> None:
        """Show a place."""
        if place is self.place:
            return
        if self.place is Place.WIZARD:
            self.parts.wizard.stop()
        else:
            self._before = self.place
        self.place = place
        self.place_changed.emit(place)

    def leave_wizard(self) -> None:
        """Back to where one was before."""
        self.go(self._before if self._before is not Place.WIZARD else Place.LIBRARY)

    def add_folders(self, folders: Sequence[Path] = ()) -> None:
        """Open the wizard, on these folders when given; one that is open takes them in."""
        if self.parts.library.read_only:
            self.parts.notices.add(
                "another program is working on this library, so no folder can be added now",
                severity=Severity.WARNING,
                remedy="Close the other program, then open the library again",
            )
            return
        if self.place is Place.WIZARD and folders:
            self.parts.wizard.add(folders)
            return
        self.parts.wizard.begin(folders)
        self.go(Place.WIZARD)

    # -- what comes in ----------------------------------------------------------------------------------------

    def take(self, coming: Intake, *, join: bool = False) -> None:
        """Do with it what its sentence said. Before a library is open, it waits. `join` adds to the search."""
        if coming.deed is Deed.NOTHING:
            self.parts.notices.add(coming.sentence, severity=Severity.WARNING)
        elif self.parts.library.session is None:
            self._waiting.append(coming)
        elif coming.deed is Deed.SEARCH:
            self.search_with(coming.pictures, join=join)
        elif not self._show_known_folder(coming.folders):
            self.add_folders(coming.folders)

    def take_paths(self, paths: Iterable[Path], *, join: bool = False) -> None:
        """Files and folders from the command line, a dialog or a second start."""
        there = list(paths)
        gone = [path for path in there if not path.exists()]
        for path in gone:
            self.parts.notices.add(f"{path} is not there", severity=Severity.WARNING, remedy="Check its name")
        left = [path for path in there if path not in gone]
        if left:
            self.take(intake.from_paths(left), join=join)

    def search_with(self, pictures: Sequence[Picture], *, join: bool = False) -> None:
        """Search with these pictures together; with `join` they are added to the present search."""
        self.parts.search.ask(pictures, replace=not join)
        self.go(Place.SEARCH)

    def find_similar(self, photo: PhotoId) -> None:
        """A new search with a photo of the library."""
        self.parts.search.find_similar(photo)
        self.go(Place.SEARCH)

    def show_evidence(self, row: int) -> None:
        """Explain the result in this row of the search."""
        self.parts.evidence.show_result(row)
        self.go(Place.EVIDENCE)

    def _show_known_folder(self, folders: Sequence[Path]) -> bool:
        """A single folder the library has already is shown instead of added again."""
        if len(folders) != 1:
            return False
        wanted = folders[0].resolve()
        for folder in self.parts.library.folders:
            if folder.location.resolve() == wanted:
                self.parts.library.set_filter(frozenset({folder.id}))
                self.go(Place.LIBRARY)
                return True
        return False

    # -- how the parts hear of each other -------------------------------------------------------------------------

    def _session_changed(self, session: LibrarySession | None) -> None:
        parts, values = self.parts, self.parts.settings.values
        self._greeted = False
        parts.thumbnails.set_source(session_ports.thumbnail_loader(session))
        parts.pictures.set_source(session_ports.picture_loader(session))
        port = session_ports.library_port(session)
        parts.search.open_library(port)
        parts.rounds.open_library(port)
        parts.reports.open_library(port)
        parts.evidence.open_library(port)
        parts.device.set_session(session)
        parts.wizard.set_session(session)
        parts.watch.set_session(session if values.watch_folders else None)
        parts.jobs.set_session(session, rescan=values.rescan_at_start, low_priority=values.low_priority)
        if session is None:
            self._listed = np.zeros(0, np.int64)
            parts.photos.show_photos(self._listed, lambda ids: [])

    def _photos_changed(self) -> None:
        library, photos = self.parts.library, self.parts.photos
        # While a job runs, the same photos are only read again where a step says that they changed.
        if not (self.parts.jobs.state.busy and np.array_equal(library.ids, self._listed)):
            self._listed = library.ids
            photos.show_photos(library.ids, library.fetch)
        if library.counts is None:
            return
        first, self._greeted = not self._greeted, True
        if first:
            self._greet()

    def _greet(self) -> None:
        """The library is read for the first time: what waited is done; an empty library asks for folders."""
        waiting, self._waiting = self._waiting, []
        for coming in waiting:
            self.take(coming)
        if not waiting and not self.parts.library.folders and not self.parts.library.read_only:
            self.add_folders()

    def _indexed(self, ids: tuple[PhotoId, ...]) -> None:
        self.parts.thumbnails.forget(ids)
        self.parts.photos.photos_changed(ids)
        self.parts.library.refresh_soon()

    def _job_finished(self) -> None:
        self.parts.library.refresh()
        self.parts.watch.look_at_folders()
        if self.parts.device.report is None or self.parts.jobs.device_words != self.parts.device.report.words:
            self.parts.device.ask()

    def _wizard_started(self) -> None:
        self.parts.library.refresh_soon()

    # -- the end ----------------------------------------------------------------------------------------------

    def shut_down(self) -> None:
        """Stop everything in order: nothing runs, and nothing is open, when this returns."""
        parts = self.parts
        parts.watch.set_session(None)
        parts.jobs.set_session(None)
        parts.thumbnails.close()
        parts.bridge.close()
        parts.watch.close()
        parts.library.shut_down()
