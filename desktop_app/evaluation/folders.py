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
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.domain.features import PhotoFeatures
from desktop_app.domain.photos import Skipped
from desktop_app.domain.progress import Control, NoControl, Phase, Progress
from desktop_app.domain.query import Profile
from desktop_app.domain.results import Stage
from desktop_app.evaluation.measures import average_precision, precision_at, recall_at
from desktop_app.evaluation.ranking import Gallery, content_key, rankings, stages_of
from desktop_app.retrieval.parameters import RetrievalParameters

PROFILES = (Profile.INSTANT, Profile.BALANCED)
PROTOCOL = "folders"
SEED = 2026
_EVERY = 0.25  # seconds between two reports of progress

FileEmbedder = Callable[[Sequence[Path]], Iterator[PhotoFeatures | Skipped]]
"""Decodes and embeds files: one item per path, in order; what cannot be used comes as Skipped with its reason."""


@dataclass(frozen=True, slots=True)
class EvaluatedPack:
    """A pack under evaluation: its name, what its manifest says about scores, and how it embeds files."""

    name: str
    parameters: RetrievalParameters
    embed_files: FileEmbedder


@dataclass(frozen=True, slots=True)
class FoldersRow:
    """The figures of one pack and profile, each in 0..1. `seconds` is the time the stages took for all queries
    (embedding, done once for all profiles, is not in it)."""

    pack: str
    profile: Profile
    stages_run: tuple[Stage, ...]
    mean_average_precision: float
    recall_at_1: float
    precision_at_20: float
    seconds: float

    def as_json(self) -> dict[str, object]:
        return {
            "pack": self.pack,
            "profile": self.profile.value,
            "stages_run": [stage.value for stage in self.stages_run],
            "mAP": round(self.mean_average_precision, 6),
            "R@1": round(self.recall_at_1, 6),
            "P@20": round(self.precision_at_20, 6),
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class FoldersReport:
    """The outcome: photos in the gallery, queries asked, a row per pack and profile, and the files left out."""

    images: int
    queries: int
    rows: tuple[FoldersRow, ...]
    skipped: tuple[Skipped, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The document that `indicium evaluate folders --json` prints."""
        return {
            "protocol": PROTOCOL,
            "images": self.images,
            "queries": self.queries,
            "rows": [row.as_json() for row in self.rows],
        }


def evaluate_folders(
    root: Path,
    packs: Sequence[EvaluatedPack],
    *,
    is_picture: Callable[[bytes], bool],
    profiles: Sequence[Profile] = PROFILES,
    queries: int | None = None,
    seed: int = SEED,
    control: Control | None = None,
) -> Generator[Progress, None, FoldersReport]:
    """Run the protocol over the photos below `root`; yields progress and returns the report.

    `is_picture` says by a file's name whether it is read at all. `queries` None: every photo of a class of two or
    more; a number: so many of them, taken in turn from all classes, chosen by `seed`.
    A profile runs those of its stages that this version and the pack have: `stages_run` of its row names them.
    Raises UsageError when there is nothing to evaluate.
    """
    control = control or NoControl()
    if queries is not None and queries < 1:
        raise UsageError(f"{queries} queries cannot be asked", remedy="Give a number of 1 or more")
    files = class_files(root, is_picture)
    rows: list[FoldersRow] = []
    images, asked, skipped = 0, 0, ()  # type: int, int, tuple[Skipped, ...]
    for pack in packs:
        features, labels, skipped = yield from _embed(files, pack, control)
        if not features:
            raise UsageError(f"no picture below {root} can be read")
        order = sorted(range(len(features)), key=lambda row: content_key(features[row]))
        gallery = Gallery.of([features[row] for row in order])
        classes = np.array([labels[row] for row in order], dtype=np.int64)
        chosen = choose_queries(classes, queries, seed)
        if not len(chosen):
            raise UsageError(
                f"no folder in {root} holds two pictures that can be read",
                remedy="Put the pictures of each class into a folder of its own",
            )
        images, asked = len(gallery), len(chosen)
        for profile in profiles:
            row = yield from _measure(gallery, classes, chosen, pack, profile, control)
            rows.append(row)
    return FoldersReport(images=images, queries=asked, rows=tuple(rows), skipped=skipped)


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
    values, first, counts = np.unique(classes, return_index=True, return_counts=True)
    in_order = [int(values[at]) for at in np.argsort(first) if counts[at] > 1]
    members = [np.flatnonzero(classes == value) for value in in_order]
    total = sum(len(positions) for positions in members)
    if wanted is None or wanted >= total:
        return np.sort(np.concatenate(members)) if members else np.zeros(0, dtype=np.int64)
    random = np.random.Generator(np.random.PCG64(seed))
    shuffled = [random.permutation(positions) for positions in members]
    turns = (
        int(positions[turn])
        for turn in range(max(len(positions) for positions in shuffled))
        for positions in shuffled
        if turn < len(positions)
    )
    return np.sort(np.fromiter(turns, dtype=np.int64, count=total)[:wanted])


def _embed(
    files: Sequence[tuple[Path, int]], pack: EvaluatedPack, control: Control
) -> Generator[Progress, None, tuple[list[PhotoFeatures], list[int], tuple[Skipped, ...]]]:
    """Features and class numbers of the files that can be read, and those that cannot."""
    features: list[PhotoFeatures] = []
    labels: list[int] = []
    skipped: list[Skipped] = []
    clock = _Clock(len(files), f"embedding with {pack.name}")
    for (_, label), item in zip(files, pack.embed_files([path for path, _ in files]), strict=True):
        control.wait_if_paused()
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            features.append(item)
            labels.append(label)
        if report := clock.step():
            yield report
    return features, labels, tuple(skipped)


def _measure(
    gallery: Gallery,
    classes: NDArray[np.int64],
    chosen: NDArray[np.int64],
    pack: EvaluatedPack,
    profile: Profile,
    control: Control,
) -> Generator[Progress, None, FoldersRow]:
    """Ask all queries with one profile."""
    stages = stages_of(profile, gallery)
    clock = _Clock(len(chosen), f"{pack.name}, {profile.value}")
    figures = []
    started, waiting = time.perf_counter(), 0.0
    for query, order in rankings(gallery, chosen, stages=stages, parameters=pack.parameters):
        relevant = classes[order] == classes[query]
        figures.append((average_precision(relevant), recall_at(relevant, 1), precision_at(relevant, 20)))
        if report := clock.step():
            paused = time.perf_counter()
            yield report
            control.wait_if_paused()
            waiting += time.perf_counter() - paused
    seconds = time.perf_counter() - started - waiting
    mean_ap, recall, precision = (float(value) for value in np.mean(figures, axis=0))
    return FoldersRow(pack.name, profile, stages, mean_ap, recall, precision, seconds)


class _Clock:
    """Counts items and makes a Progress now and then."""

    def __init__(self, total: int, message: str) -> None:
        self._total, self._message = total, message
        self._done = 0
        self._started = self._last = time.perf_counter()

    def step(self) -> Progress | None:
        """One more item is done; a report when the last one is old enough, or at the end."""
        self._done += 1
        now = time.perf_counter()
        if now - self._last < _EVERY and self._done < self._total:
            return None
        self._last = now
        rate = self._done / max(now - self._started, 1e-9)
        return Progress(
            phase=Phase.EVALUATING,
            done=self._done,
            total=self._total,
            rate=rate,
            seconds_left=(self._total - self._done) / rate,
            message=self._message,
        )
