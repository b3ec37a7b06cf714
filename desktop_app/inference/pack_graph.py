"""Writes a pack's graphs: standard nodes appended to a backbone, to a pack that is adapted, and the code layer.

Only operators whose form is the same in every opset from 11 on are used, so that nothing has to be converted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from desktop_app.domain.errors import PackError
from desktop_app.inference.backbone import CellsOutput

Array = NDArray[np.float64]
MEAN, GEM, CLASS_TOKEN = "mean of the cells", "generalised mean of the cells", "class token"
GEM_P, EPS = 3.0, 1e-6
_OCTET = np.array([128, 64, 32, 16, 8, 4, 2, 1], np.float32)[:, None]
_CODE_OPSET = 13


@dataclass(frozen=True, slots=True, eq=False)
class DescriptorHead:
    """alpha = L2(weight (L2(e) - mean)), the bits of its code code_weight alpha >= code_offset.

    mean [D], weight [d, D], code_weight [bits, d], code_offset [bits]; bits a multiple of 8.
    """

    mean: Array
    weight: Array
    code_weight: Array
    code_offset: Array


@dataclass(frozen=True, slots=True, eq=False)
class CellsHead:
    """y = weight (L2(x) - mean) for every cell x: mean [C], weight [d, C]."""

    mean: Array
    weight: Array


@dataclass(frozen=True, slots=True)
class GraphOutputs:
    """The names of a pack's outputs by role."""

    names: dict[str, str]


