"""From typed arguments to what the composition root takes."""

from __future__ import annotations

from argparse import Namespace

from desktop_app.bootstrap import Options
from desktop_app.domain.devices import Device


def options_of(arguments: Namespace) -> Options:
    """Library, pack and device as typed; what a command does not have keeps its default."""
    return Options(
        library=getattr(arguments, "library", None),
        pack=getattr(arguments, "pack", None),
        device=Device(getattr(arguments, "device", Device.AUTO)),
    )
