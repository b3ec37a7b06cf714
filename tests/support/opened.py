"""A library opened with real services, as the command line opens it, on one pack."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from desktop_app.bootstrap import Options, open_engine
from desktop_app.services.library_session import LibrarySession


def opened(root: Path, pack: Path, *, writer: bool = False, threads: int = 1) -> LibrarySession:
    """The library in `root`; no other pack than `pack` is installed."""
    return LibrarySession(
        root,
        writer=writer,
        open_engine=partial(open_engine, Options(threads=1)),
        find_pack=lambda _digest: None,
        pack=str(pack),
        threads=threads,
    )
