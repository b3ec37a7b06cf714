"""The protocol `instances`: is a photo found again by a made view of itself?

Every photo of one or several folders is asked with a crop of 30 to 100 % of it, in a little perspective, in
other light, saved as a JPEG of quality 30, among all photos (R@1, R@10, mean reciprocal rank). Folders are of no
meaning; of files with the same content each answers for the other. The search is exact (no HNSW).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import numpy as np

from desktop_app.domain.errors import UsageError
from desktop_app.domain.photos import Skipped
from desktop_app.domain.progress import Control, NoControl, Progress
from desktop_app.domain.query import Profile
from desktop_app.evaluation.clock import Clock
from desktop_app.evaluation.composites import Rgb
from desktop_app.evaluation.disguises import instance_view
from desktop_app.evaluation.folders import PROFILES, SEED
from desktop_app.evaluation.photo_set import (
    Described,
    MadePictures,
    choose,
    described,
    picture_files,
    rank_measures,
    ranks_of,
)
from desktop_app.evaluation.ranking import Asked, stages_of
from desktop_app.evaluation.report import Report, Row
from desktop_app.services.engine import Engine

PROTOCOL = "instances"

Disguise = Callable[[Rgb, np.random.Generator], Rgb]


def evaluate_instances(
    roots: Sequence[Path],
    engines: Sequence[Engine],
    *,
    is_picture: Callable[[bytes], bool],
    threads: int = 1,
    profiles: Sequence[Profile] = PROFILES,
    queries: int | None = None,
    seed: int = SEED,
    control: Control | None = None,
) -> Generator[Progress, None, Report]:
    """Run the protocol over all photos below `roots`; yields progress and returns the report.

    queries: None for every photo, else so many, chosen by `seed`. Raises UsageError when there is nothing to ask.
    """
    control = control or NoControl()
    if queries is not None and queries < 1:
        raise UsageError(f"{queries} queries cannot be asked", remedy="Give a number of 1 or more")
    files = [path for root in roots for path in picture_files(root, is_picture)]
    rows: list[Row] = []
    images, asked = 0, 0
    skipped: tuple[Skipped, ...] = ()
    for engine in engines:
        photos = yield from described(files, engine, threads=threads, control=control)
        chosen = choose(photos, queries, seed)
        views = yield from made_views(photos, chosen, engine, make=instance_view, seed=seed, control=control)
        gallery = photos.gallery()
        for profile in profiles:
            stages, started = stages_of(profile, gallery, engine.parameters), time.perf_counter()
            ranks = ranks_of(photos, gallery, chosen, views, stages=stages, parameters=engine.parameters)
            names = {"profile": profile.value, "stages_run": [stage.value for stage in stages]}
            measures = {**rank_measures(ranks), "seconds": time.perf_counter() - started}
            rows.append(Row(pack=engine.embedder.pack_name, names=names, measures=measures))
        images, asked, skipped = len(photos.paths), len(chosen), photos.skipped
    return Report(protocol=PROTOCOL, images=images, queries=asked, rows=tuple(rows), skipped=skipped)


def made_views(
    photos: Described, chosen: Sequence[int], engine: Engine, *, make: Disguise, seed: int, control: Control
) -> Generator[Progress, None, list[Asked]]:
    """A disguised copy of each chosen photo as a query; the same disguises with every pack."""
    pictures = MadePictures(engine)
    clock = Clock(len(chosen), f"made views with {engine.embedder.pack_name}")
    views = []
    for at in chosen:
        control.wait_if_paused()
        random = np.random.default_rng([seed, photos.numbers[at]])
        views.append(pictures.asked(make(pictures.load(photos.paths[at]), random)))
        if report := clock.step():
            yield report
    return views
