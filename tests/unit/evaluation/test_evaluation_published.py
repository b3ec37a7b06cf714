"""Every published protocol on a miniature in its published layout, with figures computed by hand.

A file holds the angle (in degrees) at which its photo lies on a half circle, so that who is near whom can be read
off; a second number is the angle of the part of it that is asked with.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from desktop_app.domain.errors import UsageError
from desktop_app.domain.features import PhotoFeatures
from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import Skipped
from desktop_app.domain.query import Profile
from desktop_app.evaluation.folders import EvaluatedPack
from desktop_app.evaluation.gpr1200 import DOMAINS, gpr1200
from desktop_app.evaluation.holidays import holidays
from desktop_app.evaluation.ilias import ilias
from desktop_app.evaluation.instre import instre
from desktop_app.evaluation.oxford import roxford, rparis
from desktop_app.evaluation.published import PublishedTest, evaluate_published
from desktop_app.evaluation.recall_at_k import recall_at_k
from desktop_app.evaluation.report import Report
from desktop_app.evaluation.ukbench import ukbench
from desktop_app.retrieval.parameters import RetrievalParameters

asked_regions: list[tuple[str, Region]] = []


def _at(angle: str) -> PhotoFeatures:
    radians = np.deg2rad(float(angle))
    return PhotoFeatures(np.array([np.cos(radians), np.sin(radians)], dtype=np.float16), None, None)


def _whole(paths: Sequence[Path]) -> Iterator[PhotoFeatures | Skipped]:
    for path in paths:
        text = path.read_text()
        yield Skipped(bytes(path), "it is damaged") if text == "broken" else _at(text.split()[0])


def _parts(parts: Sequence[tuple[Path, Region]]) -> Iterator[PhotoFeatures | Skipped]:
    for path, region in parts:
        asked_regions.append((path.name, region))
        yield _at(path.read_text().split()[1])


PACK = EvaluatedPack("angles", RetrievalParameters(), _whole, _parts)


def write(root: Path, files: Mapping[str, object]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(text))
    return root


def run(test: PublishedTest, **options: object) -> Report:
    job = evaluate_published(test, [PACK], profiles=[Profile.INSTANT], **options)
    while True:
        try:
            next(job)
        except StopIteration as stop:
            return stop.value


def figures(test: PublishedTest, **options: object) -> dict[str, float]:
    (row,) = run(test, **options).rows
    return {name: value for name, value in row.measures.items() if name != "seconds"}


def test_ukbench(tmp_path: Path) -> None:
    angles = [0, 5, 10, 90, 95, 100, 105, 15]  # the last of each object lies with the other one
    write(tmp_path, {f"full/ukbench{number:05}.jpg": angle for number, angle in enumerate(angles)})
    test = ukbench(tmp_path)
    report = run(test)
    assert report.rows[0].per_query["N-S"] == [3, 3, 3, 1, 3, 3, 3, 1]
    assert report.rows[0].measures["N-S"] == 2.5
    assert (report.images, report.queries) == (8, 8)
    assert "8 photos instead of 10,200" in report.notes[0]


def test_holidays(tmp_path: Path) -> None:
    angles = {100000: 0, 100001: 10, 100002: 40, 100100: 20, 100101: 150}
    write(tmp_path, {f"jpg/{number}.jpg": angle for number, angle in angles.items()})
    report = run(holidays(tmp_path))
    # 100000 finds 1 0 1 0: trapezoids (1 + (1/2 + 2/3) / 2) / 2, steps (1 + 2/3) / 2.
    # 100100 finds 0 0 0 1: trapezoid (0 + 1/4) / 2, step 1/4.
    assert report.rows[0].per_query["mAP"] == pytest.approx([19 / 24, 1 / 8])
    assert report.rows[0].per_query["mAP_steps"] == pytest.approx([5 / 6, 1 / 4])
    assert report.rows[0].measures["mAP"] == pytest.approx(11 / 24)
    assert (report.images, report.queries) == (5, 2)


def test_gpr1200_official_and_self_excluded_in_six_domains(tmp_path: Path) -> None:
    angles = {0: (0, 10), 1: (25, 36), 2: (52, 64), 9: (80, 93), 10: (110, 147), 11: (128, 167)}
    names = {f"images/{kind}_{at}.jpg": angle for kind, pair in angles.items() for at, angle in enumerate(pair)}
    found = figures(gpr1200(write(tmp_path, names)))
    # The other photo of 10 is 4th and 3rd, that of 11 is 4th and 2nd; with the query at rank 1 one place lower.
    sop, faces = (1 / 4 + 1 / 3) / 2, (1 / 4 + 1 / 2) / 2
    sop_official, faces_official = (0.7 + 0.75) / 2, (0.7 + 5 / 6) / 2
    assert found == pytest.approx(
        {
            **{f"{name}{form}": 1.0 for name in DOMAINS[:4] for form in ("", " self-excluded")},
            "SOP": sop_official,
            "SOP self-excluded": sop,
            "Faces": faces_official,
            "Faces self-excluded": faces,
            "mAP": (4 + sop_official + faces_official) / 6,
            "mAP self-excluded": (4 + sop + faces) / 6,
        }
    )
    assert DOMAINS == ("Landmarks", "iNat", "Sketch", "INSTRE", "SOP", "Faces")


@pytest.mark.parametrize(
    ("query", "positive"),
    [("ilias_core/{}/query/Q.jpg", "ilias_core/{}/pos/P{}.jpg"), ("queries/{}/Q.jpg", "positives/{}/P{}.jpg")],
)
def test_ilias(tmp_path: Path, query: str, positive: str) -> None:
    write(
        tmp_path,
        {
            query.format("bold_000"): 0,
            query.format("tame_001"): 100,
            positive.format("bold_000", 0): 10,
            positive.format("bold_000", 1): 40,
            positive.format("tame_001", 0): 155,
            **{f"distractors/00/{angle}.jpg": angle for angle in (20, 120, 130)},
        },
    )
    report = run(ilias(tmp_path))
    assert (report.images, report.queries) == (6, 2)
    assert report.rows[0].per_query["mAP@1k"] == pytest.approx([5 / 6, 1 / 3])  # 1 0 1 and 0 0 1
    assert report.notes[-1] == "There are 3 distractors."


BIRDS = {"3/a": 0, "3/b": 10, "3/c": 60, "4/d": 16, "4/e": 75, "1/f": 1, "1/g": 61, "2/h": 11, "2/i": 76}
RECALLS = {"R@1": 1 / 5, "R@2": 3 / 5, "R@4": 1.0, "R@8": 1.0}  # first right answer at 1, 2, 3, 4, 2


def test_recall_at_k_of_cub_asks_the_second_half_of_the_classes(tmp_path: Path) -> None:
    root = tmp_path / "CUB_200_2011"
    write(root, {f"images/{name}.jpg": angle for name, angle in BIRDS.items()})
    (root / "images.txt").write_text("".join(f"{at} {name}.jpg\n" for at, name in enumerate(BIRDS, 1)))
    (root / "image_class_labels.txt").write_text("".join(f"{at} {name[0]}\n" for at, name in enumerate(BIRDS, 1)))
    report = run(recall_at_k(tmp_path))
    assert (report.images, report.queries) == (5, 5)
    assert report.rows[0].per_query["R@1"] == [1, 0, 0, 0, 0]
    assert figures(recall_at_k(tmp_path)) == pytest.approx(RECALLS)
    first = recall_at_k(tmp_path, half="first")
    assert sorted(path.stem for path in first.gallery) == ["f", "g", "h", "i"]
    (root / "images.txt").unlink()
    assert figures(recall_at_k(root, layout="cub")) == pytest.approx(RECALLS)  # by the class folders


def _cars_annotations(path: Path, field: str, names: Sequence[str]) -> None:
    kinds = [(field, object), ("class", object)]
    entries = np.array([(name.rsplit("/", 1)[-1] + ".jpg", int(name[0])) for name in names], dtype=kinds)
    if field == "relative_im_path":
        entries[field] = [f"car_ims/{name}" for name in entries[field]]
    savemat(path, {"annotations": entries.reshape(1, -1)})


def test_recall_at_k_reads_cars_in_all_its_forms(tmp_path: Path) -> None:
    names = list(BIRDS)
    flat = {name.rsplit("/", 1)[-1]: angle for name, angle in BIRDS.items()}
    one, two, three, four = (tmp_path / name for name in "1234")
    write(one, {f"car_ims/{name}.jpg": angle for name, angle in flat.items()})
    _cars_annotations(one / "cars_annos.mat", "relative_im_path", names)
    write(two, {f"cars_{'train' if at % 2 else 'test'}/{n}.jpg": a for at, (n, a) in enumerate(flat.items())})
    (two / "devkit").mkdir()
    _cars_annotations(two / "devkit" / "cars_train_annos.mat", "fname", names[1::2])
    _cars_annotations(two / "cars_test_annos_withlabels.mat", "fname", names[::2])
    write(three, {f"{name}.jpg": angle for name, angle in BIRDS.items()})
    write(four, {f"{name}.jpg": angle for name, angle in BIRDS.items()})
    (four / "train.txt").write_text("".join(f"{name}.jpg {name[0]}\n" for name in names[:4]))
    (four / "test.txt").write_text("".join(f"{name}.jpg {name[0]}\n" for name in names[4:]))
    assert figures(recall_at_k(one)) == pytest.approx(RECALLS)
    assert figures(recall_at_k(two)) == pytest.approx(RECALLS)
    assert figures(recall_at_k(three, layout="cars")) == pytest.approx(RECALLS)
    assert figures(recall_at_k(four, layout="cars")) == pytest.approx(RECALLS)
    (two / "cars_test_annos_withlabels.mat").unlink()
    with pytest.raises(UsageError, match="lacks half"):
        recall_at_k(two)


def test_recall_at_k_of_products_and_of_shops(tmp_path: Path) -> None:
    sop, shop = tmp_path / "sop", tmp_path / "shop"
    write(sop, {f"lamp_final/{name[2:]}.JPG": angle for name, angle in BIRDS.items() if name[0] in "34"})
    rows = [f"{at} {name[0]} 7 lamp_final/{name[2:]}.JPG" for at, name in enumerate(BIRDS) if name[0] in "34"]
    (sop / "Ebay_test.txt").write_text("image_id class_id super_class_id path\n" + "\n".join(rows) + "\n")
    assert figures(recall_at_k(sop)) == pytest.approx({"R@1": 0.2, "R@10": 1.0, "R@100": 1.0, "R@1000": 1.0})
    write(shop, {f"Img/img/{name}.jpg": angle for name, angle in {"a": 0, "b": 10, "c": 5, "d": 20}.items()})
    (shop / "Eval").mkdir()
    (shop / "Eval" / "list_eval_partition.txt").write_text(
        "4\nimage_name item_id evaluation_status\n"
        "img/a.jpg id_1 query\nimg/b.jpg id_2 query\nimg/c.jpg id_2 gallery\nimg/d.jpg id_1 gallery\n"
    )
    report = run(recall_at_k(shop))
    assert (report.images, report.queries) == (2, 2)
    assert report.rows[0].per_query["R@1"] == [0, 1]  # a finds c first; b finds c
    assert report.rows[0].per_query["R@10"] == [1, 1]


def _write_oxford(root: Path, name: str = "roxford5k", protocol: int = 2) -> None:
    angles = {"g0": "20", "g1": "5", "g2": "40", "g3": "10", "g4": "100", "g5": "60", "q0": "170 0", "q1": "0 100"}
    write(root, {f"jpg/{photo}.jpg": angle for photo, angle in angles.items()})
    truth = {
        "imlist": [f"g{at}" for at in range(6)],
        "qimlist": ["q0", "q1"],
        "gnd": [
            {
                "bbx": np.array([10.4, 20.0, 110.0, 70.6]),
                "easy": np.array([0]),
                "hard": [2],
                "junk": np.array([1]),
            },
            {"bbx": [0, 0, 50, 40], "easy": [4], "hard": np.array([], dtype=int), "junk": []},
        ],
    }
    (root / f"gnd_{name}.pkl").write_bytes(pickle.dumps(truth, protocol=protocol))


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_revisited_oxford(tmp_path: Path, protocol: int) -> None:
    _write_oxford(tmp_path / "roxford5k", protocol=protocol)
    asked_regions.clear()
    found = figures(roxford(tmp_path))
    assert asked_regions == [("q0.jpg", Region(10, 20, 100, 51)), ("q1.jpg", Region(0, 0, 50, 40))]
    # q0 finds junk, -, easy, hard, -, -. Easy: 0 1. Medium: 0 1 1. Hard: 0 1. q1: its easy one first, no hard one.
    medium = (1 / 4 + (1 / 2 + 2 / 3) / 2) / 2
    assert found == pytest.approx(
        {
            "mAP E": (1 / 4 + 1) / 2,
            "mAP M": (medium + 1) / 2,
            "mAP H": 1 / 4,
            "mP@1 E": 1 / 2,
            "mP@1 M": 1 / 2,
            "mP@1 H": 0,
            "mP@5 E": (1 / 2 + 1) / 2,
            "mP@5 M": (2 / 3 + 1) / 2,
            "mP@5 H": 1 / 2,
            "mP@10 E": (1 / 2 + 1) / 2,
            "mP@10 M": (2 / 3 + 1) / 2,
            "mP@10 H": 1 / 2,
        }
    )


def test_revisited_paris_reads_its_own_truth(tmp_path: Path) -> None:
    _write_oxford(tmp_path, "rparis6k")
    test = rparis(tmp_path)
    assert (test.protocol, len(test.gallery), len(test.questions)) == ("rparis", 6, 2)
    with pytest.raises(UsageError, match="ground truth"):
        roxford(tmp_path)


def test_a_truth_that_wants_to_run_something_is_refused(tmp_path: Path) -> None:
    _write_oxford(tmp_path)
    for harmful in (b"cos\nsystem\n(S'touch harm'\ntR.", b"cbuiltins\neval\n(S'1'\ntR.", b"garbage", b""):
        (tmp_path / "gnd_roxford5k.pkl").write_bytes(harmful)
        with pytest.raises(UsageError, match="cannot be read"):
            roxford(tmp_path)
    for wrong in ({"imlist": ["../g0"], "qimlist": ["q0"], "gnd": [{"bbx": [0, 0, 9, 9]}]}, ["imlist"]):
        (tmp_path / "gnd_roxford5k.pkl").write_bytes(pickle.dumps(wrong))
        with pytest.raises(UsageError, match="not the ground truth"):
            roxford(tmp_path)


def test_instre_with_the_published_split(tmp_path: Path) -> None:
    gallery = {"INSTRE-S1/01a_x/001.jpg": 10, "INSTRE-S2/02a_y/001.jpg": 20}
    gallery |= {"INSTRE-M/01/001.jpg": 40, "INSTRE-S2/02a_y/002.jpg": 60}
    queries = {"INSTRE-S1/01a_x/009.jpg": "170 0", "INSTRE-S2/02a_y/009.jpg": "0 60"}
    write(tmp_path, gallery | queries)
    truth = np.empty((1, 2), dtype=[("ok", object), ("bbx", object)])
    truth[0, 0] = (np.array([[1, 3]]), np.array([[5, 6, 70, 80]]))
    truth[0, 1] = (np.array([[4]]), np.array([[1, 2, 30, 40]]))
    lists = {
        name: np.array([list(map(str, files))], dtype=object)
        for name, files in (("imlist", gallery), ("qimlist", queries))
    }
    savemat(tmp_path / "gnd_instre.mat", {**lists, "gnd": truth})
    asked_regions.clear()
    found = figures(instre(tmp_path))
    assert asked_regions == [("009.jpg", Region(5, 6, 70, 80)), ("009.jpg", Region(1, 2, 30, 40))]
    assert found == pytest.approx({"mAP": (19 / 24 + 1) / 2, "mAP S1": 19 / 24, "mAP S2": 1.0})  # 1 0 1 0 and 1


def test_instre_without_it_asks_the_first_photos_of_each_object(tmp_path: Path) -> None:
    base = tmp_path / "INSTRE_release"
    for folder, count in (
        ("INSTRE-S1/01a_x", 6),
        ("INSTRE-S1/01b_y", 7),
        ("INSTRE-S2/01a_z", 6),
        ("INSTRE-M/01", 2),
    ):
        write(base, {f"{folder}/{at:03}.jpg": f"{at} {at}" for at in range(count)})
        write(base, {f"{folder}/{at:03}.txt": "1 2 30 40\n5 5 9 9\n" for at in range(count)})
    test = instre(tmp_path)
    assert len(test.questions) == 15 and len(test.gallery) == 1 + 2 + 1 + 2
    assert {question.region for question in test.questions} == {Region(1, 2, 30, 40)}
    place = {str(path.relative_to(base)): at for at, path in enumerate(test.gallery)}
    own = [place["INSTRE-S1/01a_x/005.jpg"], place["INSTRE-M/01/000.jpg"], place["INSTRE-M/01/001.jpg"]]
    rest = [at for at in range(6) if at not in own]
    assert test.judge(0, np.array(own + rest)) == {"mAP": 1.0, "mAP S1": 1.0}
    assert test.judge(0, np.array(rest + own))["mAP"] < 0.5
    only_s2 = [place["INSTRE-S2/01a_z/005.jpg"]]
    assert test.judge(14, np.array(only_s2 + [at for at in range(6) if at not in only_s2]))["mAP S2"] == 1.0


@pytest.mark.parametrize(
    ("load", "files", "says"),
    [
        (ukbench, {"other.jpg": 0}, "no ukbench photos"),
        (holidays, {"jpg/nothing.jpg": 0}, "no Holidays photos"),
        (holidays, {"jpg/100001.jpg": 0, "jpg/100002.jpg": 0}, "no photo that asks"),
        (gpr1200, {"dog_1.jpg": 0}, "no category number"),
        (gpr1200, {"notes.txt": 0}, "holds no photos"),
        (ilias, {"a/pos/P.jpg": 0}, "no queries"),
        (ilias, {"a/query/Q.jpg": 0}, "no positive, the first is a"),
        (instre, {"INSTRE-S1/01a_x/1.jpg": 0}, "lacks the photos of INSTRE-S2"),
        (roxford, {"jpg/a.jpg": 0}, "lacks the ground truth"),
        (recall_at_k, {"a.jpg": 0}, "none of the sets"),
        (recall_at_k, {"images.txt": "1 a.jpg"}, "lacks the classes"),
        (
            recall_at_k,
            {"Ebay_test.txt": "names\n1 1 1 a.jpg\n2 1 1 b.jpg", "a.jpg": 0},
            "1 of 2 photos .* is b.jpg",
        ),
        (recall_at_k, {"Ebay_test.txt": "names\n1 1"}, "line 2 .* 2 of 4 parts"),
        (recall_at_k, {"Ebay_test.txt": "names\n1 one 1 a.jpg"}, "'one' .* should be a number"),
        (recall_at_k, {"cars_annos.mat": "damaged"}, "cannot be read"),
        (recall_at_k, {"list_eval_partition.txt": "1\nnames\na.jpg id_1 spare"}, "part 'spare'"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, load: Callable[[Path], PublishedTest], files: dict[str, object], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        load(write(tmp_path, files))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    for load in (ukbench, holidays, gpr1200, ilias, instre, roxford, rparis, recall_at_k):
        with pytest.raises(UsageError, match="is not a folder"):
            load(tmp_path / "nowhere")


def test_a_photo_that_cannot_be_read_is_never_found_and_a_query_does_not_count(tmp_path: Path) -> None:
    angles = {100000: 0, 100001: 10, 100002: "broken", 100100: "broken", 100101: 150}
    report = run(holidays(write(tmp_path, {f"{number}.jpg": angle for number, angle in angles.items()})))
    assert (report.images, report.queries, len(report.skipped)) == (3, 1, 2)
    assert report.rows[0].per_query["mAP"] == [0.5, None]  # the first of two, the other never


def test_some_queries_are_the_same_with_every_pack(tmp_path: Path) -> None:
    angles = np.linspace(0, 170, 24)
    test = ukbench(write(tmp_path, {f"ukbench{at:05}.jpg": angle for at, angle in enumerate(angles)}))
    reports = [run(test, queries=5, seed=seed) for seed in (1, 1, 2)]
    assert [report.queries for report in reports] == [5, 5, 5]
    assert reports[0].rows[0].per_query == reports[1].rows[0].per_query
    with pytest.raises(UsageError, match="cannot be asked"):
        run(test, queries=0)
