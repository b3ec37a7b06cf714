"""The protocol `ukbench`: 2,550 objects in four views each (Nister and Stewenius 2006)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.evaluation.layouts import incomplete, needed_place, numbered_pictures
from desktop_app.evaluation.published import PublishedTest, Question

PROTOCOL = "ukbench"
VIEWS = 4
PHOTOS = 10_200


def ukbench(root: Path) -> PublishedTest:
    """Every photo asks; photos 4n to 4n + 3 show the same object.

    Measure: N-S, how many of the first four show it, 0..4 (the mean over queries). The query counts among the
    four, for only so can 4 be reached: it is put first, the others follow as they are found. Layout:
    `full/ukbench00000.jpg` and so on, or the files alone. Raises UsageError when they are missing.
    """
    folder = needed_place(root, "the photos of the benchmark", "full", "")
    found = numbered_pictures(folder, r"ukbench(\d+)")
    if not found:
        raise UsageError(f"{folder} holds no ukbench photos", remedy="Expected are ukbench00000.jpg and so on")
    objects = np.array([number // VIEWS for number, _ in found])

    def judge(question: int, order: NDArray[np.int64]) -> Mapping[str, float | None]:
        return {"N-S": 1.0 + float((objects[order[: VIEWS - 1]] == objects[question]).sum())}

    return PublishedTest(
        protocol=PROTOCOL,
        gallery=tuple(path for _, path in found),
        questions=tuple(Question(path, member=at, group=int(objects[at])) for at, (_, path) in enumerate(found)),
        judge=judge,
        notes=incomplete(len(found), PHOTOS),
    )
