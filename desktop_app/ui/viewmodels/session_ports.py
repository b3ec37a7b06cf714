"""An open library as the view models see it: a few calls, each made on a worker thread."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from desktop_app.domain.errors import IndiciumError
from desktop_app.domain.evidence import MatchEvidence
from desktop_app.domain.feedback import FeedbackSession, RoundChange
from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.progress import Control
from desktop_app.domain.query import LibraryPicture, Query, QueryItem
from desktop_app.domain.results import Hit, SearchAnswer
from desktop_app.services import painting, report, saved_sessions
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.explain import ExplainService, Viewed
from desktop_app.services.feedback import FeedbackService
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.saved_sessions import SavedSession
from desktop_app.services.session_document import LoadedSession
from desktop_app.services.suggest_parts import suggested_parts
from desktop_app.ui.viewmodels.full_pictures import Load as LoadFull
from desktop_app.ui.viewmodels.query_pictures import ShownPicture, name_of
from desktop_app.ui.viewmodels.thumbnails import Load as LoadThumbnail
from desktop_app.ui.viewmodels.thumbnails import image_of


class LibraryPort:
    """Searching, explaining and looking at the pictures of one open library. Thread safe, as its services are."""

    def __init__(self, session: LibrarySession) -> None:
        self._session = session
        embedder = QueryEmbedder(session)  # shared, so that explaining a result finds the query embedded already
        self._embedder = embedder
        self._searching = FeedbackService(session, embedder=embedder)
        self._explaining = ExplainService(session, embedder=embedder)

    def search(self, query: Query, *, control: Control) -> Iterator[SearchAnswer]:
        return self._searching.search(query, control=control)

    def changes(self, before: Query, before_hits: Sequence[Hit], query: Query, hits: Sequence[Hit]) -> RoundChange:
        """What a round changed among the first results, and why."""
        return self._searching.changes(before, before_hits, query, hits)

    def save_session(self, session: FeedbackSession) -> None:
        saved_sessions.save_session(replace(session, pack=self._session.search_engine().digest), self._session)

    def saved_sessions(self) -> list[SavedSession]:
        return saved_sessions.saved_sessions(self._session)

    def open_session(self, name: str) -> LoadedSession:
        return saved_sessions.open_session(name, self._session)

    def forget_session(self, name: str) -> None:
        saved_sessions.forget_session(name, self._session)

    def shown_picture(self, item: QueryItem, *, long_side: int) -> ShownPicture:
        """The whole picture of a query item with the size of its original and where it comes from."""
        item = self._session.recognise(item)
        viewed = self._explaining.query_picture(item, long_side=long_side)
        name, in_library = name_of(item.picture), isinstance(item.picture, LibraryPicture)
        if isinstance(item.picture, LibraryPicture):
            name = self._session.photo(item.picture.id).name
        return ShownPicture(image_of(viewed.rgb), viewed.width, viewed.height, name, in_library)

    def suggested_parts(self, item: QueryItem) -> tuple[Region, ...]:
        """Parts of the whole picture of an item that are worth asking with, the most promising first."""
        return suggested_parts(self._session.recognise(item), self._embedder, self._session.search_engine())

    def match_map(self, item: QueryItem, photo: PhotoRecord, *, long_side: int) -> NDArray[np.uint8]:
        """Where `photo` answers `item`: its co-attention as RGBA in the photo's shape."""
        evidence = self._explaining.explain(self._session.recognise(item), photo)
        width, height = _within(evidence.result_box.w, evidence.result_box.h, long_side)
        return painting.heat_rgba(evidence.coattention.result, width, height)

    def explain(self, item: QueryItem, photo: PhotoRecord) -> MatchEvidence:
        return self._explaining.explain(self._session.recognise(item), photo)

    def query_view(self, item: QueryItem, *, long_side: int) -> Viewed:
        return self._explaining.query_picture(self._session.recognise(item), long_side=long_side)

    def result_view(self, photo: PhotoRecord, *, long_side: int) -> Viewed:
        return self._explaining.result_picture(photo, long_side=long_side)

    def write_report(self, query: Query, answer: SearchAnswer, path: Path) -> None:
        """The results with their evidence as one HTML file. Raises IndiciumError when it cannot be written."""
        report.write_report(path, self._session, self._explaining, query, answer)

    def export_json(self, evidence: MatchEvidence, path: Path) -> None:
        """The document of `indicium explain --json`. Raises IndiciumError when it cannot be written."""
        text = json.dumps(painting.evidence_json(evidence), indent=2, ensure_ascii=False)
        try:
            path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise _not_written(path, error) from error

    def export_picture(self, page: painting.EvidencePage, path: Path) -> None:
        """The evidence as PNG or SVG, drawn by the same painter as `indicium explain --out`."""
        painting.write_drawing(path, page)


def _not_written(path: Path, error: OSError | None) -> IndiciumError:
    reason = f": {error.strerror}" if error is not None and error.strerror else ""
    return IndiciumError(f"cannot write {path.name}{reason}", remedy="Choose another folder or free some space")


def _within(width: int, height: int, long_side: int) -> tuple[int, int]:
    scale = min(1.0, long_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def library_port(session: LibrarySession | None) -> LibraryPort | None:
    """The port of an open library; ONE per session, so that searching and explaining share embeddings."""
    return LibraryPort(session) if session is not None else None


def thumbnail_loader(session: LibrarySession | None) -> LoadThumbnail:
    """How thumbnails are read: from the previews of the library, also while a drive is away."""
    if session is None:
        return lambda _photo, _side: None
    return session.thumbnail


def picture_loader(session: LibrarySession | None) -> LoadFull:
    """How whole photos are read: the original, or its preview while its drive is away."""

    def nothing(_photo: PhotoRecord, _long_side: int) -> NDArray[np.uint8]:
        raise IndiciumError("no library is open", remedy="Open one first")

    if session is None:
        return nothing
    explaining = ExplainService(session)
    return lambda photo, long_side: explaining.result_picture(photo, long_side=long_side).rgb


def heat_image(values: NDArray[np.float32], width: int, height: int) -> QImage:
    """A map as a see-through image at full strength: the viewer's slider sets its opacity."""
    from desktop_app.ui.viewmodels.thumbnails import image_of_rgba

    return image_of_rgba(painting.heat_rgba(values, width, height, opacity=1.0))
