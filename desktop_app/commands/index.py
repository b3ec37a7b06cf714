"""`indicium index DIR ...`"""

from __future__ import annotations

from argparse import Namespace

from desktop_app.bootstrap import open_library
from desktop_app.commands.interrupt import stoppable
from desktop_app.commands.options import options_of
from desktop_app.commands.output import count, duration, follow, in_short, print_json, table
from desktop_app.domain.photos import path_json, path_text
from desktop_app.services.index_folder import IndexSummary, index_folders, whole_paths

SHOWN_SKIPPED = 20


def index(arguments: Namespace) -> int:
    """Add folders to the library and index what is new in them."""
    whole_paths(arguments.folders)  # a slip in typing must not leave an empty library behind
    with open_library(options_of(arguments), writer=True) as session, stoppable() as control:
        if arguments.tiles is not None:
            session.set_tiles_wanted(arguments.tiles)
        job = index_folders(
            session,
            arguments.folders,
            control=control,
            low_priority=arguments.low_priority,
            retry_skipped=arguments.retry_skipped,
        )
        summary = follow(job, control)
    if arguments.json:
        print_json(
            {
                "indexed": summary.indexed,
                "unchanged": summary.unchanged,
                "skipped": [{**path_json(item.path), "reason": item.reason} for item in summary.skipped],
                "seconds": round(summary.seconds, 3),
                "images_per_second": round(summary.images_per_second, 2),
                "device": summary.device,
                **({"parts": summary.parts} if summary.parts else {}),
            }
        )
    else:
        _print(summary)
    return 0


def _print(summary: IndexSummary) -> None:
    line = f"Indexed {count(summary.indexed, 'photo')} in {duration(summary.seconds)}"
    if summary.indexed:
        line += f", {summary.images_per_second:.1f} a second on {in_short(summary.device)}"
    print(line)
    if summary.parts:
        print(f"Described the parts of {count(summary.parts, 'photo')}")
    if summary.unchanged:
        print(f"{count(summary.unchanged, 'photo')} unchanged")
    if summary.skipped:
        print(f"{count(len(summary.skipped), 'file')} skipped:")
        shown = summary.skipped[:SHOWN_SKIPPED]
        rows = [["  " + path_text(item.path), item.reason] for item in shown]
        print(table(rows))
        if len(summary.skipped) > len(shown):
            print(f"  and {len(summary.skipped) - len(shown):,} more (--json lists all)")
