"""Weights out of a shipped pack, so that training can go on from it.

A pack keeps every convolution with its batch normalisation folded in, as int8 (one scale per channel) or float16.
What comes back is what the pack computes with, rounding included; the batch normalisations are set up anew so
that they change nothing, neither in evaluation nor (up to the batch's own noise) in training.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from models.networks.student import Student

Weights = dict[str, NDArray[np.float32]]
_PREFIX = "student."
_SECOND = "second."


def weights_in(path: Path) -> Weights:
    """The student's weights in embed.onnx, float32, by their PyTorch names without `student.`; biases too."""
    graph = onnx.load(str(path)).graph
    stored = {weight.name: weight for weight in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}

    def value(name: str) -> NDArray[np.float32]:
        if name in stored:
            return numpy_helper.to_array(stored[name]).astype(np.float32)
        node = makers[name]
        if node.op_type == "Cast":
            return value(node.input[0])
        if node.op_type == "DequantizeLinear":
            x, scale = value(node.input[0]), value(node.input[1])
            zero = value(node.input[2]) if len(node.input) > 2 else np.zeros_like(scale)
            shape = (-1, *[1] * (x.ndim - 1)) if scale.size > 1 else ()
            return (x - zero.reshape(shape)) * scale.reshape(shape)
        raise ValueError(f"{path.name}: {name} is computed, not stored")

    found: Weights = {}
    for node in graph.node:
        if node.op_type == "BatchNormalization":
            for name in node.input[3:5]:
                if name.startswith(_PREFIX):
                    found[name.removeprefix(_PREFIX)] = value(name)
        if node.op_type not in ("Conv", "Gemm", "MatMul"):
            continue
        for name in node.input[1:2]:
            plain = name.removesuffix("_DequantizeLinear_Output").removesuffix("_quantized")
            if plain.startswith(_PREFIX):
                key = plain.removeprefix(_PREFIX)
                found[key] = value(name)
                if node.op_type != "MatMul" and len(node.input) > 2:
                    found[key.removesuffix("weight") + "bias"] = value(node.input[2])
    for module in ("fusion.pool", "fusion.rfb.pool", "second.pool"):
        # A power is folded under the name of the scope that called its pooling: with `fusion` there up to 1.0.
        scopes = {module, module.removeprefix("fusion.")}
        called = {f"/{(_PREFIX + scope).replace('.', '/')}/Clip_output_0" for scope in scopes}
        for name in (f"{_PREFIX}{module}.p", *sorted(called)):
            if name in stored:
                found[f"{module}.p"] = value(name)
    return found


@torch.no_grad()
def load_pack_weights(pack: Path, student: Student, images: Tensor) -> None:
    """Put the weights of `pack`/embed.onnx into `student`.

    images: [B, 3, H, W] float TRAIN crops as the network takes them, on which the batch normalisations are
    measured. Raises ValueError when the pack holds another form of network.
    """
    held = weights_in(pack / "embed.onnx")
    pairs = _normalised(student)
    folded = {name for name, _, _ in pairs}
    wanted = dict(student.named_parameters())
    for name, parameter in wanted.items():
        if name.startswith(_SECOND) and name not in held:
            continue  # packs up to 1.0 had no second descriptor
        owner = name.rpartition(".")[0]
        if any(parameter is p for _, _, norm in pairs for p in norm.parameters()):
            continue
        if name not in held or held[name].shape != tuple(parameter.shape):
            raise ValueError(f"{pack.name} does not fit this network: {name} is missing or has another shape")
        parameter.copy_(torch.from_numpy(held[name]))
        if owner in folded and f"{owner}.bias" not in held:
            raise ValueError(f"{pack.name}: {owner} has no bias")
    for name, buffer in student.named_buffers():
        if name in held:
            buffer.copy_(torch.from_numpy(held[name]))
    _neutralise(student, pairs, held, images)


def _normalised(student: Student) -> list[tuple[str, nn.Conv2d, nn.BatchNorm2d]]:
    """Every convolution with a batch normalisation behind it, and its name."""
    return [
        (f"{name}.{i}", module[i], module[i + 1])
        for name, module in student.named_modules()
        if isinstance(module, nn.Sequential)
        for i in range(len(module) - 1)
        if isinstance(module[i], nn.Conv2d) and isinstance(module[i + 1], nn.BatchNorm2d)
    ]


def _neutralise(
    student: Student, pairs: list[tuple[str, nn.Conv2d, nn.BatchNorm2d]], held: Weights, images: Tensor
) -> None:
    """Give each normalisation the mean m and variance v that its input really has, gain sqrt(v + eps) and offset
    m + bias: it then adds the folded bias and nothing else, whichever statistics it uses."""

    def settle(norm: nn.BatchNorm2d, bias: Tensor) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].float()
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            norm.running_mean.copy_(mean)  # type: ignore[union-attr]
            norm.running_var.copy_(variance)  # type: ignore[union-attr]
            norm.weight.copy_(torch.sqrt(variance + norm.eps))
            norm.bias.copy_(mean + bias)

        return hook

    hooks = [
        norm.register_forward_pre_hook(settle(norm, torch.from_numpy(held[f"{name}.bias"])))
        for name, _, norm in pairs
    ]
    training = student.training
    student.eval()(images)
    student.train(training)
    for hook in hooks:
        hook.remove()
