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
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.explain import ExplainService
from desktop_app.services.report import write_report
from desktop_app.services.saved_searches import SavedSearch, save_search, saved_search
from desktop_app.services.search import SearchService


def search(arguments: Namespace) -> int:
    """Find photos like the given images and print them, best first."""
    if arguments.top < 1:
        raise UsageError(f"--top {arguments.top} asks for no results", remedy="Give a number of at least 1")
    _use_saved(arguments)
    chosen = PhotoFilter.parse(arguments.filter)
    if arguments.saved is not None:
        chosen = _both(arguments.kept.chosen, chosen)
    if arguments.save is not None:
        _save(arguments, chosen)
    if not arguments.images:
        return _listed(arguments, chosen)
    query = Query(
        _items(arguments),
        profile=Profile(arguments.profile),
        top=arguments.top,
        chosen=chosen,
        turned=arguments.turned,
    )
    with open_library(options_of(arguments), writer=False) as session:
        embedder = QueryEmbedder(session)
        *_, answer = SearchService(session, embedder=embedder).search(query)
        if arguments.report is not None:
            write_report(arguments.report, session, ExplainService(session, embedder=embedder), query, answer)
    if arguments.json:
        print_json(as_json(answer, chosen))
    else:
        print_answer(answer)
    return 0


def _use_saved(arguments: Namespace) -> None:
    """Take over the pictures of a search that was kept."""
    if arguments.saved is None:
        return
    if arguments.images or arguments.negative or arguments.region:
        raise UsageError("a saved search has its own images", remedy="Give --saved without images")
    with open_library(options_of(arguments), writer=False) as session:
        kept = saved_search(session, arguments.saved)
    arguments.kept = kept
    arguments.images = [Path(os.fsdecode(path)) for path in kept.images]
    arguments.negative = [Path(os.fsdecode(path)) for path in kept.negative]
    arguments.region = ",".join(map(str, kept.region.as_list())) if kept.region else None


def _both(first: PhotoFilter, second: PhotoFilter) -> PhotoFilter:
    return PhotoFilter((*first.choices, *second.choices), f"{first.text} {second.text}", first.within)


def _save(arguments: Namespace, chosen: PhotoFilter) -> None:
    if arguments.turned:
        raise UsageError("a saved search does not keep --turned", remedy="Give --turned together with --saved")
    items = _items(arguments)
    if not items and not chosen:
        raise UsageError("there is nothing to save", remedy="Give an image, or --filter KIND=VALUE")
    paths = {
        negative: tuple(_path(item) for item in items if item.negative is negative) for negative in (False, True)
    }
    region = items[0].region if items else None
    with open_library(options_of(arguments)) as session:
        save_search(session, arguments.save, SavedSearch(chosen, paths[False], paths[True], region))


def _path(item: QueryItem) -> bytes:
    return item.picture.path if isinstance(item.picture, FilePicture) else b""


def _listed(arguments: Namespace, chosen: PhotoFilter) -> int:
    """The photos that a filter leaves, the newest first: there is no picture to rank them by."""
    if not chosen or arguments.negative or arguments.region or arguments.report or arguments.turned:
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
        "classes": answer.classes,
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
        "turned": picture.turn.degrees,
        "mirrored": picture.turn.mirrored,
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
    for picture in answer.query:
        if picture.turn.words:
            print(f"{picture.name} was {picture.turn.words} to search with it")
    if answer.pending:
        print(f"{count(answer.pending, 'photo')} not indexed yet could not be found")


def _row(place: int, hit: Hit) -> list[str]:
    return [str(place), f"{hit.score:.2f}", hit.words.value, path_text(hit.photo.path)]
