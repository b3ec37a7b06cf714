"""`indicium search IMAGE --suggest-parts` and `--part N`: the parts of a picture that are worth asking with."""

from __future__ import annotations

from collections.abc import Sequence

from desktop_app.commands.output import print_json, table
from desktop_app.domain.errors import UsageError
from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import path_json
from desktop_app.domain.query import FilePicture, QueryItem
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.suggest_parts import suggested_parts


def parts_of(item: QueryItem, session: LibrarySession, embedder: QueryEmbedder) -> tuple[Region, ...]:
    """The suggestions that the window makes for the picture of `item`, the most promising first."""
    return suggested_parts(session.recognise(item), embedder, session.search_engine())


def numbered(parts: Sequence[Region], number: int) -> Region:
    """Part `number`, counted from 1. Raises UsageError when there is none."""
    if not 1 <= number <= len(parts):
        known = f"parts 1 to {len(parts)}" if parts else "none"
        raise UsageError(
            f"the image has no suggested part {number}",
            remedy=f"Suggested are: {known}. --suggest-parts lists them; --region takes any part",
        )
    return parts[number - 1]


def print_parts(item: QueryItem, parts: Sequence[Region], *, in_json: bool) -> int:
    """Print the parts with the numbers that `--part` takes."""
    if in_json:
        path = path_json(item.picture.path) if isinstance(item.picture, FilePicture) else {}
        found = [{"part": number, "region": part.as_list()} for number, part in enumerate(parts, 1)]
        print_json({"query": [path], "parts": found})
    elif parts:
        rows = [[str(number), part.text] for number, part in enumerate(parts, 1)]
        print(table(rows, header=["part", "region x,y,w,h"], right=[0]))
        print("\nSearch with one of them: indicium search IMAGE --part 1")
    else:
        print("No part of this image stands out; --region takes any part")
    return 0
