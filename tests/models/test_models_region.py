"""The relevance of a part of a picture: measured on pixels, fitted, written into a pack, and used by evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from desktop_app.bootstrap import Options, open_engine
from desktop_app.domain.errors import PackError
from desktop_app.domain.geometry import Cell, Region
from desktop_app.domain.query import PixelPicture, QueryItem
from desktop_app.retrieval.parameters import RegionParameters, RetrievalParameters
from desktop_app.retrieval.region_evidence import RegionMeasurements, region_relevance
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.explain import pair_evidence
from desktop_app.services.region_match import region_match
from models.region import central_region, fit, main
from tests.support.tiny_pack import make_tiny_pack

PHOTOS = {"astronaut": data.astronaut, "coffee": data.coffee, "cat": data.chelsea, "rocket": data.rocket}


@pytest.fixture(scope="module")
def engine(tiny_pack: Path):
    opened = open_engine(Options(threads=1), str(tiny_pack))
    yield opened
    opened.embedder.close()


def pictures() -> tuple[np.ndarray, np.ndarray, Region]:
    """A photo with a coloured disc, another one with the same disc elsewhere, and the disc's box in the first."""
    one, two = (cv2.resize(PHOTOS[name](), (448, 448)) for name in ("coffee", "rocket"))
    for photo, middle in ((one, (120, 120)), (two, (330, 330))):
        cv2.circle(photo, middle, 56, (20, 230, 40), -1)
        cv2.circle(photo, middle, 24, (230, 20, 200), -1)
    return one, two, Region(64, 64, 112, 112)


def embedded(engine, one, two, region, **options):
    embedder = QueryEmbedder(None)
    asked = embedder.embed(QueryItem(PixelPicture(one), region=region, **options), engine)
    return asked, embedder.embed(QueryItem(PixelPicture(two)), engine)


@pytest.mark.parametrize("zoom", [None, 1])
def test_a_part_is_found_where_it_lies(engine, zoom):
    one, two, region = pictures()
    match = region_match(*embedded(engine, one, two, region), engine, zoom=zoom)
    row, column = divmod(int(match.p.argmax()), match.p.shape[1])
    x, y = (column + 0.5) / match.p.shape[1] * 448, (row + 0.5) / match.p.shape[0] * 448
    assert abs(x - 330) <= 60 and abs(y - 330) <= 60
    assert match.p.max() == pytest.approx(1.0) and match.p.min() >= 0.0
    assert match.measured.contrast > 0.1


def test_a_zoom_makes_the_map_finer(engine):
    one, two, region = pictures()
    pair = embedded(engine, one, two, region)
    coarse, fine = (region_match(*pair, engine, zoom=zoom) for zoom in (1, 2))
    assert fine.p.shape == (2 * coarse.p.shape[0], 2 * coarse.p.shape[1])
    assert fine.measured.whole == coarse.measured.whole == coarse.measured.tile
    assert fine.measured.tile != coarse.measured.tile


def test_whole_pictures_and_weighted_cells_are_left_to_the_local_match(engine):
    one, two, region = pictures()
    assert region_match(*embedded(engine, one, two, None), engine) is None
    weighted = embedded(engine, one, two, region, cell_weights={Cell(0, 0): 1.0})
    assert region_match(*weighted, engine) is None
    nearly_all = embedded(engine, one, two, Region(1, 1, 446, 446))
    assert region_match(*nearly_all, engine) is None


def test_evidence_shows_the_part_when_it_is_relevant_and_nothing_else(engine):
    one, two, region = pictures()
    asked, answered = embedded(engine, one, two, region)
    sure, never = (
        replace(
            engine,
            parameters=replace(
                engine.parameters,
                region=RegionParameters({}, bias),
                relevance=replace(engine.parameters.relevance, weights={}, bias=-60.0),
            ),
        )
        for bias in (60.0, -60.0)
    )
    shown = pair_evidence(asked, answered, sure)
    assert shown.relevance > 0.99 and shown.p.max() > 0.99
    row, column = divmod(int(shown.p.argmax()), shown.p.shape[1])
    assert row >= shown.p.shape[0] // 2 and column >= shown.p.shape[1] // 2
    hidden = pair_evidence(asked, answered, never)
    assert hidden.relevance < 0.01 and not hidden.p.any() and hidden.links == ()


def test_the_fit_separates_and_keeps_to_its_false_rates():
    random = np.random.default_rng(0)
    samples = []
    for kind, level in (("true", 0.7), ("random", 0.2), ("near", 0.4)):
        for _ in range(200):
            nearest, contrast, whole, tile = np.clip(random.normal(level, 0.15, size=4), -1, 1)
            samples.append((RegionMeasurements(nearest, contrast, whole, tile), kind))
    parameters, figures = fit(samples)
    assert all(weight >= 0 for weight in parameters.weights.values())
    assert figures["relevant_random"] <= 0.02
    assert (figures["relevant_random"] + figures["relevant_near"]) / 2 <= 0.05 + 1e-9
    assert figures["relevant_true"] > 0.8
    for (measured, _), kind in zip(samples[::37], [kind for _, kind in samples[::37]], strict=True):
        more = replace(measured, nearest=measured.nearest + 0.1)
        assert region_relevance(more, parameters) >= region_relevance(measured, parameters), kind


def test_regions_lie_inside_and_vary():
    random = np.random.default_rng(0)
    shares = []
    for _ in range(40):
        region = central_region(np.zeros((300, 400, 3), np.uint8), random)
        assert region.x >= 0 and region.y >= 0 and region.x + region.w <= 400 and region.y + region.h <= 300
        shares.append(region.w * region.h / 120_000)
    assert min(shares) < 0.08 and max(shares) > 0.3 and min(shares) > 0.025 and max(shares) < 0.51


def test_one_command_fits_a_pack(tmp_path, capsys):
    pack = make_tiny_pack(tmp_path / "pack")
    random = np.random.default_rng(0)
    for name, picture in PHOTOS.items():
        rgb = cv2.resize(picture(), (320, 240))
        for number in range(3):
            x, y = random.integers(0, 60), random.integers(0, 40)
            path = tmp_path / "data" / "train" / "grocery" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), rgb[y : y + 200, x : x + 260, ::-1])
        # every fourth class in sorted order is held out: names before each make it so
        for filler in range(3):
            cv2.imwrite(str(_folder(tmp_path, f"{name[:-1]}-{filler}") / "0.png"), rgb[::-1])
    digest = open_engine(Options(threads=1), str(pack)).digest
    main([str(pack), "--data", str(tmp_path / "data"), "--count", "6"])
    printed = json.loads(capsys.readouterr().out)
    manifest = json.loads((pack / "manifest.json").read_text())
    assert printed["pairs"] >= 6 and manifest["region"]["weights"]
    engine = open_engine(Options(threads=1), str(pack))
    assert engine.digest == digest
    assert dict(engine.parameters.region.weights) == manifest["region"]["weights"]


def _folder(root: Path, name: str) -> Path:
    folder = root / "data" / "train" / "grocery" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("section", [{"weights": {"luck": 1.0}}, {"weights": {"tile": "x"}}, {"bias": []}])
def test_a_manifest_that_does_not_fit_is_refused(section):
    with pytest.raises(PackError):
        RetrievalParameters.from_manifest({"region": section})


def test_map_thresholds_come_from_the_manifest():
    parameters = RetrievalParameters.from_manifest({"map_thresholds": {"local": 0.25}})
    assert parameters.map_thresholds == {"local": 0.25}
    assert RetrievalParameters.from_manifest({}).map_thresholds == {}
