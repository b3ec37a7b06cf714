"""The evidence page as an SVG: the same painter, every word escaped, nothing asked for from outside."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from desktop_app.domain.evidence import CoAttention, EvidenceSource, MatchEvidence, PatchLink, Strength
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.imaging.overlay import EvidencePage, PagePicture, evidence_picture, evidence_svg

GRID = Grid(4, 4)
BOX = Region(0, 0, 80, 60)
NAME = 'a <b>&"quoted" \x07.jpg'
SPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def evidence() -> MatchEvidence:
    flat = np.full((4, 4), 0.5, np.float32)
    one, two = Cell(0, 1), Cell(2, 3)
    links = (
        PatchLink(one, two, GRID.cell_region(one, BOX), GRID.cell_region(two, BOX), 0.9, Strength.STRONG),
        PatchLink(two, one, GRID.cell_region(two, BOX), GRID.cell_region(one, BOX), 0.6, Strength.WEAK),
    )
    return MatchEvidence(
        0.8,
        EvidenceSource.LOCAL,
        CoAttention(flat, flat),
        flat,
        flat,
        links,
        "Same thing (0.80).",
        GRID,
        GRID,
        BOX,
        BOX,
    )


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)


@pytest.mark.parametrize("layer", ["attention", "areas", "links"])
def test_the_drawing_is_as_large_as_the_picture_and_says_the_same(evidence, rgb, layer) -> None:
    page = EvidencePage(PagePicture(rgb, NAME), PagePicture(rgb), evidence, layer=layer, width=600)
    painted, root = evidence_picture(page), ElementTree.fromstring(evidence_svg(page))
    assert (int(root.attrib["width"]), int(root.attrib["height"])) == (painted.shape[1], painted.shape[0])
    said = " ".join(text.text or "" for text in root.iter(f"{SPACE}text"))
    assert 'a <b>&"quoted"' in said and "Same thing (0.80)." in said and "\x07" not in said


def test_nothing_is_asked_for_from_outside(evidence, rgb) -> None:
    text = evidence_svg(EvidencePage(PagePicture(rgb, NAME), PagePicture(rgb), evidence, width=600))
    pictures = list(ElementTree.fromstring(text).iter(f"{SPACE}image"))
    assert len(pictures) == 2
    assert all(picture.attrib["href"].startswith("data:image/jpeg;base64,") for picture in pictures)
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]


def test_a_link_runs_between_the_same_points_as_in_the_picture(evidence, rgb) -> None:
    root = ElementTree.fromstring(
        evidence_svg(EvidencePage(PagePicture(rgb), PagePicture(rgb), evidence, width=600))
    )
    paths = [path for path in root.iter(f"{SPACE}path") if path.attrib["stroke"] == "#56b4e9"]
    frames = [
        tuple(float(picture.attrib[name]) for name in ("x", "y", "width", "height"))
        for picture in root.iter(f"{SPACE}image")
    ]
    numbers = [float(value) for value in re.findall(r"-?\d+\.\d+", paths[0].attrib["d"])]
    (x, y, w, h), (x2, y2, w2, h2) = frames
    assert numbers[:2] == pytest.approx([x + w * 0.5, y + h * 0.125], abs=0.02)
    assert numbers[-2:] == pytest.approx([x2 + w2 * 0.75, y2 + h2 * 0.625], abs=0.02)


def test_names_inside_carry_the_prefix_so_that_drawings_can_share_a_document(evidence, rgb) -> None:
    page = EvidencePage(PagePicture(rgb), PagePicture(rgb), evidence, width=600)
    first, second = (evidence_svg(page, prefix=prefix) for prefix in ("a-", "b-"))
    ids = [set(re.findall(r'id="([^"]+)"', text)) for text in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    assert all(f"url(#{name})" in first for name in ids[0])


def test_a_theme_that_does_not_exist_and_a_narrow_page_are_refused(evidence, rgb) -> None:
    with pytest.raises(ValueError, match="unknown theme"):
        evidence_svg(EvidencePage(PagePicture(rgb), PagePicture(rgb), evidence, theme="neon"))
    with pytest.raises(ValueError, match="too narrow"):
        evidence_svg(EvidencePage(PagePicture(rgb), PagePicture(rgb), evidence, width=200))
