"""The command line as such: what may be typed, exit codes, what goes to stdout and what to stderr."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import desktop_app
from desktop_app import cli
from desktop_app.commands.arguments import build_parser, build_window_parser
from desktop_app.commands.completion import script
from desktop_app.commands.window import window
from desktop_app.domain.errors import Cancelled, IndiciumError, UsageError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDICIUM_HOME", str(tmp_path / "home"))


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"indicium {desktop_app.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["search"],
        ["search", "a.jpg", "--profile", "slow"],
        ["search", "a.jpg", "--region", "1,2,3"],
        ["search", "a.jpg", "--region", "0,0,0,5"],
        ["search", "a.jpg", "--top", "0"],
        ["search", "--filter", "tag=boat", "--region", "1,2,3,4"],
        ["search", "a.jpg", "--turned", "--region", "0,0,50,50"],
        ["search", "a.jpg", "b.jpg", "--turned"],
        ["search", "a.jpg", "--turned", "--negative", "b.jpg"],
        ["search", "a.jpg", "--region", "0,0 50,50"],
        ["search", "a.jpg", "--region", "0,0,50,50", "--part", "1"],
        ["search", "--suggest-parts"],
        ["search", "--filter", "tag=boat", "--part", "1"],
        ["search", "--saved", "boats", "--part", "1"],
        ["search", "a.jpg", "--region", "0,0 50,0 nan,50"],
        ["search", "--filter", "tag=boat", "--turned"],
        ["search", "a.jpg", "--filter", "colour=red"],
        ["search", "a.jpg", "--filter", "date=2019-13"],
        ["search", "a.jpg", "--filter", "rating=6"],
        ["search", "a.jpg", "--filter", "place=91,0"],
        ["library", "filters", "--filter", "orientation=diagonal"],
        ["library", "label", "a.jpg"],
        ["library", "label", "a.jpg", "--rating", "many"],
        ["index", "/no/such/folder"],
        ["nosuchcommand"],
        ["evaluate", "folders"],
        ["evaluate", "folders", "--data", "/no/such/folder", "--profiles", "instant,quick"],
        ["library", "shine"],
        ["packs", "import", "net.onnx"],
        ["packs", "import", "net.onnx", "--photos", "/no/such/folder"],
        ["packs", "import", "net.onnx", "--photos", "DIR", "--mean", "1,2"],
        ["packs", "import", "net.onnx", "--photos", "DIR", "--size", "7"],
        ["packs", "import", "net.onnx", "--photos", "DIR", "--size", "224x9999999"],
        ["packs", "import", "net.onnx", "--photos", "DIR", "--std", "1,nan,1"],
        ["packs", "remove", "nosuchpack"],
        ["packs", "remove", "../library"],
        ["packs", "adapt", "--labels", "/no/such/table.csv"],
        ["completion", "powershell"],
        ["feedback"],
        ["feedback", "session.json", "--automatic", "median"],
        ["feedback", "session.json", "--round", "two"],
    ],
)
def test_usage_errors_have_exit_code_2_and_nothing_on_stdout(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err and "Traceback" not in captured.err


def test_a_library_that_is_not_there_is_a_sentence_with_its_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"x")
    assert cli.main(["search", str(picture), "--library", str(tmp_path / "none")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("indicium: there is no library in") and "indicium index" in error
    assert not (tmp_path / "none").exists(), "a reader never creates a library"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no"), 2),
        (IndiciumError("no", remedy="Do that"), 1),
        (Cancelled(), 130),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("oops"), 1),
    ],
)
def test_every_error_has_its_exit_code_and_a_traceback_only_in_the_log(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def fail(_options: object) -> int:
        raise error

    monkeypatch.setattr(cli, "_run", fail)
    assert cli.main(["doctor"]) == code
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err
    if isinstance(error, ZeroDivisionError):
        log = tmp_path / "home" / "log" / "indicium.log"
        assert str(log) in captured.err and "ZeroDivisionError" in log.read_text("utf-8")


def test_without_a_display_the_window_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("other systems always have a display")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert cli.main([]) == 1
    assert "no display" in capsys.readouterr().err


def test_the_window_gets_whole_paths_since_it_remembers_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    given = []
    application = SimpleNamespace(run=lambda options, paths: given.append((options.library, paths)) or 0)
    monkeypatch.setattr("desktop_app.commands.window.importlib.import_module", lambda name: application)
    assert window(build_window_parser().parse_args(["photos", "--library", "mine"])) == 0
    assert given == [(tmp_path / "mine", [tmp_path / "photos"])]


def test_the_command_line_never_imports_qt() -> None:
    code = (
        "import sys; sys.modules['PySide6'] = None\n"
        "from desktop_app import cli\n"
        "import importlib\n"
        "for name in set(cli.MODULES.values()): importlib.import_module('desktop_app.commands.' + name)\n"
        "assert not any(name.startswith('PySide6.') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_command_has_a_function_and_help() -> None:
    import importlib

    for function, module in cli.MODULES.items():
        assert callable(getattr(importlib.import_module(f"desktop_app.commands.{module}"), function))
    text = build_parser().format_help()
    for command in ("index", "search", "explain", "packs", "library", "evaluate", "doctor", "completion"):
        assert command in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command_and_is_a_script_of_its_shell(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["completion", shell]) == 0
    text = capsys.readouterr().out
    for word in ("index", "search", "verify", "repair", "profile", "thorough", "tensorrt"):
        assert word in text
    if shutil.which(shell):
        path = tmp_path / f"indicium.{shell}"
        path.write_text(text)
        subprocess.run([shell, "-n", str(path)], check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["ind"], ["index"]),
        (["library", "re"], ["repair"]),
        (["search", "a.jpg", "--pro"], ["--profile"]),
        (["search", "a.jpg", "--profile", "b"], ["balanced"]),
        (["evaluate", "fol"], ["folders"]),
    ],
)
def test_bash_completes(typed: list[str], expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / "indicium.bash"
    path.write_text(script(build_parser(), "bash"))
    words = " ".join(f"'{word}'" for word in ["indicium", *typed])
    ask = f"source '{path}'; COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _indicium; "
    command = ask + "printf '%s\\n' \"${COMPREPLY[@]}\""
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == expected


def test_a_folder_that_is_not_there_leaves_no_library_behind(tmp_path: Path) -> None:
    assert cli.main(["index", str(tmp_path / "typo"), "--library", str(tmp_path / "library")]) == 2
    assert not (tmp_path / "library").exists()


def test_a_name_that_the_terminal_cannot_show_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    monkeypatch.setattr(cli, "_run", lambda options: print("Blümchen.jpg") or 0)
    assert cli.main(["packs", "list"]) == 0
    assert written.getvalue().strip() == b"Bl\\xfcmchen.jpg"
