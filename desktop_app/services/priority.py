"""Background work steps aside: a lower scheduling priority for single threads."""

from __future__ import annotations

import os
import sys
import threading

BACKGROUND_NICENESS = 10


def step_aside() -> bool:
    """Lower the priority of the calling thread for good; True where the system can do that.

    On Linux the niceness belongs to the thread (and its disk priority follows from it), so the window's own
    threads keep theirs. Elsewhere niceness belongs to the process, so nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICENESS)
    except OSError:
        return False
    return True
