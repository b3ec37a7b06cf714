"""Small untrained backbones written with onnx.helper, in the forms in which people bring them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS = 24


class Graph:
    """Nodes, weights and outputs of one backbone; `save` writes it."""

    def __init__(self, shape: Sequence[int | str], *, dtype: int = TensorProto.FLOAT, opset: int = 17) -> None:
        self.inputs = [helper.make_tensor_value_info("picture", dtype, list(shape))]
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.opset = opset

    def weight(self, value: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, out: str = "", **attributes: object) -> str:
        out = out or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def output(self, name: str, shape: Sequence[int | str], dtype: int = TensorProto.FLOAT) -> None:
        self.outputs.append(helper.make_tensor_value_info(name, dtype, list(shape)))

    def save(self, path: Path) -> Path:
        graph = helper.make_graph(self.nodes, "backbone", self.inputs, self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        onnx.save(model, str(path))
        return path


def patches(graph: Graph, pixels: str, *, stride: int, seed: int = 0) -> str:
    """[B, CHANNELS, h, w]: a convolution over patches of `stride` pixels, rectified."""
    random = np.random.default_rng(seed)
    kernel = (random.normal(size=(CHANNELS, 3, stride, stride)) / stride).astype(np.float32)
    cells = graph.add("Conv", pixels, graph.weight(kernel), strides=[stride, stride])
    return graph.add("Relu", cells)


def cnn(
    path: Path, *, stride: int = 16, shape: Sequence[int | str] = ("B", 3, "H", "W"), vector: bool = True
) -> Path:
    """NCHW float32 -> `features` [B, C] (if `vector`) and `map` [B, C, h, w]."""
    graph = Graph(shape)
    cells = patches(graph, "picture", stride=stride)
    graph.add("Identity", cells, out="map")
    graph.output("map", ["B", CHANNELS, "h", "w"])
    if vector:
        graph.add("Flatten", graph.add("GlobalAveragePool", cells), out="features", axis=1)
        graph.output("features", ["B", CHANNELS])
    return graph.save(path)


def channels_last(path: Path, *, side: int = 96) -> Path:
    """NHWC float32, normalised inside (x - 127.5) / 127.5 -> `map` [B, h, w, C] alone, stride 8."""
    graph = Graph([1, side, side, 3])
    scaled = graph.add("Sub", "picture", graph.weight(np.array(127.5, np.float32)))
    scaled = graph.add("Div", scaled, graph.weight(np.array(127.5, np.float32)))
    pixels = graph.add("Transpose", scaled, perm=[0, 3, 1, 2])
    graph.add("Transpose", patches(graph, pixels, stride=8), perm=[0, 2, 3, 1], out="map")
    graph.output("map", [1, side // 8, side // 8, CHANNELS])
    return graph.save(path)


def transformer(path: Path, *, side: int = 112, patch: int = 14, prefix: int = 5) -> Path:
    """NCHW float32 at one size -> `last_hidden_state` [B, prefix + h w, C]; the prefix tokens are the mean."""
    graph = Graph([1, 3, side, side])
    cells = patches(graph, "picture", stride=patch)
    mean = graph.add("GlobalAveragePool", cells)
    tall = graph.add("Concat", *[mean] * prefix, axis=2)
    flat = [graph.add("Reshape", part, graph.weight(np.array([0, 0, -1], np.int64))) for part in (tall, cells)]
    tokens = graph.add("Concat", *flat, axis=2)
    graph.add("Transpose", tokens, perm=[0, 2, 1], out="last_hidden_state")
    graph.output("last_hidden_state", [1, prefix + (side // patch) ** 2, CHANNELS])
    return graph.save(path)
