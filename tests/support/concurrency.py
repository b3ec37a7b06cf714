"""Threads that search, index and mark in one open library, and the check of every answer against the answers that
the library gave when nobody else worked in it.

Every commit of the writer is a version: the catalogue is copied while it is current. An answer is right when the
same search in the copy of a version that was current between the answer's start and its end gives the same,
whatever is in it. The neighbour graph is a cache that changes apart from the catalogue, so any graph of that time
goes with any version of it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from desktop_app.domain.features import Embedding
from desktop_app.domain.feedback import FeedbackSession
from desktop_app.domain.filters import FilterKind, PhotoFilter
from desktop_app.domain.query import LibraryPicture, PhotoMark, PixelPicture, Profile, Query, QueryItem
from desktop_app.domain.results import SearchAnswer
from desktop_app.services.engine import Engine
from desktop_app.services.feedback import FeedbackService, query_of
from desktop_app.services.index_folder import index_folders, rescan
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.saved_sessions import save_session

KEPT = 24  # photos that never go
MOST = 60  # photos that may come and go beside them
SIDE = 96
TAGS = ("wall", "door")
JOIN_SECONDS = 300.0  # generous: only a deadlock takes longer than a busy machine

Answers = tuple[SearchAnswer, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """Something that was current, or under way, from one moment to another (seconds of `time.monotonic`)."""

    start: float
    end: float

    def overlaps(self, other: Span) -> bool:
        return self.start <= other.end and other.start <= self.end


class History:
    """The versions of a library and its neighbour graphs, each with the time in which it was current."""

    def __init__(self, session: LibrarySession, folder: Path) -> None:
        """From now on every commit of `session` leaves a copy of its catalogue in `folder`."""
        self.folder = folder
        self._versions: list[float] = []  # when each began at the earliest
        self._until: list[float] = []  # when each was followed at the latest
        self.graphs: list[object] = [next(iter(session._graphs._graphs.values()), None)]
        self._graphs_from, self._graphs_until = [float("-inf")], []
        database = session._catalogue._db  # type: ignore[union-attr]
        self._connection: sqlite3.Connection = database._connection
        self._guard = database._guard
        self._changes = self._connection.total_changes
        session.write(lambda _: self._keep(float("-inf")))
        database._guard = self._watched  # type: ignore[method-assign]
        session._graphs._graphs = _Told(session._graphs._graphs, self._graph_changed)

    def __len__(self) -> int:
        return len(self._versions)

    def current_in(self, span: Span) -> tuple[list[int], list[int]]:
        """The numbers of the versions and of the graphs that were current at some time of `span`."""
        return _overlapping(self._versions, self._until, span), _overlapping(
            self._graphs_from, self._graphs_until, span
        )

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        began = time.monotonic()
        with self._guard():
            yield
            changed = self._connection.total_changes != self._changes
            if changed and not self._connection.in_transaction:
                self._changes = self._connection.total_changes
                self._until.append(time.monotonic())
                self._keep(began)

    def _keep(self, began: float) -> None:
        place = self.folder / str(len(self._versions))
        place.mkdir(parents=True)
        with contextlib.closing(sqlite3.connect(place / "catalogue.sqlite")) as copy:
            self._connection.backup(copy)
        self._versions.append(began)

    def _graph_changed(self, graph: object, began: float) -> None:
        self._graphs_until.append(time.monotonic())
        self.graphs.append(graph)
        self._graphs_from.append(began)


def _overlapping(begins: Sequence[float], ends: Sequence[float], span: Span) -> list[int]:
    closed = [*ends, float("inf")]
    return [at for at, begin in enumerate(begins) if Span(begin, closed[at]).overlaps(span)]


class _Told(dict):  # type: ignore[type-arg]
    """A dictionary that tells what is put into it, and since when it may have been seen there."""

    def __init__(self, entries: dict[str, object], tell: Callable[[object, float], None]) -> None:
        super().__init__(entries)
        self._tell = tell

    def __setitem__(self, key: str, value: object) -> None:
        began = time.monotonic()
        super().__setitem__(key, value)
        self._tell(value, began)


@dataclass(slots=True)
class Outcome:
    """What the threads did: the answers by query and the time they took, and what they stumbled over."""

    answers: list[tuple[int, Span, Answers]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    indexed: int = 0
    marked: int = 0


def make_photos(folder: Path, count: int, *, seed: int, name: str) -> None:
    """Parts of photographs, [SIDE, SIDE] each."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    photographs = (data.coffee(), data.rocket(), data.chelsea(), data.astronaut())
    for number in range(count):
        photo = photographs[int(random.integers(len(photographs)))]
        y, x = (int(random.integers(0, side - SIDE)) for side in photo.shape[:2])
        part = cv2.cvtColor(photo[y : y + SIDE, x : x + SIDE], cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"{name}-{number}.png"), part)


