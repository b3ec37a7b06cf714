"""`indicium [DIR ... | IMAGE]`: opens the window. Qt is looked for only here, and by name."""

from __future__ import annotations

import importlib
import os
import sys
from argparse import Namespace
from dataclasses import replace

from desktop_app.commands.options import options_of
from desktop_app.domain.errors import IndiciumError, UsageError


def window(arguments: Namespace) -> int:
    """Open the window on folders, or with an image as the query."""
    for path in arguments.paths:
        if not path.exists():
            raise UsageError(
                f"'{path}' is neither a command nor a file or folder",
                remedy="See indicium --help",
            )
    _need_display()
    try:
        app = importlib.import_module("desktop_app.ui.app")
    except ImportError as error:
        raise IndiciumError(
            f"the window cannot open: {error}",
            remedy="Install PySide6-Essentials and the system libraries it needs; the commands work without them",
        ) from error
    options = options_of(arguments)
    if options.library is not None:  # the window remembers it, and is started from elsewhere next time
        options = replace(options, library=options.library.absolute())
    return int(app.run(options, [path.absolute() for path in arguments.paths]))


def _need_display() -> None:
    """On Linux a window needs a display, unless a platform without one was chosen on purpose."""
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not chosen and not display:
        raise IndiciumError(
            "there is no display to open a window on",
            remedy="Use the commands (indicium --help), or set DISPLAY or WAYLAND_DISPLAY",
        )
