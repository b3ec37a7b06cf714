"""The structure that the import contracts cannot see."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPLICATION = ROOT / "desktop_app"


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "_data" not in path.parts)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_everything_below_the_window_runs_where_qt_is_not_installed():
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sources(APPLICATION)
        if "ui" not in path.relative_to(APPLICATION).parts and path.name != "__main__.py"
    ]
    assert len(modules) > 20
    program = (
        "import sys, importlib\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'PySide6', 'shiboken6', 'torch', 'models'}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


def test_only_views_and_the_application_object_know_widgets():
    allowed = {APPLICATION / "ui" / "app.py", APPLICATION / "ui" / "offscreen.py"}
    guilty = [
        str(path.relative_to(ROOT))
        for path in sources(APPLICATION)
        if "views" not in path.relative_to(APPLICATION).parts
        and path not in allowed
        and any("QtWidgets" in name for name in imported(path))
    ]
    assert guilty == []


@pytest.mark.parametrize(
    ("library", "room"),
    [
        ("onnxruntime", "inference"),
        ("sqlite3", "library"),
        ("watchdog", "library"),
        ("hnswlib", "index"),
        ("PIL", "imaging"),
        ("simplejpeg", "imaging"),
    ],
)
def test_each_outside_library_is_imported_in_one_room_only(library, room):
    guilty = [
        str(path.relative_to(ROOT))
        for path in sources(APPLICATION)
        if path.relative_to(APPLICATION).parts[0] != room
        and any(name.split(".")[0] == library for name in imported(path))
    ]
    assert guilty == []


def test_the_application_never_imports_torch_or_the_training_code():
    guilty = [
        str(path.relative_to(ROOT))
        for path in sources(APPLICATION)
        if {name.split(".")[0] for name in imported(path)} & {"torch", "models"}
    ]
    assert guilty == []


def test_the_main_window_only_wires_parts_together():
    window = APPLICATION / "ui" / "views" / "main_window.py"
    assert len(window.read_text("utf-8").splitlines()) < 300


def test_the_applications_lock_has_no_torch_in_it():
    locks = ROOT / "packaging" / "requirements"
    for name in ("app.txt", "cpu.txt", "gpu.txt", "gpu-cuda12.txt"):
        assert "torch" not in (locks / name).read_text("utf-8").replace("without torch", "").lower(), name
    assert "torch==2.13.0\n" in (locks / "dev.txt").read_text("utf-8")
