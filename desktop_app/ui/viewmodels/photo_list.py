"""The list of photos behind every grid: all photos of a library, fetched in pages, or the hits of a search."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from desktop_app.domain.photos import PhotoId, PhotoRecord, PhotoStatus
from desktop_app.domain.results import Hit, Words
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.words import pixels

AnyIndex = QModelIndex | QPersistentModelIndex
Fetch = Callable[[Sequence[PhotoId]], Sequence[PhotoRecord]]

PAGE = 256  # photos read at once
RECORDS_KEPT = 128 * PAGE  # in memory; the others are read again when they are scrolled to
RUNS_MOST = 64  # stretches of new or gone rows that are told one by one; beyond that the list starts anew
ROWS_MOST = 200_000  # rows that are compared one by one; larger lists start anew unless they only grew at the end
PAGES_WAITING = 4  # newest first; what was scrolled past is not read


def score_words(score: float, words: Words) -> str:
    """The caption of a hit: the words in sentence case and the number from 0 to 1."""
    # "weaker from here" is the dividing line's phrase; a single photo below it is only said by its number.
    if words in (Words.WEAKER, Words.NOTHING):
        return f"{score:.2f}"
    return f"{words.value[:1].upper()}{words.value[1:]} {score:.2f}"


class PhotoListModel(QAbstractListModel):
    """Rows are photos, in one order. Nothing here waits for the library: what is not known yet is None.

    `divider` is the row from which hits are weaker (None: no such row), `hidden` how many hits are kept back
    until `show_all()`.
    """

    PhotoRole = Qt.ItemDataRole.UserRole + 1
    IdRole = Qt.ItemDataRole.UserRole + 2
    ScoreRole = Qt.ItemDataRole.UserRole + 3
    WordsRole = Qt.ItemDataRole.UserRole + 4

    divider_changed = Signal()
    hits_moved = Signal(object)
    """A refinement changed the order of the same list: a dict new row -> old row of those that moved."""

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._channel = f"photos-{id(self):x}"
        self._ids: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._fetch: Fetch | None = None
        self._known: OrderedDict[int, PhotoRecord | None] = OrderedDict()
        self._wanted: OrderedDict[int, None] = OrderedDict()
        self._reading = False
        self._generation = 0
        self._hits: list[Hit] = []
        self._later: list[Hit] = []
        self._divider: int | None = None

    # -- what the list shows ----------------------------------------------------------------------------------

    def show_photos(self, ids: NDArray[np.int64], fetch: Fetch) -> None:
        """Browse: photos of a library in the order of `ids` [N] int64. `fetch` is called on a worker.

        A list that was shown before and has only gained or lost photos keeps its place, selection and records.
        """
        wanted = np.asarray(ids, dtype=np.int64)
        same_source = self._fetch is not None and self._fetch == fetch
        if same_source and self._follow(wanted):
            return
        known = self._known if same_source else OrderedDict()
        self.beginResetModel()
        self._forget_rows()
        self._ids, self._fetch, self._known = wanted, fetch, known
        self.endResetModel()
        self.divider_changed.emit()

    def show_hits(self, hits: Sequence[Hit], *, divider: int | None = None, shown: int | None = None) -> None:
        """Results, best first. Rows from `divider` on are weaker; only the first `shown` are listed at once."""
        count = len(hits) if shown is None else shown
        self.beginResetModel()
        self._forget_rows()
        self._set_hits(hits, divider, count)
        self.endResetModel()
        self.divider_changed.emit()

    def refine_hits(
        self,
        hits: Sequence[Hit],
        *,
        divider: int | None = None,
        shown: int | None = None,
        keep: Collection[PhotoId] = (),
    ) -> None:
        """Replace the hits by a better answer to the same question, in place.

        Photos in `keep` (under the pointer, or with focus) stay in their rows; the others take their new rank
        around them. Selection and current index follow their photos.
        """
        count = len(hits) if shown is None else shown
        ordered = keep_in_place([hit.photo.id for hit in self._hits], list(hits), keep, limit=count)
        before = {hit.photo.id: row for row, hit in enumerate(self._hits)}
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        owners = [self._hits[index.row()].photo.id for index in old]
        grown = count - len(self._hits)
        self._set_hits(ordered, divider, count)
        rows = {hit.photo.id: row for row, hit in enumerate(self._hits)}
        new = [self.index(rows[owner]) if owner in rows else QModelIndex() for owner in owners]
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()
        moved = {row: before[identity] for identity, row in rows.items() if before.get(identity, row) != row}
        if moved or grown:
            self.hits_moved.emit(moved)
        self.divider_changed.emit()

    def show_all(self) -> None:
        """List the hits that were kept back."""
        if not self._later:
            return
        first = len(self._hits)
        self.beginInsertRows(QModelIndex(), first, first + len(self._later) - 1)
        self._hits += self._later
        self._later = []
        self._ids = np.array([hit.photo.id for hit in self._hits], dtype=np.int64)
        self.endInsertRows()
        self.divider_changed.emit()

    def clear(self) -> None:
        """Show nothing."""
        self.show_hits([])

    def photos_changed(self, ids: Iterable[PhotoId]) -> None:
        """A change set of the library: read these photos again where they are listed."""
        changed = np.fromiter((int(identity) for identity in ids), dtype=np.int64)
        if self._fetch is None or not len(changed):
            return
        rows = np.flatnonzero(np.isin(self._ids, changed))
        for identity in changed:
            self._known.pop(int(identity), None)
        for row in rows:
            index = self.index(int(row))
            self.dataChanged.emit(index, index)

    @property
    def divider(self) -> int | None:
        return self._divider

    @property
    def hidden(self) -> int:
        return len(self._later)

    def photo_id(self, row: int) -> PhotoId:
        return PhotoId(int(self._ids[row]))

    def row_of(self, identity: PhotoId) -> int | None:
        """The row of a photo, None when it is not listed."""
        rows = np.flatnonzero(self._ids == int(identity))
        return int(rows[0]) if len(rows) else None

    def hit(self, row: int) -> Hit | None:
        """The hit of a row; None while browsing."""
        return self._hits[row] if 0 <= row < len(self._hits) else None

    def photo(self, row: int) -> PhotoRecord | None:
        """The photo of a row. None when it has not been read yet: `dataChanged` follows."""
        if self._hits:
            hit = self.hit(row)
            return hit.photo if hit else None
        if not 0 <= row < len(self._ids):
            return None
        identity = int(self._ids[row])
        if identity in self._known:
            self._known.move_to_end(identity)
            return self._known[identity]
        self._want(row // PAGE)
        return None

    # -- Qt's model -------------------------------------------------------------------------------------------

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._ids)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._ids):
            return None
        row = index.row()
        if role == self.IdRole:
            return int(self._ids[row])
        if role == self.PhotoRole:
            return self.photo(row)
        hit = self.hit(row)
        if role == self.ScoreRole:
            return hit.score if hit else None
        if role == self.WordsRole:
            return hit.words if hit else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            return self._text(row, role, hit)
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsDragEnabled | flag.ItemNeverHasChildren

    def _text(self, row: int, role: int, hit: Hit | None) -> str | None:
        photo = self.photo(row)
        if photo is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return photo.name
        parts = [photo.name]
        if hit is not None:
            parts.append(score_words(hit.score, hit.words))
            if hit.part is not None:
                parts.append("matches best in a part of it")
        if photo.status is PhotoStatus.OFFLINE:
            parts.append("its drive is not connected")
        if role == Qt.ItemDataRole.ToolTipRole and photo.width:
            parts.append(pixels(photo.width, photo.height))
        return ("\n" if role == Qt.ItemDataRole.ToolTipRole else ", ").join(parts)

    # -- pages ------------------------------------------------------------------------------------------------

    def _forget_rows(self) -> None:
        self._generation += 1
        self._known = OrderedDict()
        self._wanted.clear()
        self._fetch = None
        self._hits, self._later, self._divider = [], [], None
        self._ids = np.zeros(0, dtype=np.int64)

    def _set_hits(self, hits: Sequence[Hit], divider: int | None, count: int) -> None:
        self._hits, self._later = list(hits[:count]), list(hits[count:])
        self._ids = np.array([hit.photo.id for hit in self._hits], dtype=np.int64)
        self._divider = divider if divider is not None and 0 < divider < len(self._hits) else None

    def _want(self, page: int) -> None:
        self._wanted[page] = None
        self._wanted.move_to_end(page)
        while len(self._wanted) > PAGES_WAITING:
            self._wanted.popitem(last=False)
        self._read_next()

    def _read_next(self) -> None:
        if self._reading or not self._wanted or self._fetch is None:
            return
        page, _ = self._wanted.popitem(last=True)
        numbers = [int(number) for number in self._ids[page * PAGE : (page + 1) * PAGE]]
        ids = [PhotoId(number) for number in numbers if number not in self._known]
        if not ids:
            self._read_next()
            return
        self._reading = True
        generation, fetch = self._generation, self._fetch

        def arrived(photos: Sequence[PhotoRecord]) -> None:
            self._reading = False
            if generation == self._generation:
                self._take_photos(ids, photos)
            self._read_next()

        def failed(error: Exception) -> None:
            self._reading = False
            if generation == self._generation:
                self._bridge.failed.emit(error)

        self._bridge.submit(
            self._channel, lambda _control: fetch(ids), on_done=arrived, on_failed=failed, queue=True
        )

    def _take_photos(self, ids: Sequence[PhotoId], photos: Sequence[PhotoRecord]) -> None:
        found = {photo.id: photo for photo in photos}
        for identity in ids:
            self._known[identity] = found.get(identity)
        while len(self._known) > RECORDS_KEPT:
            self._known.popitem(last=False)
        if len(self._ids):
            self.dataChanged.emit(self.index(0), self.index(len(self._ids) - 1))

    def _follow(self, wanted: NDArray[np.int64]) -> bool:
        """Turn the present list into `wanted` by removing and inserting rows. False when it is another list."""
        now = self._ids
        if len(wanted) >= len(now) and np.array_equal(wanted[: len(now)], now):
            return self._insert(wanted, [(len(now), len(wanted))] if len(wanted) > len(now) else [])
        if max(len(now), len(wanted)) > ROWS_MOST:
            return False
        stays, old = np.isin(now, wanted), np.isin(wanted, now)
        gone, new = _runs(~stays), _runs(~old)
        if len(gone) + len(new) > RUNS_MOST or not np.array_equal(now[stays], wanted[old]):
            return False
        for first, end in reversed(gone):
            self.beginRemoveRows(QModelIndex(), first, end - 1)
            self._ids = np.delete(self._ids, slice(first, end))
            self.endRemoveRows()
        return self._insert(wanted, new)

    def _insert(self, wanted: NDArray[np.int64], runs: list[tuple[int, int]]) -> bool:
        for first, end in runs:
            self.beginInsertRows(QModelIndex(), first, end - 1)
            self._ids = np.insert(self._ids, first, wanted[first:end])
            self.endInsertRows()
        return True


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The stretches [first, end) in which `flags` [N] is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(first), int(end)) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def keep_in_place(
    before: Sequence[PhotoId], hits: Sequence[Hit], keep: Collection[PhotoId], *, limit: int
) -> list[Hit]:
    """`hits` in their new order, except that photos of `keep` stay in the row they had in `before`.

    A kept photo that is no longer among the hits, or whose row lies beyond `limit`, is not kept.
    """
    by_id = {hit.photo.id: hit for hit in hits}
    fixed = {
        row: by_id[identity]
        for row, identity in enumerate(before)
        if identity in keep and identity in by_id and row < min(limit, len(hits))
    }
    if not fixed:
        return list(hits)
    held = {hit.photo.id for hit in fixed.values()}
    others = iter([hit for hit in hits if hit.photo.id not in held])
    return [fixed[row] if row in fixed else next(others) for row in range(len(hits))]
