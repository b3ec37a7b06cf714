"""One pair of pictures read for the Evidence page, and written out as it is shown.

Reading is a generator for a worker thread: first the two pictures, so that there is something to look at, then the
evidence with its maps as images. Writing makes the picture or the JSON that a person exports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from PySide6.QtGui import QImage

from desktop_app.domain.evidence import MatchEvidence
from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.query import Mark, QueryItem, Side
from desktop_app.services.explain import Viewed
from desktop_app.services.painting import EvidencePage
from desktop_app.ui.viewmodels.session_ports import heat_image
from desktop_app.ui.viewmodels.thumbnails import image_of

VIEW_SIDE = 2048  # long side in pixels of the pictures shown; boxes and marks stay in original pixels
HEAT_SIDE = 640


class Layer(StrEnum):
    """The maps that can lie over the pictures, in the words of the page."""

    ATTENTION = "attention"
    AREAS = "matched areas"


@dataclass(frozen=True, slots=True)
class PictureView:
    """One of the two pictures: an image at any scale and the size of its oriented original."""

    image: QImage
    width: int
    height: int
    name: str
    viewed: Viewed = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """The evidence with its maps as see-through images, each over the box that the map covers."""

    evidence: MatchEvidence
    heat: dict[tuple[Layer, Side], QImage]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShownPair:
    """What is on the page at the moment of an export; without a map layer, the links."""

    query: PictureView
    result: PictureView
    evidence: MatchEvidence
    layer: Layer | None
    marks: tuple[Mark, ...]


class EvidencePort(Protocol):
    """What the Evidence page needs of an open library; every call is made on a worker thread."""

    def explain(self, item: QueryItem, photo: PhotoRecord) -> MatchEvidence: ...
    def query_view(self, item: QueryItem, *, long_side: int) -> Viewed: ...
    def result_view(self, photo: PhotoRecord, *, long_side: int) -> Viewed: ...
    def export_json(self, evidence: MatchEvidence, path: Path) -> None: ...
    def export_picture(self, page: EvidencePage, path: Path) -> None: ...


def read_pair(
    port: EvidencePort, item: QueryItem, photo: PhotoRecord, *, known: PictureView | None, query_name: str
) -> Iterator[tuple[PictureView, PictureView] | Explained]:
    """The query picture (`known` when it was read before) with the result's, then what joins them."""
    query = known or _view(port.query_view(item, long_side=VIEW_SIDE), query_name)
    yield query, _view(port.result_view(photo, long_side=VIEW_SIDE), photo.name)
    yield _explain(port, item, photo)


def write_pair(port: EvidencePort, shown: ShownPair, path: Path, *, theme: str) -> Path:
    """Write what is shown as PNG or SVG, or the evidence as JSON, as the name ends; returns `path`."""
    if path.suffix.lower() == ".json":
        port.export_json(shown.evidence, path)
    else:
        layer = "links" if shown.layer is None else shown.layer.name.lower()
        query, result = (one.viewed.on_page(one.name) for one in (shown.query, shown.result))
        page = EvidencePage(query, result, shown.evidence, layer=layer, marks=shown.marks, theme=theme)
        port.export_picture(page, path)
    return path


def _view(viewed: Viewed, name: str) -> PictureView:
    return PictureView(image_of(viewed.rgb), viewed.width, viewed.height, name, viewed)


def _explain(port: EvidencePort, item: QueryItem, photo: PhotoRecord) -> Explained:
    evidence = port.explain(item, photo)
    maps = {
        (Layer.ATTENTION, Side.QUERY): (evidence.coattention.query, evidence.query_box),
        (Layer.ATTENTION, Side.RESULT): (evidence.coattention.result, evidence.result_box),
        (Layer.AREAS, Side.QUERY): (evidence.q, evidence.query_box),
        (Layer.AREAS, Side.RESULT): (evidence.p, evidence.result_box),
    }
    return Explained(evidence, {key: heat_image(values, *_heat_size(box)) for key, (values, box) in maps.items()})


def _heat_size(box: Region) -> tuple[int, int]:
    scale = min(1.0, HEAT_SIDE / max(box.w, box.h))
    return max(1, round(box.w * scale)), max(1, round(box.h * scale))
