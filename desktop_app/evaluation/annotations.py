"""Photos with marked objects, as data sets publish them: YOLO text files (boxes or polygons), VOC xml files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.evaluation.photo_set import all_files, picture_files


@dataclass(frozen=True, slots=True, eq=False)
class OutlinedObject:
    """An object in a photo. label: its class. outline: [n, 2] float64 x, y in shares (0..1) of width and height;
    `drawn` tells whether it follows the object (a polygon) or is the four corners of its box."""

    label: str
    outline: NDArray[np.float64]
    drawn: bool

    @property
    def box(self) -> tuple[float, float, float, float]:
        """left, top, right, bottom in shares."""
        low, high = self.outline.min(axis=0), self.outline.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@dataclass(frozen=True, slots=True, eq=False)
class EvidencePhoto:
    """A photo of an evaluated set. objects: what is marked in it, in one numbering of classes for the whole set.
    outlines: the objects whose outline was drawn, fit to be cut out. kinds: what it shows as far as that is known
    (classes of its objects, its class folder, else itself): photos that share a kind may truly match."""

    path: Path
    objects: tuple[OutlinedObject, ...]
    kinds: frozenset[str]
    outlines: tuple[OutlinedObject, ...] = ()


def read_photos(
    root: Path, *, is_picture: Callable[[bytes], bool], labels: Path | None = None
) -> list[EvidencePhoto]:
    """The photos below `root` with their annotations, sorted by path.

    Annotations are looked for in `labels`, else in ROOT.labels beside the folder and in the folder itself: `.xml`
    (VOC) and `.txt` (YOLO) files that carry a photo's name. Where photos have files of boxes and of polygons, with
    classes that may be numbered differently, `objects` are those that more photos have. Without any, the direct
    sub-folders (two or more) are the kinds, else every photo is a kind of its own.
    Raises UsageError when there are no photos, or `labels` holds no annotation of any of them.
    """
    files = sorted(picture_files(root, is_picture))
    if labels is not None and not labels.is_dir():
        raise UsageError(f"{labels} is not a folder", remedy="Give the folder of the .xml or .txt annotations")
    places = [labels] if labels is not None else [root.with_name(f"{root.name}.labels"), root]
    drawn, boxed = _annotations([place for place in places if place.is_dir()], {_key(path) for path in files})
    annotated = drawn if len(drawn) >= len(boxed) else boxed
    if not annotated:
        if labels is not None:
            raise UsageError(
                f"no annotation in {labels} carries the name of a picture in {root}",
                remedy="Expected are VOC .xml or YOLO .txt files named like the pictures",
            )
        kinds = _folder_kinds(files, root)
        return [EvidencePhoto(path, (), frozenset({kind})) for path, kind in zip(files, kinds, strict=True)]
    photos = []
    for path in files:
        objects = annotated.get(_key(path), ())
        shown = frozenset(item.label for item in objects) or frozenset({str(path)})
        outlines = tuple(item for item in drawn.get(_key(path), ()) if item.drawn)
        photos.append(EvidencePhoto(path, objects, shown, outlines))
    return photos


def _folder_kinds(files: Sequence[Path], root: Path) -> list[str]:
    first = [path.relative_to(root).parts[0] for path in files]
    folders = {part for part, path in zip(first, files, strict=True) if path.parent != root}
    if len(folders) < 2:
        return [str(path) for path in files]
    return first


def _key(path: Path) -> str:
    """What photo and annotation have in common: the file's name without its ending, and without folders that
    were folded into the name by a tilde."""
    return path.stem.rsplit("~", 1)[-1]


def _annotations(
    places: Sequence[Path], wanted: set[str]
) -> tuple[dict[str, tuple[OutlinedObject, ...]], dict[str, tuple[OutlinedObject, ...]]]:
    """By the photos' names: what files with polygons say, and what files of boxes alone say. The first of the
    places that has anything about the photos is the one that counts."""
    drawn: dict[str, tuple[OutlinedObject, ...]] = {}
    boxed: dict[str, tuple[OutlinedObject, ...]] = {}
    for place in places:
        for path in all_files(place):
            if _key(path) not in wanted:
                continue
            if path.suffix.lower() == ".xml":
                objects = read_voc(path)
            elif path.suffix.lower() == ".txt":
                objects = read_yolo(path)
            else:
                continue
            if objects:
                (drawn if any(item.drawn for item in objects) else boxed)[_key(path)] = objects
        if drawn or boxed:
            break
    return drawn, boxed


def read_voc(path: Path) -> tuple[OutlinedObject, ...]:
    """The boxes of a VOC xml file; corners are pixels counted from 1. Raises UsageError for any other file."""
    try:
        tree = ElementTree.fromstring(_text(path))
        width, height = (float(tree.findtext(f"size/{side}", "")) for side in ("width", "height"))
        objects = []
        for item in tree.iterfind("object"):
            x0, y0, x1, y1 = (float(item.findtext(f"bndbox/{at}", "")) for at in ("xmin", "ymin", "xmax", "ymax"))
            box = np.array([x0 - 1, y0 - 1, x1, y1]) / [width, height, width, height]
            if (box[2:] > box[:2]).all():
                objects.append(OutlinedObject(item.findtext("name", "object").strip(), _corners(box), drawn=False))
    except (ElementTree.ParseError, ValueError, ZeroDivisionError):
        raise UsageError(
            f"{path} is not a VOC annotation", remedy="Expected are size, and objects with a name and a bndbox"
        ) from None
    return tuple(objects)


def read_yolo(path: Path) -> tuple[OutlinedObject, ...]:
    """The objects of a YOLO text file: per line a class and either a box (middle x, y, width, height) or a polygon
    (x y of every corner), in shares of the photo. Raises UsageError for another kind of file."""
    objects = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            label, values = int(words[0]), np.array([float(word) for word in words[1:]])
        except ValueError:
            label, values = -1, np.zeros(0)
        if label < 0 or not (len(values) == 4 or (len(values) >= 6 and len(values) % 2 == 0)):
            raise UsageError(
                f"line {number} of {path} is not a YOLO annotation",
                remedy="Expected are a class number and x y w h, or the corners of a polygon, in shares of 1",
            )
        if len(values) == 4:
            half = values[2:] / 2
            outline = _corners(np.concatenate([values[:2] - half, values[:2] + half]))
        else:
            outline = values.reshape(-1, 2)
        objects.append(OutlinedObject(f"class {label}", np.clip(outline, 0.0, 1.0), drawn=len(values) > 4))
    return tuple(objects)


def _text(path: Path) -> str:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as text: {error}") from None
    # entities are never needed in annotations, and expanding them is how a small file fills the memory
    if re.search("<!(DOCTYPE|ENTITY)", text):
        raise UsageError(f"{path} declares entities, which annotations have no use for")
    return text


def _corners(box: NDArray[np.float64]) -> NDArray[np.float64]:
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
