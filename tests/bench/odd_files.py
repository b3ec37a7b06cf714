"""Unusual and unusable files of every kind among healthy photos: right pixels, or a name and a reason.

    python -m tests.bench.odd_files --data DIR [DIR ...] [--unusual 100] [--unusable 100] [--seed 5] [--json]

The folders are linked into a temporary one beside the odd files. Every unusual file must be indexed with a preview
that shows the pixels it was made from; every unusable one must be named with a reason, unless its kind is none
that a scan takes for a picture (a folder, a pipe). Exit code 1 when one is not.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from desktop_app.bootstrap import Options, open_library
from desktop_app.domain.devices import Device
from desktop_app.imaging.preview import decode_preview, encode_preview
from desktop_app.services.index_folder import index_folders
from desktop_app.services.maintenance import check
from tests.bench.reporting import add_output_options, report
from tests.support.odd_files import UNUSABLE_KINDS, difference, make_unusable, make_unusual, tolerance

ROUNDING = 1.0  # mean absolute difference that compressing both sides as a preview may add
LEFT_OUT = {"folder named .jpg", "pipe named .jpg"}  # the scan counts them as other kinds of file


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", type=Path, default=[], metavar="DIR")
    parser.add_argument("--unusual", type=int, default=100)
    parser.add_argument("--unusable", type=int, default=100)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--pack")
    parser.add_argument("--device", choices=[device.value for device in Device], default="auto")
    add_output_options(parser)
    arguments = parser.parse_args()
    # Root may read every file, so for root that kind is a healthy photo.
    kinds = [kind for kind in UNUSABLE_KINDS if os.geteuid() != 0 or kind != "unreadable by permission"]
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "photos"
        unusual = make_unusual(place / "unusual", arguments.unusual, arguments.seed)
        unusable = make_unusable(place / "unusable", arguments.unusable, arguments.seed, kinds=kinds)
        for number, folder in enumerate(arguments.data):
            (place / f"data {number}").symlink_to(folder.resolve())
        options = Options(Path(scratch) / "library", pack=arguments.pack, device=Device(arguments.device))
        with open_library(options) as session:
            job = index_folders(session, [place])
            while True:
                try:
                    next(job)
                except StopIteration as end:
                    summary = end.value
                    break
            reasons = {item.path: item.reason for item in summary.skipped}
            worst = 0.0
            for file in unusual:
                photo = session.reader.photo_by_path(os.fsencode(file.path))
                data = session.preview(photo) if photo is not None else None
                if data is None:
                    failures.append(f"{file.note}: not indexed ({reasons.get(os.fsencode(file.path))})")
                    continue
                shown, expected = decode_preview(data), decode_preview(encode_preview(file.expected))
                if shown.shape != expected.shape:
                    failures.append(f"{file.note}: {shown.shape} instead of {expected.shape}")
                    continue
                far = difference(shown, expected)
                worst = max(worst, far)
                if far > tolerance(file.path) + ROUNDING:
                    failures.append(f"{file.note}: {far:.1f} from the right pixels")
            named: Counter[str] = Counter()
            for file in unusable:
                reason = reasons.get(os.fsencode(file.path))
                if reason:
                    named[file.kind] += 1
                elif file.kind not in LEFT_OUT:
                    failures.append(f"{file.kind}: {file.path.name} is not named")
            counts = session.counts()
        failures += check(Path(scratch) / "library")
    row = {
        "indexed": counts.indexed,
        "unusual right": len(unusual) - sum(": not" in f or "instead" in f or "from the" in f for f in failures),
        "unusual": len(unusual),
        "worst difference": worst,
        "unusable named": sum(named.values()),
        "unusable": len(unusable),
        "problems": len(failures),
    }
    report("unusual and unusable files", [row], as_json=arguments.json)
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