def queries(session: LibrarySession) -> list[Query]:
    """Searches of many kinds, among them some whose answers change with every tag."""
    photos = [photo.id for photo in session.photos_page(limit=1000) if photo.name.startswith("kept")]
    outside = QueryItem(PixelPicture(np.ascontiguousarray(data.coffee()[100:300, 150:350])))
    inside = [QueryItem(LibraryPicture(photo)) for photo in photos[:4]]
    tagged = PhotoFilter(choices=((FilterKind.TAG, TAGS[0]),))
    asked = FeedbackSession(Query((outside,), top=30)).with_marks(
        (PhotoMark(photos[5], 1), PhotoMark(photos[6], 1), PhotoMark(photos[7], -1))
    )
    return [
        Query((outside,), profile=Profile.INSTANT, top=10),
        Query((outside,), profile=Profile.BALANCED, top=10),
        Query((inside[0],), profile=Profile.INSTANT, top=200),
        Query((inside[1], inside[2], replace(inside[3], negative=True)), profile=Profile.BALANCED, top=200),
        Query((outside,), profile=Profile.BALANCED, top=50, chosen=tagged),
        Query((inside[0],), profile=Profile.INSTANT, top=50, chosen=PhotoFilter(text=TAGS[1])),
        query_of(asked),
    ]


class Crowd:
    """Two threads that search, one that indexes and one that marks, until it is time."""

    def __init__(self, session: LibrarySession, photos: Path, *, seconds: float, seed: int = 5) -> None:
        self._session = session
        self._photos = photos
        self._seconds = seconds
        self._seed = seed
        self._until = 0.0
        self.queries = queries(session)
        self.outcome = Outcome()

    def run(self) -> Outcome:
        jobs = {"searching": self._search, "searching too": self._search, "indexing": self._index}
        jobs["marking"] = self._mark
        self._until = time.monotonic() + self._seconds
        threads = [
            threading.Thread(target=self._guarded, args=(job, number), name=name, daemon=True)
            for number, (name, job) in enumerate(jobs.items())
        ]
        for thread in threads:
            thread.start()
        end = self._until + JOIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        self.outcome.stuck = [thread.name for thread in threads if thread.is_alive()]
        return self.outcome

    def _guarded(self, job: Callable[[np.random.Generator], None], number: int) -> None:
        try:
            job(np.random.default_rng([self._seed, number]))
        except BaseException as error:
            self.outcome.errors.append(error)
            self._until = 0.0

    def _going_on(self) -> bool:
        return time.monotonic() < self._until

    def _search(self, random: np.random.Generator) -> None:
        service = FeedbackService(self._session)
        while self._going_on():
            self._ask(service, int(random.integers(len(self.queries))))

    def _ask(self, service: FeedbackService, number: int) -> None:
        began = time.monotonic()
        answers = tuple(service.search(self.queries[number]))
        self.outcome.answers.append((number, Span(began, time.monotonic()), answers))

    def _index(self, random: np.random.Generator) -> None:
        """New photos, copies and deletions, again and again."""
        cycle = 0
        while self._going_on():
            cycle += 1
            passing = sorted(self._photos.glob("passing-*"))
            gone = random.permutation(len(passing))[: 6 if len(passing) > MOST else 2]
            for at in gone:
                passing[int(at)].unlink()
            make_photos(self._photos, 3, seed=1000 * self._seed + cycle, name=f"passing-{cycle}")
            kept = sorted(self._photos.glob("kept-*"))
            copied = kept[int(random.integers(len(kept)))]
            (self._photos / f"passing-{cycle}-copy.png").write_bytes(copied.read_bytes())
            for step in rescan(self._session):
                self.outcome.indexed += len(step.changed)

    def _mark(self, random: np.random.Generator) -> None:
        """Tags, ratings and rounds of feedback that are kept by name."""
        service = FeedbackService(self._session)
        ids = [photo.id for photo in self._session.photos_page(limit=1000) if photo.name.startswith("kept")]
        while self._going_on():
            some = [ids[int(at)] for at in random.permutation(len(ids))[:3]]
            tag = TAGS[int(random.integers(2))]
            if random.random() < 0.5:
                self._session.change_tags(some, add=[tag])
            else:
                self._session.change_tags(some, remove=[tag])
            self._session.set_rating(some[:1], int(random.integers(0, 6)))
            asked = FeedbackSession(self.queries[0]).with_marks((PhotoMark(some[0], 1),))
            service.round(asked)
            save_session(asked.named("rounds"), self._session)
            self._ask(service, len(self.queries) - 1)
            self.outcome.marked += 1
            time.sleep(0.05)  # a person does not click faster


