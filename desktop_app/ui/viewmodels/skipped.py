"""The files that could not be used, as a Qt table: name, reason, folder."""

from __future__ import annotations

import os
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from desktop_app.domain.photos import PhotoRecord, path_text
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.jobs import JobsViewModel
from desktop_app.ui.viewmodels.library import LibraryViewModel
from desktop_app.ui.viewmodels.words import sentence

AnyIndex = QModelIndex | QPersistentModelIndex


class SkippedModel(QAbstractTableModel):
    """One row per file."""

    NAME, REASON, FOLDER = range(3)
    TITLES = ("File", "Reason", "Folder")

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.photos: list[PhotoRecord] = []

    def show(self, photos: list[PhotoRecord]) -> None:
        self.beginResetModel()
        self.photos = photos
        self.endResetModel()

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.photos)

    def columnCount(self, parent: AnyIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return self.TITLES[section]
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        photo = self.photos[index.row()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{path_text(photo.path)}\n{sentence(photo.reason or '')}"
        if index.column() == self.NAME:
            return photo.name
        if index.column() == self.REASON:
            return sentence(photo.reason or "unknown").rstrip(".")
        return path_text(os.path.dirname(photo.path))


class SkippedViewModel(QObject):
    """Reads the list on a worker and hands it to the job for another try."""

    changed = Signal()

    def __init__(
        self, bridge: Bridge, *, library: LibraryViewModel, jobs: JobsViewModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._library = library
        self._jobs = jobs
        self.model = SkippedModel(self)

    @property
    def can_retry(self) -> bool:
        return self._library.session is not None and not self._library.read_only

    def read(self) -> None:
        """Read the list again."""
        session = self._library.session
        if session is not None:
            self._bridge.submit("skipped", lambda control: session.skipped(), on_done=self._take)

    def retry(self) -> None:
        """Try all of them again, in the background."""
        self._jobs.retry_skipped()

    def as_text(self) -> str:
        """One line per file, for the clipboard."""
        return "\n".join(f"{path_text(photo.path)}\t{photo.reason or ''}" for photo in self.model.photos)

    def _take(self, photos: list[PhotoRecord]) -> None:
        self.model.show(photos)
        self.changed.emit()
