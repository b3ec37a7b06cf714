"""The protocol `regions`: a thing that fills a tenth of a picture asks for other photos of it. What does it help
to draw a rectangle round it?

The folders of a directory are the things. The middle of a photo of one (an ellipse) is pasted into a photo of
another directory, on 8 to 12 % of its area, scaled, turned and in other light; right are the other photos of its
folder. The library holds these and photos like the background; neither the pasted photo nor its background. It is
searched by the services that the window uses, first with the whole picture, then with the box of the object.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage, UsageError
from desktop_app.domain.geometry import Region
from desktop_app.domain.progress import Control, NoControl, Progress
from desktop_app.domain.query import PixelPicture, Profile, Query, QueryItem
from desktop_app.evaluation.clock import Clock
from desktop_app.evaluation.composites import Points, make_composite
from desktop_app.evaluation.feedback_material import Material, made_library
from desktop_app.evaluation.folders import PROFILES, SEED, choose_queries, class_files
from desktop_app.evaluation.photo_set import MadePictures, picture_files, rank_measures
from desktop_app.evaluation.report import Report, Row
from desktop_app.evaluation.simulated_user import Task, object_shares
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.engine import Engine
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.search import SearchService

PROTOCOL = "regions"
QUERIES = 150
DISTRACTORS = 500
AREA = (0.08, 0.12)  # of the query's picture that the object covers
ELLIPSE = 0.9  # of the sides of a photo, for what is cut out of it
_VERTICES = 60


def evaluate_regions(
    root: Path,
    backgrounds: Path,
    engines: Sequence[Engine],
    *,
    is_picture: Callable[[bytes], bool],
    threads: int = 1,
    queries: int = QUERIES,
    distractors: int = DISTRACTORS,
    profiles: Sequence[Profile] = PROFILES,
    seed: int = SEED,
    control: Control | None = None,
) -> Generator[Progress, None, Report]:
    """Run the protocol with the things in the folders of `root` before photos of `backgrounds`; yields progress
    and returns the report.

    queries: things asked for, the folders in turn. distractors: photos of `backgrounds` in the library.
    Raises UsageError when there is nothing to ask.
    """
    control = control or NoControl()
    if queries < 1 or distractors < 0:
        raise UsageError(
            f"{queries} objects cannot be asked for among {distractors} other photos",
            remedy="Give --queries of 1 or more, and a --distractor-count of 0 or more",
        )
    rows: list[Row] = []
    images = asked = 0
    for engine in engines:
        material = region_material(
            root,
            backgrounds,
            MadePictures(engine),
            is_picture,
            queries=queries,
            distractors=distractors,
            seed=seed,
        )
        with made_library(material, engine, threads=threads) as (library, tasks):
            tasks = [task for task in tasks if task.right]
            if not tasks:
                raise UsageError(f"no folder in {root} holds two pictures that can be read")
            images, asked = len(material.pictures), len(tasks)
            for profile in profiles:
                rows += yield from measured(library, tasks, engine, profile, control)
    return Report(protocol=PROTOCOL, images=images, queries=asked, rows=tuple(rows))


def region_material(
    root: Path,
    backgrounds: Path,
    pictures: MadePictures,
    is_picture: Callable[[bytes], bool],
    *,
    queries: int,
    distractors: int,
    seed: int,
) -> Material:
    """The library and the questions, each with the box of its object as region. Raises UsageError without any
    photo to paste into."""
    random = np.random.default_rng(seed)
    files = class_files(root, is_picture)
    classes = np.array([number for _, number in files], dtype=np.int64)
    own = {path.resolve() for path, _ in files}
    others = [path for path in picture_files(backgrounds, is_picture) if path.resolve() not in own]
    if not others:
        raise UsageError(
            f"there are no other photos in {backgrounds} to paste things into",
            remedy="Give --backgrounds a folder of photos that are not among --data",
        )
    others = [others[at] for at in random.permutation(len(others))]
    asking = choose_queries(classes, queries, seed).tolist()
    behind = others[: len(asking)]
    made = Material()
    number_of = {at: made.add(path) for at, (path, _) in enumerate(files) if at not in set(asking)}
    for path in others[len(behind) : len(behind) + distractors]:
        made.add(path)
    for at, scene in zip(asking, behind, strict=False):
        same = np.flatnonzero(classes == classes[at]).tolist()
        right = [number_of[other] for other in same if other in number_of]
        try:
            item, mask = pasted(files[at][0], scene, pictures, random)
        except (ValueError, UnreadableImage):  # too small a photo, or a broken one
            continue
        made.tasks.append((item, dict.fromkeys(right, object_shares(mask))))
    return made


def pasted(
    photo: Path, scene: Path, pictures: MadePictures, random: np.random.Generator
) -> tuple[QueryItem, NDArray[np.bool_]]:
    """The middle of `photo` inside `scene` as a query with the box of the object as region, and the object's mask.

    Raises UnreadableImage, or ValueError for photos that are too small.
    """
    rgb = pictures.load(photo)
    made = make_composite(rgb, pictures.load(scene), random, area=AREA, polygon=ellipse(*rgb.shape[:2]))
    rows, columns = (np.flatnonzero(made.mask.any(axis=axis)) for axis in (1, 0))
    box = Region(int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1)
    return QueryItem(PixelPicture(made.scene), region=box), made.mask


def ellipse(height: int, width: int) -> Points:
    """[60, 2] x, y: the outline of the middle of a picture."""
    turn = np.linspace(0.0, 2.0 * np.pi, _VERTICES, endpoint=False)
    middle, radius = np.array([width - 1, height - 1]) / 2.0, ELLIPSE * np.array([width, height]) / 2.0
    return np.asarray(middle + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1))


def measured(
    library: LibrarySession, tasks: Sequence[Task], engine: Engine, profile: Profile, control: Control
) -> Generator[Progress, None, list[Row]]:
    """A row without and a row with the region. `errors_removed`: the share of the questions whose first result is
    wrong without the region that the region sets right, less those that it spoils."""
    service = SearchService(library, embedder=QueryEmbedder(library))
    top = library.counts().photos
    rows: list[Row] = []
    missed: float | None = None
    for region in (False, True):
        started, ranks = time.perf_counter(), []
        stages: Sequence[str] = ()
        clock = Clock(len(tasks), f"{engine.embedder.pack_name}, {'with' if region else 'without'} the region")
        for task in tasks:
            control.wait_if_paused()
            item = task.item if region else replace(task.item, region=None)
            *_, answer = service.search(Query((item,), profile=profile, top=top))
            stages = [stage.value for stage in answer.stages_run]
            right = [hit.photo.id in task.right for hit in answer.hits]
            ranks.append(1 + (right.index(True) if True in right else len(right)))
            if report := clock.step():
                yield report
        found = rank_measures(np.array(ranks, dtype=np.int64))
        removed = None if not missed else 1.0 - (1.0 - found["R@1"]) / missed
        missed = 1.0 - found["R@1"]
        rows.append(
            Row(
                pack=engine.embedder.pack_name,
                names={"profile": profile.value, "stages_run": stages, "region": "with" if region else "without"},
                measures={**found, "errors_removed": removed, "seconds": time.perf_counter() - started},
                per_query={"rank": [float(rank) for rank in ranks]},
            )
        )
    return rows
