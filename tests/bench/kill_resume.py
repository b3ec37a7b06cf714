"""Index, kill with SIGKILL at seeded moments, resume: is everything in, once, and are the answers the same?

    python -m tests.bench.kill_resume --data DIR [DIR ...] [--kills 20] [--queries 100] [--top 20] [--json]

A fifth of the kills (at least three, if there are that many) falls into each of: decoding, an open transaction of
the catalogue, the renames of a snapshot; the rest on previews, just after a commit, and on the clock. After every
kill `library check` must be clean. At the end the best results of the queries must be those of a library that was
indexed without interruption, with the same scores (to 0.00001). Exit code 1 when anything of that does not hold.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from desktop_app.bootstrap import Options, open_library
from desktop_app.domain.devices import Device
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import LibraryPicture, Profile, Query, QueryItem
from desktop_app.services.index_folder import index_folders
from desktop_app.services.maintenance import check
from desktop_app.services.search import SearchService
from tests.bench.reporting import add_output_options, report

BATCH = 8  # photos a commit holds on a CPU: to spread kills inside transactions over the run
TOLERANCE = 1e-5  # of a score between 0 and 1
SNAPSHOT_POINTS = (("snapshot-before", 1), ("snapshot-after", 1), ("snapshot-before", 2))

Answers = dict[str, list[tuple[bytes, float]]]


def plan(kills: int, photos: int, seed: int) -> list[tuple[str, int]]:
    """(point, number) of every kill; those around the snapshot come last, where a run saves it."""
    seeded = random.Random(seed)
    share = max(3, kills // 5) if kills >= 12 else 1
    early = ["decoding"] * share + ["commit"] * share
    others = ("preview", "committed", "clock")
    early += [others[number % 3] for number in range(max(0, kills - 3 * share))]
    seeded.shuffle(early)
    stretch = max(2, photos // (len(early) + 1))  # photos between two kills, so that the last ones find work too
    numbers = {
        "decoding": lambda: seeded.randint(1, stretch),
        "preview": lambda: seeded.randint(1, stretch),
        "commit": lambda: seeded.randint(1, stretch),
        "committed": lambda: seeded.randint(1, max(1, stretch // BATCH)),
        "clock": lambda: seeded.randint(800, 4000),
    }
    late = [SNAPSHOT_POINTS[number % len(SNAPSHOT_POINTS)] for number in range(share)]
    return [(point, numbers[point]()) for point in early] + late


def index_whole(folders: Sequence[Path], options: Options) -> tuple[int, float]:
    """Index without interruption -> photos, seconds."""
    with open_library(options) as session:
        started = time.perf_counter()
        for _ in index_folders(session, folders):
            pass
        return session.counts().indexed, time.perf_counter() - started


def answers(options: Options, names: Sequence[bytes], top: int) -> Answers:
    """The best `top` results of every photo in `names`: path and score."""
    found: Answers = {}
    with open_library(options, writer=False) as session:
        service = SearchService(session)
        for name in names:
            photo = session.reader.photo_by_path(name)
            if photo is None:
                found[name.hex()] = []
                continue
            query = Query((QueryItem(LibraryPicture(photo.id)),), profile=Profile.BALANCED, top=top)
            *_, answer = service.search(query)
            found[name.hex()] = [(hit.photo.path, hit.score) for hit in answer.hits]
    return found


def alike(one: Sequence[tuple[bytes, float]], other: Sequence[tuple[bytes, float]]) -> bool:
    """The same photos in the same order with the same scores. What scores mean is measured in each library, in the
    order in which its photos came in: sums of the same numbers in another order differ in their last digits."""
    same = [path for path, _ in one] == [path for path, _ in other]
    return same and all(abs(a - b) <= TOLERANCE for (_, a), (_, b) in zip(one, other, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="DIR")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--top", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pack")
    parser.add_argument("--device", choices=[device.value for device in Device], default="auto")
    add_output_options(parser)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:

        def options(name: str) -> Options:
            return Options(Path(scratch) / name, pack=arguments.pack, device=Device(arguments.device))

        photos, seconds = index_whole(arguments.data, options("whole"))
        say(f"{photos} photos indexed without interruption in {seconds:.1f} s")
        rows = []
        failures = []
        killed = options("killed")
        assert killed.library is not None
        for number, (point, passage) in enumerate(plan(arguments.kills, photos, arguments.seed), 1):
            command = [sys.executable, "-m", "tests.support.killable", point, str(passage), "index"]
            command += [*map(str, arguments.data), "--library", str(killed.library), "--device", arguments.device]
            command += ["--pack", arguments.pack] if arguments.pack else []
            done = subprocess.run(command, capture_output=True, check=False)
            died = done.returncode == -signal.SIGKILL
            problems = check(killed.library) if (killed.library / "catalogue.sqlite").exists() else []
            indexed = 0
            if (killed.library / "catalogue.sqlite").exists():
                with open_library(killed, writer=False) as session:
                    indexed = session.counts().indexed
            say(f"kill {number}: {point} {passage}: {'killed' if died else 'not reached'}, {indexed} photos in")
            rows.append({"kill": number, "point": point, "passage": passage, "killed": died, "photos in": indexed})
            failures += [f"kill {number} ({point}): {problem}" for problem in problems]
            if not died and point != "clock":
                failures.append(f"kill {number} ({point} {passage}) was not reached")

        resumed, _ = index_whole(arguments.data, killed)
        failures += check(killed.library)
        if resumed != photos:
            failures.append(f"{resumed} photos are in, {photos} should be")
        with open_library(options("whole"), writer=False) as session:
            ids = session.photo_ids().tolist()
            chosen = random.Random(arguments.seed).sample(ids, min(arguments.queries, len(ids)))
            names = [photo.path for photo in session.photos([PhotoId(number) for number in chosen])]
        whole, after = (answers(options(name), names, arguments.top) for name in ("whole", "killed"))
        same = sum(alike(whole[name], after[name]) for name in whole)
        if same != len(whole):
            failures.append(f"only {same} of {len(whole)} queries have the same answer")

    summary = {
        "photos": photos,
        "kills": sum(bool(row["killed"]) for row in rows),
        **{
            part: sum(bool(row["killed"]) for row in rows if row["point"] in points)
            for part, points in {
                "in decoding": ("decoding",),
                "in a transaction": ("commit",),
                "at a snapshot": ("snapshot-before", "snapshot-after"),
            }.items()
        },
        "photos after resuming": resumed,
        "queries": len(whole),
        f"same top {arguments.top}": same,
        "problems": len(failures),
    }
    report("killed and resumed", [summary], as_json=arguments.json)
    for failure in failures:
        say(f"FAILED: {failure}")
    return 1 if failures else 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
