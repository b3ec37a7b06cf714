"""The protocols `roxford` and `rparis`: Revisited Oxford and Paris (Radenovic et al. 2018, its published code)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.domain.geometry import Region
from desktop_app.evaluation.layouts import needed_files, needed_place
from desktop_app.evaluation.measures import revisited_precision_at, trapezoid_average_precision
from desktop_app.evaluation.plain_pickle import read_plain_pickle
from desktop_app.evaluation.published import PublishedTest, Question

PRECISIONS = (1, 5, 10)
LEVELS = {
    "E": (("easy",), ("junk", "hard")),
    "M": (("easy", "hard"), ("junk",)),
    "H": (("hard",), ("junk", "easy")),
}
"""Per level what counts as relevant, and what is taken out of the ranking as if it were not there."""


@dataclass(frozen=True, slots=True, eq=False)
class _Truth:
    """One query: its box (left, top, right, bottom in pixels) and the gallery numbers by their kind."""

    box: tuple[float, float, float, float]
    photos: Mapping[str, NDArray[np.int64]]

    def union(self, kinds: tuple[str, ...]) -> NDArray[np.int64]:
        return np.concatenate([self.photos[kind] for kind in kinds])


def roxford(root: Path) -> PublishedTest:
    """Revisited Oxford: 70 queries, 4,993 photos. See `revisited`."""
    return revisited(root, "roxford", "roxford5k")


def rparis(root: Path) -> PublishedTest:
    """Revisited Paris: 70 queries, 6,322 photos. See `revisited`."""
    return revisited(root, "rparis", "rparis6k")


def revisited(root: Path, protocol: str, name: str) -> PublishedTest:
    """Queries, cut out by their boxes, ask among photos that do not contain the query itself.

    Measures for the levels E, M and H (LEVELS): mAP by trapezoids, and mP@k for k in 1, 5, 10 over min(k, rank of
    the last relevant photo) places. Junk is taken out of the ranking; a query without a relevant photo does not
    count for that level. Layout: `gnd_NAME.pkl`, with the lists "imlist", "qimlist" and "gnd" (boxes, easy, hard,
    junk), and the photos in `jpg`; also inside a folder NAME. Raises UsageError that names what is missing.
    """
    file = needed_place(root, "the ground truth", f"gnd_{name}.pkl", f"{name}/gnd_{name}.pkl")
    folder = needed_place(file.parent, "the photos", "jpg")
    gallery, queries, truths = _read(file)
    photos = needed_files([folder / f"{photo}.jpg" for photo in gallery], root)
    asking = needed_files([folder / f"{photo}.jpg" for photo in queries], root)

    def judge(question: int, order: NDArray[np.int64]) -> Mapping[str, float | None]:
        truth, figures = truths[question], {}  # type: _Truth, dict[str, float | None]
        for level, (good, ignored) in LEVELS.items():
            positives = truth.union(good)
            kept = order[~np.isin(order, truth.union(ignored))]
            relevant = np.isin(kept, positives)
            counts = len(positives) > 0
            figures[f"mAP {level}"] = trapezoid_average_precision(relevant, len(positives)) if counts else None
            for k in PRECISIONS:
                figures[f"mP@{k} {level}"] = revisited_precision_at(relevant, k) if counts else None
        return figures

    return PublishedTest(
        protocol=protocol,
        gallery=photos,
        questions=tuple(
            Question(path, region=_region(truth.box), group=at)
            for at, (path, truth) in enumerate(zip(asking, truths, strict=True))
        ),
        judge=judge,
    )


def _region(box: tuple[float, float, float, float]) -> Region:
    """Whole pixels, as the published code cuts them out."""
    left, top, right, bottom = (round(value) for value in box)
    return Region(left, top, max(1, right - left), max(1, bottom - top))


def _read(path: Path) -> tuple[list[str], list[str], list[_Truth]]:
    """The names of the photos and of the queries, and what is known of each query."""
    found = read_plain_pickle(path)
    try:
        gallery, queries = _names(found["imlist"]), _names(found["qimlist"])
        truths = [_truth(entry, len(gallery)) for entry in found["gnd"]]
        if len(truths) != len(queries) or not queries:
            raise ValueError(f"it has {len(queries)} queries and the truth of {len(truths)}")
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path} is not the ground truth of a revisited set: {error}", remedy="Download it again"
        ) from None
    return gallery, queries, truths


def _names(values: Any) -> list[str]:
    names = [str(value) for value in values]
    for name in names:
        if not name or "/" in name or "\\" in name or name.startswith("."):
            raise ValueError(f"'{name}' is not the name of a photo")
    return names


def _truth(entry: Any, photos: int) -> _Truth:
    box = [float(value) for value in np.asarray(entry["bbx"], dtype=np.float64).reshape(-1)]
    if len(box) != 4 or not np.isfinite(box).all():
        raise ValueError("a box does not have four numbers")
    known = {
        kind: np.asarray(entry.get(kind, []), dtype=np.int64).reshape(-1) for kind in ("easy", "hard", "junk")
    }
    for numbers in known.values():
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= photos):
            raise ValueError("it names photos that are not in its list")
    return _Truth((box[0], box[1], box[2], box[3]), known)
