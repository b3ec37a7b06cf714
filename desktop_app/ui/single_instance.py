"""One window per person: a second start hands its images and folders to the first one and ends."""

from __future__ import annotations

import getpass
import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs
from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

log = logging.getLogger(__name__)

WAIT_MS = 1500
LONGEST_MESSAGE = 1_000_000


def server_name() -> str:
    """A local name of this person and this settings folder, so that test and portable set-ups stay apart."""
    home = os.environ.get("INDICIUM_HOME") or platformdirs.user_config_path("indicium")
    place = f"{getpass.getuser()}:{home}"
    return "indicium-" + hashlib.blake2b(place.encode(), digest_size=8).hexdigest()


def hand_over(paths: Sequence[Path], name: str | None = None) -> bool:
    """Give `paths` to a window that runs already. False when there is none, and this start should open one."""
    socket = QLocalSocket()
    socket.connectToServer(name or server_name())
    if not socket.waitForConnected(WAIT_MS):
        return False
    message = json.dumps({"paths": [os.fsencode(path.absolute()).hex() for path in paths]})
    socket.write(message.encode() + b"\n")
    answered = socket.waitForBytesWritten(WAIT_MS) and socket.waitForReadyRead(WAIT_MS)
    socket.disconnectFromServer()
    return bool(answered)


class FirstInstance(QObject):
    """Listens for later starts."""

    paths_arrived = Signal(object)
    """The list of Paths a later start was given; empty: only show the window."""

    def __init__(self, name: str | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sockets: list[QLocalSocket] = []
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._connected)
        wanted = name or server_name()
        if not self._server.listen(wanted):
            QLocalServer.removeServer(wanted)  # left behind by a process that was killed
            if not self._server.listen(wanted):
                log.warning("later starts cannot reach this window: %s", self._server.errorString())

    def close(self) -> None:
        """Listen no more."""
        self._server.close()
        for socket in self._sockets:
            socket.abort()
        self._sockets.clear()

    def _connected(self) -> None:
        while socket := self._server.nextPendingConnection():
            self._sockets.append(socket)
            socket.readyRead.connect(self._read)
            socket.disconnected.connect(self._forget)
        self._read()

    def _forget(self) -> None:
        closed = QLocalSocket.LocalSocketState.UnconnectedState
        self._sockets = [socket for socket in self._sockets if socket.state() is not closed]

    def _read(self) -> None:
        for socket in list(self._sockets):
            if socket.canReadLine():
                self._take(socket)
            elif socket.bytesAvailable() > LONGEST_MESSAGE:
                socket.abort()

    def _take(self, socket: QLocalSocket) -> None:
        try:
            message = json.loads(bytes(socket.readLine().data()))
            paths = [Path(os.fsdecode(bytes.fromhex(text))) for text in message["paths"]]
        except (ValueError, KeyError, TypeError):
            log.warning("a later start sent something that cannot be understood")
            socket.abort()
            return
        socket.write(b"taken\n")
        socket.flush()
        self.paths_arrived.emit(paths)
