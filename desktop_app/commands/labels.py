"""`indicium library filters|label`: what photos can be filtered by, and what a person says of them."""

from __future__ import annotations

import os
from argparse import Namespace

from desktop_app.bootstrap import open_library
from desktop_app.commands.options import options_of
from desktop_app.commands.output import count, print_json, table
from desktop_app.domain.errors import LibraryError, UsageError
from desktop_app.domain.filters import FilterKind, PhotoFilter
from desktop_app.domain.photos import PhotoId, path_text
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.write_sidecars import Written, write_sidecars

SHOWN = 12  # values of a kind in the table; --json gives them all


def library_filters(arguments: Namespace) -> int:
    """Count the photos that a filter leaves, by everything that can be filtered by."""
    chosen = PhotoFilter.parse(arguments.filter)
    with open_library(options_of(arguments), writer=False) as session:
        facets = session.facets(None, chosen)
    if arguments.json:
        values = {
            kind.value: [
                {"value": _text(kind, found.value), "photos": found.count} for found in facets.values[kind]
            ]
            for kind in FilterKind
        }
        print_json({"filter": chosen.as_json(), "photos": facets.total, "values": values})
        return 0
    rows = [
        [kind.value if place == 0 else "", _text(kind, found.value) or "(not known)", f"{found.count:,}"]
        for kind in FilterKind
        for place, found in enumerate(facets.values[kind][:SHOWN])
    ]
    print(table([["", "photos", f"{facets.total:,}"], *rows], right=[2]))
    return 0


def library_label(arguments: Namespace) -> int:
    """Rate and tag photos in the catalogue; with --write-xmp their sidecars are written too, never a photo."""
    if arguments.rating is None and not arguments.tag and not arguments.untag and not arguments.write_xmp:
        raise UsageError("nothing to say of the photos", remedy="Give --rating, --tag, --untag or --write-xmp")
    rating = _rating(arguments.rating)
    with open_library(options_of(arguments)) as session:
        photos = [_photo(session, os.fsencode(path.absolute())) for path in arguments.photos]
        if arguments.rating is not None:
            session.set_rating(photos, rating)
        if arguments.tag or arguments.untag:
            session.change_tags(photos, add=arguments.tag, remove=arguments.untag)
        facts = [session.reader.facts_of(photo) for photo in photos]
        written = write_sidecars(session, photos) if arguments.write_xmp else Written((), ())
    said = [
        {"path": path_text(os.fsencode(path.absolute())), "rating": fact.rating, "tags": list(fact.keywords)}
        for path, fact in zip(arguments.photos, facts, strict=True)
    ]
    skipped = [{"path": path_text(one.path), "reason": one.reason} for one in written.skipped]
    files = [path_text(os.fsencode(path)) for path in written.files]
    if arguments.json:
        print_json({"photos": said, "written": files, "skipped": skipped})
    else:
        print("\n".join([f"{count(len(said), 'photo')} labelled", *(f"written: {file}" for file in files)]))
        for one in skipped:
            print(f"not written: {one['path']}: {one['reason']}")
    return 1 if skipped else 0


def _rating(typed: str | None) -> int | None:
    if typed is None or typed == "file":
        return None
    try:
        return int(typed)
    except ValueError:
        raise UsageError(f"'{typed}' is no rating", remedy="Give a number from -1 to 5, or 'file'") from None


def _photo(session: LibrarySession, path: bytes) -> PhotoId:
    for place in dict.fromkeys((path, os.path.realpath(path))):
        photo = session.reader.photo_by_path(place)
        if photo is not None:
            return photo.id
    raise LibraryError(f"{path_text(path)} is not in this library", remedy="Index its folder first")


def _text(kind: FilterKind, value: str) -> str:
    return path_text(os.fsencode(value)) if kind is FilterKind.FOLDER else value
