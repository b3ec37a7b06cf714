"""A photo that lies on its side or is mirrored is found, and everything said is about the picture as it asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data
from support.opened import opened

from desktop_app.domain.errors import UsageError
from desktop_app.domain.geometry import Cell, Region
from desktop_app.domain.query import (
    AS_IT_IS,
    TURNS,
    AutomaticFeedback,
    LibraryPicture,
    PixelPicture,
    Profile,
    Query,
    QueryItem,
    Turn,
)
from desktop_app.domain.results import SearchAnswer, StageScores, Words
from desktop_app.evaluation.disguises import instance_view
from desktop_app.retrieval import turned_query
from desktop_app.retrieval.turned_query import GAIN, chosen_orientation
from desktop_app.services.explain import ExplainService
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.pictures import turned_rgb
from desktop_app.services.search import SearchService

ASTRONAUT, COFFEE, CAT, ROCKET = range(4)
ASKED = QueryItem(PixelPicture(np.zeros((40, 60, 3), np.uint8)))


def pictures() -> list[np.ndarray]:
    """Photographs [240, 320, 3]."""
    return [cv2.resize(photo(), (320, 240)) for photo in (data.astronaut, data.coffee, data.chelsea, data.rocket)]


def by_hand(rgb: np.ndarray, turn: Turn) -> np.ndarray:
    mirrored = rgb[:, ::-1] if turn.mirrored else rgb
    return np.ascontiguousarray(np.rot90(mirrored, -turn.degrees // 90))


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, tiny_pack: Path) -> Path:
    folder = tmp_path_factory.mktemp("turned")
    (folder / "photos").mkdir()
    for number, rgb in enumerate(pictures()):
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), rgb[..., ::-1])
    with opened(folder / "library", tiny_pack, writer=True) as session:
        for _ in index_folders(session, [folder / "photos"]):
            pass
    return folder


@pytest.fixture
def session(indexed: Path, tiny_pack: Path) -> Iterator[LibrarySession]:
    with opened(indexed / "library", tiny_pack) as library:
        yield library


@pytest.fixture
def any_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The descriptors of the tiny pack change less when a picture is turned than those of a real one."""
    monkeypatch.setattr(turned_query, "GAIN", 1e-3)


def ask(session: LibrarySession, item: QueryItem, **more: object) -> SearchAnswer:
    *_, answer = SearchService(session).search(Query((item,), **more))  # type: ignore[arg-type]
    return answer


def ranked(answer: SearchAnswer) -> list[tuple[str, float, StageScores]]:
    return [(hit.photo.name, hit.score, hit.stages) for hit in answer.hits]


def listed(answer: SearchAnswer) -> list[tuple[str, float, Words]]:
    return [(hit.photo.name, hit.score, hit.words) for hit in answer.hits]


@pytest.mark.parametrize("turn", TURNS)
def test_a_turn_is_mirroring_and_then_quarters_clockwise(turn: Turn) -> None:
    rgb = pictures()[COFFEE]
    assert np.array_equal(turned_rgb(rgb, turn), by_hand(rgb, turn))


def test_a_turn_in_words() -> None:
    assert [turn.words for turn in TURNS[:4]] == [
        "",
        "turned by 90° clockwise",
        "turned by 180°",
        "turned by 270° clockwise",
    ]
    assert TURNS[5].words == "mirrored and turned by 90° clockwise" and len(set(TURNS)) == 8
    with pytest.raises(UsageError, match="45°"):
        Turn(45)


def test_an_orientation_counts_only_when_it_is_clearly_nearer() -> None:
    assert chosen_orientation([0.5] * 8) == 0
    assert chosen_orientation([0.5, 0.5 + GAIN / 2, 0.4]) == 0
    assert chosen_orientation([0.5, 0.5 + 2 * GAIN, 0.5 + 2.5 * GAIN]) == 1
    assert chosen_orientation([0.5, 0.6, 0.9]) == 2


@pytest.mark.usefixtures("any_gain")
@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("number", [ASTRONAUT, CAT])
def test_a_photo_on_its_side_is_found_as_itself(session: LibrarySession, number: int, degrees: int) -> None:
    rgb = by_hand(pictures()[number], Turn(360 - degrees))
    answer = ask(session, QueryItem(PixelPicture(rgb)), turned=True)
    (shown,) = answer.query
    assert shown.turn == Turn(degrees) and (shown.width, shown.height) == (320, 240)
    assert answer.hits[0].photo.name == f"{number}.png"
    assert answer.verdict is answer.hits[0].words is Words.ALMOST_CERTAIN
    assert "turn" in answer.timings_ms


