"""Regenerates models/RESULTS.md.

    python -m models.results --data DIR --work DIR [--pack PACK] [--teacher FILE] [--cache DIR] [--run DIR]
                             [--only NAME ...] [--render]

Every measurement is a command of its own whose document is kept in the work folder: one that lies there is not run
again, so a run that was broken off goes on. `--only` runs (again) what is named; `--render` only writes the page.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from models.results.steps import STEPS, Step
from models.results.tables import table

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "models" / "RESULTS.md"
SHOWN = {name: name.upper() for name in ("data", "work", "pack", "teacher", "cache", "run")}
NOTES = Path(__file__).with_name("notes.md")


def measure(step: Step, places: Mapping[str, Path], work: Path) -> str | None:
    """Run one step and keep its document; returns why there is none, or None."""
    missing = step.missing(places["data"])
    if missing:
        return "not measured: " + ", ".join(missing) + " is not there"
    command = [sys.executable, *(part.format(**places) for part in step.command)]
    started = time.monotonic()
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if run.returncode:
        return f"failed with exit code {run.returncode}"
    document = last_document(run.stdout.decode())
    kept = {"seconds": round(time.monotonic() - started), "document": document}
    (work / f"{step.name}.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return None


def last_document(printed: str) -> dict[str, object]:
    """The last JSON object that a command printed; lines of progress may come before it.

    Raises ValueError when there is none.
    """
    lines = printed.splitlines()
    for start in range(len(lines) - 1, -1, -1):
        if lines[start].startswith("{"):
            return dict(json.loads("\n".join(lines[start:])))
    raise ValueError("nothing that looks like JSON was printed")


def page(work: Path, reasons: Mapping[str, str]) -> str:
    """The results page from the documents in `work`."""
    parts = ["# Results", NOTES.read_text(encoding="utf-8").strip()]
    section = ""
    for step in STEPS:
        if step.section != section:
            section = step.section
            parts.append(f"## {section}")
        parts.append(f"### {step.title}")
        kept = work / f"{step.name}.json"
        if kept.exists():
            parts.append(table(step.rows(json.loads(kept.read_text(encoding="utf-8"))["document"])))
        else:
            parts.append(reasons.get(step.name, "not measured"))
        parts.append("`python " + " ".join(step.command).format_map(SHOWN) + "`")
    return "\n\n".join(parts) + "\n"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="holds train/ and evaluate/")
    parser.add_argument("--work", type=Path, required=True, help="keeps what was measured")
    parser.add_argument("--pack", type=Path, default=ROOT / "models" / "packs" / "indicium-s")
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="prepared photos; default: in the work folder")
    parser.add_argument("--run", type=Path, help="training run for the ablations")
    parser.add_argument("--only", nargs="*", metavar="NAME")
    parser.add_argument("--render", action="store_true", help="only write the page")
    args = parser.parse_args(argv)
    args.work.mkdir(parents=True, exist_ok=True)
    places = {
        name: Path(value).resolve()
        for name, value in (
            ("data", args.data),
            ("work", args.work),
            ("pack", args.pack),
            ("teacher", args.teacher),
            ("cache", args.cache or args.work / "cache"),
            ("run", args.run or args.work / "run"),
        )
    }
    reasons: dict[str, str] = {}
    for step in () if args.render else STEPS:
        wanted = step.name in args.only if args.only else not (args.work / f"{step.name}.json").exists()
        if wanted:
            print(f"{step.name} ...", file=sys.stderr, flush=True)
            reason = measure(step, places, args.work)
            if reason:
                reasons[step.name] = reason
                print(f"{step.name}: {reason}", file=sys.stderr, flush=True)
    PAGE.write_text(page(args.work, reasons), encoding="utf-8")


if __name__ == "__main__":
    main()
