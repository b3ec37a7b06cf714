"""The last answer looks at pixels: a view of a photo is told from a look-alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data
from support.opened import opened

from desktop_app.domain.geometry import Region
from desktop_app.domain.query import PixelPicture, Profile, Query, QueryItem
from desktop_app.domain.results import SearchAnswer, Words
from desktop_app.evaluation.disguises import instance_view
from desktop_app.services.confirming import LOOKED_AT, Confirmation, Confirming, with_confirmed
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.search import SearchService

SIDE = 240


def shots() -> list[np.ndarray]:
    """Parts of three photographs, [SIDE, SIDE, 3]; those of one photograph look alike and share nothing."""
    photographs = (data.coffee(), data.chelsea(), data.rocket())
    return [
        np.ascontiguousarray(photo[y : y + SIDE, x : x + SIDE])
        for photo in photographs
        for y, x in ((0, 0), (photo.shape[0] - SIDE, photo.shape[1] - SIDE))
    ]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, tiny_pack: Path) -> Path:
    folder = tmp_path_factory.mktemp("confirming")
    (folder / "photos").mkdir()
    for number, rgb in enumerate(shots()[:-1]):  # the last one stays outside
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), rgb[..., ::-1])
    with opened(folder / "library", tiny_pack, writer=True) as session:
        for _ in index_folders(session, [folder / "photos"]):
            pass
    return folder


@pytest.fixture
def session(indexed: Path, tiny_pack: Path) -> Iterator[LibrarySession]:
    with opened(indexed / "library", tiny_pack) as library:
        yield library


def view(number: int) -> np.ndarray:
    return instance_view(shots()[number], np.random.default_rng(number))


def ask(session: LibrarySession, rgb: np.ndarray, **more: object) -> SearchAnswer:
    query = Query((QueryItem(PixelPicture(rgb), region=more.pop("region", None)),), **more)  # type: ignore[arg-type]
    *_, answer = SearchService(session).search(query)
    return answer


def test_the_photo_that_asks_is_found_by_its_pixels_wherever_it_stands(session: LibrarySession) -> None:
    hits = ask(session, shots()[-1]).hits
    for number in range(5):
        at = next(place for place, hit in enumerate(hits) if hit.photo.name == f"{number}.png")
        assert Confirming(session).among(view(number), hits) == Confirmation(at, compared=True)
    assert Confirming(session).among(shots()[-1], hits) == Confirmation(None, compared=True)
    assert len(hits) <= LOOKED_AT


def test_a_view_is_almost_certainly_its_photo_whatever_its_score(session: LibrarySession) -> None:
    for number in range(5):
        answer = ask(session, view(number))
        (same,) = [hit for hit in answer.hits if hit.photo.name == f"{number}.png"]
        assert answer.verdict is same.words is Words.ALMOST_CERTAIN
        scores = [hit.score for hit in answer.hits]
        assert scores == sorted(scores, reverse=True)
        assert "confirm" in answer.timings_ms


def test_parts_and_quick_searches_are_not_compared(session: LibrarySession) -> None:
    assert "confirm" not in ask(session, view(0), profile=Profile.INSTANT).timings_ms
    assert "confirm" not in ask(session, shots()[0], region=Region(20, 20, 90, 90)).timings_ms


def test_without_previews_and_originals_nothing_is_compared(session: LibrarySession) -> None:
    hits = ask(session, view(0)).hits
    lost = [replace(hit, photo=replace(hit.photo, fingerprint=None)) for hit in hits]
    assert Confirming(session).among(view(0), lost) == Confirmation(None, compared=False)
    assert Confirming(session).among(view(0), []) == Confirmation(None, compared=False)


def test_a_confirmed_photo_comes_first_and_the_others_keep_their_order(session: LibrarySession) -> None:
    hits = ask(session, shots()[-1]).hits
    told = with_confirmed(hits, 2)
    first = replace(hits[2], words=Words.ALMOST_CERTAIN, score=hits[0].score)
    assert told == (first, hits[0], hits[1], *hits[3:])
    scores = [hit.score for hit in told]
    assert scores == sorted(scores, reverse=True)
