"""embed.onnx against a ResNet-18 of random weights, fp32, 224 x 224, in one run on the same processor.

    python -m models.evaluate.speed models/packs/indicium-s [--threads 2] [--rounds 40]

The two take turns, one picture each, so that a busy machine slows both; the medians and their ratio are printed.
The ratio travels between machines, the milliseconds do not. Let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.graph import OPSET, folded

Shape = tuple[int, int]


class BasicBlock(nn.Module):
    """ResNet's block of two 3x3 convolutions."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.side: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.side = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.side(x) + self.body(x))


def resnet18() -> nn.Module:
    """ResNet-18 with 1,000 outputs (11.7 M parameters), random weights."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    inputs = 64
    for outputs in (64, 128, 256, 512):
        layers += [BasicBlock(inputs, outputs, 1 if outputs == 64 else 2), BasicBlock(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def export_reference(path: Path) -> None:
    """ResNet-18 as an ONNX file with an input `image` [1, 3, 224, 224] float32."""
    with torch.no_grad():
        torch.onnx.export(
            folded(resnet18()),
            (torch.zeros(1, 3, 224, 224),),
            str(path),
            input_names=["image"],
            output_names=["logits"],
            opset_version=OPSET,
            dynamo=False,
        )


def session_of(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """A processor session of so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def take_turns(
    runs: Mapping[str, tuple[onnxruntime.InferenceSession, NDArray[np.generic]]], rounds: int
) -> dict[str, float]:
    """Median milliseconds of each session on its input, one run each in turn, after three to warm up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 3):
        for name, (session, image) in runs.items():
            start = time.perf_counter()
            session.run(None, {"image": image})
            if turn >= 3:
                times[name].append((time.perf_counter() - start) * 1000)
    return {name: float(np.median(values)) for name, values in times.items()}


def measure(embed: Path, shapes: Sequence[Shape], *, threads: int, rounds: int) -> dict[str, dict[str, float]]:
    """Per input shape: milliseconds, and how many times a ResNet-18's."""
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "resnet18.onnx"
        export_reference(reference)
        ours = session_of(embed, threads)
        runs: dict[str, tuple[onnxruntime.InferenceSession, NDArray[np.generic]]] = {
            "ResNet-18": (
                session_of(reference, threads),
                random.standard_normal((1, 3, 224, 224)).astype(np.float32),
            )
        }
        for height, width in shapes:
            image = random.integers(0, 256, (1, height, width, 3), dtype=np.uint8)
            runs[f"{height} x {width}"] = (ours, image)
        medians = take_turns(runs, rounds)
    base = medians["ResNet-18"]
    return {name: {"ms": round(ms, 2), "ratio": round(ms / base, 3)} for name, ms in medians.items()}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args(argv)
    manifest = json.loads((args.pack / "manifest.json").read_text(encoding="utf-8"))
    shapes = [(height, width) for height, width in manifest["input"]["shapes"]]
    result = measure(args.pack / "embed.onnx", shapes, threads=args.threads, rounds=args.rounds)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
