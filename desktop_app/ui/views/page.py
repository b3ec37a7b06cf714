"""What the window expects of a page.

A page is a plain QWidget that gets its view models in its constructor:

    SearchPage(search: SearchViewModel, photos: thumbnails..., parent=None)

It does its own keys through QAction or keyPressEvent, names every control for screen readers, asks `theme()` for
colours, and never opens files or services itself. The window puts it into its stack, calls `entered()` when the
person comes to it, and asks `first_focus()` where the keyboard should land.
"""

from __future__ import annotations

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QWidget


class Page(QWidget):
    """Base of Library, Search and Evidence."""

    title = ""

    def entered(self) -> None:
        """The person came to this page."""

    def first_focus(self) -> QWidget:
        """The widget that takes the keyboard when the page opens."""
        return self

    def shortcuts(self) -> list[tuple[QKeySequence | str, str]]:
        """Keys of this page and what they do, for the list of shortcuts."""
        return []
