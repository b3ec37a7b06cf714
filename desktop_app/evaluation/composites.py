"""Copy-paste composites: an object of one photo inside another, with exact masks and an exact homography.

A pair made this way needs no annotation: which pixels of the scene show the object is known, and where each pixel
of the query went. Measuring evidence and training what makes it use the same function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.outline import even_odd

Rgb: TypeAlias = NDArray[np.uint8]
Points: TypeAlias = NDArray[np.float64]  # [n, 2] x, y in pixels; whole numbers are the middles of pixels

_SMALLEST = 32  # short side of a photo that can be cut from or pasted into
_FEWEST_PIXELS = 64  # of an object
_VERTICES = 48
SIDES = (0.3, 0.85)  # of a random outline, as shares of the photo's
_OUTLINES = 6  # random outlines looked at until one has something in it
_QUIET = 0.6  # an outline with less than this share of the photo's mean gradient is empty
_TURN = 25.0  # degrees
_TILT = 0.06  # corners of the object's box shaken by this share of its sides
_GAMMA = 2.2  # of sRGB, about: light = value ** 2.2
_GREY = 127  # round an object on its own
_ALONE = 1 / 3  # share of objects on their own where nothing is asked for


@dataclass(frozen=True, slots=True, eq=False)
class Composite:
    """An object cut out of one photo and pasted into another.

    query: [h, w, 3] uint8, the object's own picture: its crop with some surroundings, or the object alone on
    grey. scene: [H, W, 3] uint8, the other photo with the object in it, transformed. mask: [H, W] bool, True where
    the object lies in the scene. query_mask: [h, w] bool, True where the object lies in the query. A pixel belongs
    to a mask when its middle lies inside the outline. to_scene: [3, 3] float64, takes the middle of a pixel (x, y)
    of the query to the scene, both in pixels (whole numbers are middles).
    """

    query: Rgb
    scene: Rgb
    mask: NDArray[np.bool_]
    query_mask: NDArray[np.bool_]
    to_scene: NDArray[np.float64]


def make_composite(
    photo: Rgb,
    scene: Rgb,
    random: np.random.Generator,
    *,
    area: tuple[float, float] = (0.08, 0.5),
    polygon: NDArray[np.floating] | None = None,
    alone: bool | None = None,
    sides: tuple[float, float] = SIDES,
) -> Composite:
    """Cut an object out of `photo` and paste it into `scene`: scaled, turned by up to 25 degrees, tilted a little,
    in other light, with an edge feathered over a pixel or two.

    photo, scene: [h, w, 3] and [H, W, 3] uint8, at least 32 px on the short side, of any two sizes. area: the
    least and largest share of the scene the object covers; a long object that would not fit is made smaller.
    polygon: [n, 2] x, y of a known outline in `photo`; without it a smooth random part that is not empty, whose
    sides are `sides` of the photo's: a small part is enlarged and so blurred, as small things in photos are.
    alone: whether the query shows the object on plain grey (True) or with surroundings (False); None draws.
    Raises ValueError for photos or outlines too small to be used.
    """
    for rgb in (photo, scene):
        if rgb.ndim != 3 or rgb.shape[2] != 3 or min(rgb.shape[:2]) < _SMALLEST:
            raise ValueError(f"a photo of shape {rgb.shape} is too small for a composite, or not RGB")
    if not 0 < area[0] <= area[1] <= 1:
        raise ValueError(f"area {area} must be two rising shares of 0 to 1")
    outline = random_outline(photo, random, sides) if polygon is None else _inside(polygon, photo)
    photo_mask = outline_mask(outline, photo.shape[0], photo.shape[1])
    if int(photo_mask.sum()) < _FEWEST_PIXELS:
        raise ValueError(f"an outline of {int(photo_mask.sum())} pixels is too small for a composite")
    share = float(np.exp(random.uniform(np.log(area[0]), np.log(area[1]))))
    transform = _placement(outline, scene.shape[0], scene.shape[1], share, random)
    left, top, right, bottom = _surroundings(outline, photo, random)
    to_scene = transform @ np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]])
    query_mask = photo_mask[top:bottom, left:right].copy()
    query = photo[top:bottom, left:right].copy()
    if alone if alone is not None else random.random() < _ALONE:
        query = blend(query, np.full_like(query, _GREY), query_mask)
    mask = outline_mask(through(transform, outline), scene.shape[0], scene.shape[1])
    pasted = _warp(other_exposure(photo, random), transform, scene.shape[0], scene.shape[1])
    return Composite(
        query=query,
        scene=blend(pasted, scene, mask, softness=random.uniform(0.5, 1.0)),
        mask=mask,
        query_mask=query_mask,
        to_scene=to_scene / to_scene[2, 2],
    )


def through(homography: NDArray[np.float64], points: NDArray[np.floating]) -> Points:
    """Points [n, 2] taken through a homography [3, 3]."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])


def outline_mask(outline: Points, height: int, width: int) -> NDArray[np.bool_]:
    """[height, width] bool: the pixels whose middle lies inside a closed outline [n, 2] (even-odd rule)."""
    return even_odd(outline, np.arange(float(width)), np.arange(float(height)))


