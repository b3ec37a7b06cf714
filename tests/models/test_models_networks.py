"""The equations of the networks against slow, obvious references."""

import itertools
import math

import numpy as np
import pytest
import torch

from models.linear import itq, l2, pca, whitened_pca
from models.losses import ArcFace, copying, relational
from models.networks.bihalf import BiHalf, CodeLayer
from models.networks.dplg import DotProductFusion
from models.networks.gem import GeM
from models.networks.rfb import ReceptiveFieldBlock
from models.networks.student import Embedder, LocalHead, Student
from models.networks.trunk import Trunk


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def small_student() -> Student:
    return Student(Trunk((8, 8, 16, 32, 32), 64), width=32, out=64, rfb_width=8)


def test_gem_is_the_generalised_mean_of_every_channel():
    x = torch.randn(2, 3, 4, 5)
    for p in (1.0, 3.0):
        got = GeM(p)(x)
        for b in range(2):
            for c in range(3):
                values = [max(float(v), 1e-6) ** p for v in x[b, c].flatten()]
                assert float(got[b, c]) == pytest.approx((sum(values) / len(values)) ** (1 / p), rel=1e-4)


def test_the_receptive_field_block_keeps_the_grid_and_sees_far():
    block = ReceptiveFieldBlock(16, 24, 8).eval()
    x = torch.rand(1, 16, 15, 15, requires_grad=True)
    out = block(x)
    assert out.shape == (1, 24, 15, 15)
    out[0, :, 7, 7].sum().backward()
    # 5x5 then 3x3 with dilation 1, 3x3 then 3x3 with dilation 3: cells at least 4 away matter.
    assert float(x.grad[0, :, 7, 3].abs().sum()) > 0


def test_the_dot_product_fusion_on_one_token_equals_the_equations_as_printed():
    head = DotProductFusion(16, 32, width=24, out=20, rfb_width=8).eval()
    torch.nn.init.normal_(head.value.weight, std=0.3)
    torch.nn.init.normal_(head.value.bias, std=0.3)
    x4, x5 = torch.rand(3, 16, 6, 8), torch.rand(3, 32, 3, 4)
    fast, slow = head(x4, x5), head.direct(x4, x5)
    assert torch.allclose(fast[0], slow[0], atol=1e-5)
    assert torch.allclose(fast[1], slow[1], atol=1e-6)
    assert torch.allclose(fast[1].sum((1, 2)), torch.ones(3), atol=1e-5)


def test_arcface_moves_the_angle_of_the_own_class_and_guards_past_pi_minus_m():
    loss = ArcFace(8, 5, margin=0.15, scale=30.0)
    x, labels = torch.randn(6, 8), torch.tensor([0, 1, 2, 3, 4, 0])
    loss.centres.data[0] = -x[5]  # the own class lies opposite: theta = pi
    got = loss.logits(x, labels)
    for i in range(6):
        for j in range(5):
            a, b = x[i].double(), loss.centres[j].double()
            cosine = float(a @ b / (a.norm() * b.norm()))
            theta = math.acos(max(-1.0, min(1.0, cosine)))
            if j == int(labels[i]):
                guarded = theta > math.pi - 0.15
                cosine = cosine - 0.15 * math.sin(0.15) if guarded else math.cos(theta + 0.15)
            assert float(got[i, j]) == pytest.approx(30 * cosine, abs=2e-2)


def test_the_bihalf_layer_gives_fair_coins_and_the_exact_gradient():
    u = torch.randn(101, 16, dtype=torch.float64, requires_grad=True)
    b = BiHalf.apply(u, 6.0)
    assert (b == 1).sum(0).tolist() == [50] * 16  # floor(N / 2)
    for column in range(16):
        assert u[b[:, column] == 1, column].min() > u[b[:, column] == -1, column].max()
    weights = torch.randn_like(u)
    (b * weights).sum().backward()
    assert torch.allclose(u.grad, weights + 6.0 * (u.detach() - b.detach()) / u.numel())


def test_codes_of_new_features_are_balanced_to_one_percent_after_training():
    layer = CodeLayer(16, 32)
    mixing, offset = torch.randn(16, 16), torch.randn(16)
    for _ in range(300):
        layer.codes(torch.randn(512, 16) @ mixing + offset)
    share = (layer(torch.randn(200_000, 16) @ mixing + offset) >= 0).float().mean(0)
    assert float((share.mean() - 0.5).abs()) < 0.01


