"""From an ONNX file to an installed pack: what is assumed, what is learnt, what is left behind when it fails."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from support.backbones import CHANNELS, Graph, channels_last, cnn, patches, transformer
from support.package_photos import SUBJECTS, photo, write_photos

from desktop_app import cli
from desktop_app.domain.devices import Device
from desktop_app.evaluation.unlabelled import calibrate_unlabelled, changed_view
from desktop_app.inference.backbone import Backbone, find_outputs
from desktop_app.inference.backbone_file import read_backbone
from desktop_app.inference.packs import load_manifest, verify_pack
from desktop_app.inference.session import OnnxEmbedder
from desktop_app.inference.trial import probe_batch
from desktop_app.retrieval.made_views import make_view
from desktop_app.services.pack_heads import (
    NORMALISATIONS,
    choose_normalisation,
    choose_pooling,
    learn_cells,
    learn_descriptor,
)
from desktop_app.services.pack_import import shapes_like
from desktop_app.services.pack_pictures import embed_pictures


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INDICIUM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_photos(tmp_path / "photos", side=160)
    return tmp_path / "photos"


@pytest.fixture
def pictures() -> list[np.ndarray]:
    return [photo(name, side=160, cut=cut) for name in SUBJECTS for cut in (0.0, 0.2)]


def imported(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[dict, dict]:
    """The command's answer and the manifest that it wrote."""
    assert run("packs", "import", *arguments, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    return made, json.loads((Path(made["path"]) / "manifest.json").read_text("utf-8"))


def test_a_cnn_of_any_size_becomes_a_pack(home: Path, photos: Path, tmp_path: Path, capsys) -> None:
    made, manifest = imported(capsys, cnn(tmp_path / "My net (1).onnx"), "--photos", photos, "--size", "96x128")
    assert made["name"] == "My-net-1" and made["photos"] == 12
    assert Path(made["path"]) == home / "packs" / "My-net-1"
    assert verify_pack(Path(made["path"]), deep=True) == []
    assert manifest["input"]["shapes"] == [[96, 128]] and manifest["input"]["layout"] == "NCHW"
    assert manifest["outputs"]["alpha"]["shape"] == ["B", CHANNELS]
    assert manifest["local"] | {"clusters": 0} == {
        "stride": 16,
        "clusters": 0,
        "code_bits": 24,
        "dimension": 24,
        "map_dimension": 48,
    }
    assert set(manifest["files"]) == {"embed.onnx", "code.onnx"}
    assert any("ImageNet" in note for note in made["notes"])
    assert manifest["import"]["notes"] == made["notes"]
    assert list((home / "packs").iterdir()) == [home / "packs" / "My-net-1"], "nothing else is left there"
    assert run("packs", "list") == 0 and "My-net-1" in capsys.readouterr().out


def test_descriptors_of_an_imported_pack_find_the_same_photo(
    home: Path, photos: Path, tmp_path: Path, capsys
) -> None:
    made, _ = imported(capsys, transformer(tmp_path / "vit.onnx"), "--photos", photos)
    embedder = OnnxEmbedder(Path(made["path"]), device=Device.CPU)
    assert embedder.manifest.local is not None and embedder.manifest.local.stride == 14
    whole = embed_pictures(embedder, [photo(name) for name in SUBJECTS])
    parts = embed_pictures(embedder, [photo(name, cut=0.06) for name in SUBJECTS])
    cosines = np.stack([one.alpha for one in parts]) @ np.stack([one.alpha for one in whole]).T
    assert (cosines.argmax(axis=1) == np.arange(len(SUBJECTS))).mean() >= 0.8
    bits = np.stack([np.unpackbits(one.alpha_code) for one in whole])
    assert bits.shape == (len(SUBJECTS), CHANNELS) and 0.2 < bits.mean() < 0.8
    features = whole[0].local_features
    assert features is not None and features.shape == (8, 8, 24)
    logits = embedder.code_logits(np.concatenate([one.local_features.reshape(-1, 24) for one in whole]))
    assert logits is not None and 0.25 < (logits >= 0).mean() < 0.75
    embedder.close()


def test_a_graph_that_normalises_itself_gets_whole_pixels(
    home: Path, photos: Path, tmp_path: Path, capsys
) -> None:
    made, manifest = imported(capsys, channels_last(tmp_path / "net.onnx"), "--photos", photos)
    assert any("begins with a normalisation of its own" in note for note in made["notes"])
    assert manifest["input"]["mean"] == [0, 0, 0]
    np.testing.assert_allclose(manifest["input"]["std"], [1 / 255] * 3)
    assert manifest["input"]["layout"] == "NHWC" and manifest["local"]["stride"] == 8


def test_a_backbone_without_places_becomes_a_pack_without_evidence(
    home: Path, photos: Path, tmp_path: Path, capsys
) -> None:
    graph = Graph(["B", 3, 64, 64])
    flat = graph.add("Flatten", patches(graph, "picture", stride=16), axis=1)
    weight = np.random.default_rng(0).normal(size=(16 * CHANNELS, 40)).astype(np.float32)
    graph.add("MatMul", flat, graph.weight(weight), out="features")
    graph.output("features", ["B", 40])
    made, manifest = imported(capsys, graph.save(tmp_path / "net.onnx"), "--photos", photos, "--name", "plain")
    assert manifest["local"] is None and set(manifest["files"]) == {"embed.onnx"}
    assert manifest["relevance"]["inputs"] == ["global"]
    assert load_manifest(Path(made["path"])).local is None
    library = tmp_path / "library"
    assert run("index", photos, "--library", library, "--pack", "plain") == 0
    capsys.readouterr()
    assert run("search", photos / "cat-1.jpg", "--library", library, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["results"]) == 11
    assert run("packs", "remove", "plain", "--library", library) == 2
    assert "works with the pack plain" in capsys.readouterr().err
    assert run("packs", "remove", "plain", "--library", library, "--force") == 0
    assert not Path(made["path"]).exists()


def test_what_is_given_overrides_what_is_found(home: Path, photos: Path, tmp_path: Path, capsys) -> None:
    options = ("--mean", "0.1,0.2,0.3", "--std", "0.4,0.5,0.6", "--size", "64")
    made, manifest = imported(capsys, cnn(tmp_path / "net.onnx"), "--photos", photos, *options)
    assert manifest["input"]["mean"] == [0.1, 0.2, 0.3] and manifest["input"]["std"] == [0.4, 0.5, 0.6]
    assert manifest["input"]["shapes"] == [[64, 64]] and "normalisation: as given" in made["notes"]


def test_photos_come_from_a_library_too(home: Path, photos: Path, tiny_pack: Path, tmp_path: Path, capsys) -> None:
    library = tmp_path / "library"
    assert run("index", photos, "--library", library, "--pack", tiny_pack) == 0
    capsys.readouterr()
    made, _ = imported(capsys, cnn(tmp_path / "net.onnx"), "--library", library, "--size", "96")
    assert made["photos"] == 12


# --- what is refused -------------------------------------------------------------------------------------------


def test_a_failed_import_leaves_nothing_behind(home: Path, photos: Path, tmp_path: Path, capsys) -> None:
    graph = Graph(["B", 3, 64, 64])
    graph.add("ReduceMean", "picture", out="brightness", keepdims=1)
    graph.output("brightness", ["B", 1, 1, 1])
    assert run("packs", "import", graph.save(tmp_path / "net.onnx"), "--photos", photos) == 1
    captured = capsys.readouterr()
    assert "none of its outputs ('brightness'" in captured.err and captured.out == ""
    assert list((home / "packs").iterdir()) == []


def test_an_operator_that_the_runtime_lacks_is_named(home: Path, photos: Path, tmp_path: Path, capsys) -> None:
    graph = Graph(["B", 3, 64, 64])
    graph.add("NoSuchOperator", "picture", out="features")
    graph.output("features", ["B", CHANNELS])
    assert run("packs", "import", graph.save(tmp_path / "net.onnx"), "--photos", photos) == 1
    assert "NoSuchOperator" in capsys.readouterr().err


def test_one_descriptor_for_all_photos_is_refused(home: Path, photos: Path, tmp_path: Path, capsys) -> None:
    graph = Graph(["B", 3, 64, 64])
    dead = graph.add("Mul", "picture", graph.weight(np.zeros(1, np.float32)))
    moved = graph.add("Add", patches(graph, dead, stride=16), graph.weight(np.ones(1, np.float32)))
    graph.add("Flatten", graph.add("GlobalAveragePool", moved), out="features", axis=1)
    graph.output("features", ["B", CHANNELS])
    assert run("packs", "import", graph.save(tmp_path / "net.onnx"), "--photos", photos) == 1
    assert "the same descriptors for all photos" in capsys.readouterr().err


def test_names_that_are_taken_and_too_few_photos_are_refused(
    home: Path, photos: Path, tmp_path: Path, capsys
) -> None:
    net = cnn(tmp_path / "net.onnx")
    assert run("packs", "import", net, "--photos", photos, "--name", "indicium-s") == 2
    assert "already a pack called indicium-s" in capsys.readouterr().err
    assert run("packs", "import", net, "--photos", photos, "--name", "../up") == 2
    few = tmp_path / "few"
    few.mkdir()
    (photos / "cat-0.jpg").rename(few / "cat-0.jpg")
    (few / "broken.jpg").write_bytes(b"nothing")
    assert run("packs", "import", net, "--photos", few) == 2
    assert "holds 1 photos that can be read" in capsys.readouterr().err


def test_shipped_packs_and_foreign_folders_are_never_removed(home: Path, tmp_path: Path, capsys) -> None:
    packs = home / "packs"
    (packs / "notes").mkdir(parents=True)
    (packs / "notes" / "letter.txt").write_text("mine")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "manifest.json").write_text("{}")
    (packs / "link").symlink_to(outside)
    for name, sentence in (
        ("indicium-s", "came with the application"),
        ("notes", "no added pack called 'notes'"),
        ("link", "leads out of the folder"),
        ("..", "no added pack"),
    ):
        assert run("packs", "remove", name) == 2
        assert sentence in capsys.readouterr().err
    assert (packs / "notes" / "letter.txt").exists() and (outside / "manifest.json").exists()


