"""timm, importable beside every build of torch.

The torchvision of the package index is compiled for CUDA. Beside a CPU build of torch its compiled operators do
not load, and its Python part then stumbles over two names that they would have registered. timm needs the Python
part only, so the names are registered here, without anything behind them.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch

_OPERATORS = ("nms", "qnms")
_library: torch.library.Library | None = None  # the names last as long as this object


def load_timm() -> ModuleType:
    """The package timm. Raises ModuleNotFoundError when it is not installed."""
    global _library
    try:
        return importlib.import_module("timm")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] in ("timm", "torchvision")]:
        del sys.modules[name]  # they are half imported
    _library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in _OPERATORS:
        _library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return importlib.import_module("timm")
