"""Watch the folders of a library, so that what changes on disk is indexed without being asked for."""

from __future__ import annotations

import os
from collections.abc import Callable

from desktop_app.library.watch import FolderWatcher
from desktop_app.services.library_session import LibrarySession


def watch(
    session: LibrarySession,
    on_change: Callable[[set[bytes]], None],
    *,
    on_problem: Callable[[str], None] | None = None,
) -> FolderWatcher:
    """Begin to watch the folders that are there now; `close()` the result to end it.

    `on_change` gets the paths of the folders in which something changed, after a moment of quiet, on a thread of
    the watcher. `on_problem` gets a sentence when a folder cannot be watched (the system's limit is reached).
    """
    folders = [folder.path for folder in session.folders() if folder.present]
    # A library may lie inside a folder of photos: what a scan itself writes must not set off the next one.
    watcher = FolderWatcher(folders, on_change, ignore=os.fsencode(session.root.absolute()))
    watcher.start()
    for problem in watcher.problems:
        if on_problem is not None:
            on_problem(problem)
    return watcher
