from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from desktop_app.domain.errors import Cancelled, UsageError
from desktop_app.domain.features import PhotoFeatures
from desktop_app.domain.photos import Skipped
from desktop_app.domain.progress import Phase, Progress, StopWhen
from desktop_app.domain.query import Profile
from desktop_app.domain.results import Stage
from desktop_app.evaluation.folders import (
    EvaluatedPack,
    choose_queries,
    class_files,
    evaluate_folders,
)
from desktop_app.evaluation.ranking import Gallery, content_key, rankings
from desktop_app.evaluation.report import Report
from desktop_app.retrieval.close_look import CloseLook, CloseLookParameters, Term
from desktop_app.retrieval.clusters import make_local_codes
from desktop_app.retrieval.local_match import code_similarity, pack_codes
from desktop_app.retrieval.parameters import FusionParameters, GraphParameters, RetrievalParameters
from tests.support.made_embeddings import code_layer, embedding_of

PARAMETERS = RetrievalParameters(fusion=FusionParameters(local=0.6), graph=GraphParameters(mix=0.0))


def features_of(seed: int, kind: int, spread: float = 2.0, codes: bool = True) -> PhotoFeatures:
    base = np.random.default_rng(1000 + kind).normal(size=(4, 5, 32))
    embedding = embedding_of(base + spread * np.random.default_rng(seed).normal(size=(4, 5, 32)))
    local = make_local_codes(embedding, code_layer, clusters=8) if codes else None
    return PhotoFeatures(embedding.alpha.astype(np.float16), None, local)


def embed_by_content(paths):
    """What a file holds decides its features: "kind seed"; anything else cannot be read."""
    for path in paths:
        words = path.read_text().split()
        if len(words) != 2:
            yield Skipped(bytes(path), "it is not a picture")
        else:
            yield features_of(int(words[1]), int(words[0]))


PACK = EvaluatedPack("made", PARAMETERS, embed_by_content)


def is_picture(name: bytes) -> bool:
    return name.endswith(b".jpg")


def write_classes(root: Path, names: list[str], each: int = 6) -> Path:
    seed = 0
    for kind, name in enumerate(names):
        for number in range(each):
            folder = root / name / ("inner" if number % 2 else ".") / ("deep" if number % 3 == 2 else ".")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.jpg").write_text(f"{kind} {seed}")
            seed += 1
    return root


def run(root: Path, **options) -> tuple[list[Progress], Report]:
    options = {"packs": [PACK], "is_picture": is_picture, **options}
    steps, job = [], evaluate_folders(root, **options)
    while True:
        try:
            steps.append(next(job))
        except StopIteration as stop:
            return steps, stop.value


def test_the_report_has_the_documents_shape(tmp_path):
    _, report = run(write_classes(tmp_path, ["a", "b", "c"]))
    document = report.as_json()
    assert list(document) == ["protocol", "images", "queries", "rows"]
    assert (document["protocol"], document["images"], document["queries"]) == ("folders", 18, 18)
    assert [list(row) for row in document["rows"]] == 2 * [
        ["pack", "profile", "stages_run", "mAP", "R@1", "P@20", "seconds"]
    ]
    assert [(row["profile"], row["stages_run"]) for row in document["rows"]] == [
        ("instant", ["global"]),
        ("balanced", ["global", "local"]),
    ]
    for row in document["rows"]:
        assert all(0 <= row[name] <= 1 for name in ("mAP", "R@1", "P@20"))


def test_thorough_runs_the_stages_there_are_and_names_them(tmp_path):
    _, report = run(write_classes(tmp_path, ["a", "b"]), profiles=[Profile.BALANCED, Profile.THOROUGH])
    balanced, thorough = report.as_json()["rows"]
    assert (thorough["profile"], thorough["stages_run"]) == ("thorough", ["global", "local"])
    for name in ("mAP", "R@1", "P@20"):
        assert thorough[name] == balanced[name]


