"""Photos taken near a photo, from its context menu."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu, QWidget

from desktop_app.domain.photos import PhotoRecord
from desktop_app.ui.viewmodels.library import LibraryViewModel
from desktop_app.ui.viewmodels.words import number

KILOMETRES = (1, 10, 100)


class PlaceActions(QObject):
    """The entry "Near this photo", where photos say where they were taken."""

    def __init__(self, library: LibraryViewModel, owner: QWidget) -> None:
        super().__init__(owner)
        self._library = library

    def add_to(self, menu: QMenu, photos: Sequence[PhotoRecord]) -> None:
        """Add the entry for one photo; nothing for several, or where no place is known."""
        if len(photos) != 1 or not self._library.knows_places:
            return
        near = menu.addMenu(self.tr("Near this photo"))
        for kilometres in KILOMETRES:
            near.addAction(
                self.tr("Within {0} km").format(number(kilometres)),
                partial(self._library.show_near, photos[0], kilometres),
            )
