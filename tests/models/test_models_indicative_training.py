"""Pairs with known truth, the losses on evidence, and a training in seconds."""

import csv
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from skimage import data as photographs
from sklearn.datasets import load_sample_image

from desktop_app.domain.errors import PackError
from desktop_app.inference.indicative_net import IndicativeNet, indicative_problems
from desktop_app.inference.packs import load_manifest, verify_pack
from desktop_app.retrieval.indicative import IndicativeParameters, square_features
from models.indicative import ablate, export, judge, pairs, speed, train
from models.indicative.export import export_part
from models.indicative.losses import Truth, dice, evidence_losses, matched_pairs
from models.indicative.measure import answers, figures, iou, link_threshold, relevance_figures
from models.indicative.pairs import PairMaker, PairSet, cell_shares, coverage, in_shares
from models.indicative.settings import PRESETS
from models.indicative.train import Drawer, Training, load_settings, make_network, prepared, start_from
from models.networks.indicative.network import IndicativeConfig, IndicativeNetwork
from tests.support.tiny_pack import change_manifest, make_tiny_pack

SMOKE = PRESETS["smoke"]


@pytest.fixture(scope="module")
def photos():
    made = [photographs.astronaut(), photographs.coffee(), photographs.chelsea(), photographs.rocket()]
    return [*made, load_sample_image("china.jpg"), load_sample_image("flower.jpg")]


def colours(rgb):
    """Cells of mean colours and their spread, as features: enough to match parts of pictures."""
    cells = pairs.square_pixels(rgb).reshape(14, 16, 14, 16, 3).astype(np.float32)
    mean, spread = cells.mean((1, 3)) - 110.0, cells.std((1, 3))
    features = np.concatenate([mean, 2 * spread, np.ones((14, 14, 2))], axis=2).astype(np.float32)
    return square_features(features).astype(np.float16)


@pytest.fixture(scope="module")
def made(photos):
    def alpha(row):
        flat = colours(photos[row]).astype(np.float32).mean((0, 1))
        return flat / np.linalg.norm(flat)

    labels = ["a", "a", "b", "b", None, None]
    maker = PairMaker(lambda row: photos[row], labels, colours, alpha)
    return maker.make(range(6), {"view": 6, "composite": 10, "kind": 3, "stranger": 8}, 0, say=lambda _: None)


# --- pairs ------------------------------------------------------------------------------------------------------


def test_pairs_of_every_kind_are_made_and_kept(made, tmp_path):
    assert [len(made.of_kind(kind)) for kind in pairs.KINDS] == [6, 10, 3, 8]
    assert made.result.shape == (27, 14, 14, 8) and made.dimension == 8
    known = np.abs(np.linalg.det(made.to_result)) > 1e-9
    assert (known == np.isin(made.kind, [0, 1])).all()
    assert (made.result_mask[:16].reshape(16, -1).max(1) > 0.5).all()
    assert not made.result_mask[16:].any()
    made.save(tmp_path / "pairs.npz")
    again = PairSet.load(tmp_path / "pairs.npz")
    assert np.array_equal(again.result, made.result) and np.array_equal(again.to_result, made.to_result)


def test_the_same_seed_makes_the_same_pairs(photos):
    def make():
        maker = PairMaker(lambda row: photos[row], [None] * 6, colours, lambda row: np.ones(3, np.float32))
        return maker.make(range(6), {"composite": 2, "stranger": 2}, 5, say=lambda _: None)

    assert np.array_equal(make().result, make().result)


def test_strangers_are_never_of_one_class(photos, monkeypatch):
    """Among few photos the nearest neighbours of another class run out."""
    monkeypatch.setattr(pairs, "make_view", lambda rgb, random: SimpleNamespace(rgb=rgb))
    flat = {row: colours(photos[row]).astype(np.float32).mean((0, 1)) for row in range(4)}
    pictures = []

    def form(rgb):
        pictures.append(next(at for at, photo in enumerate(photos) if photo is rgb))
        return np.zeros((14, 14, 1), np.float16)

    maker = PairMaker(lambda row: photos[row], ["a", "a", "a", "b"], form, lambda row: flat[row])
    maker.make(range(4), {"stranger": 12}, 0, say=lambda _: None)
    asked = list(zip(pictures[::2], pictures[1::2], strict=True))
    assert asked and all((first == 3) != (second == 3) for first, second in asked)
    alone = PairMaker(lambda row: photos[row], ["a"] * 4, form, lambda row: flat[row])
    with pytest.raises(ValueError, match="two classes"):
        alone.make(range(4), {"stranger": 2}, 0, say=lambda _: None)


