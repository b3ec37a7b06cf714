"""Rounds over a real library: what marks do, what becomes of marks that cannot be used, and what is told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from desktop_app.bootstrap import Options, open_engine
from desktop_app.domain.errors import UnreadableImage, UsageError
from desktop_app.domain.feedback import FeedbackSession
from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import (
    AnyMark,
    AutomaticFeedback,
    FilePicture,
    PhotoMark,
    Pooling,
    Query,
    QueryItem,
    RegionMark,
    Side,
)
from desktop_app.domain.results import SearchAnswer, Stage
from desktop_app.library.catalogue import Catalogue
from desktop_app.services.feedback import FeedbackService, query_of
from desktop_app.services.index_folder import index_folders, rescan
from desktop_app.services.library_session import LibrarySession
from tests.support.tiny_pack import make_tiny_pack

SIZE = 160
CUP = 110  # pixels
OTHERS = 100


def pieces(count: int) -> Iterator[np.ndarray]:
    """Different parts of real photographs, [SIZE, SIZE, 3] each."""
    random = np.random.default_rng(11)
    photographs = [data.rocket(), data.chelsea(), data.astronaut()]
    for number in range(count):
        photo = photographs[number % 3]
        y, x = (int(random.integers(0, side - SIZE)) for side in photo.shape[:2])
        yield photo[y : y + SIZE, x : x + SIZE]


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    for number, name in enumerate(("first", "second")):
        make_tiny_pack(folder / name, seed=number, name=name)
    return folder


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, packs: Path) -> Path:
    """A library of parts of photographs; cup-N.png hold the same cup in front of something else."""
    folder = tmp_path_factory.mktemp("rounds")
    (folder / "photos").mkdir()
    cup = cv2.resize(data.coffee()[60:340, 130:410], (CUP, CUP), interpolation=cv2.INTER_AREA)
    for number, piece in enumerate(pieces(OTHERS)):
        if number < 6:
            piece = piece.copy()
            piece[10 : 10 + CUP, 40 : 40 + CUP] = cup
        name = f"cup-{number}.png" if number < 6 else f"other-{number}.png"
        cv2.imwrite(str(folder / "photos" / name), cv2.cvtColor(piece, cv2.COLOR_RGB2BGR))
    cv2.imwrite(str(folder / "query.png"), cv2.cvtColor(data.coffee()[40:360, 100:440], cv2.COLOR_RGB2BGR))
    with opened(folder / "library", packs) as session:
        for _ in index_folders(session, [folder / "photos"]):
            pass
        session.write(without_cells)  # by which the first round would find all cups, so that none could rise
    return folder


def without_cells(catalogue: Catalogue) -> None:
    catalogue._db.execute("DELETE FROM cell_codes")
    catalogue._db.execute("UPDATE features SET has_local = 1")


def opened(root: Path, packs: Path, pack: str = "first", *, writer: bool = True) -> LibrarySession:
    by_digest = {open_engine(Options(threads=1), str(each)).digest: str(each) for each in sorted(packs.iterdir())}
    return LibrarySession(
        root,
        writer=writer,
        open_engine=partial(open_engine, Options(threads=1)),
        find_pack=by_digest.get,
        pack=str(packs / pack),
        threads=2,
    )


@pytest.fixture
def session(indexed: Path, packs: Path) -> Iterator[LibrarySession]:
    with opened(indexed / "library", packs, writer=False) as library:
        yield library


@pytest.fixture
def first(indexed: Path) -> FeedbackSession:
    return FeedbackSession(Query((QueryItem(FilePicture(bytes(indexed / "query.png"))),), top=OTHERS))


def photo(session: LibrarySession, name: str) -> PhotoId:
    return next(one.id for one in session.photos_page(limit=1000) if one.name == name)


def ask(service: FeedbackService, query: Query) -> SearchAnswer:
    *_, answer = service.search(query)
    assert answer.final
    return answer


def places(answer: SearchAnswer) -> dict[str, int]:
    return {hit.photo.name: place for place, hit in enumerate(answer.hits)}


def cup_in(session: LibrarySession, name: str, sign: int = 1) -> RegionMark:
    """The rectangle of the cup in a photo of the library."""
    whole = Region(0, 0, SIZE, SIZE)
    return RegionMark(Side.RESULT, Region(40, 10, CUP, CUP), whole, sign, photo=photo(session, name))


def test_photos_with_the_marked_part_rise_and_the_round_says_why(
    session: LibrarySession, first: FeedbackSession
) -> None:
    service = FeedbackService(session)
    before = ask(service, query_of(first))
    second = first.with_marks((cup_in(session, "cup-0.png"), cup_in(session, "cup-1.png")))
    after = ask(service, query_of(second))
    others = [f"cup-{number}.png" for number in range(2, 6)]
    assert np.mean([places(after)[name] for name in others]) < np.mean([places(before)[name] for name in others])
    change = service.changes(query_of(first), before.hits, query_of(second), after.hits)
    risen = {moved.name: moved for moved in change.moved if moved.because}
    assert set(others) & set(risen)
    assert not {"cup-0.png", "cup-1.png"} & {moved.name for moved in change.moved}
    assert "because they share the part you marked at the centre of cup-" in change.words
    for moved in risen.values():
        assert moved.after == places(after)[moved.name] + 1


def test_after_a_few_marks_a_classifier_takes_part(session: LibrarySession, first: FeedbackSession) -> None:
    service = FeedbackService(session)
    two: tuple[AnyMark, ...] = (cup_in(session, "cup-0.png"), PhotoMark(photo(session, "other-20.png"), -1))
    few = ask(service, query_of(first.with_marks(two)))
    three = query_of(first.with_marks((*two, cup_in(session, "cup-1.png"))))
    taught = ask(service, three)
    untaught_items = tuple(
        replace(item, from_mark=item.negative) if number else item for number, item in enumerate(three.items)
    )
    untaught = ask(service, three.with_items(untaught_items))
    assert [hit.stages.global_ for hit in few.hits] != [hit.stages.global_ for hit in taught.hits]
    cosines = {hit.photo.name: hit.stages.global_ for hit in untaught.hits}
    assert any(hit.stages.global_ != cosines.get(hit.photo.name) for hit in taught.hits)


def test_marked_parts_take_part_where_pictures_as_wholes_do_not_tell_right_from_wrong(
    session: LibrarySession, first: FeedbackSession
) -> None:
    service = FeedbackService(session)
    before = ask(service, query_of(first))
    cups = [place for name, place in places(before).items() if name.startswith("cup-")]
    worse = next(hit.photo.id for hit in before.hits if not hit.photo.name.startswith("cup-"))
    low = before.hits[max(cups) + 1].photo.id
    wanted = (cup_in(session, "cup-0.png"), cup_in(session, "cup-1.png"))
    photos = tuple(PhotoMark(mark.photo, 1) for mark in wanted if mark.photo is not None)
    whole = ask(service, query_of(first.with_marks(photos)))
    assert Stage.MARKS not in whole.stages_run and all(hit.stages.marks is None for hit in whole.hits)
    answers = [ask(service, query_of(first.with_marks((*wanted, PhotoMark(one, -1))))) for one in (worse, low)]
    for answer in answers:
        assert Stage.MARKS in answer.stages_run
        likeness = {hit.photo.name: hit.stages.marks for hit in answer.hits}
        assert None not in likeness.values()
        others = [value for name, value in likeness.items() if name.startswith("other-") and value is not None]
        assert np.mean([likeness[f"cup-{number}.png"] or 0.0 for number in range(2, 6)]) > np.mean(others) + 1
    scores = [hit.score for hit in answers[0].hits]
    assert scores == sorted(scores, reverse=True)


def test_a_part_of_a_picture_is_matched_as_a_part(session: LibrarySession, first: FeedbackSession) -> None:
    service = FeedbackService(session)
    whole = first.query.items[0]
    answers = [
        ask(service, first.query.with_items((replace(whole, region=region),)))
        for region in (None, Region(0, 0, 340, 319), Region(30, 20, 280, 280))
    ]
    least = [min(hit.stages.local or 0.0 for hit in answer.hits) for answer in answers]
    assert least[0] > 0 and least[1:] == [0.0, 0.0]  # most photos are nothing unusual to a part
    assert any((hit.stages.local or 0.0) > 0 for hit in answers[2].hits)


def test_a_marked_photo_never_disappears(session: LibrarySession, first: FeedbackSession) -> None:
    service = FeedbackService(session)
    few = replace(first, query=replace(first.query, top=3))
    shown = [hit.photo for hit in ask(service, query_of(few)).hits]
    marks = tuple(PhotoMark(one.id, -1, weight=4.0) for one in shown)
    after = [hit.photo for hit in ask(service, query_of(few.with_marks(marks))).hits]
    assert {one.id for one in shown} <= {one.id for one in after}
    assert len(after) <= 3 + len(shown)
    scores = [hit.score for hit in ask(service, query_of(few.with_marks(marks))).hits]
    assert scores == sorted(scores, reverse=True)


def test_marks_on_a_photo_that_is_gone_are_left_out_and_told(
    indexed: Path, packs: Path, tmp_path: Path, first: FeedbackSession
) -> None:
    shutil.copytree(indexed / "photos", tmp_path / "photos")
    with opened(tmp_path / "library", packs) as library:
        for _ in index_folders(library, [tmp_path / "photos"]):
            pass
        service = FeedbackService(library)
        marks = (cup_in(library, "cup-0.png"), cup_in(library, "cup-1.png"))
        both = query_of(first.with_marks(marks))
        gone, kept = library.photo(photo(library, "cup-0.png")), query_of(first.with_marks(marks[1:]))
        (tmp_path / "photos" / "cup-0.png").unlink()
        for _ in rescan(library):
            pass
        library.previews.forget([gone.fingerprint or b""])
        answer = ask(service, both)
        assert "cup-0.png" in answer.notes[0] and "left out" in answer.notes[0]
        assert places(answer) == places(ask(service, kept))
        library.forget_folder(library.folders()[0].id)
        assert "not in the library any more" in ask(service, both).notes[0]


def test_a_region_outside_its_picture_is_a_sentence(session: LibrarySession, first: FeedbackSession) -> None:
    whole = Region(0, 0, 4000, 4000)
    mark = RegionMark(Side.RESULT, Region(2000, 0, 70, 70), whole, 1, photo=photo(session, "cup-0.png"))
    with pytest.raises(UsageError, match="lies outside the picture"):
        ask(FeedbackService(session), query_of(first.with_marks((mark,))))


def test_a_session_goes_on_with_another_pack(
    indexed: Path, packs: Path, tmp_path: Path, first: FeedbackSession
) -> None:
    shutil.copytree(indexed / "library", tmp_path / "library")
    with opened(tmp_path / "library", packs, writer=False) as library:
        marked = first.with_marks((cup_in(library, "cup-0.png"), cup_in(library, "cup-1.png")))
        before = ask(FeedbackService(library), query_of(marked))
    with opened(tmp_path / "library", packs, "second") as library:
        for _ in rescan(library):
            pass
        after = ask(FeedbackService(library), query_of(marked))
    assert set(places(after)) == set(places(before)) and after.notes == ()


@pytest.mark.parametrize("pooling", list(Pooling))
@pytest.mark.parametrize(("certain", "told"), [(0.0, "taken to be right"), (1.1, "with its first 3 results")])
def test_automatic_feedback_answers_twice_and_says_what_it_did(
    session: LibrarySession,
    first: FeedbackSession,
    monkeypatch: pytest.MonkeyPatch,
    pooling: Pooling,
    certain: float,
    told: str,
) -> None:
    """certain: the score from which the first result counts as a match: always, never."""
    monkeypatch.setattr("desktop_app.services.feedback.CERTAIN", certain)
    service = FeedbackService(session)
    plain = ask(service, first.query)
    query = replace(first.query, automatic=AutomaticFeedback(pooling, 3))
    answers = list(service.search(query))
    assert [answer.final for answer in answers] == [False] * (len(answers) - 1) + [True]
    assert told in answers[-1].notes[0]
    assert places(answers[-1]).keys() == places(plain).keys()
    assert answers[-1].verdict is plain.verdict
    before = {hit.photo.name: hit.stages for hit in plain.hits}
    same_cosines = all(hit.stages.global_ == before[hit.photo.name].global_ for hit in answers[-1].hits)
    same_match = all(hit.stages.local == before[hit.photo.name].local for hit in answers[-1].hits)
    assert (same_cosines, same_match) == ((True, False) if certain > 1 else (False, True))


def test_automatic_feedback_without_any_result_changes_nothing(
    session: LibrarySession, first: FeedbackSession
) -> None:
    rejected = tuple(PhotoMark(hit.photo.id, -1) for hit in ask(FeedbackService(session), first.query).hits)
    query = replace(query_of(first.with_marks(rejected)), automatic=AutomaticFeedback())
    assert "changed nothing" in ask(FeedbackService(session), query).notes[0]


def test_a_query_photo_that_is_gone_is_an_error(session: LibrarySession, tmp_path: Path) -> None:
    missing = Query((QueryItem(FilePicture(bytes(tmp_path / "nothing.png"))),))
    with pytest.raises(UnreadableImage, match=r"nothing\.png"):
        ask(FeedbackService(session), missing)
