"""The protocol `instre`: 250 objects in 28,543 photos, asked for with their boxes (Wang and Jiang 2015)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.domain.geometry import Region
from desktop_app.evaluation.layouts import (
    fields,
    incomplete,
    matlab_file,
    needed_files,
    needed_place,
    pictures_below,
    place_of,
    whole_number,
)
from desktop_app.evaluation.measures import trapezoid_average_precision
from desktop_app.evaluation.published import PublishedTest, Question

PROTOCOL = "instre"
SUBSETS = ("INSTRE-S1", "INSTRE-S2", "INSTRE-M")
QUERIES_EACH = 5  # of an object, as in the split of Iscen et al. (2017)
QUERIES = 1250
TRUTH = "gnd_instre.mat"


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A query: its photo, box, subset, number of its object, and the gallery numbers that answer it."""

    path: Path
    region: Region
    subset: str
    group: int
    positives: NDArray[np.int64]


def instre(root: Path) -> PublishedTest:
    """Boxes of query photos ask among the photos that are no queries.

    Measures: mAP by trapezoids, over all queries and over those of S1, S2 and M. With `gnd_instre.mat` the split
    of Iscen et al. is used: 1,250 queries. Without it [ours]: the first five photos of each object of S1 and S2
    ask; photos of the same object answer, and for the objects NNa and NNb of S1 those of INSTRE-M/NN, which show
    both. Layout: `INSTRE-S1/01a_name/001.jpg` with the box "x y width height" in `001.txt`, INSTRE-S2 and
    INSTRE-M likewise, also inside a folder INSTRE_release. Raises UsageError that names what is missing.
    """
    base = needed_place(root, "the photos", "INSTRE-S1", "INSTRE_release/INSTRE-S1").parent
    truth = place_of(root, TRUTH) or place_of(base, TRUTH)
    gallery, asked = _published_split(truth, base) if truth else _own_split(base)
    notes = () if truth else (f"{TRUTH} is not there: the queries are the first photos of each object.",)

    def judge(question: int, order: NDArray[np.int64]) -> Mapping[str, float | None]:
        query = asked[question]
        relevant = np.isin(order, query.positives)
        value = trapezoid_average_precision(relevant, len(query.positives)) if len(query.positives) else None
        return {"mAP": value, f"mAP {query.subset.removeprefix('INSTRE-')}": value}

    return PublishedTest(
        protocol=PROTOCOL,
        gallery=gallery,
        questions=tuple(Question(query.path, query.region, group=query.group) for query in asked),
        judge=judge,
        notes=(*notes, *(incomplete(len(asked), QUERIES, "queries") if truth else ())),
    )


def _published_split(path: Path, base: Path) -> tuple[tuple[Path, ...], list[_Asked]]:
    """Queries, gallery and positives (counted from 1) as the file lists them."""
    found = matlab_file(path)
    try:
        names, queries = _names(found["imlist"]), _names(found["qimlist"])
        gallery = needed_files([base / name for name in names], base)
        asking = needed_files([base / name for name in queries], base)
        asked = []
        for at, (photo, name, entry) in enumerate(zip(asking, queries, np.atleast_1d(found["gnd"]), strict=True)):
            positives = np.atleast_1d(np.asarray(entry[0], dtype=np.int64)) - 1
            if len(positives) and (positives.min() < 0 or positives.max() >= len(gallery)):
                raise ValueError("it names photos that are not in its list")
            box = [int(value) for value in np.asarray(entry[1], dtype=np.float64).reshape(-1)]
            asked.append(_Asked(photo, _region(box), name.split("/")[0], at // QUERIES_EACH, positives))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path} is not the ground truth of INSTRE: {error}", remedy="Download it again"
        ) from None
    return gallery, asked


def _own_split(base: Path) -> tuple[tuple[Path, ...], list[_Asked]]:
    """The first QUERIES_EACH photos of each object of S1 and S2 ask [ours]."""
    objects: list[tuple[str, str, list[Path]]] = []
    for subset in SUBSETS:
        folder = needed_place(base, f"the photos of {subset}", subset)
        places = sorted(place for place in folder.iterdir() if place.is_dir())
        objects += [(subset, place.name, pictures_below(place)) for place in places]
    gallery: list[Path] = []
    shown: dict[tuple[str, str], list[int]] = {}  # subset and folder -> gallery numbers
    asking: list[tuple[str, str, int, Path]] = []
    for group, (subset, name, photos) in enumerate(objects):
        queries = photos[:QUERIES_EACH] if subset != "INSTRE-M" else []
        asking += [(subset, name, group, photo) for photo in queries]
        rest = photos[len(queries) :]
        shown[subset, name] = list(range(len(gallery), len(gallery) + len(rest)))
        gallery += rest
    asked = []
    for subset, name, group, photo in asking:
        positives = list(shown[subset, name])
        pair = re.match(r"(\d+)[ab]_", name)
        if subset == "INSTRE-S1" and pair:
            positives += shown.get(("INSTRE-M", pair[1]), [])
        asked.append(_Asked(photo, _box_of(photo), subset, group, np.array(positives, dtype=np.int64)))
    if not asked or not gallery:
        raise UsageError(
            f"{base} holds no photos of objects", remedy="Expected are INSTRE-S1/01a_name/001.jpg ..."
        )
    return tuple(gallery), asked


def _box_of(photo: Path) -> Region:
    """The first box of the text file beside a photo."""
    path = photo.with_suffix(".txt")
    rows = fields(path, 4)
    if not rows:
        raise UsageError(f"{path} holds no box", remedy="Unpack the whole data set")
    return _region([whole_number(value, path) for value in rows[0][:4]])


def _region(box: Sequence[int]) -> Region:
    left, top, width, height = box
    return Region(left, top, max(1, width), max(1, height))


def _names(values: Any) -> list[str]:
    """Paths below the data set. Raises ValueError for one that leads out of it."""
    names = [str(value).strip().replace("\\", "/") for value in np.atleast_1d(values)]
    for name in names:
        if not name or name.startswith("/") or ".." in name.split("/"):
            raise ValueError(f"'{name}' is not a photo of the set")
    return names
