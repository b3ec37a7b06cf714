"""The saved searches in the left panel: one click asks again."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QInputDialog, QListWidget, QListWidgetItem, QMenu, QVBoxLayout, QWidget

from desktop_app.services.saved_searches import MOST_LETTERS
from desktop_app.ui.viewmodels.saved_searches import SavedSearchesViewModel
from desktop_app.ui.views import icons
from desktop_app.ui.views.parts import label, row, tool
from desktop_app.ui.views.questions import ask
from desktop_app.ui.views.theme import INSIDE, set_role

ROWS = 6  # shown without scrolling


class SavedSearchesBox(QWidget):
    """Heading, a button that saves what is on screen, and the names."""

    def __init__(self, saved: SavedSearchesViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._saved = saved
        self._shown: tuple[str, ...] | None = None
        heading = label(self.tr("SAVED SEARCHES"), role="heading")
        heading.setContentsMargins(10, 0, 0, 0)
        self.save_button = tool("plus", self.tr("Save this search or filter"), self.ask_name)
        self.list = QListWidget()
        set_role(self.list, "list")
        self.list.setIconSize(QSize(16, 16))
        self.list.setFrameShape(QListWidget.Shape.NoFrame)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setAccessibleName(self.tr("Saved searches; choose one to search again"))
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._menu_at)
        self.list.itemClicked.connect(lambda item: saved.open(item.text()))
        self.list.itemActivated.connect(lambda item: saved.open(item.text()))
        for keys, deed in ((Qt.Key.Key_F2, self._rename_current), (Qt.Key.Key_Delete, self._forget_current)):
            shortcut = QShortcut(QKeySequence(keys), self.list, deed)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        self.none = label(self.tr("Save a search or a filter to find it here again."), role="small", wrap=True)
        self.none.setContentsMargins(10, 0, INSIDE, INSIDE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(INSIDE // 2)
        layout.addLayout(row(heading, None, self.save_button))
        layout.addWidget(self.list)
        layout.addWidget(self.none)
        saved.changed.connect(self._show)
        self._show()

    def menu_of(self, name: str) -> QMenu:
        """What can be done with a saved search; deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(icons.icon("search", token="secondary"), self.tr("Search"), partial(self._saved.open, name))
        rename = menu.addAction(self.tr("Rename…"), partial(self.ask_new_name, name))
        remove = menu.addAction(
            icons.icon("trash", token="secondary"), self.tr("Remove…"), partial(self.ask_forget, name)
        )
        for entry in (rename, remove):
            entry.setEnabled(self._saved.possible)
        return menu

    def ask_name(self) -> None:
        """Ask what the search on screen is to be called."""
        self._ask(self.tr("Save this search"), self.tr("Save"), "", self._saved.save)

    def ask_new_name(self, name: str) -> None:
        """Ask what a saved search is to be called from now on."""
        self._ask(self.tr("Rename the saved search"), self.tr("Rename"), name, partial(self._saved.rename, name))

    def ask_forget(self, name: str) -> None:
        """Remove a saved search after a yes."""
        if ask(
            self.window(),
            self.tr("Remove the saved search “{0}”?").format(name),
            self.tr("Only the question is removed; the photos stay as they are."),
            yes=self.tr("Remove"),
        ):
            self._saved.forget(name)

    def _ask(self, title: str, verb: str, text: str, deed: object) -> None:
        dialog = QInputDialog(self.window())
        dialog.setWindowTitle(title)
        dialog.setLabelText(self.tr("Name (at most {0} characters)").format(MOST_LETTERS))
        dialog.setTextValue(text)
        dialog.setOkButtonText(verb)
        dialog.textValueSelected.connect(deed)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _rename_current(self) -> None:
        if self.list.currentItem() is not None and self._saved.possible:
            self.ask_new_name(self.list.currentItem().text())

    def _forget_current(self) -> None:
        if self.list.currentItem() is not None and self._saved.possible:
            self.ask_forget(self.list.currentItem().text())

    def _menu_at(self, spot: QPoint) -> None:
        item = self.list.itemAt(spot)
        if item is not None:
            self.menu_of(item.text()).popup(self.list.viewport().mapToGlobal(spot))

    def _show(self) -> None:
        self.save_button.setEnabled(self._saved.can_save)
        names = self._saved.names
        self.none.setVisible(not names)
        self.list.setVisible(bool(names))
        if names == self._shown:
            return
        self._shown = names
        self.list.clear()
        for name in names:
            item = QListWidgetItem(icons.icon("search", token="secondary"), name, self.list)
            item.setToolTip(name)
        line = max(24, self.list.sizeHintForRow(0)) if names else 0
        self.list.setFixedHeight(line * min(ROWS, len(names)) + 4)
