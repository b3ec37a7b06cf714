"""Every measurement of the product, one after the other: `make bench`, or `python -m tests.bench [NAME ...]`.

The measurements that need photos take them from INDICIUM_BENCH_PHOTOS (folders separated as in PATH); without it
the sample library is used, which is enough to see that they run. Each is also a command of its own with --help.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

NEED_PHOTOS = ("indexing", "search_latency", "gui_heartbeat", "kill_resume", "odd_files", "verdicts")
OTHERS = ("grid_first_paint", "filters")


def main() -> int:
    wanted = sys.argv[1:] or [*NEED_PHOTOS, *OTHERS]
    unknown = sorted(set(wanted) - {*NEED_PHOTOS, *OTHERS})
    if unknown:
        print(f"there is no measurement {', '.join(unknown)}; there are {', '.join((*NEED_PHOTOS, *OTHERS))}")
        return 2
    with tempfile.TemporaryDirectory() as place:
        named = os.environ.get("INDICIUM_BENCH_PHOTOS", "")
        folders = named.split(os.pathsep) if named else [str(_sample(Path(place)))]
        failed = []
        for name in wanted:
            print(f"\n# {name}", flush=True)
            data = ["--data", *folders] if name in NEED_PHOTOS else []
            done = subprocess.run([sys.executable, "-m", f"tests.bench.{name}", *data], check=False)
            failed += [name] * bool(done.returncode)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return int(bool(failed))


def _sample(place: Path) -> Path:
    from desktop_app.services.sample_library import make_sample_library

    make_sample_library(place / "photos")
    return place / "photos"


if __name__ == "__main__":
    sys.exit(main())
