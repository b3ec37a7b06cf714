"""The protocols `instances`, `degradations` and `small-objects`: figures by hand, and a run with real pixels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from desktop_app.bootstrap import Options, is_picture_name, open_engine
from desktop_app.domain.errors import UsageError
from desktop_app.domain.features import PhotoFeatures
from desktop_app.domain.query import Profile
from desktop_app.domain.results import Stage
from desktop_app.evaluation.degradations import compare, evaluate_degradations
from desktop_app.evaluation.instances import evaluate_instances
from desktop_app.evaluation.photo_set import Described, choose, rank_measures, ranks_of
from desktop_app.evaluation.small_objects import (
    Asked,
    Entry,
    evaluate_rooms,
    evaluate_small_objects,
    measured,
    plain_name,
)
from desktop_app.retrieval.parameters import RetrievalParameters
from desktop_app.retrieval.tiles import quantised

PHOTOS = {"astronaut": data.astronaut, "coffee": data.coffee, "cat": data.chelsea, "rocket": data.rocket}


@pytest.fixture(scope="module")
def engine(tiny_pack: Path):
    opened = open_engine(Options(threads=1), str(tiny_pack))
    yield opened
    opened.embedder.close()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for name, picture in PHOTOS.items():
        cv2.imwrite(str(folder / f"{name}.png"), cv2.resize(picture()[..., ::-1], (320, 240)))
    (folder / "broken.jpg").write_bytes(b"not a picture")
    return folder


def run(job):
    while True:
        try:
            next(job)
        except StopIteration as stop:
            return stop.value


def features(*values: float) -> PhotoFeatures:
    alpha = np.array(values, dtype=np.float32)
    return PhotoFeatures((alpha / np.linalg.norm(alpha)).astype(np.float16), None, None)


# three photos of which the first two are the same; their axes are the only things that differ
MINIATURE = Described(
    paths=(Path("a"), Path("b"), Path("c"), Path("d")),
    numbers=(2, 0, 1, 3),
    contents=np.array([0, 0, 1, 2]),
    features=(features(1, 0, 0), features(1, 0, 0), features(0, 1, 0), features(0, 0, 1)),
    skipped=(),
)


def test_ranks_are_those_worked_out_by_hand():
    queries = [
        features(0.9, 0.5, 0.1),  # a and b, then c, then d
        features(0.9, 0.5, 0.1),
        features(0.9, 0.5, 0.1),
    ]
    gallery, parameters = MINIATURE.gallery(), RetrievalParameters()
    ranks = ranks_of(MINIATURE, gallery, [1, 2, 3], queries, stages=[Stage.GLOBAL], parameters=parameters)
    assert ranks.tolist() == [1, 3, 4]  # b is found at once, for a is a copy of it
    assert rank_measures(ranks) == {
        "R@1": pytest.approx(1 / 3),
        "R@10": 1.0,
        "MRR": pytest.approx((1 + 1 / 3 + 1 / 4) / 3),
    }


def test_the_files_that_ask_do_not_depend_on_the_order_of_the_gallery():
    assert choose(MINIATURE, None, 0) == [1, 2, 0, 3]
    other = Described(("c", "a", "b", "d"), (1, 2, 0, 3), MINIATURE.contents, MINIATURE.features, ())
    for seed in range(5):
        asked = {MINIATURE.numbers[at] for at in choose(MINIATURE, 2, seed)}
        assert asked == {other.numbers[at] for at in choose(other, 2, seed)}
        assert len(asked) == 2


def test_photos_are_found_by_views_of_themselves(photos, engine):
    report = run(evaluate_instances([photos], [engine], is_picture=is_picture_name))
    document = report.as_json()
    assert (document["protocol"], document["images"], document["queries"]) == ("instances", 4, 4)
    assert [row["profile"] for row in document["rows"]] == ["instant", "balanced"]
    assert [row["stages_run"] for row in document["rows"]] == [["global"], ["global", "graph", "local"]]
    assert all(row["R@1"] >= 0.75 for row in document["rows"])
    assert len(report.skipped) == 1


def test_nothing_to_ask_is_said(photos, engine, tmp_path):
    with pytest.raises(UsageError, match="0 queries"):
        run(evaluate_instances([photos], [engine], is_picture=is_picture_name, queries=0))
    with pytest.raises(UsageError, match="no pictures"):
        run(evaluate_instances([tmp_path], [engine], is_picture=is_picture_name))
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="can be read"):
        run(evaluate_instances([tmp_path], [engine], is_picture=is_picture_name))


def test_every_strength_of_a_scenario_has_a_row(photos, engine):
    job = evaluate_degradations(
        photos,
        [engine],
        is_picture=is_picture_name,
        scenarios=["jpeg", "mirror"],
        queries=3,
        profiles=[Profile.INSTANT],
    )
    document = run(job).as_json()
    assert (document["images"], document["queries"]) == (4, 3)
    assert [(row["scenario"], row["strength"]) for row in document["rows"]] == [
        ("jpeg", 50),
        ("jpeg", 30),
        ("jpeg", 10),
        ("jpeg", 5),
        ("mirror", 1),
    ]
    assert document["rows"][0]["R@1"] == 1.0
    # a report compared with itself after a round through a file
    changes = compare(document, json.loads(json.dumps(document)))
    assert [change.verdict for change in changes] == 5 * ["same"]


def test_turned_copies_ask_the_right_way_round(photos, engine):
    found = {}
    for turned in (False, True):
        job = evaluate_degradations(
            photos,
            [engine],
            is_picture=is_picture_name,
            scenarios=["rotation"],
            turned=turned,
            profiles=[Profile.BALANCED],
        )
        rows = run(job).as_json()["rows"]
        assert all(row.get("turned", False) is turned for row in rows)
        found[turned] = {row["strength"]: row["MRR"] for row in rows}
    assert found[True][90] == found[True][180] == 1.0
    assert all(found[True][strength] >= found[False][strength] for strength in (90, 180))


def test_an_unknown_scenario_is_named(photos, engine):
    with pytest.raises(UsageError, match="'rain'"):
        run(evaluate_degradations(photos, [engine], is_picture=is_picture_name, scenarios=["rain"]))


def document_of(pack: str, *recalls: float, images: int = 9) -> dict[str, object]:
    rows = [
        {"pack": pack, "profile": "instant", "scenario": "blur", "strength": strength, "R@1": recall}
        for strength, recall in enumerate(recalls)
    ]
    return {"protocol": "degradations", "images": images, "queries": 5, "rows": rows}


def test_a_baseline_says_what_got_better_and_worse():
    changes = compare(document_of("new", 0.9, 0.5, 0.71, 1.0), document_of("old", 0.8, 0.6, 0.7))
    assert [change.verdict for change in changes] == ["better", "worse", "same"]
    assert changes[0].as_json() == {
        "pack": "new",
        "profile": "instant",
        "scenario": "blur",
        "strength": 0.0,
        "before": 0.8,
        "now": 0.9,
        "verdict": "better",
    }


def test_a_pack_is_compared_with_itself_where_the_baseline_has_several():
    both = document_of("old", 0.8)
    both["rows"] += document_of("new", 0.2)["rows"]
    (change,) = compare(document_of("new", 0.9), both)
    assert change.before == 0.2


@pytest.mark.parametrize(
    "baseline",
    [
        {},
        {"protocol": "folders", "rows": []},
        {"protocol": "degradations", "rows": [{"pack": "a"}]},
        document_of("old", 0.8, images=8),
    ],
)
def test_another_document_is_no_baseline(baseline):
    with pytest.raises(UsageError, match="baseline"):
        compare(document_of("new", 0.9), baseline)


def entry(name: str, whole: tuple[float, ...], tile: tuple[float, ...]) -> Entry:
    tiles = np.stack([features(*whole).alpha, features(*tile).alpha]).astype(np.float32)
    return Entry(name, features(*whole), quantised(tiles))


def test_tile_entries_find_what_the_whole_hides(engine):
    entries = [
        entry("scene 0", (0.2, 1, 0), (1, 0, 0)),  # the object is in a tile
        entry("scene 1", (1, 0.3, 0.6), (0, 0, 1)),  # looks more like it as a whole
        entry("scene 2", (0, 0.1, 1), (0, 1, 0)),
    ]
    asked = [Asked(features(1, 0, 0), frozenset({"scene 0"})), Asked(features(0, 0.1, 1), frozenset({"scene 2"}))]
    whole, tiles = measured(entries, asked, engine, [Profile.INSTANT], {"test": "by hand"}, at=1)
    assert (whole.names["entries"], tiles.names["entries"]) == ("whole", "tiles")
    # whole: 0 is found at rank 2 (0.2 against 0.83), 2 at once; tiles: 0 at once (1 less the penalty), 2 at once
    assert (whole.measures["R@1"], whole.measures["MRR"]) == (0.5, 0.75)
    assert (tiles.measures["R@1"], tiles.measures["errors_removed"]) == (1.0, 1.0)
    assert whole.measures["errors_removed"] is None


def test_the_cells_of_an_object_are_looked_for_in_every_tile(engine):
    eye = np.eye(8, dtype=np.float32)
    scene, other = np.tile(eye[7], (6, 6, 1)), np.tile(eye[6], (6, 6, 1))
    scene[4:, 4:] = eye[0]
    entries = [
        replace(entry("scene", (0, 1, 0), (0, 1, 0)), cells=scene.astype(np.float16)),
        replace(entry("other", (1, 0, 0), (1, 0, 0)), cells=other.astype(np.float16)),
    ]
    asked = [Asked(features(1, 0, 0), frozenset({"scene"}), cells=eye[[0, 0, 1]])]
    rows = list(measured(entries, asked, engine, [Profile.INSTANT], {}, at=1))
    assert [row.names["entries"] for row in rows] == ["whole", "tiles", "cells of tiles"]
    assert [row.measures["R@1"] for row in rows] == [0.0, 0.0, 1.0]
    assert rows[2].measures["errors_removed"] == 1.0


def test_a_query_is_not_found_by_itself(engine):
    entries = [entry("item", (1, 0, 0), (1, 0, 0)), entry("room", (0.5, 1, 0), (0.5, 1, 0))]
    asked = [Asked(features(1, 0, 0), frozenset({"room"}), own="item")]
    whole, _ = measured(entries, asked, engine, [Profile.INSTANT], {}, at=1)
    assert whole.measures["R@1"] == 1.0
    missing = [Asked(features(1, 0, 0), frozenset({"elsewhere"}), own="item")]
    whole, _ = measured(entries, missing, engine, [Profile.INSTANT], {}, at=1)
    assert (whole.measures["R@10"], whole.measures["MRR"]) == (1.0, 0.5)  # one place behind the last of one


def test_small_objects_run_over_photos(photos, engine, tmp_path):
    cv2.imwrite(str(tmp_path / "noise.png"), np.random.default_rng(0).integers(0, 256, (60, 80, 3)))
    job = evaluate_small_objects(
        photos,
        [engine],
        is_picture=lambda name: name.endswith(b".png"),
        distractor_roots=[tmp_path, photos],
        pairs=3,
        profiles=[Profile.INSTANT],
    )
    document = run(job).as_json()
    assert (document["images"], document["queries"]) == (
        4,
        3,
    )  # photos that objects are cut from are no distractors
    assert [row["entries"] for row in document["rows"]] == ["whole", "tiles", "cells of tiles"]
    assert all(0.0 <= row["R@1"] <= row["R@10"] <= 1.0 for row in document["rows"])


def test_objects_need_two_photos_and_damaged_ones_do_not_end_the_run(photos, engine, tmp_path):
    options = {"is_picture": is_picture_name, "pairs": 2, "profiles": [Profile.INSTANT]}
    assert run(evaluate_small_objects(photos, [engine], **options)).queries == 2  # one of the five is damaged
    cv2.imwrite(str(tmp_path / "one.png"), PHOTOS["cat"]())
    with pytest.raises(UsageError, match="At least two photos"):
        run(evaluate_small_objects(tmp_path, [engine], **options))


def rooms(root: Path) -> tuple[Path, Path]:
    for folder, name in (("items", "astronaut"), ("items", "cat"), ("rooms", "coffee"), ("rooms", "rocket")):
        (root / "set" / folder).mkdir(parents=True, exist_ok=True)
        picture = cv2.resize(PHOTOS[name]()[..., ::-1], (160, 120))
        cv2.imwrite(str(root / "set" / folder / f"{folder}~{name}.png"), picture)
    listed = {"images/a/astronaut.png": ["images/rooms/coffee.png", "gone.png"], "lamp.png": ["rocket.png"]}
    (root / "rooms.json").write_text(json.dumps(listed))
    return root / "set", root / "rooms.json"


def test_products_are_looked_for_in_rooms(tmp_path, engine):
    root, listed = rooms(tmp_path)
    job = evaluate_rooms(root, listed, [engine], is_picture=is_picture_name, profiles=[Profile.INSTANT])
    document = run(job).as_json()
    assert (document["images"], document["queries"]) == (4, 1)
    tests = [(row["test"], row["entries"]) for row in document["rows"]]
    assert tests == [
        ("products to rooms", "whole"),
        ("products to rooms", "tiles"),
        ("products to rooms", "cells of tiles"),
        ("products to rooms among products", "whole"),
        ("products to rooms among products", "tiles"),
        ("products to rooms among products", "cells of tiles"),
    ]
    assert document["rows"][0]["R@10"] == 1.0  # of two rooms one is the right one


@pytest.mark.parametrize("text", ["[]", "{", '{"a": "b"}', '{"a": ["b.png"]}'])
def test_a_list_of_rooms_that_does_not_fit_is_refused(tmp_path, engine, text):
    root, listed = rooms(tmp_path)
    listed.write_text(text)
    with pytest.raises(UsageError, match=r"rooms\.json"):
        run(evaluate_rooms(root, listed, [engine], is_picture=is_picture_name))


def test_names_are_known_without_folders():
    assert plain_name("images/bed/802.jpg") == plain_name(Path("set/objects/images~bed~802.jpg")) == "802.jpg"
