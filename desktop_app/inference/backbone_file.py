"""A backbone that somebody brings as an ONNX file: read, checked and described before anything of it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import ModelProto, NodeProto, TensorProto, inliner, numpy_helper

from desktop_app.domain.errors import PackError
from desktop_app.inference.manifest import LARGEST_SIDE, SMALLEST_SIDE
from desktop_app.inference.onnx_file import scan_model
from desktop_app.inference.runtime import first_line

METADATA = "indicium.preprocessing"
OLDEST_OPSET = 11
LARGEST = (1 << 31) - (1 << 24)  # bytes of one protobuf message, less room for what is added
_TYPES = {TensorProto.UINT8: "uint8", TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16"}
_EXPORT = "Export it again, for example with: python -m models.export timm:NAME"

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What an exporter wrote into the file: side of the pictures, (x / 255 - mean) / std, origin and licence."""

    mean: Triple | None
    std: Triple | None
    size: int | None
    source: str
    licence: str


@dataclass(frozen=True, slots=True, eq=False)
class BackboneFile:
    """A model that may be run, and what its input says about itself.

    model: whole (no data in other files, no local functions) with a free batch. layouts: which of NCHW and NHWC
    the declared shape allows. height, width: pixels, None where free. inside: the scale of pixels that the graph
    itself normalises ("255": it takes 0..255, "1": it takes 0..1), None when it does not or it cannot be seen.
    outputs: its own, then `taps`: values inside the graph that may hold the cells of a network that gives away
    nothing but classes.
    """

    path: Path
    model: ModelProto
    input: str
    layouts: tuple[str, ...]
    dtype: str
    height: int | None
    width: int | None
    outputs: tuple[str, ...]
    taps: frozenset[str]
    preprocessing: Preprocessing | None
    inside: str | None

    def refusal(self, why: str, remedy: str = _EXPORT) -> PackError:
        return PackError(f"{self.path.name} cannot become a pack: {why}", remedy=remedy)


