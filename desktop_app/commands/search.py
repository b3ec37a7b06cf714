"""`indicium search IMAGE ...`"""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from desktop_app.bootstrap import open_library
from desktop_app.commands.options import options_of
from desktop_app.commands.output import count, in_short, print_json, table
from desktop_app.domain.errors import UsageError
from desktop_app.domain.filters import PhotoFilter
from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import path_json, path_text
from desktop_app.domain.query import FilePicture, Profile, Query, QueryItem
from desktop_app.domain.results import Hit, QueryPicture, SearchAnswer, StageScores
from desktop_app.services.search import SearchService


def search(arguments: Namespace) -> int:
    """Find photos like the given images and print them, best first."""
    if arguments.top < 1:
        raise UsageError(f"--top {arguments.top} asks for no results", remedy="Give a number of at least 1")
    chosen = PhotoFilter.parse(arguments.filter)
    if not arguments.images:
        return _listed(arguments, chosen)
    query = Query(_items(arguments), profile=Profile(arguments.profile), top=arguments.top, chosen=chosen)
    with open_library(options_of(arguments), writer=False) as session:
        *_, answer = SearchService(session).search(query)
    if arguments.json:
        print_json(as_json(answer, chosen))
    else:
        print_answer(answer)
    return 0


def _listed(arguments: Namespace, chosen: PhotoFilter) -> int:
    """The photos that a filter leaves, the newest first: there is no picture to rank them by."""
    if not chosen or arguments.negative or arguments.region:
        raise UsageError("there is nothing to search with", remedy="Give an image, or --filter KIND=VALUE")
    with open_library(options_of(arguments), writer=False) as session:
        photos = session.photos_page(descending=True, chosen=chosen, limit=arguments.top)
        found = session.reader.count(chosen=chosen)
    if arguments.json:
        print_json(
            {
                "query": [],
                "profile": arguments.profile,
                "stages_run": [],
                "filter": chosen.as_json(),
                "found": found,
                "results": [
                    {
                        **path_json(photo.path),
                        "score": None,
                        "words": None,
                        "stages": StageScores().as_json(),
                    }
                    for photo in photos
                ],
            }
        )
        return 0
    for photo in photos:
        print(path_text(photo.path))
    print(f"\n{count(found, 'photo')} found" if found else "No photo fits this filter")
    return 0


def _items(arguments: Namespace) -> tuple[QueryItem, ...]:
    region = Region.parse(arguments.region) if arguments.region else None
    wanted = [
        QueryItem(_file(path), region=region if position == 0 else None)
        for position, path in enumerate(arguments.images)
    ]
    return (*wanted, *(QueryItem(_file(path), negative=True) for path in arguments.negative))


def _file(path: Path) -> FilePicture:
    return FilePicture(os.fsencode(path.absolute()))


def as_json(answer: SearchAnswer, chosen: PhotoFilter | None = None) -> dict[str, object]:
    """The document of `--json`."""
    return {
        "query": [_query_json(picture) for picture in answer.query],
        "profile": answer.profile.value,
        "stages_run": [stage.value for stage in answer.stages_run],
        **({"filter": chosen.as_json()} if chosen else {}),
        "results": [
            {
                **path_json(hit.photo.path),
                "score": round(hit.score, 6),
                "words": hit.words.value,
                "stages": hit.stages.as_json(),
            }
            for hit in answer.hits
        ],
        "verdict": answer.verdict.value,
        "timings_ms": {name: round(value, 3) for name, value in answer.timings_ms.items()},
        "device": answer.device,
        "searched": answer.searched,
        "pending": answer.pending,
    }


def _query_json(picture: QueryPicture) -> dict[str, object]:
    path: dict[str, str] = path_json(picture.path) if picture.path is not None else {}
    return {
        **path,
        "name": picture.name,
        "width": picture.width,
        "height": picture.height,
        "region": picture.region.as_list() if picture.region else None,
        "negative": picture.negative,
    }


def print_answer(answer: SearchAnswer) -> None:
    """The results as a table, and how they came about."""
    if not answer.hits:
        print("No photos to search: index a folder first" if not answer.searched else "No results")
        return
    rows = [_row(place, hit) for place, hit in enumerate(answer.hits, 1)]
    print(table(rows, header=["", "score", "", "photo"], right=[0, 1]))
    spent = sum(answer.timings_ms.values())
    print(
        f"\nBest match: {answer.verdict.value}. Searched {count(answer.searched, 'photo')} in {spent:,.0f} ms "
        f"({answer.profile.value}, {in_short(answer.device)})"
    )
    if answer.pending:
        print(f"{count(answer.pending, 'photo')} not indexed yet could not be found")


def _row(place: int, hit: Hit) -> list[str]:
    return [str(place), f"{hit.score:.2f}", hit.words.value, path_text(hit.photo.path)]
