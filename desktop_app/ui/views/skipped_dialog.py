"""The files that could not be used, each with its reason, and another try."""

from __future__ import annotations

from PySide6.QtCore import QSortFilterProxyModel, Qt
from PySide6.QtWidgets import QDialog, QHeaderView, QTreeView, QVBoxLayout, QWidget

from desktop_app.ui.viewmodels.skipped import SkippedModel, SkippedViewModel
from desktop_app.ui.viewmodels.words import count
from desktop_app.ui.views.parts import button, copy_text, label, row
from desktop_app.ui.views.theme import BETWEEN, INSIDE


class SkippedDialog(QDialog):
    """A sortable list; "try again" hands the files to the background job."""

    def __init__(self, skipped: SkippedViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._skipped = skipped
        self.setWindowTitle(self.tr("Files that could not be used"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.total = label(role="title")
        self.list = QTreeView()
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setAlternatingRowColors(False)
        self.list.setSortingEnabled(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setAccessibleName(self.tr("Files that could not be used, with the reason"))
        sorted_rows = QSortFilterProxyModel(self)
        sorted_rows.setSourceModel(skipped.model)
        sorted_rows.setSortLocaleAware(True)
        self.list.setModel(sorted_rows)
        self.list.sortByColumn(SkippedModel.REASON, Qt.SortOrder.AscendingOrder)
        self.list.header().setSectionResizeMode(SkippedModel.REASON, QHeaderView.ResizeMode.Stretch)
        self.list.header().setAccessibleName(self.tr("Columns; choose one to sort by it"))
        self.list.setColumnWidth(SkippedModel.NAME, 220)
        self.list.setColumnWidth(SkippedModel.FOLDER, 240)
        self.retry_button = button(self.tr("Try again"), self._retry, primary=True, icon="refresh")
        self.copy_button = button(self.tr("Copy the list"), lambda: copy_text(skipped.as_text()), icon="copy")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(BETWEEN, BETWEEN, BETWEEN, BETWEEN)
        layout.setSpacing(INSIDE)
        layout.addWidget(self.total)
        explain = self.tr("The files themselves are untouched. Everything else was indexed.")
        layout.addWidget(label(explain, role="secondary"))
        layout.addWidget(self.list, 1)
        layout.addLayout(row(self.copy_button, None, button(self.tr("Close"), self.close), self.retry_button))
        self.resize(860, 480)
        skipped.changed.connect(self._show)
        self._show()
        skipped.read()

    def _retry(self) -> None:
        self._skipped.retry()
        self.close()

    def _show(self) -> None:
        rows = self._skipped.model.rowCount()
        self.total.setText(
            count(rows, "file was skipped", "files were skipped") if rows else self.tr("No file was skipped")
        )
        self.retry_button.setEnabled(bool(rows) and self._skipped.can_retry)
        self.copy_button.setEnabled(bool(rows))
