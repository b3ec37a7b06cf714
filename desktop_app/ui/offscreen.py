"""The main job without a display: index, search, explain; the window's pictures are painted offscreen.

Everything goes through the view models and the window that a person would use; only nobody looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from desktop_app import bootstrap  # isort: skip  (ONNX Runtime before Qt)

from PySide6.QtCore import QCoreApplication, QEventLoop
from PySide6.QtWidgets import QApplication

from desktop_app.domain.errors import IndiciumError, UsageError
from desktop_app.domain.photos import PhotoId, PhotoStatus
from desktop_app.services.index_folder import IndexSummary, index_folders
from desktop_app.services.library_session import LibrarySession
from desktop_app.ui.app import build_shell, build_window, make_application
from desktop_app.ui.viewmodels.shell import Place, Shell
from desktop_app.ui.views.main_window import MainWindow

WINDOW = (1280, 820)
PATIENCE_SECONDS = 300.0
SETTLE_SECONDS = 0.6


def run_offscreen(photos: Path, target: Path, *, theme: str = "dark") -> int:
    """Do the main job on the folder `photos` and leave library and pictures in `target`. Returns the exit code."""
    target.mkdir(parents=True, exist_ok=True)
    options = bootstrap.Options(library=target / "library")
    try:
        with bootstrap.open_library(options) as session:
            summary = _index(session, photos)
            query = _query_photo(session)
        print(
            f"Indexed {summary.indexed:,} photos in {summary.seconds:.1f} s "
            f"({summary.unchanged:,} unchanged, {len(summary.skipped):,} skipped)"
        )
        made = paint_pages(bootstrap.Options(library=target / "library", window=True), query, target, theme=theme)
    except IndiciumError as error:
        print(error)
        return 1
    print("Look at:")
    for path in made:
        print(f"  {path}")
    return 0


def _index(session: LibrarySession, photos: Path) -> IndexSummary:
    job = index_folders(session, [photos])
    told = 0.0
    while True:
        try:
            step = next(job)
        except StopIteration as stop:
            summary: IndexSummary = stop.value
            return summary
        if step.total and time.monotonic() - told > 2:
            told = time.monotonic()
            print(f"  {step.phase}: {step.done:,} of {step.total:,}")


def _query_photo(session: LibrarySession) -> PhotoId:
    """The photo to search with: the first one by name that is indexed."""
    for photo in session.photos([PhotoId(int(i)) for i in session.photo_ids()[:200]]):
        if photo.status is PhotoStatus.PRESENT:
            return photo.id
    raise UsageError("no photo could be indexed", remedy="Name a folder that holds photos: make run DIR=…")


def paint_pages(options: bootstrap.Options, query: PhotoId, target: Path, *, theme: str) -> list[Path]:
    """Show every page in a window, search with `query`, explain the first result; returns the pictures made."""
    application = QApplication.instance()
    application = application if isinstance(application, QApplication) else make_application(["indicium"])
    shell = build_shell(options)
    window = build_window(shell)
    window.resize(*WINDOW)
    window.show()
    made: list[Path] = []
    try:
        if options.library is not None:
            shell.parts.library.open(options.library)
        _wait(lambda: shell.parts.library.session is not None and len(shell.parts.library.ids) > 0)
        made.append(_grab(window, shell, Place.LIBRARY, target))
        shell.find_similar(query)
        search = shell.parts.search
        _wait(lambda: search.answer is not None and search.answer.final and not search.busy)
        made.append(_grab(window, shell, Place.SEARCH, target))
        if search.hits:
            shell.show_evidence(0)
            _wait(lambda: shell.parts.evidence.evidence is not None or shell.parts.evidence.error is not None)
            made.append(_grab(window, shell, Place.EVIDENCE, target))
            picture = target / "evidence.png"
            picture.unlink(missing_ok=True)
            shell.parts.evidence.export(picture, theme=theme)
            _wait(picture.exists)
            made.append(picture)
    finally:
        window.hide()
        shell.shut_down()
        window.deleteLater()
        QCoreApplication.processEvents()
    return made


def _grab(window: MainWindow, shell: Shell, place: Place, target: Path) -> Path:
    """Show a place, let thumbnails arrive, and paint the window into a file."""
    shell.go(place)
    until = time.monotonic() + SETTLE_SECONDS
    _wait(lambda: time.monotonic() > until)
    path = target / f"window-{place.name.lower()}.png"
    window.grab().save(str(path))
    return path


def _wait(ready: Callable[[], bool]) -> None:
    """Run the event loop until `ready`. Raises IndiciumError when that takes longer than a person would wait."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(0.005)
        if time.monotonic() > until:
            raise IndiciumError(
                "the window did not answer in time", remedy="See the log: indicium doctor names it"
            )
