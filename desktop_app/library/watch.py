"""Watch folders and tell, after a moment of quiet, in which of them something changed."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from watchdog.events import FileSystemEvent
from watchdog.observers import Observer

from desktop_app.library.faults import shown
from desktop_app.library.scan_rules import below, by_name

log = logging.getLogger(__name__)

# Being opened or read is no change; reading the photos ourselves would otherwise set off the next scan.
_CHANGES = frozenset({"created", "modified", "moved", "deleted", "closed"})


class FolderWatcher:
    """Calls `on_change` with the set of `folders` (as they were given) in which something changed.

    The call comes from a thread of the watcher, once there was nothing new for `quiet` seconds, and at the latest
    `longest` seconds after the first change. Hidden files, system folders and what lies in `ignore` do not count.
    `problems` says in plain sentences which folders cannot be watched; those need a rescan by hand. A context
    manager.
    """

    def __init__(
        self,
        folders: Sequence[bytes],
        on_change: Callable[[set[bytes]], None],
        *,
        ignore: bytes | None = None,
        quiet: float = 2.0,
        longest: float = 30.0,
    ) -> None:
        self._folders = tuple(folders)
        self._on_change = on_change
        self._ignore = ignore
        self._quiet = quiet
        self._longest = longest
        self._observer = Observer()
        self._changed: dict[bytes, float] = {}  # folder -> when its first change was seen
        self._last = 0.0
        self._closing = False
        self._news = threading.Condition()
        self._teller = threading.Thread(target=self._tell, name="folder-watcher", daemon=True)
        self.problems: tuple[str, ...] = ()

    def start(self) -> None:
        """Begin to watch. Takes a while for folders with very many sub-folders."""
        self._observer.start()
        problems = []
        for folder in self._folders:
            try:
                self._observer.schedule(
                    _Handler(folder, self._ignore, self._note), os.fsdecode(folder), recursive=True
                )
            except OSError as error:
                problems.append(_why(folder, error))
                log.warning("%s", problems[-1])
        self.problems = tuple(problems)
        self._teller.start()

    def close(self) -> None:
        """Stop watching and wait until no call is under way. May be called twice."""
        with self._news:
            if self._closing:
                return
            self._closing = True
            self._news.notify_all()
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()
        if self._teller.is_alive() and self._teller is not threading.current_thread():
            self._teller.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _note(self, folder: bytes) -> None:
        with self._news:
            self._last = time.monotonic()
            self._changed.setdefault(folder, self._last)
            self._news.notify_all()

    def _tell(self) -> None:
        while True:
            with self._news:
                while not self._closing and (not self._changed or self._due() > 0):
                    self._news.wait(self._due() if self._changed else None)
                if self._closing:
                    return
                changed, self._changed = set(self._changed), {}
            try:
                self._on_change(changed)
            except Exception:
                log.exception("a change in %s could not be handled", [shown(folder) for folder in changed])

    def _due(self) -> float:
        """Seconds until the changes are told."""
        first = min(self._changed.values())
        return min(self._last + self._quiet, first + self._longest) - time.monotonic()


class _Handler:
    """What watchdog hands its events to."""

    def __init__(self, folder: bytes, ignore: bytes | None, note: Callable[[bytes], None]) -> None:
        self._folder = folder
        self._ignore = ignore
        self._note = note

    def dispatch(self, event: FileSystemEvent) -> None:
        if event.event_type in _CHANGES and any(
            self._counts(os.fsencode(path)) for path in (event.src_path, event.dest_path) if path
        ):
            self._note(self._folder)

    def _counts(self, path: bytes) -> bool:
        if path == self._folder:
            return True
        if self._ignore is not None and (path == self._ignore or below(self._ignore, path) is not None):
            return False
        rest = below(self._folder, path)
        return rest is not None and all(by_name(name) is None for name in rest.split(os.fsencode(os.sep)))


def _why(folder: bytes, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EMFILE, errno.ENFILE):
        return (
            f"{shown(folder)} has more sub-folders than this system watches at once; use Rescan after changes,"
            " or raise fs.inotify.max_user_watches."
        )
    return f"{shown(folder)} cannot be watched ({error.strerror or error}); use Rescan after changes."
