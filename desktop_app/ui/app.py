"""The application with a window: view models over the composition root, one window, and its first question."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

# onnxruntime comes in through bootstrap and must be loaded before Qt (the order of DLLs on Windows).
from desktop_app import bootstrap  # isort: skip

from PySide6.QtCore import QLibraryInfo, QLocale, QObject, QSettings, QTranslator, Slot
from PySide6.QtWidgets import QApplication

from desktop_app import __version__, locate
from desktop_app.domain.devices import Device
from desktop_app.services.library_session import LibrarySession
from desktop_app.ui.single_instance import FirstInstance, hand_over
from desktop_app.ui.viewmodels import session_ports
from desktop_app.ui.viewmodels.bridge import Bridge
from desktop_app.ui.viewmodels.device import DeviceViewModel
from desktop_app.ui.viewmodels.duplicates import DuplicatesViewModel
from desktop_app.ui.viewmodels.evidence import EvidenceViewModel
from desktop_app.ui.viewmodels.full_pictures import FullPictures
from desktop_app.ui.viewmodels.jobs import JobsViewModel
from desktop_app.ui.viewmodels.labels import LabelsViewModel
from desktop_app.ui.viewmodels.library import LibraryViewModel
from desktop_app.ui.viewmodels.notices import Notices
from desktop_app.ui.viewmodels.photo_list import PhotoListModel
from desktop_app.ui.viewmodels.reports import ReportsViewModel
from desktop_app.ui.viewmodels.rounds import RoundsViewModel
from desktop_app.ui.viewmodels.saved_searches import SavedSearchesViewModel
from desktop_app.ui.viewmodels.search import SearchViewModel
from desktop_app.ui.viewmodels.settings import SettingsStore, default_file
from desktop_app.ui.viewmodels.shell import Parts, Shell
from desktop_app.ui.viewmodels.skipped import SkippedViewModel
from desktop_app.ui.viewmodels.thumbnails import ThumbnailProvider
from desktop_app.ui.viewmodels.watching import WatchViewModel
from desktop_app.ui.viewmodels.wizard import WizardViewModel
from desktop_app.ui.views import icons, theme
from desktop_app.ui.views.main_window import MainWindow
from desktop_app.ui.views.theme import Scheme

log = logging.getLogger(__name__)

OpenLibrary = Callable[[Path, bool], LibrarySession]


def opener(settings: SettingsStore, options: bootstrap.Options) -> OpenLibrary:
    """How libraries are opened: with the device, threads and pack asked for, else those of the settings."""

    def open_library(root: Path, writer: bool) -> LibrarySession:
        device = options.device if options.device is not Device.AUTO else Device(settings.values.device)
        threads = options.threads or settings.values.threads or None
        chosen = replace(options, library=root, device=device, threads=threads, window=True)
        return bootstrap.open_library(chosen, writer=writer)

    return open_library


def build_shell(options: bootstrap.Options, *, open_library: OpenLibrary | None = None) -> Shell:
    """All view models of one window, connected; no library is open yet."""
    home = bootstrap.home()
    settings = SettingsStore(home / "settings.json" if home else default_file())
    bridge, notices = Bridge(), Notices()
    library = LibraryViewModel(
        bridge,
        open_library=open_library or opener(settings, options),
        default_root=bootstrap.library_root(replace(options, library=None)),
        settings=settings,
        notices=notices,
    )
    jobs = JobsViewModel(bridge, settings=settings, notices=notices)
    search = SearchViewModel(bridge)
    rounds = RoundsViewModel(bridge, search)
    parts = Parts(
        bridge=bridge,
        settings=settings,
        notices=notices,
        library=library,
        jobs=jobs,
        device=DeviceViewModel(bridge, notices=notices),
        wizard=WizardViewModel(bridge, jobs=jobs, settings=settings),
        watch=WatchViewModel(bridge, notices=notices),
        photos=PhotoListModel(bridge),
        thumbnails=ThumbnailProvider(session_ports.thumbnail_loader(None)),
        pictures=FullPictures(bridge, session_ports.picture_loader(None)),
        skipped=SkippedViewModel(bridge, library=library, jobs=jobs),
        duplicates=DuplicatesViewModel(bridge, library=library, notices=notices),
        labels=LabelsViewModel(bridge, library=library, notices=notices),
        saved=SavedSearchesViewModel(bridge, library=library, search=search, notices=notices),
        search=search,
        rounds=rounds,
        reports=ReportsViewModel(bridge, search=search, notices=notices),
        evidence=EvidenceViewModel(bridge, search, rounds),
    )
    return Shell(parts)


def build_window(shell: Shell, *, geometry: QSettings | None = None) -> MainWindow:
    """The window over a shell, in the look the settings ask for, following their changes."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        raise RuntimeError("build_window needs a QApplication")
    settings = shell.parts.settings
    look = theme.install(application, Scheme(settings.values.theme))
    window = MainWindow(shell, geometry=geometry)

    look.set_reduced_motion(settings.values.reduce_motion)
    FollowSettings(settings, look, application, parent=window)
    return window


