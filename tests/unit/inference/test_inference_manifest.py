from __future__ import annotations

import hashlib
import json

import pytest
from support.tiny_pack import SHAPES, change_manifest, make_tiny_pack

from desktop_app.domain.errors import PackError
from desktop_app.inference.packs import load_manifest, pack_digest


@pytest.fixture
def pack(tmp_path):
    return make_tiny_pack(tmp_path / "tiny")


def test_everything_of_a_good_manifest_is_read(tiny_pack):
    manifest = load_manifest(tiny_pack)
    assert (manifest.name, manifest.version, manifest.licence) == ("tiny", "1.0.0", "CC0-1.0")
    assert manifest.input.shapes == SHAPES
    assert list(manifest.outputs) == ["alpha", "alpha_code", "attention", "local_map", "local_features"]
    assert manifest.outputs["local_map"].shape == ("B", 256, "h", "w")
    assert manifest.local is not None
    assert (manifest.local.stride, manifest.local.code_bits) == (16, 128)
    assert manifest.provenance[0].use == "tests"
    assert manifest.raw["thresholds"]["similar"] == 0.5
    assert manifest.bytes == sum((tiny_pack / name).stat().st_size for name in manifest.files)


def test_the_digest_is_the_documented_one(tiny_pack):
    raw = json.loads((tiny_pack / "manifest.json").read_text())
    sums = {
        name: hashlib.sha256((tiny_pack / name).read_bytes()).hexdigest() for name in ("code.onnx", "embed.onnx")
    }
    lines = f"code.onnx {sums['code.onnx']}\nembed.onnx {sums['embed.onnx']}\n"
    text = lines + json.dumps(
        {"input": raw["input"], "local": raw["local"], "outputs": raw["outputs"]},
        sort_keys=True,
        separators=(",", ":"),
    )
    assert pack_digest(load_manifest(tiny_pack)) == hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def test_the_digest_changes_with_what_features_depend_on_and_with_nothing_else(pack, tmp_path):
    digest = load_manifest(pack).digest
    change_manifest(pack, thresholds={"similar": 0.1}, calibration={}, version="2.0", title="Other", fusion={})
    assert load_manifest(pack).digest == digest
    change_manifest(pack, input={"shapes": [[224, 224]]})
    assert load_manifest(pack).digest != digest
    assert load_manifest(make_tiny_pack(tmp_path / "other", seed=1)).digest != digest


def test_only_alpha_is_mandatory(pack):
    raw = json.loads((pack / "manifest.json").read_text())
    raw["outputs"] = {"alpha": raw["outputs"]["alpha"]}
    for key in ("local", "card", "licence_file", "figures", "calibration", "thresholds"):
        raw.pop(key, None)
    (pack / "manifest.json").write_text(json.dumps(raw))
    manifest = load_manifest(pack)
    assert list(manifest.outputs) == ["alpha"]
    assert manifest.local is manifest.card is None


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"format": 2}, "its format 2 is unknown to this version"),
        ({"format": None}, "its format None is unknown"),
        ({"minimum_application": "99.1"}, "it needs Indicium 99.1 or newer, and this is"),
        ({"name": 3}, "'name' in its manifest is 3, not a text"),
        ({"name": "../x"}, "its name '../x' may hold only"),
        ({"licence": None}, "'licence' in its manifest is None, not a text"),
        ({"card": "README"}, "its 'card' is README, which its manifest does not list"),
        ({"provenance": {}}, "'provenance' in its manifest is {}, not a list"),
        ({"provenance": ["x"]}, "its provenance holds 'x'"),
        ({"input": None}, "'input' in its manifest is None, not an object"),
        ({"input": {"layout": "CHWN"}}, "'layout' in its manifest is 'CHWN', not one of NHWC, NCHW"),
        ({"input": {"dtype": "int8"}}, "'dtype' in its manifest is 'int8'"),
        ({"input": {"shapes": []}}, "its input lists no shapes"),
        ({"input": {"shapes": [[224]]}}, "its input shape [224] is not [height, width]"),
        ({"input": {"shapes": [[224, 230]]}}, "its input shape [224, 230] is not in whole cells of 16 pixels"),
        ({"input": {"shapes": [[16, 16]]}}, "sides of 32 to 4096 pixels"),
        ({"input": {"shapes": [[224, 1_000_000]]}}, "sides of 32 to 4096 pixels"),
        ({"input": {"mean": [0.5, 0.5]}}, "'mean' of its input is [0.5, 0.5], not three numbers"),
        ({"input": {"mean": [0.5, 0.5, 0.5]}}, "its input is uint8, so 'mean' and 'std' must be null"),
        ({"input": {"dtype": "float32", "std": [1, 0, 1]}}, "'std' of its input must be positive"),
        ({"outputs": {"gamma": {}}}, "its output 'gamma' is unknown to this version"),
        ({"outputs": {"alpha": {"name": "a", "dtype": "float64", "shape": []}}}, "'float64', not one of"),
        ({"outputs": {"alpha": {"name": "a", "dtype": "float32", "shape": [1.5]}}}, "holds 1.5"),
        (
            {"outputs": {"beta_code": {"name": "b", "dtype": "uint8", "shape": ["B", 32]}}},
            "its outputs have 'beta_code' and lack 'beta'",
        ),
        ({"local": {"clusters": 0}}, "'clusters' in its manifest is 0, not a positive whole number"),
        ({"files": {"../embed.onnx": {}}}, "the file name '../embed.onnx' in its manifest is not a plain name"),
        ({"files": {"embed.onnx": {"sha256": "12", "bytes": 3}}}, "the sha256 of embed.onnx"),
        ({"files": {"embed.onnx": {"sha256": "0" * 64, "bytes": -1}}}, "'bytes' in its manifest is -1"),
    ],
)
def test_what_is_wrong_is_said_precisely(pack, entries, sentence):
    change_manifest(pack, **entries)
    with pytest.raises(PackError) as error:
        load_manifest(pack)
    assert error.value.message.startswith("the pack tiny cannot be used: ")
    assert sentence in error.value.message
    assert error.value.remedy


@pytest.mark.parametrize("key", ["alpha", "embed.onnx"])
def test_what_every_pack_needs_is_missed(pack, key):
    raw = json.loads((pack / "manifest.json").read_text())
    del raw["outputs" if key == "alpha" else "files"][key]
    (pack / "manifest.json").write_text(json.dumps(raw))
    with pytest.raises(PackError, match=key):
        load_manifest(pack)


@pytest.mark.parametrize(("least", "fits"), [("0.1", True), ("0.1.0", True), ("0", True), ("0.1.1", False)])
def test_versions_are_compared_by_number(pack, monkeypatch, least, fits):
    monkeypatch.setattr("desktop_app.__version__", "0.1.0")
    change_manifest(pack, minimum_application=least)
    if fits:
        load_manifest(pack)
    else:
        with pytest.raises(PackError) as error:
            load_manifest(pack)
        assert error.value.remedy == "Install a newer version of Indicium"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00", b"3"])
def test_a_manifest_that_is_none_is_named(pack, content):
    (pack / "manifest.json").write_bytes(content)
    with pytest.raises(PackError, match=r"the pack tiny cannot be used: .*manifest\.json"):
        load_manifest(pack)


def test_a_folder_without_manifest_is_no_pack(tmp_path):
    with pytest.raises(PackError, match=r"is not a model pack: it has no manifest\.json"):
        load_manifest(tmp_path)
