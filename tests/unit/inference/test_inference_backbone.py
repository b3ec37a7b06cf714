"""A backbone from outside: what it says about itself, what is found by running it, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.backbones import CHANNELS, Graph, channels_last, cnn, patches, transformer

from desktop_app.domain.errors import PackError
from desktop_app.inference.backbone import Backbone, CellsOutput, cells_array, find_outputs, open_backbone
from desktop_app.inference.backbone_file import METADATA, read_backbone
from desktop_app.inference.manifest import InputSpec
from desktop_app.inference.pack_graph import (
    CLASS_TOKEN,
    GEM,
    MEAN,
    CellsHead,
    DescriptorHead,
    write_adapted,
    write_code,
    write_embed,
)
from desktop_app.inference.trial import probe_batch


def opened(path: Path, folder: Path) -> Backbone:
    file = read_backbone(path)
    onnx.save(file.model, str(folder / "saved.onnx"))
    return Backbone(file, folder / "saved.onnx", threads=1)


# --- reading ---------------------------------------------------------------------------------------------------


def test_the_input_is_described(tmp_path: Path) -> None:
    file = read_backbone(cnn(tmp_path / "a.onnx", shape=(1, 3, 224, 192)))
    assert (file.input, file.layouts, file.dtype, file.height, file.width) == (
        "picture",
        ("NCHW",),
        "float32",
        224,
        192,
    )
    assert file.outputs[:2] == ("map", "features") and file.preprocessing is None and file.inside is None
    free = read_backbone(cnn(tmp_path / "b.onnx"))
    assert (free.layouts, free.height, free.width) == (("NCHW",), None, None)
    last = read_backbone(channels_last(tmp_path / "c.onnx"))
    assert (last.layouts, last.height, last.inside) == (("NHWC",), 96, "255")


def test_what_an_exporter_wrote_is_read_and_rubbish_is_not(tmp_path: Path) -> None:
    path = cnn(tmp_path / "a.onnx")
    model = onnx.load(str(path))
    entry = model.metadata_props.add()
    entry.key = METADATA
    entry.value = json.dumps(
        {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1], "size": 160, "source": "me", "licence": "MIT"}
    )
    onnx.save(model, str(path))
    written = read_backbone(path).preprocessing
    assert written is not None and written.mean == (0.1, 0.2, 0.3) and written.size == 160
    assert (written.source, written.licence) == ("me", "MIT")
    for rubbish in ('{"mean": "blue"}', '{"std": [0, 1, 1]}', '{"mean": [NaN, 0, 0]}', "[" * 100_000):
        entry.value = rubbish
        onnx.save(model, str(path))
        assert read_backbone(path).preprocessing is None
    entry.value = '{"size": 1000000}'
    onnx.save(model, str(path))
    written = read_backbone(path).preprocessing
    assert written is not None and written.size is None


def test_data_beside_the_file_is_taken_in_and_data_elsewhere_refused(tmp_path: Path) -> None:
    inner = tmp_path / "net"
    inner.mkdir()
    model = onnx.load(str(cnn(tmp_path / "a.onnx")))
    onnx.save(model, str(inner / "b.onnx"), save_as_external_data=True, location="b.data", size_threshold=0)
    file = read_backbone(inner / "b.onnx")
    assert not any(weight.external_data for weight in file.model.graph.initializer)
    (inner / "b.data").rename(tmp_path / "b.data")
    with pytest.raises(PackError, match=r"b\.data is missing"):
        read_backbone(inner / "b.onnx")
    outside = onnx.load(str(inner / "b.onnx"), load_external_data=False)
    for weight in outside.graph.initializer:
        for entry in weight.external_data:
            if entry.key == "location":
                entry.value = "../b.data"
    (inner / "c.onnx").write_bytes(outside.SerializeToString())
    with pytest.raises(PackError, match=r"c\.onnx.*\.\./b\.data, outside of its folder"):
        read_backbone(inner / "c.onnx")


def refused(tmp_path: Path, change: str) -> Path:
    path = tmp_path / f"{change}.onnx"
    graph = Graph(["B", 3, "H", "W"])
    patches(graph, "picture", stride=16)
    graph.add("Identity", "n1", out="map")
    graph.output("map", ["B", CHANNELS, "h", "w"])
    if change == "two_inputs":
        graph.inputs.append(helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["B", 77]))
    elif change == "custom":
        graph.nodes[-1] = helper.make_node("FancyPool", ["n1"], ["map"], domain="com.example")
    elif change == "rank":
        graph.inputs = [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["B", 3, 224])]
    elif change == "grey":
        graph.inputs = [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["B", 1, 224, 224])]
    elif change == "type":
        graph.inputs = [helper.make_tensor_value_info("picture", TensorProto.INT64, ["B", 3, 224, 224])]
    elif change == "opset":
        graph.opset = 9
    return graph.save(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("two_inputs", r"has 2 inputs \(picture, input_ids\)"),
        ("custom", "uses the operator FancyPool of com.example"),
        ("rank", r"has 3 axes \[free, 3, 224\] instead of 4"),
        ("grey", "no axis is the 3 channels"),
        ("type", "is int64 instead of"),
        ("opset", "opset 9"),
    ],
)
def test_what_cannot_be_a_pack_is_refused_with_a_sentence(tmp_path: Path, change: str, sentence: str) -> None:
    with pytest.raises(PackError, match=sentence) as error:
        read_backbone(refused(tmp_path, change))
    assert f"{change}.onnx" in error.value.message and error.value.remedy


@pytest.mark.parametrize("damage", ["no input", "no output", "empty constant", "cut weight", "unknown type"])
def test_a_damaged_graph_is_refused_with_a_sentence(tmp_path: Path, damage: str) -> None:
    graph = Graph(["B", 3, "H", "W"])
    pixels = graph.add("Div", "picture", graph.weight(np.full((1, 3, 1, 1), 255.0, np.float32)))
    cells = patches(graph, pixels, stride=16)
    graph.add("GlobalAveragePool", cells, out="pooled")
    graph.output("pooled", ["B", CHANNELS, 1, 1])
    model = onnx.load(str(graph.save(tmp_path / "net.onnx")))
    if damage == "no input":
        del model.graph.node[-1].input[:]
    elif damage == "no output":
        model.graph.node[0].op_type = "Cast"
        del model.graph.node[0].output[:]
    elif damage == "empty constant":
        constant = model.graph.node.add(op_type="Constant")
        constant.attribute.add(name="value").t.data_type = TensorProto.FLOAT
    elif damage == "cut weight":
        model.graph.initializer[0].raw_data = b"1"
    else:
        model.graph.initializer[0].data_type = 99
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(PackError, match=r"net\.onnx cannot become a pack: its graph is damaged") as error:
        read_backbone(tmp_path / "net.onnx")
    assert error.value.remedy


@pytest.mark.parametrize("content", [b"", b"\x00\x01 not a model", b"GIF89a" * 50])
def test_a_file_that_is_no_onnx_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(PackError, match=r"x\.onnx is not an ONNX file"):
        read_backbone(tmp_path / "x.onnx")
    with pytest.raises(PackError, match="there is no file"):
        read_backbone(tmp_path / "missing.onnx")


# --- running ---------------------------------------------------------------------------------------------------


def test_a_fixed_batch_is_freed_and_a_shape_that_runs_is_found(tmp_path: Path) -> None:
    backbone = opened(cnn(tmp_path / "a.onnx", shape=(1, 3, 96, 128)), tmp_path)
    spec = backbone.input_spec(size=None)
    assert (spec.layout, spec.shapes) == ("NCHW", ((96, 128),))
    with pytest.raises(PackError, match="fixed at 96 x 128"):
        backbone.input_spec(size=(64, 64))
    free = opened(cnn(tmp_path / "b.onnx"), tmp_path)
    assert free.input_spec(size=None).shapes == ((224, 224),)
    assert free.input_spec(size=(64, 96)).shapes == ((64, 96),)


def test_a_graph_that_mixes_the_pictures_of_a_batch_is_refused(tmp_path: Path) -> None:
    graph = Graph(["B", 3, 64, 64])
    cells = graph.add("GlobalAveragePool", patches(graph, "picture", stride=16))
    mixed = graph.add("Softmax", cells, axis=0)
    graph.add("Flatten", mixed, out="features", axis=1)
    graph.output("features", ["B", CHANNELS])
    with pytest.raises(PackError, match="depends on the others of the batch"):
        opened(graph.save(tmp_path / "a.onnx"), tmp_path).input_spec(size=None)


def test_values_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    graph = Graph(["B", 3, 64, 64])
    cells = graph.add("GlobalAveragePool", patches(graph, "picture", stride=16))
    broken = graph.add("Div", cells, graph.weight(np.zeros(1, np.float32)))
    graph.add("Flatten", broken, out="features", axis=1)
    graph.output("features", ["B", CHANNELS])
    with pytest.raises(PackError, match="not numbers"):
        opened(graph.save(tmp_path / "a.onnx"), tmp_path).input_spec(size=None)


@pytest.mark.parametrize(
    ("dims", "shape", "wanted"),
    [
        ((2, 24, 14, 14), (224, 224), ("NCHW", 16, 24, 0)),
        ((2, 7, 7, 320), (224, 224), ("NHWC", 32, 320, 0)),
        ((2, 14, 28, 64), (112, 224), ("NHWC", 8, 64, 0)),
        ((2, 197, 192), (224, 224), ("tokens", 16, 192, 1)),
        ((2, 261, 192), (224, 224), ("tokens", 14, 192, 5)),
        ((2, 49, 64), (224, 224), ("tokens", 32, 64, 0)),
        ((2, 24, 13, 13), (224, 224), None),
        ((2, 8, 14, 14), (224, 224), None),
        ((2, 230, 64), (224, 224), None),
    ],
)
def test_cells_are_recognised_by_their_shape(dims, shape, wanted) -> None:
    found = find_outputs({"x": np.zeros(dims, np.float32)}, shape, batch=2).cells
    assert (found and (found.layout, found.stride, found.channels, found.prefix)) == wanted


def test_the_descriptor_is_the_telling_name_and_the_map_the_stride_nearest_to_16() -> None:
    values = {
        "logits": np.zeros((2, 1000), np.float32),
        "embedding": np.zeros((2, 64, 1, 1), np.float32),
        "c3": np.zeros((2, 64, 28, 28), np.float32),
        "c4": np.zeros((2, 128, 14, 14), np.float32),
        "c5": np.zeros((2, 256, 7, 7), np.float32),
        "labels": np.zeros((2,), np.int64),
    }
    found = find_outputs(values, (224, 224), batch=2)
    assert found.embedding == "embedding" and found.cells is not None and found.cells.name == "c4"
    assert set(found.others) == {"logits", "c3", "c5"}


@pytest.mark.parametrize("kind", ["cnn", "mean", "tokens"])
def test_the_cells_of_a_classifier_are_found_inside_its_graph(tmp_path: Path, kind: str) -> None:
    graph = Graph(["B", 3, 64, 96])
    cells = patches(graph, "picture", stride=16)
    if kind == "cnn":
        vector = graph.add("GlobalAveragePool", cells)
    elif kind == "mean":
        vector = graph.add("ReduceMean", cells, axes=[2, 3], keepdims=1)
    else:
        flat = graph.add("Reshape", cells, graph.weight(np.array([0, 0, -1], np.int64)))
        scale = graph.weight(np.ones(CHANNELS, np.float32))
        tokens = graph.add("LayerNormalization", graph.add("Transpose", flat, perm=[0, 2, 1]), scale)
        vector = graph.add("Gather", tokens, graph.weight(np.array(0)), axis=1)
    head = graph.weight(np.random.default_rng(0).normal(size=(CHANNELS, 1000)).astype(np.float32))
    graph.add("MatMul", graph.add("Flatten", vector, axis=1), head, out="logits")
    graph.output("logits", ["B", 1000])
    backbone = opened(graph.save(tmp_path / "a.onnx"), tmp_path)
    found = backbone.find(backbone.input_spec(size=None))
    assert found.embedding is None and found.others == ("logits",)
    assert found.cells is not None and found.cells.name in backbone.file.taps
    assert (found.cells.stride, found.cells.channels) == (16, CHANNELS)
    assert found.cells.layout == ("tokens" if kind == "tokens" else "NCHW")


@pytest.mark.parametrize("opset", [12, 17])
def test_a_graph_for_one_picture_gets_a_loop_over_the_batch(tmp_path: Path, opset: int) -> None:
    graph = Graph([1, 3, 64, 64], opset=opset)
    cells = graph.add("GlobalAveragePool", patches(graph, "picture", stride=16))
    graph.add("Reshape", cells, graph.weight(np.array([1, CHANNELS], np.int64)), out="features")
    graph.output("features", [1, CHANNELS])
    alone = opened(graph.save(tmp_path / "a.onnx"), tmp_path)
    with pytest.raises(PackError, match="takes one picture at a time"):
        alone.input_spec(size=None)
    backbone, spec = open_backbone(alone.file, tmp_path / "loop.onnx", size=None, threads=1)
    three = backbone.run(probe_batch((64, 64), batch=3), spec)
    found = find_outputs(three, (64, 64), batch=3, taps=backbone.file.taps)
    assert found.embedding is not None and found.embedding.startswith("features") and found.cells is not None
    for at in range(3):
        one = backbone.run(probe_batch((64, 64), batch=3)[at : at + 1], spec)
        np.testing.assert_allclose(three[found.embedding][at], one[found.embedding][0], atol=1e-6)
    descriptor, local = heads()
    write_embed(
        tmp_path / "embed.onnx",
        backbone.file.model,
        image=backbone.file.input,
        layout=spec.layout,
        embedding=found.embedding,
        pooling=MEAN,
        cells=found.cells,
        descriptor=descriptor,
        local=local,
    )
    session = onnxruntime.InferenceSession(str(tmp_path / "embed.onnx"), providers=["CPUExecutionProvider"])
    alpha = session.run(None, {spec.name: np.zeros((3, 3, 64, 64), np.float32)})[0]
    assert alpha.shape == (3, 20)


# --- the graph of a pack ---------------------------------------------------------------------------------------


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def heads() -> tuple[DescriptorHead, CellsHead]:
    random = np.random.default_rng(3)
    descriptor = DescriptorHead(
        mean=random.normal(size=CHANNELS) / 10,
        weight=random.normal(size=(20, CHANNELS)),
        code_weight=random.normal(size=(16, 20)),
        code_offset=random.normal(size=16) / 10,
    )
    return descriptor, CellsHead(mean=random.normal(size=CHANNELS) / 10, weight=random.normal(size=(16, CHANNELS)))


@pytest.mark.parametrize(
    ("kind", "pooling"),
    [("cnn", "output"), ("last", MEAN), ("last", GEM), ("tokens", MEAN), ("tokens", CLASS_TOKEN)],
)
def test_the_written_graph_computes_what_its_equations_say(tmp_path: Path, kind: str, pooling: str) -> None:
    path = tmp_path / "a.onnx"
    backbone = opened({"cnn": cnn, "last": channels_last, "tokens": transformer}[kind](path), tmp_path)
    spec = backbone.input_spec(size=None)
    shape = spec.shapes[0]
    values = backbone.run(probe_batch(shape), spec)
    found = find_outputs(values, shape, batch=2)
    assert found.cells is not None
    descriptor, local = heads()
    names = write_embed(
        tmp_path / "embed.onnx",
        backbone.file.model,
        image=backbone.file.input,
        layout=spec.layout,
        embedding=found.embedding,
        pooling=pooling,
        cells=found.cells,
        descriptor=descriptor,
        local=local,
    ).names
    cells = cells_array(values[found.cells.name], found.cells, shape).astype(np.float64)
    flat = cells.reshape(2, -1, CHANNELS)
    vector = {
        "output": lambda: values["features"].astype(np.float64),
        MEAN: lambda: flat.mean(axis=1),
        GEM: lambda: (np.maximum(flat, 1e-6) ** 3).mean(axis=1) ** (1 / 3),
        CLASS_TOKEN: lambda: values[found.cells.name][:, 0].astype(np.float64),
    }[pooling]()
    alpha = unit((unit(vector) - descriptor.mean) @ descriptor.weight.T)
    y = (unit(cells) - local.mean) @ local.weight.T

    made = Backbone(backbone.file, tmp_path / "embed.onnx", threads=1)
    made.file = replace(backbone.file, outputs=tuple(names.values()))
    outputs = dict(zip(names, made.run(probe_batch(shape), spec).values(), strict=True))
    np.testing.assert_allclose(outputs["alpha"], alpha, atol=2e-5)
    bits = alpha @ descriptor.code_weight.T >= descriptor.code_offset
    assert (np.unpackbits(outputs["alpha_code"], axis=1).astype(bool) == bits).mean() > 0.98  # rounding at 0
    np.testing.assert_allclose(outputs["local_features"], unit(y), atol=2e-5)
    halves = np.concatenate([np.maximum(y, 0), np.maximum(-y, 0)], axis=-1).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(outputs["local_map"], halves, atol=2e-5)


def test_what_no_output_needs_is_left_out_of_the_written_graph(tmp_path: Path) -> None:
    graph = Graph(["B", 3, 64, 64])
    cells = patches(graph, "picture", stride=16)
    graph.add("Flatten", graph.add("GlobalAveragePool", cells), out="features", axis=1)
    graph.add("MatMul", "features", graph.weight(np.ones((CHANNELS, 5000), np.float32)), out="logits")
    graph.output("features", ["B", CHANNELS])
    graph.output("logits", ["B", 5000])
    file = read_backbone(graph.save(tmp_path / "a.onnx"))
    descriptor, _ = heads()
    write_embed(
        tmp_path / "embed.onnx",
        file.model,
        image=file.input,
        layout="NCHW",
        embedding="features",
        pooling=MEAN,
        cells=None,
        descriptor=descriptor,
        local=None,
    )
    assert (tmp_path / "embed.onnx").stat().st_size < 5000 * CHANNELS


def test_an_alpha_of_the_backbone_does_not_collide(tmp_path: Path) -> None:
    graph = Graph(["B", 3, 64, 64])
    cells = patches(graph, "picture", stride=16)
    graph.add("Flatten", graph.add("GlobalAveragePool", cells), out="indicium_alpha", axis=1)
    graph.output("indicium_alpha", ["B", CHANNELS])
    file = read_backbone(graph.save(tmp_path / "a.onnx"))
    names = write_embed(
        tmp_path / "embed.onnx",
        file.model,
        image=file.input,
        layout="NCHW",
        embedding="indicium_alpha",
        pooling=MEAN,
        cells=None,
        descriptor=heads()[0],
        local=None,
    ).names
    assert names["alpha"] != "indicium_alpha"


def test_the_code_layer_sets_half_of_the_bits(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(0.4, 1, size=(400, 24)).astype(np.float32)
    write_code(tmp_path / "code.onnx", np.median(features.astype(np.float64), axis=0))
    session = onnxruntime.InferenceSession(str(tmp_path / "code.onnx"), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"features": features})
    assert np.abs((logits >= 0).mean(axis=0) - 0.5).max() <= 0.01


def test_cells_of_all_layouts_are_the_same_cells() -> None:
    cells = np.random.default_rng(0).normal(size=(2, 3, 4, 16)).astype(np.float32)
    tokens = np.concatenate([np.full((2, 5, 16), 9, np.float32), cells.reshape(2, 12, 16)], axis=1)
    for values, layout, prefix in (
        (cells.transpose(0, 3, 1, 2), "NCHW", 0),
        (cells, "NHWC", 0),
        (tokens, "tokens", 5),
    ):
        output = CellsOutput("x", layout, 8, 16, prefix)
        np.testing.assert_array_equal(cells_array(values, output, (24, 32)), cells)


def test_half_precision_and_whole_numbers_are_taken_as_inputs(tmp_path: Path) -> None:
    graph = Graph(["B", "H", "W", 3], dtype=TensorProto.UINT8)
    pixels = graph.add("Transpose", graph.add("Cast", "picture", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    graph.add("Flatten", graph.add("GlobalAveragePool", patches(graph, pixels, stride=16)), out="features", axis=1)
    graph.output("features", ["B", CHANNELS])
    backbone = opened(graph.save(tmp_path / "a.onnx"), tmp_path)
    assert backbone.input_spec(size=None) == InputSpec("picture", "NHWC", "uint8", ((224, 224),), None, None)
    weight = numpy_helper.to_array(backbone.file.model.graph.initializer[0])
    half = Graph(["B", 3, "H", "W"], dtype=TensorProto.FLOAT16)
    cells = half.add("Conv", "picture", half.weight(weight.astype(np.float16)), strides=[16, 16])
    half.add("Flatten", half.add("GlobalAveragePool", cells), out="features", axis=1)
    half.output("features", ["B", CHANNELS], TensorProto.FLOAT16)
    assert opened(half.save(tmp_path / "b.onnx"), tmp_path).input_spec(size=None).dtype == "float16"


def test_an_adapter_is_written_behind_descriptor_and_regions(tmp_path: Path) -> None:
    """A pack graph with alpha, its code, regions and another output: the first three change, the last does not."""
    graph = Graph(["B", 3, 64, 64])
    cells = patches(graph, "picture", stride=16)
    flat = graph.add("Reshape", cells, graph.weight(np.array([0, 0, -1], np.int64)))
    rows = graph.add("Transpose", flat, perm=[0, 2, 1])
    graph.add("LpNormalization", rows, out="regions", axis=2)
    mean = graph.add("Flatten", graph.add("GlobalAveragePool", cells), axis=1)
    graph.add("LpNormalization", mean, out="alpha", axis=1)
    graph.add("Cast", "alpha", out="alpha_code", to=TensorProto.UINT8)
    graph.output("alpha", ["B", CHANNELS])
    graph.output("alpha_code", ["B", CHANNELS], TensorProto.UINT8)
    graph.output("regions", ["B", 16, CHANNELS])
    graph.add("Identity", cells, out="map")
    graph.output("map", ["B", CHANNELS, 4, 4])
    source = graph.save(tmp_path / "old.onnx")
    random = np.random.default_rng(3)
    weight = np.eye(CHANNELS) + random.normal(size=(CHANNELS, CHANNELS)) / 4
    head = DescriptorHead(np.zeros(CHANNELS), weight, random.normal(size=(16, CHANNELS)), np.zeros(16))
    names = write_adapted(
        tmp_path / "new.onnx",
        source,
        alpha="alpha",
        alpha_code="alpha_code",
        regions="regions",
        descriptor=head,
    ).names
    picture = {"picture": random.normal(size=(2, 3, 64, 64)).astype(np.float32)}
    run = {
        path.stem: onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for path in (source, tmp_path / "new.onnx")
    }
    alpha, regions, cells_before = run["old"].run(["alpha", "regions", "map"], picture)
    new = run["new"].run([names["alpha"], names["alpha_code"], names["regions"], "map"], picture)
    np.testing.assert_allclose(new[0], unit(alpha @ weight.T), atol=1e-5)
    np.testing.assert_array_equal(new[1], np.packbits(new[0] @ head.code_weight.T >= 0, axis=1))
    np.testing.assert_allclose(new[2], unit(regions @ weight.T), atol=1e-5)
    np.testing.assert_array_equal(new[3], cells_before)
