"""About: versions, model packs with their cards, and the licences of everything that is shipped."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QPlainTextEdit,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop_app.ui.viewmodels import about, details
from desktop_app.ui.viewmodels.about import Document
from desktop_app.ui.views import icons
from desktop_app.ui.views.parts import button, closing, column, copy_text, label, row
from desktop_app.ui.views.theme import AROUND, BETWEEN, INSIDE, set_role


class AboutDialog(QDialog):
    """Three tabs: the program, its model packs, its licences."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About Indicium"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.tabBar().setDrawBase(False)
        tabs.addTab(self._program(), self.tr("Indicium"))
        tabs.addTab(_reader(about.packs(), self.tr("Model packs")), self.tr("Model packs"))
        tabs.addTab(_reader(about.licences(), self.tr("Licences")), self.tr("Licences"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(INSIDE, INSIDE, INSIDE, 0)
        layout.addWidget(tabs, 1)
        layout.addLayout(closing(self))
        self.resize(720, 560)

    def _program(self) -> QWidget:
        page = QWidget()
        picture = label()
        picture.setPixmap(icons.application_icon().pixmap(72, 72))
        name = label("Indicium", role="title")
        line = label(self.tr("Finds photos by example and shows why they match."), role="secondary")
        promise = label(
            self.tr(
                "Photos are opened for reading only. Nothing is sent anywhere: the program never uses the network."
            ),
            wrap=True,
        )
        versions = label("\n".join(f"{what} {version}" for what, version in details.versions()), selectable=True)
        where = label(
            self.tr("Log file: {0}").format(details.log_file() or self.tr("none")),
            role="secondary",
            selectable=True,
            wrap=True,
        )
        copy = button(self.tr("Copy details"), lambda: copy_text(details.report("Indicium")), icon="copy")
        head = row(picture, None, spacing=BETWEEN)
        head.insertLayout(1, column(None, name, line, None, spacing=4))
        page.setLayout(
            column(head, promise, versions, where, row(copy, None), None, spacing=BETWEEN, margin=AROUND)
        )
        return page


def _reader(documents: Sequence[Document], title: str) -> QWidget:
    """A list of documents beside the text of the chosen one."""
    page = QWidget()
    names = QListWidget()
    set_role(names, "list")
    names.setAccessibleName(title)
    names.setFixedWidth(200)
    text = QPlainTextEdit()
    text.setReadOnly(True)
    text.setAccessibleName(title)
    for document in documents:
        names.addItem(document.title)

    def show(line: int) -> None:
        text.setPlainText(documents[line].text if 0 <= line < len(documents) else "")
        text.verticalScrollBar().setValue(0)

    names.currentRowChanged.connect(show)
    names.setCurrentRow(0)
    layout = QHBoxLayout(page)
    layout.setContentsMargins(INSIDE, BETWEEN, INSIDE, INSIDE)
    layout.addWidget(names)
    layout.addWidget(text, 1)
    return page
