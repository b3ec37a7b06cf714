"""From a network to an ONNX file: batch normalisation folded, dynamic shapes, weights stored small, int8."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.networks.bihalf import CodeLayer
from models.networks.student import Embedder

OPSET = 18


def folded(net: nn.Module) -> nn.Module:
    """A copy in which every convolution has swallowed the batch normalisation behind it."""
    net = copy.deepcopy(net).eval()
    for module in list(net.modules()):
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                if isinstance(module[i], nn.Conv2d) and isinstance(module[i + 1], nn.BatchNorm2d):
                    module[i] = fuse_conv_bn_eval(module[i], module[i + 1])
                    module[i + 1] = nn.Identity()
    return net


def export_embedder(net: Embedder, path: Path) -> None:
    """Write embed.onnx in fp32: image uint8 [B, H, W, 3] -> Embedder.OUTPUTS; B, H, W dynamic."""
    net = folded(net)  # type: ignore[assignment]
    example = torch.zeros(2, 224, 256, 3, dtype=torch.uint8)
    names = {
        "image": {0: "B", 1: "H", 2: "W"},
        "alpha": {0: "B"},
        "alpha_code": {0: "B"},
        "attention": {0: "B", 1: "h", 2: "w"},
        "local_map": {0: "B", 2: "h", 3: "w"},
        "local_features": {0: "B", 1: "h", 2: "w"},
        "beta": {0: "B"},
        "beta_code": {0: "B"},
        "regions": {0: "B"},
    }
    with torch.no_grad():
        torch.onnx.export(
            net,
            (example,),
            str(path),
            input_names=["image"],
            output_names=list(Embedder.OUTPUTS),
            dynamic_axes=names,
            opset_version=OPSET,
            dynamo=False,
        )


def export_codes(layer: CodeLayer, path: Path) -> None:
    """Write code.onnx: features [N, D] -> logits [N, bits]."""
    with torch.no_grad():
        torch.onnx.export(
            layer.eval(),
            (torch.zeros(2, layer.linear.in_features),),
            str(path),
            input_names=["features"],
            output_names=["logits"],
            dynamic_axes={"features": {0: "N"}, "logits": {0: "N"}},
            opset_version=OPSET,
            dynamo=False,
        )


def halve_weights(source: Path, target: Path, *, least: int = 4096) -> None:
    """Store large float32 weights as float16 with a Cast before their users: half the file, same arithmetic."""
    model = onnx.load(str(source))
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT and int(np.prod(weight.dims)) >= least:
            name, half = weight.name, numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(numpy_helper.from_array(half, name + "_half"))
            casts.append(onnx.helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(casts + nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


class _Reader:
    """Feeds calibration pictures to ONNX Runtime's quantiser."""

    def __init__(self, batches: Iterable[NDArray[np.uint8]]) -> None:
        self._batches: Iterator[NDArray[np.uint8]] = iter(batches)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"image": batch}


def quantise(
    source: Path, target: Path, batches: Iterable[NDArray[np.uint8]], *, keep: tuple[str, ...] = ()
) -> None:
    """Static int8 (QDQ, weights per channel) of the convolutions and residual sums; nodes whose name holds one of
    `keep` stay float. `batches`: TRAIN pictures, [B, H, W, 3] uint8 each."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        nodes = [
            node.name
            for node in onnx.load(str(prepared)).graph.node
            if node.op_type in ("Conv", "Add") and any(part in node.name for part in keep)
        ]
        quantize_static(
            str(prepared),
            str(target),
            _Reader(batches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Add"],
            nodes_to_exclude=nodes,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"CalibMovingAverage": True, "CalibMovingAverageConstant": 0.01},
        )
