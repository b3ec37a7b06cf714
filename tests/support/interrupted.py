"""Like `killable`, with Ctrl+C (SIGINT) instead of SIGKILL."""

from __future__ import annotations

import os
import signal
import sys

from desktop_app.cli import main
from tests.support import killable

if __name__ == "__main__":
    kill = os.kill
    os.kill = lambda process, _signal: kill(process, signal.SIGINT)
    killable.arm(sys.argv[1], int(sys.argv[2]))
    sys.exit(main(sys.argv[3:]))