def read_backbone(path: Path) -> BackboneFile:
    """Read and check a file. Raises PackError with a sentence that names the file for everything that is wrong."""

    def refusal(why: str, remedy: str = _EXPORT) -> PackError:
        return PackError(f"{path.name} cannot become a pack: {why}", remedy=remedy)

    model = _load(path)
    if problem := scan_model(model.SerializeToString()).problem:
        raise refusal(f"it {problem}")
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset < OLDEST_OPSET:
        raise refusal(f"it is written in opset {opset} and at least {OLDEST_OPSET} is needed")
    graph = model.graph
    stored = {weight.name for weight in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise refusal(
            f"it has {len(inputs)} inputs ({names}) and a pack takes one picture",
            "Export the image tower alone" if len(inputs) > 1 else _EXPORT,
        )
    image = inputs[0]
    tensor = image.type.tensor_type
    sizes = [axis.dim_value if axis.HasField("dim_value") else None for axis in tensor.shape.dim]
    if len(sizes) != 4:
        raise refusal(
            f"its input '{image.name}' has {len(sizes)} axes {_shown(sizes)} instead of 4 (batch, channels, "
            "height and width)"
        )
    if tensor.elem_type not in _TYPES:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise refusal(f"its input '{image.name}' is {kind} instead of uint8, float32 or float16")
    layouts = tuple(
        name
        for name, channels, others in (("NCHW", sizes[1], sizes[2:]), ("NHWC", sizes[3], sizes[1:3]))
        if channels in (3, None, 0) and all(not side or SMALLEST_SIDE <= side <= LARGEST_SIDE for side in others)
    )
    if not layouts:
        raise refusal(
            f"its input '{image.name}' has the shape {_shown(sizes)}, in which no axis is the 3 channels of a "
            f"colour picture with sides of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels"
        )
    if 3 in (sizes[1], sizes[3]):  # a declared 3 decides
        layouts = tuple(name for name in layouts if sizes[1 if name == "NCHW" else 3] == 3)
    height, width = sizes[2:] if layouts[0] == "NCHW" else sizes[1:3]
    if not graph.output:
        raise refusal("it has no outputs")
    _free_batch(model, image.name)
    try:
        taps, inside = _add_taps(model), _inside(model, image.name)
    except Exception as error:  # noqa: BLE001 - any part of a damaged graph may be missing or of a wrong size
        raise refusal(f"its graph is damaged ({first_line(error)})") from None
    return BackboneFile(
        path=path,
        model=model,
        input=image.name,
        layouts=layouts,
        dtype=_TYPES[tensor.elem_type],
        height=height or None,
        width=width or None,
        outputs=tuple(value.name for value in graph.output),
        taps=frozenset(taps),
        preprocessing=_preprocessing(model),
        inside=inside,
    )


def _load(path: Path) -> ModelProto:
    """The whole model. Data in other files is taken in, but only from the model's own folder."""
    if not path.is_file():
        raise PackError(f"there is no file {path}", remedy="Give the path of an ONNX file")
    not_onnx = PackError(f"{path.name} is not an ONNX file", remedy="Choose a file that ends in .onnx")
    try:
        if path.stat().st_size > LARGEST:
            raise PackError(f"{path.name} is larger than 2 GB", remedy="Export it with float16 weights")
        model = onnx.load_model_from_string(path.read_bytes())
    except (DecodeError, ValueError):
        raise not_onnx from None
    except OSError as error:
        raise PackError(f"{path.name} cannot be read ({error.strerror})") from None
    if not model.graph.node:
        raise not_onnx
    places = {place for tensor in _tensors(model) for place in _locations(tensor)}
    folder = path.resolve().parent
    amount = path.stat().st_size
    for place in sorted(places):
        data = (folder / place).resolve()
        if Path(place).is_absolute() or data.parent != folder:
            raise PackError(
                f"{path.name} cannot become a pack: it keeps data in {place}, outside of its folder",
                remedy="Export it with all data in one file, or beside it",
            )
        if not data.is_file():
            raise PackError(
                f"{path.name} cannot become a pack: its data file {place} is missing",
                remedy=f"Put {place} beside it",
            )
        amount += data.stat().st_size
    if amount > LARGEST:
        raise PackError(f"{path.name} with its data is larger than 2 GB", remedy="Export it with float16 weights")
    try:
        if places:
            onnx.load_external_data_for_model(model, str(folder))
        if model.functions:
            model = inliner.inline_local_functions(model)
    except Exception as error:  # noqa: BLE001 - the package has errors of many kinds for damaged files
        reason = str(error).strip().partition("\n")[0]
        raise PackError(f"{path.name} cannot become a pack: its data cannot be read ({reason})") from None
    return model


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Every tensor that may lie in another file, those of constants and of nested graphs too."""
    graphs = [model.graph]
    nodes: list[NodeProto] = [node for function in model.functions for node in function.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            nodes.extend(graph.node)
            continue
        for attribute in nodes.pop().attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            graphs += [attribute.g] if attribute.HasField("g") else []
            graphs += list(attribute.graphs)


def _locations(tensor: TensorProto) -> list[str]:
    if tensor.data_location != TensorProto.EXTERNAL:
        return []
    return [entry.value for entry in tensor.external_data if entry.key == "location"]


def _free_batch(model: ModelProto, image: str) -> None:
    """Let the first axis be any number. Whether the nodes agree is seen when it runs."""
    for value in model.graph.input:
        if value.name == image:
            value.type.tensor_type.shape.dim[0].ClearField("dim_value")
            value.type.tensor_type.shape.dim[0].dim_param = "B"
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]  # shapes that were inferred for the old batch


def _add_taps(model: ModelProto) -> list[str]:
    """Give away what the last pooling over a picture reads, else the last two normalised tokens. -> the names."""
    given = {value.name for value in model.graph.output}
    found: list[str] = []
    for node in reversed(model.graph.node):
        if node.op_type == "GlobalAveragePool" or (node.op_type == "ReduceMean" and _axes(model, node) == 2):
            found = [node.input[0]]
            break
    else:
        found = [node.output[0] for node in model.graph.node if node.op_type == "LayerNormalization"][:-3:-1]
    taps = [name for name in found if name not in given and name != ""]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in taps)
    return taps


def _axes(model: ModelProto, node: NodeProto) -> int:
    """Over how many axes a ReduceMean runs, 0 when that is computed."""
    for attribute in node.attribute:
        if attribute.name == "axes":
            return len(attribute.ints)
    if len(node.input) > 1:
        for weight in model.graph.initializer:
            if weight.name == node.input[1]:
                return int(np.prod(weight.dims))
        for other in model.graph.node:
            if other.op_type == "Constant" and node.input[1] in other.output:
                return int(np.prod(other.attribute[0].t.dims))
    return 0


def _preprocessing(model: ModelProto) -> Preprocessing | None:
    text = next((entry.value for entry in model.metadata_props if entry.key == METADATA), None)
    if text is None:
        return None
    try:
        written = json.loads(text)
        size, std = written.get("size"), _triple(written.get("std"))
        if std is not None and min(std) <= 0:
            raise ValueError("a standard deviation is positive")
        return Preprocessing(
            mean=_triple(written.get("mean")),
            std=std,
            size=size if isinstance(size, int) and SMALLEST_SIDE <= size <= LARGEST_SIDE else None,
            source=str(written.get("source") or ""),
            licence=str(written.get("licence") or ""),
        )
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None  # somebody else's entry of the same name says nothing


def _triple(value: object) -> Triple | None:
    if value is None:
        return None
    if not isinstance(value, Sequence) or len(value) != 3:
        raise ValueError("three numbers are needed")
    red, green, blue = (float(number) for number in value)
    if not np.isfinite([red, green, blue]).all():
        raise ValueError("numbers are finite")
    return red, green, blue


def _inside(model: ModelProto, image: str) -> str | None:
    """Which pixels the graph takes when its first steps are a normalisation of its own."""
    constants = {weight.name: weight for weight in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            constants[node.output[0]] = node.attribute[0].t
    at = image
    for _ in range(6):
        users = [node for node in model.graph.node if at in node.input]
        if len(users) != 1:
            return None
        node = users[0]
        if node.op_type in ("Cast", "Transpose", "Identity"):
            at = node.output[0]
            continue
        if node.op_type not in ("Sub", "Div", "Mul", "Add"):
            return None
        other = next((name for name in node.input if name != at), "")
        if other not in constants:
            return None
        value = float(np.abs(numpy_helper.to_array(constants[other]).astype(np.float64)).max(initial=0.0))
        if node.op_type in ("Sub", "Add"):
            return "255" if value > 3 else "1"
        large = value if node.op_type == "Div" else 1 / max(value, 1e-12)
        return "255" if large > 30 else "1"
    return None


def _shown(sizes: Sequence[int | None]) -> str:
    return "[" + ", ".join(str(size) if size else "free" for size in sizes) + "]"
