"""Notices changes in the folders while the window is open, and starts a rescan when they have settled."""

from __future__ import annotations

import logging
from typing import Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from desktop_app.domain.errors import IndiciumError
from desktop_app.services import watching
from desktop_app.services.library_session import LibrarySession
from desktop_app.ui.viewmodels.bridge import Bridge, JobControl
from desktop_app.ui.viewmodels.notices import Notices

log = logging.getLogger(__name__)

SETTLE_MS = 2000
CHANNEL = "watch"


class Closable(Protocol):
    """What watches folders until it is closed."""

    def close(self) -> None: ...


class WatchViewModel(QObject):
    """`rescan_wanted` follows a change by `SETTLE_MS`, once for all changes in that time."""

    rescan_wanted = Signal()
    _changed = Signal()

    def __init__(self, bridge: Bridge, *, notices: Notices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._notices = notices
        self._session: LibrarySession | None = None
        # Filled by the worker, so that a watcher that arrives too late is closed as well.
        self._watchers: list[Closable] = []
        self._settled = QTimer(self)
        self._settled.setObjectName("watch-settled")
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLE_MS)
        self._settled.timeout.connect(self.rescan_wanted)
        self._changed.connect(self._settled.start, Qt.ConnectionType.QueuedConnection)

    def set_session(self, session: LibrarySession | None) -> None:
        """Watch the folders of this library; None watches nothing."""
        self._bridge.drop(CHANNEL)
        self._session = session
        self.close()
        self.look_at_folders()

    def look_at_folders(self) -> None:
        """Folders were added or came back: watch those that are there now."""
        session = self._session
        if session is None or not session.writer:
            return

        def work(control: JobControl) -> list[str]:
            before, self._watchers[:] = self._watchers[:], []
            for watcher in before:
                watcher.close()
            problems: list[str] = []
            watcher = watching.watch(session, lambda _paths: self._changed.emit(), on_problem=problems.append)
            self._watchers.append(watcher)
            return problems

        self._bridge.submit(CHANNEL, work, on_done=self._tell, on_failed=self._not_watched)

    def close(self) -> None:
        """Watch nothing any more."""
        self._settled.stop()
        while self._watchers:
            self._watchers.pop().close()

    def _tell(self, problems: list[str]) -> None:
        for problem in problems:
            self._notices.add(problem, remedy="F5 looks for changes at any time")

    def _not_watched(self, error: IndiciumError) -> None:
        log.warning("folders are not watched: %s", error)
        self._notices.add(error.message, remedy=error.remedy or "F5 looks for changes at any time")
