"""What a person installs: the wheel holds one package with its data, and it works away from the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(target.glob("*.whl"))


def test_the_wheel_installs_one_import_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"desktop_app"}


def test_an_icon_a_translation_and_a_pack_load_from_the_wheel(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import desktop_app, pathlib\n"
        "assert desktop_app.__file__.startswith(sys.argv[1]), desktop_app.__file__\n"
        "from desktop_app.locate import packs_dir, resources_dir\n"
        "from desktop_app.inference.packs import verify_pack\n"
        "resources = resources_dir()\n"
        "assert resources.is_relative_to(sys.argv[1]), resources\n"
        "assert list((resources / 'icons').glob('*.svg'))\n"
        "assert list((resources / 'translations').iterdir())\n"
        "packs = [p for p in packs_dir().iterdir() if (p / 'manifest.json').exists()]\n"
        "assert packs, 'no pack in the wheel'\n"
        "problems = verify_pack(packs[0], deep=True)\n"
        "assert not problems, problems\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "site")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_version_is_the_same_everywhere():
    import desktop_app

    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    metainfo = (ROOT / "packaging" / "org.indicium.Indicium.metainfo.xml").read_text("utf-8")
    assert f'<release version="{desktop_app.__version__}"' in metainfo
    assert "[Unreleased]" in changelog or f"[{desktop_app.__version__}]" in changelog
