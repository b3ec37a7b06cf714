"""The protocol `folders`: the direct children of a folder are the classes, every photo is a query in the rest.

Paths, folder names and labels never reach the stages: they see a gallery in the order of its content. A query
takes part in nothing that is computed from the gallery. AP is over the full list (re-ranked head, then the
`global` tail), P@20 over 20, photos whose class has no other photo are no queries (they stay in the gallery), and
the search is exact (no HNSW).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.domain.features import PhotoFeatures
from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import Skipped
from desktop_app.domain.progress import Control, NoControl, Progress
from desktop_app.domain.query import Profile
from desktop_app.domain.results import Stage
from desktop_app.evaluation.clock import Clock
from desktop_app.evaluation.measures import average_precision, precision_at, recall_at
from desktop_app.evaluation.ranking import Gallery, Look, content_key, rankings, stages_of
from desktop_app.evaluation.report import SECONDS, Report, Row, Step
from desktop_app.retrieval.close_look import CloseLook
from desktop_app.retrieval.parameters import RetrievalParameters

PROFILES = (Profile.INSTANT, Profile.BALANCED)
PROTOCOL = "folders"
SEED = 2026
MEASURES = ("mAP", "R@1", "P@20")

FileEmbedder = Callable[[Sequence[Path]], Iterator[PhotoFeatures | Skipped]]
"""Decodes and embeds files: one item per path, in order; what cannot be used comes as Skipped with its reason."""


RegionEmbedder = Callable[[Sequence[tuple[Path, Region]]], Iterator[PhotoFeatures | Skipped]]
"""Likewise for parts of photos, as a search does with a region of its query."""


def _no_regions(parts: Sequence[tuple[Path, Region]]) -> Iterator[PhotoFeatures | Skipped]:
    raise UsageError("this pack cannot be asked with a part of a photo")


FileLook = Callable[[Path, Sequence[tuple[Path, PhotoFeatures]]], CloseLook]
"""A close look with one file at others, of which the features are known."""


@dataclass(frozen=True, slots=True)
class EvaluatedPack:
    """A pack under evaluation: its name, what its manifest says about scores, and how it embeds files.

    look: for the stage `evidence`; None for a pack that does not have it. small: the codes of what a file shows,
    seen small (`retrieval.cell_match`); None leaves the cells out.
    """

    name: str
    parameters: RetrievalParameters
    embed_files: FileEmbedder
    embed_regions: RegionEmbedder = _no_regions
    look: FileLook | None = None
    small: Callable[[Path], NDArray[np.uint8] | None] | None = None


def evaluate_folders(
    root: Path,
    packs: Sequence[EvaluatedPack],
    *,
    is_picture: Callable[[bytes], bool],
    profiles: Sequence[Profile] = PROFILES,
    queries: int | None = None,
    seed: int = SEED,
    intervals: bool = False,
    control: Control | None = None,
) -> Generator[Progress, None, Report]:
    """Run the protocol over the photos below `root`; yields progress and returns the report.

    `is_picture` says by a file's name whether it is read at all. `queries` None: every photo of a class of two or
    more; a number: so many of them, taken in turn from all classes, chosen by `seed`.
    intervals: whether the report says what each profile gains over the one before.
    A profile runs those of its stages that this version and the pack have: `stages_run` of its row names them.
    Raises UsageError when there is nothing to evaluate.
    """
    control = control or NoControl()
    if queries is not None and queries < 1:
        raise UsageError(f"{queries} queries cannot be asked", remedy="Give a number of 1 or more")
    files = class_files(root, is_picture)
    if len({number for _, number in files}) < 2:
        raise UsageError(
            f"the pictures in {root} are all in one folder, so that every answer would be right",
            remedy="Put the pictures of each class into a folder of its own",
        )
    rows: list[Row] = []
    images, skipped = 0, ()  # type: int, tuple[Skipped, ...]
    asking: list[int] = []  # numbers of the files that ask, the same ones with every pack
    for pack in packs:
        features, numbers, skipped = yield from _embed(files, pack, control)
        if not features:
            raise UsageError(f"no picture below {root} can be read")
        order = sorted(range(len(features)), key=lambda row: content_key(features[row]))
        photos = [features[row] for row in order]
        gallery = Gallery.of(photos)
        placed = np.array([numbers[row] for row in order], dtype=np.int64)
        classes = np.array([files[number][1] for number in placed], dtype=np.int64)
        if not asking:
            asking = sorted(int(number) for number in placed[choose_queries(classes, queries, seed)])
        if not asking:
            raise UsageError(
                f"no folder in {root} holds two pictures that can be read",
                remedy="Put the pictures of each class into a folder of its own",
            )
        chosen = np.flatnonzero(np.isin(placed, asking))
        images = len(gallery)
        paths = [files[number][0] for number in placed]
        look = _looks(pack, list(zip(paths, photos, strict=True)))
        small = _small(pack, paths)
        for profile in profiles:
            stages = stages_of(profile, gallery, pack.parameters, closely=look is not None)
            answers = rankings(gallery, chosen, stages=stages, parameters=pack.parameters, look=look, small=small)
            name = f"{pack.name}, {profile.value}"
            values = yield from _measure(answers, classes, Clock(len(chosen), name), control)
            rows.append(_row(pack, profile, stages, values, placed[chosen]))
    steps = [Step.between(*two, "profile") for two in pairwise(rows) if intervals and two[0].pack == two[1].pack]
    return Report(
        protocol=PROTOCOL,
        images=images,
        queries=len(asking),
        rows=tuple(rows),
        skipped=skipped,
        steps=tuple(steps),
    )


def _looks(pack: EvaluatedPack, photos: Sequence[tuple[Path, PhotoFeatures]]) -> Callable[[int], Look] | None:
    """A close look by query and candidates, both as places in the gallery."""
    look = pack.look
    if look is None:
        return None
    return lambda query: lambda rows: look(photos[query][0], [photos[row] for row in rows.tolist()])


def _small(pack: EvaluatedPack, paths: Sequence[Path]) -> Callable[[int], NDArray[np.uint8] | None] | None:
    """What a query shows, seen small, by its place in the gallery."""
    seen = pack.small
    return None if seen is None else lambda query: seen(paths[query])


def class_files(root: Path, is_picture: Callable[[bytes], bool]) -> list[tuple[Path, int]]:
    """The pictures below each direct child folder of `root` with the number of their class.

    Hidden files and folders are left out, links to folders are not followed.
    Raises UsageError when `root` is not a folder or holds no pictures in folders.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder")
    children = sorted(child for child in root.iterdir() if child.is_dir() and not child.name.startswith("."))
    found: list[tuple[Path, int]] = []
    for number, child in enumerate(children):
        for folder, folders, names in os.walk(child):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found += [
                (Path(folder) / name, number)
                for name in sorted(names)
                if not name.startswith(".") and is_picture(os.fsencode(name))
            ]
    if not found:
        raise UsageError(
            f"there are no pictures in the folders of {root}",
            remedy="Its direct sub-folders are taken as the classes; put the pictures there",
        )
    return found


