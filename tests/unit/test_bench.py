"""The measuring commands: each says what it does, and `python -m tests.bench` gives each what it needs."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.bench import __main__ as every

BENCH = Path(every.__file__).parent
APART = {"__main__", "reporting", "screenshots"}  # no measurements


def test_every_measurement_is_among_those_of_make_bench() -> None:
    assert {path.stem for path in BENCH.glob("*.py")} - APART == set(every.MEASUREMENTS)


@pytest.mark.parametrize("name", sorted({*every.MEASUREMENTS, "screenshots"}))
def test_help_names_the_options_it_is_given(name: str, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    module = importlib.import_module(f"tests.bench.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        module.main()
    told = capsys.readouterr().out
    assert end.value.code == 0 and f"python -m tests.bench.{name}" in told
    assert all(option in told for option in every.MEASUREMENTS.get(name, ()))


def test_all_run_over_one_folder_and_one_library(tmp_path: Path, monkeypatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(every, "_run", lambda command: ran.append(list(command)) or 0)
    monkeypatch.setenv("INDICIUM_BENCH_PHOTOS", str(tmp_path))
    monkeypatch.setenv("INDICIUM_BENCH_WORK", str(tmp_path / "work"))
    assert every.main([]) == 0
    library = str(tmp_path / "work" / "library")
    assert ran[0] == ["desktop_app", "index", str(tmp_path), "--library", library]
    assert ["tests.bench.neighbour_graph", "--library", library] in ran
    assert ["tests.bench.indexing", "--data", str(tmp_path)] in ran
    assert len(ran) == 1 + len(every.MEASUREMENTS)


def test_a_failure_is_named_and_an_unknown_name_refused(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(every, "_run", lambda command: int("filters" in command[0]))
    monkeypatch.setenv("INDICIUM_BENCH_PHOTOS", str(tmp_path))
    assert every.main(["filters", "concurrency"]) == 1
    assert "failed: filters" in capsys.readouterr().out
    assert every.main(["nonsense"]) == 2
    assert "there is no measurement nonsense" in capsys.readouterr().out
