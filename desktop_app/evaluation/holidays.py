"""The protocol `holidays`: INRIA Holidays, 500 queries in 1,491 photos (Jegou, Douze and Schmid 2008)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.evaluation.layouts import incomplete, needed_place, numbered_pictures
from desktop_app.evaluation.measures import average_precision, trapezoid_average_precision
from desktop_app.evaluation.published import PublishedTest, Question

PROTOCOL = "holidays"
GROUP = 100  # photos 100 n + 0, 1, 2, ... belong together; the first of them asks
PHOTOS = 1491


def holidays(root: Path) -> PublishedTest:
    """The first photo of each group asks for the others of it; it is ignored among its own answers.

    Measures: mAP by trapezoids, as the published evaluation computes it, and mAP_steps, the mean of the
    precisions at the relevant ranks. Layout: `jpg/100000.jpg` and so on (or jpg1 and jpg2, or the files alone).
    Raises UsageError when they are missing.
    """
    folder = needed_place(root, "the photos", "jpg", "")
    found = numbered_pictures(folder, r"(\d{6})")
    if not found:
        raise UsageError(f"{folder} holds no Holidays photos", remedy="Expected are 100000.jpg and so on")
    groups = np.array([number // GROUP for number, _ in found])
    sizes = {int(group): int((groups == group).sum()) for group in np.unique(groups)}
    queries = [at for at, (number, _) in enumerate(found) if number % GROUP == 0 and sizes[number // GROUP] > 1]
    if not queries:
        raise UsageError(f"{folder} holds no photo that asks", remedy="Those are the ones ending in 00")

    def judge(question: int, order: NDArray[np.int64]) -> Mapping[str, float | None]:
        group = int(groups[queries[question]])
        relevant = groups[order] == group
        return {
            "mAP": trapezoid_average_precision(relevant, sizes[group] - 1),
            "mAP_steps": average_precision(relevant) * float(relevant.sum()) / (sizes[group] - 1),
        }

    return PublishedTest(
        protocol=PROTOCOL,
        gallery=tuple(path for _, path in found),
        questions=tuple(Question(found[at][1], member=at, group=number) for number, at in enumerate(queries)),
        judge=judge,
        notes=incomplete(len(found), PHOTOS),
    )
