"""Execution devices and what became of each of them when it was tried."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Device(StrEnum):
    """A device as named on the command line."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    DIRECTML = "directml"
    COREML = "coreml"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a trial run of a device gave: usable, or the reason why not; and its speed."""

    device: Device
    usable: bool
    reason: str
    images_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """The device at work, in words for the status bar, and every device that was tried with its reason."""

    at_work: Device
    words: str
    tried: tuple[ProbeResult, ...]
    threads: int