def test_itq_never_raises_its_loss_and_rotates():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((400, 24)) @ rng.standard_normal((24, 24))
    mean, weight, losses = itq(x, 16)
    assert all(b <= a + 1e-6 * a for a, b in itertools.pairwise(losses))
    assert losses[-1] < losses[0]
    assert np.allclose(weight @ weight.T, np.eye(16), atol=1e-8)
    v = (x - mean) @ weight.T
    assert float(np.square(np.where(v >= 0, 1, -1) - v).sum()) <= losses[-1] * (1 + 1e-9)


def test_the_wrong_itq_update_raises_the_loss_so_the_test_above_can_fail():
    rng = np.random.default_rng(1)
    v = rng.standard_normal((400, 16)) @ rng.standard_normal((16, 16))
    rotation = np.linalg.svd(rng.standard_normal((16, 16)))[0]
    losses = []
    for _ in range(10):
        b = np.where(v @ rotation >= 0, 1.0, -1.0)
        u, _, vt = np.linalg.svd(b.T @ v)
        rotation = vt @ u.T
        losses.append(np.square(b - v @ rotation).sum())
    assert any(b > a for a, b in itertools.pairwise(losses))


def test_partial_whitening_divides_by_a_power_of_the_variance():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((5000, 6)) * np.array([9.0, 5, 3, 2, 1.5, 1])
    _, _, variances = pca(x, 4)
    for power in (0.0, 0.5, 1.0):
        mean, weight = whitened_pca(x, 4, power)
        out = (x - mean) @ weight.T
        assert np.allclose(out.var(0), variances ** (1 - power), rtol=1e-6)


def test_rows_of_zeros_stay_zero_when_normalised():
    assert np.array_equal(l2(np.zeros((2, 3))), np.zeros((2, 3)))


def test_the_relational_loss_is_zero_for_equal_similarities_and_positive_otherwise():
    a = torch.nn.functional.normalize(torch.randn(8, 16), dim=1)
    turned = a @ torch.linalg.qr(torch.randn(16, 16))[0]
    other = torch.nn.functional.normalize(torch.randn(8, 16), dim=1)
    assert float(relational(turned, a)) == pytest.approx(0, abs=1e-5)
    assert float(relational(other, a)) > 0.01
    assert float(relational(a[:1], a[:1])) == 0
    assert float(copying(a, a)) == pytest.approx(0, abs=1e-6)


def test_the_embedder_gives_what_the_pack_promises():
    student = small_student().eval()
    local = LocalHead(out=128)
    local.weight.normal_()
    net = Embedder(student, local, out=64).eval()
    image = torch.randint(0, 256, (2, 64, 96, 3), dtype=torch.uint8)
    with torch.no_grad():
        out = dict(zip(net.OUTPUTS, net(image), strict=True))
    alpha, code, local_map, features = (
        out[name] for name in ("alpha", "alpha_code", "local_map", "local_features")
    )
    attention, beta = out["attention"], out["beta"]
    assert torch.allclose(alpha.norm(dim=1), torch.ones(2), atol=1e-5)
    assert beta.shape == (2, 256) and torch.allclose(beta.norm(dim=1), torch.ones(2), atol=1e-5)
    assert np.array_equal(np.packbits((beta >= 0).numpy(), axis=1), out["beta_code"].numpy())
    assert code.dtype == torch.uint8 and code.shape == (2, 8)
    assert attention.shape == (2, 4, 6) and local_map.shape == (2, 256, 4, 6) and features.shape == (2, 4, 6, 128)
    assert float(local_map.min()) >= 0
    signed = (local_map[:, :128] - local_map[:, 128:]).permute(0, 2, 3, 1)
    assert torch.allclose(torch.nn.functional.normalize(signed, dim=3), features, atol=1e-5)
    assert torch.allclose(features.norm(dim=3), torch.ones(2, 4, 6), atol=1e-5)
    bits = (alpha >= 0).numpy()
    assert np.array_equal(np.packbits(bits, axis=1), code.numpy())


def test_the_shipped_form_stays_under_twenty_million_parameters():
    net = Embedder(Student(), LocalHead())
    assert sum(p.numel() for p in net.parameters()) + net.local.weight.numel() <= 20_000_000
