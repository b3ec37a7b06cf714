"""`indicium evaluate PROTOCOL`"""

from __future__ import annotations

from argparse import Namespace

from desktop_app.bootstrap import evaluated_pack, is_picture_name
from desktop_app.commands.interrupt import stoppable
from desktop_app.commands.options import options_of
from desktop_app.commands.output import count, follow, print_json, table
from desktop_app.domain.errors import UsageError
from desktop_app.domain.query import Profile
from desktop_app.evaluation.folders import FoldersReport, evaluate_folders


def evaluate_folders_command(arguments: Namespace) -> int:
    """The protocol `folders`: the direct children of a folder are the classes."""
    profiles = [_profile(name) for name in arguments.profiles.split(",")]
    options = options_of(arguments)
    packs = [evaluated_pack(options, name) for name in arguments.packs or [None]]
    with stoppable() as control:
        job = evaluate_folders(
            arguments.data,
            packs,
            is_picture=is_picture_name,
            profiles=profiles,
            queries=arguments.queries,
            control=control,
        )
        report = follow(job, control)
    if arguments.json:
        print_json(report.as_json())
    else:
        _print(report)
    return 0


def _profile(name: str) -> Profile:
    try:
        return Profile(name.strip())
    except ValueError:
        known = ", ".join(profile.value for profile in Profile)
        raise UsageError(f"'{name}' is not a profile", remedy=f"Known are {known}") from None


def _print(report: FoldersReport) -> None:
    rows = [
        [
            row.pack,
            row.profile.value,
            ", ".join(stage.value for stage in row.stages_run),
            f"{row.mean_average_precision:.3f}",
            f"{row.recall_at_1:.3f}",
            f"{row.precision_at_20:.3f}",
            f"{row.seconds:.1f}",
        ]
        for row in report.rows
    ]
    header = ["pack", "profile", "stages", "mAP", "R@1", "P@20", "seconds"]
    print(table(rows, header=header, right=[3, 4, 5, 6]))
    print(f"\n{count(report.images, 'photo')}, {count(report.queries, 'query', 'queries')}")
    if report.skipped:
        print(f"{count(len(report.skipped), 'file')} could not be read")