def test_photos_too_small_for_a_composite_are_passed_over(photos):
    pictures = [photos[0], np.zeros((23, 76, 3), np.uint8), photos[1]]
    maker = PairMaker(lambda row: pictures[row], [None] * 3, colours, lambda row: np.ones(3, np.float32))
    assert len(maker.make(range(3), {"composite": 6}, 0, say=lambda _: None)) == 6
    with pytest.raises(ValueError, match="too small"):
        maker.make([1, 1], {"composite": 1}, 0, say=lambda _: None)


def test_every_second_stranger_asks_with_a_made_view(photos):
    seen = []

    def form(rgb):
        seen.append(any(rgb is photo for photo in photos))
        return np.zeros((14, 14, 1), np.float16)

    maker = PairMaker(lambda row: photos[row], [None] * 6, form, lambda row: np.ones(3, np.float32))
    maker.make(range(6), {"stranger": 40}, 0, say=lambda _: None)
    assert all(seen[::2])
    assert 10 <= sum(seen[1::2]) <= 30


def test_homographies_in_shares_agree_with_those_in_pixels():
    homography = np.array([[1.2, 0.1, 5.0], [-0.05, 0.9, 12.0], [1e-4, -2e-4, 1.0]])
    shares = in_shares(homography, (120, 200, 3), (90, 160, 3))
    x, y = 30.0, 70.0
    there = homography @ [x, y, 1.0]
    wanted = (there[:2] / there[2] + 0.5) / [160, 90]
    got = shares.astype(np.float64) @ [(x + 0.5) / 200, (y + 0.5) / 120, 1.0]
    assert np.allclose(got[:2] / got[2], wanted, atol=1e-5)


def test_coverage_counts_what_lands_inside_the_other_picture():
    right_half = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    share = coverage(right_half)
    assert not share[:, :7].any()
    assert (share[:, 7:] == 1).all()
    mask = np.zeros((28, 28), bool)
    mask[:2, :1] = True
    assert float(cell_shares(mask)[0, 0]) == pytest.approx(0.5)
    assert float(cell_shares(mask).sum()) == pytest.approx(0.5)


def test_groups_share_a_query_and_mark_where_it_is(photos):
    maker = PairMaker(lambda row: photos[row], [None] * 6, colours, lambda row: np.ones(3, np.float32))
    found, members = maker.groups(range(6), objects=2, scenes=2, strangers=2, seed=0)
    assert members == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert found.kind.tolist() == [1, 1, 3, 3] * 2
    assert all(np.array_equal(found.query[0], found.query[at]) for at in range(4))
    assert found.result_mask[0].any() and not found.result_mask[2].any()
    net = prepared(make_network(SMOKE, 8), found).eval()
    rows = ablate.feedback_rows(net, found, members)
    assert [(row["form"], row["n"]) for row in rows] == [("none", 0), *ablate.FEEDBACK]


# --- losses -----------------------------------------------------------------------------------------------------


def truth(homography, result_mask=None, query_mask=None):
    ones = torch.ones(1, 14, 14)
    return Truth(
        relevant=torch.ones(1),
        located=torch.ones(1, dtype=torch.bool),
        to_result=torch.tensor(homography, dtype=torch.float32)[None],
        result_mask=ones if result_mask is None else result_mask,
        query_mask=ones if query_mask is None else query_mask,
    )