def test_thorough_looks_closely_and_each_step_has_its_interval(tmp_path):
    terms = {"kin": Term(0.3), "match": Term(5.0)}
    parameters = replace(PARAMETERS, fusion=replace(PARAMETERS.fusion, evidence=CloseLookParameters(terms)))

    def look(asked, candidates):
        kind = asked.read_text().split()[0]
        right = [path.read_text().split()[0] == kind for path, _ in candidates]
        return CloseLook(np.array(right, np.float32), {"match": np.array(right, np.float32)})

    root = write_classes(tmp_path, ["a", "b", "c"])
    pack = replace(PACK, parameters=parameters, look=look)
    _, report = run(root, packs=[pack], profiles=list(Profile), queries=9, intervals=True)
    rows, steps = report.as_json()["rows"], report.as_json()["steps"]
    assert rows[2]["stages_run"] == ["global", "local", "evidence"]
    assert rows[1]["mAP"] < rows[2]["mAP"] == 1.0
    assert [(step["from"], step["to"]) for step in steps] == [("instant", "balanced"), ("balanced", "thorough")]
    gain = steps[1]["mAP"]
    assert gain["difference"] == pytest.approx(rows[2]["mAP"] - rows[1]["mAP"], abs=1e-5)
    assert 0 < gain["low"] <= gain["difference"] <= gain["high"]
    assert "thorough over balanced: mAP +" in report.to_markdown()
    kin_alone = replace(parameters.fusion, evidence=CloseLookParameters({"kin": Term(0.3)}))
    _, report = run(
        root, packs=[replace(PACK, parameters=replace(PARAMETERS, fusion=kin_alone))], profiles=list(Profile)
    )
    assert report.as_json()["rows"][2]["stages_run"] == ["global", "local", "evidence"]
    _, report = run(root, packs=[replace(pack, look=None)], profiles=list(Profile))
    assert report.as_json()["rows"][2]["stages_run"] == ["global", "local"]  # nothing to look with


def test_figures_equal_the_protocol_by_plain_loops(tmp_path):
    write_classes(tmp_path, ["a", "b", "c", "d"], each=5)
    photos = [(kind, features_of(5 * kind + n, kind)) for kind in range(4) for n in range(5)]
    expected = {}
    for profile in ("instant", "balanced"):
        precisions, firsts, twenties = [], [], []
        for query, (kind, asked) in enumerate(photos):
            alpha = asked.alpha.astype(np.float32)
            scored = []
            for other, (other_kind, photo) in enumerate(photos):
                if other == query:
                    continue
                score = float(alpha @ photo.alpha.astype(np.float32))
                if profile == "balanced":
                    local = code_similarity(asked.local, pack_codes([photo.local]), parameters=PARAMETERS.match)
                    score += 0.6 * float(local[0])
                scored.append((score, other_kind == kind))
            hits = [relevant for _, relevant in sorted(scored, key=lambda item: -item[0])]
            found, total = 0, 0.0
            for rank, relevant in enumerate(hits, start=1):
                if relevant:
                    found += 1
                    total += found / rank
            precisions.append(total / found)
            firsts.append(float(hits[0]))
            twenties.append(sum(hits[:20]) / 20)
        expected[profile] = [np.mean(values) for values in (precisions, firsts, twenties)]
    _, report = run(tmp_path)
    for row in report.rows:
        measured = [row.measures["mAP"], row.measures["R@1"], row.measures["P@20"]]
        assert measured == pytest.approx(expected[row.names["profile"]], abs=1e-6)
    assert report.rows[0].measures["mAP"] < 1.0


def test_folder_names_change_nothing(tmp_path):
    names = ["apple", "brick", "cloud", "door"]
    _, first = run(write_classes(tmp_path / "one", names), queries=10)
    _, second = run(write_classes(tmp_path / "two", ["zebra", "door", "apple", "x"]), queries=10)
    for one, other in zip(first.rows, second.rows, strict=True):
        assert one.measures["mAP"] == other.measures["mAP"]
        assert one.measures["R@1"] == other.measures["R@1"]
        assert one.measures["P@20"] == other.measures["P@20"]


def test_rankings_do_not_see_names_or_labels(tmp_path):
    photos = [features_of(seed, seed % 3) for seed in range(12)]

    def ranked(order):
        placed = sorted((photos[i] for i in order), key=content_key)
        found = rankings(
            Gallery.of(placed), np.arange(12), stages=(Stage.GLOBAL, Stage.LOCAL), parameters=PARAMETERS
        )
        return [[content_key(placed[other]) for other in result] for _, result in found]

    assert ranked(range(12)) == ranked(np.random.default_rng(0).permutation(12))


def test_a_query_is_never_in_its_own_results():
    gallery = Gallery.of([features_of(seed, 0) for seed in range(7)])
    for query, order in rankings(gallery, np.arange(7), stages=(Stage.GLOBAL,), parameters=PARAMETERS):
        assert sorted([*order.tolist(), query]) == list(range(7))


