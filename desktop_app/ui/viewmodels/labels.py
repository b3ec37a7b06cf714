"""Tags and ratings of photos: changed in the library on a worker, written to sidecars only when asked to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from desktop_app.domain.filters import FilterKind
from desktop_app.domain.photos import PhotoId, path_text
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.write_sidecars import Sidecar, Written, sidecars_of, write_sidecars
from desktop_app.ui.viewmodels import words
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.library import CHANGES, LibraryViewModel
from desktop_app.ui.viewmodels.notices import Notices, Severity

Found = TypeVar("Found")

CHANNEL = "labels"
RATINGS: tuple[tuple[int | None, str], ...] = (
    (5, "★★★★★"),
    (4, "★★★★"),
    (3, "★★★"),
    (2, "★★"),
    (1, "★"),
    (0, "Not rated"),
    (-1, "Rejected"),
    (None, "As the file says"),
)


class LabelsViewModel(QObject):
    """What a person says of photos. Lives on the GUI thread; every call returns at once."""

    changed = Signal()
    """Tags or ratings have changed in the library."""

    def __init__(
        self, bridge: Bridge, *, library: LibraryViewModel, notices: Notices, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge, self._library, self._notices = bridge, library, notices

    @property
    def possible(self) -> bool:
        """Whether the open library may be changed."""
        return self._library.session is not None and not self._library.read_only

    @property
    def known_tags(self) -> list[str]:
        """The tags of the library, the most frequent first, to choose from while typing."""
        facets = self._library.facets
        return [found.value for found in facets.values[FilterKind.TAG]] if facets is not None else []

    def rate(self, photos: Sequence[PhotoId], rating: int | None) -> None:
        """Give photos -1 (rejected) to 5 stars; None: what their files say."""
        self._change(lambda session: session.set_rating(photos, rating))

    def change_tags(self, photos: Sequence[PhotoId], *, add: Sequence[str], remove: Sequence[str]) -> None:
        """Put tags on photos and take tags away."""
        if add or remove:
            self._change(lambda session: session.change_tags(photos, add=add, remove=remove))

    def read_tags(self, photos: Sequence[PhotoId], take: Callable[[Counter[str]], object]) -> None:
        """Count the tags of photos: how many of them have each."""
        self._read(
            lambda session: Counter(tag for photo in photos for tag in session.reader.facts_of(photo).keywords),
            take,
        )

    def plan_sidecars(self, photos: Sequence[PhotoId], take: Callable[[tuple[Sidecar, ...]], object]) -> None:
        """The files that `write_sidecars` would write, to be shown before."""
        self._read(lambda session: sidecars_of(session, photos), take)

    def write_sidecars(self, photos: Sequence[PhotoId]) -> None:
        """Write tags and ratings beside the photos; says what was written and what was not."""
        session = self._library.session
        if session is not None:
            self._bridge.submit(
                CHANGES, lambda control: write_sidecars(session, photos), on_done=self._written, queue=True
            )

    def _read(self, read: Callable[[LibrarySession], Found], take: Callable[[Found], object]) -> None:
        session = self._library.session
        if session is not None:
            self._bridge.submit(CHANNEL, lambda control: read(session), on_done=take)

    def _change(self, change: Callable[[LibrarySession], object]) -> None:
        session = self._library.session
        if session is None or not self.possible:
            return

        def done(_answer: object) -> None:
            self._library.refresh()
            self.changed.emit()

        self._bridge.submit(CHANGES, lambda control: change(session), on_done=done, queue=True)

    def _written(self, written: Written) -> None:
        if written.files:
            self._notices.add(f"{words.count(len(written.files), 'sidecar', 'sidecars')} written")
        for skipped in written.skipped[:3]:
            self._notices.add(
                f"{path_text(skipped.path)} was not written: {skipped.reason}",
                severity=Severity.WARNING,
                remedy="What it holds is as it was" if "damaged" in skipped.reason else "",
            )
