"""Adding folders in four questions: which, what is in them, how, and then the job in the status bar."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Signal

from desktop_app.domain.devices import DeviceReport
from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.photos import LeftOut
from desktop_app.services.index_tiles import BYTES_A_PHOTO, TIMES_LONGER
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.scan_folders import Survey, survey
from desktop_app.services.speed_probe import SpeedProbe, probe_speed
from desktop_app.ui.viewmodels.bridge import Bridge, JobControl
from desktop_app.ui.viewmodels.jobs import JobsViewModel
from desktop_app.ui.viewmodels.settings import SettingsStore

log = logging.getLogger(__name__)

__all__ = ["Place", "Plan", "SpeedProbe", "Survey", "WizardViewModel", "common_places", "has_room"]

SURVEY, PLACES, PROBE = "wizard-survey", "wizard-places", "wizard-probe"


@dataclass(frozen=True, slots=True)
class Place:
    """A common place for photos; `photos` is None until they are counted."""

    name: str
    path: Path
    photos: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How it will be done: the device with its reasons, the pack, and the speed a short trial gave."""

    device: DeviceReport
    pack: str
    speed: SpeedProbe


def has_room(survey: Survey) -> bool:
    """Whether the disk has room for the library; yes where that cannot be told."""
    return survey.free_bytes is None or survey.free_bytes > survey.library_bytes


def common_places() -> list[Place]:
    """Folders where photos usually are, as the system names them, those that are there."""
    kinds = QStandardPaths.StandardLocation
    wanted = (kinds.PicturesLocation, kinds.DownloadLocation, kinds.DesktopLocation)
    places: list[Place] = []
    home = Path.home()
    for kind in wanted:
        for text in QStandardPaths.standardLocations(kind):
            path = Path(text)
            if path.is_dir() and path != home and path not in [place.path for place in places]:
                places.append(Place(path.name, path))
    return places


