"""A home of its own for every test, with the tiny pack as the only one, and a small folder of real photographs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data
from sklearn.datasets import load_sample_image

from desktop_app.cli import main
from tests.support.tiny_pack import make_tiny_pack

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        return json.loads(self.out)


def photographs() -> dict[str, np.ndarray]:
    """Photographs that come inside scikit-image and scikit-learn, long side 420."""
    found = {
        "china": load_sample_image("china.jpg"),
        "flower": load_sample_image("flower.jpg"),
        "astronaut": data.astronaut(),
        "coffee": data.coffee(),
        "cat": data.chelsea(),
        "camera": np.dstack([data.camera()] * 3),
        "coins": np.dstack([data.coins()] * 3),
        "text": np.dstack([data.text()] * 3),
    }
    small = {}
    for name, rgb in found.items():
        scale = 420 / max(rgb.shape[:2])
        small[name] = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small


def write(path: Path, rgb: np.ndarray, quality: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix == ".jpg" else []
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    return path


def fill(folder: Path) -> Path:
    """Five variations of every photograph, a folder for each: 40 files."""
    for name, rgb in photographs().items():
        height, width = rgb.shape[:2]
        write(folder / name / "whole.jpg", rgb)
        write(folder / name / "crop.jpg", rgb[height // 8 : -height // 8, width // 8 : -width // 8])
        write(folder / name / "mirrored.jpg", np.ascontiguousarray(rgb[:, ::-1]))
        write(folder / name / "darker.png", (rgb * 0.7).astype(np.uint8))
        write(folder / name / "compressed.jpg", rgb, quality=25)
    return folder


@pytest.fixture(scope="session")
def made_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("made") / "photos")


@pytest.fixture(scope="session")
def pack_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_pack(tmp_path_factory.mktemp("pack") / "indicium-s", name="indicium-s")


@pytest.fixture
def photos(made_photos: Path, tmp_path: Path) -> Path:
    """A copy of the photos that the test may change."""
    return Path(shutil.copytree(made_photos, tmp_path / "photos"))


@pytest.fixture
def home(tmp_path: Path, pack_source: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own in which the tiny pack is the shipped one."""
    folder = tmp_path / "home"
    shipped = tmp_path / "shipped"
    shutil.copytree(pack_source, shipped / "indicium-s")
    monkeypatch.setenv("INDICIUM_HOME", str(folder))
    monkeypatch.setenv("INDICIUM_PACKS", str(shipped))
    yield folder


Run = Callable[..., Outcome]


@pytest.fixture
def indicium(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def process(home: Path) -> Run:
    """Run a command in a process of its own; `module` may be another one than the application."""

    def run(*arguments: object, module: str = "desktop_app", **options: object) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            **options,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def make_photos() -> Callable[[Path], Path]:
    """Fills a folder of the test's own, in the file format and with the content of `photos`."""
    return fill
