"""Does the window stay fluent? A 10 ms heartbeat of the GUI thread while it indexes, searches and scrolls.

    python -m tests.bench.gui_heartbeat --data DIR [DIR ...] [--minutes 5] [--json]

The real window over a new library: the folders are indexed in the background (into one new library after
the other, until the time is up), a search starts every second, the grids scroll all the time, and every few
seconds the evidence of a result opens. Beside it, at the same time and so under the same load of the processor,
a second process runs a bare Qt loop with the same heartbeat: what it is late, the machine is late. The bars:
p99.9 at most 50 ms, worst 150 ms.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from desktop_app import bootstrap  # isort: skip  (ONNX Runtime before Qt)

import numpy as np
from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer

from tests.bench.reporting import add_output_options, report

BEAT_MS = 10
SCROLL_MS = 40
SEARCH_MS = 1000
EVIDENCE_MS = 5000


class Heartbeat(QObject):
    """How late every beat of a precise 10 ms timer comes, in milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(self, interval=BEAT_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self._last = time.perf_counter()
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, 1000.0 * (now - self._last) - BEAT_MS))
        self._last = now

    def row(self, name: str) -> dict[str, object]:
        late = np.array(self.late)
        p50, p99, p999 = np.percentile(late, [50, 99, 99.9])
        return {
            "loop": name,
            "beats": len(late),
            "p50 ms late": float(p50),
            "p99": float(p99),
            "p99.9": float(p999),
            "worst": float(late.max()),
        }


class Person:
    """Somebody who searches, scrolls and looks at evidence all the time."""

    def __init__(self, window: object, seed: int) -> None:
        from desktop_app.ui.views.main_window import MainWindow

        assert isinstance(window, MainWindow)
        self._window = window
        self._shell = window.shell
        self._chance = random.Random(seed)
        self._down = True
        self.done = {"searches": 0, "scrolls": 0, "evidence": 0}
        self._timers = [self._every(ms, do) for ms, do in self._habits()]

    def _habits(self):  # type: ignore[no-untyped-def]
        return ((SCROLL_MS, self.scroll), (SEARCH_MS, self.search), (EVIDENCE_MS, self.evidence))

    def _every(self, ms: int, do) -> QTimer:  # type: ignore[no-untyped-def]
        timer = QTimer(self._window, interval=ms)
        timer.timeout.connect(do)
        timer.start()
        return timer

    def stop(self) -> None:
        for timer in self._timers:
            timer.stop()

    def search(self) -> None:
        """A photo of the library, sometimes a region of it."""
        from desktop_app.domain.geometry import Region
        from desktop_app.domain.photos import PhotoId

        ids, search = self._shell.parts.library.ids, self._shell.parts.search
        if len(ids) == 0:
            return
        self.done["searches"] += 1
        if search.query is not None and self._chance.random() < 0.3:
            x, y = self._chance.randrange(60), self._chance.randrange(60)
            search.set_part(0, Region(x, y, 160, 160), live=True)
        else:
            self._shell.find_similar(PhotoId(int(self._chance.choice(ids))))

    def scroll(self) -> None:
        from desktop_app.ui.viewmodels.shell import Place

        searching = self._shell.place is Place.SEARCH
        page = self._window.search_page if searching else self._window.library_page
        bar = page.grid.verticalScrollBar()
        before = bar.value()
        bar.setValue(before + (90 if self._down else -90))
        if bar.value() == before:
            self._down = not self._down
        self.done["scrolls"] += 1

    def evidence(self) -> None:
        """Evidence, then the library, then the search again."""
        from desktop_app.ui.viewmodels.shell import Place

        hits = self._shell.parts.search.hits
        if self._shell.place is Place.SEARCH and hits:
            self._shell.show_evidence(self._chance.randrange(min(20, len(hits))))
            self.done["evidence"] += 1
        else:
            self._shell.go(Place.LIBRARY if self._chance.random() < 0.5 else Place.SEARCH)


def bare(seconds: float) -> int:
    """The same heartbeat in a loop that does nothing else; prints its row as JSON."""
    application = QCoreApplication([])
    beat = Heartbeat()
    beat.start()
    QTimer.singleShot(round(1000 * seconds), application.quit)
    application.exec()
    print(json.dumps(beat.row("bare Qt loop")))
    return 0


def window(data: list[Path], seconds: float, *, pack: str | None, seed: int) -> list[dict[str, object]]:
    """Run the window for so long, with the bare loop beside it; returns the rows of both."""
    from desktop_app.ui.app import build_shell, build_window, make_application
    from desktop_app.ui.viewmodels.shell import Place

    application = make_application(["indicium"])
    faulthandler.dump_traceback_later(seconds + 120, exit=True)
    with tempfile.TemporaryDirectory() as place:
        os.environ["INDICIUM_HOME"] = place
        options = bootstrap.Options(library=Path(place) / "library", pack=pack, window=True)
        shell = build_shell(options)
        main = build_window(shell)
        main.resize(1280, 820)
        main.show()
        shell.parts.library.open(Path(place) / "library")
        _wait(application, lambda: shell.parts.library.counts is not None)
        shell.go(Place.LIBRARY)
        runs, indexed = 0, 0

        def index_more() -> None:
            """Once everything is indexed: the same folders into another new library."""
            nonlocal runs, indexed
            library, jobs = shell.parts.library, shell.parts.jobs
            if jobs.state.busy or library.opening or library.counts is None:
                return
            if library.folders:
                indexed += library.counts.indexed
                library.open(Path(place) / f"library-{runs}")
                return
            runs += 1
            jobs.index(data, low_priority=True)

        again = QTimer(main, interval=2000)
        again.timeout.connect(index_more)
        again.start()
        index_more()
        person, beat = Person(main, seed), Heartbeat()
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.gui_heartbeat", "--bare", str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        beat.start()
        # Not quit(): that asks the window, and the window would ask the person about the job that runs.
        QTimer.singleShot(round(1000 * seconds), lambda: application.exit(0))
        application.exec()
        row = beat.row("the window")
        again.stop()
        person.stop()
        counts = shell.parts.library.counts
        indexed += counts.indexed if counts is not None else 0
        main.hide()
        shell.shut_down()
        faulthandler.cancel_dump_traceback_later()
        out, _ = child.communicate(timeout=60)
    done = {**person.done, "indexed": indexed, "runs": runs}
    nothing = dict.fromkeys(done, 0)
    return [{**row, **done}, {**json.loads(out), **nothing}]


def _wait(application: QCoreApplication, ready) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + 60
    while not ready():
        application.processEvents()
        time.sleep(0.005)
        if time.monotonic() > until:
            raise SystemExit("the library did not open within a minute")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--pack")
    parser.add_argument("--bare", type=float, metavar="SECONDS", help=argparse.SUPPRESS)
    add_output_options(parser)
    arguments = parser.parse_args()
    if arguments.bare is not None:
        return bare(arguments.bare)
    if not arguments.data:
        parser.error("--data is needed")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    data = [path.absolute() for path in arguments.data]
    rows = window(data, 60 * arguments.minutes, pack=arguments.pack, seed=arguments.seed)
    report("GUI thread: 10 ms heartbeat", rows, as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