# --- what is learnt --------------------------------------------------------------------------------------------


def test_the_normalisation_with_which_views_agree_is_chosen(tmp_path: Path, pictures) -> None:
    """A backbone that sees only what lies between 100 and 160 of 255: anything but 0..255 blinds it."""
    graph = Graph(["B", 3, 64, 64])
    shifted = graph.add("Relu", "picture")
    low = graph.add("Relu", graph.add("Add", shifted, graph.weight(np.array(-90, np.float32))))
    flat = graph.add("GlobalAveragePool", patches(graph, low, stride=16))
    graph.add(
        "Flatten", graph.add("Add", flat, graph.weight(np.full(1, 1e-3, np.float32))), out="features", axis=1
    )
    graph.output("features", ["B", CHANNELS])
    file = read_backbone(graph.save(tmp_path / "a.onnx"))
    onnx.save(file.model, str(tmp_path / "b.onnx"))
    backbone = Backbone(file, tmp_path / "b.onnx", threads=1)
    spec = backbone.input_spec(size=None)
    found = find_outputs(backbone.run(probe_batch((64, 64)), spec), (64, 64), batch=2)
    choice = choose_normalisation(backbone, spec, found, pictures, changed_view)
    assert choice.name == "values from 0 to 255" and "agree best" in choice.words


