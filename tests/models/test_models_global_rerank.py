"""What is built on global descriptors is measured as if the photo that asks were not in the gallery."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from desktop_app.evaluation.multi_scale import SCALES
from desktop_app.retrieval.graph_smoothing import NeighbourGraph, smoothed
from desktop_app.retrieval.superglobal import SuperGlobalParameters, superglobal_order
from models.evaluate import multi_scale
from models.evaluate.alphas import AlphaGraph, Alphas
from models.evaluate.superglobal import by_smoothing, by_superglobal, figures, main
from tests.support.tiny_pack import make_tiny_pack


@pytest.fixture
def photos() -> Alphas:
    random = np.random.default_rng(0)
    things = random.standard_normal((4, 16))
    vectors = np.repeat(things, 5, 0) + 0.8 * random.standard_normal((20, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Alphas.of(vectors.astype(np.float32), [f"class {i // 5}" for i in range(20)], None)


def test_smoothing_ranks_as_in_a_gallery_without_the_query(photos: Alphas) -> None:
    for query, order in by_smoothing(photos, 0.5):
        others = np.delete(np.arange(20), query)
        gallery = photos.vectors[others]
        smooth = smoothed(gallery, NeighbourGraph.of(gallery))
        scores = 0.5 * (gallery + smooth) @ photos.vectors[query]
        assert np.array_equal(order, others[np.argsort(-scores, kind="stable")])


def test_superglobal_ranks_as_in_a_gallery_without_the_query(photos: Alphas) -> None:
    parameters = SuperGlobalParameters(depth=8, neighbours=3)
    for query, order in by_superglobal(photos, parameters):
        others = np.delete(np.arange(20), query)
        first = np.argsort(-(photos.vectors[others] @ photos.vectors[query]), kind="stable")
        expected = superglobal_order(photos.vectors[query], photos.vectors[others], first, parameters)
        assert np.array_equal(order, others[expected])


def test_rows_are_compared_with_the_descriptor_as_it_is(photos: Alphas) -> None:
    rows = figures(photos, [0.5, 1.0])["systems"]
    assert list(rows) == [
        "alpha",
        "SuperGlobal re-ranking",
        "smoothed gallery, mix 0.5",
        "smoothed gallery, mix 1",
    ]
    assert all("minus alpha" in row for name, row in rows.items() if name != "alpha")


def test_multi_scale_rows_use_the_scale_of_one_as_their_base() -> None:
    random = np.random.default_rng(1)
    vectors = random.standard_normal((6, 5, 8)).astype(np.float32)
    vectors[:, SCALES.index(1.0)] = np.eye(8, dtype=np.float32)[[0, 0, 0, 1, 1, 1]]
    rows = multi_scale.figures(vectors, list("aaabbb"), None)["systems"]
    assert rows["alpha"]["mAP"] == 1.0
    assert rows["five scales, mean"]["mAP"] < 1.0


def test_the_commands_measure_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = make_tiny_pack(tmp_path / "pack")
    random = np.random.default_rng(2)
    for name, colour in (("red", (0, 0, 220)), ("blue", (220, 0, 0))):
        for i in range(3):
            picture = np.clip(np.array(colour) + random.normal(0, 20, (80, 100, 3)), 0, 255).astype(np.uint8)
            (tmp_path / "set" / name).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "set" / name / f"{i}.png"), picture)
    main([str(pack), "--data", str(tmp_path / "set"), "--mix", "0.5"])
    document = json.loads(capsys.readouterr().out)["set"]
    assert document["photos"] == document["queries"] == 6
    assert document["systems"]["alpha"]["R@1"] == 1.0
    multi_scale.main([str(pack), "--data", str(tmp_path / "set")])
    assert json.loads(capsys.readouterr().out)["set"]["systems"]["five scales, mean"]["R@1"] == 1.0
    graph = AlphaGraph(pack)
    assert np.linalg.norm(graph(np.zeros((50, 90, 3), np.uint8) + 7)) == pytest.approx(1, abs=1e-3)
    with pytest.raises(SystemExit):
        main([str(pack), "--holdout", str(tmp_path)])
