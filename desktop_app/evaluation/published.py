"""A published test: photos, questions, and a judge that alone knows the truth.

Loaders (recall_at_k, oxford, holidays, ukbench, instre, gpr1200, ilias) read the layout in which a test is
published and make a `PublishedTest` of it; everything else is shared. All files are embedded once per pack, every
profile ranks the same features, and a query takes part in nothing that is computed from the gallery. The stages
see a gallery in the order of its content: no path, no name, no label. The search is exact (no HNSW).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
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
from desktop_app.evaluation.folders import PROFILES, SEED, EvaluatedPack, taken_in_turn
from desktop_app.evaluation.photo_set import rank
from desktop_app.evaluation.ranking import Gallery, content_key, rankings, stages_of
from desktop_app.evaluation.report import SECONDS, Report, Row
from desktop_app.retrieval.parameters import RetrievalParameters

Judge = Callable[[int, NDArray[np.int64]], Mapping[str, float | None]]
"""Takes the number of a question and the gallery numbers of all photos found, best first, without the question's
own photo; returns its measures by name, None where the question does not count."""


@dataclass(frozen=True, slots=True)
class Question:
    """One query of a published test.

    path: its file. region: the part of it that asks, in pixels; None for all of it. member: its number in the
    gallery when it is one of the photos there (it is then left out of its own search), else None. group: when
    only some questions are asked they are taken in turn from all groups. No two questions have the same member.
    """

    path: Path
    region: Region | None = None
    member: int | None = None
    group: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class PublishedTest:
    """The files of a test, what is asked, and who judges the answers. notes: see `Report`."""

    protocol: str
    gallery: tuple[Path, ...]
    questions: tuple[Question, ...]
    judge: Judge
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """What a pack makes of a test: the readable photos in the order of their content, with the number of each in
    the test, and the features of the questions that are no member, by their number."""

    gallery: Gallery
    numbers: NDArray[np.int64]
    foreign: Mapping[int, PhotoFeatures]
    skipped: tuple[Skipped, ...]


def evaluate_published(
    test: PublishedTest,
    packs: Sequence[EvaluatedPack],
    *,
    profiles: Sequence[Profile] = PROFILES,
    queries: int | None = None,
    seed: int = SEED,
    control: Control | None = None,
) -> Generator[Progress, None, Report]:
    """Ask the questions of a test; yields progress and returns the report, with the values of every question.

    queries: None for all questions, else so many, chosen by `seed`, the same ones with every pack and profile.
    A question whose file cannot be read does not count; a photo that cannot be read is never found.
    Raises UsageError when there is nothing to ask.
    """
    control = control or NoControl()
    if queries is not None and queries < 1:
        raise UsageError(f"{queries} queries cannot be asked", remedy="Give a number of 1 or more")
    chosen = taken_in_turn(np.array([question.group for question in test.questions]), queries, seed)
    rows: list[Row] = []
    asked, images = 0, 0
    skipped: tuple[Skipped, ...] = ()
    for pack in packs:
        embedded = yield from embed_test(test, chosen, pack, control)
        images, skipped = len(embedded.gallery), embedded.skipped
        for profile in profiles:
            stages = stages_of(profile, embedded.gallery, pack.parameters)
            clock = Clock(len(chosen), f"{pack.name}, {profile.value}")
            found: dict[int, Mapping[str, float | None]] = {}
            started, elsewhere = time.perf_counter(), 0.0
            for number, order in answers(test, embedded, chosen, stages=stages, parameters=pack.parameters):
                paused = time.perf_counter()
                found[number] = test.judge(number, order)
                if report := clock.step():
                    yield report
                    control.wait_if_paused()
                elsewhere += time.perf_counter() - paused
            seconds = time.perf_counter() - started - elsewhere
            if not found:
                raise UsageError("none of the photos that ask can be read")
            asked = len(found)
            rows.append(_row(pack.name, profile, stages, chosen, found, seconds))
    return Report(test.protocol, images, asked, tuple(rows), skipped, test.notes)


def embed_test(
    test: PublishedTest, chosen: NDArray[np.int64], pack: EvaluatedPack, control: Control
) -> Generator[Progress, None, Embedded]:
    """Embed the photos of a test and the chosen questions that are none of them.

    Raises UsageError when no photo of the gallery can be read.
    """
    questions = [(int(number), test.questions[number]) for number in chosen]
    whole = [(number, asked.path) for number, asked in questions if asked.member is None and asked.region is None]
    parts = [
        (number, asked.path, asked.region)
        for number, asked in questions
        if asked.member is None and asked.region is not None
    ]
    clock = Clock(len(test.gallery) + len(whole) + len(parts), f"embedding with {pack.name}")
    read: list[PhotoFeatures] = []
    numbers: list[int] = []
    foreign: dict[int, PhotoFeatures] = {}
    skipped: list[Skipped] = []
    for number, item in enumerate(pack.embed_files(test.gallery)):
        control.wait_if_paused()
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            read.append(item)
            numbers.append(number)
        if report := clock.step():
            yield report
    if not read:
        raise UsageError(f"none of the {len(test.gallery):,} photos of the test can be read")
    made = pack.embed_files([path for _, path in whole]) if whole else ()
    cut = pack.embed_regions([(path, region) for _, path, region in parts]) if parts else ()
    for number, query in chain(
        zip((number for number, _ in whole), made, strict=True),
        zip((number for number, *_ in parts), cut, strict=True),
    ):
        control.wait_if_paused()
        if isinstance(query, Skipped):
            skipped.append(query)
        else:
            foreign[number] = query
        if report := clock.step():
            yield report
    order = sorted(range(len(read)), key=lambda row: content_key(read[row]))
    return Embedded(
        gallery=Gallery.of([read[row] for row in order]),
        numbers=np.array([numbers[row] for row in order], dtype=np.int64),
        foreign=foreign,
        skipped=tuple(skipped),
    )


def answers(
    test: PublishedTest,
    embedded: Embedded,
    chosen: Sequence[int] | NDArray[np.int64],
    *,
    stages: Sequence[Stage],
    parameters: RetrievalParameters,
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """For every chosen question that can be read its number and the gallery numbers of all other photos, best
    first: members of the gallery before the others."""
    row_of = {int(number): row for row, number in enumerate(embedded.numbers)}
    members: dict[int, int] = {}  # row in the gallery -> question
    for number in map(int, chosen):
        member = test.questions[number].member
        if member is not None and member in row_of:
            members[row_of[member]] = number
    rows = np.array(sorted(members), dtype=np.int64)
    for row, order in rankings(embedded.gallery, rows, stages=stages, parameters=parameters):
        yield members[row], embedded.numbers[order]
    for number in map(int, chosen):
        if (query := embedded.foreign.get(number)) is not None:
            order = rank(embedded.gallery, query, stages=stages, parameters=parameters)
            yield number, embedded.numbers[order]


def _row(
    pack: str,
    profile: Profile,
    stages: Sequence[Stage],
    chosen: NDArray[np.int64],
    found: Mapping[int, Mapping[str, float | None]],
    seconds: float,
) -> Row:
    """Every measure is the mean over the questions that count for it."""
    names = list(dict.fromkeys(name for number in chosen if number in found for name in found[int(number)]))
    per_query: dict[str, list[float | None]] = {
        name: [found[int(number)].get(name) if int(number) in found else None for number in chosen]
        for name in names
    }
    measures: dict[str, float | None] = {}
    for name, values in per_query.items():
        counting = [value for value in values if value is not None]
        measures[name] = float(np.mean(counting)) if counting else None
    measures[SECONDS] = seconds
    return Row(
        pack=pack,
        names={"profile": profile.value, "stages_run": [stage.value for stage in stages]},
        measures=measures,
        per_query=per_query,
    )
