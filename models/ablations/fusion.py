"""S3's ablation: what the receptive-field block and the dot product are worth, and DOLG's fusion in their place.

    python -m models.ablations.fusion --run RUN --data DIR --cache CACHE [--folder FOLDER ...] [--minutes M]
                                      [--steps N] [--photos N] [--limit N] [--out FILE.json]

The trunk of RUN is frozen; X4 and X5 of labelled TRAIN crops are computed once and every head learns on the same
batches from the same seed: ArcFace (m = 0.15 rad, s = 30) on the classes, and a second loss that keeps the
similarities of the pooled X5 (without it, labels of few classes spoil unseen ones, SCIENCE C). Held-out classes
and the ten of imagenette take no part. AdamW for a short training in place of S3's SGD over 100 epochs [ours].

Figures: mAP and R@1 on the TRAIN hold-out, by which a head would be chosen, and on every FOLDER, whose direct
children are the classes. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from desktop_app.evaluation.folders import SEED, choose_queries
from models import checkpoint
from models.ablations.heads import all_heads, autocast, parameters
from models.data import (
    IMAGENETTE,
    LABELLED,
    SET_LIMITS,
    PhotoCache,
    Rgb,
    class_name,
    holdout_classes,
    list_photos,
    random_crop,
    whole,
)
from models.evaluate.alphas import folder_pictures, holdout_pictures
from models.evaluate.systems import by_vectors, compare, per_query
from models.losses import ArcFace, relational
from models.manifest import Shape, shapes_of_area
from models.networks.trunk import Trunk
from models.settings import PRESETS
from models.targets import to_input
from models.train import make_student


@dataclass(frozen=True)
class AblationSettings:
    """photos: labelled TRAIN crops; side: of a crop; steps: of every head; minutes: of every head at most (0: no
    limit); keep: weight of the similarity loss."""

    photos: int = 3000
    side: int = 224
    batch: int = 48
    steps: int = 200
    minutes: float = 0.0
    rate: float = 1e-3
    weight_decay: float = 0.01
    keep: float = 1.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Maps:
    """Frozen maps. x4: [N, C4, h, w] float16, x5: [N, C5, h', w'] float16, of one shape."""

    x4: Tensor
    x5: Tensor


@dataclass(frozen=True, eq=False)
class Photos:
    """A collection to measure on: maps by shape with the positions they belong to, and the classes [N]."""

    parts: Sequence[tuple[Maps, NDArray[np.int64]]]
    classes: NDArray[np.int64]
    queries: NDArray[np.int64]


@torch.no_grad()
def maps_of(trunk: Trunk, pictures: Sequence[Rgb], *, batch: int = 16) -> Maps:
    """The maps of pictures of equal shape."""
    x4, x5 = [], []
    for start in range(0, len(pictures), batch):
        maps = trunk(to_input(torch.from_numpy(np.stack(pictures[start : start + batch]))))
        x4.append(maps.x4.half())
        x5.append(maps.x5.half())
    return Maps(torch.cat(x4), torch.cat(x5))


def collection(trunk: Trunk, pictures: Sequence[Rgb], names: Sequence[str], shapes: Sequence[Shape]) -> Photos:
    """Whole pictures in the shapes that the application would choose."""
    fitted = [whole(picture, shapes) for picture in pictures]
    classes = np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)
    parts = []
    for shape in dict.fromkeys(picture.shape for picture in fitted):
        rows = np.array([i for i, picture in enumerate(fitted) if picture.shape == shape], np.int64)
        parts.append((maps_of(trunk, [fitted[i] for i in rows]), rows))
    return Photos(parts, classes, choose_queries(classes, None, SEED))


def labelled_crops(cache: PhotoCache, settings: AblationSettings) -> tuple[list[Rgb], list[str]]:
    """Crops of TRAIN photos with a class, as many of every class as there are; none of a held-out class."""
    held = holdout_classes(cache.photos, LABELLED)
    random = np.random.default_rng(settings.seed)
    members: dict[str, list[int]] = {}
    for row in random.permutation(len(cache)):
        photo = cache.photos[row]
        name = class_name(photo)
        if name and photo.label not in held and name not in IMAGENETTE:
            members.setdefault(name, []).append(int(row))
    chosen = [
        (row, name)
        for turn in range(max((len(rows) for rows in members.values()), default=0))
        for name, rows in members.items()
        if len(rows) > turn and len(rows) > 1
        for row in rows[turn : turn + 1]
    ][: settings.photos]
    crops = [random_crop(cache.decode(row), settings.side, random) for row, _ in chosen]
    return crops, [name for _, name in chosen]


def train_head(
    head: nn.Module, maps: Maps, labels: Tensor, settings: AblationSettings
) -> tuple[list[float], float]:
    """Train in place; returns the loss of every step and the seconds it took. labels: [N] class numbers."""
    torch.manual_seed(settings.seed)
    dimension = int(head(maps.x4[:2].float(), maps.x5[:2].float()).shape[1])
    arcface = ArcFace(dimension, int(labels.max()) + 1)
    groups: list[dict[str, Any]] = [
        {"params": head.parameters()},
        {"params": arcface.parameters(), "lr": 10 * settings.rate},
    ]
    optimiser = torch.optim.AdamW(groups, lr=settings.rate, weight_decay=settings.weight_decay)
    peaks = [group["lr"] for group in optimiser.param_groups]
    generator = torch.Generator().manual_seed(settings.seed)
    pooled = maps.x5.float().mean((2, 3))
    wanted = F.normalize(F.normalize(pooled) - F.normalize(pooled).mean(0))
    losses, started = [], time.monotonic()
    head.train()
    for step in range(settings.steps):
        spent = (time.monotonic() - started) / 60
        if settings.minutes and spent > settings.minutes:
            break
        progress = max(step / settings.steps, spent / settings.minutes if settings.minutes else 0)
        for group, peak in zip(optimiser.param_groups, peaks, strict=True):
            group["lr"] = peak * min(1.0, (step + 1) / 10) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
        rows = torch.randperm(len(labels), generator=generator)[: settings.batch]
        with autocast():
            made = head(maps.x4[rows].float(), maps.x5[rows].float())
        made = made.float()
        loss = arcface(made, labels[rows]) + settings.keep * relational(F.normalize(made), wanted[rows])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(head.parameters(), 5.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    head.eval()
    return losses, time.monotonic() - started


@torch.no_grad()
def describe(head: nn.Module, photos: Photos, *, batch: int = 32) -> NDArray[np.float32]:
    """[N, out] L2-normalised descriptors."""
    rows: dict[int, NDArray[np.float32]] = {}
    for maps, positions in photos.parts:
        for start in range(0, len(positions), batch):
            part = slice(start, start + batch)
            made = F.normalize(head(maps.x4[part].float(), maps.x5[part].float()).float()).numpy()
            rows |= dict(zip(positions[part].tolist(), made, strict=True))
    return np.stack([rows[i] for i in range(len(photos.classes))])


def measure(heads: Mapping[str, nn.Module], collections: Mapping[str, Photos]) -> dict[str, object]:
    """mAP, R@1 and P@20 of every head on every collection; differences are to the first head."""
    document: dict[str, object] = {}
    for name, photos in collections.items():
        figures = {
            row: per_query(by_vectors(describe(head, photos), photos.queries), photos.classes)
            for row, head in heads.items()
        }
        document[name] = compare(figures, base=next(iter(heads)))
    return document


def ablate(
    trunk: Trunk,
    training: tuple[Sequence[Rgb], Sequence[str]],
    collections: Mapping[str, Photos],
    settings: AblationSettings,
    *,
    width: int = 512,
    rfb_width: int = 96,
) -> dict[str, object]:
    """Train and measure every head on the same maps."""
    crops, names = training
    if len(set(names)) < 2:
        raise ValueError("the photos hold fewer than two labelled classes of two photos: nothing can be learnt")
    labels = torch.from_numpy(np.unique(np.array(names), return_inverse=True)[1].astype(np.int64))
    maps = maps_of(trunk, crops)
    heads: dict[str, nn.Module] = {}
    rows: dict[str, object] = {}
    for name, make in all_heads(trunk.x4_channels, trunk.x5_channels, width, rfb_width).items():
        torch.manual_seed(settings.seed)
        heads[name] = make()
        losses, seconds = train_head(heads[name], maps, labels, settings)
        tenth = max(1, len(losses) // 10)
        rows[name] = {
            "parameters": parameters(heads[name]),
            "steps": len(losses),
            "seconds": round(seconds, 1),
            "first_loss": round(float(np.mean(losses[:tenth])), 3),
            "last_loss": round(float(np.mean(losses[-tenth:])), 3),
        }
        print(json.dumps({name: rows[name]}), flush=True)
    return {
        "settings": asdict(settings),
        "photos": len(crops),
        "classes": len(set(names)),
        "training": rows,
        "figures": measure(heads, collections),
    }


def _collections(trunk: Trunk, args: argparse.Namespace, shapes: Sequence[Shape]) -> Iterator[tuple[str, Photos]]:
    for name, (pictures, names) in holdout_pictures(args.data, args.cache, args.limit).items():
        yield f"hold-out {name}", collection(trunk, pictures, names, shapes)
    for folder in args.folder:
        pictures, names = folder_pictures(folder)
        keep = np.sort(np.random.default_rng(SEED).permutation(len(pictures))[: args.limit])
        yield folder.name, collection(trunk, [pictures[i] for i in keep], [names[i] for i in keep], shapes)


def main(argv: list[str] | None = None) -> None:
    defaults = AblationSettings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--folder", type=Path, action="append", default=[], help="photos to report on")
    parser.add_argument("--minutes", type=float, default=defaults.minutes, help="per head at most")
    parser.add_argument("--steps", type=int, default=defaults.steps)
    parser.add_argument("--photos", type=int, default=defaults.photos)
    parser.add_argument("--limit", type=int, default=400, help="at most so many photos of a collection")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    student = make_student(PRESETS["cpu"])
    checkpoint.load_average(args.run, student)
    trunk = student.trunk.eval()
    settings = AblationSettings(photos=args.photos, steps=args.steps, minutes=args.minutes)
    cache = PhotoCache.build(args.data, list_photos(args.data, limits=SET_LIMITS), args.cache)
    collections = dict(_collections(trunk, args, shapes_of_area(settings.side)))
    document = ablate(trunk, labelled_crops(cache, settings), collections, settings)
    text = json.dumps(document, indent=1)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
