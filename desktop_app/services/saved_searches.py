"""Searches kept by name in the library: the question is kept, not its answer, so it finds what is there then."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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
    """A filter, and the files to search with where there are any: `images` wanted, `negative` not wanted, `part`
    and `turn` of the first image; `turned`: it is also looked for turned and mirrored."""

    chosen: PhotoFilter = field(default_factory=PhotoFilter)
    images: tuple[bytes, ...] = ()
    negative: tuple[bytes, ...] = ()
    part: Part | None = None
    turn: Turn = AS_IT_IS
    turned: bool = False

    @property
    def items(self) -> tuple[QueryItem, ...]:
        """The pictures to search with; none for a filter alone."""
        wanted = [QueryItem(FilePicture(path)) for path in self.images]
        if wanted:
            wanted[0] = replace(wanted[0].with_part(self.part), turn=self.turn)
        return (*wanted, *(QueryItem(FilePicture(path), negative=True) for path in self.negative))

    def as_json(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "filter": self.chosen.as_json(),
            "images": [base64.b64encode(path).decode() for path in self.images],
            "negative": [base64.b64encode(path).decode() for path in self.negative],
            "region": None if self.part is None else self.part.text,
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
        images, negative, part = document["images"], document["negative"], document["region"]
        if not isinstance(images, list) or not isinstance(negative, list):
            raise TypeError
        return cls(
            chosen=PhotoFilter.from_json(document["filter"]),
            images=tuple(base64.b64decode(path) for path in images),
            negative=tuple(base64.b64decode(path) for path in negative),
            part=None if part is None else parse_part(str(part)),
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
