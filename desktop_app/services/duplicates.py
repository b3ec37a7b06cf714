"""The duplicates of a whole library: identical files by content, edited copies by what their previews show.

Whole pictures are found by their thumbnails (`retrieval.whole_picture`), cut and framed ones among the nearest
neighbours of every photo by keypoints (`retrieval.same_picture`); the structure of both as they lie on each other
decides. Previews are enough, so that originals on drives that are away take part. Nothing is changed: the answer
is a list of groups.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.duplicates import DuplicateGroup, Keep, Strictness, in_order
from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.photos import PhotoRecord, PhotoStatus
from desktop_app.domain.progress import Control, NoControl, Phase, Progress
from desktop_app.imaging.preview import decode_thumbnail
from desktop_app.retrieval.same_picture import SIDE as SKETCH_SIDE
from desktop_app.retrieval.same_picture import Sameness, sameness, sketch, upright
from desktop_app.retrieval.whole_picture import SIDE, Proposer, agreement, fit, square, thumbnail, turned
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.photo_groups import PhotoGroups, row_pair

log = logging.getLogger(__name__)

Made = TypeVar("Made")
_AT_ONCE = 256  # photos, or pairs of them, that one thread compares
_BATCH = 4  # times as many between two looks at whether to stop
_STEPS = 4  # thumbnails, whole pictures, what fits into another, parts of pictures
_NEAREST = 3  # neighbours by descriptor that may be cut or framed copies; groups join up from photo to photo
_KEPT = 2048  # pictures in memory: about 75 KB each with its keypoints
_TELLING = 0.65  # share of blocks with structure below which a picture is a thing on a plain ground
_STATUS = (PhotoStatus.PRESENT, PhotoStatus.OFFLINE)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When two photos are one picture. [ours]

    Whole ones: thumbnails agree block by block to `least` at the 20th and `middle` at the 50th percentile, or to
    `most` at the 70th; the correlation of structure of the two as they lie on each other reaches `whole`. Cut or
    framed ones: the cosine of descriptors, how well one can be laid into the other (`fit`), that and half of the
    cosine (`near`), the share of the smaller one's area that lies on the other, and the correlation of structure
    there reach these. Of two things on a plain ground it is mostly outlines that agree: structure reaches `plain`,
    and contrasts differ by `contrast` at most (the logarithm of the ratio), as an edit changes all of them alike.
    """

    least: float
    middle: float
    most: float
    whole: float
    cosine: float
    fit: float
    near: float
    overlap: float
    structure: float
    plain: float
    contrast: float

    def met_by(self, found: Sameness, *, whole: bool) -> bool:
        if _is_plain(found) and (found.structure < self.plain or found.contrast > self.contrast):
            return False
        return found.overlap >= self.overlap and found.structure >= (self.whole if whole else self.structure)


