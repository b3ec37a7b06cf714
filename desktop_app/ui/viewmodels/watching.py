"""Notices changes in the folders while the window is open, and starts a rescan when they have settled."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from desktop_app.domain.errors import IndiciumError
from desktop_app.services import watching
from desktop_app.services.library_session import LibrarySession
from desktop_app.ui.viewmodels.bridge import Bridge, JobControl
from desktop_app.ui.viewmodels.notices import Notices

log = logging.getLogger(__name__)

SETTLE_MS = 2000
CHANNEL = "watch"


class WatchViewModel(QObject):
    """`rescan_wanted` follows a change by `SETTLE_MS`, once for all changes in that time."""

    rescan_wanted = Signal()
    _changed = Signal()

    def __init__(self, bridge: Bridge, *, notices: Notices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._notices = notices
        self._session: LibrarySession | None = None
        self._watchers: list[
            watching.FolderWatch
        ] = []  # filled by the worker: one that arrives too late is closed as well
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

        def work(control: JobControl) -> None:
            before, self._watchers[:] = self._watchers[:], []
            for watcher in before:
                watcher.close()
            self._watchers.append(watching.watch(session, lambda _paths: self._changed.emit()))

        self._bridge.submit(CHANNEL, work, on_failed=self._not_watched)

    def close(self) -> None:
        """Watch nothing any more."""
        self._settled.stop()
        while self._watchers:
            self._watchers.pop().close()

    def _not_watched(self, error: IndiciumError) -> None:
        log.warning("folders are not watched: %s", error)
        self._notices.add(error.message, remedy=error.remedy or "F5 looks for changes at any time")
