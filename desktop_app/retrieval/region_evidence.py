"""Evidence for a query that is a part of a picture: like the part, and unlike what surrounds it.

The part is described by the cells of its whole picture that lie inside it, so that it is seen in the result at the
scale and with the surroundings it was marked in. A cell j of the result has the contrast

    s(j) = max over i inside of cos(i, j) - max over i outside of cos(i, j)                                  [ours]

which is positive only where the result resembles the part more than anything round it: plain background, tissue
or sky that both pictures share cancels out. Parts of few cells are looked for at a zoom of 2 or 3, in
overlapping tiles of both pictures that go through the network one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Grid
from desktop_app.retrieval.parameters import RegionParameters
from desktop_app.retrieval.pooling import l2_normalise
from desktop_app.retrieval.tiles import region_boxes

Float = NDArray[np.float32]

ENOUGH_CELLS = 4
"""A part that covers fewer cells than this is looked for at a higher zoom [ours]."""
_TILES = {1: slice(0, 1), 2: slice(1, 5), 3: slice(5, 14)}
ZOOMS = tuple(_TILES)


@dataclass(frozen=True, slots=True, eq=False)
class PlacedCells:
    """Local features [n, d], L2-normalised, and the middles of their cells [n, 2], x and y in shares of the
    picture."""

    features: Float
    places: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RegionMeasurements:
    """What is measured between a part and a result.

    nearest: largest cosine of a cell inside the part with any cell of the result. contrast: largest s(j). whole:
    cosine of the part's descriptor with that of the result, tile: with that of its best tile at the zoom in use.
    """

    nearest: float
    contrast: float
    whole: float
    tile: float

    def inputs(self) -> Mapping[str, float]:
        """By their names in the manifest."""
        return {"nearest": self.nearest, "contrast": self.contrast, "whole": self.whole, "tile": self.tile}


def zoom_boxes(zoom: int) -> NDArray[np.float64]:
    """[zoom^2, 4] x0, y0, x1, y1 in 0..1: the overlapping tiles of a zoom of 1, 2 or 3, row by row."""
    return region_boxes()[_TILES[zoom]]


def choose_zoom(box: tuple[float, float, float, float], grid: Grid) -> int:
    """The lowest zoom at which a part (x0, y0, x1, y1 in shares) covers ENOUGH_CELLS cells of the `grid` of the
    whole picture, 3 when none does."""
    cells = (box[2] - box[0]) * grid.columns * (box[3] - box[1]) * grid.rows
    for zoom in ZOOMS:
        if cells * zoom * zoom >= ENOUGH_CELLS:
            return zoom
    return ZOOMS[-1]


def place_cells(tiles: Sequence[Float], zoom: int) -> PlacedCells:
    """The cells of all tiles of one zoom, [h, w, d] each, side by side."""
    features, places = [], []
    for tile, (x0, y0, x1, y1) in zip(tiles, zoom_boxes(zoom), strict=True):
        rows, columns, dimension = tile.shape
        y, x = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
        places.append(np.stack([x0 + x.ravel() * (x1 - x0), y0 + y.ravel() * (y1 - y0)], axis=1))
        features.append(l2_normalise(tile.reshape(-1, dimension)))
    return PlacedCells(np.concatenate(features).astype(np.float32), np.concatenate(places))


def inside(
    cells: PlacedCells, box: tuple[float, float, float, float], samples: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """[n] bool: the cells whose middle lies in a part; the one nearest to the middle of its box when none does.

    samples: [h, w] over the box, what of it belongs to the part; None for all of it.
    """
    x, y = cells.places.T
    found = (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])
    if samples is not None:
        rows = ((y[found] - box[1]) / (box[3] - box[1]) * samples.shape[0]).astype(np.int64)
        columns = ((x[found] - box[0]) / (box[2] - box[0]) * samples.shape[1]).astype(np.int64)
        found[found] = samples[rows.clip(max=len(samples) - 1), columns.clip(max=samples.shape[1] - 1)]
    if not found.any():
        found[np.hypot(x - (box[0] + box[2]) / 2, y - (box[1] + box[3]) / 2).argmin()] = True
    return np.asarray(found)


def contrast(query: PlacedCells, part: NDArray[np.bool_], result: PlacedCells) -> tuple[Float, Float]:
    """s(j) and the best cosine with the part, of every cell of the result: [m], [m] float32.

    A part without anything outside has no contrast to draw: then s(j) is the cosine itself.
    """
    cosines = query.features @ result.features.T
    like = cosines[part].max(axis=0)
    return (like - cosines[~part].max(axis=0) if not part.all() else like), like


def contrast_map(values: Float, cells: PlacedCells, grid: Grid) -> Float:
    """The positive part of s(j) on a grid over the whole picture, in 0..1 with 1 at the largest; zero without any.

    A cell of the grid has the value of the nearest cell, or the largest of those whose middles lie in it.
    """
    rows, columns = np.divmod(np.arange(grid.rows * grid.columns), grid.columns)
    middles = np.stack([(columns + 0.5) / grid.columns, (rows + 0.5) / grid.rows], axis=1)
    distance = np.abs(middles[:, None] - cells.places[None]).sum(axis=2)
    drawn = values[distance.argmin(axis=1)].copy()
    x, y = cells.places.T
    at = np.minimum((y * grid.rows).astype(np.int64), grid.rows - 1) * grid.columns
    np.maximum.at(drawn, at + np.minimum((x * grid.columns).astype(np.int64), grid.columns - 1), values)
    drawn = np.maximum(drawn, 0.0).reshape(grid.rows, grid.columns)
    return np.asarray(drawn / max(float(drawn.max()), 1e-12), dtype=np.float32)


def region_relevance(measured: RegionMeasurements, parameters: RegionParameters) -> float:
    """The probability, 0..1, that the result holds what the part shows: the logistic learnt on TRAIN."""
    inputs = measured.inputs()
    raw = parameters.bias + sum(weight * inputs[name] for name, weight in parameters.weights.items())
    return float(1.0 / (1.0 + np.exp(-np.clip(raw, -60.0, 60.0))))
