"""Training, export and calibration for real, on photographs, in seconds."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from skimage import data as photographs

from desktop_app.inference.packs import load_manifest, verify_pack
from desktop_app.retrieval.parameters import RetrievalParameters
from models import checkpoint
from models.calibrate import update_manifest
from models.card import END, START, add_notes
from models.data import PhotoCache, holdout_classes, list_photos
from models.evaluate.speed import measure
from models.evaluate.teacher import ranked_figures
from models.export import parity
from models.graph import export_codes, export_embedder, halve_weights, quantise
from models.heads import HeadSettings, learn_heads
from models.manifest import described, shapes_of_area, write_manifest
from models.near_copies import fingerprint, near_copies
from models.networks.student import Embedder
from models.packs_io import load_pack_weights, weights_in
from models.settings import PRESETS
from models.targets import to_input
from models.train import make_student, train

SMOKE = PRESETS["smoke"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train/<set>/<class>/ with parts of real photographs, and an evaluate/ that repeats one of them mirrored."""
    root = tmp_path_factory.mktemp("photos")
    for name in ("astronaut", "coffee", "cat", "rocket"):
        rgb = getattr(photographs, name)()
        height, width = rgb.shape[:2]
        for i, (top, left) in enumerate(((0, 0), (0, width // 2), (height // 2, 0), (height // 2, width // 2))):
            part = rgb[top : top + height // 2, left : left + width // 2]
            path = root / "train" / "shots" / name / f"{i}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), cv2.cvtColor(part, cv2.COLOR_RGB2BGR))
            if name == "coffee" and i == 0:
                copy = root / "evaluate" / "shots" / "cup" / "other name.jpg"
                copy.parent.mkdir(parents=True)
                mirrored = cv2.resize(part[:, ::-1], None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
                cv2.imwrite(str(copy), cv2.cvtColor(mirrored, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 70])
    return root


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished smoke run."""
    out = tmp_path_factory.mktemp("runs") / "smoke"
    train(photos, out, SMOKE)
    return out


def losses(run: Path, phase: str, term: str) -> list[float]:
    with (run / "losses.csv").open() as file:
        return [float(row[4]) for row in csv.reader(file) if row[0] == phase and row[3] == term]


@pytest.fixture(scope="module")
def learnt(run: Path, photos: Path) -> tuple[Embedder, object]:
    state = checkpoint.load(run / "checkpoint.pt")
    assert state is not None
    student = make_student(SMOKE)
    student.load_state_dict(state.tensors["average"])
    cache = PhotoCache.build(photos, list_photos(photos), run / "cache")
    pictures = [cv2.resize(cache.decode(row), (96, 64)) for row in range(len(cache))]
    return learn_heads(student, pictures * 6, HeadSettings(code_steps=20))


def test_a_small_training_lowers_its_loss(run: Path) -> None:
    joint = losses(run, "joint", "loss")
    assert len(joint) >= 2
    assert min(joint[-2:]) < joint[0] * 0.9
    assert (run / "losses.png").stat().st_size > 1000


def test_near_copies_of_evaluation_photos_are_left_out_also_mirrored(run: Path) -> None:
    assert json.loads((run / "photos.json").read_text()) == {"photos": 15, "near_copies_left_out": 1}


def test_a_hash_survives_recompression_and_tells_photographs_apart() -> None:
    cup, cat = photographs.coffee(), photographs.cat()
    ok, data = cv2.imencode(".jpg", cup, [cv2.IMWRITE_JPEG_QUALITY, 40])
    assert ok
    again = cv2.resize(cv2.imdecode(data, cv2.IMREAD_COLOR), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    grey = np.full((50, 50, 3), 128, np.uint8)
    candidates = np.array([fingerprint(again), fingerprint(cat), fingerprint(grey)], np.uint64)
    known = np.array([fingerprint(cup), fingerprint(grey)], np.uint64)
    assert near_copies(candidates, known).tolist() == [True, False, False]


def test_a_killed_training_goes_on_from_its_checkpoint(photos: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "models.train",
        "--data",
        str(photos),
        "--out",
        str(tmp_path),
        "--preset",
        "smoke",
    ]
    command += ["--phases", "joint", "--steps", "100000", "--cache", str(tmp_path / "cache")]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "2"}
    )
    try:
        deadline = time.monotonic() + 900  # only so that nothing waits for ever
        while not (tmp_path / "checkpoint.pt").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = checkpoint.load(tmp_path / "checkpoint.pt")
    assert before is not None and before.step >= SMOKE.checkpoint_every
    settings = replace(SMOKE, steps=before.step + 7)
    train(photos, tmp_path, settings, cache=tmp_path / "cache", phases=("joint",))
    after = checkpoint.load(tmp_path / "checkpoint.pt")
    assert after is not None
    assert after.step == after.tensors["average_step"] == before.step + 7
    steps = [int(row[1]) for row in csv.reader((tmp_path / "losses.csv").open()) if row[3] == "loss"]
    assert max(steps) <= after.step


def test_labels_teach_the_second_descriptor(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, replace(SMOKE, steps=10), phases=("joint",))
    assert losses(tmp_path, "joint", "arcface")


def test_every_fourth_class_of_a_labelled_set_is_held_out(photos: Path) -> None:
    assert holdout_classes(list_photos(photos), ["shots"]) == {"shots/rocket"}


def test_the_exported_graph_agrees_with_pytorch(learnt: tuple[Embedder, object], tmp_path: Path) -> None:
    net, codes = learnt
    export_embedder(net, tmp_path / "embed.onnx")
    export_codes(codes, tmp_path / "code.onnx")
    random = np.random.default_rng(0)
    for shape in ((1, 64, 96), (3, 96, 64)):
        images = random.integers(0, 256, (*shape, 3), dtype=np.uint8)
        assert parity(net, tmp_path / "embed.onnx", images) >= 0.999
        made = onnxruntime.InferenceSession(str(tmp_path / "embed.onnx")).run(None, {"image": images})
        with torch.no_grad():
            wanted = [value.numpy() for value in net(torch.from_numpy(images))]
        for got, value in zip(made, wanted, strict=True):
            assert got.shape == value.shape
        assert np.allclose(made[2], wanted[2], atol=1e-4)
        assert np.allclose(made[4], wanted[4], atol=1e-3)
    halve_weights(tmp_path / "embed.onnx", tmp_path / "half.onnx")
    assert parity(net, tmp_path / "half.onnx", images) >= 0.999
    x = random.standard_normal((5, 128)).astype(np.float32)
    logits = onnxruntime.InferenceSession(str(tmp_path / "code.onnx")).run(None, {"features": x})[0]
    with torch.no_grad():
        assert np.allclose(logits, codes(torch.from_numpy(x)).numpy(), atol=1e-4)


def test_training_goes_on_from_the_weights_of_a_pack(learnt: tuple[Embedder, object], tmp_path: Path) -> None:
    net, _ = learnt
    images = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    crops = to_input(torch.from_numpy(images))
    with torch.no_grad():
        wanted = net.student(crops)
    export_embedder(net, tmp_path / "embed.onnx")
    quantise(tmp_path / "embed.onnx", tmp_path / "int8.onnx", [images, images], keep=("fusion",))
    for name, least in (("embed.onnx", 0.9999), ("int8.onnx", 0.98)):
        folder = tmp_path / name.removesuffix(".onnx")
        folder.mkdir()
        (folder / "embed.onnx").write_bytes((tmp_path / name).read_bytes())
        student = make_student(SMOKE)
        load_pack_weights(folder, student, crops)
        for training in (False, True):
            with torch.no_grad():
                made = student.train(training)(crops)
            assert float(torch.cosine_similarity(made.descriptor, wanted.descriptor).min()) >= least
            if not training:  # four photos are too few for beta's batch statistics
                assert float(torch.cosine_similarity(made.beta, wanted.beta).min()) >= least
    assert "fusion.rfb.pool.p" in weights_in(tmp_path / "int8" / "embed.onnx")


def test_a_written_manifest_is_one_that_the_application_accepts(
    learnt: tuple[Embedder, object], tmp_path: Path
) -> None:
    net, codes = learnt
    export_embedder(net, tmp_path / "embed.onnx")
    export_codes(codes, tmp_path / "code.onnx")
    for name in ("LICENSE", "MODEL_CARD.md"):
        (tmp_path / name).write_text("text\n")
    write_manifest(
        tmp_path, shapes=[(64, 64), (64, 96)], precision="fp32", version="1.0.0", figures={}, sections={},
        dimension=64, map_dimension=32,
    )  # fmt: skip
    sections = {
        "thresholds": {"similar": 0.4, "same_thing": 0.6, "almost_certain": 0.9},
        "relevance": {"kind": "logistic", "inputs": ["global"], "weights": [2.0], "bias": -1.0},
        "fusion": {"global": 1.0, "local": 0.5, "negative": 0.4},
        "calibration": {"global": {"kind": "logistic", "scale": 3.0, "offset": -1.0}},
    }
    before = (tmp_path / "embed.onnx").read_bytes()
    update_manifest(tmp_path, sections, {"holdout_instant_mAP": 0.123456})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["files"]["embed.onnx"] == described(tmp_path / "embed.onnx")
    assert (tmp_path / "embed.onnx").read_bytes() == before
    assert manifest["figures"]["calibration"] == {"holdout_instant_mAP": 0.1235}
    assert RetrievalParameters.from_manifest(manifest).fusion.local == 0.5
    (tmp_path / "MODEL_CARD.md").write_text(f"# Card\n\n{START}old\n\n{END}- rain\n")
    add_notes(tmp_path, "grocery .5\n")
    assert (tmp_path / "MODEL_CARD.md").read_text() == f"# Card\n\n{START}grocery .5\n\n{END}- rain\n"
    load_manifest(tmp_path)
    assert verify_pack(tmp_path, deep=False) == []


@pytest.mark.parametrize("side", [224, 256, 288])
def test_input_shapes_have_about_the_area_and_cover_panoramas(side: int) -> None:
    shapes = shapes_of_area(side)
    assert shapes[0][0] == shapes[0][1]
    assert {(w, h) for h, w in shapes} == set(shapes)
    assert max(w / h for h, w in shapes) >= 2.5
    for height, width in shapes:
        assert height % 32 == 0 and width % 32 == 0
        assert 0.7 <= height * width / side**2 <= 1.35


def test_a_ranking_figure_is_that_of_the_plain_definition() -> None:
    vectors = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.8, 0.5], [0.1, 1.0]])
    figures = ranked_figures(vectors, ["a", "a", "b", "b", "alone"])
    # a: both find the other first. b: 2 ranks (alone, 3, ...) -> 1/2; 3 ranks (1, 0, then 2 or alone) -> 1/4.
    assert figures["mAP"] == pytest.approx((1 + 1 + 1 / 2 + 1 / 4) / 4)
    assert figures["R@1"] == pytest.approx(0.5)


def test_the_speed_command_compares_within_one_run(learnt: tuple[Embedder, object], tmp_path: Path) -> None:
    export_embedder(learnt[0], tmp_path / "embed.onnx")
    result = measure(tmp_path / "embed.onnx", [(64, 64)], threads=1, rounds=2)
    assert result["ResNet-18"]["ratio"] == 1.0
    assert result["64 x 64"]["ms"] > 0
