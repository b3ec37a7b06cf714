"""What is measured for the results page: one command each, which prints one JSON document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.results.tables import Row, named_rows

Rows = Callable[[Mapping[str, object]], list[Row]]


@dataclass(frozen=True)
class Step:
    """A measurement.

    command: arguments in which {data}, {pack}, {teacher}, {cache}, {run} and {work} stand for paths. needs: paths
    below the data folder without which it is left out. rows: its document as table rows.
    """

    name: str
    section: str
    title: str
    command: tuple[str, ...]
    rows: Rows
    needs: tuple[str, ...] = ()

    def missing(self, data: Path) -> list[str]:
        return [name for name in self.needs if not (data / name).exists()]


def _systems(document: Mapping[str, object]) -> list[Row]:
    found = document.get("systems")
    return named_rows(found) if isinstance(found, Mapping) else []


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return ("-m", name, *arguments)


def _evaluate(protocol: str, *arguments: str) -> tuple[str, ...]:
    return ("-m", "desktop_app", "evaluate", protocol, *arguments, "--pack", "{pack}", "--json")


def _ranking(name: str, queries: int | None) -> Step:
    asked = ("--queries", str(queries)) if queries else ()
    return Step(
        f"systems-{name}",
        "Ranking",
        f"{name}: every system on the same photos and queries",
        _module(
            "models.evaluate.systems", f"{{data}}/evaluate/{name}", "--pack", "{pack}", "--teacher", "{teacher}",
            "--train", "{data}", "--cache", "{cache}", *asked,
        ),
        _systems,
        (f"evaluate/{name}",),
    )  # fmt: skip


STEPS: tuple[Step, ...] = (
    _ranking("grocery", None),
    _ranking("caltech101", 800),
    _ranking("cars", 800),
    _ranking("imagenette-val", 800),
    Step(
        "speed",
        "Speed and size",
        "embed.onnx against a ResNet-18 (fp32, 224 x 224) in the same run, by input shape",
        _module("models.evaluate.speed", "{pack}"),
        lambda document: named_rows(document, first="input"),
    ),
)
