"""A person who gives feedback, simulated: goes down the results, clicks what is right, rejects what is wrong.

Each round has up to three marks: the patch of the first two right results (not marked before) that lies in the
object, and the first wrong result as a whole. Nothing but the order of the results and the truth decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import AnyMark, Mark, PhotoMark, QueryItem, Side

RIGHT, WRONG = 2, 1  # marks of each kind in a round
PATIENCE = 60  # results that a person goes down
FINE = Grid(48, 48)  # on which the place of an object is kept

Shares = NDArray[np.float32]
"""[48, 48]: the share of every cell of a photo that its object covers."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Something to look for. item: what is asked with. right: where the object lies in every photo that has it;
    the photo of the question itself is not among them."""

    item: QueryItem
    right: Mapping[PhotoId, Shares]


@dataclass(frozen=True, slots=True)
class Clicks:
    """The marks of one round, and the photos that were looked at to make them."""

    marks: tuple[AnyMark, ...]
    seen: frozenset[PhotoId]


def object_shares(mask: NDArray[np.bool_]) -> Shares:
    """A mask [H, W] on the fine grid."""
    size = (FINE.columns, FINE.rows)
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)


def clicks(
    task: Task,
    found: Sequence[PhotoId],
    marked: frozenset[PhotoId],
    frame: Callable[[PhotoId], tuple[Grid, Region]],
) -> Clicks:
    """What a person marks on these results, best first; `marked` are the photos of earlier rounds.

    frame: the grid of a photo's patches and the pixels it covers.
    """
    marks: list[AnyMark] = []
    right = wrong = looked = 0
    for place, photo in enumerate(found[:PATIENCE], 1):
        if photo in marked:
            continue
        if photo in task.right and right < RIGHT:
            right += 1
            grid, box = frame(photo)
            cell = patch_in_object(task.right[photo], grid)
            marks.append(Mark(Side.RESULT, cell, grid, box, +1, photo=photo))
        elif photo not in task.right and wrong < WRONG:
            wrong += 1
            marks.append(PhotoMark(photo, -1))
        else:
            continue
        looked = place
        if (right, wrong) == (RIGHT, WRONG):
            break
    return Clicks(tuple(marks), frozenset(found[:looked]))


def patch_in_object(shares: Shares, grid: Grid) -> Cell:
    """The patch that lies in the object: of those it covers most, the one nearest to the middle of the object."""
    on_grid = cv2.resize(shares, (grid.columns, grid.rows), interpolation=cv2.INTER_AREA)
    rows, columns = np.mgrid[: grid.rows, : grid.columns]
    total = max(float(on_grid.sum()), 1e-9)
    middle = float((rows * on_grid).sum()) / total, float((columns * on_grid).sum()) / total
    away = np.hypot(rows - middle[0], columns - middle[1])
    most = on_grid >= 0.95 * float(on_grid.max())
    return grid.cell_by_index(int(np.where(most, away, np.inf).argmin()))
