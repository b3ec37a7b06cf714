"""The protocol `degradations`: which treatments of a photo does the search withstand, and up to which strength?

Chosen photos of a folder are asked with a disguised copy of themselves (crop, rotation, blur, JPEG, exposure,
screenshot with borders, writing, perspective, mirror; see `disguises`) among all photos of the folder: R@1 for
every scenario and strength. With `turned` the copy asks in one of its eight orientations, as in
`search --turned`. A saved report is a baseline that a later one is compared with. The search is exact (no HNSW).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from desktop_app.domain.errors import UsageError
from desktop_app.domain.features import PhotoFeatures
from desktop_app.domain.photos import Skipped
from desktop_app.domain.progress import Control, NoControl, Progress
from desktop_app.domain.query import AS_IT_IS, TURNS, Profile, Turn
from desktop_app.evaluation.composites import Rgb
from desktop_app.evaluation.disguises import SCENARIOS, Scenario
from desktop_app.evaluation.folders import SEED
from desktop_app.evaluation.instances import made_views
from desktop_app.evaluation.photo_set import choose, described, picture_files, rank_measures, ranks_of
from desktop_app.evaluation.ranking import Gallery, stages_of
from desktop_app.evaluation.report import Report, Row
from desktop_app.retrieval.turned_query import chosen_orientation
from desktop_app.services.engine import Engine
from desktop_app.services.pictures import turned_rgb

PROTOCOL = "degradations"
QUERIES = 100
DIFFERENT = 0.02  # a change of R@1 that is called one


def evaluate_degradations(
    root: Path,
    engines: Sequence[Engine],
    *,
    is_picture: Callable[[bytes], bool],
    threads: int = 1,
    profiles: Sequence[Profile] = (Profile.BALANCED,),
    scenarios: Sequence[str] | None = None,
    turned: bool = False,
    queries: int = QUERIES,
    seed: int = SEED,
    control: Control | None = None,
) -> Generator[Progress, None, Report]:
    """Run the protocol over the photos below `root`; yields progress and returns the report.

    scenarios: names in SCENARIOS; None for all. queries: how many photos ask, chosen by `seed`, the same ones with
    every scenario and pack. Raises UsageError when there is nothing to ask.
    """
    control = control or NoControl()
    if queries < 1:
        raise UsageError(f"{queries} queries cannot be asked", remedy="Give a number of 1 or more")
    wanted = _wanted(scenarios)
    files = picture_files(root, is_picture)
    rows: list[Row] = []
    images, asked = 0, 0
    skipped: tuple[Skipped, ...] = ()
    for engine in engines:
        photos = yield from described(files, engine, threads=threads, control=control)
        chosen = choose(photos, queries, seed)
        gallery = photos.gallery()
        for name, scenario in wanted.items():
            for strength in scenario.strengths:
                ways = []
                for turn in TURNS if turned else (AS_IT_IS,):
                    make = partial(_disguised, scenario, strength, turn)
                    made = yield from made_views(photos, chosen, engine, make=make, seed=seed, control=control)
                    ways.append(made)
                views = [_as_chosen(orientations, gallery) for orientations in zip(*ways, strict=True)]
                for profile in profiles:
                    stages = stages_of(profile, gallery, engine.parameters)
                    ranks = ranks_of(photos, gallery, chosen, views, stages=stages, parameters=engine.parameters)
                    names = {
                        "profile": profile.value,
                        "stages_run": [stage.value for stage in stages],
                        "scenario": name,
                        "strength": strength,
                        "unit": scenario.unit,
                        **({"turned": True} if turned else {}),
                    }
                    rows.append(Row(pack=engine.embedder.pack_name, names=names, measures=rank_measures(ranks)))
        images, asked, skipped = len(photos.paths), len(chosen), photos.skipped
    return Report(protocol=PROTOCOL, images=images, queries=asked, rows=tuple(rows), skipped=skipped)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one scenario and strength since the baseline; R@1 before and now, each 0..1."""

    pack: str
    profile: str
    scenario: str
    strength: float
    before: float
    now: float

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `same` when R@1 moved by less than DIFFERENT."""
        change = self.now - self.before
        return "same" if abs(change) < DIFFERENT else "better" if change > 0 else "worse"

    def as_json(self) -> dict[str, object]:
        return {
            "pack": self.pack,
            "profile": self.profile,
            "scenario": self.scenario,
            "strength": self.strength,
            "before": self.before,
            "now": self.now,
            "verdict": self.verdict,
        }


def compare(document: Mapping[str, object], baseline: Mapping[str, object]) -> list[Change]:
    """What a report (`Report.as_json()`) changes against a saved one, in the order of its rows.

    A row is compared with that of the same pack, profile, scenario and strength, else with that of the only pack
    in the baseline. Rows that the baseline lacks are left out. Raises UsageError when the baseline is no report
    of this protocol or is over another set of photos.
    """
    old = _rows(baseline)
    for name in ("images", "queries"):
        if document.get(name) != baseline.get(name):
            raise UsageError(
                f"the baseline is over {baseline.get(name)} {name}, this run over {document.get(name)}",
                remedy="Compare runs over the same photos with the same number of queries",
            )
    packs = {pack for pack, *_ in old}
    changes = []
    for key, now in _rows(document).items():
        pack, profile, scenario, strength = key
        before = old.get(key)
        if before is None and len(packs) == 1:
            before = old.get((next(iter(packs)), profile, scenario, strength))
        if before is not None:
            changes.append(Change(pack, profile, scenario, strength, before, now))
    return changes


def _rows(document: Mapping[str, object]) -> dict[tuple[str, str, str, float], float]:
    """R@1 by pack, profile, scenario and strength."""
    rows = document.get("rows")
    try:
        if document.get("protocol") != PROTOCOL or not isinstance(rows, list):
            raise ValueError
        return {
            (str(row["pack"]), str(row["profile"]), str(row["scenario"]), float(row["strength"])): float(
                row["R@1"]
            )
            for row in rows
        }
    except (KeyError, TypeError, ValueError):
        raise UsageError(
            f"the baseline is not a report of the protocol {PROTOCOL}", remedy="Make one with --save"
        ) from None


def _disguised(scenario: Scenario, strength: float, turn: Turn, rgb: Rgb, random: np.random.Generator) -> Rgb:
    return turned_rgb(scenario.make(rgb, strength, random), turn)


def _as_chosen(orientations: Sequence[PhotoFeatures], gallery: Gallery) -> PhotoFeatures:
    """Of a picture in several orientations the one that a search asks with."""
    nearest = [float((gallery.alphas @ asked.alpha.astype(np.float32)).max()) for asked in orientations]
    return orientations[chosen_orientation(nearest)]


def _wanted(names: Sequence[str] | None) -> dict[str, Scenario]:
    unknown = [name for name in names or () if name not in SCENARIOS]
    if unknown:
        raise UsageError(f"'{unknown[0]}' is not a scenario", remedy=f"Known are {', '.join(SCENARIOS)}")
    return {name: SCENARIOS[name] for name in names or SCENARIOS}
