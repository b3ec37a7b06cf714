"""The pack that is shipped, on real photographs it has never seen: that it works, not how good it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.acceptance.conftest import Run


@pytest.fixture(autouse=True)
def shipped_pack(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INDICIUM_PACKS")


def test_the_shipped_pack_passes_its_own_checks(indicium: Run) -> None:
    listed = indicium("packs", "list", "--json").json["packs"]
    assert [pack["name"] for pack in listed] == ["indicium-s"]
    assert listed[0]["shipped"] is True and listed[0]["licence"]
    assert indicium("packs", "verify", "--json").json["packs"][0]["problems"] == []


def test_a_crop_finds_the_photograph_it_was_cut_from_and_the_evidence_says_why(
    photos: Path, indicium: Run
) -> None:
    index = indicium("index", photos, "--json")
    assert index.json["indexed"] == 40
    right = 0
    crops = sorted(photos.rglob("crop.jpg"))
    for crop in crops:
        results = indicium("search", crop, "--json", "--top", 4).json["results"]
        right += Path(results[0]["path"]).parent == crop.parent
    assert right >= len(crops) - 1
    same = indicium("explain", photos / "coffee" / "crop.jpg", photos / "coffee" / "whole.jpg", "--json").json
    assert same["relevance"] > 0.5 and same["links"]
    other = indicium("explain", photos / "coffee" / "crop.jpg", photos / "text" / "whole.jpg", "--json").json
    assert other["relevance"] < 0.5 and other["links"] == []
    assert np.array(other["P"]).max() < 0.05
