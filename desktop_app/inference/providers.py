"""Which device a pack runs on: candidates in order of preference, each tried in a process of its own."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from desktop_app.domain.devices import Device, ProbeResult
from desktop_app.domain.errors import DeviceError
from desktop_app.inference.runtime import available_devices

log = logging.getLogger(__name__)

TIME_LIMIT_S = 60.0
PROBE_ARGUMENT = "--indicium-probe"
"""A frozen application is its own Python: it calls `probe.probe_main` when this is its first argument."""

NAMES = {
    Device.CPU: "CPU",
    Device.CUDA: "CUDA",
    Device.TENSORRT: "TensorRT",
    Device.DIRECTML: "DirectML",
    Device.COREML: "CoreML",
}
_ONLY_ON = {Device.DIRECTML: ("win32", "Windows"), Device.COREML: ("darwin", "macOS")}
_NOT_ON = {Device.CUDA: "darwin", Device.TENSORRT: "darwin"}


class Probe(Protocol):
    """A trial run of a pack on a device."""

    def __call__(self, pack: Path, device: Device, time_limit: float) -> ProbeResult: ...


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """The device to use, and every candidate up to it with what became of it."""

    device: Device
    tried: tuple[ProbeResult, ...]


def candidates(requested: Device) -> tuple[Device, ...]:
    """The devices to try in order. AUTO leaves out what this operating system never has, and TensorRT, which
    takes minutes to build its engine and so must be asked for."""
    if requested is not Device.AUTO:
        return (requested,)
    return tuple(
        device
        for device in (Device.CUDA, Device.DIRECTML, Device.COREML, Device.CPU)
        if _ONLY_ON.get(device, (sys.platform,))[0] == sys.platform and _NOT_ON.get(device) != sys.platform
    )


def known_obstacle(device: Device) -> str | None:
    """Why `device` cannot run, as far as that is known without a trial run; None when it must be tried."""
    if device is Device.CPU:
        return None
    platform, system = _ONLY_ON.get(device, (sys.platform, ""))
    if platform != sys.platform:
        return f"{NAMES[device]} exists on {system} only"
    if device not in available_devices():
        return f"this build of ONNX Runtime has no {NAMES[device]} support"
    if device in (Device.CUDA, Device.TENSORRT) and not _has_nvidia_driver():
        return "no NVIDIA driver found"
    return None


def choose_device(
    requested: Device, pack: Path, *, probe: Probe | None = None, time_limit: float = TIME_LIMIT_S
) -> DeviceChoice:
    """The first candidate that runs `pack`. The CPU is not tried first: it is what remains.

    Raises DeviceError with the reason when a device was asked for by name and cannot be used.
    """
    probe = probe or probe_in_subprocess
    tried: list[ProbeResult] = []
    for device in candidates(requested):
        if device is Device.CPU:
            result = ProbeResult(device=device, usable=True, reason="")
        elif (obstacle := known_obstacle(device)) is not None:
            result = ProbeResult(device=device, usable=False, reason=obstacle)
        else:
            result = probe(pack, device, time_limit)
        tried.append(result)
        if result.usable:
            return DeviceChoice(device=device, tried=tuple(tried))
        log.info("%s is not used: %s", NAMES[device], result.reason)
    raise DeviceError(
        f"the device {requested.value} cannot be used: {tried[-1].reason}",
        remedy="Choose the device auto or cpu",
    )


def probe_in_subprocess(pack: Path, device: Device, time_limit: float = TIME_LIMIT_S) -> ProbeResult:
    """Run `pack` on `device` in a process of its own: a driver that hangs or crashes takes nothing along."""
    command = [sys.executable, PROBE_ARGUMENT] if getattr(sys, "frozen", False) else _interpreter_command()
    try:
        done = subprocess.run(
            [*command, str(pack), device.value],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=time_limit,
            check=False,
            env=_probe_environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired:
        return _refused(device, f"the trial run took longer than {time_limit:g} s")
    except OSError as error:
        return _refused(device, f"the trial run could not be started ({error.strerror})")
    log.debug("trial run on %s: %s", device.value, done.stderr.decode("utf-8", "replace"))
    return _read_answer(device, done.stdout.decode("utf-8", "replace"), done.returncode)


def _read_answer(device: Device, output: str, code: int) -> ProbeResult:
    """The last line is the answer: drivers are known to print on stdout too."""
    lines = output.strip().splitlines()
    try:
        answer = json.loads(lines[-1]) if lines else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        ending = f"signal {-code}" if code < 0 else f"exit code {code}"
        return _refused(device, f"the trial run crashed ({ending})")
    rate = answer.get("images_per_second")
    return ProbeResult(
        device=device,
        usable=answer.get("usable") is True,
        reason=str(answer.get("reason", "")),
        images_per_second=float(rate) if isinstance(rate, int | float) else None,
    )


def _refused(device: Device, reason: str) -> ProbeResult:
    return ProbeResult(device=device, usable=False, reason=reason)


def _interpreter_command() -> list[str]:
    return [sys.executable, "-m", "desktop_app.inference.probe"]


def _probe_environment() -> dict[str, str]:
    """The child imports the same `desktop_app` as this process, wherever it was started."""
    root = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join([root, inherited] if inherited else [root])}


def _has_nvidia_driver() -> bool:
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
