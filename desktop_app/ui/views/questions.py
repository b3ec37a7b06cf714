"""The few questions that need an answer before something goes on."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from desktop_app.domain.photos import FolderRecord, path_text
from desktop_app.ui.viewmodels.jobs import JobsViewModel
from desktop_app.ui.viewmodels.library import LibraryViewModel
from desktop_app.ui.viewmodels.reports import ReportsViewModel


def ask(parent: QWidget, title: str, text: str, *, yes: str, no: str = "Cancel") -> bool:
    """One question with verbs on its buttons; Escape is the harmless answer."""
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setText(title)
    box.setInformativeText(text)
    accept = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    refuse = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(refuse)
    box.setEscapeButton(refuse)
    box.exec()
    answer = box.clickedButton() is accept
    box.deleteLater()
    return answer


def may_close(parent: QWidget, jobs: JobsViewModel) -> bool:
    """Whether the window may close now: asks while photos are being indexed."""
    if not jobs.state.busy:
        return True
    return ask(
        parent,
        "Photos are still being indexed",
        "If you close the window now, indexing stops after this step and goes on from there next time. "
        "Nothing is lost.",
        yes="Stop and close",
        no="Keep the window open",
    )


def remove_folder(parent: QWidget, library: LibraryViewModel, folder: FolderRecord) -> None:
    """Take a folder out of the library after a yes."""
    if ask(
        parent,
        f"Remove {folder.name} from the library?",
        f"{path_text(folder.path)} and its photos stay exactly as they are: no photo is moved, changed or "
        "deleted. They are only no longer found here.",
        yes="Remove from library",
    ):
        library.forget_folder(folder)


def save_report(parent: QWidget, reports: ReportsViewModel) -> None:
    """Write the results on screen to a file of the person's choice."""
    picked, _ = QFileDialog.getSaveFileName(
        parent, "Save the results as a report", "results.html", "HTML (*.html)"
    )
    if picked:
        reports.save(Path(picked))


def create_library(parent: QWidget, library: LibraryViewModel) -> None:
    """A new library in an empty folder of the person's choice."""
    picked = QFileDialog.getExistingDirectory(parent, "Choose an empty folder for the new library")
    if picked:
        library.create(Path(picked))


def open_library(parent: QWidget, library: LibraryViewModel) -> None:
    """A library that was made before, for example on another drive."""
    picked = QFileDialog.getExistingDirectory(parent, "Choose the folder of a library")
    if picked:
        library.open_existing(Path(picked))
