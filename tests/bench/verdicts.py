"""How often "nothing here matches well" is right, both ways, and how long the evidence of a page of results takes.

    python -m tests.bench.verdicts --data DIR [--photos 1000] [--queries 100] [--json]

Every second photo of the folder is indexed. Made views (those of the protocol `instances`, not those that scores
are measured with) are asked of photos inside, whose answer must not be "nothing", and of photos outside, where it
must be. Then the evidence for the first 12 results of some answers is made, as when the window shows them: the
milliseconds to the first map and to the last. The bars: 95 % both ways; 200 ms and 1.2 s.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from desktop_app.bootstrap import Options, is_picture_name, open_library
from desktop_app.domain.query import PixelPicture, Profile, Query, QueryItem
from desktop_app.domain.results import SearchAnswer, Words
from desktop_app.evaluation.disguises import instance_view
from desktop_app.imaging.decode import decode_photo
from desktop_app.services.embedded_query import QueryEmbedder
from desktop_app.services.explain import ExplainService
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.search import SearchService
from tests.bench.reporting import add_output_options, report

VISIBLE = 12
PAGES = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="DIR")
    parser.add_argument("--photos", type=int, default=1000, help="photos used, half of them indexed")
    parser.add_argument("--queries", type=int, default=100, help="of each kind")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--pack")
    add_output_options(parser)
    arguments = parser.parse_args()
    files = sorted(
        path for root in arguments.data for path in root.rglob("*") if is_picture_name(os.fsencode(path.name))
    )
    random = np.random.default_rng(arguments.seed)
    files = [files[at] for at in random.permutation(len(files))[: arguments.photos]]
    inside, outside = files[::2], files[1::2]
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        photos.mkdir()
        for number, path in enumerate(inside):
            (photos / f"{number}-{path.name}").symlink_to(path.absolute())
        with open_library(Options(library=Path(folder) / "library", pack=arguments.pack)) as session:
            for _ in index_folders(session, [photos]):
                pass
            rows = verdicts(session, inside, outside, arguments.queries, arguments.seed)
            timing = evidence_times(session, outside[:PAGES], arguments.seed)
    report("nothing here matches well", rows, as_json=arguments.json)
    report("evidence of a page of results", timing, as_json=arguments.json)
    return 0


def verdicts(
    session: LibrarySession, inside: Sequence[Path], outside: Sequence[Path], queries: int, seed: int
) -> list[dict[str, object]]:
    rows = []
    for profile in (Profile.INSTANT, Profile.BALANCED):
        found = {}
        for name, files in (("inside", inside), ("outside", outside)):
            answers = [ask(SearchService(session), path, profile, seed) for path in files[:queries]]
            found[name] = [answer.verdict is Words.NOTHING for answer in answers]
        rows.append(
            {
                "profile": profile.value,
                "stages": "+".join(stage.value for stage in answers[-1].stages_run),
                "photos": len(inside),
                "right, photo there": 1.0 - float(np.mean(found["inside"])),
                "right, photo not there": float(np.mean(found["outside"])),
            }
        )
    return rows


def evidence_times(session: LibrarySession, files: Sequence[Path], seed: int) -> list[dict[str, object]]:
    first, last = [], []
    for path in files:
        embedder = QueryEmbedder(session)
        explaining = ExplainService(session, embedder=embedder)
        item = view_of(path, seed)
        *_, answer = SearchService(session, embedder=embedder).search(Query((item,)))
        started = time.perf_counter()
        for place, hit in enumerate(answer.hits[:VISIBLE]):
            explaining.explain(item, hit.photo)
            if place == 0:
                first.append(1000.0 * (time.perf_counter() - started))
        last.append(1000.0 * (time.perf_counter() - started))
    return [
        {
            "results": VISIBLE,
            "first, median ms": float(np.median(first)),
            "all, median ms": float(np.median(last)),
            "all, worst ms": float(np.max(last)),
        }
    ]


def ask(service: SearchService, path: Path, profile: Profile, seed: int) -> SearchAnswer:
    *_, answer = service.search(Query((view_of(path, seed),), profile=profile))
    return answer


def view_of(path: Path, seed: int) -> QueryItem:
    rgb = decode_photo(os.fsencode(path), fingerprint=False).rgb
    random = np.random.default_rng([seed, len(path.name), rgb.shape[0], int(rgb[0, 0, 0])])
    return QueryItem(PixelPicture(instance_view(rgb, random)))


if __name__ == "__main__":
    raise SystemExit(main())
