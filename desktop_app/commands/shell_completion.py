"""`indicium completion bash|zsh|fish`"""

from __future__ import annotations

import sys
from argparse import Namespace

from desktop_app.commands.arguments import build_parser
from desktop_app.commands.completion import script


def completion(arguments: Namespace) -> int:
    """Print the completion script."""
    sys.stdout.write(script(build_parser(), arguments.shell))
    return 0
