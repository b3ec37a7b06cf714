"""Messages for the person: what happened, what to do, and the details to copy. Never modal."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from desktop_app.domain.errors import IndiciumError
from desktop_app.ui.viewmodels import details
from desktop_app.ui.viewmodels.words import sentence

log = logging.getLogger(__name__)


class Severity(StrEnum):
    """How loud a notice is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. `action` with its words does what the remedy says, where the program can."""

    id: int
    severity: Severity
    message: str
    remedy: str = ""
    details: str = ""
    action_words: str = ""
    action: Callable[[], object] | None = None

    @property
    def text(self) -> str:
        """Message and remedy as sentences."""
        return " ".join(part for part in (sentence(self.message), sentence(self.remedy)) if part)


class Notices(QObject):
    """The notices that are shown, newest last; the same message is shown once."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ids = itertools.count(1)
        self._shown: list[Notice] = []

    @property
    def shown(self) -> tuple[Notice, ...]:
        return tuple(self._shown)

    def fail(
        self, error: IndiciumError, *, action_words: str = "", action: Callable[[], object] | None = None
    ) -> None:
        """Show what went wrong."""
        traceback_text = str(getattr(error, "details", ""))
        self.add(
            error.message,
            severity=Severity.ERROR,
            remedy=error.remedy,
            details=traceback_text,
            action_words=action_words,
            action=action,
        )

    def add(
        self,
        message: str,
        *,
        severity: Severity = Severity.INFO,
        remedy: str = "",
        details: str = "",
        action_words: str = "",
        action: Callable[[], object] | None = None,
    ) -> None:
        """Show a message; one that is shown already is replaced, not repeated."""
        log.info("notice (%s): %s %s", severity, message, remedy)
        self._shown = [notice for notice in self._shown if notice.message != message]
        self._shown.append(Notice(next(self._ids), severity, message, remedy, details, action_words, action))
        self.changed.emit()

    def dismiss(self, notice: Notice) -> None:
        """Take one notice away."""
        self._shown = [other for other in self._shown if other.id != notice.id]
        self.changed.emit()

    @staticmethod
    def report(notice: Notice) -> str:
        """What "copy details" puts on the clipboard."""
        return details.report(notice.text, notice.details)
