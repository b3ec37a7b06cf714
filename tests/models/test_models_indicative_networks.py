"""The indicative network against slow references: tensor, attention regulation, vector-Jacobian product, graph."""

import itertools
import math

import numpy as np
import pytest
import torch

from models.indicative.graph import example_pair, export_indicative, run_graph
from models.networks.indicative.har import MODES, Hypersphere, Sphere, density, density_gradients
from models.networks.indicative.layers import Unit, Unit2d, Unit4d
from models.networks.indicative.network import (
    LAYOUTS,
    OUTPUTS,
    IndicativeConfig,
    IndicativeNetwork,
    enlarging,
    stage_cells,
    stage_sites,
)
from models.networks.indicative.tensor import CorrelationTensor, patches_of, query_mask, soft_mutual

SMALL = {"2d": (4, 6, 8, 8), "4d": (3, 4, 6, 8)}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def small(layout: str, har: str = "peak", **more) -> IndicativeNetwork:
    """A narrow network whose normalisations and predictions do something."""
    net = IndicativeNetwork(
        IndicativeConfig(layout=layout, har=har, widths=SMALL[layout], dimension=8, blocks=1, **more)
    )
    for module in net.modules():
        if isinstance(module, Unit):
            torch.nn.init.normal_(module.norm.running_mean, 0.0, 0.1)
            torch.nn.init.uniform_(module.norm.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.norm.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.norm.bias, 0.0, 0.1)
        if isinstance(module, Hypersphere) and har == "predicted":
            torch.nn.init.normal_(module.predict.weight, 0.0, 0.3)
    return net.eval()


# --- the tensor (eq. 1 and 2) -----------------------------------------------------------------------------------


def test_patches_are_the_rigid_grid_in_reading_order():
    picture = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8)
    patches = patches_of(picture)
    assert patches.shape == (2, 196, 768)
    for i, j in ((0, 0), (3, 11), (13, 13)):
        wanted = picture[1, 16 * i : 16 * i + 16, 16 * j : 16 * j + 16].reshape(-1) / 255.0
        assert torch.allclose(patches[1, 14 * i + j], wanted)


def test_every_metric_equals_its_definition_pair_by_pair():
    metrics = ("cosine", "l2", "l1", "mahalanobis", "mutual")
    tensor = CorrelationTensor(metrics, 6, rank=4)
    p, q = torch.rand(3, 28, 6), torch.rand(3, 28, 6)
    tensor.learn(p, q)
    made = tensor(p, q)
    assert made.shape == (3, 5, 28, 28)

    def cosine(a, b):
        return float(a @ b / (a.norm() * b.norm()))

    every = [[cosine(p[1, i], q[1, k]) for k in range(28)] for i in range(28)]
    for i, k in ((0, 0), (5, 20), (27, 3)):
        a, b = p[1, i], q[1, k]
        white = (a - b) @ tensor.whitening
        distances = {
            "l2": math.sqrt(float(((a - b) ** 2).sum())),
            "l1": float((a - b).abs().sum()),
            "mahalanobis": float(white.norm()),
        }
        assert float(made[1, 0, i, k]) == pytest.approx(every[i][k], abs=1e-5)
        for name, distance in distances.items():
            at = metrics.index(name)
            assert float(made[1, at, i, k]) == pytest.approx(
                math.exp(-distance / float(tensor.medians[at])), abs=1e-4
            )
        r = max(0.0, every[i][k])
        by_row, by_column = max(0.0, *every[i]), max(0.0, *(row[k] for row in every))
        assert float(made[1, 4, i, k]) == pytest.approx(r * (r / by_row) * (r / by_column), abs=1e-4)


def test_half_of_the_distances_lie_below_the_median_that_was_learnt():
    tensor = CorrelationTensor(("l2", "l1"), 5)
    p, q = torch.rand(6, 14, 5), torch.rand(6, 14, 5)
    tensor.learn(p, q)
    for at, name in enumerate(tensor.metrics):
        assert float((tensor.distances(name, p, q) < tensor.medians[at]).float().mean()) == pytest.approx(
            0.5, abs=0.1
        )


def test_whitening_makes_the_training_patches_round():
    tensor = CorrelationTensor(("mahalanobis",), 4, rank=4)
    patches = torch.randn(2, 500, 4) * torch.tensor([5.0, 1.0, 1.0, 0.5])
    tensor.learn(patches, patches)
    spread = ((patches.flatten(0, 1) - tensor.mean) @ tensor.whitening).std(0)
    assert float(spread.max() / spread.min()) < 2.5  # shrunk, so not quite 1; 10 before


