"""`indicium doctor`"""

from __future__ import annotations

from argparse import Namespace

from desktop_app.bootstrap import library_root, log_file, open_engine
from desktop_app.commands.options import options_of
from desktop_app.commands.output import print_json, table
from desktop_app.domain.photos import path_text
from desktop_app.services.doctor import DoctorReport, doctor


def doctor_command(arguments: Namespace) -> int:
    """Look at this machine and the library; exit code 1 when something is wrong."""
    options = options_of(arguments)
    root = library_root(options)
    report = doctor(root if root.exists() else None, lambda pack: open_engine(options, pack))
    if arguments.json:
        print_json(_as_json(report))
    else:
        _print(report)
    return 1 if report.problems else 0


def _as_json(report: DoctorReport) -> dict[str, object]:
    device = report.device
    return {
        "application": report.application,
        "python": report.python,
        "system": report.system,
        "packages": dict(report.packages),
        "pack": report.pack,
        "device": None if device is None else device.at_work.value,
        "device_words": None if device is None else device.words,
        "threads": None if device is None else device.threads,
        "images_per_second": None if report.speed is None else round(report.speed, 1),
        "tried": [
            {
                "device": probe.device.value,
                "usable": probe.usable,
                "reason": probe.reason,
                "images_per_second": probe.images_per_second,
            }
            for probe in (device.tried if device is not None else ())
        ],
        "library": report.library,
        "log": path_text(bytes(log_file())),
        "ok": not report.problems,
        "problems": list(report.problems),
        "notes": list(report.notes),
    }


def _print(report: DoctorReport) -> None:
    rows = [
        ["Indicium", report.application],
        ["Python", f"{report.python} on {report.system}"],
        *([name, version or "not installed"] for name, version in report.packages.items()),
        ["Model pack", report.pack or "none"],
        ["Device", report.device.words if report.device else "none"],
        *(
            [f"  {probe.device.value}", "works" if probe.usable else f"not used: {probe.reason}"]
            for probe in (report.device.tried if report.device else ())
        ),
        ["Speed of the network", f"{report.speed:,.0f} images a second" if report.speed else "not measured"],
        ["Library", report.library or "none yet"],
        ["Log", path_text(bytes(log_file()))],
    ]
    print(table(rows))
    for note in report.notes:
        print(f"\nNote: {note}")
    for problem in report.problems:
        print(f"\nProblem: {problem}")
    if not report.problems:
        print("\nAll is well")
