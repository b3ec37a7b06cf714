"""The protocol `small-objects`: is a large scene found by a small object in it, and do tile entries help?

`composites`: an object of 8 to 15 % of the area is pasted into another photo; the object alone is the query,
among all scenes made so and photos of other folders as distractors. `rooms`: products as queries, rooms that
hold them to be found among rooms and the other products. Each as a library is searched by whole photos, and as one
that is searched in parts (`index --tiles`), and by the cells of the object in the best tile alone
(`retrieval.tile_match`), which no library does. The search is exact (no HNSW, all photos' parts are looked at).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage, UsageError
from desktop_app.domain.features import PhotoFeatures
from desktop_app.domain.photos import Skipped
from desktop_app.domain.progress import Control, NoControl, Progress
from desktop_app.domain.query import Profile
from desktop_app.evaluation import ranking
from desktop_app.evaluation.annotations import read_photos
from desktop_app.evaluation.clock import Clock
from desktop_app.evaluation.composites import Rgb
from desktop_app.evaluation.evidence_pairs import composite_pairs
from desktop_app.evaluation.folders import PROFILES, SEED
from desktop_app.evaluation.photo_set import MadePictures, picture_files, rank, rank_measures
from desktop_app.evaluation.ranking import Gallery, content_key, stages_of
from desktop_app.evaluation.report import Report, Row
from desktop_app.retrieval.fusion import descending
from desktop_app.retrieval.tile_match import content_mask, object_canvas, object_cells, tile_match
from desktop_app.retrieval.tiles import best_tiles
from desktop_app.services.engine import Engine
from desktop_app.services.index_tiles import describe_tiles

PROTOCOL = "small-objects"
PAIRS = 300
DISTRACTORS = 2000
AREA = (0.08, 0.15)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A gallery picture: its name, its features, the descriptors of its parts [13, D] int8, and its local features
    [h, w, D] float16, None where the pack has none."""

    name: str
    features: PhotoFeatures
    tiles: NDArray[np.int8]
    cells: NDArray[np.float16] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A query, the names of the pictures that answer it, the name under which it lies in the gallery itself, and
    the local features [n, D] of its object. small: [n, B] the codes of what it shows, seen small."""

    features: PhotoFeatures
    answers: frozenset[str]
    own: str = ""
    cells: NDArray[np.float32] | None = None
    small: NDArray[np.uint8] | None = None

    @property
    def ranked(self) -> ranking.Asked:
        """As the stages are asked."""
        return replace(ranking.Asked.of(self.features), small=self.small)


def evaluate_small_objects(
    root: Path,
    engines: Sequence[Engine],
    *,
    is_picture: Callable[[bytes], bool],
    threads: int = 1,
    labels: Path | None = None,
    distractor_roots: Sequence[Path] = (),
    pairs: int = PAIRS,
    distractors: int = DISTRACTORS,
    profiles: Sequence[Profile] = PROFILES,
    seed: int = SEED,
    control: Control | None = None,
) -> Generator[Progress, None, Report]:
    """Run `composites` with the photos below `root`; yields progress and returns the report.

    labels: annotations as in `annotations.read_photos`; drawn outlines are cut out where there are any, else
    random ones. distractors: how many photos of `distractor_roots` lie in the gallery beside the scenes, chosen
    by `seed`; photos below `root` are left out there, for an object's own photo would be another right answer.
    Raises UsageError when there is nothing to evaluate.
    """
    del threads  # pixels are made and embedded one by one
    control = control or NoControl()
    if pairs < 1 or distractors < 0:
        raise UsageError(
            f"{pairs} objects cannot be asked for among {distractors} photos",
            remedy="Give --pairs of 1 or more, and a --distractor-count of 0 or more",
        )
    photos = read_photos(root, is_picture=is_picture, labels=labels)
    own = {photo.path.resolve() for photo in photos}
    others = [path for place in distractor_roots for path in picture_files(place, is_picture)]
    others = [path for path in others if path.resolve() not in own]
    order = np.random.default_rng(seed).permutation(len(others))[:distractors]
    strangers = [others[at] for at in np.sort(order)]
    rows: list[Row] = []
    images, asked = 0, 0
    skipped: tuple[Skipped, ...] = ()
    for engine in engines:
        pictures = MadePictures(engine)
        clock = Clock(pairs + len(strangers), f"{engine.embedder.pack_name}: scenes and distractors")
        entries: list[Entry] = []
        queries: list[Asked] = []
        random = np.random.default_rng(seed)
        for number, pair in enumerate(
            composite_pairs(photos, pairs, pictures.load, random, area=AREA, alone=True)
        ):
            control.wait_if_paused()
            entries.append(_entry(pictures, engine, f"scene {number}", pair.result))
            answers = frozenset({f"scene {number}"})
            cells = _object(pictures, engine, pair.query)
            small = pictures.asked(pair.query).small
            queries.append(Asked(pictures.describe(pair.query), answers, cells=cells, small=small))
            if report := clock.step():
                yield report
        if not queries:
            raise UsageError(
                f"no object of one photo in {root} can be pasted into another",
                remedy="At least two photos are needed that can be read, with sides of 32 pixels and more",
            )
        found, skipped = yield from _distractors(strangers, pictures, engine, clock, control)
        rows += measured(entries + found, queries, engine, profiles, {"test": "composites"}, at=1)
        images, asked = len(entries) + len(found), len(queries)
    return Report(protocol=PROTOCOL, images=images, queries=asked, rows=tuple(rows), skipped=skipped)


def evaluate_rooms(
    root: Path,
    item_to_room: Path,
    engines: Sequence[Engine],
    *,
    is_picture: Callable[[bytes], bool],
    threads: int = 1,
    queries: int | None = None,
    profiles: Sequence[Profile] = PROFILES,
    seed: int = SEED,
    control: Control | None = None,
) -> Generator[Progress, None, Report]:
    """Run `rooms` over the photos below `root`; yields progress and returns the report.

    item_to_room: a json file, for each product photo the list of the photos of rooms that hold it, by paths of
    which the names count. The photos in the folders of those rooms are the rooms, all others products. queries:
    None for every product with a room at hand, else so many. Raises UsageError when file or photos do not fit.
    """
    del threads
    control = control or NoControl()
    if queries is not None and queries < 1:
        raise UsageError(f"{queries} queries cannot be asked", remedy="Give a number of 1 or more")
    rooms_of = _read_item_to_room(item_to_room)
    files = {plain_name(path): path for path in picture_files(root, is_picture)}
    places = {files[name].parent for names in rooms_of.values() for name in names & files.keys()}
    rooms = frozenset(name for name, path in files.items() if path.parent in places and name not in rooms_of)
    products = sorted(name for name in rooms_of.keys() & files.keys() if rooms_of[name] & rooms)
    if not rooms or not products:
        raise UsageError(
            f"{root} holds no product and room that belong together by {item_to_room}",
            remedy="Expected are photos named as in that file, of products and of rooms",
        )
    chosen = products
    if queries is not None and queries < len(products):
        picked = np.random.default_rng(seed).choice(len(products), queries, replace=False)
        chosen = [products[at] for at in np.sort(picked)]
    rows: list[Row] = []
    skipped: tuple[Skipped, ...] = ()
    for engine in engines:
        pictures = MadePictures(engine)
        clock = Clock(len(files), f"{engine.embedder.pack_name}: rooms and products")
        entries, skipped = yield from _distractors(
            [files[name] for name in sorted(files)], pictures, engine, clock, control
        )
        by_name = {entry.name: entry for entry in entries}
        asked = [
            Asked(
                by_name[name].features,
                rooms_of[name],
                name,
                _object(pictures, engine, pictures.load(files[name])),
                pictures.asked(pictures.load(files[name])).small,
            )
            for name in chosen
            if name in by_name
        ]
        shown = [entry for entry in entries if entry.name in rooms]
        if not asked or not shown:
            raise UsageError(f"none of the products that ask, or none of the rooms, below {root} can be read")
        rows += measured(shown, asked, engine, profiles, {"test": "products to rooms"}, at=10)
        rows += measured(entries, asked, engine, profiles, {"test": "products to rooms among products"}, at=10)
    return Report(protocol=PROTOCOL, images=len(files), queries=len(chosen), rows=tuple(rows), skipped=skipped)


def measured(
    entries: Sequence[Entry],
    asked: Sequence[Asked],
    engine: Engine,
    profiles: Sequence[Profile],
    names: Mapping[str, object],
    *,
    at: int,
) -> Iterator[Row]:
    """A row per profile with and without tile entries, and one by the cells of the object in the best tile.

    `errors_removed` is the share of the queries without an answer among the first `at` that tiles give one
    (negative when they lose some), against the whole photos of the same profile; cells against the last one's.
    """
    entries = sorted(entries, key=lambda entry: content_key(entry.features))
    gallery = Gallery.of([entry.features for entry in entries])
    tiles = np.stack([entry.tiles for entry in entries])
    labels = np.array([entry.name for entry in entries])

    def row(ranks: list[int], description: Mapping[str, object], missed: float | None) -> Row:
        found = rank_measures(np.array(ranks))
        removed = None if not missed else 1.0 - (1.0 - found[f"R@{at}"]) / missed
        return Row(
            pack=engine.embedder.pack_name,
            names={**names, **description},
            measures={**found, "errors_removed": removed},
        )

    missed: float | None = None
    for profile in profiles:
        for use_tiles in (False, True):
            stages = stages_of(profile, gallery, engine.parameters)
            description: dict[str, object] = {
                "profile": profile.value,
                "stages_run": [stage.value for stage in stages],
            }
            ranks = []
            for query in asked:
                best = best_tiles(query.features.alpha.astype(np.float32), tiles) if use_tiles else None
                order = rank(gallery, query.ranked, stages=stages, parameters=engine.parameters, tiles=best)
                ranks.append(_rank_of_answer(labels[order], query))
            made = row(
                ranks,
                {**description, "entries": "tiles" if use_tiles else "whole"},
                missed if use_tiles else None,
            )
            missed = missed if use_tiles else 1.0 - float(made.measures[f"R@{at}"] or 0.0)
            yield made
    if all(query.cells is not None for query in asked) and all(entry.cells is not None for entry in entries):
        ranks = [_rank_of_answer(labels[descending(_cell_scores(query, entries))], query) for query in asked]
        yield row(ranks, {"profile": None, "stages_run": ["tile_cells"], "entries": "cells of tiles"}, missed)


def _rank_of_answer(found: NDArray[np.str_], query: Asked) -> int:
    """The rank, from 1, of the first answer in a list of names; the query itself takes no place."""
    found = found[found != query.own]
    right = np.isin(found, list(query.answers))
    return 1 + int(right.argmax()) if right.any() else len(found) + 1


def _cell_scores(query: Asked, entries: Sequence[Entry]) -> NDArray[np.float32]:
    """[N] how well the object's cells lie in the best tile of every picture."""
    scores = [
        tile_match(query.cells, entry.cells.astype(np.float32)).score
        for entry in entries
        if query.cells is not None and entry.cells is not None
    ]
    return np.array(scores, dtype=np.float32)


