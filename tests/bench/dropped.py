"""From the drop of a 12-megapixel photo to its first results: decoding, embedding and the stage `global`.

    python -m tests.bench.dropped --library L [--queries 20] [--json]

Photos of the library are enlarged to 4,000 x 3,000 pixels, mirrored and saved as JPEG files, so that each is read
from disk as a camera's file is and none is in the library. The bar: 250 ms. The library's size adds the time of
the stage `global` alone (see global_search).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from desktop_app.bootstrap import Options, open_library
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import FilePicture, Query, QueryItem
from desktop_app.imaging.preview import decode_preview
from desktop_app.services.library_session import LibrarySession, PhotoOrder
from desktop_app.services.search import SearchService
from tests.bench.reporting import add_output_options, report

WIDTH, HEIGHT = 4000, 3000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, required=True, metavar="L")
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--pack")
    add_output_options(parser)
    arguments = parser.parse_args()
    options = Options(library=arguments.library, pack=arguments.pack)
    with tempfile.TemporaryDirectory() as folder, open_library(options, writer=False) as session:
        files = dropped_photos(session, Path(folder), arguments.queries + 1, arguments.seed)
        if len(files) < 2:
            print("the library is empty", file=sys.stderr)
            return 2
        service = SearchService(session)
        first, last, embed = [], [], []
        for file in files:
            started = time.perf_counter()
            answers = service.search(Query((QueryItem(FilePicture(os.fsencode(file))),)))
            answer = next(answers)
            first.append(1000.0 * (time.perf_counter() - started))
            embed.append(answer.timings_ms["embed"])
            answer = [answer, *answers][-1]
            last.append(1000.0 * (time.perf_counter() - started))
        # The first search loads the network and the index.
        row = {
            "photos": answer.searched,
            "queries": len(files) - 1,
            "decode and embed, median ms": float(np.median(embed[1:])),
            "first results, median ms": float(np.median(first[1:])),
            "p95 ms": float(np.percentile(first[1:], 95)),
            "final answer, median ms": float(np.median(last[1:])),
            "first search of all ms": first[0],
        }
    report("a dropped photo of 12 megapixels", [row], as_json=arguments.json)
    return 0


def dropped_photos(session: LibrarySession, folder: Path, count: int, seed: int) -> list[Path]:
    """Up to `count` JPEG files of WIDTH x HEIGHT in `folder`, made from previews of the library's photos."""
    ids = session.photo_ids(PhotoOrder.NAME, descending=False, folders=None)
    chosen = np.random.default_rng(seed).permutation(ids)[:count]
    files = []
    for number in chosen:
        data = session.preview(session.photo(PhotoId(int(number))))
        if data is None:
            continue
        rgb = cv2.resize(decode_preview(data)[:, ::-1], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        files.append(folder / f"{number}.jpg")
        cv2.imwrite(str(files[-1]), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return files


if __name__ == "__main__":
    sys.exit(main())
