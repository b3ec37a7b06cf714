"""Pictures of every page, dark and light, of a small library made on the spot (or of --photos DIR).

python -m tests.bench.screenshots --out demo/screenshots
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--photos", type=Path, help="default: the sample library")
    args = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as place:
        os.environ["INDICIUM_HOME"] = place
        from desktop_app.services.sample_library import make_sample_library
        from desktop_app.ui.offscreen import run_offscreen
        from desktop_app.ui.viewmodels.settings import SettingsStore

        photos = args.photos
        if photos is None:
            photos = Path(place) / "sample photos"
            make_sample_library(photos)
        for scheme in ("dark", "light"):
            SettingsStore(Path(place) / "settings.json").change(theme=scheme)
            target = (args.out / scheme).absolute()
            run_offscreen(photos, target, theme=scheme)
            paint_labels(target)


def paint_labels(target: Path) -> None:
    """Saved searches at the side, the menu and the tags of several photos, over the library in `target`."""
    from PySide6.QtCore import QCoreApplication, QPoint
    from PySide6.QtWidgets import QMenu

    from desktop_app import bootstrap
    from desktop_app.ui.app import build_shell, build_window
    from desktop_app.ui.views.label_actions import LabelActions, TagsDialog

    shell = build_shell(bootstrap.Options(library=target / "library", window=True))
    window = build_window(shell)
    window.resize(1280, 820)
    window.show()
    library, search, bridge = shell.parts.library, shell.parts.search, shell.parts.bridge
    try:
        library.open(target / "library")
        _wait(lambda: len(library.ids) > 0 and not bridge.busy())
        session = library.session
        assert session is not None
        photos = session.photos_page(limit=3)
        some = [photo.id for photo in photos]
        shell.parts.labels.change_tags(some, add=["at night", "garden"], remove=[])
        shell.parts.labels.change_tags(some[:1], add=["favourite"], remove=[])
        shell.parts.labels.rate(some, 4)
        shell.find_similar(some[0])
        _wait(lambda: search.answer is not None and search.answer.final and not bridge.busy())
        shell.parts.saved.save("Like this one")
        shell.parts.saved.save("In the garden, four stars or more")
        _wait(lambda: "Like this one" in shell.parts.saved.names and not bridge.busy())
        _rest()
        window.grab().save(str(target / "window-saved-searches.png"))
        actions = LabelActions(shell.parts.labels, window)
        menu = QMenu(window)
        actions.add_to(menu, photos)
        menu.popup(QPoint(10, 10))
        menu.grab().save(str(target / "menu-labels.png"))
        menu.close()
        actions.edit_tags(photos)
        _wait(lambda: window.findChild(TagsDialog) is not None)
        dialog = window.findChild(TagsDialog)
        dialog.grab().save(str(target / "dialog-tags.png"))
        dialog.close()
    finally:
        window.hide()
        shell.shut_down()
        window.deleteLater()
        QCoreApplication.processEvents()


def _rest(seconds: float = 0.5) -> None:
    """Let layouts settle and movements end."""
    until = time.monotonic() + seconds
    _wait(lambda: time.monotonic() > until)


def _wait(ready: Callable[[], bool], *, seconds: float = 120.0) -> None:
    from PySide6.QtCore import QCoreApplication

    until = time.monotonic() + seconds
    while not ready():
        QCoreApplication.processEvents()
        time.sleep(0.005)
        if time.monotonic() > until:
            raise SystemExit("the window did not answer in time")


if __name__ == "__main__":
    main()
