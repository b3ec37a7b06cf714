"""CANet: the split first layer, pooling, pairs of known truth, and a training in seconds into a working pack."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data as photographs

from desktop_app.inference.coattention_net import CoAttentionNet, coattention_problems
from desktop_app.inference.packs import load_manifest, verify_pack
from desktop_app.retrieval.coattention import network_coattention
from desktop_app.retrieval.pooling import gem
from models.coattention.evaluate import rows
from models.coattention.keypoints import FEWEST, keypoint_labels, keypoint_pairs
from models.coattention.pairs import MapPairs, common_parts, strangers
from models.coattention.train import PRESETS, SECTION, Settings, balanced_bce, dice, train_net, train_part
from models.local.views import ViewPair
from models.networks.canet import CANet, attended, pooled_query
from tests.support.tiny_pack import make_tiny_pack

NAMES = ("astronaut", "coffee", "cat", "rocket")
PICTURES = [getattr(photographs, name)() for name in NAMES]


def test_the_split_first_layer_equals_the_convolution_of_the_concatenation() -> None:
    torch.manual_seed(0)
    net = CANet(6, 8, 3).eval()
    local_map, query = torch.rand(2, 6, 4, 5), torch.nn.functional.normalize(torch.rand(2, 6), dim=1)
    whole = torch.nn.Conv2d(12, 8, 1)
    with torch.no_grad():
        whole.weight.copy_(torch.cat([net.cells.weight, net.asked.weight[:, :, None, None]], 1))
        whole.bias.copy_(net.asked.bias)
        tiled = torch.cat(
            [torch.nn.functional.normalize(local_map, dim=1), query[:, :, None, None].expand(-1, -1, 4, 5)], 1
        )
        x = torch.relu(net.norm(whole(tiled)))
        wanted = torch.sigmoid(net.out(net.blocks(x))[:, 0])
        assert torch.allclose(net(local_map, query), wanted, atol=1e-6)
        assert float(wanted.min()) >= 0 and float(wanted.max()) <= 1


def test_pooling_agrees_with_the_applications() -> None:
    random = np.random.default_rng(0)
    local_map = random.random((2, 6, 4, 5), dtype=np.float32)
    attention = random.random((2, 4, 5), dtype=np.float32)
    maps, weights = torch.from_numpy(local_map), torch.from_numpy(attention)
    for i in range(2):
        assert np.allclose(pooled_query(maps)[i], gem(local_map[i]), atol=1e-5)
        assert np.allclose(attended(maps, weights)[i], gem(local_map[i], weights=attention[i]), atol=1e-5)


def test_the_losses_against_loops() -> None:
    logits, labels = torch.tensor([[[0.3, -1.0], [2.0, 0.0]]]), torch.tensor([[[1.0, 0.0], [0.5, 0.0]]])
    p, y = torch.sigmoid(logits).ravel().tolist(), labels.ravel().tolist()
    share = sum(y) / 4
    wanted = sum(
        (0.5 / share * b + 0.5 / (1 - share) * (1 - b)) * -(b * np.log(a) + (1 - b) * np.log(1 - a))
        for a, b in zip(p, y, strict=True)
    )
    assert float(balanced_bce(logits, labels)) == pytest.approx(wanted / 4, rel=1e-5)
    both = sum(a * b for a, b in zip(p, y, strict=True))
    assert float(dice(logits, labels)) == pytest.approx(1 - (2 * both + 1) / (sum(p) + sum(y) + 1), rel=1e-5)


def test_common_parts_of_a_shifted_picture() -> None:
    rgb = np.zeros((64, 64, 3), np.uint8)
    shift = np.array([[1.0, 0, 32], [0, 1, 0], [0, 0, 1]])
    first, second = common_parts(ViewPair(rgb, rgb, shift, np.ones((64, 64), np.bool_)), 4)
    assert np.allclose(first[:, :2], 1, atol=0.1) and np.allclose(first[:, 2:], 0, atol=0.1)
    assert np.allclose(second[:, :2], 0, atol=0.1) and np.allclose(second[:, 2:], 1, atol=0.1)


def test_strangers_are_of_another_group() -> None:
    groups = ["a", "a", "b", "b", "c"]
    descriptors = np.eye(5, dtype=np.float32)
    found = strangers(descriptors, groups, np.random.default_rng(0))
    assert all(groups[i] != groups[other] for i, other in enumerate(found))


def test_photos_of_one_class_are_no_strangers() -> None:
    with pytest.raises(ValueError, match="two classes"):
        strangers(np.eye(3, dtype=np.float32), ["a"] * 3, np.random.default_rng(0))


def test_keypoints_that_agree_label_what_both_pictures_show() -> None:
    rgb = np.ascontiguousarray(photographs.astronaut()[:384, :384])
    moved = np.zeros_like(rgb)
    moved[:, :192] = rgb[:, 192:]  # the right half of the first lies on the left of the second
    labels = keypoint_labels(rgb, moved, 12)
    assert labels is not None and labels.shape == (2, 12, 12)
    assert labels.min() >= 0 and labels.max() == pytest.approx(1.0, abs=0.2)
    assert labels[0][:, :3].max() < 0.05 and labels[1][:, 9:].max() < 0.05
    assert labels[0][:, 6:].sum() > FEWEST / 2
    assert np.allclose(labels[0][:, 6:], labels[1][:, :6], atol=0.3)  # borders aside
    assert keypoint_labels(rgb, photographs.coffee()[:384, :384], 12) is None
    assert keypoint_labels(rgb, np.zeros_like(rgb), 12) is None


def test_only_pictures_of_a_group_are_compared_by_keypoints() -> None:
    rgb = photographs.astronaut()
    pictures = [rgb, photographs.coffee(), rgb[:-16, :-16], rgb[16:, 16:]]
    found = list(keypoint_pairs(pictures, ["a", "b", "a", "c"], side=256, cells=16))
    assert len(found) == 1
    before, after, labels = found[0]
    assert before.shape == after.shape == (256, 256, 3) and labels.mean() > 0.2


def test_the_map_is_near_zero_where_nothing_matches_in_both_directions(tmp_path: Path) -> None:
    """Cells of one of eight kinds; what two maps have in common is a kind that covers a part of both."""
    random = np.random.default_rng(0)
    kinds = np.eye(8, dtype=np.float32)
    maps, labels, matches = [[], []], [], []  # type: tuple[list, list], list, list
    for at in range(96):
        shared, *others = random.permutation(8)[:3]
        part = random.random((2, 6, 6)) < 0.5
        for side, other in enumerate(others):
            chosen = np.where(part[side] & (at % 3 > 0), shared, other)
            noise = 0.2 * random.random((6, 6, 8), dtype=np.float32)
            maps[side].append((kinds[chosen] + noise).transpose(2, 0, 1).astype(np.float16))
        labels.append(part.astype(np.float32) * (at % 3 > 0))
        matches.append(at % 3 > 0)
    pairs = MapPairs(np.stack(maps[0]), np.stack(maps[1]), np.stack(labels), np.array(matches))
    seen, unseen = pairs.take(np.arange(72)), pairs.take(np.arange(72, 96))
    settings = Settings(steps=50, batch=24, rate=2e-2, width=16, branch=4, minutes=60)
    net, _ = train_net(seen, settings, tmp_path, learnt_from="kinds")
    query, result = (torch.from_numpy(x.astype(np.float32)) for x in (unseen.query, unseen.result))
    with torch.no_grad():
        shown = np.stack([net(query, pooled_query(result)), net(result, pooled_query(query))], 1)
    common = unseen.labels > 0.5
    assert float(shown[~unseen.matches].mean()) < 0.15
    for side in range(2):
        matching = shown[unseen.matches, side]
        inside = common[unseen.matches, side]
        assert float(matching[inside].mean()) > 0.6 > 0.3 > float(matching[~inside].mean())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    root = tmp_path_factory.mktemp("coattention")
    pack = make_tiny_pack(root)
    section = train_part(pack, (PICTURES, NAMES), (PICTURES, NAMES), PRESETS["smoke"], root / "run")
    return pack, section


def test_a_short_training_lowers_its_loss_and_adds_a_part(trained: tuple[Path, dict[str, object]]) -> None:
    pack, section = trained
    first, last = section["loss"]  # type: ignore[misc]
    assert last < first
    assert float(str(section["parity"])) < 1e-2  # weights are stored as float16
    manifest = json.loads((pack / "manifest.json").read_text())
    assert manifest[SECTION]["file"] in manifest["files"]
    assert verify_pack(pack, deep=True) == []


def test_a_second_call_goes_on_and_another_pack_needs_a_run_of_its_own(
    trained: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    pack, section = trained
    run = pack / "run"
    assert {"losses.csv", "losses.png", "checkpoint.pt"} <= {path.name for path in run.iterdir()}
    steps = PRESETS["smoke"].steps
    longer = replace(PRESETS["smoke"], steps=steps + 2)
    again = train_part(pack, (PICTURES, NAMES), (PICTURES, NAMES), longer, run)
    assert again["loss"][0] == section["loss"][0]  # type: ignore[index]
    assert [int(line.split(",")[0]) for line in (run / "losses.csv").read_text().split()[1:]][-2:] == [
        steps,
        steps + 2,
    ]
    other = make_tiny_pack(tmp_path / "other", seed=3)
    with pytest.raises(ValueError, match=r"checkpoint\.pt belongs to a training on other photos"):
        train_part(other, (PICTURES, NAMES), (PICTURES, NAMES), longer, run)


def test_the_part_leaves_the_packs_digest_alone(trained: tuple[Path, dict[str, object]], tmp_path: Path) -> None:
    assert load_manifest(trained[0]).digest == load_manifest(make_tiny_pack(tmp_path)).digest


def test_the_application_shows_the_networks_maps_as_they_are(trained: tuple[Path, dict[str, object]]) -> None:
    pack, _ = trained
    manifest = load_manifest(pack)
    net = CoAttentionNet(pack, manifest)
    assert manifest.local is not None
    random = np.random.default_rng(0)
    query, result = (random.random((manifest.local.map_dimension, *s), dtype=np.float32) for s in ((4, 6), (5, 5)))
    shown = network_coattention(query, result, net.attend)
    assert np.array_equal(shown.result, net.attend(result, gem(query)))
    assert np.array_equal(shown.query, net.attend(query, gem(result)))
    weights = np.zeros((4, 6), np.float32)
    weights[1, 2] = 0.5
    faint = network_coattention(query, result, net.attend, relevance=0.25)
    np.testing.assert_allclose(faint.result, 0.25 * shown.result, rtol=1e-6)
    marked = network_coattention(query, result, net.attend, query_weights=weights)
    assert marked.query[1, 2] == shown.query[1, 2] and np.count_nonzero(marked.query) == 1


def test_a_damaged_part_is_named(trained: tuple[Path, dict[str, object]], tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path)
    (pack / "coattention.onnx").write_bytes(b"nonsense")
    document = json.loads((pack / "manifest.json").read_text())
    document["coattention"] = {"file": "coattention.onnx"}
    document["files"]["coattention.onnx"] = {"sha256": "0" * 64, "bytes": 8}
    (pack / "manifest.json").write_text(json.dumps(document))
    (problem,) = coattention_problems(pack, load_manifest(pack))
    assert "coattention.onnx" in problem


def test_both_methods_are_measured(trained: tuple[Path, dict[str, object]], tmp_path: Path) -> None:
    for i, rgb in enumerate(PICTURES):
        cv2.imwrite(str(tmp_path / f"{i}.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    found = rows(trained[0], tmp_path, 4)
    assert set(found) == {"CANet", "clusters, K = 16", "clusters, K = 32", "clusters, K = 64"}
    assert all(0 <= value <= 1 for row in found.values() for value in row.values())
