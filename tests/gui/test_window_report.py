"""The results as a report: offered once they are there, written in the background, said when it is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.query import LibraryPicture, Query, QueryItem
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.notices import Notices, Severity
from desktop_app.ui.viewmodels.reports import ReportsViewModel
from desktop_app.ui.viewmodels.search import SearchViewModel
from desktop_app.ui.views import questions

WAIT = 30_000


class Answer:
    """An answer as far as a report asks for one."""

    def __init__(self, *, final: bool = True, hits: tuple[int, ...] = (1,)) -> None:
        self.final, self.hits = final, hits


class Port:
    def __init__(self) -> None:
        self.written: list[tuple[Query, Answer, Path]] = []

    def write_report(self, query: Query, answer: Answer, path: Path) -> None:
        if path.name == "full.html":
            raise IndiciumError("cannot write full.html: no space", remedy="Choose another place for it")
        self.written.append((query, answer, path))


@pytest.fixture
def parts(qtbot):
    bridge, notices = Bridge(), Notices()
    search = SearchViewModel(bridge)
    search.find_similar(3)
    reports, port = ReportsViewModel(bridge, search=search, notices=notices), Port()
    reports.open_library(port)
    yield search, reports, port, notices
    bridge.close()


def test_a_report_needs_a_finished_list_of_results(parts):
    search, reports, _, _ = parts
    assert not reports.possible
    for answer, possible in ((Answer(final=False), False), (Answer(hits=()), False), (Answer(), True)):
        search._answer = answer
        assert reports.possible is possible
    reports.open_library(None)
    assert not reports.possible


def test_it_is_written_where_the_person_says(parts, qtbot, monkeypatch, tmp_path):
    search, reports, port, notices = parts
    search._answer = Answer()
    for picked in ("", str(tmp_path / "raccoons")):
        monkeypatch.setattr(questions.QFileDialog, "getSaveFileName", lambda *_, picked=picked: (picked, ""))
        questions.save_report(None, reports)
    qtbot.waitUntil(lambda: bool(notices.shown), timeout=WAIT)
    ((query, answer, path),) = port.written
    assert query == Query((QueryItem(LibraryPicture(3)),)) and answer is search.answer
    assert path == tmp_path / "raccoons.html" and str(path) in notices.shown[0].text and not reports.busy


def test_a_place_that_cannot_be_written_is_said(parts, qtbot, tmp_path):
    search, reports, port, notices = parts
    search._answer = Answer()
    reports.save(tmp_path / "full.html")
    qtbot.waitUntil(lambda: bool(notices.shown), timeout=WAIT)
    assert notices.shown[0].severity is Severity.ERROR and port.written == [] and reports.possible
