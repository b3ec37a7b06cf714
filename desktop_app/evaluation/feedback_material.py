"""What the protocol `feedback` asks with: libraries of photos and made scenes, and where the right answers lie."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.geometry import Region
from desktop_app.domain.ports import Embedder
from desktop_app.domain.query import LibraryPicture, PixelPicture, QueryItem
from desktop_app.evaluation.annotations import EvidencePhoto, OutlinedObject
from desktop_app.evaluation.composites import Rgb, make_composite, outline_mask, random_outline
from desktop_app.evaluation.folders import choose_queries, class_files
from desktop_app.evaluation.simulated_user import FINE, Shares, Task, object_shares
from desktop_app.services.engine import Engine
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession

SCENES = 8  # photos that every object is pasted into
PER_CLASS = 4  # questions of every class of objects
FEWEST_RIGHT = 4  # photos with its class that such a question needs
AREA = (0.08, 0.3)


@dataclass(eq=False)
class Material:
    """Pictures of a library to be (pixels, or files as they are), and tasks over them by number.

    tasks: what asks, a picture of its own or (the number of a picture, a region of it or None for all of it), and
    where the object lies in every right answer.
    """

    pictures: list[Rgb | Path] = field(default_factory=list)
    tasks: list[tuple[QueryItem | tuple[int, Region | None], dict[int, Shares]]] = field(default_factory=list)

    def add(self, picture: Rgb | Path) -> int:
        self.pictures.append(picture)
        return len(self.pictures) - 1


def composite_material(
    photos: Sequence[EvidencePhoto],
    load: Callable[[Path], Rgb],
    random: np.random.Generator,
    *,
    tasks: int,
    others: int,
) -> Material:
    """Objects pasted into `SCENES` photos each. The photos they are cut from are not in the library."""
    made = Material()
    order = [photos[int(at)] for at in random.permutation(len(photos))]
    cuttable = [photo for photo in order if photo.outlines] or order
    sources = cuttable[: min(tasks, len(order) // 3)]
    rest = [photo for photo in order if photo not in sources]
    for photo in rest[:others]:
        made.add(load(photo.path))
    for source in sources:
        rgb = load(source.path)
        right: dict[int, Shares] = {}
        query = None
        try:
            if source.outlines:
                size = np.array([rgb.shape[1], rgb.shape[0]], dtype=np.float64)
                largest = max(source.outlines, key=lambda item: _area(item))
                polygon = largest.outline * size - 0.5
            else:
                polygon = random_outline(rgb, random)
            for at in random.permutation(len(rest))[:SCENES]:
                pair = make_composite(
                    rgb, load(rest[int(at)].path), random, area=AREA, polygon=polygon, alone=False
                )
                query = pair.query if query is None else query
                right[made.add(pair.scene)] = object_shares(pair.mask)
        except ValueError:  # too small a photo or outline
            pass
        if query is not None:
            made.tasks.append((QueryItem(PixelPicture(query)), right))
    return made


def object_material(
    photos: Sequence[EvidencePhoto], load: Callable[[Path], Rgb], random: np.random.Generator, *, tasks: int
) -> Material:
    """All photos; up to `PER_CLASS` objects of every class ask, the classes in turn."""
    made = Material()
    pixels = [load(photo.path) for photo in photos]
    for rgb in pixels:
        made.add(rgb)
    by_class: dict[str, list[tuple[int, OutlinedObject]]] = {}
    for at, photo in enumerate(photos):
        for item in photo.objects:
            by_class.setdefault(item.label, []).append((at, item))
    asked: list[tuple[int, OutlinedObject]] = []
    for turn in range(PER_CLASS):
        for label in sorted(by_class):
            holders = {at for at, _ in by_class[label]}
            if len(holders) > FEWEST_RIGHT + turn:
                asked.append(_largest(by_class[label], sorted(holders), turn, random))
    for at, item in asked[:tasks]:
        height, width = pixels[at].shape[:2]
        left, top, right_, bottom = item.box
        region = Region(
            int(left * width),
            int(top * height),
            max(32, int((right_ - left) * width)),
            max(32, int((bottom - top) * height)),
        ).clipped(width, height)
        right = {
            other: _mask_of(photo, item.label, pixels[other])
            for other, photo in enumerate(photos)
            if other != at and item.label in photo.kinds
        }
        made.tasks.append(((at, region), right))
    return made


def class_material(root: Path, is_picture: Callable[[bytes], bool], *, tasks: int, seed: int) -> Material:
    """All photos of the folders of `root`; `tasks` of them ask, the folders in turn, for the rest of their folder.
    The object is all of the photo."""
    files = class_files(root, is_picture)
    made = Material()
    for path, _ in files:
        made.add(path)
    classes = np.array([number for _, number in files], dtype=np.int64)
    whole = np.ones((FINE.rows, FINE.columns), np.float32)
    for at in choose_queries(classes, tasks, seed).tolist():
        right = {int(other): whole for other in np.flatnonzero(classes == classes[at]) if other != at}
        made.tasks.append(((at, None), right))
    return made


@contextmanager
def made_library(
    material: Material, engine: Engine, *, threads: int
) -> Iterator[tuple[LibrarySession, list[Task]]]:
    """A library of the pictures in a folder that is removed afterwards, and the tasks with its photos. The engine
    stays open."""
    lent = replace(engine, embedder=cast(Embedder, _Lent(engine.embedder)))
    with tempfile.TemporaryDirectory(prefix="indicium-feedback-") as temporary:
        folder = Path(temporary)
        (folder / "photos").mkdir()
        for number, picture in enumerate(material.pictures):
            name = folder / "photos" / f"{number:06}"
            if isinstance(picture, Path):  # by its number: nothing in a name tells a class
                name.with_suffix(picture.suffix).symlink_to(picture.absolute())
            else:
                cv2.imwrite(f"{name}.png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        with LibrarySession(
            folder / "library",
            writer=True,
            open_engine=lambda pack: lent,
            find_pack=lambda digest: None,
            threads=threads,
        ) as library:
            for _ in index_folders(library, [folder / "photos"]):
                pass
            ids = {int(photo.name[:6]): photo.id for photo in library.photos_page(limit=10**7)}
            tasks = []
            for asked, right in material.tasks:
                if not isinstance(asked, QueryItem):
                    if asked[0] not in ids:  # a file that cannot be read
                        continue
                    asked = QueryItem(LibraryPicture(ids[asked[0]]), region=asked[1])
                tasks.append(Task(asked, {ids[at]: shares for at, shares in right.items() if at in ids}))
            yield library, tasks


class _Lent:
    """A network that whoever borrows it does not close."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def __getattr__(self, name: str) -> object:
        return getattr(self._embedder, name)

    def close(self) -> None:
        """Does nothing: the network goes on being used."""


def _area(item: OutlinedObject) -> float:
    left, top, right, bottom = item.box
    return (right - left) * (bottom - top)


def _largest(
    objects: Sequence[tuple[int, OutlinedObject]], holders: Sequence[int], turn: int, random: np.random.Generator
) -> tuple[int, OutlinedObject]:
    """The largest object of one of the photos that hold the class; another photo every turn."""
    holder = holders[int(random.permutation(len(holders))[turn])]
    return max((one for one in objects if one[0] == holder), key=lambda one: _area(one[1]))


def _mask_of(photo: EvidencePhoto, label: str, rgb: Rgb) -> Shares:
    mask: NDArray[np.bool_] = np.zeros(rgb.shape[:2], dtype=bool)
    size = np.array([rgb.shape[1], rgb.shape[0]], dtype=np.float64)
    for item in photo.objects:
        if item.label == label:
            mask |= outline_mask(item.outline * size - 0.5, *rgb.shape[:2])
    return object_shares(mask)
