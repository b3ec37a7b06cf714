"""A feedback session as one JSON document: the same in a file, and in the catalogue of a library.

Photos of a library are named by their path and their fingerprint, so that a document means the same photos after
they have moved, and in another library that holds them. README, "Session files", describes the form.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from desktop_app.domain.errors import UsageError
from desktop_app.domain.feedback import FeedbackSession, Round
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.outline import Outline
from desktop_app.domain.photos import PhotoRecord, path_json
from desktop_app.domain.query import (
    AS_IT_IS,
    AnyMark,
    AutomaticFeedback,
    FilePicture,
    LibraryPicture,
    Mark,
    PhotoMark,
    Picture,
    PixelPicture,
    Pooling,
    Profile,
    Query,
    QueryItem,
    RegionMark,
    Side,
    Turn,
)
from desktop_app.imaging.decode import decode_pixels
from desktop_app.services.json_value import JsonValue
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.pictures import load_query

FORMAT_KEY = "indicium_session"
FORMAT = 2  # 2: outlines, and pictures that may be turned
SIGNS = {1: "+", -1: "-", 0: ""}
TOP = 20

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class LoadedSession:
    """A session from a document, and sentences about marks that could not be taken over."""

    session: FeedbackSession
    notes: tuple[str, ...] = ()


# --- writing --------------------------------------------------------------------------------------------------


def session_document(session: FeedbackSession, library: LibrarySession) -> Document:
    """The session as a JSON object. Marks on photos that are not in the library any more are left out."""
    automatic = session.query.automatic
    return {
        FORMAT_KEY: FORMAT,
        "name": session.name,
        "pack": session.pack,
        "profile": session.query.profile.value,
        "top": session.query.top,
        "automatic": automatic and {"pooling": automatic.pooling.value, "count": automatic.count},
        "turned": session.query.turned,
        "query": [_item_json(item, library) for item in session.query.items],
        "rounds": [_round_json(step, library) for step in session.rounds],
        "current": session.current + 1,
        "ahead": [number + 1 for number in session.ahead],
    }


def _round_json(step: Round, library: LibrarySession) -> Document:
    made: Document = {} if step.before is None else {"before": step.before + 1}
    if step.items is not None:
        made["query"] = [_item_json(item, library) for item in step.items]
    marks = [_mark_json(mark, library) for mark in step.marks]
    if step.marks:
        made["marks"] = [mark for mark in marks if mark is not None]
    return made


def _item_json(item: QueryItem, library: LibrarySession) -> Document:
    made = _picture_json(item.picture, library)
    if item.region is not None:
        made["region"] = item.region.as_list()
    if item.outline is not None:
        made["outline"] = item.outline.as_lists()
    if item.turn != AS_IT_IS:
        made["turn"] = {"degrees": item.turn.degrees, "mirrored": item.turn.mirrored}
    if item.negative:
        made["negative"] = True
    if item.weight != 1.0:
        made["weight"] = item.weight
    if item.grid is not None and item.cell_weights:
        made["grid"] = [item.grid.rows, item.grid.columns]
        made["cells"] = [[cell.row, cell.column, weight] for cell, weight in item.cell_weights.items()]
    if item.from_mark:
        made["from_mark"] = True
    return made


def _picture_json(picture: Picture, library: LibrarySession) -> Document:
    if isinstance(picture, PixelPicture):
        _, encoded = cv2.imencode(".png", cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2BGR))
        return {"name": picture.name, "png": base64.b64encode(encoded.tobytes()).decode("ascii")}
    if isinstance(picture, FilePicture):
        return dict(path_json(picture.path))
    return _photo_json(library.photo(picture.id))


def _photo_json(photo: PhotoRecord) -> Document:
    made: Document = dict(path_json(photo.path))
    if photo.fingerprint is not None:
        made["fingerprint"] = photo.fingerprint.hex()
    return made


def _mark_json(mark: AnyMark, library: LibrarySession) -> Document | None:
    made: Document = {"sign": SIGNS[mark.sign]}
    if mark.weight != 1.0:
        made["weight"] = mark.weight
    if isinstance(mark, PhotoMark) or mark.side is Side.RESULT:
        photo = None if mark.photo is None else library.reader.photo(mark.photo)
        if photo is None:
            return None
        made["photo"] = _photo_json(photo)
    else:
        made["item"] = mark.item + 1
    if isinstance(mark, Mark):
        made["cell"] = [mark.cell.row, mark.cell.column]
        made["grid"] = [mark.grid.rows, mark.grid.columns]
        made["box"] = mark.box.as_list()
    elif isinstance(mark, RegionMark):
        made["region"] = mark.region.as_list()
        made["box"] = mark.box.as_list()
    return made


# --- reading --------------------------------------------------------------------------------------------------


def read_session(document: object, library: LibrarySession, *, folder: Path | None = None) -> LoadedSession:
    """The session of a document; relative paths are those below `folder` (None: the working directory).

    Raises UsageError for a document of a newer version, and, naming the place, for one that makes no sense.
    """
    return _Reader(library, folder or Path.cwd()).session(JsonValue(document, ""))


class _Reader:
    """Reads one document; collects what is left out."""

    def __init__(self, library: LibrarySession, folder: Path) -> None:
        self._library = library
        self._folder = folder
        self._notes: list[str] = []

    def session(self, document: JsonValue) -> LoadedSession:
        version = document.get(FORMAT_KEY).whole()
        if version > FORMAT:
            raise UsageError(
                f"the session was saved by a newer Indicium (format {version}, this one knows {FORMAT})",
                remedy="Update Indicium",
            )
        items = self._items(document.get("query"))
        query = Query(
            items,
            profile=_one_of(document.get("profile", Profile.BALANCED.value), Profile),
            top=_top(document.get("top", TOP)),
            automatic=_automatic(document.get("automatic")) if document.has("automatic") else None,
            turned=document.get("turned", False).flag(),
        )
        steps = list(document.get("rounds", [{}]).entries()) or [JsonValue({}, "rounds[0]")]
        rounds: list[Round] = []
        for step in steps:
            rounds.append(self._round(step, number=len(rounds), first=query, rounds=rounds))
        current = document.get("current", len(rounds)).whole() - 1
        session = FeedbackSession(
            query,
            tuple(rounds),
            current,
            tuple(entry.whole() - 1 for entry in document.get("ahead", []).entries()),
            pack=document.get("pack", "").text(),
        )
        name = document.get("name", "").text()
        return LoadedSession(session.named(name) if name else session, tuple(dict.fromkeys(self._notes)))

    def _round(self, step: JsonValue, *, number: int, first: Query, rounds: Sequence[Round]) -> Round:
        before = None if number == 0 else step.get("before", number).whole() - 1
        if step.has("query"):
            return Round(before, items=self._items(step.get("query")))
        items = first.items
        at = before
        while at is not None and 0 <= at < len(rounds):
            if rounds[at].items is not None:
                items = rounds[at].items or ()
                break
            at = rounds[at].before
        found = (self._mark(mark, items) for mark in step.get("marks", []).entries())
        return Round(before, tuple(mark for mark in found if mark is not None))

    def _items(self, value: JsonValue) -> tuple[QueryItem, ...]:
        items = tuple(self._item(entry) for entry in value.entries())
        if not items:
            raise value.wrong("a list of at least one picture")
        return items

    def _item(self, value: JsonValue) -> QueryItem:
        grid = Grid(*_size(value.get("grid"))) if value.has("grid") else None
        weights = {}
        for entry in value.get("cells", []).entries() if grid else ():
            row, column, weight = _three(entry)
            weights[Cell(row.whole(), column.whole())] = max(0.0, weight.number())
        return QueryItem(
            self._picture(value),
            region=_region(value.get("region")) if value.has("region") else None,
            outline=_outline(value.get("outline")) if value.has("outline") else None,
            turn=_turn(value.get("turn")) if value.has("turn") else AS_IT_IS,
            negative=value.get("negative", False).flag(),
            weight=_weight(value),
            cell_weights=weights,
            grid=grid,
            from_mark=value.get("from_mark", False).flag(),
        )

    def _picture(self, value: JsonValue) -> Picture:
        if value.has("png"):
            try:
                data = base64.b64decode(value.get("png").text(), validate=True)
            except binascii.Error:
                raise value.get("png").wrong("a PNG in base64") from None
            name = value.get("name", "pasted picture").text()
            return PixelPicture(decode_pixels(data, name), name)
        photo = self._photo(value)
        return FilePicture(self._path(value)) if photo is None else LibraryPicture(photo.id)

    def _photo(self, value: JsonValue) -> PhotoRecord | None:
        """The photo of the library that is named, by its path or, when that is gone, by its fingerprint."""
        photo = self._library.reader.photo_by_path(self._path(value))
        if photo is not None or not value.has("fingerprint"):
            return photo
        try:
            fingerprint = bytes.fromhex(value.get("fingerprint").text())
        except ValueError:
            raise value.get("fingerprint").wrong("a fingerprint in hexadecimal digits") from None
        return next(iter(self._library.reader.photo_by_fingerprint(fingerprint)), None)

    def _path(self, value: JsonValue) -> bytes:
        if value.has("path_bytes"):
            try:
                return base64.b64decode(value.get("path_bytes").text(), validate=True)
            except binascii.Error:
                raise value.get("path_bytes").wrong("a path in base64") from None
        return os.fsencode(self._folder / value.get("path").text())

    def _mark(self, value: JsonValue, items: Sequence[QueryItem]) -> AnyMark | None:
        sign = _sign(value.get("sign"))
        weight = _weight(value)
        if not value.has("photo"):
            item = value.get("item", 1).whole() - 1
            shown = items[item] if 0 <= item < len(items) else None
            return self._part(value, Side.QUERY, sign, weight, item=item, shown=shown)
        photo = self._photo(value.get("photo"))
        if photo is None:
            name = os.path.basename(value.get("photo").get("path").text())
            self._notes.append(f"A mark is left out: {name} is not in the library.")
            return None
        if not (value.has("cell") or value.has("region")):
            return PhotoMark(photo.id, sign, weight)
        return self._part(value, Side.RESULT, sign, weight, photo=photo)

    def _part(
        self,
        value: JsonValue,
        side: Side,
        sign: int,
        weight: float,
        *,
        item: int = 0,
        shown: QueryItem | None = None,
        photo: PhotoRecord | None = None,
    ) -> AnyMark:
        box = _region(value.get("box")) if value.has("box") else self._whole(shown, photo, value)
        identity = None if photo is None else photo.id
        if value.has("region"):
            region = _region(value.get("region"))
            return RegionMark(side, region, box, sign, item=item, photo=identity, weight=weight)
        cell, grid = Cell(*value.get("cell").wholes(2)), Grid(*_size(value.get("grid")))
        return Mark(side, cell, grid, box, sign, item=item, photo=identity, weight=weight)

    def _whole(self, shown: QueryItem | None, photo: PhotoRecord | None, value: JsonValue) -> Region:
        """All of the picture that a mark lies on (or of its region), for a mark that does not say."""
        if photo is not None:
            return Region(0, 0, photo.width, photo.height)
        if shown is None:
            raise value.get("item", 1).wrong("the number of a picture of the query")
        if shown.region is not None:
            return shown.region
        pixels = load_query(shown, self._library)
        return pixels.box


def _one_of(value: JsonValue, kind: type[Profile]) -> Profile:
    try:
        return kind(value.text())
    except ValueError:
        raise value.wrong(" or ".join(each.value for each in kind)) from None


def _automatic(value: JsonValue) -> AutomaticFeedback:
    pooling = value.get("pooling", Pooling.AVERAGE.value)
    if pooling.text() not in set(Pooling):
        raise pooling.wrong(" or ".join(each.value for each in Pooling))
    return AutomaticFeedback(Pooling(pooling.text()), value.get("count", AutomaticFeedback().count).whole())


def _top(value: JsonValue) -> int:
    if value.whole() < 1:
        raise value.wrong("a number of at least 1")
    return value.whole()


def _sign(value: JsonValue) -> int:
    by_text: Mapping[object, int] = {**{text: sign for sign, text in SIGNS.items()}, "−": -1}
    if not isinstance(value.value, str) or value.value not in by_text:
        raise value.wrong('"+" or "-"')
    return by_text[value.value]


def _weight(value: JsonValue) -> float:
    weight = value.get("weight", 1.0)
    if not weight.number() > 0:
        raise weight.wrong("a number above 0")
    return weight.number()


def _region(value: JsonValue) -> Region:
    return Region(*value.wholes(4))


def _outline(value: JsonValue) -> Outline:
    try:
        return Outline.of((x, y) for x, y in (point.wholes(2) for point in value.entries()))
    except UsageError as error:
        raise UsageError(f"'{value.where}': {error.message}", remedy=error.remedy) from None


def _turn(value: JsonValue) -> Turn:
    return Turn(value.get("degrees", 0).whole(), value.get("mirrored", False).flag())


def _size(value: JsonValue) -> tuple[int, int]:
    rows, columns = value.wholes(2)
    if not (1 <= rows <= 256 and 1 <= columns <= 256):
        raise value.wrong("rows and columns from 1 to 256")
    return rows, columns


def _three(value: JsonValue) -> tuple[JsonValue, JsonValue, JsonValue]:
    entries = list(value.entries())
    if len(entries) != 3:
        raise value.wrong("row, column and weight")
    return entries[0], entries[1], entries[2]
