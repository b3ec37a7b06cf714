"""`indicium search IMAGE ...`"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from desktop_app.bootstrap import open_library
from desktop_app.commands.options import options_of
from desktop_app.commands.output import count, in_short, print_json, table
from desktop_app.commands.search_parts import numbered, parts_of, print_parts
from desktop_app.domain.errors import UsageError
from desktop_app.domain.filters import PhotoFilter
from desktop_app.domain.outline import parse_part
from desktop_app.domain.photos import path_json, path_text
from desktop_app.domain.query import FilePicture, Profile, Query, QueryItem
from desktop_app.domain.results import Hit, QueryPicture, SearchAnswer, StageScores
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.explain import ExplainService
from desktop_app.services.report import write_report
from desktop_app.services.saved_searches import SavedSearch, save_search, saved_search
from desktop_app.services.search import SearchService


def search(arguments: Namespace) -> int:
    """Find photos like the given images and print them, best first; or say which parts of the first one are worth
    asking with."""
    if arguments.top < 1:
        raise UsageError(f"--top {arguments.top} asks for no results", remedy="Give a number of at least 1")
    if arguments.region and arguments.part is not None:
        raise UsageError("--region and --part both say which part asks", remedy="Give one of them")
    kept = _kept(arguments)
    chosen = PhotoFilter.parse(arguments.filter)
    if kept is not None:
        chosen = _both(kept.chosen, chosen)
    items = _items(arguments) if kept is None else kept.items
    turned = arguments.turned or (kept is not None and kept.turned)
    if all(item.negative for item in items):
        if arguments.save is not None:
            _save(arguments, items, chosen, turned=turned)
        return _listed(arguments, items, chosen)
    query = Query(items, profile=Profile(arguments.profile), top=arguments.top, chosen=chosen, turned=turned)
    with open_library(options_of(arguments), writer=False) as session:
        embedder = QueryEmbedder(session)
        if arguments.suggest_parts:
            return print_parts(items[0], parts_of(items[0], session, embedder), in_json=arguments.json)
        if arguments.part is not None:
            part = numbered(parts_of(items[0], session, embedder), arguments.part)
            query = replace(query, items=(items[0].with_part(part), *items[1:]))
        *_, answer = SearchService(session, embedder=embedder).search(query)
        if arguments.report is not None:
            write_report(arguments.report, session, ExplainService(session, embedder=embedder), query, answer)
    if arguments.save is not None:
        _save(arguments, query.items, chosen, turned=turned)
    if arguments.json:
        print_json(as_json(answer, chosen))
    else:
        print_answer(answer)
    return 0


def _kept(arguments: Namespace) -> SavedSearch | None:
    """The search of `--saved`."""
    if arguments.saved is None:
        return None
    if arguments.images or arguments.negative or arguments.region or arguments.part is not None:
        raise UsageError("a saved search has its own images", remedy="Give --saved without images")
    with open_library(options_of(arguments), writer=False) as session:
        return saved_search(session, arguments.saved)


def _both(first: PhotoFilter, second: PhotoFilter) -> PhotoFilter:
    return PhotoFilter((*first.choices, *second.choices), f"{first.text} {second.text}", first.within)


def _save(arguments: Namespace, items: Sequence[QueryItem], chosen: PhotoFilter, *, turned: bool) -> None:
    if not items and not chosen:
        raise UsageError("there is nothing to save", remedy="Give an image, or --filter KIND=VALUE")
    search = SavedSearch.of(items, [_path(item) for item in items], chosen, turned=turned)
    with open_library(options_of(arguments)) as session:
        save_search(session, arguments.save, search)


def _path(item: QueryItem) -> bytes:
    return item.picture.path if isinstance(item.picture, FilePicture) else b""


def _listed(arguments: Namespace, items: Sequence[QueryItem], chosen: PhotoFilter) -> int:
    """The photos that a filter leaves, the newest first: there is no picture to rank them by."""
    only = (arguments.region, arguments.report, arguments.turned, arguments.suggest_parts)
    if not chosen or items or arguments.part is not None or any(only):
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
    wanted = [QueryItem(_file(path)) for path in arguments.images]
    if wanted and arguments.region:
        wanted[0] = wanted[0].with_part(parse_part(arguments.region))
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
                **({"part": hit.part.as_json()} if hit.part else {}),
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
        "outline": picture.outline.as_lists() if picture.outline else None,
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
    part = f"  (matches best in {','.join(map(str, hit.part.box.as_list()))})" if hit.part else ""
    return [str(place), f"{hit.score:.2f}", hit.words.value, path_text(hit.photo.path) + part]
