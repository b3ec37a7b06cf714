"""The neighbour graph of a library follows the photos, is rebuilt when lost, and never harms what is certain."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from desktop_app.bootstrap import Options, open_engine
from desktop_app.domain.errors import Cancelled
from desktop_app.domain.progress import Phase, StopWhen
from desktop_app.domain.query import FilePicture, LibraryPicture, Profile, Query, QueryItem
from desktop_app.domain.results import SearchAnswer, Stage
from desktop_app.evaluation.ranking import Gallery, rankings, stages_of
from desktop_app.retrieval.two_model import ClassSource
from desktop_app.services.graph_keeper import MESSAGE
from desktop_app.services.index_folder import index_folders, rescan
from desktop_app.services.library_session import LibrarySession, PhotoOrder
from desktop_app.services.maintenance import check
from desktop_app.services.search import SearchService
from tests.support.tiny_pack import change_manifest, make_tiny_pack


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three motifs of four photos each, and one that is like no other."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for motif in range(3):
        for number in range(4):
            write(folder / f"{motif}-{number}.png", seed=motif, noise=number)
    write(folder / "alone.png", seed=77, noise=0)
    return folder


def write(path: Path, *, seed: int, noise: int) -> None:
    blobs = np.random.default_rng(seed).uniform(0, 255, (6, 8, 3))
    picture = cv2.resize(blobs, (160, 120), interpolation=cv2.INTER_CUBIC)
    picture += np.random.default_rng([seed, noise]).normal(0, 40, picture.shape)
    cv2.imwrite(str(path), picture.clip(0, 255).astype(np.uint8))


def opened(root: Path, pack: Path, *, writer: bool = True) -> LibrarySession:
    options = Options(pack=str(pack), threads=1)
    return LibrarySession(
        root,
        writer=writer,
        open_engine=partial(open_engine, options),
        find_pack=lambda digest: None,
        pack=str(pack),
    )


@pytest.fixture
def session(tmp_path: Path, photos: Path, pack: Path) -> Iterator[LibrarySession]:
    with opened(tmp_path / "library", pack) as session:
        list(index_folders(session, [photos]))
        yield session


def graph_rows(session: LibrarySession) -> int:
    digest = session.pack_digest
    graph = session.graph(digest, session.gallery(digest, dimension=512))
    return -1 if graph is None else len(graph)


def asked(session: LibrarySession, path: Path, profile: Profile = Profile.BALANCED) -> SearchAnswer:
    query = Query((QueryItem(FilePicture(os.fsencode(path))),), profile=profile)
    *_, answer = SearchService(session).search(query)
    return answer


def test_indexing_makes_the_graph_and_keeps_it_beside_the_index(
    session: LibrarySession, tmp_path: Path, pack: Path
) -> None:
    assert graph_rows(session) == 13
    with opened(tmp_path / "library", pack, writer=False) as reader:
        assert graph_rows(reader) == 13
    assert check(tmp_path / "library") == []


def test_photos_that_come_and_go_change_the_graph(session: LibrarySession, photos: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    write(more / "new.png", seed=0, noise=9)
    list(index_folders(session, [more]))
    assert graph_rows(session) == 14
    steps = list(rescan(session))
    assert not [step for step in steps if step.message == MESSAGE]  # nothing changed, nothing to do


def test_the_graph_raises_what_belongs_together_and_every_hit_says_by_how_much(
    session: LibrarySession, photos: Path
) -> None:
    answer = asked(session, photos / "1-0.png")
    assert answer.stages_run[:2] == (Stage.GLOBAL, Stage.GRAPH) and "graph" in answer.timings_ms
    assert all(hit.stages.graph is not None for hit in answer.hits)
    assert [hit.photo.name[0] for hit in answer.hits[:3]] == ["1", "1", "1"]
    kin = [hit.stages.graph or 0 for hit in answer.hits if hit.photo.name.startswith("1")]
    others = [hit.stages.graph or 0 for hit in answer.hits if not hit.photo.name.startswith("1")]
    assert min(kin) > max(others)
    assert any(hit.stages.graph != pytest.approx(hit.stages.global_, abs=1e-3) for hit in answer.hits)


def test_a_copy_comes_first_and_a_photo_like_no_other_keeps_its_score(
    session: LibrarySession, photos: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.jpg"
    cv2.imwrite(str(again), cv2.imread(str(photos / "alone.png")))
    answer = asked(session, again)
    assert answer.hits[0].photo.name == "alone.png"
    assert answer.hits[0].stages.graph is not None
    copy = tmp_path / "copy.png"
    copy.write_bytes((photos / "2-1.png").read_bytes())
    assert asked(session, copy).hits[0].photo.name == "2-1.png"


def test_photos_newer_than_the_graph_are_answered_unsmoothed(
    session: LibrarySession, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LibrarySession, "update_graph", lambda *_, **__: iter(()))
    write(photos / "0-late.png", seed=0, noise=99)
    list(rescan(session))
    assert graph_rows(session) == 13
    hits = {hit.photo.name: hit.stages for hit in asked(session, photos / "0-1.png").hits}
    assert hits["0-late.png"].graph == pytest.approx(hits["0-late.png"].global_, abs=1e-6)
    assert hits["0-2.png"].graph != pytest.approx(hits["0-2.png"].global_, abs=1e-6)


def test_a_damaged_graph_is_told_left_out_and_built_again(
    session: LibrarySession, photos: Path, tmp_path: Path, pack: Path
) -> None:
    session.close()
    (data,) = (tmp_path / "library" / "index").glob("*.graph")
    data.write_bytes(b"rubbish")
    assert any("graph is built again" in problem for problem in check(tmp_path / "library"))
    with opened(tmp_path / "library", pack) as again:
        assert Stage.GRAPH not in asked(again, photos / "0-0.png").stages_run
        assert any(step.message == MESSAGE and step.phase is Phase.SAVING for step in list(rescan(again)))
        assert Stage.GRAPH in asked(again, photos / "0-0.png").stages_run
    assert check(tmp_path / "library") == []


def test_a_graph_of_other_photos_is_not_believed(
    session: LibrarySession, photos: Path, tmp_path: Path, pack: Path
) -> None:
    files = list((tmp_path / "library" / "index").glob("*.graph*"))
    other = tmp_path / "other photos"
    other.mkdir()
    for number in range(13):
        write(other / f"{number}.png", seed=300 + number, noise=0)
    with opened(tmp_path / "other", pack) as foreign:
        list(index_folders(foreign, [other]))
    for file in files:
        (tmp_path / "other" / "index" / file.name).write_bytes(file.read_bytes())
    with opened(tmp_path / "other", pack) as foreign:
        assert graph_rows(foreign) == -1
        list(rescan(foreign))
        assert graph_rows(foreign) == 13


def test_stopping_leaves_the_graph_that_was(session: LibrarySession, photos: Path, tmp_path: Path) -> None:
    digest = session.pack_digest
    write(photos / "0-late.png", seed=0, noise=99)
    with pytest.raises(Cancelled):
        list(rescan(session, control=StopWhen(lambda: session.reader.pending_count() == 0 and _counted(session))))
    assert graph_rows(session) == 13
    list(session.update_graph(digest))
    assert graph_rows(session) == 14


def _counted(session: LibrarySession) -> bool:
    return session.reader.feature_counts().get(session.pack_digest, 0) == 14


@pytest.fixture(scope="module")
def second_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack with a second descriptor, and with the constants of two-model re-ranking."""
    folder = make_tiny_pack(tmp_path_factory.mktemp("packs") / "second", second=True)
    change_manifest(folder, fusion={"rerank": 0.5})
    change_manifest(folder, rerank={"lambda1": 0.3, "lambda3": 0.2, "votes": 3, "groups": {"neighbours": 3}})
    return folder


