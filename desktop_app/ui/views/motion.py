"""Whether the system asks for reduced motion. Qt does not tell on Linux, so the desktop is asked there."""

from __future__ import annotations

import os
import platform

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

REPLY_MS = 150


def system_asks_for_less() -> bool:
    """True when the desktop (or the environment variable INDICIUM_REDUCED_MOTION) asks for no animations."""
    if os.environ.get("INDICIUM_REDUCED_MOTION"):
        return True
    if platform.system() == "Linux":
        return _linux_desktop_asks()
    return not QApplication.isEffectEnabled(Qt.UIEffect.UI_General)


def _linux_desktop_asks() -> bool:
    """Ask the desktop portal for GNOME's `enable-animations`, which KDE and others answer too."""
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return False
    from PySide6.QtDBus import QDBus, QDBusConnection, QDBusMessage

    question = QDBusMessage.createMethodCall(
        "org.freedesktop.portal.Desktop",
        "/org/freedesktop/portal/desktop",
        "org.freedesktop.portal.Settings",
        "ReadOne",
    )
    question.setArguments(["org.gnome.desktop.interface", "enable-animations"])
    reply = QDBusConnection.sessionBus().call(question, QDBus.CallMode.Block, REPLY_MS)
    answers = reply.arguments()
    if reply.type() is not QDBusMessage.MessageType.ReplyMessage or not answers:
        return False
    answer = answers[0]
    value = answer.variant() if hasattr(answer, "variant") else answer
    return value is False
