"""The protocol `feedback`: what do a person's marks, and automatic feedback, bring?

A library is made in a folder of its own and searched by the services that the window uses. `composites`: one
object pasted into several photos, its own picture asks; `objects`: the box of an object of an annotated photo
asks, right are the other photos with objects of its class; `classes`: a photo asks for the rest of its folder. A
simulated user marks for three rounds. All rounds of a question are scored on the same residual gallery: without
the photos that were looked at or marked in any. Automatic feedback is scored without any mark, on all photos.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from desktop_app.domain.errors import UsageError
from desktop_app.domain.feedback import FeedbackSession
from desktop_app.domain.geometry import Grid, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.progress import Control, NoControl, Progress
from desktop_app.domain.query import (
    AutomaticFeedback,
    LibraryPicture,
    Pooling,
    Profile,
    Query,
    QueryItem,
)
from desktop_app.evaluation.annotations import read_photos
from desktop_app.evaluation.clock import Clock
from desktop_app.evaluation.feedback_material import (
    class_material,
    composite_material,
    made_library,
    object_material,
)
from desktop_app.evaluation.folders import SEED
from desktop_app.evaluation.measures import average_precision
from desktop_app.evaluation.photo_set import MadePictures
from desktop_app.evaluation.report import Report, Row
from desktop_app.evaluation.simulated_user import Shares, Task, clicks
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.engine import Engine
from desktop_app.services.feedback import FeedbackService, query_of
from desktop_app.services.library_session import LibrarySession

PROTOCOL = "feedback"
COMPOSITES, OBJECTS, CLASSES = "composites", "objects", "classes"
ROUNDS = 3
TASKS = 60
OTHERS = 500  # photos without any object
AUTOMATIC = (None, AutomaticFeedback(Pooling.AVERAGE), AutomaticFeedback(Pooling.MAXIMUM))
_WORST = 1e-9  # losses of average precision below this are rounding


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
    marks: bool = True,
    seed: int = SEED,
    control: Control | None = None,
) -> Generator[Progress, None, Report]:
    """Run the protocol with the photos below `root`; yields progress and returns the report.

    labels: annotations as in `annotations.read_photos`. tests: only these of `composites`, `objects` (needs
    annotations) and `classes` (needs folders). tasks: questions of each. others: photos beside the composites.
    marks: False for automatic feedback alone, without a simulated user.
    Raises UsageError when there is nothing to ask.
    """
    control = control or NoControl()
    photos = read_photos(root, is_picture=is_picture, labels=labels)
    folders = {photo.path.relative_to(root).parts[0] for photo in photos if photo.path.parent != root}
    wanted = [
        COMPOSITES,
        *([OBJECTS] if any(photo.objects for photo in photos) else []),
        *([CLASSES] if len(folders) > 1 else []),
    ]
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
            elif name == OBJECTS:
                material = object_material(photos, load, random, tasks=tasks)
            else:
                material = class_material(root, is_picture, tasks=tasks, seed=seed)
            if not material.tasks:
                continue
            with made_library(material, engine, threads=threads) as (library, made):
                images, asked = images + len(material.pictures), asked + len(made)
                for profile in profiles:
                    rows += yield from measured(
                        library, made, engine, profile, {"test": name}, marks=marks, control=control
                    )
    if not rows:
        raise UsageError(f"the photos in {root} do not suffice to ask anything")
    return Report(PROTOCOL, images, asked, tuple(rows))


def measured(
    library: LibrarySession,
    tasks: Sequence[Task],
    engine: Engine,
    profile: Profile,
    names: Mapping[str, object],
    *,
    marks: bool,
    control: Control,
) -> Generator[Progress, None, list[Row]]:
    """The rows of one library: every round of the simulated user (with `marks`), and automatic feedback."""
    embedder = QueryEmbedder(library)
    service = FeedbackService(library, embedder=embedder)
    top = library.counts().photos
    clock = Clock(len(tasks), f"{engine.embedder.pack_name}, {names['test']}")
    marked: list[list[float] | None] = []
    alone: list[list[float]] = []
    for task in tasks:
        control.wait_if_paused()
        if marks:
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
