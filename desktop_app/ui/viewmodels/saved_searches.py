"""Searches kept by name: saved from what is on screen, opened again on what the library holds then."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from desktop_app.domain.errors import UsageError
from desktop_app.domain.filters import FilterKind, PhotoFilter
from desktop_app.domain.query import AS_IT_IS, FilePicture, LibraryPicture, Query, QueryItem, can_be_turned
from desktop_app.services import saved_searches
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.saved_searches import SavedSearch
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.library import CHANGES, LibraryViewModel
from desktop_app.ui.viewmodels.notices import Notices
from desktop_app.ui.viewmodels.search import SearchViewModel

CHANNEL = "saved-searches"


class SavedSearchesViewModel(QObject):
    """The names of the saved searches of the open library, and what can be done with them."""

    changed = Signal()
    opened = Signal(bool)
    """A saved search was opened: with pictures to search with, or as a filter of the library."""

    def __init__(
        self,
        bridge: Bridge,
        *,
        library: LibraryViewModel,
        search: SearchViewModel,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bridge, self._library, self._search, self._notices = bridge, library, search, notices
        self.names: tuple[str, ...] = ()
        self._opened: Query | None = None
        self._seen = library.ids
        library.session_changed.connect(lambda _session: self._read())
        library.photos_changed.connect(self._follow)
        library.filter_changed.connect(self.changed)
        search.query_changed.connect(self.changed)

    @property
    def possible(self) -> bool:
        """Whether the open library may be changed."""
        return self._library.session is not None and not self._library.read_only

    @property
    def can_save(self) -> bool:
        """Whether there is anything to save: a question, or a filter."""
        return self.possible and (self._search.query is not None or self._library.filtered)

    def save(self, name: str) -> None:
        """Keep what is on screen under a name, in place of an older one."""
        items, chosen = self._search.items, self._chosen()
        turned = self._search.turned and self._search.can_turn

        def keep(session: LibrarySession) -> None:
            saved_searches.save_search(session, name, _made(session, items, chosen, turned=turned))

        self._change(keep)

    def open(self, name: str) -> None:
        """Ask the question of a name again."""
        session = self._library.session
        if session is not None:
            self._bridge.submit(
                CHANNEL, lambda control: saved_searches.saved_search(session, name), on_done=self._show
            )

    def rename(self, name: str, new: str) -> None:
        self._change(lambda session: saved_searches.rename_search(session, name, new))

    def forget(self, name: str) -> None:
        self._change(lambda session: saved_searches.forget_search(session, name))

    def _chosen(self) -> PhotoFilter:
        """The filter on screen; the folders chosen at the side are a part of it."""
        shown, chosen = self._library.filter, self._library.chosen
        folders = [folder for folder in self._library.folders if shown is not None and folder.id in shown]
        added = tuple((FilterKind.FOLDER, os.fsdecode(folder.path)) for folder in folders)
        return replace(chosen, choices=(*chosen.choices, *added))

    def _show(self, saved: SavedSearch) -> None:
        self._library.set_filter(None)
        self._library.set_chosen(saved.chosen)
        wanted = bool(saved.images)
        if wanted:
            query = Query(saved.items, profile=self._search.profile, chosen=saved.chosen)
            self._search.run(replace(query, turned=saved.turned and can_be_turned(query.items)))
            self._opened, self._seen = _as_begun(self._search.query), self._library.ids
        self.opened.emit(wanted)

    def _follow(self) -> None:
        """A saved search that is open finds new photos by itself; a filter does so anyway."""
        if (
            self._opened is None
            or _as_begun(self._search.query) != self._opened
            or np.array_equal(self._seen, self._library.ids)
        ):
            return
        self._seen = self._library.ids
        if not self._search.busy:
            self._search.search_again()

    def _read(self) -> None:
        session = self._library.session
        self._opened = None
        if session is None:
            self._take({})
        else:
            self._bridge.submit(
                CHANNEL, lambda control: saved_searches.saved_searches(session), on_done=self._take
            )

    def _take(self, found: dict[str, SavedSearch]) -> None:
        self.names = tuple(found)
        self.changed.emit()

    def _change(self, change: Callable[[LibrarySession], None]) -> None:
        session = self._library.session
        if session is None or not self.possible:
            return

        def work() -> dict[str, SavedSearch]:
            change(session)
            return saved_searches.saved_searches(session)

        self._bridge.submit(
            CHANGES, lambda control: work(), on_done=self._take, on_failed=self._notices.fail, queue=True
        )


def _as_begun(query: Query | None) -> Query | None:
    """The question before its answer said how the picture was turned."""
    if query is None or not query.turned:
        return query
    return query.with_items(tuple(replace(item, turn=AS_IT_IS) for item in query.items))


def _made(
    session: LibrarySession, items: tuple[QueryItem, ...], chosen: PhotoFilter, *, turned: bool
) -> SavedSearch:
    """Raises UsageError for a question of which a file is only a part."""
    if any(item.from_mark or item.cell_weights for item in items):
        raise UsageError("marks are kept with their rounds", remedy="Choose “Save these rounds” below the picture")
    return SavedSearch.of(items, [_path(session, item) for item in items], chosen, turned=turned)


def _path(session: LibrarySession, item: QueryItem) -> bytes:
    if isinstance(item.picture, LibraryPicture):
        return session.photo(item.picture.id).path
    if isinstance(item.picture, FilePicture):
        return item.picture.path
    raise UsageError(
        "a pasted picture is not in a file, so the search cannot be saved",
        remedy="Save the picture as a file and search with that",
    )
