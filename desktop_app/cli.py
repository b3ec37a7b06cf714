"""The command `indicium`: reads the arguments, runs one command, turns what happened into an exit code."""

from __future__ import annotations

import importlib
import io
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from desktop_app.bootstrap import configure_logging, log_file
from desktop_app.commands.arguments import build_parser, build_window_parser
from desktop_app.domain.errors import Cancelled, IndiciumError, UsageError

log = logging.getLogger(__name__)

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

# Only the module of the command that was typed is imported, so that `--version` does not load a network runtime.
MODULES = {
    "index": "index",
    "search": "search",
    "explain": "explain",
    "feedback": "feedback",
    "packs_list": "packs",
    "packs_verify": "packs",
    "packs_import": "packs_make",
    "packs_adapt": "packs_make",
    "packs_remove": "packs",
    "library_stats": "library",
    "library_check": "library",
    "library_repair": "library",
    "library_duplicates": "duplicates",
    "library_filters": "labels",
    "library_label": "labels",
    "evaluate_command": "evaluate",
    "doctor_command": "doctor",
    "completion": "shell_completion",
    "window": "window",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `indicium` with `argv` (default: the process's own arguments); returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _never_fail_to_print()
    try:
        options = _parse(arguments)
    except SystemExit as end:  # argparse has told the usage on stderr, or the help or version on stdout
        return int(end.code or 0)
    configure_logging(verbose=bool(options.verbose), window=options.run == "window")
    log.info("indicium %s", " ".join(map(ascii, arguments)))
    try:
        return _run(options)
    except (Cancelled, KeyboardInterrupt) as error:
        _tell(error.remedy or "Stopped" if isinstance(error, Cancelled) else "Stopped")
        return INTERRUPTED
    except UsageError as error:
        _tell(error)
        return USAGE
    except IndiciumError as error:
        log.info("failed", exc_info=True)
        _tell(error)
        return FAILED
    except BrokenPipeError:
        # Whoever read the output has gone (`| head`); nothing can be said to them any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        log.exception("unexpected")
        _tell(f"something went wrong that should not: {error}. The details are in {log_file()}")
        return FAILED


def _parse(arguments: list[str]) -> Namespace:
    parser = build_parser()
    commands = {name for action in parser._actions if action.dest == "command" for name in action.choices or ()}
    typed = next((argument for argument in arguments if not argument.startswith("-")), None)
    about = {"-h", "--help", "--version"} & set(arguments)
    if typed in commands or (about and typed is None):
        return parser.parse_args(arguments)
    return build_window_parser().parse_args(arguments)


def _run(options: Namespace) -> int:
    module = importlib.import_module(f"desktop_app.commands.{MODULES[options.run]}")
    code = getattr(module, options.run)(options)
    sys.stdout.flush()
    return int(code)


def _never_fail_to_print() -> None:
    """A file name that the terminal's encoding lacks is shown with escapes instead of ending the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _tell(what: object) -> None:
    print(f"indicium: {what}", file=sys.stderr)
