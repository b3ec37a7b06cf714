"""The protocol `evidence`: its pairs, its figures on evidence made by hand, and a run with real pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from desktop_app.bootstrap import Options, is_picture_name, open_engine
from desktop_app.domain.errors import UnreadableImage, UsageError
from desktop_app.domain.evidence import CoAttention, EvidenceSource, MatchEvidence, PatchLink, Strength
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.evaluation import evidence_judge
from desktop_app.evaluation.annotations import EvidencePhoto, OutlinedObject
from desktop_app.evaluation.composites import make_composite, through
from desktop_app.evaluation.evidence import evaluate_evidence
from desktop_app.evaluation.evidence_judge import PairJudge, findable_cells
from desktop_app.evaluation.evidence_pairs import (
    EvidencePair,
    composite_pairs,
    from_composite,
    object_pairs,
    stranger_pairs,
    take,
    view_pairs,
)
from desktop_app.retrieval.parameters import RelevanceParameters

PHOTOS = {"astronaut": data.astronaut, "coffee": data.coffee, "cat": data.chelsea, "rocket": data.rocket}
PIXELS = {Path(name): cv2.resize(picture(), (320, 240)) for name, picture in PHOTOS.items()}
LEFT = np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]])


def load(path: Path) -> np.ndarray:
    return PIXELS[path]


def generator() -> np.random.Generator:
    return np.random.default_rng(11)


def photo(name: str, *objects: tuple[str, np.ndarray], kinds: set[str] | None = None) -> EvidencePhoto:
    marked = tuple(OutlinedObject(label, outline, drawn=True) for label, outline in objects)
    shown = frozenset(kinds or {item.label for item in marked} or {name})
    return EvidencePhoto(Path(name), marked, shown, marked)


@pytest.fixture(scope="module")
def engine(tiny_pack: Path):
    opened = open_engine(Options(threads=1), str(tiny_pack))
    yield opened
    opened.embedder.close()


# --- the pairs ------------------------------------------------------------------------------------------------


def test_composites_know_where_the_object_went():
    pairs = list(composite_pairs([photo(name) for name in PHOTOS], 4, load, generator()))
    assert len(pairs) == 4
    for pair in pairs:
        rows, columns = np.nonzero(pair.query_mask)
        height, width = pair.query.shape[:2]
        middle = np.array([[(columns.mean() + 0.5) / width, (rows.mean() + 0.5) / height]])
        x, y = (through(pair.to_result, middle) * pair.result.shape[1::-1])[0]
        rows, columns = np.nonzero(pair.mask)
        assert abs(x - columns.mean()) < 0.06 * width + 2 and abs(y - rows.mean()) < 0.06 * height + 2


def test_photos_that_cannot_be_read_are_passed_over():
    def loaded(path):
        if path == Path("coffee"):
            raise UnreadableImage("coffee", "the file is cut short")
        return load(path)

    photos = [photo("cat", ("left", LEFT)), photo("coffee", ("left", LEFT)), photo("rocket")]
    pairs = list(composite_pairs(photos, 3, loaded, generator()))
    assert [pair.label for pair in pairs] == ["left"] * 3
    assert list(composite_pairs(photos[:2], 3, loaded, generator())) == []


def test_shares_and_pixels_agree_to_a_hair():
    made = make_composite(load(Path("cat")), load(Path("coffee")), generator())
    pair = from_composite(made, "")
    pixels = np.array([[3.0, 5.0], [20.0, 9.0]])
    shares = (pixels + 0.5) / made.query.shape[1::-1]
    landed = through(pair.to_result, shares) * made.scene.shape[1::-1] - 0.5
    np.testing.assert_allclose(landed, through(made.to_scene, pixels), atol=1e-9)


def test_drawn_outlines_are_what_is_cut_out():
    photos = [photo("cat", ("left", LEFT)), photo("coffee")]
    (pair,) = composite_pairs(photos, 1, load, generator(), alone=True)
    assert pair.label == "left"
    shown = pair.query[pair.query_mask][:, None]
    source = load(Path("cat"))[:, :160].reshape(-1, 3)
    assert (np.abs(shown[::997].astype(int) - source).max(axis=2).min(axis=1) <= 2).all()  # its own pixels


def test_the_region_of_a_view_is_what_it_shows():
    for pair in view_pairs([photo(name) for name in PHOTOS], 4, load, generator()):
        height, width = pair.mask.shape
        corners = through(pair.to_result, np.array([[0.02, 0.02], [0.98, 0.98], [0.5, 0.5]]))
        assert all(pair.mask[int(y * height), int(x * width)] for x, y in corners)
        x, y = corners[:, 0], corners[:, 1]
        assert 0.1 < pair.mask.mean() <= 1.0 and (x >= 0).all() and (y <= 1).all()


def test_an_object_is_asked_with_its_box_and_looked_for_in_another_photo():
    right = LEFT + np.array([0.5, 0.0])
    photos = [
        photo("cat", ("thing", LEFT), ("other", right)),
        photo("coffee", ("thing", right), ("thing", LEFT * 0.1)),
        photo("rocket", ("other", LEFT)),
    ]
    pairs = list(object_pairs(photos, 9, load, generator(), classes=["thing"]))
    assert len(pairs) == 3 and {pair.label for pair in pairs} == {"thing"}
    by_region = {tuple(pair.region.as_list()): pair for pair in pairs}
    asked = by_region[(0, 0, 160, 240)]
    np.testing.assert_array_equal(asked.result, load(Path("coffee")))
    assert asked.mask[:, 160:].all() and asked.mask[:24, :16].all()
    assert asked.mask.sum() == 160 * 240 + 16 * 24
    assert {pair.label for pair in object_pairs(photos, 9, load, generator())} == {"thing", "other"}


def test_boxes_too_small_to_ask_with_are_left_out():
    photos = [photo("cat", ("dot", LEFT * 0.05)), photo("coffee", ("dot", LEFT))]
    assert [pair.region.w for pair in object_pairs(photos, 9, load, generator())] == [160]


def test_strangers_share_no_kind_and_half_of_them_are_near():
    photos = [
        photo("astronaut", kinds={"a", "b"}),
        photo("coffee", kinds={"b"}),
        photo("cat", kinds={"c"}),
        photo("rocket", kinds={"d"}),
    ]
    alphas = np.array([[1, 0, 0], [1, 0, 0], [0.9, 0.4, 0], [0, 0, 1]], dtype=np.float32)
    pairs = list(stranger_pairs(photos, alphas, 8, load, generator()))
    assert [pair.label for pair in pairs] == 4 * ["random"] + 4 * ["nearest"]
    names = {pixels.tobytes(): path.name for path, pixels in PIXELS.items()}
    together = {(names[pair.query.tobytes()], names[pair.result.tobytes()]) for pair in pairs}
    assert ("astronaut", "coffee") not in together and ("coffee", "astronaut") not in together
    nearest = {
        names[pair.query.tobytes()]: names[pair.result.tobytes()] for pair in pairs if pair.label == "nearest"
    }
    assert nearest["astronaut"] == nearest["coffee"] == "cat"
    assert nearest["cat"] == "astronaut"


def test_everything_is_taken_once_before_anything_twice():
    photos = [photo(name) for name in PHOTOS]
    names = [chosen.path.name for chosen in take(photos, 6, generator())]
    assert sorted(names[:4]) == sorted(PHOTOS) and len(names) == 6


# --- the figures ----------------------------------------------------------------------------------------------

RESULT = np.zeros((40, 40, 3), dtype=np.uint8)
REGION = np.zeros((40, 40), dtype=bool)
REGION[:20, :20] = True  # the upper left quarter, one cell of 2 x 2


def by_hand(p: list[list[float]], *, relevance: float = 0.9, links: tuple[PatchLink, ...] = ()) -> MatchEvidence:
    map_ = np.array(p, dtype=np.float32)
    box = Region(0, 0, 40, 40)
    return MatchEvidence(
        relevance=relevance,
        source=EvidenceSource.LOCAL,
        coattention=CoAttention(query=map_, result=map_[::-1]),
        p=map_,
        q=map_,
        links=links,
        words="",
        query_grid=Grid(2, 2),
        result_grid=Grid(2, 2),
        query_box=box,
        result_box=box,
    )


def link(query: tuple[int, int], result: tuple[int, int]) -> PatchLink:
    box = Region(0, 0, 20, 20)
    return PatchLink(Cell(*query), Cell(*result), box, box, 0.8, Strength.STRONG)


def judged_by_hand(monkeypatch, engine, found: MatchEvidence, pair: EvidencePair, **options):
    monkeypatch.setattr(evidence_judge, "pair_evidence", lambda *arguments, **kinds: found)
    return PairJudge(engine, {"local": 0.5}).judge(pair, **options)


def test_evidence_in_the_region_is_all_right(monkeypatch, engine):
    pair = EvidencePair("composites", "", RESULT, RESULT, mask=REGION, to_result=np.eye(3))
    links = (link((0, 0), (0, 0)), link((0, 1), (0, 1)))
    found = judged_by_hand(monkeypatch, engine, by_hand([[0.9, 0.0], [0.0, 0.0]], links=links), pair)
    local = found["local"]
    assert (local.shown, local.hit, local.upright, local.iou, local.chance) == (True, True, True, 1.0, 0.25)
    np.testing.assert_allclose(local.ious, [0.25] + 9 * [1.0])
    assert local.links.tolist() == [True, True]
    assert local.hit_known is True
    clusters = found["clusters"]  # upside down: in the lower left quarter
    assert (clusters.shown, clusters.hit, clusters.upright, clusters.iou) == (True, False, False, None)
    assert clusters.links is None


def test_nothing_shown_is_a_miss_and_no_claim(monkeypatch, engine):
    pair = EvidencePair("composites", "", RESULT, RESULT, mask=REGION)
    local = judged_by_hand(monkeypatch, engine, by_hand(2 * [[0.0, 0.0]], relevance=0.4), pair)["local"]
    assert (local.shown, local.hit, local.upright, local.iou, local.links) == (False, False, False, 0.0, None)


def test_a_link_or_relevance_between_strangers_is_false_evidence(monkeypatch, engine):
    pair = EvidencePair("strangers", "random", RESULT, RESULT)
    cases = {
        (0.4, ()): False,
        (0.6, ()): True,
        (0.4, (link((0, 0), (0, 0)),)): True,
    }
    for (relevance, links), shown in cases.items():
        local = judged_by_hand(
            monkeypatch, engine, by_hand(2 * [[0.0, 0.0]], relevance=relevance, links=links), pair
        )["local"]
        assert local.shown is shown and local.hit is None and local.ious is None


def test_curves_take_away_and_bring_back_the_highest_cells_first(monkeypatch, engine):
    # the score of a pair is how much of the upper left quarter is bright
    bright = RESULT.copy()
    bright[:20, :20] = 255

    def evidence(asked, answered, engine, *, source=None, attention=None):
        quarter = answered.pixels.rgb[: answered.pixels.rgb.shape[0] // 2, : answered.pixels.rgb.shape[1] // 2]
        score = float(quarter.mean() > 240)
        return by_hand([[0.9, 0.0], [0.0, 0.0]], relevance=score)

    monkeypatch.setattr(evidence_judge, "pair_evidence", evidence)
    pair = EvidencePair("composites", "", bright, bright, mask=REGION)
    found = PairJudge(engine).judge(pair, curves=True)
    # ten steps over 4 cells move 0 0 1 1 2 2 2 3 3 4 4 of them: the score is 1 1 0 0 ... and the other way round
    assert found["local"].deletion == pytest.approx(0.15)
    assert found["local"].insertion == pytest.approx(0.85)
    # upside down the cell comes third, in step 7 (2.8 cells)
    assert found["clusters"].deletion > found["local"].deletion
    assert found["clusters"].insertion < found["local"].insertion


def test_only_cells_of_the_object_have_a_place_to_find():
    mask = np.zeros((40, 80), dtype=bool)
    mask[:, :30] = True
    pair = EvidencePair("composites", "", RESULT, RESULT, query_mask=mask)
    assert findable_cells(pair, Grid(2, 4)).tolist() == [0, 4]  # the middles of column 1 lie at 30
    assert findable_cells(EvidencePair("views", "", RESULT, RESULT), Grid(1, 2)).tolist() == [0, 1]


# --- the protocol ---------------------------------------------------------------------------------------------


def run(job):
    while True:
        try:
            next(job)
        except StopIteration as stop:
            return stop.value


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("set")
    for path, pixels in PIXELS.items():
        cv2.imwrite(str(root / f"{path}.png"), pixels[..., ::-1])
    (root / "broken.jpg").write_bytes(b"nothing")
    for name, line in (("cat", "1 0.25 0.5 0.5 1.0"), ("coffee", "1 0.5 0.5 0.8 0.8")):
        (root / f"{name}.txt").write_text(line + "\n")
    return root


@pytest.fixture(scope="module")
def document(folder: Path, engine):
    job = evaluate_evidence(
        folder, [engine], is_picture=is_picture_name, pairs=4, curves=1, thresholds={"local": 0.3}
    )
    return run(job).as_json()


def test_every_family_has_a_row_for_every_source(document):
    names = [(row["source"], row["pairs"]) for row in document["rows"]]
    families = [
        "composites",
        "views",
        "objects",
        "objects: class 1",
        "strangers",
        "strangers: nearest",
        "strangers: random",
    ]
    assert names == [(source, family) for source in ("clusters", "local") for family in families]
    assert document["protocol"] == "evidence" and document["images"] == 4
    assert document["queries"] == 4 + 4 + 2 + 4


def test_figures_are_shares_or_unknown(document):
    for row in document["rows"]:
        for name, value in row.items():
            if (
                name in ("source", "pairs", "pack", "count", "links", "above_chance", "above_chance_known")
                or value is None
            ):
                continue
            assert 0.0 <= value <= 1.0, (name, value)
    rows = {(row["source"], row["pairs"]): row for row in document["rows"]}
    assert rows["local", "composites"]["deletion"] is not None
    assert rows["local", "views"]["transfer"] > 0.2
    assert rows["local", "views"]["link@1"] is not None and rows["local", "objects"]["link@1"] is None
    assert rows["local", "composites"]["threshold"] == 0.3
    assert rows["local", "strangers"]["pointing"] is None and rows["local", "strangers"]["shown"] is not None
    assert rows["clusters", "views"]["IoU"] is None and rows["local", "views"]["IoU"] is not None


def test_the_same_seed_gives_the_same_figures(folder, engine):
    options = {"is_picture": is_picture_name, "pairs": 2, "curves": 0, "families": ["composites", "strangers"]}
    one, two = (run(evaluate_evidence(folder, [engine], seed=3, **options)).as_json() for _ in range(2))
    assert one == two


def test_the_names_of_classes_are_of_no_account(folder, engine, tmp_path):
    """The same photos with another name for the class give the same figures: no stage sees the truth."""
    for path in folder.iterdir():
        if path.suffix == ".txt":
            (tmp_path / path.name).write_text(path.read_text().replace("1 ", "77 ", 1))
        else:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    options = {"is_picture": is_picture_name, "pairs": 2, "curves": 0, "families": ["objects"]}
    one, two = (run(evaluate_evidence(root, [engine], **options)).as_json() for root in (folder, tmp_path))
    for row in one["rows"] + two["rows"]:
        row["pairs"] = row["pairs"].replace("77", "1")
    assert one == two


def test_what_is_wrong_is_named(folder, engine, tmp_path):
    options = {"is_picture": is_picture_name}
    with pytest.raises(UsageError, match="'dogs' is not a family"):
        run(evaluate_evidence(folder, [engine], families=["dogs"], **options))
    with pytest.raises(UsageError, match="class 'dog'"):
        run(evaluate_evidence(folder, [engine], classes=["dog"], **options))
    with pytest.raises(UsageError, match="0 pairs"):
        run(evaluate_evidence(folder, [engine], pairs=0, **options))
    cv2.imwrite(str(tmp_path / "one.png"), PIXELS[Path("cat")])
    with pytest.raises(UsageError, match="two pictures"):
        run(evaluate_evidence(tmp_path, [engine], **options))


def test_a_pair_known_to_match_is_pointed_at_whatever_its_relevance(engine):
    """With relevance out of reach nothing is shown, but where the evidence would lie is still measured."""
    never = RelevanceParameters(weights={}, bias=-60.0)
    doubting = replace(engine, parameters=replace(engine.parameters, relevance=never))
    pixels = load(Path("astronaut"))
    pair = EvidencePair("views", "", pixels, pixels, mask=np.ones(pixels.shape[:2], dtype=bool))
    local = PairJudge(doubting).judge(pair)["local"]
    assert (local.shown, local.hit) == (False, False)
    assert local.hit_known
