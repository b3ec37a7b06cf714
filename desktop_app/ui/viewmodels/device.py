"""The device at work and the reason of every other: what the status bar says and "why?" explains."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from desktop_app.domain.devices import DeviceReport
from desktop_app.domain.errors import IndiciumError
from desktop_app.services.library_session import LibrarySession
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.notices import Notices
from desktop_app.ui.viewmodels.settings import DEVICE_WORDS

CHANNEL = "device"


class DeviceViewModel(QObject):
    """Loads the model pack on a worker as soon as a library is open, so that the first search does not wait."""

    changed = Signal()

    def __init__(self, bridge: Bridge, *, notices: Notices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._notices = notices
        self._session: LibrarySession | None = None
        self.report: DeviceReport | None = None
        self.pack = ""
        self.error: IndiciumError | None = None

    @property
    def sentence(self) -> str:
        """What the status bar shows."""
        if self.report is not None:
            # The reasons in brackets belong behind "why?".
            return self.report.words.partition(" (")[0]
        if self.error is not None:
            return "no model pack works"
        return "getting ready" if self._session is not None else ""

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Each device that was tried with what became of it, the one at work first."""
        if self.report is None:
            return [("", str(self.error))] if self.error else []
        tried = sorted(self.report.tried, key=lambda result: result.device is not self.report.at_work)  # type: ignore[union-attr]
        return [(DEVICE_WORDS[result.device], result.reason or "works") for result in tried]

    def set_session(self, session: LibrarySession | None) -> None:
        self._session = session
        self.report, self.error = None, None
        self._bridge.drop(CHANNEL)
        self.changed.emit()
        if session is not None:
            self.ask()

    def ask(self) -> None:
        """Read the report again, for example after a device was lost in mid-run."""
        session = self._session
        if session is None:
            return
        self._bridge.submit(
            CHANNEL,
            lambda control: (session.embedder.report(), session.embedder.pack_name),
            on_done=self._take,
            on_failed=self._fail,
        )

    def _take(self, answer: tuple[DeviceReport, str]) -> None:
        self.report, self.pack = answer
        self.changed.emit()

    def _fail(self, error: IndiciumError) -> None:
        self.error = error
        self._notices.fail(error, action_words="Try again", action=self.ask)
        self.changed.emit()
