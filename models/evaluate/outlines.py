"""What it brings to draw round a thing instead of drawing its box, on photos of TRAIN.

    python -m models.evaluate.outlines PACK --data DIR --backgrounds DIR [--queries 150] [--distractors 500]

The folders of DIR are the things. A slanting ellipse of the middle of a photo, which fills about 40 % of its box,
is pasted into a photo of `--backgrounds`, on 6 to 15 % of its area, and asks for the other photos of its folder:
with the whole picture, with its box, and with its outline. Prints the mean average precision, R@1 and R@10 of
each, and what the outline gains over the box with the interval of the paired bootstrap. How `imaging/outside.py`
fills what lies outside an outline was chosen with this command.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop_app.bootstrap import Options, is_picture_name, open_engine
from desktop_app.domain.errors import UnreadableImage, UsageError
from desktop_app.domain.outline import Outline
from desktop_app.domain.query import PixelPicture, Profile, Query, QueryItem
from desktop_app.evaluation.bootstrap import paired_bootstrap
from desktop_app.evaluation.composites import Points, Rgb, make_composite
from desktop_app.evaluation.feedback_material import Material, made_library
from desktop_app.evaluation.folders import choose_queries, class_files
from desktop_app.evaluation.photo_set import MadePictures, picture_files
from desktop_app.evaluation.simulated_user import object_shares
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.search import SearchService

AREA = (0.06, 0.15)
LENGTHS = (0.55, 0.2)  # half axes of the ellipse, as shares of the photo's long side
SLANTS = (40.0, 50.0, -40.0, -50.0)  # degrees
WAYS = ("whole", "box", "outline")


def slanting(height: int, width: int, degrees: float) -> Points:
    """[60, 2] x, y: a long ellipse in the middle of a picture, turned by so many degrees."""
    turn, angle = np.linspace(0.0, 2.0 * np.pi, 60, endpoint=False), np.deg2rad(degrees)
    long, short = (share * max(height, width) for share in LENGTHS)
    flat = np.stack([long * np.cos(turn), short * np.sin(turn)], axis=1)
    back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(np.array([width, height]) / 2.0 + flat @ back)


def asking(photo: Rgb, scene: Rgb, random: np.random.Generator) -> tuple[QueryItem, NDArray[np.bool_]]:
    """A part of `photo` in `scene` with the line round it, and its mask. Raises ValueError for small photos."""
    polygon = slanting(*photo.shape[:2], float(random.choice(SLANTS)))
    made = make_composite(photo, scene, random, area=AREA, polygon=polygon)
    lines, _ = cv2.findContours(made.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    line = max(lines, key=cv2.contourArea)[:, 0]
    return QueryItem(
        PixelPicture(made.scene), outline=Outline.of((float(x), float(y)) for x, y in line)
    ), made.mask


def material(
    root: Path, backgrounds: Path, pictures: MadePictures, *, queries: int, distractors: int, seed: int = 5
) -> Material:
    """The library and the questions. Raises UsageError without photos to paste into."""
    random = np.random.default_rng(seed)
    files = class_files(root, is_picture_name)
    classes = np.array([number for _, number in files], dtype=np.int64)
    others = list(picture_files(backgrounds, is_picture_name))
    asked = choose_queries(classes, queries, seed).tolist()
    if len(others) < len(asked):
        raise UsageError(f"{backgrounds} holds fewer than {len(asked)} photos", remedy="Give another folder")
    others = [others[at] for at in random.permutation(len(others))]
    made = Material()
    number_of = {at: made.add(path) for at, (path, _) in enumerate(files) if at not in set(asked)}
    for path in others[len(asked) : len(asked) + distractors]:
        made.add(path)
    for at, scene in zip(asked, others, strict=False):
        right = [
            number_of[int(other)] for other in np.flatnonzero(classes == classes[at]) if int(other) in number_of
        ]
        try:
            item, mask = asking(pictures.load(files[at][0]), pictures.load(scene), random)
        except (ValueError, UnreadableImage):
            continue
        if right:
            made.tasks.append((item, dict.fromkeys(right, object_shares(mask))))
    return made


def asked_by(item: QueryItem, way: str) -> QueryItem:
    """The question in one of WAYS."""
    if way == "outline" or item.outline is None:
        return item
    return item.with_part(None if way == "whole" else item.outline.box)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=150)
    parser.add_argument("--distractors", type=int, default=500)
    parser.add_argument("--profile", choices=[profile.value for profile in Profile], default="balanced")
    given = parser.parse_args(arguments)
    engine = open_engine(Options(pack=str(given.pack)), str(given.pack))
    made = material(
        given.data, given.backgrounds, MadePictures(engine), queries=given.queries, distractors=given.distractors
    )
    precision: dict[str, list[float]] = {way: [] for way in WAYS}
    first: dict[str, list[int]] = {way: [] for way in WAYS}
    with made_library(made, engine, threads=1) as (library, tasks):
        service, top = SearchService(library, embedder=QueryEmbedder(library)), library.counts().photos
        for task in tasks:
            for way in WAYS:
                query = Query((asked_by(task.item, way),), profile=Profile(given.profile), top=top)
                *_, answer = service.search(query)
                at = np.flatnonzero([hit.photo.id in task.right for hit in answer.hits])
                precision[way].append(float(np.mean((np.arange(len(at)) + 1) / (at + 1))) if len(at) else 0.0)
                first[way].append(int(at[0]) if len(at) else top)
    engine.embedder.close()
    rows = {
        way: {
            "mAP": round(float(np.mean(precision[way])), 4),
            **{f"R@{k}": round(float(np.mean(np.array(first[way]) < k)), 4) for k in (1, 10)},
        }
        for way in WAYS
    }
    gain = paired_bootstrap(precision["outline"], precision["box"])
    right = [[float(at < 1) for at in first[way]] for way in ("outline", "box")]
    print(
        json.dumps(
            {
                "queries": len(tasks),
                "photos": top,
                "rows": rows,
                "outline over box": {"mAP": gain.as_json(), "R@1": paired_bootstrap(*right).as_json()},
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
