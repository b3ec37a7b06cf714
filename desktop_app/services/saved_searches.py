"""Searches kept by name in the library: the question is kept, not its answer, so it finds what is there then."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from desktop_app.domain.errors import UsageError
from desktop_app.domain.filters import PhotoFilter
from desktop_app.domain.outline import Part, parse_part
from desktop_app.domain.query import AS_IT_IS, FilePicture, QueryItem, Turn
from desktop_app.services.library_session import LibrarySession

log = logging.getLogger(__name__)

SETTING = "saved_searches"
FORMAT = 2  # 2: outlines, and pictures that may be turned; 1 had no number
MOST_LETTERS = 80


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A filter, and the files to search with where there are any: `images` wanted, `negative` not wanted.

    parts: of the images in this order, None for all of one; empty when all ask whole. turn: of the first image.
    turned: it is also looked for turned and mirrored.
    """

    chosen: PhotoFilter = field(default_factory=PhotoFilter)
    images: tuple[bytes, ...] = ()
    negative: tuple[bytes, ...] = ()
    parts: tuple[Part | None, ...] = ()
    turn: Turn = AS_IT_IS
    turned: bool = False

    @classmethod
    def of(
        cls, items: Sequence[QueryItem], paths: Sequence[bytes], chosen: PhotoFilter, *, turned: bool = False
    ) -> SavedSearch:
        """Of the pictures of a question and the files that they are in."""
        in_order = sorted(zip(items, paths, strict=True), key=lambda pair: pair[0].negative)
        parts = tuple(item.part for item, _ in in_order)
        return cls(
            chosen,
            tuple(path for item, path in in_order if not item.negative),
            tuple(path for item, path in in_order if item.negative),
            parts if any(parts) else (),
            in_order[0][0].turn if in_order else AS_IT_IS,
            turned,
        )

    @property
    def items(self) -> tuple[QueryItem, ...]:
        """The pictures to search with; none for a filter alone."""
        made = [QueryItem(FilePicture(path)) for path in self.images]
        made += [QueryItem(FilePicture(path), negative=True) for path in self.negative]
        made = [item.with_part(part) for item, part in zip_longest(made, self.parts[: len(made)])]
        return tuple(replace(item, turn=self.turn) if at == 0 else item for at, item in enumerate(made))

    def as_json(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "filter": self.chosen.as_json(),
            "images": [base64.b64encode(path).decode() for path in self.images],
            "negative": [base64.b64encode(path).decode() for path in self.negative],
            "region": self.parts[0].text if self.parts and self.parts[0] else None,
            "parts": [part and part.text for part in self.parts],
            "turn": [self.turn.degrees, self.turn.mirrored],
            "turned": self.turned,
        }

    @classmethod
    def from_json(cls, document: object) -> SavedSearch:
        """Raises UsageError, ValueError, TypeError or KeyError for what is no such document."""
        if not isinstance(document, dict):
            raise TypeError
        if document.get("format", 1) not in range(1, FORMAT + 1):
            raise UsageError("the search was saved by a newer Indicium", remedy="Update Indicium")
        images, negative = document["images"], document["negative"]
        first = document["region"]
        parts = document.get("parts", [] if first is None else [first])
        if not isinstance(images, list) or not isinstance(negative, list) or not isinstance(parts, list):
            raise TypeError
        return cls(
            chosen=PhotoFilter.from_json(document["filter"]),
            images=tuple(base64.b64decode(path) for path in images),
            negative=tuple(base64.b64decode(path) for path in negative),
            parts=tuple(None if part is None else parse_part(str(part)) for part in parts),
            turn=_turn(document.get("turn", [0, False])),
            turned=bool(document.get("turned", False)),
        )


def _turn(value: object) -> Turn:
    match value:
        case [int(degrees), bool(mirrored)]:
            return Turn(degrees, mirrored)
    raise TypeError


def saved_searches(session: LibrarySession) -> dict[str, SavedSearch]:
    """All saved searches by name, sorted; those of a newer version that cannot be read are left out (and kept)."""
    found = {}
    for name, document in sorted(_documents(session).items()):
        try:
            found[name] = SavedSearch.from_json(document)
        except (UsageError, ValueError, TypeError, KeyError):
            log.warning("the saved search %r cannot be read", name)
    return found


def saved_search(session: LibrarySession, name: str) -> SavedSearch:
    """The search of a name. Raises UsageError when there is none."""
    found = saved_searches(session)
    if name not in found:
        known = ", ".join(found) or "none yet"
        raise UsageError(f"there is no saved search '{name}'", remedy=f"Saved are: {known}")
    return found[name]


def save_search(session: LibrarySession, name: str, search: SavedSearch) -> None:
    """Keep a search under a name, in place of an older one. Raises UsageError for a name without text."""
    _keep(session, {**_documents(session), _tidy(name): search.as_json()})


def rename_search(session: LibrarySession, name: str, new: str) -> None:
    """Give a saved search another name. Raises UsageError for a name without text or of another search."""
    documents, new = _documents(session), _tidy(new)
    if name not in documents or new == name:
        return
    if new in documents:
        raise UsageError(f"there is a saved search '{new}' already", remedy="Choose another name")
    _keep(session, {new if kept == name else kept: document for kept, document in documents.items()})


def forget_search(session: LibrarySession, name: str) -> None:
    """Remove a saved search."""
    _keep(session, {kept: document for kept, document in _documents(session).items() if kept != name})


def _tidy(name: str) -> str:
    name = " ".join(name.split())[:MOST_LETTERS]
    if not name:
        raise UsageError("a saved search needs a name", remedy="Write a word or two")
    return name


def _documents(session: LibrarySession) -> dict[str, dict[str, object]]:
    try:
        documents = json.loads(session.get_setting(SETTING) or "{}")
    except ValueError:
        log.warning("the saved searches are damaged")
        return {}
    return documents if isinstance(documents, dict) else {}


def _keep(session: LibrarySession, documents: Mapping[str, object]) -> None:
    session.set_setting(SETTING, json.dumps(documents))
