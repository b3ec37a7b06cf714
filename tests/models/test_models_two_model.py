"""Choosing and measuring two-model re-ranking, on made-up features and with a small pack."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data as photographs
from support.tiny_pack import make_tiny_pack

from desktop_app.inference.packs import load_manifest, verify_pack
from desktop_app.retrieval.components import ComponentParameters, mutual_knn_components
from desktop_app.retrieval.two_model import Described, TwoModelParameters
from models.evaluate import two_model
from models.evaluate.two_model import (
    ALPHA,
    BETA,
    BLENDED,
    JOINT,
    LITERAL,
    PhotoSet,
    Reranker,
    choose,
    goal,
    main,
    measure,
    query_groups,
    report,
)

FEW = {"candidates": (8, 100), "lambda1": (0.0, 0.1), "lambda3": (0.1, 0.3)}


def photo_set(seed: int, *, noise: float = 1.2, classes: int = 5, each: int = 6) -> PhotoSet:
    """Two models whose errors are independent, and photos in a random order."""
    random = np.random.default_rng(seed)
    truth = random.permutation(np.repeat(np.arange(classes), each))

    def model(dimension: int) -> Described:
        x = random.normal(size=(classes, dimension))[truth] + noise * random.normal(size=(len(truth), dimension))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        planes = random.normal(size=(dimension, 32))
        return Described(x.astype(np.float32), np.packbits(x @ planes >= 0, axis=1))

    return PhotoSet(model(12), model(8), truth)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small grid."""
    monkeypatch.setattr(two_model, "CHOICES", FEW)
    monkeypatch.setattr(two_model, "BLENDS", (0.5,))
    monkeypatch.setattr(two_model, "WEIGHTS", (0.3, 0.5))
    monkeypatch.setattr(two_model, "GROUPS", (ComponentParameters(3, 0.2), ComponentParameters(5, 0.5)))


def test_the_concatenation_is_a_weighted_sum_of_cosines() -> None:
    photos = photo_set(0)
    joint = photos.joint(0.3)
    wanted = 0.7 * photos.alpha.features @ photos.alpha.features.T + 0.3 * (
        photos.beta.features @ photos.beta.features.T
    )
    assert np.allclose(joint @ joint.T, wanted, atol=1e-5)


def test_a_query_takes_no_part_in_its_groups() -> None:
    photos = photo_set(1)
    parameters = ComponentParameters(4, 0.3)
    for query, found in zip(photos.queries, query_groups(photos, 0.5, parameters), strict=True):
        rest = np.delete(photos.joint(0.5), query, 0)
        assert np.array_equal(np.delete(found, query), mutual_knn_components(rest, parameters))


@pytest.mark.parametrize("candidates", [7, 500])
def test_every_other_photo_is_ranked_once_the_head_before_the_tail(candidates: int) -> None:
    photos = photo_set(2)
    reranker = Reranker(photos, BETA)
    heads = reranker.lists(candidates)[0].rows
    for at, (query, order) in enumerate(reranker._whole(heads)):
        assert sorted([query, *order]) == list(range(30))
        assert order[: len(heads[at])].tolist() == heads[at].tolist()
        tail = order[len(heads[at]) :]
        cosines = photos.beta.features[tail] @ photos.beta.features[query]
        assert (np.diff(cosines) <= 1e-6).all()


def test_without_any_change_it_is_the_base_models_own_ranking() -> None:
    photos = photo_set(3)
    nothing = TwoModelParameters(100, 100, 100, lambda1=0, lambda2=0, lambda3=0, lambda4=0)
    for base, features in ((ALPHA, photos.alpha.features), (BETA, photos.beta.features)):
        found = Reranker(photos, base).figures(nothing, None)
        assert found == pytest.approx(two_model._cosine_figures(photos, features))
    all_of_the_other = Reranker(photos, ALPHA).figures(replace(nothing, blend=1.0), None)
    assert all_of_the_other == pytest.approx(two_model._cosine_figures(photos, photos.beta.features))


def test_the_choice_is_the_best_that_was_tried_and_helps_where_two_models_err_apart(few: None) -> None:
    sets = [photo_set(seed) for seed in (4, 5, 6)]
    choice = choose(sets, rounds=1)
    again = [measure(photos, choice) for photos in sets]
    for name in (ALPHA, BETA, JOINT, LITERAL, BLENDED):
        assert goal(figures[name] for figures in again) == pytest.approx(choice.figures[name])
    assert choice.figures[BLENDED] > max(choice.figures[ALPHA], choice.figures[BETA])
    section = json.loads(json.dumps(choice.section()))
    assert TwoModelParameters.from_manifest(section) == choice.best.parameters
    assert ComponentParameters(**section["groups"]) == choice.best.groups


def test_the_report_compares_with_the_better_model_of_each_measure() -> None:
    random = np.random.default_rng(0)
    alpha, beta = random.uniform(0.4, 0.6, size=(2, 80, 3))
    alpha[:, 0] += 0.1
    beta[:, 1] += 0.1
    joint = np.maximum(alpha, beta) + 0.05
    row = report({ALPHA: alpha, BETA: beta, JOINT: joint})[JOINT]
    difference = row["minus the better of both"]
    assert difference["mAP"]["difference"] == pytest.approx((joint - alpha)[:, 0].mean(), abs=1e-6)
    assert difference["R@1"]["difference"] == pytest.approx((joint - beta)[:, 1].mean(), abs=1e-6)
    assert difference["mAP"]["low"] > 0


def write_classes(folder: Path, names: list[str]) -> None:
    """Overlapping parts of one photograph per class, turned so that names may share a photograph."""
    for number, name in enumerate(names):
        rgb = np.rot90(getattr(photographs, ("astronaut", "coffee", "cat", "rocket")[number % 4])(), number // 4)
        (folder / name).mkdir(parents=True)
        for i in range(3):
            part = rgb[i * 8 : i * 8 + 240, i * 16 : i * 16 + 320]
            cv2.imwrite(
                str(folder / name / f"{i}.png"), cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2BGR)
            )


def test_the_command_measures_and_writes_the_manifest(
    tmp_path: Path, few: None, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = make_tiny_pack(tmp_path / "pack", second=True)
    digest = load_manifest(pack).digest
    write_classes(tmp_path / "data" / "train" / "grocery", [f"class {letter}" for letter in "abcdefgh"])
    write_classes(tmp_path / "other", ["one", "two", "three"])
    out = tmp_path / "figures.json"
    arguments = [str(pack), "--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache")]
    main([*arguments, "--evaluate", str(tmp_path / "other"), "--write", "--out", str(out)])
    document = json.loads(capsys.readouterr().out)
    assert json.loads(out.read_text()) == document
    assert document["evaluate"]["other"]["queries"] == 9
    systems = document["evaluate"]["other"]["systems"]
    assert set(systems) >= {ALPHA, BETA, JOINT, LITERAL, BLENDED}
    assert all(0.3 < row["mAP"] <= 1 for row in systems.values())
    manifest = load_manifest(pack)
    assert manifest.raw["rerank"] == document["chosen"]
    assert manifest.digest == digest
    assert verify_pack(pack, deep=False) == []


def test_a_pack_without_a_second_model_is_refused(tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "pack")
    write_classes(tmp_path / "data" / "train" / "grocery", list("abcd"))
    with pytest.raises(SystemExit, match="no second descriptor"):
        main([str(pack), "--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache")])
