"""The window is tested offscreen with one style, font size and scale; what a test leaves behind fails it."""

import gc
import os
import threading

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["QT_SCALE_FACTOR"] = "1"
os.environ["QT_AUTO_SCREEN_SCALE_FACTOR"] = "0"
os.environ["INDICIUM_REDUCED_MOTION"] = "1"

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QStandardPaths, QTimer
from PySide6.QtWidgets import QApplication

from desktop_app.ui.views import theme
from desktop_app.ui.views.theme import Scheme


@pytest.fixture(scope="session")
def qapp_cls():
    return QApplication


@pytest.fixture(autouse=True)
def own_settings(tmp_path_factory, monkeypatch):
    """No test reads or writes the settings of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    QStandardPaths.setTestModeEnabled(True)
    return home


def settle():
    """Carry out deletions that wait for the event loop."""
    gc.collect()
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QCoreApplication.processEvents()


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp, own_settings):
    """Threads, running timers and windows that outlive the test fail it."""
    theme.install(qapp, Scheme.DARK)
    settle()
    threads, windows = set(threading.enumerate()), set(map(id, QApplication.topLevelWidgets()))
    yield
    settle()
    left = {thread.name for thread in set(threading.enumerate()) - threads if thread.is_alive()}
    assert not left, f"threads left behind: {left}"
    timers = [
        timer.objectName() or repr(timer.parent()) for timer in qapp.findChildren(QTimer) if timer.isActive()
    ]
    assert not timers, f"timers left behind: {timers}"
    widgets = [w for w in QApplication.topLevelWidgets() if id(w) not in windows and not w.inherits("QTipLabel")]
    shown = [f"{w.metaObject().className()} '{w.windowTitle() or w.objectName()}'" for w in widgets]
    assert not shown, f"windows left behind: {shown}"
