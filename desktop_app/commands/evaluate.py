"""`indicium evaluate PROTOCOL`"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from desktop_app.bootstrap import Options, evaluated_engine, evaluated_pack, is_picture_name
from desktop_app.commands.interrupt import stoppable
from desktop_app.commands.options import options_of
from desktop_app.commands.output import count, follow, print_json, table
from desktop_app.domain.errors import UsageError
from desktop_app.domain.progress import Control, Progress
from desktop_app.domain.query import Profile
from desktop_app.evaluation.degradations import Change, compare, evaluate_degradations
from desktop_app.evaluation.evidence import evaluate_evidence
from desktop_app.evaluation.feedback import evaluate_feedback
from desktop_app.evaluation.folders import EvaluatedPack, evaluate_folders
from desktop_app.evaluation.gpr1200 import gpr1200
from desktop_app.evaluation.holidays import holidays
from desktop_app.evaluation.ilias import ilias
from desktop_app.evaluation.instances import evaluate_instances
from desktop_app.evaluation.instre import instre
from desktop_app.evaluation.oxford import roxford, rparis
from desktop_app.evaluation.plot import bar_chart
from desktop_app.evaluation.published import PublishedTest, evaluate_published
from desktop_app.evaluation.recall_at_k import recall_at_k
from desktop_app.evaluation.regions import evaluate_regions
from desktop_app.evaluation.report import Report
from desktop_app.evaluation.small_objects import evaluate_rooms, evaluate_small_objects
from desktop_app.evaluation.ukbench import ukbench
from desktop_app.services.engine import Engine

Job = Generator[Progress, None, Report]
Loader = Callable[[Path], PublishedTest]

LOADERS: Mapping[str, Loader] = {
    "roxford": roxford,
    "rparis": rparis,
    "holidays": holidays,
    "ukbench": ukbench,
    "instre": instre,
    "gpr1200": gpr1200,
    "ilias": ilias,
}


def evaluate_command(arguments: Namespace) -> int:
    """Run a protocol, print what it finds, and write it to the folder and files that were asked for."""
    baseline = _baseline(getattr(arguments, "compare", None))
    _folder(arguments.out)
    with stoppable() as control:
        report = follow(_job(arguments, control), control)
    document = report.as_json(per_query=arguments.per_query)
    if getattr(arguments, "save", None) is not None:
        _write(arguments.save, _text(report.as_json()))
    changes = compare(document, baseline) if baseline is not None else None
    if changes is not None:
        document["changes"] = [change.as_json() for change in changes]
    if arguments.out is not None:
        name = arguments.out / report.protocol
        _write(name.with_suffix(".json"), _text(document))
        _write(name.with_suffix(".md"), report.to_markdown())
        _write(name.with_suffix(".svg"), bar_chart(report))
    if arguments.json:
        print_json(document)
    else:
        _print(report, changes)
    return 0


def _job(arguments: Namespace, control: Control) -> Job:
    """The protocol that was typed, ready to run."""
    protocol, options = arguments.protocol, options_of(arguments)
    if arguments.seed is not None and arguments.seed < 0:
        raise UsageError(f"--seed {arguments.seed} is negative", remedy="Give a whole number of 0 or more")
    common: dict[str, Any] = {"control": control, **_given(arguments, "seed")}
    if (profiles := getattr(arguments, "profiles", None)) is not None:
        common["profiles"] = [_profile(name) for name in profiles.split(",")]
    if protocol == "folders":
        return evaluate_folders(
            arguments.data,
            _packs(arguments, options),
            is_picture=is_picture_name,
            queries=arguments.queries,
            intervals=arguments.intervals,
            **common,
        )
    if protocol == "recall-at-k" or protocol in LOADERS:
        test = (
            recall_at_k(arguments.data, layout=arguments.layout, half=arguments.half)
            if protocol == "recall-at-k"
            else LOADERS[protocol](arguments.data)
        )
        return evaluate_published(test, _packs(arguments, options), queries=arguments.queries, **common)
    common |= {"is_picture": is_picture_name, "threads": options.thread_count()}
    if protocol == "evidence":
        return evaluate_evidence(
            arguments.data,
            _engines(arguments, options),
            classes=_list(arguments.classes),
            families=_list(arguments.families),
            thresholds=_thresholds(arguments.thresholds),
            **_area(arguments.area),
            **_given(arguments, "labels", "pairs", "curves"),
            **common,
        )
    if protocol == "degradations":
        return evaluate_degradations(
            arguments.data,
            _engines(arguments, options),
            scenarios=_list(arguments.scenarios),
            turned=arguments.turned,
            **_given(arguments, "queries"),
            **common,
        )
    if protocol == "instances":
        return evaluate_instances(
            arguments.data, _engines(arguments, options), **_given(arguments, "queries"), **common
        )
    if protocol == "regions":
        given = {
            ("distractors" if name == "distractor_count" else name): value
            for name, value in _given(arguments, "queries", "distractor_count").items()
        }
        return evaluate_regions(
            arguments.data, arguments.backgrounds, _engines(arguments, options), **given, **common
        )
    if protocol == "feedback":
        given = {
            ("tasks" if name == "queries" else name): value
            for name, value in _given(arguments, "labels", "others", "queries").items()
        }
        return evaluate_feedback(
            arguments.data,
            _engines(arguments, options),
            tests=_list(arguments.tests),
            marks=not arguments.automatic,
            **given,
            **common,
        )
    return _small_objects(arguments, _engines(arguments, options), common)


def _small_objects(arguments: Namespace, engines: Sequence[Engine], common: Mapping[str, Any]) -> Job:
    given = _given(arguments, "pairs", "labels", "distractor_count")
    if arguments.rooms is not None:
        if "labels" in given or arguments.distractors or "distractor_count" in given:
            raise UsageError("--rooms has a gallery of its own", remedy="Leave out --labels and --distractors")
        return evaluate_rooms(arguments.data, arguments.rooms, engines, queries=given.get("pairs"), **common)
    if "distractor_count" in given:
        given["distractors"] = given.pop("distractor_count")
    return evaluate_small_objects(
        arguments.data, engines, distractor_roots=arguments.distractors, **given, **common
    )


def _packs(arguments: Namespace, options: Options) -> list[EvaluatedPack]:
    return [evaluated_pack(options, name) for name in arguments.packs or [None]]


def _engines(arguments: Namespace, options: Options) -> list[Engine]:
    return [evaluated_engine(options, name) for name in arguments.packs or [None]]


def _given(arguments: Namespace, *names: str) -> dict[str, Any]:
    """What was typed; the protocol has a default for the rest."""
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}


def _list(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",")]


def _profile(name: str) -> Profile:
    try:
        return Profile(name.strip())
    except ValueError:
        known = ", ".join(profile.value for profile in Profile)
        raise UsageError(f"'{name}' is not a profile", remedy=f"Known are {known}") from None


def _area(text: str | None) -> dict[str, Any]:
    """`0.08,0.5`"""
    if text is None:
        return {}
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 1.0, 0.0
    if not 0 < low <= high <= 1:
        raise UsageError(f"'{text}' is not a range of areas", remedy="Give two shares of 1, as 0.08,0.5")
    return {"area": (low, high)}


def _thresholds(texts: Sequence[str]) -> dict[str, float]:
    """`local=0.3` each."""
    found = {}
    for text in texts:
        source, _, value = text.partition("=")
        try:
            found[source.strip()] = float(value)
        except ValueError:
            raise UsageError(f"'{text}' is not a threshold", remedy="Give source=value, as local=0.3") from None
    return found


def _baseline(path: Path | None) -> dict[str, object] | None:
    """A saved report, read before anything is computed."""
    if path is None:
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"the baseline {path} cannot be read: {error}", remedy="Make one with --save") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path} is not a saved report", remedy="Make one with --save")
    return found


def _folder(path: Path | None) -> None:
    """Make the folder of --out before anything is computed."""
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be made a folder: {error}") from None


def _text(document: Mapping[str, object]) -> str:
    return json.dumps(document, allow_nan=False, indent=2) + "\n"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error}") from None


def _print(report: Report, changes: Sequence[Change] | None) -> None:
    header, rows, right = report.table()
    print(table(rows, header=header, right=right))
    print(f"\n{count(report.images, 'photo')}, {count(report.queries, 'query', 'queries')}")
    if report.skipped:
        print(f"{count(len(report.skipped), 'file')} could not be read")
    for note in (*(step.words() for step in report.steps), *report.notes):
        print(note)
    if changes is not None:
        print()
        _print_changes(changes)


def _print_changes(changes: Sequence[Change]) -> None:
    """Only what is not the same."""
    rows = [
        [
            change.pack,
            change.profile,
            change.scenario,
            f"{change.strength:g}",
            f"{change.before:.3f}",
            f"{change.now:.3f}",
            change.verdict,
        ]
        for change in changes
        if change.verdict != "same"
    ]
    if rows:
        header = ["pack", "profile", "scenario", "strength", "before", "now", ""]
        print(table(rows, header=header, right=[3, 4, 5]))
    else:
        print("Nothing has changed against the baseline")
