"""One process writes to a library: who it is stands in a file, and the operating system holds the lock."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from desktop_app.domain.errors import LibraryError, LibraryLocked
from desktop_app.library.faults import from_os_error, shown

log = logging.getLogger(__name__)

_START_TOLERANCE = 2.0  # seconds: the clock that start times are computed from may be corrected meanwhile
_LOCKED_BYTE = 1 << 20  # on Windows a locked byte cannot be read, so one behind the text is taken


@dataclass(frozen=True, slots=True)
class LockHolder:
    """A process that writes, or wrote, to a library. `start`: seconds since the epoch."""

    pid: int
    host: str
    machine: str
    start: float
    program: str

    @property
    def here(self) -> bool:
        """Whether it runs on this machine: its identity counts (names change and repeat), else its name."""
        machine = _machine()
        if machine and self.machine:
            return machine == self.machine
        return self.host == socket.gethostname()

    def alive(self) -> bool:
        """Whether it still runs. A process elsewhere counts as alive: nobody can tell from here."""
        if not self.here:
            return True
        try:
            started = float(psutil.Process(self.pid).create_time())
            return abs(started - self.start) <= _START_TOLERANCE
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True


def this_process() -> LockHolder:
    """What this process writes into the lock file."""
    return LockHolder(
        pid=os.getpid(),
        host=socket.gethostname(),
        machine=_machine(),
        start=psutil.Process().create_time(),
        program=Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python",
    )


class WriterLock:
    """The right to write to a library; a context manager.

    Two guards together. The operating system's lock on the file ends with its process, however that ends. The text
    in it names the holder, and still guards where the first one is not shared, as between two computers on a
    network drive. A holder that died is replaced.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises LibraryLocked naming the process and the host that have it, or LibraryError."""
        if self._file is not None:
            raise LibraryError(f"the lock {shown(self.path)} is held already")
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        except OSError as error:
            raise from_os_error(error, self.path) from error
        try:
            taken = _take(file)
            holder = _read(file)
            if not taken or (holder is not None and holder.alive()):
                raise self._refusal(holder)
            if holder is not None:
                log.info("%s: taking over the lock of process %d, which is gone", self.path, holder.pid)
            _write(file, json.dumps(asdict(this_process())).encode())
        except OSError as error:
            os.close(file)
            raise from_os_error(error, self.path) from error
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def release(self) -> None:
        """Give the lock up; nothing happens when it is not held."""
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            _write(file, b"")
        except OSError as error:
            log.warning("%s: %s", self.path, error)
        finally:
            os.close(file)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _refusal(self, holder: LockHolder | None) -> LibraryLocked:
        library = shown(self.path.parent)
        if holder is None:
            return LibraryLocked(
                f"another process is writing to the library {library}", remedy="Wait until it has finished."
            )
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(holder.start))
        remedy = "Wait until it has finished, or close it."
        if not holder.here:
            remedy = f"Close it there. If it does not run any more, delete {shown(self.path)} and try again."
        return LibraryLocked(
            f"the library {library} is being written by {holder.program} (process {holder.pid} on {holder.host},"
            f" running since {since})",
            remedy=remedy,
        )


def lock_holder(path: Path) -> LockHolder | None:
    """The live process that holds the lock file `path`, as far as can be told; None when nobody does."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError:
        return None
    try:
        holder = _read(file)
    finally:
        os.close(file)
    return holder if holder is not None and holder.alive() else None


def _machine() -> str:
    """An identity of this machine that outlives a change of its name; "" when it has none."""
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _read(file: int) -> LockHolder | None:
    os.lseek(file, 0, os.SEEK_SET)
    try:
        fields = json.loads(os.read(file, 4096))
        return LockHolder(
            pid=int(fields["pid"]),
            host=str(fields["host"]),
            machine=str(fields["machine"]),
            start=float(fields["start"]),
            program=str(fields["program"]),
        )
    except (ValueError, KeyError, TypeError):
        return None  # empty after a proper end; half written when its process was killed in that moment


def _write(file: int, text: bytes) -> None:
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    os.write(file, text)


if sys.platform == "win32":
    import msvcrt

    def _take(file: int) -> bool:
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import errno
    import fcntl

    def _take(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # A file system without locks: the text in the file must do.
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
        return True