def _object(pictures: MadePictures, engine: Engine, rgb: Rgb) -> NDArray[np.float32] | None:
    """The local features of what a query shows, seen as small as it is in a scene."""
    shape = min(engine.embedder.shapes, key=lambda size: abs(math.log(size[1] / size[0])))
    canvas, where = object_canvas(rgb, content_mask(rgb), shape)
    features = pictures.embed(canvas).local_features
    return None if features is None else object_cells(features, where)


def plain_name(path: Path | str) -> str:
    """The name by which a photo is known: without folders, also those folded into the name by a tilde."""
    return str(path).rsplit("/", 1)[-1].rsplit("~", 1)[-1]


def _distractors(
    files: Sequence[Path], pictures: MadePictures, engine: Engine, clock: Clock, control: Control
) -> Generator[Progress, None, tuple[list[Entry], tuple[Skipped, ...]]]:
    """Files as they are, by their plain names; those that cannot be read are left out."""
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    for path in files:
        control.wait_if_paused()
        try:
            entries.append(_entry(pictures, engine, plain_name(path), pictures.load(path)))
        except UnreadableImage as error:
            skipped.append(Skipped(os.fsencode(path), error.reason))
        if report := clock.step():
            yield report
    return entries, tuple(skipped)


def _entry(pictures: MadePictures, engine: Engine, name: str, rgb: Rgb) -> Entry:
    embedding = pictures.embed(rgb)
    cells = None if embedding.local_features is None else embedding.local_features.astype(np.float16)
    return Entry(name, pictures.describe(rgb), describe_tiles(rgb, engine).descriptors, cells)


def _read_item_to_room(path: Path) -> dict[str, frozenset[str]]:
    """The rooms of each product, all by their plain names."""
    try:
        found = json.loads(path.read_text("utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it is not an object")
        rooms: dict[str, frozenset[str]] = {}
        for item, places in found.items():
            if not isinstance(places, list) or not all(isinstance(place, str) for place in places):
                raise ValueError(f"'{item}' has no list of rooms")
            rooms[plain_name(item)] = rooms.get(plain_name(item), frozenset()) | {plain_name(at) for at in places}
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UsageError(
            f"{path} does not tell the rooms of products: {error}",
            remedy='Expected is json of the form {"product.jpg": ["room.jpg", ...]}',
        ) from None
    return rooms
