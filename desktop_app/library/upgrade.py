"""Bring a library of an older format up to date for those who only read it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from desktop_app.domain.errors import LibraryError
from desktop_app.library import schema
from desktop_app.library.database import open_writer
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.lock import WriterLock


def bring_up_to_date(root: Path) -> None:
    """Upgrade the catalogue of the library at `root` if its format is older than this version's.

    Everything in it is kept. Nothing happens where that cannot be done now: someone else writes to the library, or
    it may not be written, is damaged or not there; whoever opens it then is told.
    """
    layout = LibraryLayout(root)
    with contextlib.suppress(LibraryError):
        header = schema.read_header(layout.catalogue)
        if header.application_id == schema.APPLICATION_ID and header.user_version < schema.VERSION:
            with WriterLock(layout.lock_file):
                open_writer(layout.catalogue).close()
