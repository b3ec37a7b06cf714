"""`indicium evaluate`: every protocol from the command line, on a few small photos with the tiny pack."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from desktop_app import cli
from desktop_app.commands.arguments import build_parser
from desktop_app.commands.evaluate import LOADERS
from desktop_app.commands.evaluate_arguments import PUBLISHED
from tests.support.tiny_pack import make_tiny_pack

OWN = ("folders", "evidence", "degradations", "instances", "small-objects")


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos, numbered as in ukbench, in two folders, as in a set of classes."""
    root = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(4)
    for at in range(4):
        blocks = random.integers(0, 255, size=(6, 8, 3), dtype=np.uint8)
        path = root / "ab"[at // 2] / f"ukbench{at:05}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(blocks).resize((256, 192), Image.Resampling.BICUBIC).save(path, quality=92)
    return root


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDICIUM_HOME", str(tmp_path / "home"))


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    """Run with --json; stdout must be one JSON document and nothing else."""
    code = cli.main(["evaluate", *map(str, arguments), "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def test_the_document_of_folders_is_the_contract(
    photos: Path, pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluate(capsys, "folders", "--data", photos, "--pack", pack)
    assert list(found) == ["protocol", "images", "queries", "rows"]
    assert (found["protocol"], found["images"], found["queries"]) == ("folders", 4, 4)
    assert [list(row) for row in found["rows"]] == 2 * [
        ["pack", "profile", "stages_run", "mAP", "R@1", "P@20", "seconds"]
    ]
    assert [row["profile"] for row in found["rows"]] == ["instant", "balanced"]
    some = evaluate(capsys, "folders", "--data", photos, "--pack", pack, "--queries", 2, "--per-query")
    assert some["queries"] == 2 and "steps" not in some
    sure = evaluate(capsys, "folders", "--data", photos, "--pack", pack, "--intervals")
    assert [(step["from"], step["to"]) for step in sure["steps"]] == [("instant", "balanced")]
    assert [len(row["per_query"]["mAP"]) for row in some["rows"]] == [2, 2]


def test_a_published_set_is_written_as_json_table_and_picture(
    photos: Path, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (
        "ukbench",
        "--data",
        photos,
        "--pack",
        pack,
        "--profiles",
        "instant",
        "--out",
        tmp_path / "new" / "out",
    )
    found = evaluate(capsys, *arguments)
    (row,) = found["rows"]
    assert 1 <= row["N-S"] <= 4 and row["N-S"] == 4  # four photos of one object: all are right
    assert "4 photos instead of 10,200" in found["notes"][0]
    assert json.loads((tmp_path / "new" / "out" / "ukbench.json").read_text()) == found
    assert "| tiny | instant | global | 4.000 |" in (tmp_path / "new" / "out" / "ukbench.md").read_text()
    ElementTree.parse(tmp_path / "new" / "out" / "ukbench.svg")
    assert cli.main(["evaluate", *map(str, arguments)]) == 0
    text = capsys.readouterr().out
    assert "N-S" in text and "4.000" in text and "4 photos, 4 queries" in text


def test_degradations_are_compared_with_a_baseline(
    photos: Path, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tmp_path / "base.json"
    arguments = ("degradations", "--data", photos, "--pack", pack, "--scenarios", "mirror", "--queries", 2)
    found = evaluate(capsys, *arguments, "--save", base)
    assert "changes" not in found and json.loads(base.read_text()) == found
    again = evaluate(capsys, *arguments, "--compare", base)
    assert {change["verdict"] for change in again["changes"]} == {"same"}
    baseline = json.loads(base.read_text())
    for row in baseline["rows"]:
        row["R@1"] = row["R@1"] + 0.5
    base.write_text(json.dumps(baseline))
    assert cli.main(["evaluate", *map(str, arguments), "--compare", str(base)]) == 0
    assert "worse" in capsys.readouterr().out


def test_protocols_that_make_their_pictures(photos: Path, pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ("--data", photos, "--pack", pack, "--seed", 3)
    found = evaluate(capsys, "instances", *common, "--profiles", "instant", "--queries", 2)
    assert found["queries"] == 2 and found["rows"][0]["profile"] == "instant"
    found = evaluate(capsys, "evidence", *common, "--families", "composites", "--pairs", 1, "--curves", 0)
    assert {row["pairs"] for row in found["rows"]} == {"composites"}
    found = evaluate(capsys, "small-objects", *common, "--profiles", "instant", "--pairs", 1)
    assert found["queries"] == 1 and found["rows"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["folders", "--profiles", "fast"], "'fast' is not a profile"),
        (["evidence", "--area", "0.5,0.1"], "not a range of areas"),
        (["evidence", "--threshold", "local"], "not a threshold"),
        (["degradations", "--compare", "{root}/none.json"], "cannot be read"),
        (["degradations", "--compare", "{root}/list.json"], "not a saved report"),
        (["degradations", "--scenarios", "rain"], "not a scenario"),
        (["small-objects", "--rooms", "x.json", "--distractors", "{root}"], "a gallery of its own"),
        (["ukbench", "--out", "{root}/list.json"], "cannot be made a folder"),
        (["holidays"], "no Holidays photos"),
        (["recall-at-k", "--set", "sop"], "lacks the list of photos"),
        (["folders", "--seed", "-1"], "--seed -1 is negative"),
        (["evidence", "--families", "objects"], "no pair of the families objects"),
        (["small-objects", "--pairs", "0"], "0 objects cannot be asked for"),
        (["small-objects", "--distractor-count", "-5"], "among -5 photos"),
        (["small-objects", "--rooms", "x.json", "--pairs", "0"], "0 queries cannot be asked"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_exit_code_2(
    arguments: list[str], says: str, photos: Path, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.json").write_text("[]")
    typed = [argument.format(root=tmp_path) for argument in arguments]
    assert cli.main(["evaluate", *typed, "--data", str(photos), "--pack", str(pack), "--json"]) == 2
    captured = capsys.readouterr()
    assert says in captured.err and captured.out == "" and "Traceback" not in captured.err


def test_every_protocol_has_a_parser_with_the_common_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(PUBLISHED) == {*LOADERS, "recall-at-k"}
    for protocol in (*OWN, *PUBLISHED):
        options = build_parser().parse_args(["evaluate", protocol, "--data", "DIR", "--pack", "a", "b"])
        assert (options.packs, options.out, options.per_query, options.json) == (["a", "b"], None, False, False)
        with pytest.raises(SystemExit):
            build_parser().parse_args(["evaluate", protocol])
    assert "--data" in capsys.readouterr().err
    assert build_parser().parse_args(["evaluate", "instances", "--data", "a", "b"]).data == [Path("a"), Path("b")]


def test_regions_are_asked_for_on_backgrounds(
    photos: Path, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.full((192, 256, 3), 90, np.uint8)).save(tmp_path / "wall.png")
    common = ("regions", "--data", photos, "--pack", pack, "--profiles", "instant", "--queries", 1)
    found = evaluate(capsys, *common, "--backgrounds", tmp_path, "--distractor-count", 0)
    assert [row["region"] for row in found["rows"]] == ["without", "with"]
    assert cli.main(["evaluate", *map(str, common), "--backgrounds", str(photos)]) == 2
    assert "no other photos" in capsys.readouterr().err
