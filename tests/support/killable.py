"""Run an `indicium` command that kills its own process with SIGKILL at a chosen point.

    python -m tests.support.killable POINT NUMBER COMMAND ...

The process dies when it comes to the point for the NUMBERth time:
decoding (in a decode thread, the photo half done), preview (before a preview gets its name), commit (inside the
open transaction), committed (just after one), snapshot-before and snapshot-after (around the renames of a
snapshot's files), or after so many milliseconds (clock).
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from desktop_app.cli import main
from desktop_app.library import work_store
from desktop_app.library.catalogue import Catalogue
from desktop_app.services import index_folder

POINTS = ("decoding", "preview", "commit", "committed", "snapshot-before", "snapshot-after", "clock")


def arm(point: str, number: int) -> None:
    """Make the process die at the `number`th passage of `point`."""
    passages = itertools.count(1)

    def pass_by() -> None:
        if next(passages) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    if point == "decoding":
        _around(index_folder, "decode_photo", before=pass_by)
    elif point == "preview":
        _renames(lambda target: "previews" in target.parts, before=pass_by)
    elif point == "commit":
        _around(work_store, "_store_photo", before=pass_by)
    elif point == "committed":
        _around(Catalogue, "commit_batch", after=pass_by)
    elif point == "snapshot-before":
        _renames(_of_a_snapshot, before=pass_by)
    elif point == "snapshot-after":
        _renames(_of_a_snapshot, after=pass_by)
    elif point == "clock":
        threading.Thread(target=lambda: (time.sleep(number / 1000), os.kill(os.getpid(), signal.SIGKILL))).start()
    else:
        raise SystemExit(f"no such point: {point}")


def _nothing() -> None:
    return


def _around(
    owner: object, name: str, *, before: Callable[[], None] = _nothing, after: Callable[[], None] = _nothing
) -> None:
    inner = getattr(owner, name)

    def outer(*arguments: object, **options: object) -> object:
        before()
        result = inner(*arguments, **options)
        after()
        return result

    setattr(owner, name, outer)


def _of_a_snapshot(target: Path) -> bool:
    return target.parent.name == "index" and target.suffix in (".hnsw", ".json")


def _renames(
    wanted: Callable[[Path], bool],
    *,
    before: Callable[[], None] = _nothing,
    after: Callable[[], None] = _nothing,
) -> None:
    replace = Path.replace

    def outer(self: Path, target: Path) -> Path:
        counts = wanted(Path(target))
        if counts:
            before()
        result = replace(self, target)
        if counts:
            after()
        return result

    Path.replace = outer  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    sys.exit(main(sys.argv[3:]))
