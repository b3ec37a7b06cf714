"""What the arguments of several commands have in common."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

from desktop_app.domain.devices import Device

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def command(commands: Commands, name: str, text: str, *, run: str | None = None) -> argparse.ArgumentParser:
    """Add the parser of a command; `run` is the name of its function where it is not the command's own."""
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(run=run or name)
    verbose_option(parser)
    return parser


def library_option(parser: argparse.ArgumentParser) -> None:
    """Which library is worked on."""
    parser.add_argument("--library", type=Path, metavar="L", help="the library folder (default: your own library)")


def pack_option(parser: argparse.ArgumentParser) -> None:
    """Which pack computes."""
    parser.add_argument("--pack", metavar="P", help="a model pack by name or folder")


def device_option(parser: argparse.ArgumentParser) -> None:
    """Where it computes."""
    parser.add_argument(
        "--device",
        choices=[device.value for device in Device],
        default=Device.AUTO.value,
        help="where to compute (default %(default)s)",
    )


def json_option(parser: argparse.ArgumentParser) -> None:
    """JSON in place of text."""
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")


def region_option(parser: argparse.ArgumentParser, whose: str) -> None:
    """Which part asks."""
    parser.add_argument(
        "--region",
        metavar="X,Y,W,H",
        help=f"use only this rectangle {whose} (pixels), or what lies inside an outline: 'X,Y X,Y X,Y ...'",
    )


def filter_option(parser: argparse.ArgumentParser) -> None:
    """Which photos may answer."""
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="KIND=VALUE",
        help="only these photos; may be given several times. Kinds: folder, date (2019-05, 2018..2019), camera, "
        "lens, orientation, size, format, rating (3+), tag, located (yes, no), place (a name, or LAT,LON,KM: what "
        "is that near), marked, text",
    )


def verbose_option(parser: argparse.ArgumentParser) -> None:
    """The log on stderr."""
    parser.add_argument("--verbose", action="store_true", help="tell every step on stderr")
