"""A pack at work on a device: batches and queries in, Embeddings out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.devices import Device, DeviceReport, ProbeResult
from desktop_app.domain.errors import DeviceError, PackError
from desktop_app.domain.features import Embedding
from desktop_app.inference.arrays import embeddings
from desktop_app.inference.manifest import CODE_FILE, EMBED_FILE, Manifest
from desktop_app.inference.packs import check_files, load_manifest
from desktop_app.inference.priority_lock import PriorityLock
from desktop_app.inference.providers import NAMES, DeviceChoice, choose_device
from desktop_app.inference.runtime import Session, SessionFactory, first_line, make_session
from desktop_app.inference.trial import run_graph

log = logging.getLogger(__name__)

BATCH_ON_CPU = 8
BATCH_ON_GPU = 32
"""A query waits for the batch that runs, so batches are kept as small as the device's speed allows."""


class OnnxEmbedder:
    """Implements `domain.ports.Embedder` with ONNX Runtime. Thread safe.

    One session is shared by all callers, who take turns: queries first, then batches in order of arrival. A
    device that fails in mid-run is replaced by the CPU, the batch is repeated there, and `report` says why.
    """

    def __init__(
        self,
        directory: Path,
        *,
        device: Device = Device.AUTO,
        threads: int = 1,
        session_factory: SessionFactory = make_session,
        choose: Callable[[Device, Path], DeviceChoice] = choose_device,
    ) -> None:
        """Check the pack's files, choose the device and load the graphs.

        `threads` is the number of CPU threads. Raises PackError when the pack cannot be used and DeviceError
        when `device` was asked for by name and cannot be used.
        """
        self._manifest = load_manifest(directory)
        check_files(directory, self._manifest)
        self._directory = directory
        self._threads = max(1, threads)
        self._make_session = session_factory
        self._turns = PriorityLock()
        choice = choose(device, directory)
        self._tried = choice.tried
        self._device = choice.device
        self._session: Session | None = self._load_first(device)
        self._code = self._load_code()

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    @property
    def pack_name(self) -> str:
        return self._manifest.name

    @property
    def digest(self) -> str:
        return self._manifest.digest

    @property
    def shapes(self) -> Sequence[tuple[int, int]]:
        return self._manifest.input.shapes

    @property
    def batch_size(self) -> int:
        """How many pictures run at once; `embed` takes any number and divides them."""
        return BATCH_ON_CPU if self._device is Device.CPU else BATCH_ON_GPU

    def embed(self, batch: NDArray[np.uint8]) -> list[Embedding]:
        """[B, H, W, 3] uint8 RGB of one of `shapes` -> one Embedding per picture, in order.

        Raises ValueError for another shape or type, PackError when the pack gives no usable values.
        """
        self._check_batch(batch)
        results: list[Embedding] = []
        while len(results) < len(batch):  # the batch size shrinks when the device is replaced on the way
            with self._turns.turn(urgent=False):
                results += self._run(batch[len(results) : len(results) + self.batch_size])
        return results

    def embed_query(self, picture: NDArray[np.uint8]) -> Embedding:
        """Like `embed` for one [H, W, 3] picture; waits only for the batch that is running."""
        batch = picture[None]
        self._check_batch(batch)
        with self._turns.turn(urgent=True):
            return self._run(batch)[0]

    def code_logits(self, features: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """[N, D] float32 local features or centroids -> [N, bits] float32 logits; None without a code layer."""
        code = self._code
        if code is None:
            return None
        if len(features) == 0:
            bits = self._manifest.local.code_bits if self._manifest.local is not None else 0
            return np.zeros((0, bits), np.float32)
        logits = code.run(["logits"], {"features": np.ascontiguousarray(features, np.float32)})[0]
        return logits.astype(np.float32, copy=False)

    def report(self) -> DeviceReport:
        return DeviceReport(at_work=self._device, words=self._words(), tried=self._tried, threads=self._threads)

    def close(self) -> None:
        """Wait for the run in progress and give the device back. Later calls raise DeviceError."""
        with self._turns.turn(urgent=True):
            self._session = None
            self._code = None

    def _run(self, batch: NDArray[np.uint8]) -> list[Embedding]:
        """Run one batch; the caller has its turn. What fails on a device is repeated on the CPU."""
        if self._session is None:
            raise DeviceError(f"the pack {self.pack_name} was closed")
        try:
            return self._run_on(self._session, batch)
        except Exception as error:
            if self._device is Device.CPU and isinstance(error, PackError):
                raise
            log.exception("%s failed while running the pack %s", NAMES[self._device], self.pack_name)
            self._session = self._fall_back(error)
        try:
            return self._run_on(self._session, batch)
        except PackError:
            raise
        except Exception as error:
            raise PackError(
                f"the pack {self.pack_name} failed on the CPU: {first_line(error)}",
                remedy="Close other programs if memory is short, or install the pack again",
            ) from error

    def _run_on(self, session: Session, batch: NDArray[np.uint8]) -> list[Embedding]:
        return embeddings(run_graph(session, self._manifest, batch), pack=self.pack_name)

    def _fall_back(self, error: Exception) -> Session:
        """A new session on the CPU, and why in the report."""
        if self._device is not Device.CPU:
            reason = f"it stopped working: {first_line(error)}"
            failed = ProbeResult(device=self._device, usable=False, reason=reason)
            kept = tuple(result for result in self._tried if result.device not in (self._device, Device.CPU))
            self._tried = (*kept, failed, ProbeResult(device=Device.CPU, usable=True, reason=""))
            self._device = Device.CPU
        return self._load(Device.CPU)

    def _load_first(self, requested: Device) -> Session:
        """The session at start; a device that ran in its trial and fails now is dropped like any other."""
        if self._device is Device.CPU:
            return self._load(Device.CPU)
        try:
            return self._make_session(self._directory / EMBED_FILE, self._device, self._threads)
        except Exception as error:
            if requested is not Device.AUTO:
                raise DeviceError(
                    f"the device {requested.value} cannot be used: {first_line(error)}",
                    remedy="Choose the device auto or cpu",
                ) from error
            log.exception("%s failed while loading the pack %s", NAMES[self._device], self.pack_name)
            return self._fall_back(error)

    def _load(self, device: Device) -> Session:
        return self._load_file(EMBED_FILE, device, self._threads)

    def _load_code(self) -> Session | None:
        """The code layer is one small matrix: always on the CPU, on the thread that asks."""
        return self._load_file(CODE_FILE, Device.CPU, 1) if CODE_FILE in self._manifest.files else None

    def _load_file(self, name: str, device: Device, threads: int) -> Session:
        try:
            return self._make_session(self._directory / name, device, threads)
        except Exception as error:
            raise PackError(
                f"the pack {self.pack_name} cannot be used: {name}: {first_line(error)}",
                remedy="Install the pack again",
            ) from error

    def _check_batch(self, batch: NDArray[np.uint8]) -> None:
        if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[3] != 3:
            raise ValueError(f"pictures must be [B, H, W, 3] uint8, not {batch.dtype} {list(batch.shape)}")
        if batch.shape[1:3] not in self.shapes:
            raise ValueError(f"{batch.shape[1]} x {batch.shape[2]} is not an input shape of {self.pack_name}")

    def _words(self) -> str:
        """`CPU, 2 threads (graphics card not used: ...)`: what is at work and why not something faster."""
        if self._device is not Device.CPU:
            return f"graphics card ({NAMES[self._device]})"
        threads = f"CPU, {self._threads} thread{'s' if self._threads > 1 else ''}"
        refused = [result for result in self._tried if not result.usable]
        return f"{threads} (graphics card not used: {refused[0].reason})" if refused else threads
