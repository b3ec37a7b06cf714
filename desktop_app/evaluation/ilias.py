"""The protocol `ilias`: instance-level retrieval at scale (arXiv 2502.11748), mAP@1k."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.evaluation.layouts import incomplete, needed_place, pictures_below, place_of
from desktop_app.evaluation.measures import average_precision_at
from desktop_app.evaluation.published import PublishedTest, Question

PROTOCOL = "ilias"
DEPTH = 1000
QUERIES = 1232
DISTRACTORS = ("distractors", "yfcc100m")


def ilias(root: Path) -> PublishedTest:
    """The photos of `INSTANCE/query` ask, whole, for those of `INSTANCE/pos` among all distractors.

    Measure: mAP@1k, AP over the first 1,000 places and min(1,000, positives). Layout: `ilias_core/INSTANCE/query`
    and `pos` (or the instances alone; or `queries/INSTANCE` and `positives/INSTANCE`), and unpacked distractors
    in `distractors` or `yfcc100m`, of which published figures take 5 or 100 million. Raises UsageError when
    queries or positives are missing.
    """
    asking, positives = _core(root)
    if not asking:
        raise UsageError(f"{root} holds no queries", remedy="Expected are folders INSTANCE/query with photos")
    counts = Counter(name for name, _ in positives)
    if lost := sorted({name for name, _ in asking} - counts.keys()):
        raise UsageError(
            f"{len(lost)} instances below {root} have a query and no positive, the first is {lost[0]}",
            remedy="Expected are folders INSTANCE/pos with photos",
        )
    far = [path for name in DISTRACTORS if (place := place_of(root, name)) for path in pictures_below(place)]
    instances = np.array([name for name, _ in positives] + [""] * len(far))

    def judge(question: int, order: NDArray[np.int64]) -> Mapping[str, float | None]:
        name = asking[question][0]
        return {"mAP@1k": average_precision_at(instances[order[:DEPTH]] == name, DEPTH, counts[name])}

    groups = {name: at for at, name in enumerate(dict.fromkeys(name for name, _ in asking))}
    return PublishedTest(
        protocol=PROTOCOL,
        gallery=tuple([path for _, path in positives] + far),
        questions=tuple(Question(path, group=groups[name]) for name, path in asking),
        judge=judge,
        notes=(*incomplete(len(asking), QUERIES, "queries"), f"There are {len(far):,} distractors."),
    )


def _core(root: Path) -> tuple[list[tuple[str, Path]], list[tuple[str, Path]]]:
    """Queries and positives with the names of their instances, in either layout."""
    if place_of(root, "queries") is not None:
        positives = needed_place(root, "the positives", "positives")
        return _by_instance(root / "queries"), _by_instance(positives)
    core = place_of(root, "ilias_core", "") or root
    folders = sorted(place for place in core.iterdir() if place.is_dir() and place.name not in DISTRACTORS)
    return (
        [(place.name, path) for place in folders for path in _pictures(place / "query")],
        [(place.name, path) for place in folders for path in _pictures(place / "pos")],
    )


def _by_instance(folder: Path) -> list[tuple[str, Path]]:
    places = sorted(place for place in folder.iterdir() if place.is_dir())
    return [(place.name, path) for place in places for path in _pictures(place)]


def _pictures(folder: Path) -> list[Path]:
    return pictures_below(folder) if folder.is_dir() else []
