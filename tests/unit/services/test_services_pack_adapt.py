"""Adapting a pack to a person's labels: better or not at all."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.tiny_pack import make_tiny_pack

from desktop_app import cli
from desktop_app.domain.devices import Device
from desktop_app.domain.errors import UsageError
from desktop_app.inference.packs import verify_pack
from desktop_app.inference.session import OnnxEmbedder
from desktop_app.library.catalogue import Catalogue
from desktop_app.services.pack_adapt import LabelledPhoto, labels_of_library, read_labels
from desktop_app.services.pack_pictures import embed_pictures

PATTERNS = ("upright", "lying", "rising", "falling")


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def drawing(pattern: str, random: np.random.Generator) -> np.ndarray:
    """Stripes of any two colours: the label is their direction, most of what the pack sees is their colour."""
    rows, columns = np.mgrid[0:96, 0:96].astype(float)
    along = {
        "upright": columns,
        "lying": rows,
        "rising": (rows + columns) / np.sqrt(2),
        "falling": (rows - columns) / np.sqrt(2),
    }[pattern]
    share = 0.5 + 0.5 * np.sin(along * 2 * np.pi / random.uniform(9, 14) + random.uniform(0, 6))
    ground, ink = random.uniform(20, 235, size=(2, 3))
    picture = ground + share[..., None] * (ink - ground) + random.normal(0, 4, (96, 96, 3))
    return picture.clip(0, 255).astype(np.uint8)


@pytest.fixture
def labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of drawings with `labels.csv`, and a home with the tiny pack as the shipped one."""
    monkeypatch.setenv("INDICIUM_HOME", str(tmp_path / "home"))
    make_tiny_pack(tmp_path / "packs" / "indicium-s", name="indicium-s")
    monkeypatch.setenv("INDICIUM_PACKS", str(tmp_path / "packs"))
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label"])
        for pattern in PATTERNS:
            for number in range(24):
                name = f"{number:02}-{pattern}.png"
                Image.fromarray(drawing(pattern, random)).save(folder / name)
                table.writerow([name, pattern])
    return folder


def test_labels_make_a_better_pack_with_the_adapter_inside(labelled: Path, tmp_path: Path, capsys) -> None:
    assert run("packs", "adapt", "--labels", labelled / "labels.csv", "--name", "stripes", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["from"], made["photos"], made["labels"]) == ("indicium-s", 96, 4)
    assert made["mAP_after"] > made["mAP_before"] + 0.02
    folder = Path(made["path"])
    assert verify_pack(folder, deep=True) == []
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    base = json.loads((tmp_path / "packs" / "indicium-s" / "manifest.json").read_text("utf-8"))
    assert manifest["provenance"][-1]["source"].startswith("adapted from indicium-s")
    assert manifest["files"]["code.onnx"] == base["files"]["code.onnx"]
    assert manifest["local"] == base["local"] and manifest["input"] == base["input"]
    assert set(manifest["outputs"]) == set(base["outputs"])

    random = np.random.default_rng(99)
    fresh = [drawing(pattern, random) for pattern in PATTERNS for _ in range(12)]
    truth = np.repeat(np.arange(4), 12)
    found = {}
    for name, place in (("before", tmp_path / "packs" / "indicium-s"), ("after", folder)):
        embedder = OnnxEmbedder(place, device=Device.CPU)
        made_of = embed_pictures(embedder, fresh)
        embedder.close()
        alphas = np.stack([one.alpha for one in made_of])
        np.testing.assert_allclose(np.linalg.norm(alphas, axis=1), 1, atol=1e-5)
        cosines = alphas @ alphas.T - 2 * np.eye(len(alphas))
        found[name] = (truth[cosines.argmax(axis=1)] == truth).mean(), made_of[0].local_features
    assert found["after"][0] > found["before"][0]
    np.testing.assert_array_equal(found["after"][1], found["before"][1])
    assert run("packs", "remove", "stripes") == 0 and not folder.exists()


def test_labels_that_say_nothing_install_nothing_and_tell_both_figures(
    labelled: Path, tmp_path: Path, capsys
) -> None:
    lines = [line.split(",") for line in (labelled / "labels.csv").read_text().splitlines()[1:]]
    names = [label for _, label in lines]
    np.random.default_rng(1).shuffle(names)
    (labelled / "mixed.csv").write_text(
        "\n".join(f"{path},{name}" for (path, _), name in zip(lines, names, strict=True))
    )
    assert run("packs", "adapt", "--labels", labelled / "mixed.csv") == 1
    message = capsys.readouterr().err
    assert "no pack was installed" in message and message.count("0.") >= 2 and "not better" in message
    assert not (tmp_path / "home" / "packs" / "indicium-s-adapted").exists()


def test_tags_of_a_library_are_learnt_from_stored_descriptors(labelled: Path, tmp_path: Path, capsys) -> None:
    library = tmp_path / "library"
    assert run("index", labelled, "--library", library) == 0
    assert run("packs", "adapt", "--library", library, "--tags") == 2
    assert "has tags" in capsys.readouterr().err
    with Catalogue.create_or_open(library) as catalogue:
        for number in catalogue.photo_ids().tolist():
            record = catalogue.photo(number)
            pattern = record.path.decode().rpartition("-")[2].removesuffix(".png")
            catalogue.set_labels(number, "tags", [pattern, "drawing"])
    assert run("packs", "adapt", "--library", library, "--tags", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["name"] == "indicium-s-adapted" and made["labels"] == 4
    assert run("index", labelled, "--library", library, "--pack", made["name"]) == 0


def test_of_several_labels_the_rarest_is_learnt() -> None:
    class Session:
        class reader:  # noqa: N801
            @staticmethod
            def labels(kind: str) -> list[tuple[bytes, str]]:
                assert kind == "albums"
                return [(b"a", "all"), (b"a", "sea"), (b"b", "all"), (b"c", "all"), (b"c", "boat")]

    assert labels_of_library(Session(), "albums") == [  # type: ignore[arg-type]
        LabelledPhoto(b"a", "sea"),
        LabelledPhoto(b"b", "all"),
        LabelledPhoto(b"c", "boat"),
    ]


def test_a_table_of_labels_is_read_with_quotes_and_refused_by_line(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text('path,label\n"a, b.jpg",red\n\n/x/c.jpg, blue \n', encoding="utf-8-sig")
    place = bytes(tmp_path)
    assert read_labels(table) == [LabelledPhoto(place + b"/a, b.jpg", "red"), LabelledPhoto(b"/x/c.jpg", "blue")]
    table.write_text("a.jpg,red\nb.jpg\n")
    with pytest.raises(UsageError, match=r"line 2 of .*labels\.csv"):
        read_labels(table)
    table.write_text("a.jpg,red\na.jpg,red\na.jpg,blue\n")
    with pytest.raises(UsageError, match=r"line 3 of .* gives a\.jpg a second label, 'blue' after 'red'"):
        read_labels(table)
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(tmp_path / "missing.csv")


def test_too_few_labels_are_refused(labelled: Path, capsys) -> None:
    (labelled / "few.csv").write_text("00-upright.png,one\n01-upright.png,one\n02-upright.png,two\n")
    assert run("packs", "adapt", "--labels", labelled / "few.csv") == 2
    assert "too few to learn from" in capsys.readouterr().err
