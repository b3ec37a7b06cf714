"""The photos of Cars196 with their classes, in the forms in which the set is handed on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from desktop_app.domain.errors import UsageError
from desktop_app.evaluation.layouts import fields, matlab_file, place_of, whole_number

ALL_IN_ONE = "cars_annos.mat"
TRAIN = ("devkit/cars_train_annos.mat", "cars_train_annos.mat")
TEST = ("devkit/cars_test_annos_withlabels.mat", "cars_test_annos_withlabels.mat")
LISTS = ("train.txt", "test.txt")


def cars_places() -> tuple[str, ...]:
    """The files by which the set is recognised."""
    return (ALL_IN_ONE, *TRAIN)


def cars_photos(root: Path) -> list[tuple[Path, int]] | None:
    """All photos with their class numbers; None when there are only class folders, or nothing.

    Forms: `cars_annos.mat` with `car_ims`; the two files of the devkit with `cars_train` and `cars_test`; text
    lists `train.txt` and `test.txt` of lines "path class". Raises UsageError when a file is damaged or its other
    half is missing.
    """
    if file := place_of(root, ALL_IN_ONE):
        return _read(file, root, "relative_im_path")
    train, test = place_of(root, *TRAIN), place_of(root, *TEST)
    if train or test:
        if train is None or test is None:
            lacking = TRAIN if train is None else TEST
            raise UsageError(
                f"{root} lacks half of the classes' list", remedy=f"Expected is {' or '.join(lacking)}"
            )
        return _read(train, root / "cars_train", "fname") + _read(test, root / "cars_test", "fname")
    lists = [place for name in LISTS if (place := place_of(root, name))]
    if not lists:
        return None
    return [(root / row[0], whole_number(row[1], file)) for file in lists for row in fields(file, 2)]


def _read(file: Path, base: Path, name: str) -> list[tuple[Path, int]]:
    """The entries of `annotations`: the path in the field `name`, below `base`, and the class."""
    found = matlab_file(file)
    try:
        entries = np.atleast_1d(found["annotations"])
        return [(base / _inside(entry[name]), int(entry["class"])) for entry in entries]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UsageError(f"{file} does not list photos and classes: {error}", remedy="Download it again") from None


def _inside(value: Any) -> str:
    name = str(value)
    if not name or name.startswith("/") or ".." in name.split("/"):
        raise ValueError(f"'{name}' is not a photo of the set")
    return name
