"""The duplicates of the open library: found on a worker, shown in groups, looked at in the library."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from desktop_app.domain.duplicates import DuplicateGroup, DuplicatePhoto, Keep, Strictness
from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.progress import Progress
from desktop_app.services.duplicates import find_duplicates
from desktop_app.ui.viewmodels import words
from desktop_app.ui.viewmodels.bridge import Bridge, JobControl
from desktop_app.ui.viewmodels.library import LibraryViewModel
from desktop_app.ui.viewmodels.notices import Notices

CHANNEL = "duplicates"
STRICTNESS_WORDS = {
    Strictness.EXACT: "Identical files only",
    Strictness.STRICT: "Also hardly edited copies",
    Strictness.NORMAL: "Also edited copies",
    Strictness.LOOSE: "Also much edited copies",
}
KEEP_WORDS = {Keep.LARGEST: "Keep the largest", Keep.OLDEST: "Keep the oldest", Keep.RATED: "Keep the best rated"}


class DuplicatesViewModel(QObject):
    """What was found last. Lives on the GUI thread; nothing is ever deleted."""

    changed = Signal()

    def __init__(
        self, bridge: Bridge, *, library: LibraryViewModel, notices: Notices, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge, self._library, self._notices = bridge, library, notices
        self.groups: tuple[DuplicateGroup, ...] | None = None
        self.busy = False
        self._done = ""
        library.session_changed.connect(lambda _session: self.stop())

    def find(self, strictness: Strictness, keep: Keep) -> None:
        """Look through the library; a search for duplicates that runs is given up."""
        session = self._library.session
        if session is None:
            return
        self.groups, self.busy, self._done = None, True, ""

        def work(control: JobControl) -> Generator[Progress, None, tuple[DuplicateGroup, ...]]:
            return find_duplicates(session, strictness=strictness, keep=keep, control=control)

        self._bridge.submit(CHANNEL, work, on_step=self._step, on_done=self._take, on_failed=self._fail)
        self.changed.emit()

    def stop(self) -> None:
        """Give up what runs and forget what was found."""
        self._bridge.drop(CHANNEL)
        self.groups, self.busy = None, False
        self.changed.emit()

    def show_in_library(self, groups: Sequence[DuplicateGroup]) -> None:
        """Show only the photos of these groups in the library."""
        within = frozenset(one.photo.id for group in groups for one in group.photos)
        self._library.set_chosen(replace(self._library.chosen, within=within))

    def sentence(self) -> str:
        """What is going on, or what was found."""
        if self.busy:
            return f"Comparing photos{self._done}…"
        if self.groups is None:
            return "Nothing was compared yet"
        if not self.groups:
            return "No duplicates were found"
        spare = words.size(sum(group.spare_bytes for group in self.groups))
        return f"{words.count(len(self.groups), 'group', 'groups')}; the photos not kept take {spare}"

    @staticmethod
    def said_of(one: DuplicatePhoto) -> str:
        """What a photo is in its group."""
        return "Keep" if one.keep else "Identical file" if one.copy else "Edited copy"

    def _step(self, progress: Progress) -> None:
        # Several passes over all photos count as one: their number would be no number of photos.
        self._done = f", {100 * progress.done // progress.total} % done" if progress.total else ""
        self.changed.emit()

    def _take(self, groups: tuple[DuplicateGroup, ...]) -> None:
        self.groups, self.busy = groups, False
        self.changed.emit()

    def _fail(self, error: IndiciumError) -> None:
        self.stop()
        self._notices.fail(error)
