"""Batches for a graph that was traced with one picture and takes no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

from desktop_app.inference.backbone_file import BackboneFile

_ALL, _ONE = "_of_all", "_of_one"
_AXES_AS_INPUT = 13  # the opset from which Squeeze and Unsqueeze take their axes as an input


def one_at_a_time(file: BackboneFile) -> BackboneFile:
    """The same backbone inside a Scan over the batch: every picture goes through the graph alone.

    Weights stay outside of the loop. Inputs and outputs get new names, because a name stands for one thing only.
    """
    opset = next(entry.version for entry in file.model.opset_import if entry.domain in ("", "ai.onnx"))
    outer = ModelProto()
    outer.CopyFrom(file.model)
    body = GraphProto(name="one_picture")
    body.node.extend(file.model.graph.node)
    image = next(value for value in file.model.graph.input if value.name == file.input)

    def turned(kind: str, source: str, target: str) -> NodeProto:
        if opset >= _AXES_AS_INPUT:
            return helper.make_node(kind, [source, "first_axis" + _ONE], [target])
        return helper.make_node(kind, [source], [target], axes=[0])

    picture = body.input.add()
    picture.CopyFrom(image)
    picture.name = file.input + _ONE
    del picture.type.tensor_type.shape.dim[0]
    body.node.insert(0, turned("Unsqueeze", picture.name, file.input))
    for value in file.model.graph.output:
        row = body.output.add()
        row.CopyFrom(value)
        row.name = value.name + _ONE
        body.node.append(turned("Squeeze", value.name, row.name))

    graph = outer.graph
    del graph.node[:], graph.input[:]
    graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "first_axis" + _ONE))
    graph.input.add().CopyFrom(image)
    graph.input[0].name = file.input + _ALL
    for value in graph.output:
        value.name += _ALL
    scan = helper.make_node("Scan", [graph.input[0].name], [value.name for value in graph.output])
    scan.attribute.append(helper.make_attribute("num_scan_inputs", 1))
    scan.attribute.append(helper.make_attribute("body", body))
    graph.node.append(scan)
    return replace(
        file,
        model=outer,
        input=file.input + _ALL,
        outputs=tuple(name + _ALL for name in file.outputs),
        taps=frozenset(name + _ALL for name in file.taps),
    )
