from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from desktop_app import locate

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, cwd: Path) -> str:
    """The output of a Python process that finds packages in `cwd`."""
    environment = os.environ | {"PYTHONPATH": str(cwd)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.strip()


def test_in_a_checkout_data_lies_beside_the_package():
    assert locate.resources_dir() == ROOT / "resources"
    assert locate.packs_dir() == ROOT / "models" / "packs"


def test_in_a_wheel_or_bundle_data_lies_inside_the_package(tmp_path):
    package = tmp_path / "desktop_app"
    for folder in ("resources", "packs"):
        (package / "_data" / folder).mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(locate.__file__, package)
    program = "from desktop_app import locate; print(locate.packs_dir(), locate.resources_dir(), sep='|')"
    assert run("-c", program, cwd=tmp_path) == f"{package / '_data' / 'packs'}|{package / '_data' / 'resources'}"


def test_the_bundled_program_answers_for_its_own_trial_runs(tiny_pack):
    answer = run(str(ROOT / "packaging" / "start.py"), "--indicium-probe", str(tiny_pack), "cpu", cwd=ROOT)
    assert '"usable": true' in answer
