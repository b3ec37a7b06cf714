"""The profile `thorough`: the first candidates are looked at closely, and what that finds is told and counts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from desktop_app.bootstrap import Options, open_engine
from desktop_app.domain.errors import Cancelled
from desktop_app.domain.filters import PhotoFilter
from desktop_app.domain.geometry import Region
from desktop_app.domain.progress import StopWhen
from desktop_app.domain.query import FilePicture, Profile, Query, QueryItem
from desktop_app.domain.results import SearchAnswer, Stage
from desktop_app.retrieval.indicative import IndicativeParameters
from desktop_app.services.engine import Engine, IndicativePart
from desktop_app.services.explain import ExplainService
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.search import SearchService
from tests.support.tiny_pack import change_manifest, make_tiny_pack

TERMS = {
    "match": {"weight": 0.5, "level": 0.2},
    "kin": {"weight": 0.01, "level": -4.0},
    "network": {"weight": 0.2},
}


class Network:
    """Finds every result related to the query by how alike their middles are."""

    reads_pixels = False

    def __init__(self) -> None:
        self.pairs = 0

    def match(self, result: np.ndarray, query: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.pairs += len(result)
        logits = 4 * (result * query).sum(axis=-1).mean(axis=(1, 2))
        return logits.astype(np.float32), np.zeros((len(result), 196, 196), np.float32)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pack = make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")
    change_manifest(pack, fusion={"evidence": TERMS})
    return pack


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three motifs of four photos each."""
    folder = tmp_path_factory.mktemp("photos")
    for motif in range(3):
        blobs = np.random.default_rng(motif).uniform(0, 255, (6, 8, 3))
        for number in range(4):
            picture = cv2.resize(blobs, (160, 120), interpolation=cv2.INTER_CUBIC)
            picture += np.random.default_rng([motif, number]).normal(0, 40, picture.shape)
            cv2.imwrite(str(folder / f"{motif}-{number}.png"), picture.clip(0, 255).astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def network() -> Network:
    return Network()


@pytest.fixture(scope="module")
def session(
    tmp_path_factory: pytest.TempPathFactory, photos: Path, pack: Path, network: Network
) -> Iterator[LibrarySession]:
    def opened(name: str | None) -> Engine:
        engine = open_engine(Options(pack=str(pack), threads=1), name)
        return replace(engine, indicative=IndicativePart(network, IndicativeParameters(judges=True)))

    with LibrarySession(
        tmp_path_factory.mktemp("library"),
        writer=True,
        open_engine=opened,
        find_pack=lambda digest: None,
        pack=str(pack),
    ) as session:
        list(index_folders(session, [photos]))
        yield session


def item(path: Path, **options: object) -> QueryItem:
    return QueryItem(FilePicture(os.fsencode(path)), **options)  # type: ignore[arg-type]


def answers(session: LibrarySession, *items: QueryItem, **options: object) -> list[SearchAnswer]:
    query = Query(items, profile=Profile.THOROUGH, **options)  # type: ignore[arg-type]
    return list(SearchService(session).search(query))


@pytest.fixture(scope="module")
def cut(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of the photo 1-0."""
    path = tmp_path_factory.mktemp("cut") / "cut.png"
    cv2.imwrite(str(path), cv2.imread(str(photos / "1-0.png"))[5:112, 8:150])
    return path


def test_the_answer_before_the_close_look_comes_first_and_every_result_says_how_relevant_it_is(
    session: LibrarySession, cut: Path
) -> None:
    *_, before, last = answers(session, item(cut))
    balanced = list(SearchService(session).search(Query((item(cut),))))[-1]
    assert not before.final and last.final
    assert [hit.photo.id for hit in before.hits] == [hit.photo.id for hit in balanced.hits]
    assert last.stages_run == (*balanced.stages_run, Stage.EVIDENCE) and "evidence" in last.timings_ms
    assert all(hit.stages.relevance is None for hit in before.hits)
    assert sorted(hit.photo.id for hit in last.hits) == sorted(hit.photo.id for hit in balanced.hits)
    assert last.hits[0].photo.name.startswith("1-")
    relevance = {hit.photo.name: hit.stages.relevance or 0.0 for hit in last.hits}
    kin = [value for name, value in relevance.items() if name.startswith("1-")]
    assert min(kin) > max(value for name, value in relevance.items() if not name.startswith("1-"))
    assert all(one.score >= other.score for one, other in zip(last.hits, last.hits[1:], strict=False))


def test_the_relevance_is_that_of_the_evidence_page(session: LibrarySession, cut: Path) -> None:
    last = answers(session, item(cut))[-1]
    explain = ExplainService(session)
    for hit in last.hits[:4]:
        shown = explain.explain(item(cut), hit.photo).relevance
        assert hit.stages.relevance == pytest.approx(shown, abs=0.05)  # previews are JPEG


def test_candidates_are_remembered_by_the_service(session: LibrarySession, cut: Path) -> None:
    service = SearchService(session)
    query = Query((item(cut),), profile=Profile.THOROUGH)
    engine = session.search_engine()
    embedded: list[int] = []
    embed = engine.embedder.embed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.embedder, "embed", lambda batch: embedded.append(len(batch)) or embed(batch))
        first = list(service.search(query))[-1]
        assert sum(embedded) == 12
        again = list(service.search(query))[-1]
    assert sum(embedded) == 12
    assert [hit.score for hit in again.hits] == [hit.score for hit in first.hits]


@pytest.mark.parametrize("kind", ["region", "several", "unlike", "filter"])
def test_it_works_with_every_form_of_query(session: LibrarySession, photos: Path, cut: Path, kind: str) -> None:
    first = item(cut)
    if kind == "region":
        found = answers(session, item(cut, region=Region(20, 20, 90, 70)))[-1]
    elif kind == "several":
        found = answers(session, first, item(photos / "1-1.png"))[-1]
    elif kind == "unlike":
        found = answers(session, first, item(photos / "2-1.png", negative=True))[-1]
    else:
        some = [photo for photo in session.photos_page(limit=100) if photo.name[0] != "0"]
        found = answers(session, first, chosen=PhotoFilter(within=frozenset(photo.id for photo in some)))[-1]
        assert {hit.photo.name[0] for hit in found.hits} == {"1", "2"}
    assert found.stages_run[-1] is Stage.EVIDENCE
    assert found.hits[0].photo.name.startswith("1-")
    assert all(0.0 <= (hit.stages.relevance or 0.0) <= 1.0 for hit in found.hits)


def test_it_can_be_stopped_while_it_looks(session: LibrarySession, cut: Path, network: Network) -> None:
    service = SearchService(session)
    before, stop = network.pairs, [False]
    steps = service.search(Query((item(cut),), profile=Profile.THOROUGH), control=StopWhen(lambda: stop[0]))
    seen = [next(steps), next(steps)]
    assert not seen[-1].final and seen[-1].stages_run[-1] is not Stage.EVIDENCE
    stop[0] = True
    with pytest.raises(Cancelled):
        next(steps)
    assert network.pairs == before


def test_a_photo_without_a_preview_is_not_looked_at_and_stays(
    session: LibrarySession, cut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = next(photo for photo in session.photos_page(limit=100) if photo.name == "0-0.png")
    preview = session.preview
    monkeypatch.setattr(session, "preview", lambda photo: None if photo.id == lost.id else preview(photo))
    last = answers(session, item(cut))[-1]
    assert {hit.photo.name for hit in last.hits if hit.stages.relevance is None} == {"0-0.png"}
    assert len(last.hits) == 12


def test_a_pack_that_says_nothing_about_it_answers_as_balanced(tmp_path: Path, photos: Path, cut: Path) -> None:
    pack = make_tiny_pack(tmp_path / "tiny")
    with LibrarySession(
        tmp_path / "library",
        writer=True,
        open_engine=partial(open_engine, Options(pack=str(pack), threads=1)),
        find_pack=lambda digest: None,
        pack=str(pack),
    ) as session:
        list(index_folders(session, [photos]))
        last = answers(session, item(cut))[-1]
        balanced = list(SearchService(session).search(Query((item(cut),))))[-1]
    assert last.stages_run == balanced.stages_run
    assert [hit.score for hit in last.hits] == [hit.score for hit in balanced.hits]
