"""`indicium packs import|adapt`"""

from __future__ import annotations

import math
import os
from argparse import Namespace
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from desktop_app.bootstrap import library_root, open_engine, open_library, pack_places
from desktop_app.commands.interrupt import stoppable
from desktop_app.commands.options import options_of
from desktop_app.commands.output import count, follow, print_json
from desktop_app.domain.errors import UsageError
from desktop_app.domain.photos import path_text
from desktop_app.evaluation.fit_adapter import fit_adapter
from desktop_app.evaluation.unlabelled import calibrate_unlabelled, changed_view
from desktop_app.services.library_session import PACK_SETTING, LibrarySession
from desktop_app.services.pack_adapt import AdaptedPack, LabelledPhoto, adapt_pack, labels_of_library, read_labels
from desktop_app.services.pack_import import SIDES, ImportedPack, Overrides, import_backbone
from desktop_app.services.pack_pictures import photos_of_folder, photos_of_library


def packs_import(arguments: Namespace) -> int:
    """Make a pack of an ONNX file and install it."""
    if arguments.count < 1:
        raise UsageError("--count must be at least 1")
    overrides = Overrides(
        mean=_triple(arguments.mean, "--mean"), std=_triple(arguments.std, "--std"), size=_size(arguments.size)
    )
    options = options_of(arguments)
    threads = options.thread_count()
    if arguments.photos is not None:
        pictures = photos_of_folder(arguments.photos, arguments.count, threads=threads)
    else:
        with open_library(options, writer=False) as session:
            pictures = photos_of_library(session, arguments.count, threads=threads)
    with stoppable() as control:
        job = import_backbone(
            arguments.file,
            pictures,
            calibrate=calibrate_unlabelled,
            changed=changed_view,
            name=arguments.name,
            overrides=overrides,
            folders=pack_places(),
            threads=threads,
            control=control,
        )
        pack = follow(job, control)
    _tell_import(pack, as_json=arguments.json)
    return 0


def _tell_import(pack: ImportedPack, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "name": pack.name,
                "path": path_text(os.fsencode(pack.folder)),
                "photos": pack.photos,
                "notes": list(pack.notes),
                "figures": {key: round(float(value), 4) for key, value in pack.figures.items()},
            }
        )
        return
    print(f"Installed the pack {pack.name}, learnt on {count(pack.photos, 'photo')}")
    for note in pack.notes:
        print(f"  {note}")
    print(f"\nTo use it: indicium index DIR --pack {pack.name}")


def packs_adapt(arguments: Namespace) -> int:
    """Learn an adapter from labels; installs a new pack only when it is better on a held-out part."""
    options = options_of(arguments)
    with ExitStack() as opened, stoppable() as control:
        session = None
        if arguments.labels is None or arguments.library is not None or library_root(options).is_dir():
            session = opened.enter_context(open_library(options, writer=False))
        labelled, source = _labelled(arguments.labels, arguments.source or "tags", session)
        pack = arguments.pack or (session.get_setting(PACK_SETTING) if session else None)
        job = adapt_pack(
            labelled,
            session=session,
            pack=pack,
            open_engine=partial(open_engine, options),
            fit=fit_adapter,
            calibrate=calibrate_unlabelled,
            source=source,
            name=arguments.name,
            folders=pack_places(),
            control=control,
        )
        adapted = follow(job, control)
    _tell_adapted(adapted, as_json=arguments.json)
    return 0


def _labelled(table: Path | None, source: str, session: LibrarySession | None) -> tuple[list[LabelledPhoto], str]:
    """The labelled photos, and in words where the labels are from."""
    if table is not None:
        return read_labels(table), f"the labels in {table.name}"
    assert session is not None
    found = labels_of_library(session, source)
    if not found:
        raise UsageError(
            f"no photo of the library {session.root} has {source}",
            remedy="Give labels as a table with --labels FILE.csv (lines of path,label)",
        )
    return found, f"the {source} of a library"


def _tell_adapted(pack: AdaptedPack, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "name": pack.name,
                "path": path_text(os.fsencode(pack.folder)),
                "from": pack.base,
                "photos": pack.photos,
                "labels": pack.labels,
                "held_out_queries": pack.queries,
                "mAP_before": round(pack.before, 4),
                "mAP_after": round(pack.after, 4),
                "R@1_before": round(pack.first_before, 4),
                "R@1_after": round(pack.first_after, 4),
            }
        )
        return
    print(f"Installed the pack {pack.name}: {pack.base} adapted to {count(pack.labels, 'label')} of your photos")
    print(f"  on held-out photos, {count(pack.queries, 'query', 'queries')}:")
    print(f"  mAP {pack.before:.3f} before, {pack.after:.3f} now")
    print(f"  R@1 {pack.first_before:.3f} before, {pack.first_after:.3f} now")
    print(f"\nTo use it: indicium index DIR --pack {pack.name}")


def _triple(text: str | None, option: str) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
        if not all(map(math.isfinite, (red, green, blue))):
            raise ValueError
    except ValueError:
        raise UsageError(f"{option} {text} is not three numbers such as 0.485,0.456,0.406") from None
    return red, green, blue


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    sides = [int(part) for part in parts if part.isascii() and part.isdecimal()]
    if not len(parts) == len(sides) <= 2 or not all(SIDES[0] <= side <= SIDES[1] for side in sides):
        raise UsageError(
            f"--size {text} is not a side such as 224, or HEIGHTxWIDTH such as 224x320",
            remedy=f"A side has {SIDES[0]} to {SIDES[1]} pixels",
        )
    return sides[0], sides[-1]
