"""The background job of the window: indexing, rescanning, trying again. One at a time, in the status bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.photos import LeftOut
from desktop_app.domain.progress import Control, Phase, Progress
from desktop_app.services import index_folder
from desktop_app.services.index_folder import IndexSummary
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.scan_folders import set_leave_out
from desktop_app.ui.viewmodels import words
from desktop_app.ui.viewmodels.bridge import Bridge, JobControl, Request
from desktop_app.ui.viewmodels.notices import Notices
from desktop_app.ui.viewmodels.settings import SettingsStore

CHANNEL = "jobs"
PAUSED = "window.paused"
"""The library's setting that remembers a pause over a restart."""

Steps = Callable[[LibrarySession, Control], Iterator[Progress]]


class JobPhase(StrEnum):
    """Where the job stands."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class JobState:
    """What the status bar shows. `left` photos wait to be indexed when a job was paused and the window closed."""

    phase: JobPhase = JobPhase.IDLE
    progress: Progress | None = None
    left: int = 0

    @property
    def busy(self) -> bool:
        return self.phase is not JobPhase.IDLE

    @property
    def sentence(self) -> str:
        """`indexing 12,408 of 51,300 - 4 min left`, in the words of the state."""
        step = self.progress
        if self.phase is JobPhase.IDLE:
            return f"paused, {words.photos(self.left)} not indexed yet" if self.left else ""
        if self.phase is JobPhase.STOPPING:
            return "stopping after this step"
        if step is None:
            return "starting"
        doing = step.phase.value
        if step.total:
            doing += f" {words.number(step.done)} of {words.number(step.total)}"
        elif step.done:
            doing += f", {words.number(step.done)} so far"
        if self.phase is JobPhase.PAUSED:
            return f"paused: {doing}"
        steady = step.phase in (Phase.INDEXING, Phase.PARTS)
        rest = [words.rate(step.rate) if steady else ""]
        if step.seconds_left is not None and steady:
            rest.append(f"{words.duration(step.seconds_left)} left")
        return " · ".join([doing, *filter(None, rest)])

    @property
    def share(self) -> float | None:
        """The part that is done, 0 to 1; None while it cannot be told."""
        if self.progress is None or not self.progress.total:
            return None
        return min(1.0, self.progress.done / self.progress.total)


class JobsViewModel(QObject):
    """Runs the job of the open library and says how it stands."""

    changed = Signal()
    photos_changed = Signal(object)
    """The PhotoIds a step added or changed."""
    finished = Signal(object)
    """The IndexSummary of a job that came to its end."""
    tiles_changed = Signal(bool)
    """Whether the library is searched in parts, once that is known and when it changes."""

    def __init__(
        self, bridge: Bridge, *, settings: SettingsStore, notices: Notices, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._settings = settings
        self._notices = notices
        self._session: LibrarySession | None = None
        self._request: Request | None = None
        self._again = False
        self._next: Steps | None = None
        self.state = JobState()
        self.device_words = ""
        self.tiles_wanted = False

    # -- starting ---------------------------------------------------------------------------------------------

    def set_session(
        self, session: LibrarySession | None, *, rescan: bool = True, low_priority: bool = True
    ) -> None:
        """Work on another library: what runs is stopped; then changes are looked for, unless it was paused."""
        self._bridge.drop(CHANNEL)
        self._request, self._next, self._again = None, None, False
        self._session = session
        self._set(JobState())
        if session is None or not session.writer:
            return

        def work(control: JobControl) -> tuple[bool, int, bool]:
            paused = session.get_setting(PAUSED, "") == "1"
            return paused, session.counts().pending, session.tiles_wanted()

        def known(answer: tuple[bool, int, bool]) -> None:
            paused, pending, tiles = answer
            self._know_tiles(tiles)
            if self.state.busy:
                return  # the person was faster
            if paused and pending:
                self._set(JobState(left=pending))
            elif rescan:
                self.rescan(low_priority=low_priority)
            elif pending:
                self.resume_left(low_priority=low_priority)

        self._bridge.submit(CHANNEL, work, on_done=known)

    def index(self, folders: Sequence[Path], *, low_priority: bool, tiles: bool | None = None) -> None:
        """Add folders (new ones are remembered) and index what is in them. tiles: search the library in parts from
        now on, or no longer; None leaves it as it is."""
        paths = list(folders)
        leave_out = self._leave_out()

        def steps(session: LibrarySession, control: Control) -> Iterator[Progress]:
            set_leave_out(session, leave_out)
            if tiles is not None:
                session.set_tiles_wanted(tiles)
            return index_folder.index_folders(session, paths, control=control, low_priority=low_priority)

        self._start(steps)
        if tiles is not None:
            self._know_tiles(tiles)

    def search_in_parts(self, wanted: bool) -> None:
        """Search the library in parts from now on, which describes what is there, or no longer."""

        def steps(session: LibrarySession, control: Control) -> Iterator[Progress]:
            session.set_tiles_wanted(wanted)
            return index_folder.resume(session, control=control, low_priority=self._settings.values.low_priority)

        self._start(steps)
        self._know_tiles(wanted)

    def _know_tiles(self, wanted: bool) -> None:
        self.tiles_wanted = wanted
        self.tiles_changed.emit(wanted)

    def rescan(self, *, low_priority: bool = True) -> None:
        """Look for new, changed and missing files in all folders. While a job runs: once more after it."""
        if self.state.busy:
            self._again = True
            return
        leave_out = self._leave_out()

        def steps(session: LibrarySession, control: Control) -> Iterator[Progress]:
            set_leave_out(session, leave_out)
            return index_folder.rescan(session, control=control, low_priority=low_priority)

        self._start(steps)

    def resume_left(self, *, low_priority: bool = True) -> None:
        """Index what an earlier run left over."""
        self._start(
            lambda session, control: index_folder.resume(session, control=control, low_priority=low_priority)
        )

    def retry_skipped(self) -> None:
        """Try again the files that could not be used."""
        self._start(lambda session, control: index_folder.retry_skipped(session, control=control))

    def _leave_out(self) -> frozenset[LeftOut]:
        return frozenset(LeftOut(text) for text in self._settings.values.leave_out)

    def _start(self, steps: Steps) -> None:
        """Run `steps` now; a job that runs makes way and is taken up again by the rescan that follows."""
        session = self._session
        if session is None or not session.writer:
            return
        if self.state.busy and self._request:
            self._next, self._again = steps, True
            self._request.cancel()
            self._set(replace(self.state, phase=JobPhase.STOPPING))
            return
        self._remember_pause(False)
        self._request = self._bridge.submit(
            CHANNEL,
            lambda control: steps(session, control),
            on_step=self._step,
            on_done=self._done,
            on_failed=self._failed,
            on_cancelled=self._stopped,
        )
        self._set(JobState(JobPhase.RUNNING))

    # -- steering ---------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Stand still after this step, also over a restart, until `resume`."""
        if self._request and self.state.phase is JobPhase.RUNNING:
            self._request.pause()
            self._remember_pause(True)
            self._set(replace(self.state, phase=JobPhase.PAUSED))

    def resume(self) -> None:
        """Go on: with the job that stands still, or with what an earlier run left over."""
        if self.state.phase is JobPhase.PAUSED and self._request:
            self._remember_pause(False)
            self._request.resume()
            self._set(replace(self.state, phase=JobPhase.RUNNING))
        elif self.state.phase is JobPhase.IDLE and self.state.left:
            self.resume_left()

    def cancel(self) -> None:
        """Stop after this step; what is indexed stays. The next rescan goes on from there."""
        if self._request and self.state.busy:
            self._again, self._next = False, None
            self._request.cancel()
            self._set(replace(self.state, phase=JobPhase.STOPPING))

    def _remember_pause(self, paused: bool) -> None:
        session = self._session
        if session is not None and session.writer:
            self._bridge.submit(
                "library-change",
                lambda control: session.set_setting(PAUSED, "1" if paused else ""),
                queue=True,
            )

    # -- what the job says ------------------------------------------------------------------------------------

    def _step(self, step: Progress) -> None:
        if step.device and step.device != self.device_words:
            self.device_words = step.device
        self._set(replace(self.state, progress=step))
        if step.changed:
            self.photos_changed.emit(step.changed)

    def _done(self, summary: IndexSummary | None) -> None:
        self._end(summary)

    def _failed(self, error: IndiciumError) -> None:
        self._notices.fail(error, action_words="Try again", action=self.rescan)
        self._end(None)

    def _stopped(self) -> None:
        self._end(None)

    def _end(self, summary: IndexSummary | None) -> None:
        """A job is over: what waited for it follows."""
        self._request = None
        self._set(JobState())
        self.finished.emit(summary)
        following, self._next = self._next, None
        if following is not None:
            self._start(following)
        elif self._again:
            self._again = False
            self.rescan()

    def _set(self, state: JobState) -> None:
        self.state = state
        self.changed.emit()