class FollowSettings(QObject):
    """Theme, motion and language follow the settings for as long as `parent` lives.

    As the receiver of the signal it is disconnected by Qt itself, whichever of window and settings goes first.
    """

    def __init__(
        self, settings: SettingsStore, look: theme.Theme, application: QApplication, *, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._settings, self._look, self._application = settings, look, application
        settings.changed.connect(self.follow)

    @Slot(str)
    def follow(self, key: str) -> None:
        values = self._settings.values
        if key == "theme":
            self._look.set_scheme(Scheme(values.theme))
        elif key == "reduce_motion":
            self._look.set_reduced_motion(values.reduce_motion)
        elif key == "language":
            translate(self._application, values.language)


def translate(application: QApplication, language: str) -> None:
    """Install the translation of `language` (empty: the system's); what has none stays English."""
    locale = QLocale(language) if language else QLocale.system()
    for old in application.findChildren(QTranslator):
        application.removeTranslator(old)
        old.deleteLater()
    places = (
        (QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath), "qtbase"),
        (str(locate.resources_dir() / "translations"), "indicium"),
    )
    for folder, name in places:
        translator = QTranslator(application)
        if translator.load(locale, name, "_", folder):
            application.installTranslator(translator)


def make_application(argv: Sequence[str]) -> QApplication:
    """The QApplication with its names and icon."""
    application = QApplication(list(argv))
    application.setApplicationName("indicium")
    application.setApplicationDisplayName("Indicium")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("org.indicium.Indicium")
    application.setWindowIcon(icons.application_icon())
    return application


def run(options: bootstrap.Options, paths: Sequence[Path] = ()) -> int:
    """Open the window on `paths` and stay until it is closed; one that runs already takes them instead.

    A library named in `options` opens in a window of its own, whatever else runs.
    """
    own = options.library is not None
    if not own and hand_over(paths):
        return 0
    bootstrap.configure_logging(window=True)
    sys.excepthook = _log_unexpected
    application = make_application(sys.argv[:1])
    shell = build_shell(options)
    translate(application, shell.parts.settings.values.language)
    window = build_window(shell, geometry=_geometry())
    later = None if own else FirstInstance()
    if later is not None:
        later.paths_arrived.connect(window.take_from_later_start)
    if paths:
        shell.take_paths(paths)
    if options.library is not None:
        shell.parts.library.open(options.library)
    else:
        shell.parts.library.open_last()
    window.show()
    code = application.exec()
    if later is not None:
        later.close()
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """`indicium-window [DIR ... | IMAGE ...]`: the same as `indicium` with these arguments."""
    from desktop_app import cli

    return cli.main(list(sys.argv[1:] if argv is None else argv))


def _geometry() -> QSettings:
    """Where the window's place on the screen is kept."""
    home = bootstrap.home()
    if home is not None:
        return QSettings(str(home / "window.ini"), QSettings.Format.IniFormat)
    return QSettings("indicium", "indicium")


def _log_unexpected(kind: type[BaseException], error: BaseException, trace: object) -> None:
    """A programmer's error in a slot: into the log, and the window goes on."""
    log.critical("unexpected error", exc_info=(kind, error, error.__traceback__))
    sys.__excepthook__(kind, error, error.__traceback__)
