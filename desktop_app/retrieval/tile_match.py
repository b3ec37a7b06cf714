"""A small object looked for in the tiles of large scenes, cell by cell [ours].

The descriptor of a tile still mixes an object with what surrounds it. Local features do not: for the cells i of
the object and the cells j of a tile t,

    s(t) = mean_i max_{j in t} max(0, cos(i, j))^3        and the photo's score is max_t s(t).

Two things about the query matter as much. It shows the object as large as the picture, a scene shows it small, and
features depend on scale: so it is shrunk into the middle of a grey canvas, to the size it has in scenes. And cells
of a plain background round the object match plain walls and skies everywhere: they are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.retrieval.tiles import OVERLAP, region_boxes

Float = NDArray[np.float32]
Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]

GREY = 127
SHARE = 0.55
"""Sides of the object on the canvas, as a share of the canvas's."""
POWER = 3.0
_TOLERANCE = 12  # grey levels by which a plain background may vary
_PLAIN = 0.5  # share of the border that must be of one colour for a background to be plain
_INSIDE = 0.75  # share of a cell that must lie on the object
_FEWEST = 4  # cells that describe an object


def content_mask(rgb: Rgb) -> Mask:
    """[H, W] True where a picture [H, W, 3] shows something else than a plain background that touches its edge.

    All True when less than half of the edge is of one colour, or when nothing else would be left.
    """
    edge = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]]).astype(np.int16)
    colour = np.median(edge, axis=0)
    if (np.abs(edge - colour).max(axis=1) <= _TOLERANCE).mean() < _PLAIN:
        return np.ones(rgb.shape[:2], dtype=bool)
    plain = (np.abs(rgb.astype(np.int16) - colour).max(axis=2) <= _TOLERANCE).astype(np.uint8)
    _, labels = cv2.connectedComponents(plain, connectivity=4)
    touching = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    mask = ~np.isin(labels, touching[touching > 0])
    return mask if mask.any() else np.ones(rgb.shape[:2], dtype=bool)


def object_canvas(rgb: Rgb, mask: Mask, shape: tuple[int, int], share: float = SHARE) -> tuple[Rgb, Mask]:
    """The object of a picture, cut to its box and shrunk (or enlarged) into the middle of a grey canvas.

    shape: height and width of the canvas, one of the pack's; share: 0..1 of the canvas that the object's box
    covers along the side that fits tightest. Returns the canvas [h, w, 3] and where the object lies on it [h, w].
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    part, inside = rgb[box], mask[box]
    height, width = shape
    scale = share * min(height / part.shape[0], width / part.shape[1])
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(part, size, interpolation=way)
    covered = cv2.resize(inside.astype(np.float32), size, interpolation=way) >= 0.5
    canvas = np.full((height, width, 3), GREY, dtype=np.uint8)
    where = np.zeros((height, width), dtype=bool)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0]] = small
    where[top : top + size[1], left : left + size[0]] = covered
    return canvas, where


def object_cells(features: Float, mask: Mask) -> Float:
    """The local features [n, D] of the cells of a canvas that lie on the object: 3/4 of a cell, or the 4 that do
    most. features: [h, w, D]; mask: [H, W] of the canvas."""
    height, width = features.shape[:2]
    covered = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA).ravel()
    enough = min(_INSIDE, float(np.sort(covered)[-min(_FEWEST, len(covered))]))
    return np.asarray(features.reshape(height * width, -1)[covered >= max(enough, 1e-6)], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class TileMatch:
    """score: 0..1; tile: the entry of `region_boxes` in which the object is most likely."""

    score: float
    tile: int


def tile_match(query: Float, photo: Float, *, overlap: float = OVERLAP) -> TileMatch:
    """max over tiles of mean_i max_{j in tile} max(0, cos)^3.

    query: [n, D] cells of the object; photo: [h, w, D] cells of a photo; all L2-normalised. A cell belongs to the
    tiles in which its middle lies. The whole photo is left out, for it holds every cell and would always win.
    Raises ValueError without a cell.
    """
    height, width, dimension = photo.shape
    if not len(query) or not height * width:
        raise ValueError("a match needs cells on both sides")
    cosines = query @ photo.reshape(-1, dimension).astype(np.float32).T
    like = (np.maximum(cosines, 0.0) ** POWER).reshape(len(query), height, width)
    boxes = region_boxes(overlap)
    scores = np.zeros(len(boxes))
    for at, (x0, y0, x1, y1) in enumerate(boxes[1:], start=1):
        rows, columns = cells_between(y0, y1, height), cells_between(x0, x1, width)
        if rows.stop > rows.start and columns.stop > columns.start:
            scores[at] = float(like[:, rows, columns].max(axis=(1, 2)).mean())
    best = 1 + int(scores[1:].argmax())
    return TileMatch(float(scores[best]), best)


def cells_between(start: float, end: float, count: int) -> slice:
    """The cells of `count` in a row whose middle lies between two shares of the side."""
    middles = (np.arange(count) + 0.5) / count
    inside = np.flatnonzero((middles >= start - 1e-9) & (middles <= end + 1e-9))
    return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0)
