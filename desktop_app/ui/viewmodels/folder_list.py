"""The folders of the side panel as a Qt list: name, number of photos, and whether the drive is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop_app.domain.photos import FolderRecord, path_text
from desktop_app.ui.viewmodels.words import number, photos

AnyIndex = QModelIndex | QPersistentModelIndex


class FolderListModel(QAbstractListModel):
    """Row 0 stands for all photos; the folders follow by name."""

    FolderRole = Qt.ItemDataRole.UserRole + 1
    CountRole = Qt.ItemDataRole.UserRole + 2
    PresentRole = Qt.ItemDataRole.UserRole + 3

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folders: list[FolderRecord] = []

    def show(self, folders: Sequence[FolderRecord]) -> None:
        """Replace the folders. Rows that stay keep their selection."""
        ordered = sorted(folders, key=lambda folder: (folder.name.casefold(), folder.path))
        if [folder.id for folder in ordered] == [folder.id for folder in self._folders]:
            self._folders = ordered
            self.dataChanged.emit(self.index(0), self.index(len(ordered)))
            return
        self.beginResetModel()
        self._folders = ordered
        self.endResetModel()

    def folder(self, row: int) -> FolderRecord | None:
        """The folder of a row, None for "all photos"."""
        return self._folders[row - 1] if 0 < row <= len(self._folders) else None

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._folders) + 1

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= self.rowCount():
            return None
        folder = self.folder(index.row())
        count = folder.photos if folder else sum(other.photos for other in self._folders)
        name = folder.name if folder else "All photos"
        present = folder.present if folder else True
        if role == Qt.ItemDataRole.DisplayRole:
            return name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{name}, {photos(count)}" + ("" if present else ", not connected")
        if role == Qt.ItemDataRole.ToolTipRole:
            where = path_text(folder.path) if folder else "Every folder of this library"
            return f"{where}\n{number(count)} photos" + ("" if present else "\nIts drive is not connected")
        if role == self.FolderRole:
            return folder
        if role == self.CountRole:
            return count
        if role == self.PresentRole:
            return present
        return None
