"""A model pack small enough for tests, with real outputs: similar pictures get similar descriptors.

Nothing is learnt. A cell of 16 x 16 pixels is described by its colours and edges (in quarters), seen against
the rest of the picture, through fixed random projections. The global descriptor is the mean over cells of the
rectified projections, centred on what made-up pictures give. A picture takes a few milliseconds.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
SHAPES = ((224, 224), (192, 256), (256, 192), (160, 320), (320, 160))
ALPHA, BETA, MAP, LOCAL, BITS, STRIDE = 512, 256, 256, 128, 128, 16
LICENCE = "Made for tests. Public domain.\n"
CARD = "# tiny\n\nFixed random projections of colours and edges. For tests only.\n"


def make_tiny_pack(directory: Path, *, seed: int = 0, name: str = "tiny", second: bool = False) -> Path:
    """Write a complete pack into `directory` (made when missing) and return `directory`.

    Packs of different seeds have different digests and descriptors that cannot be compared. `second` adds a second
    descriptor (beta) and its code.
    """
    directory.mkdir(parents=True, exist_ok=True)
    embed, code = _graphs(seed, second)
    contents = {
        "embed.onnx": embed,
        "code.onnx": code,
        "LICENSE": LICENCE.encode(),
        "MODEL_CARD.md": CARD.encode(),
    }
    for file, data in contents.items():
        (directory / file).write_bytes(data)
    manifest = _manifest(name, second)
    manifest["files"] = {file: file_entry(data) for file, data in contents.items()}
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2), "utf-8")
    return directory


def change_manifest(directory: Path, **entries: object) -> None:
    """Replace top-level entries of a pack's manifest; a mapping is merged into the object that is there."""
    path = directory / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    for key, value in entries.items():
        both = isinstance(value, Mapping) and isinstance(manifest.get(key), dict)
        manifest[key] = manifest[key] | dict(value) if both else value
    path.write_text(json.dumps(manifest), "utf-8")


def replace_file(directory: Path, name: str, data: bytes) -> None:
    """Replace a file of a pack and make the manifest agree with it."""
    (directory / name).write_bytes(data)
    change_manifest(directory, files={name: file_entry(data)})