def choose_queries(classes: NDArray[np.int64], wanted: int | None, seed: int) -> NDArray[np.int64]:
    """The positions that ask: all photos whose class has another, or `wanted` of them in turn from all classes.

    Classes take their turn in the order in which they first appear, so that class numbers do not matter.
    """
    _, inverse, counts = np.unique(classes, return_inverse=True, return_counts=True)
    able = np.flatnonzero(counts[inverse] > 1)
    return able[taken_in_turn(classes[able], wanted, seed)]


def taken_in_turn(groups: NDArray[np.int64], wanted: int | None, seed: int) -> NDArray[np.int64]:
    """`wanted` positions of `groups` [N], chosen by `seed`, taken in turn from all groups; None for all.

    Groups take their turn in the order in which they first appear, so that their numbers do not matter. Sorted.
    """
    if wanted is None or wanted >= len(groups):
        return np.arange(len(groups), dtype=np.int64)
    values, first = np.unique(groups, return_index=True)
    random = np.random.Generator(np.random.PCG64(seed))
    shuffled = [random.permutation(np.flatnonzero(groups == values[at])) for at in np.argsort(first)]
    turns = (
        int(positions[turn])
        for turn in range(max(len(positions) for positions in shuffled))
        for positions in shuffled
        if turn < len(positions)
    )
    return np.sort(np.fromiter(turns, dtype=np.int64, count=len(groups))[:wanted])


def _embed(
    files: Sequence[tuple[Path, int]], pack: EvaluatedPack, control: Control
) -> Generator[Progress, None, tuple[list[PhotoFeatures], list[int], tuple[Skipped, ...]]]:
    """Features of the files that can be read with their numbers, and those that cannot."""
    features: list[PhotoFeatures] = []
    numbers: list[int] = []
    skipped: list[Skipped] = []
    clock = Clock(len(files), f"embedding with {pack.name}")
    for number, item in enumerate(pack.embed_files([path for path, _ in files])):
        control.wait_if_paused()
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            features.append(item)
            numbers.append(number)
        if report := clock.step():
            yield report
    return features, numbers, tuple(skipped)


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """values: [queries, 3], the measures in the order of MEASURES, each 0..1. seconds: the time the stages took
    for all queries (embedding, done once for all profiles, is not in it)."""

    values: NDArray[np.float64]
    seconds: float


def _measure(
    answers: Iterator[tuple[int, NDArray[np.int64]]],
    classes: NDArray[np.int64],
    clock: Clock,
    control: Control,
) -> Generator[Progress, None, _Measured]:
    """Ask all queries with one profile."""
    figures = []
    started, waiting = time.perf_counter(), 0.0
    for query, order in answers:
        relevant = classes[order] == classes[query]
        figures.append((average_precision(relevant), recall_at(relevant, 1), precision_at(relevant, 20)))
        if report := clock.step():
            paused = time.perf_counter()
            yield report
            control.wait_if_paused()
            waiting += time.perf_counter() - paused
    return _Measured(np.array(figures), time.perf_counter() - started - waiting)


def _row(
    pack: EvaluatedPack,
    profile: Profile,
    stages: Sequence[Stage],
    measured: _Measured,
    numbers: NDArray[np.int64],
) -> Row:
    """The means, and the values in the order of the files (`numbers` of the queries), the same with every pack."""
    means = measured.values.mean(axis=0)
    by_file = measured.values[np.argsort(numbers)]
    return Row(
        pack=pack.name,
        names={
            "profile": profile.value,
            "stages_run": [stage.value for stage in stages],
        },
        measures={
            **{name: float(value) for name, value in zip(MEASURES, means, strict=True)},
            SECONDS: measured.seconds,
        },
        per_query={name: [float(value) for value in by_file[:, at]] for at, name in enumerate(MEASURES)},
    )
