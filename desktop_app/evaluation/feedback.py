"""The protocol `feedback`: what do a person's marks, and automatic feedback, bring?

A library is made in a folder of its own and searched by the services that the window uses. `composites`: one
object pasted into several photos, its own picture asks; `objects`: the box of an object of an annotated photo
asks, right are the other photos with objects of its class. A simulated user marks for three rounds. All rounds of
a question are scored on the same residual gallery: without the photos that were looked at or marked in any.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.domain.feedback import FeedbackSession
from desktop_app.domain.geometry import Grid, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.progress import Control, NoControl, Progress
from desktop_app.domain.query import (
    AutomaticFeedback,
    LibraryPicture,
    PixelPicture,
    Pooling,
    Profile,
    Query,
    QueryItem,
)
from desktop_app.evaluation.annotations import EvidencePhoto, OutlinedObject, read_photos
from desktop_app.evaluation.clock import Clock
from desktop_app.evaluation.composites import Rgb, make_composite, outline_mask, random_outline
from desktop_app.evaluation.folders import SEED
from desktop_app.evaluation.measures import average_precision
from desktop_app.evaluation.photo_set import MadePictures
from desktop_app.evaluation.report import Report, Row
from desktop_app.evaluation.simulated_user import Shares, Task, clicks, object_shares
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.engine import Engine
from desktop_app.services.feedback import FeedbackService, query_of
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession

PROTOCOL = "feedback"
COMPOSITES, OBJECTS = "composites", "objects"
ROUNDS = 3
TASKS = 60
SCENES = 8  # photos that every object is pasted into
OTHERS = 500  # photos without any object
PER_CLASS = 4  # questions of every class
FEWEST_RIGHT = 4  # photos with its class that a question needs
AREA = (0.08, 0.3)
AUTOMATIC = (None, AutomaticFeedback(Pooling.AVERAGE), AutomaticFeedback(Pooling.MAXIMUM))
_WORST = 1e-9  # losses of average precision below this are rounding


@dataclass(eq=False)
class Material:
    """Pictures of a library to be, and tasks over them by the number of the picture.

    whole: (number of the asking picture, region) for questions that are photos of the library.
    """

    pictures: list[Rgb] = field(default_factory=list)
    tasks: list[tuple[QueryItem | tuple[int, Region], dict[int, Shares]]] = field(default_factory=list)

    def add(self, rgb: Rgb) -> int:
        self.pictures.append(rgb)
        return len(self.pictures) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Rounds:
    """What became of one task: the photos found in every round (from 0), and all that were looked at."""

    found: tuple[tuple[PhotoId, ...], ...]
    seen: frozenset[PhotoId]

    def average_precisions(self, right: Mapping[PhotoId, Shares]) -> list[float] | None:
        """Of every round on the residual gallery; None when nothing right is left in it."""
        left = [[photo in right for photo in found if photo not in self.seen] for found in self.found]
        return [average_precision(np.array(one)) for one in left] if any(left[0]) else None


def evaluate_feedback(
    root: Path,
    engines: Sequence[Engine],
    *,
    is_picture: Callable[[bytes], bool],
    threads: int = 1,
    labels: Path | None = None,
    tests: Sequence[str] | None = None,
    tasks: int = TASKS,
    others: int = OTHERS,
    profiles: Sequence[Profile] = (Profile.BALANCED,),
    seed: int = SEED,
    control: Control | None = None,
) -> Generator[Progress, None, Report]:
    """Run the protocol with the photos below `root`; yields progress and returns the report.

    labels: annotations as in `annotations.read_photos`. tests: only these of `composites` and `objects` (the
    latter needs annotations). tasks: questions of each. others: photos beside the composites.
    Raises UsageError when there is nothing to ask.
    """
    control = control or NoControl()
    photos = read_photos(root, is_picture=is_picture, labels=labels)
    wanted = [COMPOSITES, *([OBJECTS] if any(photo.objects for photo in photos) else [])]
    for name in tests or ():
        if name not in wanted:
            raise UsageError(f"there is no test '{name}' of these photos", remedy=f"There are {', '.join(wanted)}")
    rows: list[Row] = []
    images, asked = 0, 0
    for name in [name for name in wanted if tests is None or name in tests]:
        for engine in engines:
            load = MadePictures(engine).load
            random = np.random.default_rng(seed)
            if name == COMPOSITES:
                material = composite_material(photos, load, random, tasks=tasks, others=others)
            else:
                material = object_material(photos, load, random, tasks=tasks)
            if not material.tasks:
                continue
            with made_library(material, engine, threads=threads) as (library, made):
                images, asked = images + len(material.pictures), asked + len(made)
                for profile in profiles:
                    rows += yield from measured(library, made, engine, profile, {"test": name}, control)
    if not rows:
        raise UsageError(f"the photos in {root} do not suffice to ask anything")
    return Report(PROTOCOL, images, asked, tuple(rows))


def composite_material(
    photos: Sequence[EvidencePhoto],
    load: Callable[[Path], Rgb],
    random: np.random.Generator,
    *,
    tasks: int,
    others: int,
) -> Material:
    """Objects pasted into `SCENES` photos each. The photos they are cut from are not in the library."""
    made = Material()
    order = [photos[int(at)] for at in random.permutation(len(photos))]
    cuttable = [photo for photo in order if photo.outlines] or order
    sources = cuttable[: min(tasks, len(order) // 3)]
    rest = [photo for photo in order if photo not in sources]
    for photo in rest[:others]:
        made.add(load(photo.path))
    for source in sources:
        rgb = load(source.path)
        right: dict[int, Shares] = {}
        query = None
        try:
            if source.outlines:
                size = np.array([rgb.shape[1], rgb.shape[0]], dtype=np.float64)
                largest = max(source.outlines, key=lambda item: _area(item))
                polygon = largest.outline * size - 0.5
            else:
                polygon = random_outline(rgb, random)
            for at in random.permutation(len(rest))[:SCENES]:
                pair = make_composite(
                    rgb, load(rest[int(at)].path), random, area=AREA, polygon=polygon, alone=False
                )
                query = pair.query if query is None else query
                right[made.add(pair.scene)] = object_shares(pair.mask)
        except ValueError:  # too small a photo or outline
            pass
        if query is not None:
            made.tasks.append((QueryItem(PixelPicture(query)), right))
    return made


def object_material(
    photos: Sequence[EvidencePhoto], load: Callable[[Path], Rgb], random: np.random.Generator, *, tasks: int
) -> Material:
    """All photos; up to `PER_CLASS` objects of every class ask, the classes in turn."""
    made = Material()
    for photo in photos:
        made.add(load(photo.path))
    by_class: dict[str, list[tuple[int, OutlinedObject]]] = {}
    for at, photo in enumerate(photos):
        for item in photo.objects:
            by_class.setdefault(item.label, []).append((at, item))
    asked: list[tuple[int, OutlinedObject]] = []
    for turn in range(PER_CLASS):
        for label in sorted(by_class):
            holders = {at for at, _ in by_class[label]}
            if len(holders) > FEWEST_RIGHT + turn:
                asked.append(_largest(by_class[label], sorted(holders), turn, random))
    for at, item in asked[:tasks]:
        height, width = made.pictures[at].shape[:2]
        left, top, right_, bottom = item.box
        region = Region(
            int(left * width),
            int(top * height),
            max(32, int((right_ - left) * width)),
            max(32, int((bottom - top) * height)),
        ).clipped(width, height)
        right = {
            other: _mask_of(photo, item.label, made.pictures[other])
            for other, photo in enumerate(photos)
            if other != at and item.label in photo.kinds
        }
        made.tasks.append(((at, region), right))
    return made


@contextmanager
def made_library(
    material: Material, engine: Engine, *, threads: int
) -> Iterator[tuple[LibrarySession, list[Task]]]:
    """A library of the pictures in a folder that is removed afterwards, and the tasks with its photos."""
    with tempfile.TemporaryDirectory(prefix="indicium-feedback-") as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        for number, rgb in enumerate(material.pictures):
            cv2.imwrite(str(folder / "photos" / f"{number:06}.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        with LibrarySession(
            folder / "library",
            writer=True,
            open_engine=lambda pack: engine,
            find_pack=lambda digest: None,
            threads=threads,
        ) as library:
            for _ in index_folders(library, [folder / "photos"]):
                pass
            ids = {int(photo.name[:6]): photo.id for photo in library.photos_page(limit=10**7)}
            tasks = []
            for asked, right in material.tasks:
                if not isinstance(asked, QueryItem):
                    asked = QueryItem(LibraryPicture(ids[asked[0]]), region=asked[1])
                tasks.append(Task(asked, {ids[number]: shares for number, shares in right.items()}))
            yield library, tasks


def measured(
    library: LibrarySession,
    tasks: Sequence[Task],
    engine: Engine,
    profile: Profile,
    names: Mapping[str, object],
    control: Control,
) -> Generator[Progress, None, list[Row]]:
    """The rows of one library: every round of the simulated user, and automatic feedback without any mark."""
    embedder = QueryEmbedder(library)
    service = FeedbackService(library, embedder=embedder)
    top = library.counts().photos
    clock = Clock(len(tasks), f"{engine.embedder.pack_name}, {names['test']}")
    marked: list[list[float] | None] = []
    alone: list[list[float]] = []
    for task in tasks:
        control.wait_if_paused()
        rounds = user_rounds(service, embedder, engine, task, profile=profile, top=top)
        marked.append(rounds.average_precisions(task.right))
        queries = [Query((task.item,), profile=profile, top=top, automatic=way) for way in AUTOMATIC]
        alone.append(
            [
                average_precision(np.array([photo in task.right for photo in _found(service, query)]))
                for query in queries
            ]
        )
        if report := clock.step():
            yield report
    common = {**names, "profile": profile.value}
    counting = [values for values in marked if values is not None]
    rows = [
        _row(
            engine,
            {**common, "feedback": f"round {number}" if number else "none, residual gallery"},
            counting,
            number,
        )
        for number in range(ROUNDS + 1)
        if counting
    ]
    ways = ("none", "automatic, average", "automatic, maximum")
    return rows + [_row(engine, {**common, "feedback": way}, alone, at) for at, way in enumerate(ways)]


def user_rounds(
    service: FeedbackService,
    embedder: QueryEmbedder,
    engine: Engine,
    task: Task,
    *,
    profile: Profile,
    top: int,
    rounds: int = ROUNDS,
) -> Rounds:
    """Let the simulated user mark for some rounds."""

    def frame(photo: PhotoId) -> tuple[Grid, Region]:
        embedded = embedder.embed(QueryItem(LibraryPicture(photo)), engine)
        features = embedded.embedding.local_features
        grid = Grid(14, 14) if features is None else Grid(*features.shape[:2])
        return grid, embedded.pixels.box

    session = FeedbackSession(Query((task.item,), profile=profile, top=top))
    found = [_found(service, session.query)]
    seen: frozenset[PhotoId] = frozenset()
    marked: frozenset[PhotoId] = frozenset()
    for _ in range(rounds):
        made = clicks(task, found[-1], marked, frame)
        if made.marks:
            session = session.with_marks(made.marks)
            seen |= made.seen
            marked |= {mark.photo for mark in made.marks if mark.photo is not None}
            found.append(_found(service, query_of(session)))
        else:
            found.append(found[-1])
    return Rounds(tuple(found), seen)


def _found(service: FeedbackService, query: Query) -> tuple[PhotoId, ...]:
    *_, answer = service.search(query)
    return tuple(hit.photo.id for hit in answer.hits)


def _row(engine: Engine, names: Mapping[str, object], values: Sequence[Sequence[float]], at: int) -> Row:
    """Mean average precision of one way, and what it gains over the first."""
    now = np.array([each[at] for each in values])
    first = np.array([each[0] for each in values])
    return Row(
        pack=engine.embedder.pack_name,
        names=names,
        measures={
            "mAP": float(now.mean()),
            "gain": float((now - first).mean()),
            "not_worse": float((now >= first - _WORST).mean()),
        },
        per_query={"mAP": [float(value) for value in now]},
    )


def _area(item: OutlinedObject) -> float:
    left, top, right, bottom = item.box
    return (right - left) * (bottom - top)


def _largest(
    objects: Sequence[tuple[int, OutlinedObject]], holders: Sequence[int], turn: int, random: np.random.Generator
) -> tuple[int, OutlinedObject]:
    """The largest object of one of the photos that hold the class; another photo every turn."""
    holder = holders[int(random.permutation(len(holders))[turn])]
    return max((one for one in objects if one[0] == holder), key=lambda one: _area(one[1]))


def _mask_of(photo: EvidencePhoto, label: str, rgb: Rgb) -> Shares:
    mask: NDArray[np.bool_] = np.zeros(rgb.shape[:2], dtype=bool)
    size = np.array([rgb.shape[1], rgb.shape[0]], dtype=np.float64)
    for item in photo.objects:
        if item.label == label:
            mask |= outline_mask(item.outline * size - 0.5, *rgb.shape[:2])
    return object_shares(mask)
