"""The command line as one tree of arguments: what may be typed, and the help for it."""

from __future__ import annotations

import argparse
from pathlib import Path

from desktop_app import __version__
from desktop_app.commands.evaluate_arguments import add_protocols
from desktop_app.commands.shared_arguments import (
    Commands,
    command,
    device_option,
    filter_option,
    json_option,
    library_option,
    pack_option,
    region_option,
    verbose_option,
)
from desktop_app.domain.duplicates import Keep, Strictness
from desktop_app.domain.query import Profile

DESCRIPTION = "Find photos by example and see why they match."
EPILOG = (
    "Without a command the window opens: on a folder (not indexed yet: the wizard opens on it), or with an image "
    "as the query. Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted."
)


def build_parser() -> argparse.ArgumentParser:
    """The whole tree. Every command sets `run` to the name of its function in `desktop_app.commands`."""
    parser = argparse.ArgumentParser(
        prog="indicium", description=DESCRIPTION, epilog=EPILOG, usage="indicium [COMMAND | DIR ... | IMAGE] ..."
    )
    parser.add_argument("--version", action="version", version=f"indicium {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    _index(commands)
    _search(commands)
    _explain(commands)
    _feedback(commands)
    _packs(commands)
    _library(commands)
    _evaluate(commands)
    _doctor(commands)
    _completion(commands)
    return parser


def build_window_parser() -> argparse.ArgumentParser:
    """`indicium [DIR ... | IMAGE]`: what opens the window."""
    parser = argparse.ArgumentParser(prog="indicium", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="DIR|IMAGE", help="folders to open, or one image to search with"
    )
    library_option(parser)
    pack_option(parser)
    device_option(parser)
    verbose_option(parser)
    parser.set_defaults(run="window")
    return parser


def _index(commands: Commands) -> None:
    parser = command(commands, "index", "add folders to a library and index their photos")
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="a folder of photos")
    library_option(parser)
    pack_option(parser)
    device_option(parser)
    parser.add_argument("--low-priority", action="store_true", help="leave the machine to other work")
    parser.add_argument(
        "--tiles",
        action=argparse.BooleanOptionalAction,
        help="find small things in photos: describe 13 parts of every photo as well, which takes about 14 times "
        "longer; stays on for the library until --no-tiles, which removes them (default: as the library is set)",
    )
    parser.add_argument("--retry-skipped", action="store_true", help="try the files again that could not be used")
    json_option(parser)


def _search(commands: Commands) -> None:
    parser = command(commands, "search", "find photos like one or several images")
    parser.add_argument(
        "images",
        nargs="*",
        type=Path,
        metavar="IMAGE",
        help="several make one combined query; none lists the photos that --filter leaves, the newest first",
    )
    parser.add_argument("--negative", nargs="+", type=Path, default=[], metavar="IMG", help="not like these")
    library_option(parser)
    region_option(parser, "of the first image")
    parser.add_argument(
        "--suggest-parts",
        action="store_true",
        help="do not search: say which parts of the first image are worth it",
    )
    parser.add_argument("--part", type=int, metavar="N", help="use only this one of the suggested parts")
    parser.add_argument(
        "--turned", action="store_true", help="also look for the image turned by quarters and mirrored"
    )
    filter_option(parser)
    parser.add_argument("--save", metavar="NAME", help="keep this search in the library under a name")
    parser.add_argument("--saved", metavar="NAME", help="run a search that was kept; --filter narrows it further")
    parser.add_argument("--top", type=int, default=20, metavar="N", help="how many results (default %(default)s)")
    parser.add_argument(
        "--profile",
        choices=[profile.value for profile in Profile],
        default=Profile.BALANCED.value,
        help="how much work a search does (default %(default)s)",
    )
    parser.add_argument(
        "--report", type=Path, metavar="HTML", help="write the results with their evidence as one HTML file"
    )
    pack_option(parser)
    device_option(parser)
    json_option(parser)


def _explain(commands: Commands) -> None:
    parser = command(commands, "explain", "say and show why two images match")
    parser.add_argument("query", type=Path, metavar="QUERY")
    parser.add_argument("result", type=Path, metavar="RESULT")
    region_option(parser, "of the query")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the evidence as a picture (.png or .svg)")
    parser.add_argument(
        "--layer", choices=["attention", "areas", "links"], default="links", help="what the picture shows"
    )
    pack_option(parser)
    device_option(parser)
    json_option(parser)


def _feedback(commands: Commands) -> None:
    parser = command(commands, "feedback", "a further round of a search, with what was marked + or -")
    parser.add_argument("session", metavar="SESSION", help="a session file, or the name of a saved session")
    library_option(parser)
    parser.add_argument("--round", type=int, metavar="N", help="this round of it (default: where it was left)")
    parser.add_argument(
        "--automatic",
        choices=["average", "maximum", "off"],
        help="what the first results share with the query counts more (default: as in the session)",
    )
    parser.add_argument("--first", type=int, metavar="N", help="from so many results, 1 to 10 (default 5)")
    parser.add_argument("--top", type=int, metavar="N", help="how many results (default: as in the session)")
    parser.add_argument(
        "--profile",
        choices=[profile.value for profile in Profile],
        help="how much work (default: as in the session)",
    )
    parser.add_argument("--save", metavar="NAME", help="keep the session in the library under this name")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the session to a file")
    pack_option(parser)
    device_option(parser)
    json_option(parser)


