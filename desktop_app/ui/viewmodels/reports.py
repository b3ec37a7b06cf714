"""A list of results with its evidence as one file that any browser shows, written in the background."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.query import Query
from desktop_app.domain.results import SearchAnswer
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.notices import Notices
from desktop_app.ui.viewmodels.search import SearchViewModel

CHANNEL = "report"


class ReportPort(Protocol):
    """What a report needs of an open library; called on a worker thread."""

    def write_report(self, query: Query, answer: SearchAnswer, path: Path) -> None: ...


class ReportsViewModel(QObject):
    """Writes the results on screen, one report at a time."""

    changed = Signal()

    def __init__(
        self, bridge: Bridge, *, search: SearchViewModel, notices: Notices, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge, self._search, self._notices = bridge, search, notices
        self._port: ReportPort | None = None
        self.busy = False
        for signal in (search.answer_changed, search.busy_changed):
            signal.connect(lambda *_: self.changed.emit())

    @property
    def possible(self) -> bool:
        """Whether there is a finished list of results, and no report of one is being written."""
        answer = self._search.answer
        return (
            self._port is not None and not self.busy and answer is not None and answer.final and bool(answer.hits)
        )

    def open_library(self, port: ReportPort | None) -> None:
        """Another library (or none)."""
        self._bridge.drop(CHANNEL)
        self._port = port
        self._set_busy(False)

    def save(self, path: Path) -> None:
        """Write the results on screen to `path`; a notice says when it is done."""
        port, query, answer = self._port, self._search.query, self._search.answer
        if port is None or query is None or answer is None:
            return
        target = path if path.suffix else path.with_suffix(".html")

        def done(_nothing: object) -> None:
            self._set_busy(False)
            self._notices.add(f"the report was saved: {target}")

        def failed(error: IndiciumError) -> None:
            self._set_busy(False)
            self._notices.fail(error)

        self._set_busy(True)
        self._bridge.submit(
            CHANNEL, lambda control: port.write_report(query, answer, target), on_done=done, on_failed=failed
        )

    def _set_busy(self, busy: bool) -> None:
        self.busy = busy
        self.changed.emit()
