"""How long a warm search takes after the query is embedded: every stage of each profile.

    python -m tests.bench.search_latency --library L --data DIR [DIR ...] [--queries 100] [--json]
                                         [--profiles instant,balanced,thorough]

The library is made from the folders when it is not there yet. The bars, for 6,421 photos: `instant` under 10 ms,
`balanced` under 80 ms (both from the embedded query to the answer with all its hits). Each query is asked twice
and the second counts; with `thorough` the first, which has its candidates still to embed: 3 s.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from desktop_app.bootstrap import Options, open_library
from desktop_app.domain.devices import Device
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import LibraryPicture, Profile, Query, QueryItem
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import PhotoOrder
from desktop_app.services.search import SearchService
from tests.bench.reporting import add_output_options, report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, required=True, metavar="L")
    parser.add_argument("--data", nargs="*", type=Path, default=[], metavar="DIR")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--top", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--profiles", default="instant,balanced", metavar="P,...")
    parser.add_argument("--pack")
    parser.add_argument("--device", choices=[device.value for device in Device], default="auto")
    add_output_options(parser)
    arguments = parser.parse_args()
    options = Options(library=arguments.library, pack=arguments.pack, device=Device(arguments.device))
    rows = []
    with open_library(options, writer=bool(arguments.data)) as session:
        if arguments.data:
            for _ in index_folders(session, arguments.data):
                pass
        ids = session.photo_ids(PhotoOrder.NAME, descending=False, folders=None)
        if not len(ids):
            print("the library is empty; give --data", file=sys.stderr)
            return 2
        chosen = np.random.default_rng(arguments.seed).choice(ids, min(arguments.queries, len(ids)), replace=False)
        service = SearchService(session)
        for profile in map(Profile, arguments.profiles.split(",")):
            spent = []
            by_stage: dict[str, list[float]] = {}
            for photo in chosen:
                query = Query(
                    (QueryItem(LibraryPicture(PhotoId(int(photo)))),), profile=profile, top=arguments.top
                )
                # The first embeds the query and warms the caches, the last counts.
                for _ in range(1 if profile is Profile.THOROUGH else 2):
                    started = time.perf_counter()
                    *_, answer = service.search(query)
                    seconds = time.perf_counter() - started
                spent.append(1000.0 * seconds - answer.timings_ms["embed"])
                for stage in answer.stages_run:
                    by_stage.setdefault(stage.value, []).append(answer.timings_ms[stage.value])
            rows.append(
                {
                    "profile": profile.value,
                    "stages": "+".join(stage.value for stage in answer.stages_run),
                    "photos": answer.searched,
                    "queries": len(spent),
                    "median ms": float(np.median(spent)),
                    "p95 ms": float(np.percentile(spent, 95)),
                    "worst ms": float(np.max(spent)),
                    **{
                        f"{stage} ms": float(np.median(by_stage[stage])) if stage in by_stage else "-"
                        for stage in ("global", "graph", "local", "rerank", "evidence")
                    },
                }
            )
    report("search latency after embedding", rows, as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