class _Writer:
    """Adds nodes with names of their own to a model."""

    def __init__(self, model: ModelProto) -> None:
        self.graph: GraphProto = model.graph
        taken = {name for node in self.graph.node for name in (*node.output, node.name)}
        taken |= {value.name for value in (*self.graph.input, *self.graph.initializer)}
        self.prefix = "indicium_"
        while any(name.startswith(self.prefix) for name in taken):
            self.prefix += "_"
        self._count = 0

    def name(self, word: str) -> str:
        self._count += 1
        return f"{self.prefix}{word}_{self._count}"

    def constant(self, value: NDArray[np.generic] | float | list[int]) -> str:
        """Numbers as float32, whole numbers in a list as int64."""
        array = np.asarray(value, np.int64 if isinstance(value, list) else np.float32)
        name = self.name("constant")
        self.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, kind: str, *inputs: str, result: str | None = None, **attributes: int | list[int]) -> str:
        output = result or self.name(kind.lower())
        node = helper.make_node(kind, list(inputs), [output], name=self.name("node"))
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.graph.node.append(node)
        return output

    def length(self, values: str, ones: str, *, by: str) -> str:
        """max(|x|, tiny): the sum of squares as a product with ones, a form that no opset has changed."""
        squares = self.add(by, self.add("Mul", values, values), ones)
        return self.add("Max", self.add("Sqrt", squares), self.constant(1e-12))

    def l2(self, values: str, width: int, *, result: str | None = None) -> str:
        """The last axis, of `width` numbers, scaled to length 1."""
        ones = self.constant(np.ones((width, 1)))
        return self.add("Div", values, self.length(values, ones, by="MatMul"), result=result)

    def packed_bits(self, values: str, offset: Array, *, result: str) -> None:
        """[B, bits] -> [B, bits / 8] uint8, as np.packbits packs `values >= offset`."""
        less = self.add("Less", values, self.constant(offset))
        bits = self.add("Cast", self.add("Not", less), to=TensorProto.FLOAT)
        octets = self.add("Reshape", bits, self.constant([0, len(offset) // 8, 8]))
        numbers = self.add("MatMul", octets, self.constant(_OCTET))
        flat = self.add("Reshape", numbers, self.constant([0, len(offset) // 8]))
        self.add("Cast", flat, to=TensorProto.UINT8, result=result)


def write_embed(
    path: Path,
    model: ModelProto,
    *,
    image: str,
    layout: str,
    embedding: str | None,
    pooling: str,
    cells: CellsOutput | None,
    descriptor: DescriptorHead,
    local: CellsHead | None,
) -> GraphOutputs:
    """Write a backbone with the heads of a pack behind it as embed.onnx.

    embedding: the backbone's output with one vector a picture, or None: `pooling` (MEAN, GEM or CLASS_TOKEN) makes
    it of `cells`. Everything that the new outputs do not need is left out.
    Raises PackError when the graph that results is not valid.
    """
    model = _copy(model)
    writer = _Writer(model)
    del model.graph.output[:]
    names: dict[str, str] = {}

    grid = None if cells is None else _as_grid(writer, cells, image, layout)
    if embedding is not None:
        vector = writer.add("Flatten", writer.add("Cast", embedding, to=TensorProto.FLOAT), axis=1)
    else:
        assert cells is not None and grid is not None
        vector = _pooled(writer, cells, grid, pooling)
    _descriptor(writer, model, names, vector, descriptor)

    if local is not None and cells is not None and grid is not None:
        wide, narrow = cells.channels, len(local.weight)
        kernel = writer.constant(np.ones((1, wide, 1, 1)))
        unit = writer.add("Div", grid, writer.length(grid, kernel, by="Conv"))
        weight = writer.constant(local.weight[:, :, None, None])
        y = writer.add("Conv", unit, weight, writer.constant(-local.weight @ local.mean))
        names["local_map"] = f"{writer.prefix}local_map"
        halves = (writer.add("Relu", y), writer.add("Relu", writer.add("Neg", y)))
        writer.add("Concat", *halves, axis=1, result=names["local_map"])
        names["local_features"] = f"{writer.prefix}local_features"
        writer.l2(writer.add("Transpose", y, perm=[0, 2, 3, 1]), narrow, result=names["local_features"])
        _output(model, names["local_map"], TensorProto.FLOAT, ["B", 2 * narrow, "h", "w"])
        _output(model, names["local_features"], TensorProto.FLOAT, ["B", "h", "w", narrow])
    _finish(path, model)
    return GraphOutputs(names)


def write_adapted(
    path: Path,
    source: Path,
    *,
    alpha: str,
    alpha_code: str | None,
    regions: str | None,
    descriptor: DescriptorHead,
) -> GraphOutputs:
    """Write the pack graph `source` with a linear adapter behind `alpha`; all other outputs stay what they are.

    alpha, alpha_code: its outputs' names; regions: that of its descriptors of regions [B, R, D], which get the
    same adapter. Returns the new names of these. Raises PackError.
    """
    model = onnx.load(str(source))
    writer = _Writer(model)
    names: dict[str, str] = {}
    kept = [value for value in model.graph.output if value.name not in (alpha, alpha_code, regions)]
    del model.graph.output[:]
    _descriptor(writer, model, names, alpha, descriptor)
    if regions is not None:
        size, width = descriptor.weight.shape
        centred = writer.add("Sub", writer.l2(regions, width), writer.constant(descriptor.mean))
        projected = writer.add("MatMul", centred, writer.constant(descriptor.weight.T))
        names["regions"] = writer.l2(projected, size, result=f"{writer.prefix}regions")
        _output(model, names["regions"], TensorProto.FLOAT, ["B", "R", size])
    model.graph.output.extend(kept)
    _finish(path, model)
    return GraphOutputs(names)


def write_code(path: Path, medians: Array) -> None:
    """code.onnx: logits = features - medians, so that a bit is set in half of the centroids (A3)."""
    size = len(medians)
    graph = helper.make_graph(
        [helper.make_node("Sub", ["features", "medians"], ["logits"])],
        "code",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", size])],
        [numpy_helper.from_array(medians.astype(np.float32), "medians")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _CODE_OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _as_grid(writer: _Writer, cells: CellsOutput, image: str, layout: str) -> str:
    """The cells as float [B, C, h, w], whatever their layout."""
    values = writer.add("Cast", cells.name, to=TensorProto.FLOAT)
    if cells.layout == "NCHW":
        return values
    if cells.layout == "NHWC":
        return writer.add("Transpose", values, perm=[0, 3, 1, 2])
    first = 2 if layout == "NCHW" else 1  # where height and width stand in the input
    sides = writer.add(
        "Slice",
        writer.add("Shape", image),
        writer.constant([first]),
        writer.constant([first + 2]),
        writer.constant([0]),
    )
    grid = writer.add("Div", sides, writer.constant([cells.stride, cells.stride]))
    patches = writer.add(
        "Slice",
        values,
        writer.constant([cells.prefix]),
        writer.constant([np.iinfo(np.int64).max]),
        writer.constant([1]),
    )
    target = writer.add("Concat", writer.constant([0, 0]), grid, axis=0)
    return writer.add("Reshape", writer.add("Transpose", patches, perm=[0, 2, 1]), target)


def _pooled(writer: _Writer, cells: CellsOutput, grid: str, pooling: str) -> str:
    """[B, C] of the cells (SCIENCE A0 for GEM)."""
    if pooling == CLASS_TOKEN:
        bounds = [writer.constant([at]) for at in (0, 1, 1)]
        token = writer.add("Slice", writer.add("Cast", cells.name, to=TensorProto.FLOAT), *bounds)
        return writer.add("Flatten", token, axis=1)
    if pooling == GEM:
        grid = writer.add("Pow", writer.add("Max", grid, writer.constant(EPS)), writer.constant(GEM_P))
    pooled = writer.add("GlobalAveragePool", grid)
    if pooling == GEM:
        pooled = writer.add("Pow", pooled, writer.constant(1 / GEM_P))
    return writer.add("Flatten", pooled, axis=1)


def _descriptor(
    writer: _Writer, model: ModelProto, names: dict[str, str], vector: str, head: DescriptorHead
) -> None:
    size, width = head.weight.shape
    names["alpha"], names["alpha_code"] = f"{writer.prefix}alpha", f"{writer.prefix}alpha_code"
    centred = writer.add("Sub", writer.l2(vector, width), writer.constant(head.mean))
    projected = writer.add("MatMul", centred, writer.constant(head.weight.T))
    writer.l2(projected, size, result=names["alpha"])
    logits = writer.add("MatMul", names["alpha"], writer.constant(head.code_weight.T))
    writer.packed_bits(logits, head.code_offset, result=names["alpha_code"])
    _output(model, names["alpha"], TensorProto.FLOAT, ["B", size])
    _output(model, names["alpha_code"], TensorProto.UINT8, ["B", len(head.code_weight) // 8])


def _output(model: ModelProto, name: str, kind: int, shape: list[str | int]) -> None:
    model.graph.output.append(helper.make_tensor_value_info(name, kind, shape))


def _copy(model: ModelProto) -> ModelProto:
    copied = ModelProto()
    copied.CopyFrom(model)
    return copied


def _finish(path: Path, model: ModelProto) -> None:
    """Leave out what no output needs, check, and write."""
    graph = model.graph
    needed = {value.name for value in graph.output}
    kept: list[NodeProto] = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed |= _read_by(node)
    nodes = kept[::-1]
    weights = [weight for weight in graph.initializer if weight.name in needed]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(weights)
    model.ir_version = max(model.ir_version, 4)  # from 4 on initialisers need not be inputs
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        reason = str(error).strip().partition("\n")[0]
        raise PackError(f"the graph of the new pack is not valid ({reason})", remedy="Export it again") from None
    path.write_bytes(model.SerializeToString())


def _read_by(node: NodeProto) -> set[str]:
    """Names that a node reads, those that its nested graphs may take from outside included."""
    names = set(node.input)
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            for inner in graph.node:
                names |= _read_by(inner)
            names |= {value.name for value in graph.output}
    return names
