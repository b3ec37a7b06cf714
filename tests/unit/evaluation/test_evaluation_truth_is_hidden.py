"""No stage sees the truth: whoever bears which name, lies in which folder or carries which tags, every photo finds
the same photos in the same order, in every protocol that has classes."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from desktop_app.bootstrap import Options, evaluated_pack
from desktop_app.domain.features import PhotoFeatures
from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import Skipped
from desktop_app.domain.progress import NoControl
from desktop_app.domain.results import Stage
from desktop_app.evaluation import folders
from desktop_app.evaluation.folders import EvaluatedPack, evaluate_folders
from desktop_app.evaluation.gpr1200 import gpr1200
from desktop_app.evaluation.holidays import holidays
from desktop_app.evaluation.ilias import ilias
from desktop_app.evaluation.instre import instre
from desktop_app.evaluation.oxford import roxford
from desktop_app.evaluation.published import PublishedTest, answers, embed_test
from desktop_app.evaluation.ranking import content_key, rankings
from desktop_app.evaluation.recall_at_k import recall_at_k
from desktop_app.evaluation.ukbench import ukbench
from desktop_app.retrieval.clusters import make_local_codes
from desktop_app.retrieval.parameters import FusionParameters, RetrievalParameters
from tests.support.made_embeddings import code_layer, embedding_of
from tests.support.tiny_pack import make_tiny_pack

PARAMETERS = RetrievalParameters(fusion=FusionParameters(local=0.6))
STAGES = (Stage.GLOBAL, Stage.GRAPH, Stage.LOCAL)
Roles = dict[str, list[str]]  # role -> the files that play it; contents change places within a role


def _features(content: str) -> PhotoFeatures:
    """Photos whose contents have the same first number look alike."""
    kind, seed = map(int, content.split())
    base = np.random.default_rng(1000 + kind).normal(size=(4, 5, 32))
    embedding = embedding_of(base + 2.0 * np.random.default_rng(seed).normal(size=(4, 5, 32)))
    local = make_local_codes(embedding, code_layer, clusters=8)
    return PhotoFeatures(embedding.alpha.astype(np.float16), None, local)


def _whole(paths: Sequence[Path]) -> Iterator[PhotoFeatures | Skipped]:
    return (_features(path.read_text()) for path in paths)


def _parts(parts: Sequence[tuple[Path, Region]]) -> Iterator[PhotoFeatures | Skipped]:
    return (_features(path.read_text()) for path, _ in parts)


PACK = EvaluatedPack("made", PARAMETERS, _whole, _parts)


def _ukbench(root: Path, names: Sequence[str]) -> Roles:
    return {"photos": [f"full/ukbench{at:05}.jpg" for at in range(12)]}


def _holidays(root: Path, names: Sequence[str]) -> Roles:
    groups = [100000 + 100 * group for group in range(4)]
    return {
        "queries": [f"jpg/{group}.jpg" for group in groups],
        "others": [f"jpg/{group + at}.jpg" for group in groups for at in (1, 2)],
    }


def _gpr1200(root: Path, names: Sequence[str]) -> Roles:
    return {"photos": [f"images/{number}_{name}_{at}.jpg" for number, name in enumerate(names) for at in range(2)]}


def _ilias(root: Path, names: Sequence[str]) -> Roles:
    return {
        "queries": [f"ilias_core/{name}/query/Q.jpg" for name in names],
        "gallery": [f"ilias_core/{name}/pos/P{at}.jpg" for name in names for at in range(2)]
        + [f"yfcc100m/{name}.jpg" for name in names],
    }


def _cub(root: Path, names: Sequence[str]) -> Roles:
    files = [f"{at:03}.{name}/{number}.jpg" for at, name in enumerate(names, 1) for number in range(3)]
    _text(root / "images.txt", [f"{at} {name}" for at, name in enumerate(files, 1)])
    _text(root / "image_class_labels.txt", [f"{at} {int(name[:3])}" for at, name in enumerate(files, 1)])
    kept = [f"images/{name}" for name in files if int(name[:3]) > len(names) // 2]
    return {"photos": kept, "first half": [f"images/{name}" for name in files if f"images/{name}" not in kept]}


def _sop(root: Path, names: Sequence[str]) -> Roles:
    files = [f"{name}_final/{at}.JPG" for name in names for at in range(3)]
    lines = [f"{at} {at // 3} 1 {name}" for at, name in enumerate(files)]
    _text(root / "Ebay_test.txt", ["image_id class_id super_class_id path", *lines])
    return {"photos": files}


def _inshop(root: Path, names: Sequence[str]) -> Roles:
    roles = {"query": [f"img/{name}/q.jpg" for name in names]}
    roles["gallery"] = [f"img/{name}/{at}.jpg" for name in names for at in range(3)]
    lines = [f"{file} {file.split('/')[1]} {role}" for role, files in roles.items() for file in files]
    _text(root / "list_eval_partition.txt", [str(len(lines)), "image_name item_id evaluation_status", *lines])
    return roles


def _oxford(root: Path, names: Sequence[str]) -> Roles:
    gallery = [f"{name}_{at}" for name in names for at in range(3)]
    queries = [f"all_souls_{name}" for name in names]
    numbers = range(len(gallery))
    truth = [
        {"bbx": [0, 0, 9, 9], "easy": [at * 3], "hard": [at * 3 + 1], "junk": [at * 3 + 2], "all": list(numbers)}
        for at in range(len(names))
    ]
    root.mkdir(parents=True, exist_ok=True)
    document = {"imlist": gallery, "qimlist": queries, "gnd": truth}
    (root / "gnd_roxford5k.pkl").write_bytes(pickle.dumps(document))
    return {
        "gallery": [f"jpg/{name}.jpg" for name in gallery],
        "queries": [f"jpg/{name}.jpg" for name in queries],
    }


def _instre(root: Path, names: Sequence[str]) -> Roles:
    places = [f"INSTRE-S1/{at:02}a_{name}" for at, name in enumerate(names[:2], 1)] + [f"INSTRE-S2/{names[2]}"]
    every = [f"{place}/{at:03}.jpg" for place in places for at in range(7)]
    for file in every:
        _text((root / file).with_suffix(".txt"), ["1 2 30 40"])
    queries = [file for file in every if int(file[-7:-4]) < 5]
    return {
        "queries": queries,
        "gallery": [file for file in every if file not in queries]
        + ["INSTRE-M/01/000.jpg", "INSTRE-M/01/001.jpg"],
    }


LAYOUTS: Mapping[str, tuple[Callable[[Path, Sequence[str]], Roles], Callable[[Path], PublishedTest]]] = {
    "ukbench": (_ukbench, ukbench),
    "holidays": (_holidays, holidays),
    "gpr1200": (_gpr1200, gpr1200),
    "ilias": (_ilias, ilias),
    "cub": (_cub, recall_at_k),
    "sop": (_sop, recall_at_k),
    "inshop": (_inshop, recall_at_k),
    "roxford": (_oxford, roxford),
    "instre": (_instre, instre),
}


@pytest.mark.parametrize("protocol", LAYOUTS)
def test_rankings_do_not_depend_on_names_and_classes(protocol: str, tmp_path: Path) -> None:
    names = ["apple", "brick", "cloud", "door", "elm", "fox"]
    first = _rankings(tmp_path / "one", protocol, names, seed=None)
    second = _rankings(tmp_path / "two", protocol, [name[::-1] for name in reversed(names)], seed=5)
    assert first == second
    assert len(first) >= 4


def _rankings(root: Path, protocol: str, names: Sequence[str], *, seed: int | None) -> dict[str, list[str]]:
    """What every query finds, all by their contents; with a seed contents have changed places within roles."""
    lay_out, load = LAYOUTS[protocol]
    kinds = np.random.default_rng(1).integers(0, 4, size=200)
    number = 0
    for files in lay_out(root, names).values():
        contents = [f"{kinds[at]} {at}" for at in range(number, number + len(files))]
        number += len(files)
        order = range(len(files)) if seed is None else np.random.default_rng(seed).permutation(len(files))
        for at, file in zip(order, files, strict=True):
            _text(root / file, [contents[at]])
    test = load(root)
    chosen = np.arange(len(test.questions))
    job = embed_test(test, chosen, PACK, NoControl())
    while True:
        try:
            next(job)
        except StopIteration as stop:
            embedded = stop.value
            break
    return {
        _content(test.questions[question].path): [_content(test.gallery[at]) for at in order]
        for question, order in answers(test, embedded, chosen, stages=STAGES, parameters=PARAMETERS)
    }


def test_rankings_of_folders_do_not_depend_on_names_folders_and_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With real files: names, folders and the tags inside the files change places, the pixels do not."""
    pack = evaluated_pack(Options(pack=str(make_tiny_pack(tmp_path / "pack")), threads=1), None)
    random = np.random.default_rng(3)
    pictures = [random.integers(0, 255, size=(6, 8, 3), dtype=np.uint8) for _ in range(9)]
    found: list[dict[bytes, list[bytes]]] = []

    def watched(
        gallery: folders.Gallery, queries: np.ndarray, **options: object
    ) -> Iterator[tuple[int, np.ndarray]]:
        keys = [bytes(alpha) for alpha in gallery.alphas]
        for query, order in rankings(gallery, queries, **options):
            found[-1][keys[query]] = [keys[at] for at in order]
            yield query, order

    monkeypatch.setattr(folders, "rankings", watched)
    for root, order in ((tmp_path / "one", range(9)), (tmp_path / "two", random.permutation(9))):
        for place, at in enumerate(order):
            file = root / f"class{place // 3}" / f"{place}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            exif = Image.Exif()
            exif[0x010E] = f"class{place // 3}"  # ImageDescription
            exif[0x9C9E] = f"tag{place // 3}".encode("utf-16-le")  # XPKeywords
            Image.fromarray(pictures[at]).resize((160, 120), Image.Resampling.NEAREST).save(file, exif=exif)
        found.append({})
        list(evaluate_folders(root, [pack], is_picture=lambda name: True))
    assert found[0] == found[1]
    assert len(found[0]) == 9


def test_equal_contents_have_equal_keys() -> None:
    assert content_key(_features("1 2")) == content_key(_features("1 2")) != content_key(_features("1 3"))


def _text(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))


def _content(path: Path) -> str:
    return path.read_text()
