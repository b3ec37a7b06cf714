"""The protocol `evidence`: does what is shown as the reason of a match lie where the match is?

Pairs of known truth are made from (or read with) a folder of photos, explained exactly as `indicium explain` does,
and measured per source of evidence and family of pairs:

- composites, views, objects (see `evidence_pairs`): mIoU over S1's ten thresholds, IoU at one threshold chosen
  elsewhere, pointing game (and how far it is above chance; `known`: as if the pair were known to match, so that
  relevance withholds nothing), evidence higher inside than outside, share of the pairs shown as a match;
- composites and views, whose homography is exact: precision of the first 1, 5 and 10 links, share of the pairs
  with at least five links, share of cells that find their place (transfer);
- composites: area under the deletion curve (low is good) and the insertion curve (high is good) of the score;
- strangers: the share that is shown as a match all the same (false evidence).

What is known of a pair stays here: the stages see two pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.domain.evidence import EvidenceSource
from desktop_app.domain.photos import Skipped
from desktop_app.domain.progress import Control, NoControl, Progress
from desktop_app.evaluation.annotations import EvidencePhoto, read_photos
from desktop_app.evaluation.clock import Clock
from desktop_app.evaluation.evidence_judge import Judged, PairJudge, share
from desktop_app.evaluation.evidence_measures import (
    FINE_THRESHOLDS,
    above_chance,
    best_threshold,
    precision_of_first,
)
from desktop_app.evaluation.evidence_pairs import (
    COMPOSITES,
    OBJECTS,
    STRANGERS,
    VIEWS,
    EvidencePair,
    LoadPixels,
    composite_pairs,
    object_pairs,
    stranger_pairs,
    view_pairs,
)
from desktop_app.evaluation.folders import SEED
from desktop_app.evaluation.photo_set import MadePictures, described
from desktop_app.evaluation.report import Report, Row
from desktop_app.services.engine import Engine

PROTOCOL = "evidence"
FAMILIES = (COMPOSITES, VIEWS, OBJECTS, STRANGERS)
PAIRS = 200  # of each family
CURVES = 20  # composites whose deletion and insertion curves are drawn
MOST_PHOTOS = 1000  # that take part, and among which the nearest stranger is looked for
ENOUGH_LINKS = 5
MOST_CLASSES = 10  # with more classes than this only the rows over all of them are given

_Key = tuple[str, str]  # of a row: family (and class), source


@dataclass(slots=True)
class _Tally:
    """What was measured of one family and source, pair by pair."""

    judged: list[Judged] = field(default_factory=list)
    found_cells: int = 0
    findable_cells: int = 0

    def measures(self, threshold: float | None) -> dict[str, float | None]:
        """The figures of a row, each in 0..1 but for the counts; None where nothing is known."""
        every = self.judged
        hits, chance = share([one.hit for one in every]), share([one.chance for one in every])
        known = share([one.hit_known for one in every])
        links = [one.links for one in every if one.links is not None]
        tables = [one.fine for one in every if one.fine is not None]
        best, best_iou = best_threshold(np.stack(tables), FINE_THRESHOLDS) if tables else (None, None)
        coarse = [one.ious for one in every if one.ious is not None]
        return {
            "count": float(len(every)),
            "shown": share([one.shown for one in every]),
            "mIoU": float(np.mean(coarse)) if coarse else None,
            "threshold": threshold if tables else None,
            "IoU": None if threshold is None else share([one.iou for one in every]),
            "best_threshold": best,
            "best_IoU": best_iou,
            "pointing": hits,
            "pointing_known": known,
            "chance": chance,
            "above_chance": None if hits is None or chance is None else above_chance(hits, chance),
            "above_chance_known": None if known is None or chance is None else above_chance(known, chance),
            "upright": share([one.upright for one in every]),
            "links": float(np.mean([len(right) for right in links])) if links else None,
            "with_5_links": float(np.mean([len(right) >= ENOUGH_LINKS for right in links])) if links else None,
            "link@1": precision_of_first(links, 1),
            "link@5": precision_of_first(links, 5),
            "link@10": precision_of_first(links, 10),
            "transfer": self.found_cells / self.findable_cells if self.findable_cells else None,
            "deletion": share([one.deletion for one in every]),
            "insertion": share([one.insertion for one in every]),
        }


def evaluate_evidence(
    root: Path,
    engines: Sequence[Engine],
    *,
    is_picture: Callable[[bytes], bool],
    threads: int = 1,
    labels: Path | None = None,
    classes: Sequence[str] | None = None,
    families: Sequence[str] | None = None,
    pairs: int = PAIRS,
    curves: int = CURVES,
    area: tuple[float, float] = (0.08, 0.5),
    thresholds: Mapping[str, float] | None = None,
    seed: int = SEED,
    control: Control | None = None,
) -> Generator[Progress, None, Report]:
    """Run the protocol over the photos below `root`; yields progress and returns the report.

    labels, and how annotations are found: `annotations.read_photos`. classes: of the objects that are asked for;
    None for all. families: of FAMILIES; None for all that the photos allow (`objects` needs annotations). pairs:
    of each family (of each class for `objects`; strangers: half random, half nearest). area: of the scene, that a
    composite's object covers. thresholds: of the maps by source, chosen on other photos than these (from a row's
    `best_threshold`); None or missing: those of the pack. Composites use drawn outlines where there are any.
    Raises UsageError when there is nothing to evaluate.
    """
    control = control or NoControl()
    wanted = _wanted(families, pairs)
    every = read_photos(root, is_picture=is_picture, labels=labels)
    _check_classes(every, classes)
    if len(every) > MOST_PHOTOS:
        picked = np.random.default_rng(seed).choice(len(every), MOST_PHOTOS, replace=False)
        every = [every[at] for at in np.sort(picked)]
    rows: list[Row] = []
    images, asked = 0, 0
    skipped: tuple[Skipped, ...] = ()
    for engine in engines:
        photos, alphas, skipped = yield from _readable(every, engine, threads, control)
        if len(photos) < 2:
            raise UsageError(f"evidence needs two pictures, and {root} has one that can be read")
        load = MadePictures(engine).load
        judge = PairJudge(engine, thresholds or {})
        tallies: dict[_Key, _Tally] = {}
        asked = 0
        for number, (name, make) in enumerate(_makers(photos, alphas, pairs, load, area, classes).items()):
            if name not in wanted:
                continue
            random = np.random.default_rng([seed, number])
            clock = Clock(pairs, f"{engine.embedder.pack_name}: {name}")
            for position, pair in enumerate(make(random)):
                control.wait_if_paused()
                asked += 1
                _count(tallies, pair, judge, curves=name == COMPOSITES and position < curves)
                if report := clock.step():
                    yield report
        if not asked:
            raise UsageError(
                f"no pair of the families {', '.join(sorted(wanted))} can be made of the photos in {root}",
                remedy="`objects` needs annotations of the photos (--labels)" if OBJECTS in wanted else "",
            )
        images = len(photos)
        rows += _rows(engine.embedder.pack_name, tallies, judge)
    return Report(protocol=PROTOCOL, images=images, queries=asked, rows=tuple(rows), skipped=skipped)


def _makers(
    photos: Sequence[EvidencePhoto],
    alphas: NDArray[np.float32],
    pairs: int,
    load: LoadPixels,
    area: tuple[float, float],
    classes: Sequence[str] | None,
) -> dict[str, Callable[[np.random.Generator], Iterator[EvidencePair]]]:
    """How the pairs of each family are made."""
    return {
        COMPOSITES: lambda random: composite_pairs(photos, pairs, load, random, area=area),
        VIEWS: lambda random: view_pairs(photos, pairs, load, random),
        OBJECTS: lambda random: object_pairs(photos, pairs, load, random, classes=classes),
        STRANGERS: lambda random: stranger_pairs(photos, alphas, pairs, load, random),
    }


def _count(tallies: dict[_Key, _Tally], pair: EvidencePair, judge: PairJudge, *, curves: bool) -> None:
    """Judge a pair and add it to the rows it belongs to: its family's, and its class's or kind's."""
    found = judge.judge(pair, curves=curves)
    transfer = judge.transfer(pair)
    for source, judged in found.items():
        for row in (pair.family, f"{pair.family}: {pair.label}") if pair.label else (pair.family,):
            tally = tallies.setdefault((row, source), _Tally())
            tally.judged.append(judged)
            if transfer is not None and source == EvidenceSource.LOCAL.value:
                tally.found_cells += transfer[0]
                tally.findable_cells += transfer[1]


