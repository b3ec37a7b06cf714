"""The whole journey on real photographs, through the command line: index, search, explain, and look again."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from desktop_app.retrieval import turned_query
from tests.acceptance.conftest import Run


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def found(outcome) -> list[str]:
    """The results as folder/name."""
    return ["/".join(Path(result["path"]).parts[-2:]) for result in outcome.json["results"]]


def test_index_search_and_explain_leave_the_originals_as_they_were(
    photos: Path, indicium: Run, tmp_path: Path
) -> None:
    before = hashes(photos)
    times = {path: path.stat().st_mtime_ns for path in photos.rglob("*")}
    index = indicium("index", photos, "--json")
    assert index.code == 0
    assert set(index.json) == {"indexed", "unchanged", "skipped", "seconds", "images_per_second", "device"}
    assert (index.json["indexed"], index.json["unchanged"], index.json["skipped"]) == (40, 0, [])
    assert index.json["seconds"] > 0 and index.json["images_per_second"] > 0
    assert index.json["device"].startswith("CPU")

    query = photos / "coffee" / "crop.jpg"
    search = indicium("search", query, "--json", "--top", 10)
    assert search.code == 0
    document = search.json
    assert {"query", "profile", "stages_run", "results", "verdict", "timings_ms", "device"} <= set(document)
    assert (document["profile"], document["stages_run"]) == ("balanced", ["global", "graph", "local"])
    assert document["query"][0]["path"] == str(query)
    assert len(document["results"]) == 10
    assert str(query) not in [result["path"] for result in document["results"]], "not among its own results"
    assert found(search)[0] == "coffee/whole.jpg" or found(search)[0].startswith("coffee/")
    scores = [result["score"] for result in document["results"]]
    assert scores == sorted(scores, reverse=True) and all(0 <= score <= 1 for score in scores)
    for result in document["results"]:
        assert set(result["stages"]) == {"global", "graph", "local", "rerank", "relevance"}
        assert result["stages"]["rerank"] is result["stages"]["relevance"] is None
        assert -1.0 <= result["stages"]["graph"] <= 1.0
        assert result["stages"]["global"] is not None and result["stages"]["local"] is not None

    out = tmp_path / "evidence.png"
    explain = indicium("explain", query, photos / "coffee" / "whole.jpg", "--out", out, "--json")
    assert explain.code == 0
    evidence = explain.json
    assert evidence["evidence_source"] == "local"
    assert 0.5 < evidence["relevance"] <= 1
    maps = [evidence["P"], evidence["Q"], evidence["coattention"]["query"], evidence["coattention"]["result"]]
    for rows in maps:
        values = np.array(rows)
        assert values.ndim == 2 and values.min() >= 0 and values.max() <= 1
    assert np.array(evidence["P"]).max() == pytest.approx(evidence["relevance"], abs=1e-4)
    assert evidence["links"] and evidence["words"]
    height, width = cv2.imread(str(query)).shape[:2]
    for link in evidence["links"]:
        x, y, w, h = link["query"]
        assert 0 <= x < x + w <= width and 0 <= y < y + h <= height and 0 <= link["score"] <= 1
    page = cv2.imread(str(out))
    assert page is not None and page.shape[1] >= 1200 and page.std() > 10

    assert hashes(photos) == before
    assert {path: path.stat().st_mtime_ns for path in photos.rglob("*")} == times


def test_pictures_that_have_nothing_in_common_have_cold_maps_and_no_links(photos: Path, indicium: Run) -> None:
    evidence = indicium("explain", photos / "coins" / "whole.jpg", photos / "flower" / "whole.jpg", "--json").json
    assert evidence["relevance"] < 0.5
    assert evidence["links"] == []
    assert np.array(evidence["P"]).max() < 0.05 and np.array(evidence["Q"]).max() < 0.05
    assert evidence["words"].lower().startswith("nothing here matches well")


def test_a_second_run_only_looks(photos: Path, indicium: Run) -> None:
    assert indicium("index", photos, "--json").json["indexed"] == 40
    again = indicium("index", photos, "--json")
    assert (again.code, again.json["indexed"], again.json["unchanged"]) == (0, 0, 40)


def test_moved_renamed_copied_changed_and_removed_files(photos: Path, indicium: Run, monkeypatch) -> None:
    indicium("index", photos)
    (photos / "cat" / "whole.jpg").rename(photos / "coins" / "renamed cat.jpg")
    shutil.copy(photos / "coffee" / "whole.jpg", photos / "coffee" / "copy.jpg")
    (photos / "china" / "crop.jpg").unlink()
    picture = cv2.imread(str(photos / "flower" / "whole.jpg"))
    cv2.imwrite(str(photos / "text" / "whole.jpg"), picture[10:, 10:])
    embedded: list[int] = []
    from desktop_app.inference.session import OnnxEmbedder

    embed = OnnxEmbedder.embed
    monkeypatch.setattr(
        OnnxEmbedder, "embed", lambda self, batch: embedded.append(len(batch)) or embed(self, batch)
    )
    run = indicium("index", photos, "--json")
    assert run.json["indexed"] == 3 and sum(embedded) == 1, "the moved and the copied file keep their features"
    stats = indicium("library", "stats", "--json").json
    assert (stats["photos"], stats["indexed"], stats["missing"]) == (40, 40, 1)
    names = found(indicium("search", photos / "cat" / "mirrored.jpg", "--json"))
    assert "coins/renamed cat.jpg" in names[:4] and "cat/whole.jpg" not in names
    results = found(indicium("search", photos / "coffee" / "whole.jpg", "--json"))
    assert results[0] == "coffee/copy.jpg", "a copy of the query's own photo is found, the photo itself is not"
    assert "china/crop.jpg" not in found(indicium("search", photos / "china" / "whole.jpg", "--json", "--top", 40))
    assert "text/whole.jpg" in found(indicium("search", photos / "flower" / "whole.jpg", "--json", "--top", 5))
    assert "recall@10 1.000" in indicium("library", "check").out
    checked = indicium("library", "check", "--json").json
    assert checked["ok"] and [(index["rows"], index["recall@10"]) for index in checked["index"]] == [(41, 1.0)]


def test_profiles_region_several_pictures_and_negatives(photos: Path, indicium: Run) -> None:
    indicium("index", photos)
    instant = indicium("search", photos / "cat" / "crop.jpg", "--profile", "instant", "--json").json
    assert instant["stages_run"] == ["global"] and instant["results"][0]["stages"]["local"] is None
    thorough = indicium("search", photos / "cat" / "crop.jpg", "--profile", "thorough", "--json").json
    assert thorough["stages_run"] == ["global", "graph", "local"]
    part = indicium("search", photos / "cat" / "whole.jpg", "--region", "100,50,200,180", "--json").json
    assert part["query"][0]["region"] == [100, 50, 200, 180]
    alone = found(indicium("search", photos / "coins" / "crop.jpg", "--json", "--top", 40))
    both = indicium("search", photos / "coins" / "crop.jpg", photos / "cat" / "crop.jpg", "--json", "--top", 40)
    assert len(both.json["query"]) == 2
    assert found(both).index("cat/compressed.jpg") < alone.index("cat/compressed.jpg")
    liked = found(indicium("search", photos / "cat" / "crop.jpg", "--json", "--top", 39))
    disliked = indicium(
        "search", photos / "cat" / "crop.jpg", "--negative", photos / "coins" / "whole.jpg", "--json", "--top", 39
    )
    assert disliked.json["query"][1]["negative"] is True
    place = liked.index("coins/compressed.jpg")
    assert found(disliked).index("coins/compressed.jpg") >= place


def test_a_photo_on_its_side_is_found_and_the_answer_says_how_it_was_turned(
    photos: Path, indicium: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turned_query, "GAIN", 1e-3)  # the tiny pack's descriptors change less than real ones
    indicium("index", photos)
    upright = cv2.imread(str(photos / "astronaut" / "whole.jpg"))
    query, page = tmp_path / "on its side.png", tmp_path / "results.html"
    cv2.imwrite(str(query), np.rot90(upright))  # anticlockwise: turning it clockwise brings it back
    asked = ("search", query, "--turned", "--report", page)
    found_turned = indicium(*asked, "--json")
    (shown,) = found_turned.json["query"]
    assert (shown["turned"], shown["mirrored"]) == (90, False)
    assert (shown["height"], shown["width"]) == upright.shape[:2]
    assert found(found_turned)[0] == "astronaut/whole.jpg"
    assert "on its side.png was turned by 90° clockwise to search with it" in indicium(*asked).out
    assert "turned by 90° clockwise" in page.read_text("utf-8")
    plain = indicium("search", query, "--json").json["query"][0]
    assert (plain["turned"], plain["mirrored"], plain["width"]) == (0, False, upright.shape[0])


def test_evaluation_finds_the_variations_of_a_photograph(photos: Path, indicium: Run) -> None:
    run = indicium("evaluate", "folders", "--data", photos, "--json")
    assert run.code == 0
    assert (run.json["protocol"], run.json["images"], run.json["queries"]) == ("folders", 40, 40)
    assert [row["profile"] for row in run.json["rows"]] == ["instant", "balanced"]
    for row in run.json["rows"]:
        assert set(row) == {"pack", "profile", "stages_run", "mAP", "R@1", "P@20", "seconds"}
        assert 0.4 < row["mAP"] <= 1 and row["R@1"] > 0.7


def test_the_first_committed_batch_can_be_searched(photos: Path, home: Path, monkeypatch) -> None:
    from desktop_app.bootstrap import Options, open_library
    from desktop_app.domain.query import FilePicture, Query, QueryItem
    from desktop_app.services.index_folder import index_folders
    from desktop_app.services.search import SearchService

    monkeypatch.setattr("desktop_app.services.pipeline.BATCHES_IN_FLIGHT", 1)  # the rest waits meanwhile
    monkeypatch.setattr("desktop_app.services.index_folder.TELL_SECONDS", 0.0)  # every batch is told
    query = Query((QueryItem(FilePicture(bytes(photos / "cat" / "crop.jpg"))),), top=40)
    with open_library(Options(threads=1)) as session:
        job = index_folders(session, [photos])
        searched = 0
        for progress in job:
            if progress.changed and not searched:
                *_, answer = SearchService(session).search(query)
                searched, pending = answer.searched, answer.pending
                assert 0 < len(answer.hits) <= searched < 40 and pending > 0
        *_, answer = SearchService(session).search(query)
        assert answer.searched == 40 and answer.pending == 0 and searched > 0


def test_json_is_alone_on_stdout_and_progress_on_stderr(photos: Path, process: Run) -> None:
    done = process("index", photos, "--json")
    assert done.code == 0 and json.loads(done.out)["indexed"] == 40
    assert "looking through folders" in done.err and "\r" not in done.err
    search = process("search", photos / "cat" / "crop.jpg", "--json")
    assert json.loads(search.out)["results"] and search.err == ""


def test_names_that_are_no_text_come_back_byte_for_byte(photos: Path, indicium: Run) -> None:
    import base64

    odd = os.fsencode(photos) + b"/coins/caf\xe9 \xff.jpg"
    shutil.copy(photos / "coffee" / "whole.jpg", os.fsdecode(odd))
    assert indicium("index", photos, "--json").json["indexed"] == 41
    results = indicium("search", photos / "coffee" / "whole.jpg", "--json").json["results"]
    assert base64.b64decode(results[0]["path_bytes"]) == odd
    assert math.isclose(results[0]["stages"]["global"], 1.0, abs_tol=1e-3)
    human = indicium("search", photos / "coffee" / "whole.jpg", "--top", 1)
    assert human.code == 0 and "caf\ufffd" in human.out