class Oracle:
    """The answers that a version of the library gives when nobody else works in it."""

    def __init__(self, session: LibrarySession, history: History, asked: Sequence[Query]) -> None:
        engine = session.index_engine()
        self._engine = replace(engine, embedder=_Remembering(engine.embedder))
        self._previews = session.layout.previews_dir
        self._history = history
        self._queries = asked
        self._known: dict[tuple[int, int, int], Answers] = {}

    def wrong(self, outcome: Outcome) -> list[str]:
        """A sentence for every answer that no version gives that was current between its start and its end."""
        found = []
        waiting = [
            (number, _told(answers), *self._history.current_in(span)) for number, span, answers in outcome.answers
        ]
        # version by version, so that each is opened once
        for version in sorted({version for _, _, versions, _ in waiting for version in versions}):
            here = [(n, graph) for n, _, versions, graphs in waiting if version in versions for graph in graphs]
            self._ask(version, sorted(set(here)))
            waiting = [
                (number, told, versions, graphs)
                for number, told, versions, graphs in waiting
                if not any(self._known.get((number, version, graph)) == told for graph in graphs)
            ]
        for number, told, versions, graphs in waiting:
            found.append(
                f"query {number}: {len(told)} answers of {[len(answer.hits) for answer in told]} hits are those of"
                f" none of the versions {versions} with the graphs {graphs}"
            )
        return found

    def _ask(self, version: int, asked: Sequence[tuple[int, int]]) -> None:
        root = self._history.folder / str(version)
        with contextlib.suppress(FileExistsError):
            (root / "previews").symlink_to(self._previews, target_is_directory=True)
        with _alone(root, self._engine) as session:
            service = FeedbackService(session)
            for number, graph in asked:
                session._graphs._graphs = {self._engine.digest: self._history.graphs[graph]}
                session._graphs._groups.clear()
                self._known[number, version, graph] = _told(tuple(service.search(self._queries[number])))


@contextlib.contextmanager
def _alone(root: Path, engine: Engine) -> Iterator[LibrarySession]:
    with LibrarySession(
        root, writer=False, open_engine=lambda _: engine, find_pack=lambda _: engine.source
    ) as session:
        yield session


class _Remembering:
    """An embedder that answers a picture it has seen without its network, and is not closed by its sessions."""

    def __init__(self, embedder: object) -> None:
        self._embedder = embedder
        self._seen: dict[bytes, Embedding] = {}

    def __getattr__(self, name: str) -> object:
        return getattr(self._embedder, name)

    def embed_query(self, tensor: np.ndarray) -> Embedding:
        key = tensor.tobytes()
        if key not in self._seen:
            self._seen[key] = self._embedder.embed_query(tensor)  # type: ignore[attr-defined]
        return self._seen[key]

    def close(self) -> None:
        """The session that was measured still needs it."""


def _told(answers: Answers) -> Answers:
    """The answers without what depends on the moment."""
    return tuple(replace(answer, timings_ms={}) for answer in answers)


def prepare(session: LibrarySession, photos: Path) -> None:
    """Index the photos that stay, and a few that will go."""
    make_photos(photos, KEPT, seed=1, name="kept")
    make_photos(photos, 6, seed=2, name="passing-0")
    for _ in index_folders(session, [photos]):
        pass
