"""How every measurement prints: a Markdown table for people, or one JSON document with the machine it ran on."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version


def add_output_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON instead of a Markdown table")


def machine() -> dict[str, object]:
    """What a figure depends on besides the code."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "onnxruntime": version("onnxruntime"),
        "numpy": version("numpy"),
    }


def report(name: str, rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    """Print `rows` (same keys in each)."""
    if as_json:
        print(json.dumps({"benchmark": name, "machine": machine(), "rows": list(rows)}, indent=2))
        return
    print(f"## {name}\n")
    if rows:
        keys = list(rows[0])
        print("| " + " | ".join(keys) + " |")
        print("|" + "---|" * len(keys))
        for row in rows:
            print("| " + " | ".join(_cell(row[key]) for key in keys) + " |")
    print("\n" + ", ".join(f"{key} {value}" for key, value in machine().items()))


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
