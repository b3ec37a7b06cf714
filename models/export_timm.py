"""Makes an ONNX backbone of any timm model, for `indicium packs import`.

    python -m models.export timm:resnet18.a1_in1k --weights resnet18.safetensors --out resnet18.onnx

CNN or ViT: the file has the outputs `embedding` [B, D] (what the model would hand to its classifier; of an image
tower of two towers, its place in the common space) and `map` (features of 16 x 16 pixels where the last ones are
coarser, else the last) or `tokens` (patch tokens, behind class token and registers). Size, mean and standard
deviation are written into the file, where the import finds them. Nothing is fetched when `--weights` names a file
or with `--random`.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from models.timm_library import load_timm

OPSET = 17
STRIDE = 16
METADATA = "indicium.preprocessing"
TOLERANCE = 1e-2  # of the largest value


class Backbone(nn.Module):
    """A timm model with the two outputs that a pack is made of.

    images: [B, 3, H, W] float, normalised -> embedding [B, D], and its cells: the map of stride 16 of a network
    that goes on to coarser ones, else the last features as the model keeps them: [B, C, h, w], [B, h, w, C], or
    tokens [B, N, C].
    """

    def __init__(self, model: nn.Module, *, common_space: bool) -> None:
        super().__init__()
        self.model = model
        self.common_space = common_space
        self.level = finer_level(model)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        if self.level is None:
            features = cells = self.model.forward_features(images)
        else:
            features, (cells,) = self.model.forward_intermediates(images, indices=[self.level], output_fmt="NCHW")
        embedding = self.model.forward_head(features, pre_logits=not self.common_space)
        return embedding.flatten(1), cells


def finer_level(model: nn.Module) -> int | None:
    """The position of the features of stride 16 where the last ones are coarser; None where they are not.

    Evidence and local match need places: a picture of 224 pixels has 7 x 7 cells at stride 32 and 14 x 14 at 16.
    """
    strides = [entry["reduction"] for entry in getattr(model, "feature_info", None) or []]
    if not hasattr(model, "forward_intermediates") or not strides or strides[-1] <= STRIDE:
        return None
    return strides.index(STRIDE) if STRIDE in strides else None


def is_two_tower(name: str) -> bool:
    """Whether the head of this model leads into the common space of images and texts (CLIP and its kin) and is
    not a classifier that was trained on top of it."""
    tag = name.partition(".")[2] or name
    return "clip" in name and "_in1k" not in tag and "_in12k" not in tag


def make_backbone(name: str, *, weights: Path | None = None, random: bool = False, **options: Any) -> Backbone:
    """The model `name` of timm.

    weights: a checkpoint of exactly this model (.safetensors, .pth). random: weights as they are before any
    training. Neither: timm fetches its own. Raises SystemExit with a sentence when that does not work.
    """
    timm = load_timm()
    timm.layers.set_fused_attn(False)  # attention as plain products, which every runtime has
    common_space = is_two_tower(name)
    if not common_space:
        options["num_classes"] = 0
    if weights is not None:
        if not weights.is_file():
            raise SystemExit(f"there is no file {weights}")
        options["pretrained_cfg_overlay"] = {"file": str(weights)}
    try:
        model = timm.create_model(name, pretrained=not random, **options)
    except RuntimeError as error:
        known = "unknown model" in str(error).lower()
        raise SystemExit(f"timm has no model called {name}" if known else f"{name}: {error}") from None
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(
            f"the weights of {name} cannot be had ({error}). Give a file with --weights, or use --random"
        ) from None
    return Backbone(model, common_space=common_space).eval()


def export_backbone(net: Backbone, path: Path, *, size: int | None = None, source: str = "") -> None:
    """Write `net` to `path`. size: the side of the pictures; None: the one the model was made for.

    Height and width stay free when the exported graph gives the same as the model for another shape.
    Raises ValueError when the graph does not compute what the model does.
    """
    config = net.model.pretrained_cfg
    given = getattr(getattr(net.model, "patch_embed", None), "img_size", None)
    side = size or (given[0] if given else config.get("input_size", (3, 224, 224))[-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        tokens = net(torch.zeros(2, 3, side, side))[1].ndim == 3
    # Tokens have learnt positions for one grid.
    free = not tokens and _export(net, path, side, free=True) and _agrees(net, path, (side, side + side // 32 * 8))
    if not free:
        _export(net, path, side, free=False)
    if not _agrees(net, path, (side, side)):
        raise ValueError(f"the exported graph of {source or 'the model'} does not compute what the model does")
    _describe(
        path,
        {
            "mean": [float(value) for value in config.get("mean", (0.485, 0.456, 0.406))],
            "std": [float(value) for value in config.get("std", (0.229, 0.224, 0.225))],
            "size": side,
            "source": source,
            "licence": str(config.get("license") or ""),
        },
    )


def _export(net: Backbone, path: Path, side: int, *, free: bool) -> bool:
    """Export with a free batch and, if `free`, free sides. False when the model cannot be traced like that."""
    with torch.no_grad():
        features = net(torch.zeros(2, 3, side, side))[1]
    output = "tokens" if features.ndim == 3 else "map"
    axes: dict[str, dict[int, str]] = {"image": {0: "B"}, "embedding": {0: "B"}, output: {0: "B"}}
    if free:
        axes["image"] |= {2: "H", 3: "W"}
        channels_last = features.shape[1] == features.shape[2] != features.shape[3]
        axes[output] |= {1: "h", 2: "w"} if channels_last else {2: "h", 3: "w"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whether tracing lost anything is measured, see `_agrees`
            torch.onnx.export(
                net,
                (torch.randn(2, 3, side, side),),
                str(path),
                input_names=["image"],
                output_names=["embedding", output],
                dynamic_axes=axes,
                opset_version=OPSET,
                dynamo=False,
            )
    except (RuntimeError, torch.onnx.errors.OnnxExporterError):
        if free:
            return False
        raise
    return True


def _agrees(net: Backbone, path: Path, shape: tuple[int, int]) -> bool:
    """Whether both outputs are the model's for pictures of this shape, another batch than the traced one."""
    images = torch.randn(3, 3, *shape, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            wanted = net(images)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        made = session.run(None, {"image": images.numpy()})
    except Exception:  # noqa: BLE001 - models and ONNX Runtime refuse a shape in many ways
        return False
    return all(
        y.shape == tuple(x.shape)
        and float(np.abs(y - x.numpy()).max()) <= TOLERANCE * max(1e-6, float(x.abs().max()))
        for x, y in zip(wanted, made, strict=True)
    )


def _describe(path: Path, preprocessing: dict[str, object]) -> None:
    model = onnx.load(str(path))
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(preprocessing, sort_keys=True)
    onnx.save(model, str(path))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m models.export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="timm:NAME", help="a model of timm, for example timm:resnet18.a1_in1k")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="a checkpoint of this model")
    parser.add_argument("--random", action="store_true", help="untrained weights")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="side of the pictures")
    parser.add_argument("--out", type=Path, metavar="FILE.onnx", help="default: NAME.onnx")
    args = parser.parse_args(argv)
    prefix, _, name = args.model.partition(":")
    if prefix != "timm" or not name:
        parser.error("the model is given as timm:NAME")
    if args.random and args.weights:
        parser.error("--random and --weights exclude each other")
    if args.random:
        torch.manual_seed(0)
    out = args.out or Path(f"{name}.onnx")
    net = make_backbone(name, weights=args.weights, random=args.random)
    export_backbone(net, out, size=args.size, source=f"timm {name}")
    print(f"wrote {out}. Make a pack of it: indicium packs import {out} --photos DIR")


if __name__ == "__main__":
    main()
