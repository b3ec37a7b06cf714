"""How soon a grid of 100,000 photos is there: from show() to the paint of every cell in view and its thumbnail.

    python -m tests.bench.grid_first_paint [--rows 100000] [--times 7] [--json]

The library is real: a catalogue with that many rows (copies of the sample photos, so that their previews exist),
read through the session by the model the Library page uses. Warm: the previews were read once before, so the
disk is out of it; every time a new grid starts with no thumbnail in memory. The bars: cells 0.3 s, thumbnails 1 s.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from desktop_app import bootstrap  # isort: skip  (ONNX Runtime before Qt)

import numpy as np
from PySide6.QtCore import QCoreApplication, QEventLoop
from PySide6.QtWidgets import QApplication

from desktop_app.domain.photos import FoundFile
from desktop_app.library.records import IndexedPhoto
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.sample_library import make_sample_library
from desktop_app.ui.viewmodels import session_ports
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.full_pictures import FullPictures
from desktop_app.ui.viewmodels.photo_list import PhotoListModel
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.views import theme
from desktop_app.ui.views.grid_view import SMALLEST, USUAL
from desktop_app.ui.views.photo_delegate import PhotoDelegate, photo_box
from desktop_app.ui.views.photo_grid import PhotoGrid
from tests.bench.reporting import add_output_options, report

WINDOW = (1060, 740)  # the grid's part of a window of 1280 x 820
BATCH = 2000
PATIENCE = 60.0


class NotingDelegate(PhotoDelegate):
    """Paints as always and notes when a cell was first painted with its photo known, and with its thumbnail."""

    def __init__(self, thumbnails: ThumbnailProvider, grid: PhotoGrid) -> None:
        super().__init__(thumbnails, grid)
        self._provider = thumbnails
        self.cells: dict[int, float] = {}
        self.thumbnails: dict[int, float] = {}

    def paint_cell(self, painter, option, index, *, overlay):  # type: ignore[no-untyped-def]
        super().paint_cell(painter, option, index, overlay=overlay)
        photo, now = index.data(PhotoListModel.PhotoRole), time.perf_counter()
        if photo is None:
            return
        self.cells.setdefault(index.row(), now)
        box = photo_box(option.rect)
        if self._provider.pixmap(photo, max(box.width(), box.height())) is not None:
            self.thumbnails.setdefault(index.row(), now)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--pack")
    add_output_options(parser)
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication([])
    theme.install(application)
    with tempfile.TemporaryDirectory() as place:
        options = bootstrap.Options(library=Path(place) / "library", pack=arguments.pack)
        with bootstrap.open_library(options) as session:
            fill(session, Path(place) / "photos", arguments.rows)
            rows = [row for cell in (USUAL, SMALLEST) for row in measure(session, cell, arguments.times)]
    report("grid: first paint", rows, as_json=arguments.json)
    return 0


def measure(session: LibrarySession, cell: int, times: int) -> list[dict[str, object]]:
    """The rows of the report for one size of cells."""
    once(session, cell)  # warms the previews and Qt itself
    seen = [once(session, cell) for _ in range(times)]
    names = ("ids of all rows", "show() to every cell", "show() to every thumbnail")
    return [
        {
            "what": name,
            "rows": len(session.photo_ids()),
            "cell px": cell,
            "cells in view": seen[0][3],
            "median s": float(np.median([one[which] for one in seen])),
            "worst s": float(np.max([one[which] for one in seen])),
        }
        for which, name in enumerate(names)
    ]


def fill(session: LibrarySession, photos: Path, rows: int) -> None:
    """Index the sample photos, then add copies of them until the catalogue has `rows` rows."""
    make_sample_library(photos)
    for _ in index_folders(session, [photos]):
        pass
    models = session.photos_page(limit=10_000)
    folder = session.write(lambda catalogue: catalogue.add_folder(b"/copies"))
    missing = rows - len(models)
    found = [FoundFile(b"/copies/IMG_%07d.jpg" % number, 1_000_000, number) for number in range(missing)]
    session.write(lambda catalogue: catalogue.record_scan(folder, found))
    digest, after, number = session.pack_digest, 0, 0
    while pending := session.reader.pending(BATCH, after=after):
        items = []
        for photo in pending:
            model = models[number % len(models)]
            assert model.fingerprint is not None
            items.append(IndexedPhoto(photo, model.fingerprint, model.width, model.height, None, model.taken))
            number += 1
        session.write(lambda catalogue, items=items: catalogue.commit_batch(digest, items))
        after = pending[-1].id


def once(session: LibrarySession, cell: int) -> tuple[float, float, float, int]:
    """(seconds to read the order, to the last cell, to the last thumbnail, cells in view) for a new grid."""
    bridge = Bridge()
    thumbnails = ThumbnailProvider(session_ports.thumbnail_loader(session))
    model = PhotoListModel(bridge)
    grid = PhotoGrid(model, thumbnails, FullPictures(bridge, session_ports.picture_loader(session)))
    noted = NotingDelegate(thumbnails, grid)
    grid.setItemDelegate(noted)
    grid.set_cell_size(cell)
    grid.resize(*WINDOW)
    started = time.perf_counter()
    ids = session.photo_ids()
    reading = time.perf_counter() - started
    started = time.perf_counter()
    model.show_photos(ids, session.photos)
    grid.show()
    cells = thumbs = 0.0
    shown: set[int] = set()
    while not thumbs and time.perf_counter() - started < PATIENCE:
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 5)
        shown = set(grid.visible_rows())
        if not cells and shown and shown <= noted.cells.keys():
            cells = max(noted.cells[row] for row in shown) - started
        if shown and shown <= noted.thumbnails.keys():
            thumbs = max(noted.thumbnails[row] for row in shown) - started
    grid.close()
    thumbnails.close()
    bridge.close()
    grid.deleteLater()
    QCoreApplication.processEvents()
    if not thumbs:
        raise SystemExit(f"the thumbnails were not painted within {PATIENCE:.0f} s")
    return reading, cells, thumbs, len(shown)


if __name__ == "__main__":
    sys.exit(main())