def test_a_mirrored_photo_is_almost_certainly_the_same_only_where_that_was_asked(session: LibrarySession) -> None:
    view = instance_view(pictures()[COFFEE], np.random.default_rng(0))
    item = QueryItem(PixelPicture(by_hand(view, Turn(mirrored=True))))
    plain, answer = ask(session, item), ask(session, item, turned=True)
    assert answer.hits[0].photo.name == plain.hits[0].photo.name == f"{COFFEE}.png"
    assert answer.hits[0].words is answer.verdict is Words.ALMOST_CERTAIN
    assert plain.hits[0].words is not Words.ALMOST_CERTAIN
    assert answer.query[0].turn == AS_IT_IS  # found as it is, for its descriptor hardly differs


@pytest.mark.usefixtures("any_gain")
@pytest.mark.parametrize("turn", [AS_IT_IS, Turn(90), Turn(180, mirrored=True), Turn(270, mirrored=True)])
@pytest.mark.parametrize("profile", [Profile.INSTANT, Profile.BALANCED])
def test_asking_every_orientation_by_hand_finds_the_same(
    session: LibrarySession, turn: Turn, profile: Profile
) -> None:
    rgb = by_hand(pictures()[ROCKET], turn)[20:200, 10:220]
    turns, answers = [], []
    for mirrored in (False, True):
        for degrees in (0, 90, 180, 270):
            turns.append(Turn(degrees, mirrored))
            answers.append(ask(session, QueryItem(PixelPicture(by_hand(rgb, turns[-1]))), profile=profile))
    cosines = [max(hit.stages.global_ or 0.0 for hit in answer.hits) for answer in answers]
    expected = next(at for at, cosine in enumerate(cosines) if cosine >= max(cosines) - turned_query.GAIN)
    answer = ask(session, QueryItem(PixelPicture(rgb)), profile=profile, turned=True)
    assert answer.query[0].turn == turns[expected]
    assert ranked(answer) == ranked(answers[expected])


def test_a_photo_as_it_is_gets_the_answer_of_a_plain_search(session: LibrarySession) -> None:
    item = QueryItem(PixelPicture(pictures()[COFFEE][20:220, 30:300]))
    answer = ask(session, item, turned=True)
    assert answer.query[0].turn == AS_IT_IS and listed(answer) == listed(ask(session, item))


def test_a_photo_of_the_library_is_not_its_own_result(session: LibrarySession) -> None:
    photo = next(photo for photo in session.photos_page() if photo.name == "1.png")
    answer = ask(session, QueryItem(LibraryPicture(photo.id)), turned=True)
    assert {hit.photo.name for hit in answer.hits} == {"0.png", "2.png", "3.png"}


@pytest.mark.usefixtures("any_gain")
def test_evidence_is_about_the_picture_as_it_asked(session: LibrarySession) -> None:
    rgb = by_hand(pictures()[CAT], Turn(90))
    query = Query((QueryItem(PixelPicture(rgb)),), turned=True)
    *_, answer = SearchService(session).search(query)
    asked = answer.asked(query)
    assert asked.items[0].turn == Turn(270) and not asked.turned
    explaining = ExplainService(session)
    seen = explaining.query_picture(asked.items[0])
    assert np.array_equal(seen.rgb, pictures()[CAT]) and (seen.width, seen.height) == (320, 240)
    evidence = explaining.explain(asked.items[0], answer.hits[0].photo)
    upright = explaining.explain(QueryItem(PixelPicture(pictures()[CAT])), answer.hits[0].photo)
    assert evidence.words == upright.words and evidence.links == upright.links
    assert evidence.links and np.array_equal(evidence.q, upright.q)


@pytest.mark.parametrize(
    "query",
    [
        {"items": (replace(ASKED, region=Region(0, 0, 30, 30)),)},
        {"items": (replace(ASKED, cell_weights={Cell(0, 0): 2.0}),)},
        {"items": (ASKED, replace(ASKED, negative=True))},
        {"items": (ASKED,), "automatic": AutomaticFeedback()},
    ],
)
def test_parts_marks_and_several_pictures_are_refused(query: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="only one whole picture"):
        Query(**query, turned=True)  # type: ignore[arg-type]
