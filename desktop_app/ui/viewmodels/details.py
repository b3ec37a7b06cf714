"""The log file, and the text that "copy details" gives: enough for a report, with no picture in it."""

from __future__ import annotations

import logging
import platform
from pathlib import Path

import numpy as np
import PySide6
from PySide6.QtCore import QLibraryInfo

from desktop_app import __version__

LAST_LINES = 40


def log_file() -> Path | None:
    """Where the log is written, as it was set up at the start; None when there is none."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            return Path(handler.baseFilename)
    return None


def versions() -> list[tuple[str, str]]:
    """The versions that matter, by name."""
    return [
        ("Indicium", __version__),
        ("Python", platform.python_version()),
        ("Qt", QLibraryInfo.version().toString()),
        ("PySide", PySide6.__version__),
        ("NumPy", np.__version__),
        ("System", f"{platform.system()} {platform.release()} ({platform.machine()})"),
    ]


def report(message: str, more: str = "") -> str:
    """A message with versions, its details and the last lines of the log."""
    lines = [message, "", *(f"{name} {version}" for name, version in versions()), ""]
    if more:
        lines += [more.rstrip(), ""]
    lines += ["Last lines of the log:", *_last_lines(log_file())]
    return "\n".join(lines)


def _last_lines(file: Path | None) -> list[str]:
    if file is None:
        return ["(there is no log)"]
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    except OSError:
        return ["(there is no log yet)"]
