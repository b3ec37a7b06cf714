"""A small indexed library, and the Search and Evidence pages over it with real services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from support.windows import make_photos

from desktop_app import bootstrap
from desktop_app.domain.devices import Device
from desktop_app.domain.errors import IndiciumError
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession
from desktop_app.ui.viewmodels import session_ports
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.evidence import EvidenceViewModel
from desktop_app.ui.viewmodels.full_pictures import FullPictures
from desktop_app.ui.viewmodels.rounds import RoundsViewModel
from desktop_app.ui.viewmodels.search import SearchViewModel
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.views.evidence.page import EvidencePage
from desktop_app.ui.views.search.page import SearchPage


def options(library: Path, pack: Path) -> bootstrap.Options:
    return bootstrap.Options(library=library, pack=str(pack), device=Device.CPU, window=True, threads=1)


def make_library(folder: Path, pack: Path) -> Path:
    """Photographs in `folder`/photos, indexed into `folder`/library; returns the library."""
    make_photos(folder / "photos")
    with bootstrap.open_library(options(folder / "library", pack)) as session:
        for _ in index_folders(session, [folder / "photos"]):
            pass
    return folder / "library"


def write_query(path: Path) -> Path:
    """A photo that is not in the library and shows a part of one that is: the astronaut, cut and made smaller."""
    whole = Image.fromarray(np.ascontiguousarray(data.astronaut()))
    whole.crop((20, 10, 470, 430)).resize((400, 373)).save(path, quality=92)
    return path


@dataclass
class Pages:
    """Both pages over one open library."""

    session: LibrarySession
    bridge: Bridge
    search: SearchViewModel
    rounds: RoundsViewModel
    evidence: EvidenceViewModel
    thumbnails: ThumbnailProvider
    search_page: SearchPage
    evidence_page: EvidencePage
    errors: list[IndiciumError]

    def photo_named(self, name: str) -> int:
        """The id of the photo with this file name."""
        return next(int(photo.id) for photo in self.session.photos_page(limit=1000) if photo.name == name)


@contextmanager
def open_pages(library: Path, pack: Path, *, writer: bool = False) -> Iterator[Pages]:
    """Open the library, for reading only unless a `writer` is asked for, and show both pages."""
    with bootstrap.open_library(options(library, pack), writer=writer) as session:
        bridge, errors = Bridge(), []
        bridge.failed.connect(errors.append)
        search = SearchViewModel(bridge)
        rounds = RoundsViewModel(bridge, search)
        evidence = EvidenceViewModel(bridge, search, rounds)
        thumbnails = ThumbnailProvider(session_ports.thumbnail_loader(session))
        pictures = FullPictures(bridge, session_ports.picture_loader(session))
        port = session_ports.library_port(session)
        search.open_library(port)
        rounds.open_library(port)
        evidence.open_library(port)
        search_page = SearchPage(search, thumbnails, pictures, rounds)
        evidence_page = EvidencePage(evidence)
        for page in (search_page, evidence_page):
            page.resize(1200, 760)
            page.show()
        try:
            yield Pages(session, bridge, search, rounds, evidence, thumbnails, search_page, evidence_page, errors)
        finally:
            for page in (search_page, evidence_page):
                page.close()
                page.deleteLater()
            thumbnails.close()
            bridge.close()