def test_the_query_mask_multiplies_columns_and_never_blinds():
    weights = torch.zeros(1, 14, 14)
    weights[0, 2, 3] = 5.0
    mask = query_mask(weights)
    assert float(mask[0, 0, 0, 2 * 14 + 3]) == 1.0
    assert float(mask.min()) == pytest.approx(0.1)
    net = small("4d")
    result, query, ones = (*example_pair(net)[:2], torch.ones(2, 14, 14))
    plain, masked = net.tensor(result, query), net.tensor(result, query, weights)
    assert torch.allclose(masked[..., 31], plain[..., 31])
    assert torch.allclose(masked[..., 30], plain[..., 30] * 0.1)
    assert torch.allclose(net.tensor(result, query, ones), plain)


def test_soft_mutual_of_a_permutation_is_the_permutation():
    matrix = torch.eye(9)[torch.randperm(9)][None]
    assert torch.allclose(soft_mutual(matrix), matrix)


def test_unknown_metrics_are_refused():
    with pytest.raises(ValueError, match="hamming"):
        CorrelationTensor(("cosine", "hamming"), 4)


# --- hypersphere attention regulation (eq. 5 to 9) --------------------------------------------------------------


@pytest.mark.parametrize("normalised", [True, False])
def test_the_density_is_the_printed_formula(normalised):
    sites = torch.rand(20, 4, dtype=torch.float64)
    sphere = Sphere(*(torch.tensor(v, dtype=torch.float64) for v in ([0.1, -0.2, 0.3, 0.0], [0.4], [0.7])))
    theta = density(sites, sphere, normalised=normalised)
    for at in range(20):
        d = sum((float(sites[at, axis]) - float(sphere.centre[axis])) ** 2 for axis in range(4))
        wanted = math.exp(-((d - 0.4) ** 2) / (2 * 0.7**2))
        wanted /= math.sqrt(2 * math.pi) * 0.7 if normalised else 1.0
        assert float(theta[at]) == pytest.approx(wanted, rel=1e-12)
    if not normalised:
        assert float(theta.min()) > 0 and float(theta.max()) <= 1


@pytest.mark.parametrize("normalised", [True, False])
def test_the_gradients_of_the_paper_equal_autograd(normalised):
    sites = torch.rand(50, 4, dtype=torch.float64) * 2 - 1
    sphere = Sphere(
        torch.randn(4, dtype=torch.float64, requires_grad=True),
        torch.rand(1, dtype=torch.float64, requires_grad=True),
        (torch.rand(1, dtype=torch.float64) + 0.5).requires_grad_(),
    )
    upstream = torch.randn(50, dtype=torch.float64)
    (upstream * density(sites, sphere, normalised=normalised)).sum().backward()
    with torch.no_grad():
        got = density_gradients(upstream, sites, sphere, normalised=normalised)
    for name in Sphere._fields:
        assert torch.allclose(getattr(got, name), getattr(sphere, name).grad, atol=1e-10), name


def test_the_regulated_features_are_f_theta_plus_f():
    har = Hypersphere("peak", 3, stage_sites("4d", 3))
    features = torch.rand(2, 3, 16)
    theta = density(har.sites, har.sphere(features), normalised=False)
    assert torch.allclose(har(features), features * theta + features)
    assert torch.equal(Hypersphere("off", 3, stage_sites("4d", 3))(features), features)


# --- the vector-Jacobian product --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "shape"), [(Unit2d, (2, 3, 9, 12)), (Unit4d, (2, 3, 5, 6, 7, 4))], ids=["2d", "4d"]
)
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (1, 2)])
def test_a_transposed_convolution_is_the_adjoint(unit, shape, kernel, stride):
    layer = unit(3, 5, kernel, stride).double().eval()
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    upstream = torch.randn_like(y)
    y.backward(upstream)
    with torch.no_grad():
        assert torch.allclose(layer.transpose(upstream, shape[2:]), x.grad, atol=1e-10)


