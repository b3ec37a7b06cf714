"""How long the neighbour graph of a large library takes: from nothing, and after 1,000 new photos.

    python -m tests.bench.neighbour_graph --library L [--count 100000] [--new 1000] [--threads 2] [--json]

The rows are the descriptors of the library L and copies of them, jittered to cosines of 0.7 to 0.9. The index that
the graph comes from is built first and timed apart. The bars, on 2 cores: 90 s and 3 s for 100,000 rows.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.bootstrap import Options, open_library
from desktop_app.index.gallery import EXACT_ROWS, Gallery
from desktop_app.index.neighbours import Neighbours, build, updated
from tests.bench.reporting import add_output_options, report


def jittered(vectors: NDArray[np.float32], count: int, *, seed: int = 0) -> NDArray[np.float32]:
    """[count, D]: the vectors themselves, then copies of random ones at cosines of 0.7 to 0.9."""
    random = np.random.default_rng(seed)
    made = [vectors[:count]]
    left = count - len(made[0])
    while left > 0:
        chosen = vectors[random.integers(0, len(vectors), min(left, 8192))]
        noise = random.normal(size=chosen.shape).astype(np.float32)
        noise -= np.vecdot(noise, chosen)[:, None] * chosen
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        cosine = random.uniform(0.7, 0.9, (len(chosen), 1)).astype(np.float32)
        made.append(cosine * chosen + np.sqrt(1 - cosine**2) * noise)
        left -= len(chosen)
    return np.concatenate(made)


def library_and_copies(library: Path, pack: str | None, count: int) -> NDArray[np.float32]:
    """[count, D]: the descriptors of a library by `jittered`; leaves the program when it has none."""
    with open_library(Options(library=library, pack=pack), writer=False) as session:
        _, alphas = session.reader.alphas(session.search_engine().digest)
    if not len(alphas):
        print("the library is empty", file=sys.stderr)
        raise SystemExit(2)
    return jittered(alphas.astype(np.float32), count)


def timed(steps: Generator[int, None, Neighbours]) -> tuple[float, Neighbours]:
    """Seconds until the graph is there, and the graph."""
    started = time.perf_counter()
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return time.perf_counter() - started, stop.value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, required=True, metavar="L")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pack")
    add_output_options(parser)
    arguments = parser.parse_args()
    vectors = library_and_copies(arguments.library, arguments.pack, arguments.count + arguments.new)
    labels = np.arange(1, len(vectors) + 1, dtype=np.int64)
    gallery = Gallery(labels[: arguments.count], vectors[: arguments.count])
    started = time.perf_counter()
    if len(gallery) > EXACT_ROWS:
        gallery = gallery.with_frozen(gallery.build_frozen(threads=arguments.threads))
    index_seconds = time.perf_counter() - started
    seconds, graph = timed(build(gallery))
    more = gallery.with_newer(labels[arguments.count :], vectors[arguments.count :])
    update_seconds, _ = timed(updated(graph, more))
    row = {
        "rows": arguments.count,
        "index s": index_seconds,
        "graph s": seconds,
        "new rows": arguments.new,
        "update s": update_seconds,
    }
    report("neighbour graph", [row], as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
