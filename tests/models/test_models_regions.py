"""Region descriptors: every region equals the fusion over that region's cells alone; exported, fast enough."""

import math

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from desktop_app.retrieval.tiles import REGIONS, region_boxes
from models.networks.dplg import DotProductFusion
from models.networks.regions import RegionDescriptors


@pytest.fixture
def fusion():
    torch.manual_seed(0)
    head = DotProductFusion(16, 32, width=24, out=20, rfb_width=8).eval()
    torch.nn.init.normal_(head.value.weight, std=0.3)
    torch.nn.init.normal_(head.value.bias, std=0.3)
    head.pool.p.data.fill_(2.0)
    return head


def slow_region(fusion, local, x5, box):
    """One photo, one box, by loops over cells."""

    def cells(height, width):
        for i in range(height):
            for j in range(width):
                across = min(box[2] * width, j + 1) - max(box[0] * width, j)
                down = min(box[3] * height, i + 1) - max(box[1] * height, i)
                if across > 0 and down > 0:
                    yield i, j, across * down

    p, total, mass = float(fusion.pool.p), 0.0, 0.0
    for i, j, share in cells(*x5.shape[1:]):
        total = total + share * x5[:, i, j].clamp(min=1e-6) ** p
        mass += share
    whole = fusion.project((total / mass) ** (1 / p))
    query = fusion.query(whole)
    seen, mass = 0.0, 0.0
    for i, j, share in cells(*local.shape[1:]):
        weight = share * math.exp(float(query @ fusion.key(local[:, i, j])) / math.sqrt(fusion.width))
        seen = seen + weight * fusion.value(local[:, i, j])
        mass += weight
    return fusion.fc(whole + seen / mass)


@torch.no_grad()
@pytest.mark.parametrize("overlap", [0.0, 0.3])
def test_every_region_is_the_fusion_over_its_own_cells(fusion, overlap):
    local, x5 = fusion.rfb(torch.rand(2, 16, 6, 8)), torch.rand(2, 32, 3, 4)
    got = RegionDescriptors(overlap)(local, x5, fusion)
    assert got.shape == (2, REGIONS, 20)
    for b in range(2):
        for r, box in enumerate(region_boxes(overlap)):
            assert torch.allclose(got[b, r], slow_region(fusion, local[b], x5[b], box), atol=1e-4)


@torch.no_grad()
def test_the_first_region_is_the_descriptor_of_the_photo(fusion):
    x4, x5 = torch.rand(3, 16, 10, 6), torch.rand(3, 32, 5, 3)
    regions = RegionDescriptors()(fusion.rfb(x4), x5, fusion)
    assert torch.allclose(regions[:, 0], fusion(x4, x5)[0], atol=1e-5)
    assert not torch.allclose(regions[:, 1], regions[:, 0], atol=1e-2)


@torch.no_grad()
def test_what_lies_outside_a_region_does_not_matter(fusion):
    local, x5 = torch.rand(1, 24, 6, 6), torch.rand(1, 32, 6, 6)
    other_local, other5 = local.clone(), x5.clone()
    other_local[:, :, 3:], other5[:, :, 3:] = torch.rand(1, 24, 3, 6), torch.rand(1, 32, 3, 6)
    made, changed = (RegionDescriptors(0.0)(a, b, fusion) for a, b in ((local, x5), (other_local, other5)))
    assert torch.allclose(made[:, 1:3], changed[:, 1:3], atol=1e-6)  # the upper two of 2x2
    assert not torch.allclose(made[:, 3:5], changed[:, 3:5], atol=1e-3)


class Whole(nn.Module):
    def __init__(self, fusion):
        super().__init__()
        self.fusion, self.regions = fusion, RegionDescriptors()

    def forward(self, x4, x5):
        return self.regions(self.fusion.rfb(x4), x5, self.fusion)


@torch.no_grad()
def test_the_exported_graph_follows_the_shape_of_the_photo(fusion, tmp_path):
    net, path = Whole(fusion).eval(), tmp_path / "regions.onnx"
    axes = {"x4": {0: "B", 2: "h", 3: "w"}, "x5": {0: "B", 2: "h2", 3: "w2"}, "regions": {0: "B"}}
    torch.onnx.export(
        net,
        (torch.rand(2, 16, 14, 16), torch.rand(2, 32, 7, 8)),
        str(path),
        input_names=["x4", "x5"],
        output_names=["regions"],
        dynamic_axes=axes,
        opset_version=18,
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for count, (h, w) in ((1, (7, 7)), (3, (6, 8)), (2, (10, 5))):
        x4, x5 = torch.rand(count, 16, 2 * h, 2 * w), torch.rand(count, 32, h, w)
        made = session.run(None, {"x4": x4.numpy(), "x5": x5.numpy()})[0]
        assert np.allclose(made, net(x4, x5).numpy(), atol=1e-4)
