"""Backbones of timm, CNN and transformer, untrained: exported, imported, and at work in a library."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from support.package_photos import photo, write_photos

from desktop_app import cli
from models.export import check_pack_folder
from models.export_timm import METADATA, export_backbone, is_two_tower, main, make_backbone

SMALL_TOWER = {"embed_dim": 48, "depth": 2, "num_heads": 2}
ARCHITECTURES = {
    # name of the model: (options that make it small, side of the pictures)
    "test_resnet": ({}, 128),
    "test_convnext": ({}, 128),
    "mobilenetv4_conv_small_035": ({}, 128),
    "efficientvit_b0": ({}, 128),
    "vit_little_patch16_reg4_gap_256": (SMALL_TOWER | {"img_size": 128}, None),  # class token, registers
    "vit_base_patch32_clip_224": (SMALL_TOWER | {"img_size": 128, "patch_size": 16}, None),  # the tower of CLIP
    "vit_base_patch16_siglip_224": (SMALL_TOWER | {"img_size": 96, "patch_size": 12}, None),  # and of SigLIP
}


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INDICIUM_HOME", str(tmp_path / "home"))
    write_photos(tmp_path / "photos", side=160)
    return tmp_path / "photos"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_is_imported_and_indexes_searches_and_explains(
    name: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    options, side = ARCHITECTURES[name]
    file = tmp_path / "backbone.onnx"
    export_backbone(make_backbone(name, random=True, **options), file, size=side, source=name)

    assert run("packs", "import", file, "--photos", photos, "--name", "mine", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["name"] == "mine" and made["photos"] == 12
    manifest = json.loads((Path(made["path"]) / "manifest.json").read_text("utf-8"))
    assert manifest["local"]["stride"] == (12 if "siglip" in name else 16)
    assert manifest["provenance"][0]["name"] == name
    assert any("as its exporter wrote" in note for note in made["notes"])
    assert run("packs", "verify", "mine") == 0

    library = tmp_path / "library"
    assert run("index", photos, "--library", library, "--pack", "mine", "--json") == 0
    capsys.readouterr()
    query = photos / "coffee-1.jpg"
    assert run("search", query, "--library", library, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"global", "local"} <= set(answer["stages_run"])
    assert len(answer["results"]) == 11
    assert Path(answer["results"][0]["path"]).name == "coffee-0.jpg"
    assert run("explain", query, photos / "coffee-0.jpg", "--pack", "mine", "--json") == 0
    evidence = json.loads(capsys.readouterr().out)
    assert 0 <= evidence["relevance"] <= 1
    for grid in (evidence["P"], evidence["Q"], *evidence["coattention"].values()):
        values = np.array(grid)
        assert values.ndim == 2 and values.size > 4 and np.isfinite(values).all() and values.min() >= 0


def test_the_exported_file_computes_what_the_model_does(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = make_backbone("test_resnet", random=True)
    export_backbone(net, tmp_path / "a.onnx", size=96, source="timm test_resnet")
    picture = torch.from_numpy(np.stack([photo("cat", side=160)[:96, :128]] * 3)).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        wanted = net(picture)
    assert wanted[1].shape == (3, 192, 6, 8), "the map of stride 16, not the last of 32"
    session = onnxruntime.InferenceSession(str(tmp_path / "a.onnx"), providers=["CPUExecutionProvider"])
    made = session.run(["embedding", "map"], {"image": picture.numpy()})
    for ours, theirs in zip(made, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-3)
    entry = {entry.key: entry.value for entry in onnx.load(str(tmp_path / "a.onnx")).metadata_props}[METADATA]
    written = json.loads(entry)
    assert written["size"] == 96 and len(written["mean"]) == 3 and written["source"] == "timm test_resnet"


def test_the_command_reads_local_weights_and_fetches_nothing(tmp_path: Path) -> None:
    torch.manual_seed(5)
    net = make_backbone("test_resnet", random=True, num_classes=0)
    weights = tmp_path / "weights.pth"
    torch.save(net.model.state_dict(), weights)
    main(["timm:test_resnet", "--weights", str(weights), "--size", "64", "--out", str(tmp_path / "a.onnx")])
    session = onnxruntime.InferenceSession(str(tmp_path / "a.onnx"), providers=["CPUExecutionProvider"])
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = net(picture)[0].numpy()
    np.testing.assert_allclose(session.run(["embedding"], {"image": picture.numpy()})[0], wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["timm:no_such_model", "--random"], "no model called no_such_model"),
        (["timm:test_resnet", "--weights", "missing.pth"], "no file missing.pth"),
    ],
)
def test_what_cannot_be_exported_is_said_in_a_sentence(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=sentence):
        main([*arguments, "--out", str(tmp_path / "a.onnx")])
    assert not (tmp_path / "a.onnx").exists()


@pytest.mark.parametrize(
    "arguments", [["resnet18"], ["timm:"], ["timm:test_resnet", "--random", "--weights", "x"]]
)
def test_usage_errors_end_with_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2


def test_the_head_of_two_towers_is_kept_and_a_classifier_is_not() -> None:
    assert is_two_tower("vit_base_patch16_clip_224.openai")
    assert not is_two_tower("vit_base_patch16_clip_224.openai_ft_in1k")
    assert not is_two_tower("resnet18.a1_in1k")


def test_a_pack_is_never_written_over_other_files(tmp_path: Path) -> None:
    check_pack_folder(tmp_path / "new")
    (tmp_path / "embed.onnx").write_bytes(b"old")
    check_pack_folder(tmp_path)
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds thesis\.txt, which is no part of a pack"):
        check_pack_folder(tmp_path)