def test_matched_pairs_equal_plain_loops():
    homography = np.array([[0.6, 0.1, 0.1], [-0.1, 0.5, 0.4], [0.1, 0.0, 1.0]])
    half = torch.zeros(1, 14, 14)
    half[:, :, :7] = 1.0
    given = truth(homography, query_mask=half)
    made_ = matched_pairs(given)[0]
    inverse = np.linalg.inv(homography)

    def lands(matrix, cell, target):
        x, y, w = matrix @ [(cell % 14 + 0.5) / 14, (cell // 14 + 0.5) / 14, 1.0]
        return np.hypot(x / w * 14 - (target % 14 + 0.5), y / w * 14 - (target // 14 + 0.5)) <= 1.0

    random = np.random.default_rng(0)
    for query, result in random.integers(196, size=(1500, 2)):
        forward = lands(homography, query, result) and half[0].ravel()[query] > 0.5
        backward = lands(inverse, result, query)
        assert bool(made_[result, query]) == bool(forward or backward)


def test_a_perfect_matching_costs_nothing_and_a_wrong_one_much():
    given = truth(np.eye(3))
    right = matched_pairs(given).float()
    assert float(evidence_losses(right, given)["links"]) == pytest.approx(0.0, abs=1e-6)
    assert float(evidence_losses(right.flip(1), given)["links"]) > 2
    unknown = replace(given, located=torch.zeros(1, dtype=torch.bool))
    assert {name: float(v) for name, v in evidence_losses(right[:0], unknown).items()} == {
        "links": 0.0,
        "maps": 0.0,
    }


def test_dice_is_zero_for_the_mask_itself():
    mask = (torch.rand(3, 196) > 0.7).float()
    assert float(dice(mask * 7.0, mask)) == pytest.approx(0.0, abs=1e-6)
    assert float(dice(1.0 - mask, mask)) == pytest.approx(1.0, abs=1e-6)


# --- measures ---------------------------------------------------------------------------------------------------


def test_relevance_figures_by_hand():
    logits = np.array([3.0, 1.0, -1.0, 2.0, 0.0, -2.0, -3.0])
    relevant = np.array([True, True, True, False, False, False, False])
    found = relevance_figures(logits, relevant)
    assert found["auc"] == pytest.approx((4 + 3 + 2) / 12)
    assert found["accepted"] == pytest.approx(1 / 3)  # none of four strangers may pass at 5 %


def test_iou_by_hand():
    sums = np.zeros((14, 14), np.float32)
    sums[0, :4] = [4.0, 3.0, 2.0, 1.0]
    mask = np.zeros((14, 14))
    mask[0, 1:5] = 1.0
    assert iou(sums, mask, 0.5) == pytest.approx(2 / 5)
    assert iou(sums, mask, 0.0) == pytest.approx(4 / 196)


def test_figures_and_feedback_come_from_the_network_itself(made):
    net = prepared(make_network(SMOKE, made.dimension), made).eval()
    given = answers(net, made, batch=4)
    assert np.allclose(given.logits, answers(net, made, batch=9).logits, atol=1e-5)
    found = figures(made, given)
    assert {"relevance_auc", "mIoU", "best_mIoU", "pointing", "links_right", "links_5"} <= set(found)
    assert all(0 <= value <= 1 for name, value in found.items() if "threshold" not in name)
    assert link_threshold(made, given, list(made.of_kind("view")), precision=0.0) == 0.0


# --- training ---------------------------------------------------------------------------------------------------


def test_batches_keep_pictures_masks_and_homographies_together(made):
    """A drawn pair's homography still takes cells that look alike to each other, flipped and swapped as it may
    be."""
    drawer = Drawer(made, replace(SMOKE, kind_share=0.0, batch=8))
    random = np.random.default_rng(3)
    alike, others = [], []
    for _ in range(12):
        result, query, known = drawer.draw(random)
        right = matched_pairs(known)
        cosines = result.flatten(1, 2) @ query.flatten(1, 2).transpose(1, 2)
        for at in torch.nonzero(known.located).flatten().tolist():
            if right[at].any():
                alike.append(float(cosines[at][right[at]].mean()))
                others.append(float(cosines[at].mean()))
    assert np.mean(alike) > np.mean(others) + 0.05
    assert len(alike) > 20


def test_a_training_in_seconds_lowers_its_loss_and_resumes(made, tmp_path):
    torch.manual_seed(0)
    settings = replace(SMOKE, steps=16)
    rows = Training(prepared(make_network(settings, 8), made), made, settings, tmp_path).run(say=lambda _: None)
    total = [row["relevance"] + settings.evidence * (row["links"] + row["maps"]) for row in rows]
    assert np.mean(total[-4:]) < np.mean(total[:4]) - 0.1
    with (tmp_path / "losses.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 16
    assert (tmp_path / "losses.png").stat().st_size > 1000

    longer = replace(settings, steps=18)
    again = Training(make_network(longer, 8), made, longer, tmp_path)
    assert again.step == 16
    assert len(again.run(say=lambda _: None)) == 18
    assert load_settings(tmp_path) == longer
    with pytest.raises(ValueError, match="other photos, features or form"):
        Training(make_network(longer, 8), replace(made, query=made.query[::-1]), longer, tmp_path)
    fresh = make_network(longer, 8)
    start_from(fresh, tmp_path)
    assert torch.equal(fresh.head.weight, again.averaged().head.weight)


def test_a_run_of_another_form_is_no_start(made, tmp_path):
    settings = replace(SMOKE, steps=1)
    Training(make_network(settings, 8), made, settings, tmp_path).run(say=lambda _: None)
    with pytest.raises(ValueError, match="another form"):
        start_from(make_network(replace(settings, widths=(4, 4, 8, 10)), 8), tmp_path)
    with pytest.raises(ValueError, match="train first"):
        start_from(make_network(settings, 8), tmp_path / "nowhere")


def test_ablations_give_one_row_each(made, tmp_path):
    rows = ablate.run(
        {"features": (made, made)}, ablate.variants(("har",)), steps=1, base=SMOKE, say=lambda _: None
    )
    assert [row["har"] for row in rows] == ["off", "paper", "peak", "predicted"]
    assert all("best_mIoU" in row and "relevance_auc" in row for row in rows)
    assert json.loads(json.dumps(rows)) == rows


# --- the part in a pack -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pack_with_part(made, tmp_path_factory):
    """A tiny pack with an untrained network for its 128-d features."""
    pack = make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")
    torch.manual_seed(1)
    wide = replace(made, result=np.repeat(made.result, 16, axis=3), query=np.repeat(made.query, 16, axis=3))
    net = IndicativeNetwork(IndicativeConfig(widths=(3, 4, 4, 4), blocks=1)).eval()
    digest = load_manifest(pack).digest
    section = export_part(pack, net, wide)
    return pack, digest, section


def test_the_part_joins_the_pack_and_leaves_its_digest(pack_with_part):
    pack, digest, section = pack_with_part
    manifest = load_manifest(pack)
    assert manifest.digest == digest
    assert "indicative.onnx" in manifest.files
    assert manifest.raw["indicative"]["input"] == "features"
    assert section["figures"]["parity"] < 1e-3
    assert verify_pack(pack, deep=True) == []
    parameters = IndicativeParameters.from_manifest(manifest.raw)
    assert parameters.evidence and parameters.judges
    assert parameters.link_least <= parameters.link_medium <= parameters.link_strong


def test_the_part_answers_for_any_number_of_pairs(pack_with_part):
    net = IndicativeNet(pack_with_part[0], load_manifest(pack_with_part[0]))
    random = np.random.default_rng(0)
    pictures = random.normal(size=(12, 14, 14, 128)).astype(np.float32)
    ones = np.ones((12, 14, 14), np.float32)
    logits, matching = net.match(pictures, pictures[::-1], ones)
    assert logits.shape == (12,) and matching.shape == (12, 196, 196)
    single = net.match(pictures[11:], pictures[:1], ones[:1])
    assert np.allclose(single[0], logits[11:], atol=1e-4)
    assert net.match(pictures[:0], pictures[:0], ones[:0])[0].shape == (0,)
    with pytest.raises(ValueError, match="weights"):
        net.match(pictures, pictures, ones[:, :7])


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"file": "other.onnx"}, "other.onnx"),
        ({"input": "sounds"}, "sounds"),
        ({"grid": [7, 7]}, "grid"),
    ],
)
def test_a_wrong_section_is_refused_with_a_sentence(pack_with_part, tmp_path, entry, words):
    pack = tmp_path / "pack"
    shutil.copytree(pack_with_part[0], pack)
    change_manifest(pack, indicative=entry)
    with pytest.raises(PackError, match=words):
        IndicativeNet(pack, load_manifest(pack))
    assert words in " ".join(indicative_problems(pack, load_manifest(pack)))


def test_thresholds_that_are_no_numbers_are_refused():
    with pytest.raises(PackError, match="bias"):
        IndicativeParameters.from_manifest({"indicative": {"bias": "much"}})


# --- the relevance that is shown --------------------------------------------------------------------------------


def test_the_fit_uses_both_relevances_and_keeps_strangers_out():
    random = np.random.default_rng(0)
    kinds = np.array([1] * 100 + [3] * 100, np.uint8)
    blank = np.zeros((200, 1))
    both = PairSet(blank, blank, kinds, np.zeros((200, 3, 3)), blank, blank)
    signal = np.where(kinds == 1, 1.0, -1.0)
    found = {name: signal + random.normal(0, 1.2, 200) for name in ("network", "local")}
    fit = judge.fitted(found, both)
    score = fit["network"] * found["network"] + fit["local"] * found["local"] + fit["bias"]
    assert fit["network"] > 0 and fit["local"] > 0
    assert np.mean(score[kinds == 3] >= 0) <= 0.04
    alone = [relevance_figures(found[name], kinds == 1)["accepted"] for name in ("network", "local")]
    assert np.mean(score[kinds == 1] >= 0) > max(alone) - 0.05
    useless = judge.fitted(found | {"local": -signal + random.normal(0, 2, 200) - found["network"]}, both)
    assert useless["local"] == 0.0 and useless["network"] > 0


def test_the_better_source_is_the_one_that_is_shown(pack_with_part, photos, tmp_path):
    pack = tmp_path / "pack"
    shutil.copytree(pack_with_part[0], pack)
    pictures: list = []

    def form(rgb):
        pictures.append(rgb)
        return np.asarray(len(pictures) - 1)

    small = [rgb[::2, ::2] for rgb in photos]
    maker = PairMaker(lambda row: small[row], [None] * 6, form, lambda row: np.ones(3, np.float32))
    some = maker.make(range(6), {"view": 3, "composite": 4, "stranger": 6}, 0, say=lambda _: None)
    section = judge.settle(pack, pictures, some, threads=1)
    row = section["compared"]
    better = {s: row[f"{s}_best_mIoU"] + row[f"{s}_pointing"] for s in ("indicative", "local")}
    assert section["evidence"] == (better["indicative"] > better["local"])
    manifest = load_manifest(pack)
    assert manifest.raw["indicative"]["network"] == section["network"]
    assert set(manifest.raw["map_thresholds"]) == {"indicative", "local"}
    assert manifest.digest == pack_with_part[1]
    assert verify_pack(pack, deep=False) == []


# --- the commands -----------------------------------------------------------------------------------------------


def test_the_command_trains_exports_and_measures_on_any_folder_of_photos(photos, tmp_path, capsys):
    folder = tmp_path / "data" / "train" / "mixed"
    folder.mkdir(parents=True)
    for at in range(22):
        whole = photos[at % 6]
        left, top = 20 * (at // 6), 15 * (at // 6)
        part = np.ascontiguousarray(whole[top : top + 150, left : left + 200])
        cv2.imwrite(str(folder / f"{at:02}.png"), part[..., ::-1])
    pack = make_tiny_pack(tmp_path / "tiny")
    places = ["--pack", str(pack), "--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache")]
    run = tmp_path / "run"
    train.main([*places, "--out", str(run), "--preset", "smoke", "--har", "predicted", "--export"])
    shown = capsys.readouterr().out
    assert "relevance_auc" in shown
    assert {path.name for path in run.iterdir()} >= {"checkpoint.pt", "losses.csv", "losses.png", "figures.json"}
    manifest = load_manifest(pack)
    assert manifest.raw["indicative"]["har"] == "predicted"
    made = sorted((tmp_path / "cache" / "indicative").iterdir())
    assert len(made) == 2
    export.main([*places, "--run", str(run), "--evidence", "no"])
    assert load_manifest(pack).raw["indicative"]["evidence"] is False
    assert sorted((tmp_path / "cache" / "indicative").iterdir()) == made  # nothing is made twice
    speed.main([str(pack / "indicative.onnx"), "--pairs", "2", "--batch", "2"])
    assert json.loads(capsys.readouterr().out.strip().splitlines()[-1])["seconds"] > 0
