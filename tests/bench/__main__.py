"""Every measurement of the product, one after the other: `make bench`, or `python -m tests.bench [NAME ...]`.

The measurements that need photos take them from INDICIUM_BENCH_PHOTOS (folders separated as in PATH); without it
the sample library is used, which is enough to see that they run. Those that need an indexed library share one of
the same photos. What they make lies in INDICIUM_BENCH_WORK, where a second run finds it again; without it in
a temporary folder. Each is also a command of its own with --help.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# What each is given; all other options have defaults.
DATA, LIBRARY, WORK = "--data", "--library", "--work"
MEASUREMENTS: dict[str, tuple[str, ...]] = {
    "indexing": (DATA,),
    "search_latency": (LIBRARY,),
    "dropped": (LIBRARY,),
    "global_search": (LIBRARY,),
    "neighbour_graph": (LIBRARY,),
    "filters": (),
    "tiles": (DATA,),
    "verdicts": (DATA,),
    "duplicates": (DATA, WORK),
    "concurrency": (),
    "kill_resume": (DATA,),
    "odd_files": (DATA,),
    "gui_heartbeat": (DATA,),
    "grid_first_paint": (),
}


def main(names: Sequence[str]) -> int:
    if {"-h", "--help"} & set(names):
        print(f"{__doc__}\nThere are: {', '.join(MEASUREMENTS)}")
        return 0
    unknown = sorted(set(names) - set(MEASUREMENTS))
    if unknown:
        print(f"there is no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
        return 2
    wanted = names or list(MEASUREMENTS)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(os.environ.get("INDICIUM_BENCH_WORK") or temporary)
        named = os.environ.get("INDICIUM_BENCH_PHOTOS", "")
        folders = named.split(os.pathsep) if named else [str(_sample(place))]
        library = place / "library"
        if any(LIBRARY in MEASUREMENTS[name] for name in wanted):
            _run(["desktop_app", "index", *folders, LIBRARY, str(library)])
        given = {DATA: folders, LIBRARY: [str(library)], WORK: [str(place / "work")]}
        failed = []
        for name in wanted:
            print(f"\n# {name}", flush=True)
            options = [text for option in MEASUREMENTS[name] for text in (option, *given[option])]
            if _run([f"tests.bench.{name}", *options]):
                failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return int(bool(failed))


def _run(command: Sequence[str]) -> int:
    return subprocess.run([sys.executable, "-m", *command], check=False).returncode


def _sample(place: Path) -> Path:
    from desktop_app.services.sample_library import make_sample_library

    photos = place / "photos"
    if not photos.is_dir():
        make_sample_library(photos)
    return photos


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
