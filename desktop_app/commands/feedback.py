"""`indicium feedback SESSION`"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from desktop_app.bootstrap import open_library
from desktop_app.commands import search
from desktop_app.commands.options import options_of
from desktop_app.commands.output import print_json
from desktop_app.domain.errors import UsageError
from desktop_app.domain.feedback import FeedbackSession, RoundChange
from desktop_app.domain.photos import path_json
from desktop_app.domain.query import AutomaticFeedback, Pooling, Profile, Query
from desktop_app.services.feedback import FeedbackService, RoundAnswer
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.saved_sessions import (
    open_session,
    read_session_file,
    save_session,
    write_session_file,
)
from desktop_app.services.session_document import LoadedSession


def feedback(arguments: Namespace) -> int:
    """Run a round of a session, print its results, and say what it changed and why."""
    with open_library(options_of(arguments), writer=arguments.save is not None) as library:
        loaded = _load(arguments.session, library)
        session = _chosen(loaded.session, arguments)
        found = FeedbackService(library).round(session)
        session = replace(session, pack=library.search_engine().digest)
        if arguments.save is not None:
            session = session.named(arguments.save)
            save_session(session, library)
        if arguments.out is not None:
            write_session_file(session, arguments.out, library)
        notes = (*loaded.notes, *found.answer.notes)
        if arguments.json:
            print_json(_as_json(session, found, notes, library))
        else:
            _print(session, found, notes)
    return 0


def _load(name: str, library: LibrarySession) -> LoadedSession:
    path = Path(name)
    if path.exists() or path.suffix == ".json":
        return read_session_file(path, library)
    return open_session(name, library)


def _chosen(session: FeedbackSession, arguments: Namespace) -> FeedbackSession:
    """The session at the round, and with the settings, that were asked for."""
    if arguments.round is not None:
        session = session.at(arguments.round - 1)
    query = session.query
    if arguments.top is not None:
        if arguments.top < 1:
            raise UsageError(f"--top {arguments.top} asks for no results", remedy="Give a number of at least 1")
        query = replace(query, top=arguments.top)
    if arguments.profile is not None:
        query = replace(query, profile=Profile(arguments.profile))
    return replace(session, query=replace(query, automatic=_automatic(query, arguments)))


def _automatic(query: Query, arguments: Namespace) -> AutomaticFeedback | None:
    if arguments.automatic == "off":
        return None
    if arguments.automatic is None and query.automatic is None:
        if arguments.first is not None:
            raise UsageError("--first belongs to automatic feedback", remedy="Add --automatic average")
        return None
    before = query.automatic or AutomaticFeedback()
    pooling = before.pooling if arguments.automatic is None else Pooling(arguments.automatic)
    return AutomaticFeedback(pooling, before.count if arguments.first is None else arguments.first)


def _as_json(
    session: FeedbackSession, found: RoundAnswer, notes: tuple[str, ...], library: LibrarySession
) -> dict[str, object]:
    return {
        **search.as_json(found.answer),
        "session": {"name": session.name, "round": session.current + 1, "rounds": len(session.rounds)},
        "change": None if found.change is None else _change_json(found.change, library),
        "notes": list(notes),
    }


def _change_json(change: RoundChange, library: LibrarySession) -> dict[str, object]:
    photos = {photo.id: photo for photo in library.photos([moved.photo for moved in change.moved])}
    return {
        "words": change.words,
        "moved": [
            {
                **(path_json(photos[moved.photo].path) if moved.photo in photos else {"path": moved.name}),
                "before": moved.before,
                "after": moved.after,
                "because": moved.because or None,
            }
            for moved in change.moved
        ],
    }


def _print(session: FeedbackSession, found: RoundAnswer, notes: tuple[str, ...]) -> None:
    search.print_answer(found.answer)
    print(f"\nRound {session.current + 1} of {len(session.rounds)}.", end=" ")
    print(found.change.words if found.change is not None else "Nothing was marked for it.")
    for note in notes:
        print(note)