def _rows(pack: str, tallies: Mapping[_Key, _Tally], judge: PairJudge) -> Iterator[Row]:
    """The rows of a pack; where there are many classes only those over all of them."""
    classes = {name for name, _ in tallies if ": " in name}
    for (name, source), tally in sorted(
        tallies.items(), key=lambda item: (item[0][1], _place(item[0][0]), item[0][0])
    ):
        if name in classes and len(classes) > MOST_CLASSES:
            continue
        yield Row(
            pack=pack, names={"source": source, "pairs": name}, measures=tally.measures(judge.threshold(source))
        )


def _readable(
    photos: Sequence[EvidencePhoto], engine: Engine, threads: int, control: Control
) -> Generator[Progress, None, tuple[list[EvidencePhoto], NDArray[np.float32], tuple[Skipped, ...]]]:
    """The photos that can be read in the order in which they came, their descriptors [n, D], and the others."""
    found = yield from described([photo.path for photo in photos], engine, threads=threads, control=control)
    order = np.argsort(found.numbers, kind="stable")
    alphas = np.stack([found.features[at].alpha for at in order]).astype(np.float32)
    return [photos[found.numbers[at]] for at in order], alphas, found.skipped


def _wanted(families: Sequence[str] | None, pairs: int) -> frozenset[str]:
    if pairs < 1:
        raise UsageError(f"{pairs} pairs cannot be made", remedy="Give a number of 1 or more")
    unknown = [name for name in families or () if name not in FAMILIES]
    if unknown:
        raise UsageError(f"'{unknown[0]}' is not a family of pairs", remedy=f"Known are {', '.join(FAMILIES)}")
    return frozenset(families or FAMILIES)


def _check_classes(photos: Sequence[EvidencePhoto], classes: Sequence[str] | None) -> None:
    known = sorted({item.label for photo in photos for item in photo.objects})
    missing = [name for name in classes or () if name not in known]
    if missing:
        raise UsageError(
            f"no object of the class '{missing[0]}' is annotated",
            remedy=f"There are {', '.join(known)}" if known else "These photos have no annotations",
        )


def _place(name: str) -> int:
    """Where a row stands among those of its source."""
    return FAMILIES.index(name.split(": ")[0].split(",")[0])
