"""The duplicates of a whole library: identical files by content, edited copies by descriptor and geometry.

The nearest neighbours of every photo are compared as pictures (`retrieval.same_picture`), on their previews, so
that originals on drives that are away take part. Nothing is changed: the answer is a list of groups.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.duplicates import DuplicateGroup, Keep, Strictness, in_order
from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.photos import PhotoRecord, PhotoStatus
from desktop_app.domain.progress import Control, NoControl, Phase, Progress
from desktop_app.imaging.preview import decode_thumbnail
from desktop_app.retrieval.same_picture import SIDE, Sameness, Sketch, sameness, sketch
from desktop_app.services.library_session import LibrarySession

log = logging.getLogger(__name__)

_PAIRS = 128  # pairs of pictures compared at once
_SKETCHES = 2048  # kept in memory: about 75 KB each
_STATUS = (PhotoStatus.PRESENT, PhotoStatus.OFFLINE)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Two photos are one picture when the cosine of their descriptors, the share of the smaller one's area that
    lies on the other, and the correlation of structure there reach these. [ours]"""

    cosine: float
    overlap: float
    structure: float

    def met_by(self, found: Sameness) -> bool:
        return found.overlap >= self.overlap and found.structure >= self.structure


THRESHOLDS = {
    Strictness.STRICT: Thresholds(cosine=0.8, overlap=0.9, structure=0.85),
    Strictness.NORMAL: Thresholds(cosine=0.65, overlap=0.8, structure=0.65),
    Strictness.LOOSE: Thresholds(cosine=0.5, overlap=0.6, structure=0.45),
}

Job = Generator[Progress, None, tuple[DuplicateGroup, ...]]


def find_duplicates(
    session: LibrarySession,
    *,
    strictness: Strictness = Strictness.NORMAL,
    keep: Keep = Keep.LARGEST,
    control: Control | None = None,
) -> Job:
    """Compare all indexed photos; returns the groups, those that free the most bytes first.

    Raises PackError or LibraryError.
    """
    control = control or NoControl()
    groups = _Groups()
    if strictness is not Strictness.EXACT:
        yield from _join_edited(session, groups, THRESHOLDS[strictness], control)
    photos = session.reader.photos_of_features(groups.members())
    found: dict[int, dict[int, PhotoRecord]] = defaultdict(dict)
    placed: dict[int, int] = {}  # photo -> its group
    for row, records in photos.items():
        for record in records:
            found[groups.root(row)][record.id] = record
            placed[record.id] = groups.root(row)
    for number, copies in enumerate(session.reader.copies(), start=1):
        group = next((placed[photo] for photo in copies if photo in placed), -number)
        found[group].update((record.id, record) for record in session.photos(copies))
    rated = [_rated(session, list(group.values())) for group in found.values()]
    done = sorted(
        (in_order(group, keep) for group in rated if len(group) > 1),
        key=lambda group: (-group.spare_bytes, group.photos[0].photo.path),
    )
    yield Progress(Phase.DONE, done=len(done), total=len(done))
    return tuple(done)


def _join_edited(
    session: LibrarySession, groups: _Groups, thresholds: Thresholds, control: Control
) -> Iterator[Progress]:
    """Join the feature rows that are one picture."""
    engine = session.search_engine()
    yield from session.update_graph(engine.digest, control=control)
    if session.reader.feature_counts().get(engine.digest, 0) < 2:
        return
    gallery = session.gallery(engine.digest, dimension=0)
    graph = session.graph(engine.digest, gallery)
    if graph is None:
        return
    pairs = _alike(*graph.of(gallery.labels), gallery.labels, thresholds.cosine)
    pictures = _pictures(session)

    def compare(pair: tuple[int, int]) -> Sameness:
        one, other = (pictures(row) for row in pair)
        return Sameness() if one is None or other is None else sameness(one, other)

    with ThreadPoolExecutor(max(1, session.threads), "compare") as workers:
        for start in range(0, len(pairs), _PAIRS):
            part = [
                (one, other) for one, other in pairs[start : start + _PAIRS].tolist() if groups.apart(one, other)
            ]
            for (one, other), found in zip(part, workers.map(compare, part), strict=True):
                if thresholds.met_by(found):
                    groups.join(one, other)
            yield Progress(Phase.COMPARING, done=start + len(part), total=len(pairs))
            control.wait_if_paused()


def _alike(
    neighbours: NDArray[np.int64], cosines: NDArray[np.float32], labels: NDArray[np.int64], least: float
) -> NDArray[np.int64]:
    """[n, 2] int64: the pairs of rows, the smaller first and each once, that are neighbours with at least this
    cosine. neighbours, cosines: [N, k] of the rows `labels` [N], as the graph gives them."""
    which, place = np.nonzero((cosines >= least) & (neighbours >= 0))
    pairs = np.column_stack([labels[which], neighbours[which, place]])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _pictures(session: LibrarySession) -> Callable[[int], Sketch | None]:
    """The sketch of a feature row's picture, from its preview; None where there is none."""

    @lru_cache(maxsize=_SKETCHES)
    def picture(row: int) -> Sketch | None:
        for photo in session.reader.photos_of_features([row]).get(row, ()):
            data = session.preview(photo) if photo.status in _STATUS else None
            if data is not None:
                try:
                    return sketch(decode_thumbnail(data, SIDE))
                except UnreadableImage as error:
                    log.warning("a preview is damaged: %s", error)
        return None

    return picture


def _rated(session: LibrarySession, photos: Sequence[PhotoRecord]) -> list[tuple[PhotoRecord, int]]:
    """Photos whose content is known as it is now, with their ratings."""
    return [(photo, session.reader.facts_of(photo.id).rating or 0) for photo in photos if photo.status in _STATUS]


class _Groups:
    """Feature rows that were joined (disjoint sets)."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def root(self, row: int) -> int:
        while (parent := self._parents.get(row, row)) != row:
            row = parent
        return row

    def apart(self, one: int, other: int) -> bool:
        return self.root(one) != self.root(other)

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self.root(one), self.root(other)))
        self._parents[second] = first
        self._parents.setdefault(first, first)

    def members(self) -> list[int]:
        """All rows that were joined with another."""
        return sorted(self._parents)