def test_the_4d_convolution_is_the_sum_of_two_planes():
    layer = Unit4d(2, 3, 3, 2)
    x = torch.randn(1, 2, 4, 5, 5, 4)
    y = layer.convolve(x)
    assert y.shape == (1, 3, 2, 3, 3, 2)
    padded = torch.nn.functional.pad(x, (1,) * 8)
    for o, i, j, k, n in ((0, 0, 0, 0, 0), (2, 1, 2, 1, 1), (1, 1, 0, 2, 0)):
        wanted = 0.0
        at = [2 * v + 1 for v in (i, j, k, n)]
        for c, a, b in itertools.product(range(2), range(3), range(3)):
            query = padded[0, c, at[0], at[1], at[2] + a - 1, at[3] + b - 1]
            result = padded[0, c, at[0] + a - 1, at[1] + b - 1, at[2], at[3]]
            wanted += float(layer.over_query[o, c, a, b] * query + layer.over_result[o, c, a, b] * result)
        assert float(y[0, o, i, j, k, n]) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("har", MODES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_gradient_by_hand_equals_autograd_at_every_stage(layout, har):
    net = small(layout, har).double()
    tape = net.run(torch.rand(2, 2, 196, 196, dtype=torch.float64))
    for features in tape.regulated:
        features.retain_grad()
    tape.logit.sum().backward()
    with torch.no_grad():
        got = net.gradients(tape)
    assert len(got) == 4
    for mine, features in zip(got, tape.regulated, strict=True):
        assert float(features.grad.abs().max()) > 0
        assert torch.allclose(mine, features.grad, rtol=1e-5, atol=1e-9)


def test_the_maps_are_grad_cam_by_the_definition():
    net = small("4d", "peak")
    tape = net.run(torch.rand(2, 2, 196, 196))
    for features in tape.regulated:
        features.retain_grad()
    tape.logit.sum().backward()
    with torch.no_grad():
        made = net.matching(tape)
    wanted = torch.zeros(14, 14, 14, 14)
    for stage, features in enumerate(tape.regulated):
        cam = (
            sum(features[1, c] * features.grad[1, c].mean() for c in range(features.shape[1]))
            .clamp(min=0)
            .detach()
        )
        cam = (cam - cam.min()) / (cam.max() - cam.min())
        for axis in range(4):
            cam = torch.movedim(torch.tensordot(enlarging("4d", stage), cam, dims=([1], [axis])), 0, axis)
        wanted += cam / 4
    assert torch.allclose(made[1], wanted.reshape(196, 196), atol=1e-4)
    assert float(made.min()) >= 0 and float(made.max()) <= 1 + 1e-6


def test_parameters_are_as_many_as_the_paper_counts():
    """S1's network is ResNet18 with 11.18 M parameters; centre-pivot convolutions need 0.35 M."""
    count = {
        layout: sum(p.numel() for p in IndicativeNetwork(IndicativeConfig(layout=layout)).parameters())
        for layout in LAYOUTS
    }
    assert count["2d"] == pytest.approx(11.18e6, rel=0.005)
    assert count["4d"] == pytest.approx(0.35e6, rel=0.01)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_enlarging_puts_every_cell_where_its_convolutions_look(layout):
    for stage, stride in enumerate((4, 8, 16, 32) if layout == "2d" else (1, 2, 4, 8)):
        matrix = enlarging(layout, stage)
        assert torch.allclose(matrix.sum(1), torch.ones(len(matrix)))
        for cell in range(stage_cells(layout, stage)):
            assert float(matrix[cell * stride, cell]) == 1.0


# --- one graph --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "har", "form", "metrics"),
    [
        ("4d", "predicted", "features", ("cosine", "mutual")),
        ("4d", "peak", "pixels", ("cosine", "l2", "l1", "mahalanobis")),
        ("2d", "paper", "features", ("cosine",)),
    ],
)
def test_one_graph_holds_the_pass_and_its_gradient(tmp_path, layout, har, form, metrics):
    net = small(layout, har, input=form, metrics=metrics)
    path = tmp_path / "indicative.onnx"
    export_indicative(net, path)
    for count in (1, 3):  # the batch is free
        pair = example_pair(net, count, seed=count)
        with torch.no_grad():
            wanted = dict(zip(OUTPUTS, net(*pair), strict=True))
        made = run_graph(path, pair, threads=1)
        assert made["matching"].shape == (count, 196, 196)
        for name in OUTPUTS:
            scale = float(wanted[name].abs().max())
            np.testing.assert_allclose(made[name].numpy(), wanted[name].numpy(), atol=2e-4 * scale, err_msg=name)


def test_folding_changes_nothing_but_the_form():
    net = small("4d")
    pair = example_pair(net)
    with torch.no_grad():
        for mine, folded in zip(net(*pair), net.folded()(*pair), strict=True):
            assert torch.allclose(mine, folded, atol=1e-4)
