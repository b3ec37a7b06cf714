"""Pairs of pictures with what is known about them, as the indicative network is trained and measured on.

view        a photo and a made view of it: a known homography
composite   an object's own picture and a scene it was pasted into: a known homography and mask; half of the
            objects are small parts of their photos
kind        two photos of one class (weak: which parts match is not known)
stranger    photos of different classes, half of them nearest neighbours by alpha, half random; every second query
            is a made view, so that being a crop says nothing
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.evaluation.composites import SIDES, Composite, make_composite, random_outline
from desktop_app.retrieval.indicative import GRID, square_features, square_pixels
from desktop_app.retrieval.made_views import make_view
from models.data import LABELLED, PhotoCache, Rgb, holdout_classes, whole
from models.evaluate.holdout import GraphEmbedder
from models.manifest import Shape

KINDS = ("view", "composite", "kind", "stranger")
TEACHING = ("grocery", "caltech101")  # classes that a person would tell apart: pairs of a kind and near strangers
LOW_RESOLUTION = ("mini-imagenet-84", "style-128", "flowers-128")
SMALL_SIDES = (0.12, 0.35)  # of an object, as shares of its photo's
_ATTEMPTS = 20  # at photos that are large enough for a composite
SPOT = 8  # sample points along a cell's side, for the share of it that an object covers

Form = Callable[[Rgb], NDArray[np.generic]]
"""A picture in the form the network takes: [14, 14, D] float16 or [224, 224, 3] uint8."""


@dataclass(frozen=True, eq=False)
class PairSet:
    """n pairs. result, query: [n, ...] in one of the forms. kind: [n] uint8, index in KINDS. to_result: [n, 3, 3]
    float32, takes a point of the query to the result, both in shares of width and height; zero where it is not
    known. result_mask, query_mask: [n, 14, 14] float16, the share of every cell that shows what both pictures
    show.
    """

    result: NDArray[np.generic]
    query: NDArray[np.generic]
    kind: NDArray[np.uint8]
    to_result: NDArray[np.float32]
    result_mask: NDArray[np.float16]
    query_mask: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def dimension(self) -> int:
        """Of the features (3 for pixels)."""
        return int(self.result.shape[3])

    def of_kind(self, *names: str) -> NDArray[np.int64]:
        """Positions of the pairs of these kinds."""
        return np.flatnonzero(np.isin(self.kind, [KINDS.index(name) for name in names]))

    def save(self, path: Path) -> None:
        partial = path.with_suffix(".tmp.npz")
        np.savez(partial, **{f.name: getattr(self, f.name) for f in fields(self)})
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> PairSet:
        with np.load(path) as stored:
            return cls(**{f.name: stored[f.name] for f in fields(cls)})


class PairMaker:
    """Makes pairs from photos in memory or a cache.

    decode: row -> photo. labels: class of every row or None. alpha: row -> descriptor, for nearest strangers.
    form: what is kept of a picture.
    """

    def __init__(
        self,
        decode: Callable[[int], Rgb],
        labels: Sequence[str | None],
        form: Form,
        alpha: Callable[[int], NDArray[np.float32]],
    ) -> None:
        self.decode, self.labels, self.form, self.alpha = decode, labels, form, alpha

    def make(
        self,
        rows: Sequence[int],
        counts: dict[str, int],
        seed: int,
        *,
        pool: int = 600,
        say: Callable[[str], None],
    ) -> PairSet:
        """`counts` pairs of every kind from the photos `rows`; nearest strangers among `pool` labelled ones."""
        random = np.random.default_rng(seed)
        parts: dict[str, list[NDArray[np.generic]]] = {f.name: [] for f in fields(PairSet)}

        def add(kind: str, result: Rgb, query: Rgb, **known: NDArray[np.generic]) -> None:
            none = np.zeros((GRID.rows, GRID.columns), np.float16)
            parts["result"].append(self.form(result))
            parts["query"].append(self.form(query))
            parts["kind"].append(np.uint8(KINDS.index(kind)))
            parts["to_result"].append(known.get("to_result", np.zeros((3, 3), np.float32)))
            parts["result_mask"].append(known.get("result_mask", none))
            parts["query_mask"].append(known.get("query_mask", none))
            if len(parts["kind"]) % 100 == 0:
                say(f"{len(parts['kind'])} pairs")

        for _ in range(counts.get("view", 0)):
            photo = self.decode(int(random.choice(rows)))
            made = make_view(photo, random)
            homography = made.to_original.astype(np.float32)
            known = {
                "to_result": homography,
                "result_mask": coverage(np.linalg.inv(made.to_original)),
                "query_mask": np.ones((GRID.rows, GRID.columns), np.float16),
            }
            add("view", photo, made.rgb, **known)
        for at in range(counts.get("composite", 0)):
            made_up = self._composite(rows, (SIDES, SMALL_SIDES)[at % 2], random)
            known = {
                "to_result": in_shares(made_up.to_scene, made_up.query.shape, made_up.scene.shape),
                "result_mask": cell_shares(made_up.mask),
                "query_mask": cell_shares(made_up.query_mask),
            }
            add("composite", made_up.scene, made_up.query, **known)
        for result, query in self._of_a_kind(rows, counts.get("kind", 0), random):
            add("kind", self.decode(result), self.decode(query))
        for result, query in self._strangers(rows, counts.get("stranger", 0), pool, random):
            asking = self.decode(query)
            if random.random() < 0.5:
                asking = make_view(asking, random).rgb
            add("stranger", self.decode(result), asking)
        return _stacked(parts)

    def groups(
        self, rows: Sequence[int], *, objects: int, scenes: int, strangers: int, seed: int
    ) -> tuple[PairSet, list[list[int]]]:
        """Pairs that share a query, for feedback: each of `objects` asks `scenes` results it was pasted into and
        `strangers` others. Returns the pairs and the positions of each group. How the query maps to a scene is not
        kept (its crop is that of the first composite), only where the object lies."""
        random = np.random.default_rng(seed)
        parts: dict[str, list[NDArray[np.generic]]] = {f.name: [] for f in fields(PairSet)}
        members = []
        none = np.zeros((GRID.rows, GRID.columns), np.float16)
        for _ in range(objects):
            source, *others = (int(row) for row in random.choice(rows, 1 + scenes + strangers, replace=False))
            photo = self.decode(source)
            outline = random_outline(photo, random)
            query: NDArray[np.generic] | None = None
            start = len(parts["kind"])
            for at, other in enumerate(others):
                scene, mask, kind = self.decode(other), none, "stranger"
                if at < scenes:
                    made = make_composite(photo, scene, random, polygon=outline)
                    scene, mask, kind = made.scene, cell_shares(made.mask), "composite"
                    query = self.form(made.query) if query is None else query
                assert query is not None
                row = (
                    self.form(scene),
                    query,
                    np.uint8(KINDS.index(kind)),
                    np.zeros((3, 3), np.float32),
                    mask,
                    none,
                )
                for name, value in zip(parts, row, strict=True):
                    parts[name].append(value)
            members.append(list(range(start, len(parts["kind"]))))
        return _stacked(parts), members

    def _composite(
        self, rows: Sequence[int], sides: tuple[float, float], random: np.random.Generator
    ) -> Composite:
        """A composite of two of these photos. Raises ValueError when hardly any is large enough for one."""
        refused: ValueError | None = None
        for _ in range(_ATTEMPTS):
            photo, scene = (self.decode(int(row)) for row in random.choice(rows, 2, replace=False))
            try:
                return make_composite(photo, scene, random, sides=sides)
            except ValueError as error:
                refused = error
        assert refused is not None
        raise refused

    def _of_a_kind(self, rows: Sequence[int], count: int, random: np.random.Generator) -> list[tuple[int, int]]:
        by_class: dict[str, list[int]] = {}
        for row in rows:
            label = self.labels[row]
            if label is not None:
                by_class.setdefault(label, []).append(row)
        classes = [members for _, members in sorted(by_class.items()) if len(members) > 1]
        if not classes:
            return []
        chosen = [classes[int(at)] for at in random.integers(len(classes), size=count)]
        drawn = [random.choice(one, 2, replace=False) for one in chosen]
        return [(int(first), int(second)) for first, second in drawn]

    def _strangers(
        self, rows: Sequence[int], count: int, pool: int, random: np.random.Generator
    ) -> list[tuple[int, int]]:
        """Half random pairs of photos that do not share a class, half nearest neighbours of another class.

        Raises ValueError when all photos are of one class.
        """
        found: list[tuple[int, int]] = []
        if count and len({self.labels[row] for row in rows}) == 1 and self.labels[rows[0]] is not None:
            raise ValueError("photos of two classes at least are needed: photos of one class are no strangers")
        labelled = [row for row in rows if self.labels[row] is not None]
        near = count // 2 if len({self.labels[row] for row in labelled}) > 1 else 0
        while len(found) < count - near:
            first, second = (int(row) for row in random.choice(rows, 2, replace=False))
            if self.labels[first] is None or self.labels[first] != self.labels[second]:
                found.append((first, second))
        if near:
            members = random.permutation(labelled)[:pool]
            alphas = np.stack([self.alpha(int(row)) for row in members])
            names = np.array([self.labels[row] or "" for row in members])
            cosines = np.where(names[:, None] == names[None], -np.inf, alphas @ alphas.T)
            # Up to three neighbours a photo, so that a small pool gives enough different pairs.
            ranked = np.argsort(-cosines, axis=1)[:, :3]
            every = [
                (int(members[a]), int(members[b]))
                for a in range(len(members))
                for b in ranked[a]
                if names[a] != names[b]
            ]
            found += [every[int(at)] for at in random.permutation(len(every))[:near]]
        return found


def _stacked(parts: dict[str, list[NDArray[np.generic]]]) -> PairSet:
    return PairSet(**{name: np.stack(values) for name, values in parts.items()})  # type: ignore[arg-type]


def features_form(embedder: GraphEmbedder, shapes: Sequence[Shape]) -> Form:
    """The pack's local features on the 14 x 14 grid."""

    def form(rgb: Rgb) -> NDArray[np.generic]:
        features = next(iter(embedder.embed([whole(rgb, shapes)]))).local_features
        assert features is not None
        return square_features(features).astype(np.float16)

    return form


