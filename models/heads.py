"""The heads learnt in closed form, or in seconds, on TRAIN photos over a trained student.

Centring and PCA of the descriptor, ITQ, the projection of the local features, the code layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from models.data import Rgb
from models.linear import itq, l2, whitened_pca
from models.networks.bihalf import CodeLayer
from models.networks.student import DescriptorHead, Embedder, LocalHead, Student
from models.targets import to_input


@dataclass(frozen=True)
class HeadSettings:
    """global_whitening, second_whitening, whitening: power of alpha's, beta's and the local PCA; deep: weight of
    the deep joint in the local features (LocalHead).

    Fully whitened, a descriptor harms galleries with many photos of a class; 0.4 and 0.5 are best in the mean of
    the held-out sets.
    """

    global_whitening: float = 0.4
    second_whitening: float = 0.5
    whitening: float = 0.5
    deep: float = 0.5
    cells_per_photo: int = 48
    code_steps: int = 200
    code_rate: float = 0.002
    seed: int = 0


def batches(pictures: Iterable[Rgb], size: int = 16) -> Iterator[NDArray[np.uint8]]:
    """Stack pictures of equal shape, [<= size, H, W, 3]; their order is not kept."""
    waiting: dict[tuple[int, ...], list[Rgb]] = {}
    for picture in pictures:
        rows = waiting.setdefault(picture.shape, [])
        rows.append(picture)
        if len(rows) == size:
            yield np.stack(waiting.pop(picture.shape))
    for rows in waiting.values():
        yield np.stack(rows)


@torch.no_grad()
def learn_heads(
    student: Student, pictures: Iterable[Rgb], settings: HeadSettings, local: LocalHead | None = None
) -> tuple[Embedder, CodeLayer]:
    """Run `student` over whole TRAIN pictures ([H, W, 3] uint8 each) and learn every head from what it says.

    local: a head of local features that has been trained (`models.local.train`); None: learnt in closed form.
    """
    student = student.eval()
    trained, local = local is not None, local or LocalHead(channels=student.trunk.JOINTS[1:])
    rng = np.random.default_rng(settings.seed)
    descriptors, seconds, cells = [], [], []
    for images in batches(pictures):
        out = student(to_input(torch.from_numpy(images)))
        descriptors.append(F.normalize(out.descriptor.float(), dim=1).numpy())
        seconds.append(F.normalize(out.beta.float(), dim=1).numpy())
        raw = local.raw(out.maps).flatten(2).transpose(1, 2).numpy()
        pick = rng.permutation(raw.shape[1])[: settings.cells_per_photo]
        cells.append(raw[:, pick].reshape(-1, raw.shape[2]))
    vectors, others = np.concatenate(descriptors), np.concatenate(seconds)
    net = Embedder(student, local, out=vectors.shape[1], second=others.shape[1]).eval()
    learn_descriptor(net.alpha, vectors, settings.global_whitening, settings.seed)
    learn_descriptor(net.beta, others, settings.second_whitening, settings.seed)
    if not trained:
        learn_local(local, np.concatenate(cells).astype(np.float64), settings)
    features = local_features_of(local, np.concatenate(cells))
    return net, learn_codes(features, settings)


def learn_descriptor(head: DescriptorHead, vectors: NDArray[np.float32], whitening: float, seed: int) -> None:
    """Centring, PCA with `whitening` as its power, and ITQ, from L2-normalised TRAIN vectors [N, out]."""
    wide = vectors.astype(np.float64)
    centre, rotation = whitened_pca(wide, wide.shape[1], whitening)
    offset, weight, _ = itq(l2((wide - centre) @ rotation.T), wide.shape[1], seed=seed)
    for buffer, value in (
        (head.centre, centre),
        (head.rotation, rotation),
        (head.hash_offset, offset),
        (head.hash_rotation, weight),
    ):
        buffer.copy_(torch.from_numpy(value))


def learn_local(local: LocalHead, cells: NDArray[np.float64], settings: HeadSettings) -> None:
    """Standardise both halves as a whole, weigh the deeper one, and project by a partly whitened PCA."""
    shallow = local.channels[0]
    mean = cells.mean(0)
    scale = np.concatenate(
        [
            np.full(shallow, 1.0 / np.sqrt(np.square(cells[:, :shallow] - mean[:shallow]).sum(1).mean())),
            np.full(
                cells.shape[1] - shallow,
                settings.deep / np.sqrt(np.square(cells[:, shallow:] - mean[shallow:]).sum(1).mean()),
            ),
        ]
    )
    inner, weight = whitened_pca((cells - mean) * scale, local.weight.shape[0], settings.whitening)
    local.mean.copy_(torch.from_numpy(mean + inner / np.maximum(scale, 1e-12)))
    local.weight.copy_(torch.from_numpy(weight * scale))


def local_features_of(local: LocalHead, cells: NDArray[np.float32]) -> torch.Tensor:
    """[N, raw] -> [N, 128] L2-normalised local features."""
    return F.normalize((torch.from_numpy(cells).float() - local.mean) @ local.weight.T, dim=1)


def learn_codes(features: torch.Tensor, settings: HeadSettings, *, batch: int = 512) -> CodeLayer:
    """LM-BiHalf without pairs: MSE between the cosines of codes and of features on two half-batches, gamma = 6.

    features: [N, D], L2-normalised. Local features and means of a few neighbours in feature space (as centroids
    are) are mixed in every batch. The layer starts as a random rotation, which is nearly as good as the vectors
    themselves, and moves little: at fifty times this rate the gamma term turns all bits to the few directions of
    the largest variance, and 20 points of mAP are lost. `models.local.codes` goes on from here with pairs.
    """
    torch.manual_seed(settings.seed)
    layer = CodeLayer(features.shape[1], 128)
    optimiser = torch.optim.SGD(layer.parameters(), lr=settings.code_rate, momentum=0.9, weight_decay=5e-4)
    generator = torch.Generator().manual_seed(settings.seed)
    with torch.enable_grad():
        for step in range(settings.code_steps):
            for group in optimiser.param_groups:
                group["lr"] = settings.code_rate * (1 - step / settings.code_steps)
            x = features[torch.randint(len(features), (batch,), generator=generator)]
            x = torch.cat([_of_neighbours(x, batch // 2), x[batch // 2 :]])
            x = x[torch.randperm(batch, generator=generator)]
            code = layer.codes(x)
            left, right = code[: batch // 2], code[batch // 2 :]
            wanted = x[: batch // 2] @ x[batch // 2 :].T
            loss = F.mse_loss(left @ right.T / code.shape[1], wanted)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        # The running median follows a moving layer; settle it on everything at the end.
    with torch.no_grad():
        layer.median.copy_(layer.linear(features).median(0).values)
    return layer.eval()


def _of_neighbours(x: torch.Tensor, count: int) -> torch.Tensor:
    """The normalised means of the first `count` rows' four nearest rows of x, [count, D]."""
    near = (x @ x.T).topk(4, dim=1).indices[:count]
    return F.normalize(x[near].mean(1), dim=1)
