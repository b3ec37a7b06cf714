"""The parts of the command line's contract that this version does not have."""

from __future__ import annotations

from argparse import Namespace

from desktop_app.domain.errors import UsageError


def later(arguments: Namespace) -> int:
    """Always a UsageError (exit code 2)."""
    part = getattr(arguments, "action", None) or getattr(arguments, "protocol", None)
    name = f"{arguments.command} {part}" if part else str(arguments.command)
    raise UsageError(f"'{name}' is not in this version", remedy="See indicium --help for what is")
