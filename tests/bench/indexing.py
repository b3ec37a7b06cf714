"""Indexing against its parts: wall time over decoding-with-preview alone plus inference alone, same threads.

    python -m tests.bench.indexing --data DIR [DIR ...] [--megapixels 12 --photos 60] [--threads N] [--json]

The bar: at most 1.25 times the sum on a CPU; on a GPU 1.25 times the slower one. The same ratio of processor
time tells, also on a machine that is busy with other things, how much work indexing adds to its parts.
`--megapixels` enlarges the photos to that size first (into a temporary folder) as JPEG of quality 92.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from desktop_app.bootstrap import Options, is_picture_name, open_engine, open_library
from desktop_app.domain.devices import Device
from desktop_app.domain.errors import UnreadableImage
from desktop_app.imaging.decode import decode_photo
from desktop_app.imaging.preview import encode_preview
from desktop_app.imaging.tensor import choose_shape, fit
from desktop_app.services.engine import Engine
from desktop_app.services.index_folder import index_folders
from tests.bench.reporting import add_output_options, report


class Times(NamedTuple):
    """Seconds on the wall and of processor time (all threads together)."""

    wall: float
    processor: float


class Stopwatch:
    """Runs from its making."""

    def __init__(self) -> None:
        self._start = Times(time.perf_counter(), time.process_time())

    def times(self) -> Times:
        return Times(time.perf_counter() - self._start.wall, time.process_time() - self._start.processor)


def photos_below(folders: Sequence[Path], limit: int | None) -> list[Path]:
    """The pictures below `folders`, sorted; with a limit, spread evenly over them."""
    found = sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and is_picture_name(os.fsencode(path.name))
    )
    if limit is None or limit >= len(found):
        return found
    return [found[position * len(found) // limit] for position in range(limit)]


def enlarge(paths: Sequence[Path], target: Path, megapixels: float) -> list[Path]:
    """Copies of `paths` with `megapixels` million pixels each."""
    made = []
    for number, path in enumerate(paths):
        rgb = decode_photo(path, long_side=2048, fingerprint=False).rgb
        scale = (megapixels * 1e6 / (rgb.shape[0] * rgb.shape[1])) ** 0.5
        big = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        out = target / f"{number:05d}.jpg"
        if not cv2.imwrite(str(out), cv2.cvtColor(big, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92]):
            raise OSError(f"cannot write {out}")
        made.append(out)
    return made


def decode_alone(
    paths: Sequence[Path], shapes: Sequence[tuple[int, int]], threads: int, previews: Path
) -> tuple[Times, list[np.ndarray]]:
    """Times for decoding, fingerprint, preview (written) and network input of all photos; and the inputs."""

    def one(path: Path) -> np.ndarray | None:
        try:
            photo = decode_photo(path)
        except UnreadableImage:
            return None
        (previews / photo.fingerprint.hex()).write_bytes(encode_preview(photo.rgb))
        return fit(photo.rgb, choose_shape(photo.width, photo.height, shapes))

    spent = Stopwatch()
    with ThreadPoolExecutor(threads) as pool:
        tensors = [tensor for tensor in pool.map(one, paths) if tensor is not None]
    return spent.times(), tensors


def inference_alone(engine: Engine, tensors: Sequence[np.ndarray]) -> Times:
    """Times for the network alone, in full batches of one shape."""
    by_shape: dict[tuple[int, ...], list[np.ndarray]] = {}
    for tensor in tensors:
        by_shape.setdefault(tensor.shape, []).append(tensor)
    size = engine.embedder.batch_size
    batches = [
        np.stack(same[start : start + size]) for same in by_shape.values() for start in range(0, len(same), size)
    ]
    engine.embedder.embed(batches[0])  # the first run of a session allocates
    spent = Stopwatch()
    for batch in batches:
        engine.embedder.embed(batch)
    return spent.times()


def index_all(folders: Sequence[Path], options: Options, library: Path) -> tuple[Times, int]:
    """Times for the whole run into a new library (pack loaded before), and the photos indexed."""
    chosen = Options(library=library, pack=options.pack, device=options.device, threads=options.threads)
    with open_library(chosen, writer=True) as session:
        session.embedder.embed(np.zeros((1, *session.embedder.shapes[0], 3), dtype=np.uint8))
        spent = Stopwatch()
        job = index_folders(session, folders)
        while True:
            try:
                next(job)
            except StopIteration as end:
                return spent.times(), end.value.indexed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="DIR")
    parser.add_argument("--photos", type=int, help="use this many of the photos (default: all)")
    parser.add_argument("--megapixels", type=float, help="enlarge the photos to this size first")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pack")
    parser.add_argument("--device", choices=[device.value for device in Device], default="auto")
    parser.add_argument("--repeat", type=int, default=1, help="rounds; the best of each time counts")
    add_output_options(parser)
    arguments = parser.parse_args()
    options = Options(pack=arguments.pack, device=Device(arguments.device), threads=arguments.threads)

    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        paths = photos_below(arguments.data, arguments.photos)
        if not paths:
            print(f"no pictures below {', '.join(map(str, arguments.data))}", file=sys.stderr)
            return 2
        folder = scratch / "photos"
        folder.mkdir()
        if arguments.megapixels:
            paths = enlarge(paths, folder, arguments.megapixels)
        else:  # links, so that exactly these photos are indexed
            for number, path in enumerate(paths):
                (folder / f"{number:06d}{path.suffix}").symlink_to(path.resolve())
        for path in paths:
            path.read_bytes()  # every round reads from the same warm page cache

        best: dict[str, Times] = {}
        engine = open_engine(options)
        device = engine.embedder.report().words
        count = len(paths)
        for number in range(arguments.repeat):
            previews = scratch / f"previews-{number}"
            previews.mkdir()
            decoding, tensors = decode_alone(paths, list(engine.embedder.shapes), arguments.threads, previews)
            inference = inference_alone(engine, tensors)
            wall, count = index_all([folder], options, scratch / f"library-{number}")
            for name, value in (("decode", decoding), ("inference", inference), ("index", wall)):
                before = best.get(name, value)
                best[name] = Times(min(before.wall, value.wall), min(before.processor, value.processor))
        engine.embedder.close()
    decode, inference, index = best["decode"], best["inference"], best["index"]
    row = {
        "photos": count,
        "megapixels": arguments.megapixels or "as they are",
        "threads": arguments.threads,
        "device": device,
        "decode alone s": decode.wall,
        "inference alone s": inference.wall,
        "index s": index.wall,
        "photos/s": count / index.wall,
        "index / sum": index.wall / (decode.wall + inference.wall),
        "index / slower": index.wall / max(decode.wall, inference.wall),
        "processor time / sum": index.processor / (decode.processor + inference.processor),
    }
    report("indexing", [row], as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