def pixels_form(rgb: Rgb) -> NDArray[np.generic]:
    """The whole picture as 224 x 224."""
    return square_pixels(rgb)


def usable_rows(cache: PhotoCache, *, held_out: bool) -> list[int]:
    """Rows of TRAIN photos of usable size: of the held-out side, or of the other."""
    held = holdout_classes(cache.photos, LABELLED)
    rows = []
    for row, photo in enumerate(cache.photos):
        if photo.set in LOW_RESOLUTION:
            continue
        aside = photo.label in held if photo.set in LABELLED else row % 10 == 0
        if aside == held_out:
            rows.append(row)
    return rows


def in_shares(
    homography: NDArray[np.float64], source: tuple[int, ...], target: tuple[int, ...]
) -> NDArray[np.float32]:
    """A homography between pixel middles of pictures of shapes [h, w, ..] as one between shares of their sides."""
    (h0, w0), (h1, w1) = source[:2], target[:2]
    to_pixels = np.array([[w0, 0, -0.5], [0, h0, -0.5], [0, 0, 1.0]])
    to_shares = np.array([[1 / w1, 0, 0.5 / w1], [0, 1 / h1, 0.5 / h1], [0, 0, 1.0]])
    found = to_shares @ homography @ to_pixels
    return np.asarray(found / found[2, 2], dtype=np.float32)


def cell_shares(mask: NDArray[np.bool_]) -> NDArray[np.float16]:
    """The share of every cell of the 14 x 14 grid that a mask [h, w] covers."""
    size = (GRID.columns * SPOT, GRID.rows * SPOT)
    fine = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return fine.reshape(GRID.rows, SPOT, GRID.columns, SPOT).mean((1, 3)).astype(np.float16)


def coverage(to_other: NDArray[np.float64]) -> NDArray[np.float16]:
    """The share of every cell that a homography (shares to shares) takes inside the other picture."""
    along = (np.arange(GRID.rows * SPOT) + 0.5) / (GRID.rows * SPOT)
    x, y = np.meshgrid(along, along)
    points = to_other @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    with np.errstate(divide="ignore", invalid="ignore"):
        at = points[:2] / points[2]
    inside = ((at >= 0) & (at <= 1)).all(0) & (points[2] > 0)
    return cell_shares(inside.reshape(x.shape))
