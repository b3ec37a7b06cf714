"""A thing drawn round freehand: only what lies inside the line asks, is matched and is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data
from support.opened import opened

from desktop_app import cli
from desktop_app.commands.search_parts import numbered, print_parts
from desktop_app.domain.errors import UsageError
from desktop_app.domain.evidence import MatchEvidence
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.outline import Outline
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.query import LibraryPicture, PixelPicture, Query, QueryItem, Turn
from desktop_app.imaging.overlay import EvidencePage, evidence_picture, evidence_svg
from desktop_app.retrieval import evidence as retrieval_evidence
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.explain import ExplainService
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.painting import evidence_json
from desktop_app.services.pictures import load_query
from desktop_app.services.search import SearchService
from desktop_app.services.suggest_parts import suggested_parts

FACE = Outline(((140, 40), (250, 60), (260, 150), (200, 200), (120, 170), (110, 90)))  # of the cat


def cat() -> np.ndarray:
    return cv2.resize(data.chelsea(), (320, 240))


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, tiny_pack: Path) -> Path:
    folder = tmp_path_factory.mktemp("outline")
    (folder / "photos").mkdir()
    for name, picture in (("cat", data.chelsea), ("cup", data.coffee), ("rocket", data.rocket)):
        cv2.imwrite(str(folder / "photos" / f"{name}.png"), cv2.resize(picture(), (320, 240))[..., ::-1])
    with opened(folder / "library", tiny_pack, writer=True) as session:
        for _ in index_folders(session, [folder / "photos"]):
            pass
    return folder


@pytest.fixture
def session(indexed: Path, tiny_pack: Path) -> Iterator[LibrarySession]:
    with opened(indexed / "library", tiny_pack) as library:
        yield library


@pytest.fixture
def photo(session: LibrarySession) -> PhotoRecord:
    return next(photo for photo in session.photos_page() if photo.name == "cat.png")


def asking(rgb: np.ndarray, outline: Outline = FACE) -> QueryItem:
    return QueryItem(PixelPicture(rgb), outline=outline)


def elsewhere(rgb: np.ndarray) -> np.ndarray:
    """The picture with all that lies outside the outline replaced."""
    inside = FACE.samples(Region(0, 0, 320, 240), 240, 320)
    return np.where(inside[..., None], rgb, cv2.resize(data.rocket(), (320, 240)))


def test_what_lies_outside_changes_nothing_of_the_answer(session: LibrarySession) -> None:
    answers = []
    for rgb in (cat(), elsewhere(cat())):
        *_, answer = SearchService(session).search(Query((asking(rgb),)))
        answers.append([(hit.photo.name, hit.score, hit.stages) for hit in answer.hits])
    assert answers[0] == answers[1]
    box = QueryItem(PixelPicture(cat()), region=FACE.box)
    *_, plain = SearchService(session).search(Query((box,)))
    assert [hit.stages for hit in plain.hits] != [stages for _, _, stages in answers[0]]


def test_cells_count_by_the_share_of_them_that_lies_inside(session: LibrarySession) -> None:
    embedded = QueryEmbedder(session).embed(asking(cat()), session.search_engine())
    grid, box = Grid(16, 15), embedded.pixels.box
    weights = embedded.weights_on(grid)
    assert box == FACE.box and weights is not None
    for row in range(grid.rows):
        for column in range(grid.columns):
            cell = Region(box.x + column * 10, box.y + row * 10, 10, 10)
            assert weights[row, column] == pytest.approx(FACE.samples(cell).mean(), abs=0.08)
    assert weights.min() == 0 and weights.max() == 1


def test_marks_count_inside_the_outline_and_say_so_when_nothing_is_left(session: LibrarySession) -> None:
    embedder, engine, grid = QueryEmbedder(session), session.search_engine(), Grid(2, 2)
    plain = embedder.embed(asking(cat()), engine).weights_on(grid)
    weighed = replace(asking(cat()), grid=grid, cell_weights={Cell(0, 0): 0.25})
    got = embedder.embed(weighed, engine).weights_on(grid)
    assert plain is not None and got is not None
    assert np.allclose(got, plain * [[0.25, 1], [1, 1]])
    none = replace(weighed, cell_weights={grid.cell_by_index(at): 0.0 for at in range(4)})
    with pytest.raises(UsageError, match="nothing inside the outline"):
        embedder.embed(none, engine)


def test_a_narrower_region_asks_with_what_both_hold(session: LibrarySession) -> None:
    half = replace(asking(cat()), region=Region(110, 40, 75, 160))
    embedded = QueryEmbedder(session).embed(half, session.search_engine())
    assert embedded.pixels.box == Region(110, 40, 75, 160) and embedded.pixels.outline == FACE


def test_an_outline_is_cut_at_the_edges_of_the_picture() -> None:
    past = Outline(((200, 100), (900, 100), (900, 900), (200, 900)))
    pixels = load_query(asking(cat(), past), None)
    assert pixels.region == Region(200, 100, 120, 140)
    assert pixels.outline is not None and pixels.outline.box == pixels.region


@pytest.mark.parametrize(
    ("outline", "words"),
    [
        (Outline(((400, 10), (500, 10), (450, 90))), "outside the picture"),
        (Outline(((10, 10), (20, 10), (15, 200))), "too small"),
        (Outline(((0, 0), (1, 0), (100, 100), (99, 100))), "too little"),
    ],
)
def test_an_outline_that_holds_nothing_to_search_with_is_told(outline: Outline, words: str) -> None:
    with pytest.raises(UsageError, match=words) as told:
        load_query(asking(cat(), outline), None)
    assert told.value.remedy or "outside" not in words


def evidence(session: LibrarySession, photo: PhotoRecord) -> MatchEvidence:
    return ExplainService(session).explain(asking(cat()), photo)


def test_evidence_and_its_document_know_the_outline(
    session: LibrarySession, photo: PhotoRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval_evidence, "RELEVANT", 0.0)  # the tiny pack is never sure of a part
    made = evidence(session, photo)
    assert made.query_outline == FACE and made.query_box == FACE.box and made.links
    grid, box = made.query_grid, made.query_box
    for row in range(grid.rows):
        for column in range(grid.columns):
            cell = Cell(row, column)
            if not FACE.samples(grid.cell_region(cell, box)).any():
                assert made.q[row, column] == 0
                assert cell not in [link.query_cell for link in made.links]
    document = evidence_json(made)
    assert document["query_outline"] == FACE.as_lists() and json.dumps(document)


def test_the_page_shows_the_outline_in_both_forms(session: LibrarySession, photo: PhotoRecord) -> None:
    service = ExplainService(session)
    made = evidence(session, photo)
    shown = [service.query_picture(asking(cat())), service.result_picture(photo)]
    page = EvidencePage(shown[0].on_page(), shown[1].on_page(), made, layer="areas", width=900)
    boxed = replace(page, evidence=replace(made, query_outline=None))
    changed = (evidence_picture(page) != evidence_picture(boxed)).any(axis=2)
    assert changed[:, :450].any() and not changed[:, 450:].any()
    assert evidence_svg(page).count("<path") == evidence_svg(boxed).count("<path") + 2


def test_a_part_of_a_turned_picture_is_that_part_of_what_is_seen(
    session: LibrarySession, photo: PhotoRecord
) -> None:
    lying = np.ascontiguousarray(np.rot90(cat()))
    for picture in (PixelPicture(lying), LibraryPicture(photo.id)):
        turn = Turn(90) if isinstance(picture, PixelPicture) else Turn(180, mirrored=True)
        upright = cat() if isinstance(picture, PixelPicture) else cat()[::-1]
        for part in (FACE, FACE.box):
            pixels = load_query(QueryItem(picture, turn=turn).with_part(part), session)
            expected = load_query(QueryItem(PixelPicture(np.ascontiguousarray(upright))).with_part(part), None)
            assert np.array_equal(pixels.rgb, expected.rgb)
            assert (pixels.width, pixels.height, pixels.region) == (320, 240, FACE.box)


def test_parts_are_suggested_of_the_picture_as_it_is_turned(session: LibrarySession) -> None:
    engine, lying = session.search_engine(), np.ascontiguousarray(np.rot90(cat()))
    upright = suggested_parts(QueryItem(PixelPicture(cat())), QueryEmbedder(session), engine)
    turned = suggested_parts(QueryItem(PixelPicture(lying), turn=Turn(90)), QueryEmbedder(session), engine)
    assert turned == upright


def test_the_command_line_takes_an_outline(
    indexed: Path, tiny_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--library", str(indexed / "library"), "--pack", str(tiny_pack), "--json"]
    photo = str(indexed / "photos" / "cat.png")
    assert cli.main(["search", photo, "--region", FACE.text, *where]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["query"][0]["outline"] == FACE.as_lists()
    assert document["query"][0]["region"] == FACE.box.as_list()
    assert (
        cli.main(["explain", photo, photo, "--region", FACE.text, "--out", str(tmp_path / "e.svg"), *where[2:]])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["query_outline"] == FACE.as_lists()
    assert (tmp_path / "e.svg").stat().st_size > 1000
    assert cli.main(["search", photo, "--region", "0,0 9,9", *where]) == 2
    assert "at least 3 points" in capsys.readouterr().err


def test_the_command_line_suggests_parts_and_asks_with_one(
    indexed: Path, tiny_pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--library", str(indexed / "library"), "--pack", str(tiny_pack)]
    photo = str(indexed / "photos" / "cat.png")
    assert cli.main(["search", photo, "--suggest-parts", "--json", *where]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["query"] == [{"path": photo}]
    parts = [part["region"] for part in document["parts"]]
    assert 1 <= len(parts) <= 3 and [part["part"] for part in document["parts"]] == list(range(1, len(parts) + 1))
    assert cli.main(["search", photo, "--suggest-parts", *where]) == 0
    assert ",".join(map(str, parts[0])) in capsys.readouterr().out
    assert cli.main(["search", photo, "--part", "1", "--json", *where]) == 0
    searched = json.loads(capsys.readouterr().out)
    assert searched["query"][0]["region"] == parts[0] and searched["results"]
    for number in ("0", "9"):
        assert cli.main(["search", photo, "--part", number, *where]) == 2
        error = capsys.readouterr().err
        assert f"no suggested part {number}" in error and f"parts 1 to {len(parts)}" in error


def test_a_picture_without_parts_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    item = QueryItem(PixelPicture(cat()))
    assert print_parts(item, (), in_json=False) == 0
    assert "No part of this image stands out" in capsys.readouterr().out
    with pytest.raises(UsageError, match="no suggested part 1"):
        numbered((), 1)
