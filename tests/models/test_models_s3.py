"""S3 (DPLG), every equation against loops: GeM, the receptive-field block, dot-product attention, ArcFace; and
DOLG's orthogonal fusion beside it."""

import math

import numpy as np
import pytest
import torch
from pytorch_metric_learning.losses import ArcFaceLoss

from models.losses import ArcFace
from models.networks.dplg import DotProductFusion
from models.networks.gem import GeM
from models.networks.orthogonal import OrthogonalFusion, projection
from models.networks.rfb import ReceptiveFieldBlock


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def rows(linear, x):
    """A linear layer by loops over its output."""
    bias = linear.bias if linear.bias is not None else torch.zeros(len(linear.weight))
    return torch.stack([(w * x).sum() + b for w, b in zip(linear.weight, bias, strict=True)])


def gem(cells, p, eps=1e-6):
    """cells: [N, C]."""
    values = [[max(float(v), eps) ** p for v in column] for column in cells.T]
    return torch.tensor([(sum(column) / len(column)) ** (1 / p) for column in values])


def conv_at(conv, x, row, column):
    """One output cell of a convolution [C_out] by loops over its taps; zeros outside the map."""
    size, step = conv.kernel_size[0], conv.dilation[0]
    total = conv.bias.clone() if conv.bias is not None else torch.zeros(conv.out_channels)
    for i in range(size):
        for j in range(size):
            y, z = row + (i - size // 2) * step, column + (j - size // 2) * step
            if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
                total = total + conv.weight[:, :, i, j] @ x[:, y, z]
    return total


def normalised(norm, value):
    return (value - norm.running_mean) / torch.sqrt(norm.running_var + norm.eps) * norm.weight + norm.bias


def map_of(sequence, x):
    """Convolution, batch normalisation, ReLU, cell by cell."""
    conv, norm = sequence[0], sequence[1]
    grid = [
        [torch.relu(normalised(norm, conv_at(conv, x, i, j))) for j in range(x.shape[2])]
        for i in range(x.shape[1])
    ]
    return torch.stack([torch.stack(row) for row in grid]).permute(2, 0, 1)


@torch.no_grad()
def test_the_receptive_field_block_equals_loops_over_its_taps():
    block = ReceptiveFieldBlock(3, 5, 4)
    block(torch.rand(8, 3, 9, 7) * 2)  # running statistics that are not 0 and 1
    block.eval()
    x = torch.rand(1, 3, 9, 7)
    views = [map_of(branch[1], map_of(branch[0], x[0])) for branch in block.branches]
    whole = torch.relu(rows(block.pooled, gem(x[0].flatten(1).T.numpy(), 3.0)))
    joined = torch.cat([*views, whole[:, None, None].expand(-1, 9, 7)])
    expected = [[conv_at(block.join, joined, i, j) for j in range(7)] for i in range(9)]
    made = block(x)
    assert made.shape == (1, 5, 9, 7)
    assert torch.allclose(made[0], torch.stack([torch.stack(r) for r in expected]).permute(2, 0, 1), atol=1e-4)


def test_the_branches_grow_first_by_kernel_then_by_dilation():
    block = ReceptiveFieldBlock(3, 5, 4)
    plan = [(b[0][0].kernel_size[0], b[1][0].kernel_size[0], b[1][0].dilation[0]) for b in block.branches]
    assert plan == [(1, 3, 1), (3, 3, 3), (5, 3, 5)]


def fusion():
    head = DotProductFusion(6, 10, width=8, out=7, rfb_width=4).eval()
    torch.nn.init.normal_(head.value.weight, std=0.5)
    torch.nn.init.normal_(head.value.bias, std=0.5)
    return head


@torch.no_grad()
def test_dot_product_fusion_equals_loops_over_the_cells():
    head, x4, x5 = fusion(), torch.rand(1, 6, 4, 6), torch.rand(1, 10, 2, 3)
    whole = rows(head.project, gem(x5[0].flatten(1).T.numpy(), 1.0))
    query = rows(head.query, whole)
    cells = head.rfb(x4)[0].flatten(1).T
    logits = [float((query * rows(head.key, cell)).sum()) / math.sqrt(head.width) for cell in cells]
    masses = [math.exp(logit) for logit in logits]
    attention = [mass / sum(masses) for mass in masses]
    local = sum(a * rows(head.value, cell) for a, cell in zip(attention, cells, strict=True))
    made, row = head(x4, x5)
    assert torch.allclose(made[0], rows(head.fc, whole + local), atol=1e-4)
    assert np.allclose(row[0].flatten().numpy(), attention, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("grid", [(2, 2), (14, 14), (10, 20)])
def test_the_attention_row_sums_to_one_whatever_the_grid(grid):
    head = fusion()
    x5 = torch.rand(3, 10, grid[0] // 2, grid[1] // 2)
    _, row = head(torch.rand(3, 6, *grid) * 50, x5)
    assert row.shape == (3, *grid)
    assert torch.all(row >= 0)
    assert torch.allclose(row.sum((1, 2)), torch.ones(3), atol=1e-5)


def test_gem_learns_its_power_and_is_safe_at_zero():
    pool, x = GeM(3.0), torch.zeros(2, 3, 4, 4, requires_grad=True)
    pool(x).sum().backward()
    assert torch.isfinite(x.grad).all() and torch.isfinite(pool.p.grad)
    means = [
        GeM(p)(torch.rand(1, 1, 6, 6).mul(0).add(torch.arange(36.0).view(1, 1, 6, 6))).item() for p in (1, 3, 8)
    ]
    assert means[0] == pytest.approx(17.5) and means[0] < means[1] < means[2] < 35


def angles(x, centres, labels):
    cosine = torch.nn.functional.cosine_similarity(x, centres[labels])
    return torch.acos(cosine.clamp(-1, 1))


def test_arcface_in_radians_equals_the_library_in_degrees_where_both_are_defined():
    ours = ArcFace(16, 9, margin=0.15, scale=30.0)
    theirs = ArcFaceLoss(9, 16, margin=math.degrees(0.15), scale=30)
    assert math.degrees(0.15) == pytest.approx(8.59, abs=5e-3)
    theirs.W.data = ours.centres.data.T.clone()
    x, labels = torch.randn(40, 16, requires_grad=True), torch.arange(40) % 9
    assert float(angles(x, ours.centres, labels).detach().max()) < math.pi - 0.15  # inside the range of both
    a, b = ours(x, labels), theirs(x, labels)
    assert float(a) == pytest.approx(float(b), rel=1e-4)
    (ga,), (gb,) = torch.autograd.grad(a, x), torch.autograd.grad(b, x)
    assert torch.allclose(ga, gb, atol=1e-4)


def test_a_margin_taken_for_degrees_would_be_another_loss():
    ours = ArcFace(16, 9)
    wrong = ArcFaceLoss(9, 16, margin=0.15, scale=30)
    wrong.W.data = ours.centres.data.T.clone()
    x, labels = torch.randn(40, 16), torch.arange(40) % 9
    assert abs(float(ours(x, labels)) - float(wrong(x, labels))) > 0.5


def test_arcface_never_rewards_turning_further_away():
    loss = ArcFace(2, 2, margin=0.15, scale=30.0)
    loss.centres.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    turned = torch.linspace(0, math.pi - 1e-3, 400)
    x = torch.stack([turned.cos(), turned.sin()], 1)
    own = loss.logits(x, torch.zeros(400, dtype=torch.long))[:, 0]
    assert torch.all(own[1:] <= own[:-1] + 1e-3)
    guarded = turned > math.pi - 0.15
    expected = 30 * (turned[guarded].cos() - 0.15 * math.sin(0.15))
    assert guarded.sum() > 10
    assert torch.allclose(own[guarded], expected, atol=5e-3)


@torch.no_grad()
def test_orthogonal_fusion_pooled_first_equals_every_cell_made_orthogonal():
    head = OrthogonalFusion(6, 10, width=8, out=7, rfb_width=4).eval()
    x4, x5 = torch.rand(2, 6, 4, 6), torch.rand(2, 10, 2, 3)
    made = head(x4, x5)
    assert torch.allclose(made, head.direct(x4, x5), atol=1e-5)
    for b in range(2):
        whole = rows(head.project, gem(x5[b].flatten(1).T.numpy(), 1.0))
        total = torch.zeros(8)
        cells = head.rfb(x4)[b].flatten(1).T
        for cell in cells:
            along = float((cell * whole).sum()) / float((whole * whole).sum())
            total = total + (cell - along * whole) / len(cells)
        assert abs(float((total * whole).sum())) < 1e-4
        assert torch.allclose(made[b], rows(head.fc, torch.cat([total, whole])), atol=1e-4)


def test_the_projection_on_nothing_is_nothing():
    assert torch.equal(projection(torch.ones(3), torch.zeros(3)), torch.zeros(3))
