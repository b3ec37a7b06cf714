"""One process writes; a second one is told who, and a dead one is replaced."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from desktop_app.domain.errors import LibraryError, LibraryLocked
from desktop_app.library import lock as lock_module
from desktop_app.library.lock import WriterLock, lock_holder, this_process

HOLD = (
    "import sys, time\n"
    "from pathlib import Path\n"
    "from desktop_app.library.lock import WriterLock\n"
    "with WriterLock(Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "writer.lock"


@pytest.fixture
def other_process(path):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.stdin.close()


def write(path, **changes):
    path.write_text(json.dumps(asdict(replace(this_process(), **changes))))


def test_the_lock_can_be_taken_given_up_and_taken_again(path):
    with WriterLock(path):
        assert lock_holder(path).pid == os.getpid()
    assert lock_holder(path) is None
    with WriterLock(path):
        pass


def test_a_second_process_is_refused_with_the_name_of_the_first(path, other_process):
    with pytest.raises(LibraryLocked) as told:
        WriterLock(path).acquire()
    assert f"process {other_process.pid} on {socket.gethostname()}" in told.value.message
    assert told.value.remedy == "Wait until it has finished, or close it."
    assert lock_holder(path).pid == other_process.pid


def test_a_refused_second_process_does_not_harm_the_lock(path, other_process):
    for _ in range(2):
        with pytest.raises(LibraryLocked):
            WriterLock(path).acquire()
    other_process.stdin.close()
    other_process.wait()
    with WriterLock(path):
        assert lock_holder(path).pid == os.getpid()


def test_the_lock_of_a_killed_process_is_taken_over(path, other_process):
    other_process.send_signal(signal.SIGKILL)
    other_process.wait()
    assert json.loads(path.read_text())["pid"] == other_process.pid
    assert lock_holder(path) is None
    with WriterLock(path):
        assert lock_holder(path).pid == os.getpid()


def test_a_second_lock_in_the_same_process_is_refused(path):
    with WriterLock(path) as lock:
        with pytest.raises(LibraryLocked, match=f"process {os.getpid()}"):
            WriterLock(path).acquire()
        with pytest.raises(LibraryError, match="held already"):
            lock.acquire()


def test_a_process_number_that_was_given_to_another_process_is_seen_through(path):
    write(path, pid=os.getppid(), start=1.0)
    assert lock_holder(path) is None
    with WriterLock(path):
        assert lock_holder(path).pid == os.getpid()


def test_a_lock_that_only_the_text_guards_still_guards(path, monkeypatch, other_process):
    monkeypatch.setattr(lock_module, "_take", lambda file: True)  # a network drive that does not share locks
    with pytest.raises(LibraryLocked, match=f"process {other_process.pid}"):
        WriterLock(path).acquire()


def test_a_lock_of_another_computer_is_respected_and_the_way_out_named(path):
    write(path, pid=1, host="archive-server", machine="something else", program="indicium")
    with pytest.raises(LibraryLocked) as told:
        WriterLock(path).acquire()
    assert "indicium (process 1 on archive-server" in told.value.message
    assert f"delete {path}" in told.value.remedy
    assert lock_holder(path).host == "archive-server"


def test_a_computer_that_changed_its_name_knows_its_own_locks(path, monkeypatch):
    monkeypatch.setattr(lock_module, "_machine", lambda: "the same machine")
    write(path, pid=2**22 + 1, host="old-name", machine="the same machine")
    with WriterLock(path):
        pass


def test_two_computers_of_the_same_name_are_told_apart(path, monkeypatch):
    monkeypatch.setattr(lock_module, "_machine", lambda: "this machine")
    write(path, pid=2**22 + 1, machine="that machine")
    with pytest.raises(LibraryLocked):
        WriterLock(path).acquire()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', "null", "\x00\x00"])
def test_a_half_written_lock_is_taken_over(path, text):
    path.write_text(text)
    with WriterLock(path):
        assert lock_holder(path).pid == os.getpid()


def test_a_lock_in_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(LibraryError, match="is not there"):
        WriterLock(tmp_path / "nothing" / "writer.lock").acquire()


def test_releasing_twice_does_nothing(path):
    lock = WriterLock(path)
    lock.acquire()
    lock.release()
    lock.release()
    assert path.read_bytes() == b""