def random_outline(photo: Rgb, random: np.random.Generator, sides: tuple[float, float] = SIDES) -> Points:
    """A smooth closed outline [48, 2] inside a photo, of `sides` of its own, where there is something to see:
    of up to six the first whose mean gradient is at least 0.6 of the photo's, else the liveliest [ours]."""
    height, width = photo.shape[:2]
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    gradient = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    needed = _QUIET * float(gradient.mean())
    liveliest, best = -1.0, np.zeros((_VERTICES, 2))
    for _ in range(_OUTLINES):
        outline = _smooth_outline(height, width, random, sides)
        inside = gradient[outline_mask(outline, height, width)]
        liveliness = float(inside.mean()) if inside.size >= _FEWEST_PIXELS else -0.5
        if liveliness > liveliest:
            liveliest, best = liveliness, outline
        if liveliest >= needed:
            break
    return best


def other_exposure(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Exposure (up to half a stop, in linear light), gamma and white balance changed a little."""
    tone = (np.arange(256) / 255.0) ** random.uniform(0.8, 1.25) * 2.0 ** (random.uniform(-0.5, 0.5) / _GAMMA)
    tones = tone[:, None] * random.uniform(0.94, 1.06, size=3)
    table = np.rint(np.clip(tones, 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.stack([table[rgb[..., channel], channel] for channel in range(3)], axis=-1)


def blend(front: Rgb, back: Rgb, mask: NDArray[np.bool_], *, softness: float = 0.7) -> Rgb:
    """`front` where the mask is True, `back` elsewhere; the edge is feathered over `softness` pixels."""
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), softness)[..., None]
    mixed = front.astype(np.float32) * alpha + back.astype(np.float32) * (1.0 - alpha)
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def _inside(polygon: NDArray[np.floating], photo: Rgb) -> Points:
    outline = np.asarray(polygon, dtype=np.float64)
    if outline.ndim != 2 or outline.shape[1] != 2 or len(outline) < 3 or not np.isfinite(outline).all():
        raise ValueError(f"an outline needs at least three finite points x, y, not an array {outline.shape}")
    return np.clip(outline, 0.0, [photo.shape[1] - 1.0, photo.shape[0] - 1.0])


def _smooth_outline(height: int, width: int, random: np.random.Generator, sides: tuple[float, float]) -> Points:
    """A circle with four random waves, stretched to a random box inside the photo."""
    angle = np.arange(_VERTICES) * (2 * np.pi / _VERTICES)
    radius = np.ones(_VERTICES)
    for wave in range(2, 6):
        radius += random.uniform(0.0, 0.36 / wave) * np.cos(wave * angle + random.uniform(0.0, 2 * np.pi))
    shape = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    shape = (shape - shape.min(axis=0)) / np.ptp(shape, axis=0)
    room = np.array([width - 1.0, height - 1.0])
    size = np.maximum(random.uniform(*sides, size=2) * room, min(16.0, float(room.min())))
    return np.asarray(shape * size + random.uniform(0.0, 1.0, size=2) * (room - size))


def _surroundings(outline: Points, photo: Rgb, random: np.random.Generator) -> tuple[int, int, int, int]:
    """left, top, right, bottom of the query's crop: the object's box and up to 30 % of its sides round it."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    margin = random.uniform(0.02, 0.3, size=4) * np.tile(high - low, 2)
    left, top = np.floor(np.maximum(low - margin[:2], 0.0)).astype(int)
    limits = [photo.shape[1] - 1.0, photo.shape[0] - 1.0]
    right, bottom = np.ceil(np.minimum(high + margin[2:], limits)).astype(int) + 1
    return int(left), int(top), int(right), int(bottom)


def _placement(
    outline: Points, height: int, width: int, share: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """The homography photo -> scene under which the outline covers `share` of the scene, or what fits into it."""
    tilt = _tilt(outline, random)
    tilted = through(tilt, outline)
    angle = np.deg2rad(random.uniform(-_TURN, _TURN))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = tilted @ turn.T
    scale = np.sqrt(share * height * width / max(_area(turned), 1.0))
    room = np.array([width - 1.0, height - 1.0])
    scale = min(scale, float((room / np.maximum(np.ptp(turned, axis=0), 1e-6)).min()))
    low, high = scale * turned.min(axis=0), scale * turned.max(axis=0)
    shift = random.uniform(0.0, 1.0, size=2) * (room - (high - low)) - low
    rigid = np.eye(3)
    rigid[:2, :2] = scale * turn
    rigid[:2, 2] = shift
    return np.asarray(rigid @ tilt)


def _tilt(outline: Points, random: np.random.Generator) -> NDArray[np.float64]:
    """A small perspective: the corners of the outline's box shaken."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    corners = np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
    shaken = corners + random.uniform(-_TILT, _TILT, size=(4, 2)) * (high - low)
    found = cv2.getPerspectiveTransform(corners.astype(np.float32), shaken.astype(np.float32))
    return np.asarray(found, dtype=np.float64)


def _area(outline: Points) -> float:
    x, y = outline.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2.0


def _warp(photo: Rgb, transform: NDArray[np.float64], height: int, width: int) -> Rgb:
    """The photo under a homography; smoothed first where it gets smaller, so that nothing flickers."""
    smaller = float(np.sqrt(abs(np.linalg.det(transform[:2, :2] / transform[2, 2]))))
    if smaller < 0.8:
        photo = np.asarray(cv2.GaussianBlur(photo, (0, 0), 0.45 / smaller), dtype=np.uint8)
    warped = cv2.warpPerspective(
        photo, transform, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, dtype=np.uint8)