def test_only_the_head_is_reranked_and_the_tail_stays_global():
    gallery = Gallery.of([features_of(seed, seed % 2, spread=4.0) for seed in range(30)])
    both = (Stage.GLOBAL, Stage.LOCAL)
    plain = dict(rankings(gallery, np.arange(30), stages=(Stage.GLOBAL,), parameters=PARAMETERS))
    changed = 0
    for query, order in rankings(gallery, np.arange(30), stages=both, parameters=PARAMETERS, depth=8):
        assert order[8:].tolist() == plain[query][8:].tolist()
        assert sorted(order[:8]) == sorted(plain[query][:8])
        changed += order[:8].tolist() != plain[query][:8].tolist()
    assert changed > 0


def test_files_that_cannot_be_read_are_left_out_and_counted(tmp_path):
    write_classes(tmp_path, ["a", "b"])
    (tmp_path / "a" / "broken.jpg").write_text("broken")
    (tmp_path / "a" / "notes.txt").write_text("0 1")
    (tmp_path / "a" / ".hidden.jpg").write_text("0 1")
    (tmp_path / "loose.jpg").write_text("0 1")
    _, report = run(tmp_path)
    assert report.images == 12
    assert [skipped.reason for skipped in report.skipped] == ["it is not a picture"]


def test_a_class_of_one_photo_asks_nothing_but_stays_in_the_gallery(tmp_path):
    write_classes(tmp_path, ["a", "b"])
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "one.jpg").write_text("9 77")
    _, report = run(tmp_path)
    assert (report.images, report.queries) == (13, 12)


def test_a_pack_without_local_codes_runs_the_stages_it_has(tmp_path):
    write_classes(tmp_path, ["a", "b"])

    def without_codes(paths):
        for path in paths:
            kind, seed = path.read_text().split()
            yield features_of(int(seed), int(kind), codes=False)

    _, report = run(tmp_path, packs=[EvaluatedPack("bare", PARAMETERS, without_codes)])
    assert [row.names["stages_run"] for row in report.rows] == [["global"], ["global"]]


def test_queries_are_taken_in_turn_from_all_classes():
    classes = np.array([0] * 50 + [1] * 10 + [2] * 2 + [3])
    chosen = choose_queries(classes, 8, seed=1)
    assert np.bincount(classes[chosen], minlength=4).tolist() == [3, 3, 2, 0]
    assert chosen.tolist() == choose_queries(classes, 8, seed=1).tolist()
    assert chosen.tolist() != choose_queries(classes, 8, seed=2).tolist()
    assert choose_queries(classes, None, seed=1).tolist() == list(range(62))
    assert choose_queries(classes, 100, seed=1).tolist() == list(range(62))


def test_progress_is_told_and_the_job_can_be_stopped(tmp_path):
    write_classes(tmp_path, ["a", "b"])
    steps, _ = run(tmp_path)
    assert {step.phase for step in steps} == {Phase.EVALUATING}
    assert [(step.done, step.total) for step in steps if step.done == step.total] == [(12, 12)] * 3
    with pytest.raises(Cancelled):
        run(tmp_path, control=StopWhen(lambda: True))


@pytest.mark.parametrize(
    ("make", "options", "says"),
    [
        (lambda root: root / "nowhere", {}, "is not a folder"),
        (lambda root: root, {}, "no pictures in the folders"),
        (lambda root: write_classes(root, ["a", "b"], each=1), {}, "holds two pictures"),
        (lambda root: write_classes(root, ["a"]), {"queries": 0}, "cannot be asked"),
        (lambda root: write_classes(root, ["a"]), {}, "all in one folder"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_in_a_sentence(tmp_path, make, options, says):
    with pytest.raises(UsageError, match=says):
        run(make(tmp_path), **options)


def test_nothing_readable_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jpg").write_text("broken")
    with pytest.raises(UsageError, match="can be read"):
        run(tmp_path)


def test_folders_are_classes_at_any_depth(tmp_path):
    write_classes(tmp_path, ["a", "b"])
    found = class_files(tmp_path, is_picture)
    assert len(found) == 12
    assert {(path.relative_to(tmp_path).parts[0], label) for path, label in found} == {("a", 0), ("b", 1)}
