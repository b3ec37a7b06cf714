"""`indicium library duplicates`"""

from __future__ import annotations

import time
from argparse import Namespace

from desktop_app.bootstrap import open_library
from desktop_app.commands.interrupt import stoppable
from desktop_app.commands.options import options_of
from desktop_app.commands.output import count, follow, print_json, size
from desktop_app.domain.duplicates import Keep, Strictness
from desktop_app.domain.photos import path_text
from desktop_app.services.duplicates import find_duplicates


def library_duplicates(arguments: Namespace) -> int:
    """List the photos that are one picture, and which of them to keep. No file is touched."""
    strictness, keep = Strictness(arguments.strictness), Keep(arguments.keep)
    started = time.monotonic()
    with open_library(options_of(arguments), writer=False) as session, stoppable() as control:
        groups = follow(find_duplicates(session, strictness=strictness, keep=keep, control=control), control)
        library = path_text(bytes(session.root))
    if arguments.json:
        print_json(
            {
                "library": library,
                "strictness": strictness.value,
                "keep": keep.value,
                "groups": [group.as_json() for group in groups],
                "seconds": round(time.monotonic() - started, 3),
            }
        )
        return 0
    for group in groups:
        for one in group.photos:
            said = "keep" if one.keep else "copy" if one.copy else "edited"
            measures = f"{one.photo.width} x {one.photo.height}, {size(one.photo.size)}"
            print(f"{said:6}  {path_text(one.photo.path)}  ({measures})")
        print()
    spare = size(sum(group.spare_bytes for group in groups))
    print(f"{count(len(groups), 'group')}; the photos not kept take {spare}" if groups else "No duplicates")
    return 0
