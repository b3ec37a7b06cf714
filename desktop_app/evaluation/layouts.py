"""Find the files of a published data set, and say precisely what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from desktop_app.domain.errors import UsageError
from desktop_app.evaluation.photo_set import all_files

PICTURES = frozenset((".jpg", ".jpeg", ".png"))


def place_of(root: Path, *choices: str) -> Path | None:
    """The first of these files or folders below `root` that is there; "" is `root` itself.

    Raises UsageError when `root` is not a folder.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder")
    return next((place for name in choices if (place := root / name).exists()), None)


def needed_place(root: Path, what: str, *choices: str) -> Path:
    """`place_of`, or a UsageError that names what is missing and where it is looked for."""
    place = place_of(root, *choices)
    if place is None:
        raise UsageError(f"{root} lacks {what}", remedy=f"Expected is {' or '.join(choices)} below that folder")
    return place


def needed_files(paths: Sequence[Path], root: Path) -> tuple[Path, ...]:
    """`paths`, or a UsageError that counts those that are not there and names the first."""
    missing = [path for path in paths if not path.is_file()]
    if missing:
        first = missing[0].relative_to(root) if missing[0].is_relative_to(root) else missing[0]
        raise UsageError(
            f"{len(missing):,} of {len(paths):,} photos are missing below {root}, the first is {first}",
            remedy="Unpack the whole data set",
        )
    return tuple(paths)


def pictures_below(folder: Path) -> list[Path]:
    """The pictures in a folder and its sub-folders, sorted; hidden ones are left out."""
    return [path for path in all_files(folder) if path.suffix.lower() in PICTURES]


def numbered_pictures(folder: Path, name: str) -> list[tuple[int, Path]]:
    """The pictures of a folder whose name (without its ending) is `name`, a pattern with the number as its group;
    by number."""
    found = [
        (int(match[1]), path)
        for path in pictures_below(folder)
        if (match := re.fullmatch(name, path.stem, re.IGNORECASE))
    ]
    return sorted(found)


def incomplete(found: int, published: int, what: str = "photos") -> tuple[str, ...]:
    """A note when a set differs from the published one: its figures cannot be compared with published ones."""
    if found == published:
        return ()
    return (
        f"There are {found:,} {what} instead of {published:,}: "
        "the figures cannot be compared with published ones.",
    )


def text_lines(path: Path) -> list[str]:
    """The lines of a list file, without empty ones. Raises UsageError when it cannot be read."""
    try:
        lines = path.read_text("utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    return [line for line in lines if line.strip()]


def fields(path: Path, least: int, *, skip: int = 0) -> list[list[str]]:
    """The lines of a list file after the first `skip`, split at blanks. Raises UsageError when one has fewer than
    `least` parts."""
    rows = [line.split() for line in text_lines(path)[skip:]]
    for number, row in enumerate(rows, skip + 1):
        if len(row) < least:
            raise UsageError(f"line {number} of {path} has {len(row)} of {least} parts", remedy="Unpack it again")
    return rows


def whole_number(text: str, path: Path) -> int:
    """A number in a list file. Raises UsageError when it is none."""
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"'{text}' in {path} should be a number", remedy="Unpack it again") from None


def matlab_file(path: Path) -> dict[str, Any]:
    """The variables of a .mat file (data only: nothing in it is run). Raises UsageError when it is damaged."""
    from scipy.io import loadmat  # type: ignore[import-untyped]

    try:
        variables: dict[str, Any] = loadmat(str(path), squeeze_me=True)
    except Exception as error:
        # The reader raises whatever damaged bytes lead it into.
        raise UsageError(f"{path} cannot be read: {error}", remedy="Download it again") from error
    return variables
