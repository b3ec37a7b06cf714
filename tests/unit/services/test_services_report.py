"""A list of results as one HTML file: everything inside, every name harmless."""

from __future__ import annotations

import os
import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.tiny_pack import make_tiny_pack

from desktop_app.bootstrap import Options, explain_files, open_engine
from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.query import FilePicture, Query, QueryItem
from desktop_app.services import report
from desktop_app.services.explain import ExplainService
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.report import write_report
from desktop_app.services.search import SearchService

EVIL = "<script>alert(1)</script> & 'x' \".png".replace("/", "_")


class Page(HTMLParser):
    """What a browser would make of the file."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("report")
    pack = make_tiny_pack(root / "pack")
    (root / "photos").mkdir()
    random = np.random.default_rng(0)
    for name in (EVIL, "b.png", "c.png", "d.png"):
        rgb = cv2.resize(random.integers(0, 255, (5, 5, 3), dtype=np.uint8), (160, 120))
        _, encoded = cv2.imencode(".png", rgb)
        (root / "photos" / name).write_bytes(encoded.tobytes())
    with opened(root, pack) as session:
        list(index_folders(session, [root / "photos"]))
    return root, pack


def opened(root: Path, pack: Path) -> LibrarySession:
    engine = partial(open_engine, Options(pack=str(pack), threads=1))
    return LibrarySession(
        root / "library", writer=True, open_engine=engine, find_pack=lambda _: None, pack=str(pack)
    )


def written(library: tuple[Path, Path], out: Path) -> Page:
    root, pack = library
    with opened(root, pack) as session:
        query = Query((QueryItem(FilePicture(os.fsencode(root / "photos" / EVIL))),))
        *_, answer = SearchService(session).search(query)
        write_report(out, session, ExplainService(session), query, answer)
        assert len(answer.hits) == 3
    return Page(out.read_text("utf-8"))


def test_a_report_holds_every_result_and_asks_for_nothing_from_outside(library, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(report, "EXPLAINED", 2)
    page = written(library, tmp_path / "report.html")
    assert page.tags.count("article") == 4
    assert page.tags.count("svg") == 2
    assert page.tags.count("img") == 2  # the query's, and that of the third result
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert EVIL in page.words
    assert "script" not in page.tags
    text = (tmp_path / "report.html").read_text("utf-8")
    assert set(re.findall(r"https?://[^\"' ]+", text)) <= {"http://www.w3.org/2000/svg"}
    names = re.findall(r' id="([^"]+)"', text)
    assert len(names) == len(set(names))


def test_a_result_that_cannot_be_read_is_named_with_the_reason(library, tmp_path, monkeypatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise IndiciumError("cannot read <b>: it is cut short")

    monkeypatch.setattr(ExplainService, "explain", refuses)
    page = written(library, tmp_path / "report.html")
    assert page.words.count("cannot read <b>: it is cut short") == 3


def test_a_place_that_cannot_be_written_is_said(library, tmp_path) -> None:
    with pytest.raises(IndiciumError, match="cannot write"):
        written(library, tmp_path / "nowhere" / "report.html")


def test_explain_writes_a_drawing_when_the_name_ends_in_svg(library, tmp_path) -> None:
    root, pack = library
    photos = [root / "photos" / name for name in ("b.png", "c.png")]
    for name, start in (("x.svg", b"<svg"), ("x.png", b"\x89PNG")):
        explain_files(Options(pack=str(pack), threads=1), query=photos[0], result=photos[1], out=tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