def test_the_usual_normalisation_stays_unless_another_is_clearly_better(tmp_path: Path, pictures) -> None:
    file = read_backbone(cnn(tmp_path / "a.onnx"))
    onnx.save(file.model, str(tmp_path / "b.onnx"))
    backbone = Backbone(file, tmp_path / "b.onnx", threads=1)
    spec = backbone.input_spec(size=(64, 64))
    found = backbone.find(spec)
    choice = choose_normalisation(backbone, spec, found, pictures, changed_view)
    assert choice.name in NORMALISATIONS
    bare = find_outputs({"map": backbone.run(probe_batch((64, 64)), spec)["map"]}, (64, 64), batch=2)
    assert choose_pooling(backbone, spec, bare, pictures, changed_view).name.endswith("mean of the cells")


def test_heads_have_the_promised_sizes() -> None:
    random = np.random.default_rng(0)
    wide = learn_descriptor(random.normal(size=(30, 700)))
    assert wide.weight.shape == (512, 700) and wide.code_weight.shape == (512, 512)
    np.testing.assert_allclose(wide.weight @ wide.weight.T, np.eye(512), atol=1e-6)
    odd = learn_descriptor(random.normal(size=(30, 100)))
    assert odd.weight.shape == (100, 100) and odd.code_weight.shape == (96, 100)
    assert learn_cells(random.normal(size=(500, 300))).weight.shape == (128, 300)
    assert learn_cells(random.normal(size=(500, 30))).weight.shape == (24, 30)


