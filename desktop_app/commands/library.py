"""`indicium library stats|check|repair`"""

from __future__ import annotations

from argparse import Namespace
from functools import partial

from desktop_app.bootstrap import library_root, open_library
from desktop_app.commands.interrupt import stoppable
from desktop_app.commands.options import options_of
from desktop_app.commands.output import follow, print_json, size, table
from desktop_app.domain.errors import LibraryError
from desktop_app.domain.photos import path_text
from desktop_app.services.maintenance import check, index_facts, repair, stats


def library_stats(arguments: Namespace) -> int:
    """Count what is in a library."""
    with open_library(options_of(arguments), writer=False) as session:
        figures = stats(session)
        path = path_text(bytes(session.root))
    counts = figures.counts
    if arguments.json:
        print_json(
            {
                "library": path,
                "folders": figures.folders,
                "photos": counts.photos,
                "indexed": counts.indexed,
                "pending": counts.pending,
                "skipped": counts.skipped,
                "offline": counts.offline,
                "missing": counts.missing,
                "features": figures.features,
                **({} if figures.in_parts is None else {"in_parts": figures.in_parts}),
                "previews": figures.previews,
                "bytes": {
                    "catalogue": figures.catalogue_bytes,
                    "previews": figures.previews_bytes,
                    "index": figures.index_bytes,
                },
            }
        )
        return 0
    rows = [
        ["Library", path],
        ["Folders", f"{figures.folders:,}"],
        ["Photos", f"{counts.photos:,}"],
        ["  indexed", f"{counts.indexed:,}"],
        ["  waiting", f"{counts.pending:,}"],
        ["  on a drive that is away", f"{counts.offline:,}"],
        ["Gone from their place", f"{counts.missing:,}"],
        ["Files that cannot be used", f"{counts.skipped:,}"],
        ["Catalogue", size(figures.catalogue_bytes)],
        ["Previews", f"{size(figures.previews_bytes)} ({figures.previews:,})"],
        ["Index", size(figures.index_bytes)],
        *([f"Described by {pack}", f"{number:,}"] for pack, number in figures.features.items()),
        *([] if figures.in_parts is None else [["Searched in parts", f"{figures.in_parts:,}"]]),
    ]
    print(table(rows))
    return 0


def library_check(arguments: Namespace) -> int:
    """Check a library without changing it; exit code 1 when something is wrong."""
    root = library_root(options_of(arguments))
    problems = check(root)
    if arguments.json:
        index = [
            {"pack": digest, "rows": rows, "recall@10": recall}
            for digest, (rows, recall) in index_facts(root).items()
        ]
        print_json({"library": path_text(bytes(root)), "ok": not problems, "problems": problems, "index": index})
        return 1 if problems else 0
    for digest, (rows, recall) in index_facts(root).items():
        measured = "not measured" if recall is None else f"{recall:.3f} against an exact scan of a sample"
        print(f"Index of pack {digest[:12]}: {rows:,} rows, recall@10 {measured}")
    if problems:
        for problem in problems:
            print(problem)
        print(f"\nTo put this right: indicium library repair {path_text(bytes(root))}")
    else:
        print("The library is in order")
    return 1 if problems else 0


def library_repair(arguments: Namespace) -> int:
    """Repair a library; exit code 1 when something could not be put right."""
    options = options_of(arguments)
    root = library_root(options)
    if not root.is_dir():
        raise LibraryError(f"there is no library in {path_text(bytes(root))}")
    with stoppable() as control:
        summary = follow(repair(root, partial(open_library, options), control=control), control)
    if arguments.json:
        print_json(
            {
                "library": path_text(bytes(root)),
                "ok": not summary.problems,
                "done": list(summary.done),
                "problems": list(summary.problems),
                "set_aside": None if summary.aside is None else path_text(bytes(summary.aside)),
            }
        )
    else:
        print("\n".join(summary.done) or "Nothing had to be repaired")
        for problem in summary.problems:
            print(f"Still wrong: {problem}")
    return 1 if summary.problems else 0
