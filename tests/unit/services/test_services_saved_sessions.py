"""Sessions in a file and in the catalogue: what is kept, and what is said of documents that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skimage import data

from desktop_app.bootstrap import Options, open_library
from desktop_app.domain.errors import LibraryError, UsageError
from desktop_app.domain.feedback import FeedbackSession
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.outline import Outline
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import (
    AnyMark,
    AutomaticFeedback,
    FilePicture,
    LibraryPicture,
    Mark,
    PhotoMark,
    PixelPicture,
    Pooling,
    Profile,
    Query,
    QueryItem,
    RegionMark,
    Side,
    Turn,
)
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.saved_sessions import (
    forget_session,
    open_session,
    read_session_file,
    save_session,
    saved_sessions,
    write_session_file,
)
from desktop_app.services.session_document import FORMAT, FORMAT_KEY, read_session, session_document
from tests.support.tiny_pack import make_tiny_pack

BOX = Region(0, 0, 200, 150)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibrarySession]:
    folder = tmp_path_factory.mktemp("sessions")
    (folder / "photos").mkdir()
    for number, picture in enumerate((data.coffee, data.chelsea, data.rocket)):
        small = cv2.resize(cv2.cvtColor(picture(), cv2.COLOR_RGB2BGR), (200, 150))
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), small)
    pack = make_tiny_pack(folder / "tiny")
    with open_library(Options(library=folder / "library", pack=str(pack), threads=1)) as session:
        for _ in index_folders(session, [folder / "photos"]):
            pass
        yield session


def photos(library: LibrarySession) -> list[PhotoId]:
    return [photo.id for photo in library.photos_page(limit=10)]


def whole_session(library: LibrarySession) -> FeedbackSession:
    """Everything that a document can hold."""
    first, second, third = photos(library)
    query = Query(
        (
            QueryItem(FilePicture(b"/somewhere/q\xff.jpg"), region=Region(1, 2, 30, 40)),
            QueryItem(LibraryPicture(first), negative=True, weight=0.5),
        ),
        profile=Profile.INSTANT,
        top=7,
        automatic=AutomaticFeedback(Pooling.MAXIMUM, 3),
    )
    marks: tuple[AnyMark, ...] = (
        Mark(Side.QUERY, Cell(1, 2), Grid(14, 14), BOX, 1),
        Mark(Side.RESULT, Cell(3, 4), Grid(12, 16), BOX, -1, photo=second, weight=2.0),
        RegionMark(Side.RESULT, Region(5, 5, 50, 50), BOX, 1, photo=third),
        PhotoMark(second, -1),
    )
    edited = (QueryItem(LibraryPicture(third), cell_weights={Cell(0, 1): 0.0}, grid=Grid(2, 2), from_mark=True),)
    session = FeedbackSession(query, pack="abc").with_marks(marks).with_items(edited).undone()
    return session.with_marks((PhotoMark(third, 1),)).undone().named("everything")


def test_outlines_and_turned_pictures_are_kept(library: LibrarySession) -> None:
    photo = LibraryPicture(photos(library)[0])
    lasso = QueryItem(photo, outline=Outline(((10, 10), (90, 20), (40, 80))), turn=Turn(90, mirrored=True))
    for query in (Query((lasso,)), Query((QueryItem(photo, turn=Turn(270)),), turned=True, top=7)):
        session = FeedbackSession(query)
        assert read_session(as_json(session, library), library).session == session
    narrower = replace(lasso, region=Region(10, 10, 40, 40))
    session = FeedbackSession(Query((narrower,)))
    assert read_session(as_json(session, library), library).session == session


def test_a_session_of_an_older_version_still_opens(library: LibrarySession) -> None:
    document = as_json(whole_session(library), library)
    del document["turned"]
    assert read_session({**document, FORMAT_KEY: 1}, library).session == whole_session(library)


def as_json(session: FeedbackSession, library: LibrarySession) -> dict[str, object]:
    made: dict[str, object] = json.loads(json.dumps(session_document(session, library)))
    return made


def test_a_document_holds_all_of_a_session(library: LibrarySession) -> None:
    session = whole_session(library)
    loaded = read_session(as_json(session, library), library)
    assert loaded.session == session and loaded.notes == ()


def test_a_pasted_picture_is_inside_the_document(library: LibrarySession) -> None:
    pixels = data.coffee()[:60, :80]
    session = FeedbackSession(Query((QueryItem(PixelPicture(pixels, "from the web")),)))
    picture = read_session(as_json(session, library), library).session.query.items[0].picture
    assert isinstance(picture, PixelPicture)
    assert picture.name == "from the web" and np.array_equal(picture.rgb, pixels)


def test_sessions_are_kept_by_name_the_newest_first(library: LibrarySession) -> None:
    session = whole_session(library)
    save_session(session, library)
    save_session(replace(session, name="cups"), library)
    save_session(session.redone(), library)
    assert [saved.name for saved in saved_sessions(library)] == ["everything", "cups"]
    assert open_session("everything", library).session == session.redone()
    forget_session("cups", library)
    assert [saved.name for saved in saved_sessions(library)] == ["everything"]
    with pytest.raises(UsageError, match=r"no saved session 'cups'.*everything"):
        open_session("cups", library)
    forget_session("everything", library)


def test_photos_marked_in_a_session_that_is_kept_carry_its_name(library: LibrarySession) -> None:
    first, second, third = photos(library)
    session = FeedbackSession(Query((QueryItem(LibraryPicture(first)),)))
    session = session.with_marks((PhotoMark(second, 1), PhotoMark(third, -1), PhotoMark(second, 1, weight=2.0)))
    for name in ("mugs", "handles", "mugs"):
        save_session(session.named(name), library)
    path = library.photo(second).path
    named = [entry for entry in library.reader.labels("marks") if entry[1] in ("mugs", "handles")]
    assert named == [(path, "handles"), (path, "mugs")]
    for name in ("mugs", "handles"):
        forget_session(name, library)


def test_a_library_that_is_only_read_keeps_nothing_and_says_so(library: LibrarySession) -> None:
    pack = str(library.root.parent / "tiny")
    with (
        open_library(Options(library=library.root, pack=pack, threads=1), writer=False) as reader,
        pytest.raises(LibraryError, match="reading only"),
    ):
        save_session(whole_session(reader), reader)


def test_files_are_written_and_read_again(library: LibrarySession, tmp_path: Path) -> None:
    session = whole_session(library)
    write_session_file(session, tmp_path / "session.json", library)
    assert read_session_file(tmp_path / "session.json", library).session == session
    assert [path.name for path in tmp_path.iterdir()] == ["session.json"]


def test_a_file_by_hand_needs_little(library: LibrarySession, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "q.png"), data.coffee()[:100, :120])
    second = library.photo(photos(library)[1])
    document = {
        FORMAT_KEY: FORMAT,
        "query": [{"path": "q.png"}],
        "rounds": [
            {},
            {
                "marks": [
                    {"sign": "+", "region": [0, 0, 50, 50]},
                    {"sign": "-", "photo": {"path": str(second.location)}},
                    {"sign": "+", "photo": {"path": str(second.location)}, "region": [10, 10, 60, 60]},
                ]
            },
        ],
    }
    (tmp_path / "s.json").write_text(json.dumps(document))
    session = read_session_file(tmp_path / "s.json", library).session
    assert session.query.items[0].picture == FilePicture(bytes(tmp_path / "q.png"))
    assert session.current == 1 and session.rounds[1].before == 0
    drawn, whole, part = session.rounds[1].marks
    assert isinstance(drawn, RegionMark) and drawn.box == Region(0, 0, 120, 100)
    assert whole == PhotoMark(second.id, -1)
    assert isinstance(part, RegionMark) and part.box == Region(0, 0, 200, 150) and part.photo == second.id


def test_photos_are_found_by_their_content_when_they_have_moved(library: LibrarySession) -> None:
    document = as_json(whole_session(library), library)
    text = json.dumps(document).replace(str(library.root.parent / "photos"), "/another/place")
    assert read_session(json.loads(text), library).session.marks() == whole_session(library).marks()


def test_marks_on_photos_of_another_library_are_left_out_and_told(library: LibrarySession) -> None:
    document = {
        FORMAT_KEY: FORMAT,
        "query": [{"path": "/q.jpg"}],
        "rounds": [{}, {"marks": [{"sign": "+", "photo": {"path": "/gone/away.jpg"}}]}],
    }
    loaded = read_session(document, library)
    assert loaded.session.rounds[1].marks == ()
    assert loaded.notes == ("A mark is left out: away.jpg is not in the library.",)


def test_a_newer_version_is_refused_with_a_sentence(library: LibrarySession, tmp_path: Path) -> None:
    (tmp_path / "new.json").write_text(json.dumps({FORMAT_KEY: FORMAT + 1, "anything": "else"}))
    with pytest.raises(UsageError, match=r"saved by a newer Indicium \(format 3, this one knows 2\)") as caught:
        read_session_file(tmp_path / "new.json", library)
    assert caught.value.remedy == "Update Indicium" and "new.json" in caught.value.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"query": []}, "'query'"),
        ({"query": [{}]}, "'query[0].path' is missing"),
        ({"query": [{"path": 7}]}, "'query[0].path' is 7, not text"),
        ({"query": [{"path": "q", "region": [1, 2, 3]}]}, "'query[0].region'"),
        ({"query": [{"path": "q", "region": [1, 2, 0, 4]}]}, "width and a height of at least 1"),
        ({"query": [{"path": "q", "weight": -1}]}, "a number above 0"),
        ({"query": [{"path": "q", "grid": [0, 4]}]}, "'query[0].grid'"),
        ({"query": [{"name": "x", "png": "no"}]}, "'query[0].png'"),
        (
            {"query": [{"path": "q", "outline": [[1, 2], [3, 4]]}]},
            "'query[0].outline': an outline needs at least 3",
        ),
        ({"query": [{"path": "q", "outline": [[0, 0], [5, 5], [9, 9]]}]}, "encloses nothing"),
        ({"query": [{"path": "q", "outline": [[0, 0], [5, 5], [9, float("nan")]]}]}, "'query[0].outline[2][1]'"),
        ({"query": [{"path": "q", "outline": [[0, 0], [5, 5], [9]]}]}, "a list of 2 whole numbers"),
        ({"query": [{"path": "q", "turn": {"degrees": 45}}]}, "turned by 45°"),
        ({"query": [{"path": "q"}, {"path": "r"}], "turned": True}, "only one whole picture"),
        ({"profile": "quick"}, "instant or balanced or thorough"),
        ({"top": 0}, "at least 1"),
        ({"automatic": {"count": 11}}, "from 11 results"),
        ({"automatic": {"pooling": "median"}}, "average or maximum"),
        ({"rounds": [{}, {"before": 2}]}, "does not continue an earlier one"),
        ({"rounds": [{}, {"marks": [{"sign": "?"}]}]}, "'rounds[1].marks[0].sign'"),
        (
            {"rounds": [{}, {"marks": [{"sign": "+", "item": 3, "region": [0, 0, 9, 9]}]}]},
            "a picture of the query",
        ),
        ({"rounds": "all"}, "a list"),
        ({"current": 9}, "no round 9"),
        ({"name": "x" * 200}, "too long"),
    ],
)
def test_what_makes_no_sense_is_named_by_its_place(
    library: LibrarySession, change: dict[str, object], words: str
) -> None:
    document = {FORMAT_KEY: FORMAT, "query": [{"path": "/q.jpg"}], **change}
    with pytest.raises(UsageError) as caught:
        read_session(document, library)
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"indicium_session": "1"}', b"[" * 5000])
def test_a_file_that_is_no_session_is_a_sentence(library: LibrarySession, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"s\.json"):
        read_session_file(tmp_path / "s.json", library)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3) | st.floats(allow_nan=True),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["query", "rounds", "marks", "path", "sign", "region", "photo", "cell", "grid", "box"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(["query", "rounds", "current", "automatic", "ahead", "top"]), JSON))
def test_no_document_ends_in_anything_but_a_session_or_a_sentence(
    library: LibrarySession, document: dict[str, object]
) -> None:
    try:
        loaded = read_session({FORMAT_KEY: FORMAT, "query": [{"path": "/q.jpg"}], **document}, library)
    except UsageError as error:
        assert error.message
    else:
        assert read_session(as_json(loaded.session, library), library).session == loaded.session
