"""Feedback sessions that are kept: in the catalogue of their library by name, or in a file of their own."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from desktop_app.domain.errors import IndiciumError, UsageError
from desktop_app.domain.feedback import FeedbackSession
from desktop_app.library.catalogue import Catalogue
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.session_document import LoadedSession, read_session, session_document

MARKS = "marks"  # the kind of label
LARGEST_FILE = 64_000_000  # bytes of a session file; pasted pictures are inside it


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A session of the catalogue: its name, and when it was saved (seconds since the epoch)."""

    name: str
    saved: float


def save_session(session: FeedbackSession, library: LibrarySession) -> None:
    """Keep a session under its name; one that has the name already is replaced. The photos of the library that are
    marked + get the name as a label of the kind "marks".

    Raises UsageError for a session without a name, LibraryError when the library is open for reading only.
    """
    name = session.named(session.name).name
    text = json.dumps(session_document(session, library), ensure_ascii=True, allow_nan=False)
    wanted = [mark.photo for mark in session.marks() if mark.sign > 0 and mark.photo is not None]
    photos = library.photos(list(dict.fromkeys(wanted)))
    labelled: dict[bytes, list[str]] = {}
    for path, label in library.reader.labels(MARKS):
        labelled.setdefault(path, []).append(label)

    def keep(catalogue: Catalogue) -> None:
        catalogue.save_session(name, text, saved=time.time())
        for photo in photos:
            catalogue.set_labels(photo.id, MARKS, [*labelled.get(photo.path, ()), name])

    library.write(keep)


def saved_sessions(library: LibrarySession) -> list[SavedSession]:
    """The sessions that are kept, the newest first."""
    return [SavedSession(name, saved) for name, saved in library.reader.sessions()]


def open_session(name: str, library: LibrarySession) -> LoadedSession:
    """A kept session. Raises UsageError when there is none of that name, or a newer Indicium saved it."""
    text = library.reader.session_document(name)
    if text is None:
        known = [saved.name for saved in saved_sessions(library)]
        remedy = f"There are: {', '.join(known)}" if known else "Nothing has been saved in this library yet"
        raise UsageError(f"there is no saved session '{name}'", remedy=remedy)
    return read_session(_parsed(text, f"the saved session '{name}'"), library)


def forget_session(name: str, library: LibrarySession) -> None:
    """Keep a session no longer; nothing happens when there is none of that name."""
    library.write(lambda catalogue: catalogue.forget_session(name))


def read_session_file(path: Path, library: LibrarySession) -> LoadedSession:
    """The session of a file; relative paths in it are those below its folder.

    Raises UsageError when it cannot be read, makes no sense, or a newer Indicium wrote it.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UsageError(f"{path} is too large for a session file")
        text = path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not a session file: it is not text") from error
    try:
        return read_session(_parsed(text, str(path)), library, folder=path.absolute().parent)
    except UsageError as error:
        raise UsageError(f"{path} cannot be used: {error.message}", remedy=error.remedy) from error


def write_session_file(session: FeedbackSession, path: Path, library: LibrarySession) -> None:
    """Write a session to a file, which appears under its name only when it is complete.

    Raises IndiciumError when it cannot be written.
    """
    text = json.dumps(session_document(session, library), ensure_ascii=False, allow_nan=False, indent=2)
    unfinished = path.with_name(path.name + ".part")
    try:
        unfinished.write_text(text + "\n", encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise IndiciumError(
            f"cannot write {path}: {error.strerror or error}", remedy="Choose another place for the session"
        ) from error


def _parsed(text: str, name: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not JSON: {error}") from error
