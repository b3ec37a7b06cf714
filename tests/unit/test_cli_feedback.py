"""`indicium feedback`: rounds from a session file, what they changed, and sessions kept by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.small_library import make_library, write_query

from desktop_app import cli
from tests.support.tiny_pack import make_tiny_pack


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feedback")
    make_tiny_pack(folder / "tiny")
    make_library(folder, folder / "tiny")
    write_query(folder / "q.jpg")
    coffee = folder / "photos" / "table" / "coffee-0.jpg"
    document = {
        "indicium_session": 1,
        "name": "two pictures",
        "query": [{"path": "q.jpg"}],
        "top": 12,
        "rounds": [{}, {"marks": [{"sign": "+", "photo": {"path": str(coffee)}, "weight": 12}]}],
    }
    (folder / "s.json").write_text(json.dumps(document))
    return folder


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDICIUM_HOME", str(tmp_path / "home"))


def run(made: Path, *arguments: str) -> int:
    common = ("--library", str(made / "library"), "--pack", str(made / "tiny"), "--device", "cpu")
    return cli.main(["feedback", *arguments, *common])


def names(document: dict[str, list[dict[str, str]]]) -> list[str]:
    return [Path(result["path"]).stem for result in document["results"]]


def test_a_round_prints_its_results_and_what_it_changed(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(made, str(made / "s.json"), "--json") == 0
    second = json.loads(capsys.readouterr().out)
    assert run(made, str(made / "s.json"), "--round", "1", "--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert names(second).index("coffee-1") < names(first).index("coffee-1")
    assert sorted(names(first)) == sorted(names(second))
    assert second["session"] == {"name": "two pictures", "round": 2, "rounds": 2}
    assert first["change"] is None and "rose" in second["change"]["words"]
    moved = {Path(one["path"]).stem: one for one in second["change"]["moved"]}
    assert moved["coffee-1"]["after"] == 1 + names(second).index("coffee-1")
    assert moved["coffee-1"]["before"] == 1 + names(first).index("coffee-1")


def test_without_json_the_same_is_told_in_words(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(made, str(made / "s.json"), "--top", "3") == 0
    out = capsys.readouterr().out
    assert "Round 2 of 2." in out and "rose" in out and "Best match" in out


def test_automatic_feedback_says_what_it_did(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(made, str(made / "s.json"), "--round", "1", "--automatic", "maximum", "--first", "2", "--json") == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert len(notes) == 1 and ("first 2 results" in notes[0] or "changed nothing" in notes[0])


def test_a_session_is_kept_by_name_and_written_to_a_file(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(made, str(made / "s.json"), "--save", "coffee too", "--out", str(tmp_path / "out.json")) == 0
    capsys.readouterr()
    results = []
    for source in ("coffee too", str(tmp_path / "out.json")):
        assert run(made, source, "--json") == 0
        results.append(names(json.loads(capsys.readouterr().out)))
    assert results[0] == results[1]
    written = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert written["name"] == "coffee too" and len(written["pack"]) > 10


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.json",), "cannot read nowhere.json"),
        (("no such name",), "no saved session 'no such name'"),
        (("{s}", "--round", "3"), "no round 3"),
        (("{s}", "--top", "0"), "no results"),
        (("{s}", "--first", "3"), "--automatic"),
        (("{s}", "--automatic", "average", "--first", "11"), "from 11 results"),
        (("{s}", "--save", " "), "needs a name"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_with_exit_code_2(
    made: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert run(made, *(part.replace("{s}", str(made / "s.json")) for part in arguments)) == 2
    captured = capsys.readouterr()
    assert words in captured.err and captured.out == ""
