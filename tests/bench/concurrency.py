"""Two threads searching, one indexing and one marking in one library: is every answer right, does all go on?

    python -m tests.bench.concurrency [--minutes 5] [--pack P] [--seed 5] [--json]

The library is made of parts of photographs in a temporary folder; photos come, go and are copied all the time. An
answer is right when the same search gives the same hits, scores and words in a catalogue version that was current
between its start and its end, with nobody else at work (`tests.support.concurrency`). Without --pack the tiny pack
of the tests is used, whose network takes no time, so that the threads meet as often as possible. The bar: no
wrong answer, no deadlock, in 5 minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from desktop_app.bootstrap import Options, open_library
from desktop_app.domain.devices import Device
from tests.bench.reporting import add_output_options, report
from tests.support.concurrency import Crowd, History, Oracle, prepare
from tests.support.tiny_pack import make_tiny_pack


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--pack")
    parser.add_argument("--seed", type=int, default=5)
    add_output_options(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        pack = arguments.pack or str(make_tiny_pack(place / "pack"))
        options = Options(library=place / "library", pack=pack, device=Device.CPU, threads=1)
        with open_library(options) as session:
            prepare(session, place / "photos")
            history = History(session, place / "versions")
            crowd = Crowd(session, place / "photos", seconds=60 * arguments.minutes, seed=arguments.seed)
            outcome = crowd.run()
            wrong = Oracle(session, history, crowd.queries).wrong(outcome) if not outcome.stuck else []
    for line in [*wrong, *map(repr, outcome.errors), *(f"deadlock: {thread}" for thread in outcome.stuck)]:
        print(line, file=sys.stderr)
    row = {
        "minutes": arguments.minutes,
        "answers": len(outcome.answers),
        "versions": len(history),
        "graphs": len(history.graphs),
        "photos indexed": outcome.indexed,
        "rounds of marks": outcome.marked,
        "wrong": len(wrong),
        "errors": len(outcome.errors),
        "deadlocks": len(outcome.stuck),
    }
    report("two threads searching, one indexing, one marking", [row], as_json=arguments.json)
    return int(bool(wrong or outcome.errors or outcome.stuck))


if __name__ == "__main__":
    sys.exit(main())