def _packs(commands: Commands) -> None:
    parser = command(commands, "packs", "list, check, import, adapt and remove model packs")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    listing = command(actions, "list", "list the installed packs", run="packs_list")
    json_option(listing)
    verify = command(actions, "verify", "check the files, shapes and outputs of packs", run="packs_verify")
    verify.add_argument("packs", nargs="*", metavar="PACK", help="a name or a folder (default: all)")
    json_option(verify)
    _packs_import(actions)
    _packs_adapt(actions)
    remove = command(actions, "remove", "delete a pack that was added", run="packs_remove")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--force", action="store_true", help="also when the library works with it")
    library_option(remove)
    json_option(remove)


def _packs_import(actions: Commands) -> None:
    parser = command(actions, "import", "make a pack of any ONNX backbone", run="packs_import")
    parser.add_argument("file", type=Path, metavar="FILE.onnx")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--photos", type=Path, metavar="DIR", help="photos to learn centring and thresholds from")
    source.add_argument("--library", type=Path, metavar="L", help="or the photos of this library")
    parser.add_argument("--name", metavar="N", help="what the pack is called (default: the file's name)")
    parser.add_argument("--mean", metavar="R,G,B", help="of pixels from 0 to 1; overrides what is found")
    parser.add_argument("--std", metavar="R,G,B", help="likewise")
    parser.add_argument("--size", metavar="PIXELS", help="side, or HEIGHTxWIDTH, of the pictures it takes")
    parser.add_argument(
        "--count", type=int, default=400, metavar="N", help="most photos used (default %(default)s)"
    )
    json_option(parser)


def _packs_adapt(actions: Commands) -> None:
    parser = command(actions, "adapt", "adapt a pack to your own tags, albums or marks", run="packs_adapt")
    library_option(parser)
    source = parser.add_mutually_exclusive_group()
    for kind in ("tags", "albums", "marks"):
        source.add_argument(
            f"--{kind}", dest="source", action="store_const", const=kind, help=f"learn from the library's {kind}"
        )
    source.add_argument("--labels", type=Path, metavar="FILE.csv", help="learn from lines of path,label")
    parser.add_argument("--name", metavar="N", help="what the new pack is called (default: PACK-adapted)")
    pack_option(parser)
    device_option(parser)
    json_option(parser)


def _library(commands: Commands) -> None:
    parser = command(commands, "library", "look at, check or repair a library")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    for name, text in (
        ("stats", "count what is in a library"),
        ("check", "check a library without changing it"),
        ("repair", "repair a library; damaged files are set aside, never deleted"),
    ):
        action = command(actions, name, text, run=f"library_{name}")
        action.add_argument("library", nargs="?", type=Path, metavar="LIBRARY", help="default: your own library")
        if name == "repair":
            device_option(action)
        json_option(action)
    _library_filters(actions)


def _library_filters(actions: Commands) -> None:
    twice = command(
        actions,
        "duplicates",
        "find identical files and edited copies; nothing is deleted",
        run="library_duplicates",
    )
    twice.add_argument("library", nargs="?", type=Path, metavar="LIBRARY", help="default: your own library")
    twice.add_argument(
        "--strictness",
        choices=[strictness.value for strictness in Strictness],
        default=Strictness.NORMAL.value,
        help="identical files only, or copies edited less or more (default %(default)s)",
    )
    twice.add_argument(
        "--keep",
        choices=[keep.value for keep in Keep],
        default=Keep.LARGEST.value,
        help="which photo of a group to propose to keep (default %(default)s)",
    )
    pack_option(twice)
    device_option(twice)
    json_option(twice)
    counts = command(actions, "filters", "count the photos of every date, camera, tag ...", run="library_filters")
    counts.add_argument("library", nargs="?", type=Path, metavar="LIBRARY", help="default: your own library")
    filter_option(counts)
    json_option(counts)
    label = command(actions, "label", "rate photos and tag them, in the library", run="library_label")
    label.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="photos of the library")
    label.add_argument("--rating", metavar="N", help="-1 (rejected) to 5 stars, or 'file' for what the file says")
    label.add_argument("--tag", action="append", default=[], metavar="TAG", help="put this tag on them")
    label.add_argument("--untag", action="append", default=[], metavar="TAG", help="take this tag away")
    label.add_argument(
        "--write-xmp",
        action="store_true",
        help="also write rating and tags to XMP sidecars beside the photos, which keep all else they hold",
    )
    library_option(label)
    json_option(label)


def _evaluate(commands: Commands) -> None:
    parser = command(commands, "evaluate", "measure how well photos are found, by published protocols")
    add_protocols(parser.add_subparsers(title="protocols", metavar="PROTOCOL", dest="protocol", required=True))


def _doctor(commands: Commands) -> None:
    parser = command(
        commands,
        "doctor",
        "versions, devices and their speed, and the health of the library",
        run="doctor_command",
    )
    library_option(parser)
    pack_option(parser)
    device_option(parser)
    json_option(parser)


def _completion(commands: Commands) -> None:
    parser = command(commands, "completion", "print the completion script of a shell")
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])