THRESHOLDS = {
    Strictness.STRICT: Thresholds(
        least=0.93,
        middle=0.98,
        most=0.998,
        whole=0.75,
        cosine=0.65,
        fit=0.8,
        near=1.2,
        overlap=0.9,
        structure=0.93,
        plain=0.98,
        contrast=0.3,
    ),
    Strictness.NORMAL: Thresholds(
        least=0.85,
        middle=0.96,
        most=0.993,
        whole=0.5,
        cosine=0.55,
        fit=0.7,
        near=1.15,
        overlap=0.8,
        structure=0.88,
        plain=0.96,
        contrast=0.4,
    ),
    Strictness.LOOSE: Thresholds(
        least=0.65,
        middle=0.85,
        most=0.95,
        whole=0.4,
        cosine=0.5,
        fit=0.5,
        near=0.8,
        overlap=0.6,
        structure=0.5,
        plain=0.7,
        contrast=0.7,
    ),
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
    groups = PhotoGroups()
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
    session: LibrarySession, groups: PhotoGroups, thresholds: Thresholds, control: Control
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
    rows = gallery.labels
    near = _near(*graph.of(rows), rows, thresholds.cosine)
    with ThreadPoolExecutor(max(1, session.threads), "compare") as workers:
        small = yield from _thumbnails(session, rows, workers, control)
        yield from _join_whole(session, small, groups, thresholds, workers, control)
        parts = yield from _fitting(small, near, groups, thresholds, workers, control)
        yield from _join_parts(session, parts, groups, thresholds, workers, control)


@dataclass(frozen=True, slots=True, eq=False)
class _Small:
    """Feature rows that have a preview, [n] int64 ascending: its thumbnail [n, SIDE, SIDE] uint8 and its width by
    height [n]."""

    rows: NDArray[np.int64]
    pictures: NDArray[np.uint8]
    shapes: NDArray[np.float64]


def _thumbnails(
    session: LibrarySession, rows: NDArray[np.int64], workers: ThreadPoolExecutor, control: Control
) -> Generator[Progress, None, _Small]:
    found: list[tuple[int, NDArray[np.uint8], float]] = []
    for part in _parts(len(rows)):
        numbers = rows[part].tolist()
        photos = session.reader.photos_of_features(numbers)
        made = workers.map(lambda some: _thumbnail(session, some), [photos.get(row, ()) for row in numbers])
        found += [(row, *one) for row, one in zip(numbers, made, strict=True) if one is not None]
        yield _progress(0, part, len(rows))
        control.wait_if_paused()
    return _Small(
        np.array([row for row, _, _ in found], np.int64),
        np.array([picture for _, picture, _ in found], np.uint8).reshape(-1, SIDE, SIDE),
        np.array([shape for _, _, shape in found], np.float64),
    )


def _join_whole(
    session: LibrarySession,
    small: _Small,
    groups: PhotoGroups,
    thresholds: Thresholds,
    workers: ThreadPoolExecutor,
    control: Control,
) -> Iterator[Progress]:
    """Join pictures that are whole, whatever was done to their light, size and orientation.

    Thumbnails of things on a plain ground agree where only the outlines do, so the pictures themselves are
    compared too. Where most of a picture agrees to the last and the rest is covered, that is not possible.
    """
    proposer = Proposer(small.pictures)
    squares = _made(session, square)
    seen: set[tuple[int, int]] = set()  # most pairs are proposed from both sides

    def alike(part: slice) -> list[tuple[int, int, int, bool]]:
        """(row, row, the turn that lays the second on the first, whether to compare the pictures)."""
        pairs, turns = proposer.of(part)
        least, middle, most = agreement(small.pictures, pairs, turns)
        whole = (least >= thresholds.least) & (middle >= thresholds.middle)
        kept = np.flatnonzero(whole | (most >= thresholds.most))
        rows = small.rows[pairs[kept]].tolist()
        flags = zip(rows, turns[kept].tolist(), whole[kept].tolist(), strict=True)
        return [(one, other, turn, compare) for (one, other), turn, compare in flags]

    def compared(pair: tuple[int, int, int, bool]) -> Sameness | None:
        """None where there is nothing to compare."""
        one, other, turn, compare = pair
        first, second = (squares(one), squares(other)) if compare else (None, None)
        if first is None or second is None:
            return None
        return upright(first, np.ascontiguousarray(turned(second, turn)))

    parts = _parts(len(small.rows))
    plain: list[tuple[float, tuple[int, int]]] = []
    for start in range(0, len(parts), _BATCH):
        some = parts[start : start + _BATCH]
        proposed = {row_pair(*pair[:2]): pair for pairs in workers.map(alike, some) for pair in pairs}
        found = {rows: pair for rows, pair in proposed.items() if rows not in seen}
        seen.update(found)
        for pair, said in zip(found, workers.map(compared, found.values()), strict=True):
            if not found[pair][3]:
                groups.join(*pair)
            elif said is not None and not thresholds.met_by(said, whole=True):
                if _is_plain(said):
                    groups.keep_apart(*pair)
            elif said is not None and _is_plain(said):
                plain.append((said.structure, pair))
            elif said is not None:
                groups.join(*pair)
        yield _progress(1, some[-1], len(small.rows))
        control.wait_if_paused()
    for _, pair in sorted(plain, reverse=True):
        groups.join(*pair, doubtful=True)


def _fitting(
    small: _Small,
    near: Mapping[tuple[int, int], float],
    groups: PhotoGroups,
    thresholds: Thresholds,
    workers: ThreadPoolExecutor,
    control: Control,
) -> Generator[Progress, None, list[tuple[int, int, bool]]]:
    """(row, row, whether in the mirror): of rows that are `near` by descriptor, with their cosine, those of which
    one can be laid into the other. Such that share photos are neighbours in the list."""
    place = {row: number for number, row in enumerate(small.rows.tolist())}
    pairs = [pair for pair in near if groups.apart(*pair) and all(row in place for row in pair)]

    def fits(pair: tuple[int, int]) -> bool | None:
        """Whether it fits in the mirror, None where it fits neither way."""
        one, other = (place[row] for row in pair)
        least = max(thresholds.fit, thresholds.near - near[pair] / 2)
        for mirror in (False, True):
            seen = small.pictures[other][:, ::-1] if mirror else small.pictures[other]
            if fit(small.pictures[one], seen, float(small.shapes[one]), float(small.shapes[other])) >= least:
                return mirror
        return None

    found: list[tuple[int, int, bool]] = []
    together = PhotoGroups()
    for part in _parts(len(pairs)):
        for pair, mirror in zip(pairs[part], workers.map(fits, pairs[part]), strict=True):
            if mirror is not None:
                found.append((*pair, mirror))
                together.join(*pair)
        yield _progress(2, part, len(pairs))
        control.wait_if_paused()
    return sorted(found, key=lambda pair: (together.root(pair[0]), pair))


def _join_parts(
    session: LibrarySession,
    pairs: Sequence[tuple[int, int, bool]],
    groups: PhotoGroups,
    thresholds: Thresholds,
    workers: ThreadPoolExecutor,
    control: Control,
) -> Iterator[Progress]:
    """Join pictures of which one is a part of the other."""
    sketches = _made(session, sketch)

    def compared(pair: tuple[int, int, bool]) -> Sameness:
        one, other, mirror = pair
        first, second = sketches(one), sketches(other)
        return Sameness() if first is None or second is None else sameness(first, second, mirror=mirror)

    for part in _parts(len(pairs)):
        some = [pair for pair in pairs[part] if groups.apart(*pair[:2])]
        for (one, other, _), said in zip(some, workers.map(compared, some), strict=True):
            if thresholds.met_by(said, whole=False):
                groups.join(one, other, doubtful=_is_plain(said))
        yield _progress(3, part, len(pairs))
        control.wait_if_paused()


def _parts(count: int) -> list[slice]:
    return [slice(start, min(count, start + _AT_ONCE)) for start in range(0, count, _AT_ONCE)]


def _progress(step: int, part: slice, count: int) -> Progress:
    """Of `_STEPS` steps, the same share each."""
    return Progress(Phase.COMPARING, done=step * count + part.stop, total=_STEPS * count)


def _is_plain(found: Sameness) -> bool:
    """Whether it is about things on a plain ground."""
    return found.telling < _TELLING


def _near(
    neighbours: NDArray[np.int64], cosines: NDArray[np.float32], rows: NDArray[np.int64], least: float
) -> dict[tuple[int, int], float]:
    """The cosine of the pairs of rows, the smaller first, that are among the nearest and reach `least`.

    neighbours, cosines: [N, k] of `rows` [N], as the graph gives them."""
    which, place = np.nonzero((cosines[:, :_NEAREST] >= least) & (neighbours[:, :_NEAREST] >= 0))
    found = zip(
        rows[which].tolist(), neighbours[which, place].tolist(), cosines[which, place].tolist(), strict=True
    )
    return dict(sorted((row_pair(one, other), cosine) for one, other, cosine in found))


def _thumbnail(session: LibrarySession, photos: Iterable[PhotoRecord]) -> tuple[NDArray[np.uint8], float] | None:
    """The thumbnail of the content of photos, and its width by height; None where there is no preview."""
    picture = _picture(session, photos, SIDE)
    return None if picture is None else (thumbnail(picture), picture.shape[1] / picture.shape[0])


def _made(session: LibrarySession, make: Callable[[NDArray[np.uint8]], Made]) -> Callable[[int], Made | None]:
    """What is made of the picture of a feature row, from its preview; None where there is none."""

    @lru_cache(maxsize=_KEPT)
    def made(row: int) -> Made | None:
        picture = _picture(session, session.reader.photos_of_features([row]).get(row, ()), SKETCH_SIDE)
        return None if picture is None else make(picture)

    return made


def _picture(session: LibrarySession, photos: Iterable[PhotoRecord], side: int) -> NDArray[np.uint8] | None:
    """The grey levels of the content of photos, [h, w]."""
    for photo in photos:
        data = session.preview(photo) if photo.status in _STATUS else None
        if data is not None:
            try:
                return decode_thumbnail(data, side, grey=True)
            except UnreadableImage as error:
                log.warning("a preview is damaged: %s", error)
    return None


def _rated(session: LibrarySession, photos: Sequence[PhotoRecord]) -> list[tuple[PhotoRecord, int]]:
    """Photos whose content is known as it is now, with their ratings."""
    return [(photo, session.reader.facts_of(photo.id).rating or 0) for photo in photos if photo.status in _STATUS]