class WizardViewModel(QObject):
    """The state of the wizard. `folders_changed`, `survey_changed` and `plan_changed` say what is new."""

    folders_changed = Signal()
    places_changed = Signal()
    survey_changed = Signal()
    plan_changed = Signal()
    started = Signal()

    def __init__(
        self,
        bridge: Bridge,
        *,
        jobs: JobsViewModel,
        settings: SettingsStore,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._jobs = jobs
        self._settings = settings
        self._session: LibrarySession | None = None
        self.folders: list[Path] = []
        self.places: list[Place] = []
        self.survey: Survey | None = None
        self.survey_error: IndiciumError | None = None
        self.plan: Plan | None = None
        self.plan_error: IndiciumError | None = None
        self.low_priority = settings.values.low_priority
        self.tiles = False
        """Whether small things in photos are to be found: the library is searched in parts then."""

    def set_session(self, session: LibrarySession | None) -> None:
        self._session = session
        self.plan = None

    # -- 1: which folders -------------------------------------------------------------------------------------

    def begin(self, folders: Sequence[Path] = ()) -> None:
        """Start anew, with these folders chosen."""
        self.stop()
        self.folders = []
        self.tiles = self._jobs.tiles_wanted
        self.add(folders)
        if not self.places:
            self.places = common_places()
        self.places_changed.emit()
        self._bridge.submit(PLACES, self._count_places, on_step=self._place_counted, on_failed=log.info)

    def stop(self) -> None:
        """Nobody looks any more: stop counting and trying."""
        for channel in (SURVEY, PLACES, PROBE):
            self._bridge.drop(channel)

    def add(self, folders: Sequence[Path]) -> None:
        """Choose more folders. One inside another that is chosen already adds nothing."""
        for folder in folders:
            path = folder.absolute()
            if any(path == chosen or chosen in path.parents for chosen in self.folders):
                continue
            self.folders = [chosen for chosen in self.folders if path not in chosen.parents] + [path]
        self._choice_changed()

    def remove(self, folder: Path) -> None:
        """Take a folder off the choice."""
        self.folders = [chosen for chosen in self.folders if chosen != folder]
        self._choice_changed()

    def _choice_changed(self) -> None:
        """What was counted and tried belongs to another choice: it is done again when it is asked for."""
        self._bridge.drop(SURVEY)
        self._bridge.drop(PROBE)
        self.survey = self.plan = self.survey_error = self.plan_error = None
        self.folders_changed.emit()

    def _count_places(self, control: JobControl) -> Iterator[Place]:
        for place in self.places:
            found = survey([place.path], tick=lambda _found: control.wait_if_paused())
            yield Place(place.name, place.path, found.photos)

    def _place_counted(self, counted: Place) -> None:
        self.places = [counted if place.path == counted.path else place for place in self.places]
        self.places_changed.emit()

    # -- 2: what is in them -----------------------------------------------------------------------------------

    @property
    def leave_out(self) -> frozenset[LeftOut]:
        """The kinds of file that are left out by choice."""
        return frozenset(LeftOut(text) for text in self._settings.values.leave_out)

    def set_left_out(self, kind: LeftOut, out: bool) -> None:
        """Leave a kind of file out, or take it in; counts again."""
        chosen = self.leave_out | {kind} if out else self.leave_out - {kind}
        self._settings.change(leave_out=tuple(sorted(item.value for item in chosen)))
        self.look()

    def look(self) -> None:
        """Count what is in the chosen folders; nothing is written."""
        self.survey, self.survey_error = None, None
        self.survey_changed.emit()
        folders, leave_out = list(self.folders), self.leave_out
        root = self._session.root if self._session else None

        def work(control: JobControl) -> Survey:
            return survey(folders, leave_out=leave_out, library=root, tick=lambda _found: control.wait_if_paused())

        self._bridge.submit(SURVEY, work, on_done=self._surveyed, on_failed=self._survey_failed)

    def _surveyed(self, survey: Survey) -> None:
        self.survey = survey
        self.survey_changed.emit()

    def _survey_failed(self, error: IndiciumError) -> None:
        self.survey_error = error
        self.survey_changed.emit()

    # -- 3: how -----------------------------------------------------------------------------------------------

    @property
    def seconds_needed(self) -> float | None:
        """How long indexing will take at the speed of the trial; None while it is not known."""
        if self.plan is None or self.survey is None or self.plan.speed.images_per_second <= 0:
            return None
        once = self.survey.photos / self.plan.speed.images_per_second
        return once * TIMES_LONGER if self.tiles else once

    def set_tiles(self, on: bool) -> None:
        """Find small things in photos, or not."""
        self.tiles = on
        self.plan_changed.emit()

    @property
    def tiles_bytes(self) -> int:
        """The disk space that finding small things takes for the photos counted."""
        return (self.survey.photos if self.survey else 0) * BYTES_A_PHOTO

    def set_low_priority(self, low: bool) -> None:
        self.low_priority = low
        self._settings.change(low_priority=low)

    def try_out(self) -> None:
        """Load the pack and index a few of the photos for some seconds, for an honest estimate."""
        session = self._session
        self.plan, self.plan_error = None, None
        self.plan_changed.emit()
        if session is None:
            return
        folders = list(self.folders)

        def work(control: JobControl) -> Plan:
            speed = probe_speed(session, folders)
            return Plan(session.embedder.report(), session.embedder.pack_name, speed)

        self._bridge.submit(PROBE, work, on_done=self._planned, on_failed=self._plan_failed)

    def _planned(self, plan: Plan) -> None:
        self.plan = plan
        self.plan_changed.emit()

    def _plan_failed(self, error: IndiciumError) -> None:
        self.plan_error = error
        self.plan_changed.emit()

    # -- 4: go ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Hand the folders to the job of the window."""
        self.stop()
        self._jobs.index(self.folders, low_priority=self.low_priority, tiles=self.tiles)
        self.started.emit()
