"""Looks into an ONNX file without running it: which operator sets its nodes use, and where its data lies.

A pack is data from somewhere, so a graph that asks for custom operators or for tensors in other files is
refused before ONNX Runtime sees it. Only the protobuf wire format is read, and only the fields needed
(message and field numbers from onnx.proto), so the application does not depend on the package `onnx`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

STANDARD_DOMAINS = frozenset({"", "ai.onnx"})

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Which fields of which message hold further messages, and the fields that are read.
_CHILDREN = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "training": {1: "graph", 2: "graph"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_NODE_TYPE, _NODE_DOMAIN = 4, 7
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14


@dataclass(slots=True)
class ModelScan:
    """What was found: `operators` as (domain, type), and whether tensors lie in other files."""

    operators: set[tuple[str, str]] = field(default_factory=set)
    external_data: bool = False
    readable: bool = True

    @property
    def problem(self) -> str | None:
        """What speaks against running it, to be read behind the file's name; None when nothing does."""
        if not self.readable or not self.operators:
            return "is not an ONNX file"
        if self.external_data:
            return "keeps data in other files, which is not allowed in a pack"
        foreign = sorted(operator for operator in self.operators if operator[0] not in STANDARD_DOMAINS)
        if foreign:
            domain, kind = foreign[0]
            return f"uses the operator {kind} of {domain}, which is not a standard ONNX operator"
        return None


def scan_model(data: bytes) -> ModelScan:
    """Scan a serialised ModelProto. Never raises: what cannot be parsed is not `readable`."""
    scan = ModelScan()
    todo = [("model", memoryview(data))]
    try:
        while todo:
            kind, message = todo.pop()
            domain = operator = ""
            for number, wire, value in _fields(message):
                if isinstance(value, memoryview):
                    if number in _CHILDREN[kind]:
                        todo.append((_CHILDREN[kind][number], value))
                    elif kind == "node" and number == _NODE_TYPE:
                        operator = bytes(value).decode("utf-8")
                    elif kind == "node" and number == _NODE_DOMAIN:
                        domain = bytes(value).decode("utf-8")
                    elif kind == "tensor" and number == _TENSOR_EXTERNAL_DATA:
                        scan.external_data = True
                elif kind == "tensor" and wire == _VARINT and number == _TENSOR_DATA_LOCATION and value != 0:
                    scan.external_data = True
            if kind == "node":
                scan.operators.add((domain, operator))
    except (ValueError, IndexError):
        scan.readable = False
    return scan


def _fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """The fields of one message as (number, wire type, value). Raises ValueError or IndexError when cut short."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        value: int | memoryview
        if wire == _VARINT:
            value, at = _varint(message, at)
        else:
            if wire == _BYTES:
                size, at = _varint(message, at)
            elif wire in (_FIXED32, _FIXED64):
                size = 4 if wire == _FIXED32 else 8
            else:
                raise ValueError(f"wire type {wire}")
            if at + size > len(message):
                raise ValueError("cut short")
            value = message[at : at + size]
            at += size
        yield number, wire, value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("varint too long")
