"""The log file, and the text that "copy details" gives: enough for a report, with no picture in it."""

from __future__ import annotations

import logging
import platform
from logging.handlers import RotatingFileHandler
from pathlib import Path

import numpy as np
import platformdirs
import PySide6
from PySide6.QtCore import QLibraryInfo

from desktop_app import __version__

LOG_BYTES = 1_000_000
LAST_LINES = 40


def log_file() -> Path:
    """Where the log is kept."""
    return Path(platformdirs.user_log_path("indicium")) / "indicium.log"


def start_log(level: int = logging.INFO) -> logging.Handler | None:
    """Write the log to `log_file()`, at most two files of a megabyte. None when that place cannot be written."""
    file = log_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(file, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("desktop_app")
    root.addHandler(handler)
    root.setLevel(level)
    return handler


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


def _last_lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    except OSError:
        return ["(there is no log yet)"]
