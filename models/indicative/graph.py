"""From an indicative network to indicative.onnx: the pass and its vector-Jacobian product in one graph."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import Tensor

from models.networks.indicative.network import OUTPUTS, IndicativeNetwork
from models.networks.indicative.tensor import GRID, SIDE

OPSET = 18
FILE = "indicative.onnx"


def example_pair(net: IndicativeNetwork, count: int = 2, *, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Random inputs (result, query, weights) in the form that the network takes."""
    random = torch.Generator().manual_seed(seed)
    weights = torch.rand(count, GRID, GRID, generator=random)
    if net.config.input == "pixels":
        size = (2, count, SIDE, SIDE, 3)
        pair = torch.randint(0, 256, size, generator=random, dtype=torch.uint8)
    else:
        pair = torch.randn(2, count, GRID, GRID, net.config.dimension, generator=random)
        pair = torch.nn.functional.normalize(pair, dim=-1)
    return pair[0], pair[1], weights


def export_indicative(net: IndicativeNetwork, path: Path) -> None:
    """Write the graph: result, query, weights -> logit [B], matching [B, 196, 196], p_sum and q_sum [B, 14, 14].

    B is free. Only standard operators: transposed convolutions, masks and multiplications stand for the gradient.
    """
    names = ("result", "query", "weights")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # every size but B is a constant, on purpose
        torch.onnx.export(
            net.folded(),
            example_pair(net),
            str(path),
            input_names=list(names),
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "B"} for name in (*names, *OUTPUTS)},
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(path))


def run_graph(path: Path, pair: tuple[Tensor, Tensor, Tensor], *, threads: int = 2) -> dict[str, Tensor]:
    """The outputs of an exported graph by name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = dict(zip(("result", "query", "weights"), (part.numpy() for part in pair), strict=True))
    outputs = session.run(list(OUTPUTS), inputs)
    return {name: torch.from_numpy(value) for name, value in zip(OUTPUTS, outputs, strict=True)}


def parity(net: IndicativeNetwork, path: Path) -> float:
    """The largest difference between the graph's outputs and PyTorch's on a random pair, each against the largest
    value of that output."""
    pair = example_pair(net, 3, seed=1)
    net = net.eval()
    with torch.no_grad():
        wanted = dict(zip(OUTPUTS, net(*pair), strict=True))
    made = run_graph(path, pair)
    return max(
        float((made[name] - wanted[name]).abs().max() / wanted[name].abs().max().clamp(min=1e-6))
        for name in OUTPUTS
    )