def test_shapes_cover_the_usual_aspect_ratios_at_about_the_same_area() -> None:
    shapes = shapes_like((224, 224), multiple=32)
    assert shapes[0] == (224, 224) and (192, 256) in shapes and (256, 192) in shapes
    assert all(height % 32 == width % 32 == 0 for height, width in shapes)
    assert all(0.75 < height * width / 224**2 < 1.25 for height, width in shapes)


def test_scores_are_calibrated_without_labels(tiny_pack: Path, pictures) -> None:
    embedder = OnnxEmbedder(tiny_pack, device=Device.CPU)
    doubled = [*pictures, pictures[0].copy()]

    def embed(asked):
        return embed_pictures(embedder, asked)

    sections, figures = calibrate_unlabelled(doubled, embed, embedder.code_logits)
    assert set(sections) >= {"thresholds", "relevance", "fusion", "calibration"}
    assert figures["relevant_strangers"] <= 0.05 and figures["relevant_hard_strangers"] <= 0.1
    assert figures["relevant_matching"] >= 0.2  # of views, by a network of random weights, at that bound
    curve = sections["calibration"]["global"]
    alphas = np.stack([one.alpha for one in embed(pictures)])
    views = [make_view(rgb, np.random.default_rng(at)).rgb for at, rgb in enumerate(pictures)]
    own = np.sum(np.stack([one.alpha for one in embed(views)]) * alphas, axis=1)
    others = (alphas @ alphas.T)[~np.eye(len(alphas), dtype=bool)]
    score = 1 / (1 + np.exp(-(curve["scale"] * np.array([own.mean(), others.mean()]) + curve["offset"])))
    assert score[0] > 0.5 > score[1]
    embedder.close()


def test_half_precision_backbones_are_called_so(home: Path, photos: Path, tmp_path: Path, capsys) -> None:
    graph = Graph(["B", 3, 64, 64], dtype=TensorProto.FLOAT16)
    kernel = np.random.default_rng(0).normal(size=(CHANNELS, 3, 16, 16)).astype(np.float16) / 16
    cells = graph.add("Relu", graph.add("Conv", "picture", graph.weight(kernel), strides=[16, 16]), out="map")
    graph.add("Flatten", graph.add("GlobalAveragePool", cells), out="features", axis=1)
    graph.output("map", ["B", CHANNELS, 4, 4], TensorProto.FLOAT16)
    graph.output("features", ["B", CHANNELS], TensorProto.FLOAT16)
    _, manifest = imported(capsys, graph.save(tmp_path / "net.onnx"), "--photos", photos)
    assert manifest["precision"] == "fp16" and manifest["input"]["dtype"] == "float16"
