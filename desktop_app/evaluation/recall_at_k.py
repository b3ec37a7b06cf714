"""The protocol `recall-at-k`: CUB-200-2011, Cars196, Stanford Online Products and In-shop, as S2 reports them.

A query scores 1 at k when any of the first k photos shows its class, its own photo left out (A7). CUB and Cars are
asked with their second half of classes (100 and 98), which nothing was learnt from; SOP and In-shop with the files
that they list for testing. In-shop asks with queries in a gallery, the others with every photo in the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.evaluation.cars196 import cars_photos, cars_places
from desktop_app.evaluation.layouts import (
    fields,
    incomplete,
    needed_files,
    needed_place,
    pictures_below,
    place_of,
    whole_number,
)
from desktop_app.evaluation.published import PublishedTest, Question

PROTOCOL = "recall-at-k"
FIRST, SECOND = "first", "second"
CUTS = {
    "cub": (1, 2, 4, 8),
    "cars": (1, 2, 4, 8),
    "sop": (1, 10, 100, 1000),
    "inshop": (1, 10, 20, 30, 40, 50),
}
PUBLISHED = {
    ("cub", FIRST): 5864,
    ("cub", SECOND): 5924,
    ("cars", FIRST): 8054,
    ("cars", SECOND): 8131,
    ("sop", FIRST): 59_551,
    ("sop", SECOND): 60_502,
    ("inshop", FIRST): 25_882,
    ("inshop", SECOND): 26_830,
}
"""Photos of each half; In-shop's second half are 14,218 queries and 12,612 in the gallery."""

Labelled = list[tuple[Path, int]]


def recall_at_k(root: Path, *, layout: str | None = None, half: str = SECOND) -> PublishedTest:
    """The test of one of the four sets.

    layout: a key of CUTS; None finds it out by the files. half: "second" are the classes for testing, "first"
    those for learning, to choose settings by. Measures: R@k for the set's k. Raises UsageError that names what
    is missing.
    """
    name = layout or _found_out(root)
    if name == "inshop":
        gallery, queries = _inshop(root, half)
    else:
        gallery, queries = READERS[name](root, half), None
    needed_files([path for path, _ in [*gallery, *(queries or [])]], root)
    classes = np.array([label for _, label in gallery], dtype=np.int64)
    if queries is None:
        counts = dict(zip(*np.unique(classes, return_counts=True), strict=True))
        questions = [
            Question(path, member=at, group=label) for at, (path, label) in enumerate(gallery) if counts[label] > 1
        ]
        asked = [gallery[at][1] for question in questions if (at := question.member) is not None]
    else:
        questions = [Question(path, group=label) for path, label in queries]
        asked = [label for _, label in queries]
    if not questions:
        raise UsageError(f"{root} holds no class with two photos in its {half} half")

    def judge(question: int, order: NDArray[np.int64]) -> Mapping[str, float | None]:
        first = np.flatnonzero(classes[order[: CUTS[name][-1]]] == asked[question])
        rank = int(first[0]) + 1 if len(first) else None
        return {f"R@{k}": float(rank is not None and rank <= k) for k in CUTS[name]}

    return PublishedTest(
        protocol=PROTOCOL,
        gallery=tuple(path for path, _ in gallery),
        questions=tuple(questions),
        judge=judge,
        notes=incomplete(len(gallery) + len(queries or []), PUBLISHED[name, half]),
    )


def _found_out(root: Path) -> str:
    """Which set the files below `root` are."""
    signs = {
        "cub": ("images.txt", "CUB_200_2011/images.txt"),
        "sop": ("Ebay_test.txt", "Stanford_Online_Products/Ebay_test.txt"),
        "inshop": ("list_eval_partition.txt", "Eval/list_eval_partition.txt", "Anno/list_eval_partition.txt"),
        "cars": cars_places(),
    }
    for name, places in signs.items():
        if place_of(root, *places) is not None:
            return name
    raise UsageError(
        f"{root} is none of the sets CUB-200-2011, Cars196, SOP and In-shop",
        remedy="Expected is images.txt, cars_annos.mat, Ebay_test.txt or list_eval_partition.txt there; "
        "for class folders say --set cub or --set cars",
    )


def half_of_classes(photos: Labelled, half: str) -> Labelled:
    """The photos of the first or second half of the classes, in the order of their numbers (by S2: 1 to 100 and
    101 to 200 of CUB, 1 to 98 and 99 to 196 of Cars)."""
    known = sorted({label for _, label in photos})
    kept = set(known[: len(known) // 2] if half == FIRST else known[len(known) // 2 :])
    return [photo for photo in photos if photo[1] in kept]


def class_folders(folder: Path) -> Labelled:
    """Photos in folders, one per class, numbered in sorted order."""
    places = sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))
    return [(path, number) for number, place in enumerate(places) for path in pictures_below(place)]


def _cub(root: Path, half: str) -> Labelled:
    """`images.txt` and `image_class_labels.txt`, or class folders in `images`."""
    listed = place_of(root, "images.txt", "CUB_200_2011/images.txt")
    if listed is None:
        return half_of_classes(class_folders(needed_place(root, "the photos", "images", "")), half)
    file = needed_place(listed.parent, "the classes", "image_class_labels.txt")
    label_of = {row[0]: whole_number(row[1], file) for row in fields(file, 2)}
    photos = []
    for number, path in (row[:2] for row in fields(listed, 2)):
        if number not in label_of:
            raise UsageError(f"{file} has no class for the photo {number}", remedy="Unpack it again")
        photos.append((listed.parent / "images" / path, label_of[number]))
    return half_of_classes(photos, half)


def _cars(root: Path, half: str) -> Labelled:
    photos = cars_photos(root)
    return half_of_classes(class_folders(root) if photos is None else photos, half)


def _sop(root: Path, half: str) -> Labelled:
    """`Ebay_test.txt` (or `Ebay_train.txt`): image_id class_id super_class_id path, below one line of names."""
    name = "Ebay_test.txt" if half == SECOND else "Ebay_train.txt"
    file = needed_place(root, "the list of photos", name, f"Stanford_Online_Products/{name}")
    return [(file.parent / row[3], whole_number(row[1], file)) for row in fields(file, 4, skip=1)]


def _inshop(root: Path, half: str) -> tuple[Labelled, Labelled | None]:
    """`list_eval_partition.txt`: a count, a line of names, then image_name item_id evaluation_status."""
    name = "list_eval_partition.txt"
    file = needed_place(root, "the list of photos", name, f"Eval/{name}", f"Anno/{name}")
    base = root / "Img" if (root / "Img").is_dir() else root
    rows = fields(file, 3, skip=2)
    numbers = {item: at for at, item in enumerate(sorted({row[1] for row in rows}))}
    parts: dict[str, Labelled] = {"train": [], "query": [], "gallery": []}
    for photo, item, status in (row[:3] for row in rows):
        if status not in parts:
            raise UsageError(f"{file} puts {photo} into the part '{status}'", remedy="Unpack it again")
        parts[status].append((base / photo, numbers[item]))
    return (parts["train"], None) if half == FIRST else (parts["gallery"], parts["query"])


READERS: Mapping[str, Callable[[Path, str], Labelled]] = {"cub": _cub, "cars": _cars, "sop": _sop}
