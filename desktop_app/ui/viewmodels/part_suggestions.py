"""Parts of the question's pictures that are worth asking with: made once a search is answered, and remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.geometry import Region
from desktop_app.domain.query import Picture, QueryItem
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.query_pictures import PictureKey, key_of

CHANNEL = "part-suggestions"
KEPT = 32  # pictures whose parts are remembered


class PartsPort(Protocol):
    """Where parts are found; the call is made on a worker thread."""

    def suggested_parts(self, item: QueryItem) -> tuple[Region, ...]:
        """Parts of the whole picture of an item, the most promising first."""


class PartSuggestions(QObject):
    """The suggestions for the pictures of one open library. Lives on the GUI thread."""

    changed = Signal()

    def __init__(self, bridge: Bridge, port: PartsPort | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._port = bridge, port
        # Oldest first; holding the picture keeps its id() from being used again.
        self._known: OrderedDict[PictureKey, tuple[Picture, tuple[Region, ...]]] = OrderedDict()

    def open_library(self, port: PartsPort | None) -> None:
        """Another library (or none): what was suggested before is forgotten."""
        self._bridge.drop(CHANNEL)
        self._port = port
        self._known.clear()

    def of(self, item: QueryItem) -> tuple[Region, ...]:
        """The parts of an item's picture; none until they are found (`changed` follows)."""
        return self._known[key_of(item)][1] if key_of(item) in self._known else ()

    def find(self, items: Sequence[QueryItem]) -> None:
        """Find the parts of the pictures that were asked with as a whole: their embeddings are known by now."""
        for item in items:
            if key_of(item) in self._known:
                self._known.move_to_end(key_of(item))
            elif self._port is not None and item.region is None and not item.from_mark:
                self._known[key_of(item)] = (item.picture, ())
                self._ask(self._port, item)
        while len(self._known) > max(KEPT, len(items)):
            self._known.popitem(last=False)

    def _ask(self, port: PartsPort, item: QueryItem) -> None:
        key, asked = key_of(item), item.picture

        def found(parts: tuple[Region, ...]) -> None:
            if key in self._known and self._known[key][0] is asked:  # else it was forgotten meanwhile
                self._known[key] = (asked, parts)
                self.changed.emit()

        def failed(_error: IndiciumError) -> None:
            # The search with this picture says what is wrong with it; here there is only nothing to suggest.
            self._known.pop(key, None)

        self._bridge.submit(
            CHANNEL, lambda _control: port.suggested_parts(item), on_done=found, on_failed=failed, queue=True
        )
