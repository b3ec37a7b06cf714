"""Which cells of a made view and of its photo belong together: the truth that evidence is measured with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Grid


def correct_pairs(
    view_cells: NDArray[np.int64],
    original_cells: NDArray[np.int64],
    *,
    to_original: NDArray[np.float64],
    view_grid: Grid,
    original_grid: Grid,
    tolerance: float = 1.5,
) -> NDArray[np.bool_]:
    """Which matched cells are right: the middle of the view's cell, taken to the original, lies within `tolerance`
    cells of the middle of the original's cell. Cells are row-major indices, [n] each."""
    rows, columns = np.divmod(view_cells, view_grid.columns)
    middle = np.stack([(columns + 0.5) / view_grid.columns, (rows + 0.5) / view_grid.rows, np.ones(len(rows))])
    landed = to_original @ middle
    landed = landed[:2] / landed[2]
    rows, columns = np.divmod(original_cells, original_grid.columns)
    across = landed[0] * original_grid.columns - (columns + 0.5)
    down = landed[1] * original_grid.rows - (rows + 0.5)
    return np.asarray(np.hypot(across, down) <= tolerance)


def seen_cells(to_original: NDArray[np.float64], grid: Grid) -> NDArray[np.bool_]:
    """Which cells of the original a view shows: those whose middle lies inside it. [rows, columns] bool."""
    rows, columns = np.divmod(np.arange(grid.rows * grid.columns), grid.columns)
    middle = np.stack([(columns + 0.5) / grid.columns, (rows + 0.5) / grid.rows, np.ones(len(rows))])
    at = np.linalg.inv(to_original) @ middle
    at = at[:2] / at[2]
    return np.asarray(((at >= 0) & (at <= 1)).all(axis=0).reshape(grid.rows, grid.columns))
