"""A dry run over folders: what is there, what is left out and why, and the room that a library of it needs."""

from __future__ import annotations

import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from desktop_app.domain.photos import FoundFile, LeftOut, Skipped
from desktop_app.library.scan import LeftOutItem, scan_folder
from desktop_app.library.scan_rules import PictureKinds, ScanOptions, below, kind_of

# Measured on photo collections: a row with its features and its entries in the indexes of the catalogue, and the
# descriptor with its neighbours in the newest and the previous snapshot of the index.
_CATALOGUE_BYTES = 7_300
_INDEX_BYTES = 2 * 2_400
_PREVIEW_BYTES = 60_000  # of a 512 px JPEG; a smaller original has a smaller preview

_EXAMPLES = 5
_TELL_EVERY = 500


class KindCount(NamedTuple):
    """Files of one kind: how many, and their bytes together."""

    files: int
    bytes: int


class LeftOutCount(NamedTuple):
    """Files and folders left out for one reason: how many, and the paths of the first few."""

    entries: int
    examples: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a scan of some folders would find.

    photos and bytes: in all. by_kind: label -> (count, bytes), the most frequent first. by_year: year of the
    modification time (UTC) -> count, ascending. left_out: reason -> (count, examples); a folder counts once.
    missing_packages: distribution -> number of photos that wait for it. unusable: links that lead nowhere.
    library_bytes: estimated room for catalogue, index and previews. free_bytes: room where the library is to be,
    None when it was not said where.
    """

    photos: int
    bytes: int
    by_kind: Mapping[str, KindCount]
    by_year: Mapping[int, int]
    left_out: Mapping[LeftOut, LeftOutCount]
    missing_packages: Mapping[str, int]
    unusable: tuple[Skipped, ...]
    library_bytes: int
    free_bytes: int | None


def survey(
    paths: Iterable[Path],
    kinds: PictureKinds,
    *,
    options: ScanOptions | None = None,
    library: Path | None = None,
    tick: Callable[[int], None] = lambda found: None,
) -> Survey:
    """Look through `paths` without opening a file; a folder inside another one is counted once.

    `tick` is called now and then with the number of photos found; what it raises ends the survey. Raises
    FolderAway when one of the folders is not there.
    """
    found: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    years: Counter[int] = Counter()
    left_out: Counter[LeftOut] = Counter()
    packages: Counter[str] = Counter()
    examples: dict[LeftOut, list[bytes]] = defaultdict(list)
    unusable: list[Skipped] = []
    previews = photos = seen = 0
    for root in _outermost(paths):
        for item in scan_folder(root, kinds, options=options):
            seen += 1
            match item:
                case FoundFile():
                    kind = kind_of(item.path, kinds)
                    label = kind.label if kind is not None else ""
                    photos += 1
                    found[label] += 1
                    sizes[label] += item.size
                    years[_year(item.mtime_ns)] += 1
                    previews += min(item.size, _PREVIEW_BYTES)
                case LeftOutItem():
                    left_out[item.why] += 1
                    if len(examples[item.why]) < _EXAMPLES:
                        examples[item.why].append(item.path)
                    if item.package is not None:
                        packages[item.package] += 1
                case Skipped():
                    unusable.append(item)
            if seen % _TELL_EVERY == 0:
                tick(photos)
    tick(photos)
    return Survey(
        photos=photos,
        bytes=sizes.total(),
        by_kind={
            label: KindCount(found[label], sizes[label])
            for label in sorted(found, key=lambda label: (-found[label], label))
        },
        by_year=dict(sorted(years.items())),
        left_out={why: LeftOutCount(left_out[why], tuple(examples[why])) for why in LeftOut if left_out[why]},
        missing_packages=dict(sorted(packages.items())),
        unusable=tuple(unusable),
        library_bytes=photos * (_CATALOGUE_BYTES + _INDEX_BYTES) + previews,
        free_bytes=_free(library) if library is not None else None,
    )


def _outermost(paths: Iterable[Path]) -> list[bytes]:
    roots: list[bytes] = []
    for path in sorted({os.path.abspath(os.fsencode(path)) for path in paths}):  # noqa: PTH100 - bytes
        if not any(below(root, path) is not None for root in roots):
            roots.append(path)
    return roots


def _year(mtime_ns: int) -> int:
    try:
        return datetime.fromtimestamp(mtime_ns / 1e9, UTC).year
    except (ValueError, OverflowError, OSError):
        return 1970  # a time stamp outside the calendar


def _free(library: Path) -> int | None:
    place = library.absolute()
    for folder in (place, *place.parents):
        try:
            return shutil.disk_usage(folder).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None