def file_entry(data: bytes) -> dict[str, object]:
    """What a manifest says about a file with this content."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _manifest(name: str, second: bool) -> dict[str, object]:
    def output(role: str, dtype: str, *shape: int | str) -> dict[str, object]:
        return {"name": role, "dtype": dtype, "shape": list(shape)}

    other = {
        "beta": output("beta", "float32", "B", BETA),
        "beta_code": output("beta_code", "uint8", "B", BETA // 8),
    }

    return {
        "format": 1,
        "name": name,
        "version": "1.0.0",
        "title": "Tiny pack for tests",
        "description": "Colours and edges through fixed random projections.",
        "licence": "CC0-1.0",
        "licence_file": "LICENSE",
        "card": "MODEL_CARD.md",
        "provenance": [{"name": "none", "source": "made by the tests", "licence": "CC0-1.0", "use": "tests"}],
        "minimum_application": "0.1.0",
        "input": {
            "name": "image",
            "layout": "NHWC",
            "dtype": "uint8",
            "shapes": [list(shape) for shape in SHAPES],
            "mean": None,
            "std": None,
        },
        "outputs": {
            "alpha": output("alpha", "float32", "B", ALPHA),
            "alpha_code": output("alpha_code", "uint8", "B", ALPHA // 8),
            "attention": output("attention", "float32", "B", "h", "w"),
            "local_map": output("local_map", "float32", "B", MAP, "h", "w"),
            "local_features": output("local_features", "float32", "B", "h", "w", LOCAL),
        }
        | (other if second else {}),
        "local": {
            "stride": STRIDE,
            "clusters": 32,
            "code_bits": BITS,
            "dimension": LOCAL,
            "map_dimension": MAP,
        },
        "precision": "fp32",
        "thresholds": {
            "local_floor": 0.2,
            "local_power": 3.0,
            "map_floor": 0.5,
            "link_cosine": 0.8,
            "link_weak": 0.8,
            "link_medium": 0.88,
            "link_strong": 0.95,
            "similar": 0.5,
            "same_thing": 0.75,
            "almost_certain": 0.92,
        },
        "relevance": {
            "kind": "logistic",
            "inputs": ["global", "local", "links", "link_cosine"],
            "weights": [4.0, 4.0, 1.2, 1.0],
            "bias": -6.5,
        },
        "fusion": {"global": 1.0, "local": 1.0, "negative": 0.4},
        "calibration": {
            "global": {"kind": "logistic", "scale": 30.0, "offset": -27.0},
            "balanced": {"kind": "logistic", "scale": 12.0, "offset": -12.6},
        },
        "figures": {},
    }


class _Graph:
    """Collects nodes and constants, naming them as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: object, dtype: type = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, kind: str, *inputs: str, result: str | None = None, **attributes: object) -> str:
        name = result or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def unit(self, x: str, axis: int, *, result: str | None = None) -> str:
        """Divide by the L2 norm along `axis`."""
        norm = self.add("ReduceL2", x, self.constant([axis], np.int64), keepdims=1)
        return self.add("Div", x, self.add("Max", norm, self.constant(1e-6)), result=result)

    def model(self, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]) -> bytes:
        graph = helper.make_graph(self.nodes, "tiny", list(inputs), list(outputs), self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        onnx.checker.check_model(model)
        return model.SerializeToString()


@functools.cache
def _graphs(seed: int, second: bool) -> tuple[bytes, bytes]:
    """embed.onnx and code.onnx. The centre of the pooled features comes from made-up pictures."""
    uncentred = onnxruntime.InferenceSession(_embed_graph(seed, centre=None))
    centre = uncentred.run(["pooled"], {"image": _made_up_pictures()})[0].mean(axis=0)
    return _embed_graph(seed, centre=centre, second=second), _code_graph(seed)


def _embed_graph(seed: int, *, centre: np.ndarray | None, second: bool = False) -> bytes:
    """The whole graph; with `centre` None only as far as the pooled features."""
    random = np.random.default_rng([seed, 1])
    graph = _Graph()
    image = [helper.make_tensor_value_info("image", TensorProto.UINT8, ["B", "H", "W", 3])]
    cells = _cells(graph)
    mean = graph.add("ReduceMean", cells, graph.constant([2, 3], np.int64), keepdims=1)
    contrast = graph.add("Sub", cells, mean)
    channels = 28
    absolute = graph.add("Relu", graph.add("Conv", cells, graph.constant(_projection(random, channels, MAP))))
    relative = graph.constant(_projection(random, channels, MAP))
    local_map = graph.add("Relu", graph.add("Conv", contrast, relative), result="local_map")
    both = graph.add("Concat", absolute, local_map, axis=1)
    pooled = graph.add("ReduceMean", both, graph.constant([2, 3], np.int64), keepdims=0, result="pooled")
    if centre is None:
        return graph.model(image, [helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["B", 2 * MAP])])

    centred = graph.add("Sub", pooled, graph.constant(centre))
    alpha = graph.add("MatMul", centred, graph.constant(_rotation(random, ALPHA)))
    alpha = graph.unit(alpha, 1, result="alpha")
    _packed_bits(graph, graph.add("MatMul", alpha, graph.constant(_rotation(random, ALPHA))), ALPHA, "alpha_code")
    _attention(graph, contrast)
    features = graph.add("Conv", contrast, graph.constant(_projection(random, channels, LOCAL)))
    graph.unit(graph.add("Transpose", features, perm=[0, 2, 3, 1]), 3, result="local_features")
    others = []
    if second:
        # Half of what was pooled: colours and edges as they are, not as they differ from the rest.
        chosen = graph.constant(np.eye(2 * MAP, BETA, dtype=np.float32))
        beta = graph.unit(graph.add("MatMul", centred, chosen), 1, result="beta")
        _packed_bits(graph, graph.add("MatMul", beta, graph.constant(_rotation(random, BETA))), BETA, "beta_code")
        others = [
            helper.make_tensor_value_info("beta", TensorProto.FLOAT, ["B", BETA]),
            helper.make_tensor_value_info("beta_code", TensorProto.UINT8, ["B", BETA // 8]),
        ]
    return graph.model(
        image,
        [
            helper.make_tensor_value_info("alpha", TensorProto.FLOAT, ["B", ALPHA]),
            helper.make_tensor_value_info("alpha_code", TensorProto.UINT8, ["B", ALPHA // 8]),
            helper.make_tensor_value_info("attention", TensorProto.FLOAT, ["B", "h", "w"]),
            helper.make_tensor_value_info("local_map", TensorProto.FLOAT, ["B", MAP, "h", "w"]),
            helper.make_tensor_value_info("local_features", TensorProto.FLOAT, ["B", "h", "w", LOCAL]),
            *others,
        ],
    )


def _cells(graph: _Graph) -> str:
    """[B, 28, h, w]: mean colours and edges in four directions of the four quarters of every cell."""
    numbers = graph.add("Cast", "image", to=TensorProto.FLOAT)
    shifted = graph.add("Sub", numbers, graph.constant(127.5))
    rgb = graph.add("Transpose", graph.add("Div", shifted, graph.constant(58.0)), perm=[0, 3, 1, 2])
    # Exposure says little about what a picture shows: most of the mean brightness is taken out.
    brightness = graph.add("ReduceMean", rgb, graph.constant([1, 2, 3], np.int64), keepdims=1)
    rgb = graph.add("Sub", rgb, graph.add("Mul", brightness, graph.constant(0.8)))
    slope = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], np.float32) / 4
    kernels = np.stack([sign * kernel for kernel in (slope, slope.T) for sign in (1, -1)])
    kernels = np.repeat(kernels[:, None], 3, axis=1)
    edges = graph.add("Relu", graph.add("Conv", rgb, graph.constant(kernels), pads=[1, 1, 1, 1]))
    pixels = graph.add("Concat", rgb, edges, axis=1)
    quarters = graph.add("AveragePool", pixels, kernel_shape=[STRIDE // 2] * 2, strides=[STRIDE // 2] * 2)
    return graph.add("SpaceToDepth", quarters, blocksize=2)


def _attention(graph: _Graph, contrast: str) -> None:
    """A softmax over cells: cells that differ from the rest of the picture get more."""
    strength = graph.add("ReduceL2", contrast, graph.constant([1], np.int64), keepdims=0)
    flat = graph.add("Reshape", strength, graph.constant([0, -1], np.int64))
    graph.add("Reshape", graph.add("Softmax", flat, axis=1), graph.add("Shape", strength), result="attention")


def _packed_bits(graph: _Graph, values: str, bits: int, result: str) -> None:
    """Signs packed as np.packbits does: the first bit is the highest of its byte."""
    ones = graph.add("Cast", graph.add("GreaterOrEqual", values, graph.constant(0.0)), to=TensorProto.FLOAT)
    octets = graph.add("Reshape", ones, graph.constant([0, bits // 8, 8], np.int64))
    weighted = graph.add("Mul", octets, graph.constant([128, 64, 32, 16, 8, 4, 2, 1]))
    packed = graph.add("ReduceSum", weighted, graph.constant([2], np.int64), keepdims=0)
    graph.add("Cast", packed, to=TensorProto.UINT8, result=result)


def _code_graph(seed: int) -> bytes:
    random = np.random.default_rng([seed, 2])
    graph = _Graph()
    graph.add("MatMul", "features", graph.constant(_rotation(random, LOCAL)), result="logits")
    return graph.model(
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", LOCAL])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", BITS])],
    )


def _projection(random: np.random.Generator, inputs: int, outputs: int) -> np.ndarray:
    """A 1 x 1 convolution that nearly keeps angles."""
    return (random.normal(size=(outputs, inputs, 1, 1)) / np.sqrt(inputs)).astype(np.float32)


def _rotation(random: np.random.Generator, size: int) -> np.ndarray:
    return np.linalg.qr(random.normal(size=(size, size)))[0].astype(np.float32)


def _made_up_pictures() -> np.ndarray:
    """[16, 64, 64, 3] uint8: smooth coloured blobs with some texture."""
    random = np.random.default_rng(11)
    blobs = random.uniform(0, 255, (16, 8, 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
    tint = random.uniform(0, 255, (16, 1, 1, 3))
    texture = random.normal(0, 12, (16, 64, 64, 3))
    return (0.4 * blobs + 0.6 * tint + texture).clip(0, 255).astype(np.uint8)
