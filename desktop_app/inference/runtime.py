"""The one place that makes ONNX Runtime sessions: providers by device, and options that suit a desktop."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from desktop_app.domain.devices import Device
from desktop_app.domain.errors import DeviceError

log = logging.getLogger(__name__)

PROVIDERS: Mapping[Device, str] = {
    Device.CUDA: "CUDAExecutionProvider",
    Device.TENSORRT: "TensorrtExecutionProvider",
    Device.DIRECTML: "DmlExecutionProvider",
    Device.COREML: "CoreMLExecutionProvider",
    Device.CPU: "CPUExecutionProvider",
}


_OPTIONS: Mapping[Device, Mapping[str, str]] = {
    # The default tries every algorithm for every new input shape, which stalls each first batch for seconds.
    Device.CUDA: {"cudnn_conv_algo_search": "HEURISTIC"},
}


class Session(Protocol):
    """What is used of an ONNX Runtime session."""

    def run(
        self, output_names: Sequence[str], input_feed: Mapping[str, NDArray[np.generic]]
    ) -> list[NDArray[np.generic]]: ...


class SessionFactory(Protocol):
    """Loads a model on a device; raises DeviceError or ONNX Runtime's own errors."""

    def __call__(self, model: Path, device: Device, threads: int) -> Session: ...


@functools.cache
def available_devices() -> frozenset[Device]:
    """The devices this build of ONNX Runtime was made for. Whether they run is another question."""
    names = set(onnxruntime.get_available_providers())
    return frozenset(device for device, provider in PROVIDERS.items() if provider in names)


def make_session(model: Path, device: Device, threads: int, *, quiet: bool = False) -> Session:
    """A session of `model` on `device` with `threads` threads of the CPU.

    quiet: failed runs are expected and print nothing.

    Raises DeviceError when ONNX Runtime put the model elsewhere: `get_available_providers` still names a
    device that cannot run, only a session that exists tells the truth.
    """
    if device in (Device.CUDA, Device.TENSORRT):
        preload_libraries()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads sleep instead of burning a core that decoding and the window need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4 if quiet else 3
    if device is Device.DIRECTML:  # demanded by the DirectML provider
        options.enable_mem_pattern = False
    # Nodes that a device cannot run go to the next in the list.
    wanted = dict.fromkeys(
        [device, Device.CUDA, Device.CPU] if device is Device.TENSORRT else [device, Device.CPU]
    )
    providers = [(PROVIDERS[each], dict(_OPTIONS.get(each, {}))) for each in wanted]
    session = onnxruntime.InferenceSession(str(model), sess_options=options, providers=providers)
    at_work = session.get_providers()
    if not at_work or at_work[0] != PROVIDERS[device]:
        raise DeviceError(f"ONNX Runtime could not start {device.value} and chose {', '.join(at_work)}")
    checked: Session = session
    return checked


@functools.cache
def preload_libraries() -> None:
    """Load the CUDA and cuDNN libraries that pip installs, which the system's loader would not find."""
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is None:
        return
    try:
        preload()
    except Exception as error:  # noqa: BLE001 - the session that follows says whether it mattered
        log.info("the CUDA libraries could not be loaded ahead: %s", error)


def first_line(error: BaseException) -> str:
    """The first line of an error, short enough for a status bar."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text if len(text) <= 200 else text[:199] + "…"
