"""Two threads that search, one that indexes and one that marks: no wrong answer, no deadlock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.concurrency import Crowd, History, Oracle, prepare

from desktop_app import bootstrap
from desktop_app.domain.devices import Device
from desktop_app.domain.query import PixelPicture, Query, QueryItem
from desktop_app.services.index_folder import rescan
from desktop_app.services.search import SearchService

SECONDS = 6.0


def test_every_answer_is_that_of_a_version_between_its_start_and_its_end(tmp_path: Path, tiny_pack: Path) -> None:
    options = bootstrap.Options(library=tmp_path / "library", pack=str(tiny_pack), device=Device.CPU, threads=1)
    with bootstrap.open_library(options) as session:
        prepare(session, tmp_path / "photos")
        history = History(session, tmp_path / "versions")
        crowd = Crowd(session, tmp_path / "photos", seconds=SECONDS)
        outcome = crowd.run()
        assert outcome.stuck == [] and outcome.errors == []
        assert outcome.indexed and outcome.marked and len(history) > 10
        assert {number for number, _, _ in outcome.answers} == set(range(len(crowd.queries)))
        oracle = Oracle(session, history, crowd.queries)
        assert oracle.wrong(outcome) == []
        # the oracle can tell: answers that lack a hit, or that are of another time, are none of the library's
        number, span, answers = next(entry for entry in outcome.answers if entry[0] == 2)
        lacking = tuple(replace(answer, hits=answer.hits[:3] + answer.hits[4:]) for answer in answers)
        assert len(oracle.wrong(replace(outcome, answers=[(number, span, lacking)]))) == 1


def test_a_search_answers_of_one_state_whatever_is_written_meanwhile(tmp_path: Path, tiny_pack: Path) -> None:
    options = bootstrap.Options(library=tmp_path / "library", pack=str(tiny_pack), device=Device.CPU, threads=1)
    with bootstrap.open_library(options) as session:
        prepare(session, tmp_path / "photos")
        colour = tmp_path / "photos" / "kept-0.png"
        picture = QueryItem(PixelPicture(session.thumbnail(session.photos_page(limit=1)[0], 96)))
        search = SearchService(session).search(Query((picture,), top=100))
        first = next(search)
        (tmp_path / "photos" / "copy.png").write_bytes(colour.read_bytes())
        for _ in rescan(session):
            pass
        (last,) = search
        assert {hit.photo.id for hit in last.hits} == {hit.photo.id for hit in first.hits}
        *_, after = SearchService(session).search(Query((picture,), top=100))
        assert len(after.hits) == len(last.hits) + 1
