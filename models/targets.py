"""What the student is asked to copy: a teacher's outputs, standardised by statistics learnt on TRAIN photos."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.data import Rgb, Sampler
from models.linear import l2, pca
from models.networks.student import MEAN, SCALE
from models.networks.trunk import Trunk
from models.teacher import Teacher, TeacherOutput

Oracle = Callable[[Rgb], TeacherOutput]


class RandomTeacher:
    """A fixed network of random weights, for trying the training code where no teacher file is at hand."""

    def __init__(self, side: int, pooled: int, seed: int = 0) -> None:
        state = torch.random.get_rng_state()
        torch.manual_seed(seed)
        self._net = Trunk((8, 8, 16, 16, 16), pooled).eval()
        torch.random.set_rng_state(state)
        self.side = side

    @torch.no_grad()
    def __call__(self, images: Rgb) -> TeacherOutput:
        maps = self._net(to_input(torch.from_numpy(images)))
        first, second, third = (joint.numpy() for joint in maps.joints)
        return TeacherOutput((first, second, third), maps.x5.mean((2, 3)).numpy())


def open_teacher(path: Path | None, side: int, pooled: int) -> Teacher | RandomTeacher:
    """The teacher in `path`, or the random one when there is none."""
    return RandomTeacher(side, pooled) if path is None else Teacher(path)


def to_input(images: Tensor) -> Tensor:
    """[B, H, W, 3] uint8 -> [B, 3, H, W] float, (x - 127.5) / 58, channels last in memory."""
    x = images.permute(0, 3, 1, 2).float().sub(MEAN).div(SCALE)
    return x.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Statistics:
    """Learnt on whole TRAIN photos: mean and deviation of every joint's channels, the pooled vectors' mean [D],
    and the basis [descriptor, D] of their centred directions (PCA without whitening)."""

    means: tuple[Tensor, ...]
    deviations: tuple[Tensor, ...]
    pooled_mean: Tensor
    basis: Tensor

    @classmethod
    def learn(cls, teacher: Oracle, sampler: Sampler, *, photos: int, descriptor: int) -> Statistics:
        sums: list[list[NDArray[np.float64]]] = [[], [], []]
        squares: list[list[NDArray[np.float64]]] = [[], [], []]
        pooled: list[NDArray[np.float32]] = []
        while sum(map(len, pooled)) < photos:
            images, _ = sampler.batch(32)
            out = teacher(images)
            pooled.append(out.pooled)
            for i, stage in enumerate(out.stages):
                sums[i].append(stage.mean((0, 2, 3), dtype=np.float64))
                squares[i].append(np.square(stage, dtype=np.float64).mean((0, 2, 3)))
        means = [np.mean(rows, 0) for rows in sums]
        deviations = [
            np.sqrt(np.maximum(np.mean(rows, 0) - mean**2, 1e-6))
            for rows, mean in zip(squares, means, strict=True)
        ]
        vectors = np.concatenate(pooled).astype(np.float64)
        mean = vectors.mean(0)
        _, axes, _ = pca(l2(vectors - mean), min(descriptor, vectors.shape[1]))
        return cls(
            tuple(torch.tensor(m, dtype=torch.float32) for m in means),
            tuple(torch.tensor(d, dtype=torch.float32) for d in deviations),
            torch.tensor(mean, dtype=torch.float32),
            torch.tensor(axes, dtype=torch.float32),
        )

    def standardised(self, stage: Tensor, number: int) -> Tensor:
        """[B, c, h, w] of joint `number` -> mean 0, deviation 1 per channel."""
        shape = (1, -1, 1, 1)
        return (stage - self.means[number].view(shape)) / self.deviations[number].view(shape)

    def directions(self, pooled: Tensor) -> Tensor:
        """[B, D] pooled vectors -> L2-normalised directions after subtracting the mean."""
        return F.normalize(pooled - self.pooled_mean, dim=1)

    def descriptors(self, directions: Tensor) -> Tensor:
        """[B, D] -> [B, descriptor], L2-normalised: what the fused descriptor should be."""
        return F.normalize(directions @ self.basis.T, dim=1)


@dataclass(frozen=True)
class Batch:
    """images [B, S, S, 3] uint8; photos [B] index or -1; stages: standardised joints; direction; descriptor."""

    images: Tensor
    photos: Tensor
    stages: tuple[Tensor, ...]
    direction: Tensor
    descriptor: Tensor


class Feeder:
    """A thread that draws crops and asks the teacher about them, a few batches ahead of the training.

    `side`: the crops are handed out in this size; the teacher always sees its own.
    """

    def __init__(self, sampler: Sampler, teacher: Oracle, statistics: Statistics, batch: int) -> None:
        self.side = sampler.side
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(6)
        self._stop = threading.Event()
        self._work = (sampler, teacher, statistics, batch)
        self._thread = threading.Thread(target=self._run, name="training batches", daemon=True)
        self._thread.start()

    def _make(self) -> Batch:
        sampler, teacher, statistics, size = self._work
        images, photos = sampler.batch(size)
        out = teacher(images)
        direction = statistics.directions(torch.from_numpy(out.pooled))
        side = self.side
        if side != images.shape[1]:
            images = np.stack([cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) for image in images])
        return Batch(
            torch.from_numpy(images),
            torch.from_numpy(photos),
            tuple(statistics.standardised(torch.from_numpy(s), i) for i, s in enumerate(out.stages)),
            direction,
            statistics.descriptors(direction),
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            item: Batch | BaseException
            try:
                item = self._make()
            except Exception as error:  # noqa: BLE001 - it is raised again in `next`
                item = error
            while not self._stop.is_set():
                try:
                    self._ready.put(item, timeout=0.2)
                    break
                except queue.Full:
                    continue

    def next(self) -> Batch:
        item = self._ready.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=30)
