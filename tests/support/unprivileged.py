"""Run an `indicium` command as the user nobody, whom files may forbid to read or write what root always may.

    python -m tests.support.unprivileged PHOTOS COMMAND ...

Nobody may not be allowed to read this Python's own files, so everything is loaded first, by indexing and searching
PHOTOS into a library that is thrown away; then the rights are dropped for good.
"""

from __future__ import annotations

import contextlib
import io
import os
import pwd
import sys
import tempfile
from pathlib import Path

from desktop_app.cli import main


def load_everything(photos: Path) -> None:
    picture = next(path for path in sorted(photos.rglob("*")) if path.is_file())
    with (
        tempfile.TemporaryDirectory() as library,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        codes = [
            main(["index", str(photos), "--library", library, "--json"]),
            main(["search", str(picture), "--library", library, "--json"]),
            main(["search", str(picture), "--library", library]),
            main(["index", str(picture), "--library", library]),
        ]
    if codes != [0, 0, 0, 2]:
        raise SystemExit(f"loading everything gave {codes}")


if __name__ == "__main__":
    home = os.environ.pop("INDICIUM_HOME")
    with tempfile.TemporaryDirectory() as own:
        os.environ["INDICIUM_HOME"] = own
        load_everything(Path(sys.argv[1]))
    os.environ["INDICIUM_HOME"] = home
    user = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    sys.exit(main(sys.argv[2:]))
