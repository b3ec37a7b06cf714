"""Makes a model pack from a training run.

    python -m models.export --run runs/indicium-s --data DIR --cache CACHE --out models/packs/indicium-s

Learns the closed-form heads on TRAIN photos (held-out classes excepted), exports, checks the graph against PyTorch
(cosine at least 0.999), quantises to int8 where that loses under half a point of mAP on the TRAIN hold-out, else
stores the weights as float16, and writes manifest, licence and card. Scores and words are fitted afterwards:
`python -m models.calibrate`.

    python -m models.export timm:NAME [...]     a backbone of timm as an ONNX file, see models.export_timm
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from models import checkpoint
from models.card import write_card
from models.data import LABELLED, SET_LIMITS, PhotoCache, Rgb, holdout_classes, list_photos, whole
from models.evaluate.holdout import HoldoutFigures, holdout_figures
from models.graph import export_codes, export_embedder, halve_weights, quantise
from models.heads import HeadSettings, batches, learn_heads
from models.manifest import Shape, shapes_of_area, write_manifest
from models.networks.student import Embedder, LocalHead
from models.settings import PRESETS
from models.train import make_student

LOSS_ALLOWED = 0.005  # of mAP on the hold-out, for int8
LEAST_COSINE = 0.999
LICENCE = Path(__file__).resolve().parents[1] / "LICENSE"
PACK_FILES = frozenset(
    ("manifest.json", "embed.onnx", "code.onnx", "coattention.onnx", "indicative.onnx", "LICENSE", "MODEL_CARD.md")
)


def parity(net: Embedder, path: Path, images: Rgb) -> float:
    """The least cosine between PyTorch's descriptors (alpha, beta) and the exported graph's.

    images: [B, H, W, 3] uint8.
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        wanted = dict(zip(net.OUTPUTS, net(torch.from_numpy(images)), strict=True))
    names = ["alpha", "beta"]
    made = session.run(names, {"image": images})
    return float(min((y * wanted[name].numpy()).sum(1).min() for name, y in zip(names, made, strict=True)))


def training_pictures(
    cache: PhotoCache, shapes: Sequence[Shape] | None, count: int, *, seed: int = 0
) -> list[Rgb]:
    """`count` whole TRAIN photos, spread over the sets, none of a held-out class or a tiny one.

    shapes: the input shapes they are fitted to; None: as they are.
    """
    held = holdout_classes(cache.photos, LABELLED)
    small = {"mini-imagenet-84", "style-128", "flowers-128"}
    rows = [i for i, photo in enumerate(cache.photos) if photo.label not in held and photo.set not in small]
    by_set: dict[str, list[int]] = {}
    for row in np.random.default_rng(seed).permutation(rows):
        by_set.setdefault(cache.photos[row].set, []).append(int(row))
    share = -(-count // max(len(by_set), 1))
    chosen = [row for members in by_set.values() for row in members[:share]]
    pictures = [cache.decode(row) for row in chosen]
    return pictures if shapes is None else [whole(picture, shapes) for picture in pictures]


def check_pack_folder(folder: Path) -> None:
    """What lies in `folder` is replaced. Raises ValueError when that would be anything but the files of a pack."""
    foreign = sorted(path.name for path in folder.glob("*") if path.name not in PACK_FILES)
    if foreign:
        raise ValueError(f"{folder} holds {foreign[0]}, which is no part of a pack: name a new folder with --out")


def choose_precision(
    single: Path, folder: Path, pictures: list[Rgb], cache: PhotoCache, shapes: list[Shape], limit: int | None
) -> tuple[str, dict[str, HoldoutFigures]]:
    """Write embed.onnx into `folder` as int8 or with float16 weights; returns which, and the hold-out figures."""
    with tempfile.TemporaryDirectory() as place:
        small = Path(place) / "int8.onnx"
        quantise(single, small, list(batches(pictures[:160], 4)), keep=("fusion", "regions"))
        figures = {
            "fp32": holdout_figures(single, folder / "code.onnx", cache, shapes, limit=limit),
            "int8": holdout_figures(small, folder / "code.onnx", cache, shapes, limit=limit),
        }
        lost = figures["fp32"].mean("mAP") - figures["int8"].mean("mAP")
        if lost < LOSS_ALLOWED:
            shutil.copyfile(small, folder / "embed.onnx")
            return "int8", figures
    halve_weights(single, folder / "embed.onnx")
    return "fp16-weights", figures


def export(
    run: Path,
    data: Path,
    out: Path,
    *,
    cache_folder: Path,
    side: int,
    version: str,
    photos: int,
    limit: int | None,
    local_head: Path | None = None,
) -> None:
    """Make the pack. local_head: trained local features (`models.local.train`); None: learnt in closed form.

    Raises ValueError for a folder `out` that holds anything but a pack, and when the exported graph disagrees with
    PyTorch.
    """
    check_pack_folder(out)
    state = checkpoint.load(run / "checkpoint.pt")
    if state is None:
        raise ValueError(f"there is no checkpoint in {run}: train first")
    student = make_student(PRESETS["cpu"])
    student.load_state_dict(state.tensors["average"])
    cache = PhotoCache.build(data, list_photos(data, limits=SET_LIMITS), cache_folder)
    shapes = shapes_of_area(side)
    pictures = training_pictures(cache, shapes, photos)
    local = None
    if local_head:
        local = LocalHead(channels=student.trunk.JOINTS[1:])
        local.load_state_dict(torch.load(local_head, weights_only=True))
    net, codes = learn_heads(student, pictures, HeadSettings(), local)
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*"):
        old.unlink()
    export_codes(codes, out / "code.onnx")
    with tempfile.TemporaryDirectory() as place:
        single = Path(place) / "fp32.onnx"
        export_embedder(net, single)
        cosine = parity(net, single, next(batches(pictures[:16])))
        if cosine < LEAST_COSINE:
            raise ValueError(f"the exported graph disagrees with PyTorch: cosine {cosine:.5f}")
        precision, figures = choose_precision(single, out, pictures, cache, shapes, limit)
    shutil.copyfile(LICENCE, out / "LICENSE")
    measured = {
        "parity_cosine": round(cosine, 6),
        "parameters": sum(p.numel() for p in net.parameters()),
        "holdout": {name: row.as_json() for name, row in figures.items()},
    }
    write_card(out / "MODEL_CARD.md", shapes=shapes, precision=precision, figures=measured, state=state, run=run)
    write_manifest(out, shapes=shapes, precision=precision, version=version, figures=measured, sections={})
    print(f"{out}: {precision}, {sum(f.stat().st_size for f in out.iterdir()) / 1e6:.1f} MB")


def main(argv: list[str] | None = None) -> None:
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0].startswith("timm:"):
        from models.export_timm import main as export_timm

        export_timm(argv)
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--side", type=int, default=224, help="input shapes have about this side squared in pixels"
    )
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument(
        "--photos", type=int, default=4000, help="TRAIN photos that the closed-form heads learn from"
    )
    parser.add_argument("--local-head", type=Path, help="trained local features; default: closed form")
    parser.add_argument("--limit", type=int, help="measure on at most so many hold-out photos of each set")
    args = parser.parse_args(argv)
    export(
        args.run,
        args.data,
        args.out,
        cache_folder=args.cache,
        side=args.side,
        version=args.version,
        photos=args.photos,
        limit=args.limit,
        local_head=args.local_head,
    )


if __name__ == "__main__":
    main()
