"""The protocol `gpr1200`: 12,000 photos of 1,200 categories in six domains (S4, and its published code)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.evaluation.layouts import incomplete, needed_place, pictures_below
from desktop_app.evaluation.published import PublishedTest, Question

PROTOCOL = "gpr1200"
DOMAINS = ("Landmarks", "iNat", "Sketch", "INSTRE", "SOP", "Faces")
"""In the order of their blocks in the published code, not of the columns in the paper."""
PHOTOS = 12_000


def gpr1200(root: Path) -> PublishedTest:
    """Every photo asks for the others of its category, over the full list.

    The files (`images/0_name.jpg` and so on, or the files alone) are sorted by the category number before the
    first "_"; each sixth of the categories is a domain. Measures: mAP and that of each domain, in two forms.
    The official one counts the query as its own positive at rank 1 (finding 5: a free tenth at ten photos per
    category); "self-excluded" leaves it out. AP is the mean of the precisions at the relevant ranks, without
    trapezoids. Raises UsageError when the files are missing or named otherwise.
    """
    folder = needed_place(root, "the photos", "images", "")
    found: list[tuple[int, str, Path]] = []
    for path in pictures_below(folder):
        number = path.name.split("_")[0]
        if not number.isdecimal():
            raise UsageError(
                f"{path} has no category number",
                remedy="Expected are 0_name.jpg, 0_other.jpg, 1_name.jpg and so on",
            )
        found.append((int(number), path.name, path))
    if not found:
        raise UsageError(f"{folder} holds no photos", remedy="Expected are 0_name.jpg and so on")
    found.sort(key=lambda photo: photo[:2])
    categories = np.array([number for number, *_ in found])
    known, place, counts = np.unique(categories, return_inverse=True, return_counts=True)
    domains = place * len(DOMAINS) // len(known)

    def judge(question: int, order: NDArray[np.int64]) -> Mapping[str, float | None]:
        others = int(counts[place[question]]) - 1
        ranks = np.flatnonzero(categories[order] == categories[question]) + 1
        seen = np.arange(1, len(ranks) + 1)
        official = (1.0 + float(((seen + 1) / (ranks + 1)).sum())) / (others + 1)
        excluded = float((seen / ranks).sum()) / others if others else None
        return {
            f"{part}{form}": value
            for part in ("mAP", DOMAINS[domains[question]])
            for form, value in (("", official), (" self-excluded", excluded))
        }

    return PublishedTest(
        protocol=PROTOCOL,
        gallery=tuple(path for *_, path in found),
        questions=tuple(Question(path, member=at, group=int(place[at])) for at, (*_, path) in enumerate(found)),
        judge=judge,
        notes=incomplete(len(found), PHOTOS) or incomplete(len(known), 1200, "categories"),
    )