def test_two_models_re_rank_by_groups_and_by_tags_once_there_are_some(
    tmp_path: Path, photos: Path, second_pack: Path
) -> None:
    with opened(tmp_path / "two", second_pack) as session:
        list(index_folders(session, [photos]))
        answer = asked(session, photos / "1-0.png")
        assert answer.stages_run == (Stage.GLOBAL, Stage.GRAPH, Stage.LOCAL, Stage.RERANK)
        assert answer.classes == ClassSource.GROUPS.value
        assert all(hit.stages.rerank is not None for hit in answer.hits)
        assert {hit.photo.name[0] for hit in answer.hits[:3]} == {"1"}
        before = {hit.photo.name: hit.stages.rerank or 0 for hit in answer.hits}

        tagged = [photo for photo in session.photos_page() if photo.name in ("1-1.png", "1-2.png", "alone.png")]
        for photo in tagged:
            session.write(lambda catalogue, id=photo.id: catalogue.set_labels(id, "tags", ["holiday"]))
        answer = asked(session, photos / "1-0.png")
        after = {hit.photo.name: hit.stages.rerank or 0 for hit in answer.hits}
        assert answer.classes == ClassSource.GIVEN.value
        assert after["alone.png"] > before["alone.png"]  # it has the class of the nearest photos now
        assert asked(session, photos / "1-0.png", Profile.INSTANT).classes is None


def test_without_groups_and_tags_the_places_alone_count(
    tmp_path: Path, photos: Path, second_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LibrarySession, "update_graph", lambda *_, **__: iter(()))
    with opened(tmp_path / "two", second_pack) as session:
        list(index_folders(session, [photos]))
        answer = asked(session, photos / "1-0.png")
        assert answer.stages_run == (Stage.GLOBAL, Stage.LOCAL, Stage.RERANK)
        assert answer.classes == ClassSource.NONE.value


def test_evaluation_runs_the_stages_of_a_search(tmp_path: Path, photos: Path) -> None:
    """The same photos and query through both: the same order, and the query out of everything."""
    pack = make_tiny_pack(tmp_path / "pack", second=True)
    change_manifest(pack, fusion={"rerank": 0.5, "kin": {"weight": 0.3, "level": -5.0, "slope": 3.0}})
    change_manifest(pack, rerank={"lambda3": 0.2, "groups": {"least": 99}})  # no groups: only evaluation leaves
    with opened(tmp_path / "two", pack) as session:  # the query out of them, a search masks it
        list(index_folders(session, [photos]))
        ids = [photo.id for photo in session.photos_page(PhotoOrder.NAME, limit=100)]
        names = {photo.id: photo.name for photo in session.photos(ids)}
        engine = session.search_engine()
        found = [session.reader.features_for(photo.fingerprint, engine.digest) for photo in session.photos(ids)]
        gallery = Gallery.of(found)
        stages = stages_of(Profile.BALANCED, gallery, engine.parameters)
        *_, (standing, _) = SearchService(session).standings(Query((QueryItem(LibraryPicture(ids[5])),)))
        assert stages == standing.stages
        ((_, order),) = rankings(gallery, np.array([5]), stages=stages, parameters=engine.parameters)
        of_row = session.reader.photos_of_features(standing.rows)
        searched = [of_row[row][0].name for row in standing.rows.tolist()]
        assert [name for name in searched if name != names[ids[5]]] == [names[ids[at]] for at in order]
