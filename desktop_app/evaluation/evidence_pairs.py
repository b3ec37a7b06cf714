"""Pairs of pictures of which it is known what should match: the material of the protocol `evidence`.

Three families have a region of interest: `composites` (an object pasted into another photo), `views` (a made view
of a photo; the region is what the view shows) and `objects` (the box of an object as query, another photo with
objects of its class as result). The first two also have an exact homography. `strangers` do not match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.geometry import Region
from desktop_app.evaluation.annotations import EvidencePhoto, OutlinedObject
from desktop_app.evaluation.composites import Composite, Rgb, make_composite, outline_mask, through
from desktop_app.retrieval.made_views import make_view

COMPOSITES, VIEWS, OBJECTS, STRANGERS = "composites", "views", "objects", "strangers"
RANDOM, NEAREST = "random", "nearest"  # the two kinds of strangers
LEAST_SIDE = 16  # pixels of a box that can be asked with
_ATTEMPTS = 5  # photos or outlines tried for each composite; some are too small
_LEAST_AREA, _MOST_AREA = 0.01, 0.6  # of its photo, for a known outline that is cut out

LoadPixels = Callable[[Path], Rgb]
"""The oriented pixels of a file, reduced to a workable size. Raises UnreadableImage."""


@dataclass(frozen=True, slots=True, eq=False)
class EvidencePair:
    """Two pictures, and what is known of them and never shown to what is measured.

    label: the class or kind within the family, "" without one. region: the part of `query` that is asked with,
    None for all of it. mask: [H, W] bool, the region of interest in `result`; None for strangers. query_mask:
    [h, w] bool, what of the query can be found again (None: all of it). to_result: [3, 3], a point of the query
    to the result, both in shares of width and height; None when unknown.
    """

    family: str
    label: str
    query: Rgb
    result: Rgb
    region: Region | None = None
    mask: NDArray[np.bool_] | None = None
    query_mask: NDArray[np.bool_] | None = None
    to_result: NDArray[np.float64] | None = None


def composite_pairs(
    photos: Sequence[EvidencePhoto],
    count: int,
    load: LoadPixels,
    random: np.random.Generator,
    *,
    area: tuple[float, float] = (0.08, 0.5),
    alone: bool | None = None,
) -> Iterator[EvidencePair]:
    """`count` objects of one photo pasted into another: drawn outlines where there are any, else random ones.

    Photos that are too small or cannot be read are passed over, so there may be fewer, or none.
    """
    drawn = [(photo, item) for photo in photos for item in photo.outlines if _cuttable(item)]
    made = 0
    for _ in range(_ATTEMPTS * count if len(photos) > 1 else 0):
        if made == count:
            break
        item = None
        photo = photos[int(random.integers(len(photos)))]
        if drawn:
            photo, item = drawn[int(random.integers(len(drawn)))]
        scene = _other(photos, photo, random)
        try:
            pixels, behind = load(photo.path), load(scene.path)
            polygon = None if item is None else item.outline * _size(pixels) - 0.5
            composite = make_composite(pixels, behind, random, area=area, polygon=polygon, alone=alone)
        except (ValueError, UnreadableImage):  # ValueError: too small a photo or outline
            continue
        made += 1
        yield from_composite(composite, "" if item is None else item.label)


def from_composite(made: Composite, label: str) -> EvidencePair:
    """A composite as a pair: its object is asked with, its scene is the result."""
    return EvidencePair(
        family=COMPOSITES,
        label=label,
        query=made.query,
        result=made.scene,
        mask=made.mask,
        query_mask=made.query_mask,
        to_result=in_shares(made.to_scene, made.query, made.scene),
    )


def view_pairs(
    photos: Sequence[EvidencePhoto], count: int, load: LoadPixels, random: np.random.Generator
) -> Iterator[EvidencePair]:
    """`count` photos with a made view of each (16 to 100 % of the area, turned, in perspective, in other light) as
    query; the region of interest is what the view shows."""
    for photo in take(photos, count, random):
        pixels = load(photo.path)
        view = make_view(pixels, random)
        corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        outline = through(view.to_original, corners) * _size(pixels) - 0.5
        yield EvidencePair(
            family=VIEWS,
            label="",
            query=view.rgb,
            result=pixels,
            mask=outline_mask(outline, *pixels.shape[:2]),
            to_result=view.to_original,
        )


def object_pairs(
    photos: Sequence[EvidencePhoto],
    count: int,
    load: LoadPixels,
    random: np.random.Generator,
    *,
    classes: Sequence[str] | None = None,
) -> Iterator[EvidencePair]:
    """Up to `count` pairs of each class: the box of one object as query, another photo with its class as result,
    where the objects of that class are the region of interest. Boxes under 16 px are left out as queries."""
    known = sorted({item.label for photo in photos for item in photo.objects})
    for label in known if classes is None else [label for label in known if label in classes]:
        holders = [photo for photo in photos if label in photo.kinds]
        asked = [(photo, item) for photo in holders for item in photo.objects if item.label == label]
        if len(holders) < 2:
            continue
        made = 0
        for at in random.permutation(len(asked)):
            if made == count:
                break
            photo, item = asked[int(at)]
            query = load(photo.path)
            region = _box(item, query)
            if region is None:
                continue
            other = _other(holders, photo, random)
            result = load(other.path)
            mask = np.zeros(result.shape[:2], dtype=bool)
            for found in (found for found in other.objects if found.label == label):
                mask |= outline_mask(found.outline * _size(result) - 0.5, *result.shape[:2])
            if mask.any():
                made += 1
                yield EvidencePair(OBJECTS, label, query, result, region=region, mask=mask)


def stranger_pairs(
    photos: Sequence[EvidencePhoto],
    alphas: NDArray[np.float32],
    count: int,
    load: LoadPixels,
    random: np.random.Generator,
) -> Iterator[EvidencePair]:
    """Pairs of photos that share no kind: half of them at random, half nearest neighbours by their descriptors.

    alphas: [len(photos), D], L2-normalised rows. Fewer pairs come where hardly any two photos share no kind.
    """
    for kind, number in ((RANDOM, count - count // 2), (NEAREST, count // 2)):
        made = 0
        for at in random.permutation(len(photos)):
            if made == number:
                break
            strange = np.array([photos[at].kinds.isdisjoint(other.kinds) for other in photos])
            if not strange.any():
                continue
            if kind == RANDOM:
                other = int(random.choice(np.flatnonzero(strange)))
            else:
                other = int(np.where(strange, alphas @ alphas[at], -np.inf).argmax())
            made += 1
            yield EvidencePair(STRANGERS, kind, load(photos[at].path), load(photos[other].path))


def take(photos: Sequence[EvidencePhoto], count: int, random: np.random.Generator) -> list[EvidencePhoto]:
    """`count` photos in random order; one comes twice only when all have come."""
    order: list[int] = []
    while len(order) < count:
        order += [int(at) for at in random.permutation(len(photos))]
    return [photos[at] for at in order[:count]]


def in_shares(homography: NDArray[np.float64], query: Rgb, result: Rgb) -> NDArray[np.float64]:
    """A homography between middles of pixels (whole numbers) as one between shares of width and height."""

    def to_pixels(rgb: Rgb) -> NDArray[np.float64]:
        width, height = _size(rgb)
        return np.array([[width, 0.0, -0.5], [0.0, height, -0.5], [0.0, 0.0, 1.0]])

    return np.asarray(np.linalg.inv(to_pixels(result)) @ homography @ to_pixels(query))


def _size(rgb: Rgb) -> NDArray[np.float64]:
    return np.array([rgb.shape[1], rgb.shape[0]], dtype=np.float64)


def _cuttable(item: OutlinedObject) -> bool:
    left, top, right, bottom = item.box
    return _LEAST_AREA <= (right - left) * (bottom - top) <= _MOST_AREA


def _other(photos: Sequence[EvidencePhoto], photo: EvidencePhoto, random: np.random.Generator) -> EvidencePhoto:
    """A random photo that is not `photo`."""
    while True:
        other = photos[int(random.integers(len(photos)))]
        if other is not photo:
            return other


def _box(item: OutlinedObject, rgb: Rgb) -> Region | None:
    """The pixels of an object's box; None when it is too small to ask with."""
    (left, top, right, bottom), (width, height) = item.box, _size(rgb)
    x, y = int(np.floor(left * width)), int(np.floor(top * height))
    w, h = int(np.ceil(right * width)) - x, int(np.ceil(bottom * height)) - y
    return Region(x, y, w, h) if min(w, h) >= LEAST_SIDE else None
