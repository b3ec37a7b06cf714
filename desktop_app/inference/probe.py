"""`python -m desktop_app.inference.probe PACK DEVICE`: a trial run, answered as one line of JSON on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from desktop_app.domain.devices import Device


def probe_main(arguments: Sequence[str]) -> int:
    """Try the device named in `arguments` = [pack folder, device] and print what came of it.

    A frozen application has no `python -m`: its entry point calls this with `sys.argv[2:]` when `sys.argv[1]`
    is `providers.PROBE_ARGUMENT`. Returns the exit code: 0 when an answer was printed, 2 for bad arguments.
    """
    if len(arguments) != 2 or arguments[1] not in [device.value for device in Device if device != Device.AUTO]:
        sys.stderr.write("usage: probe PACK DEVICE\n")
        return 2
    from desktop_app.inference.packs import load_manifest
    from desktop_app.inference.runtime import first_line
    from desktop_app.inference.trial import measure

    pack = Path(arguments[0])
    try:
        answer = dict(measure(pack, load_manifest(pack), Device(arguments[1])))
    except Exception as error:  # noqa: BLE001 - whatever happened is the answer
        answer = {"usable": False, "reason": first_line(error), "images_per_second": None}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(probe_main(sys.argv[1:]))
