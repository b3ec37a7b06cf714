"""The model card of a pack, written from what was measured.

    python -m models.card models/packs/indicium-s --notes FILE.md

puts what was measured after the export (evaluation sets, speed, input sizes) into the card, and the card's new
digest into the manifest.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.checkpoint import State
from models.manifest import PROVENANCE, Shape, described, write_json

START = "## Measured after the export\n"
END = "## What it is bad at\n"
CARD = """# Indicium small (`indicium-s`)

The model pack that Indicium ships: one network that turns a photo into a global descriptor, a local map and local
features. {parameters:,} parameters, stored as {precision}. Trained by the makers of Indicium from random weights.

## What it is
- Backbone: a plain residual network of our own in four stages; head: S3 (DPLG), GeM of the last map, a receptive-field
  block over the map before it, dot-product fusion, one attention row; a 512-d L2-normalised descriptor.
- A second descriptor of 256 dimensions for two-model re-ranking (S2), from the last two maps, taught by labels.
- Beside them a non-negative local map and 128-d local features, one per 16 x 16 pixels of the input, and a code
  layer (LM-BiHalf, 128 bits). Hash codes of both descriptors by PCA and ITQ. The descriptor of 14 regions of the
  photo (1 x 1, 2 x 2, 3 x 3) from the same maps.
- Optional parts, read where the manifest names them: co-attention (S0, CANet) and indicative matching (S1).
- The whole photo is seen: it is resized to the nearest of these input shapes (height x width): {shapes}.

## Training data and teacher
Distilled from the outputs (never the weights) of an ImageNet MobileNetV2 (int8, Apache-2.0) on these photos. {photos}
Where a source says "with labels", its folders or WordNet ids taught the second descriptor (ArcFace, m = 0.15, s = 30)
at a low weight in the same training, and through it the trunk; held-out classes, and imagenette's ten classes in
every source, were left out of that. Classes of the evaluation sets may still have a namesake among the 1,000 classes
of two photos each.

| source | licence as stated | use |
|---|---|---|
{sources}

Photos that are near-copies of a photo of our evaluation sets (also mirrored, by perceptual hash) were left out of
this training: {copies}. The trunk that it started from was trained before they were counted, so it had seen them,
without labels; and, by oversight, about 2,000 of the 4,092 evaluation photos of `cars` (classes 99 to 196) as well,
also without labels. The `cars` figures of this pack are marked for that.
The weights are licensed under Apache-2.0 like the code. Several sources allow research use only; whoever ships the
pack in a product should weigh that.

## Figures on held-out TRAIN classes
Every fourth class of each labelled set, kept from the heads learnt in closed form and from every use of labels; the
trunk was distilled on these photos too, without labels, so the figures serve for choices and flatter a little. Every
photo is a query in the rest of its set, or 200 of each. `python -m models.evaluate.holdout` prints them again.

{holdout}

## Measured after the export
{extra}

## What it is bad at
- It is small and was taught by a small teacher: kinds of things it never saw (drawings, microscopy, X-rays) group
  loosely. It knows no text and no faces, and does not recognise a person.
- Small objects in a large scene are easily outweighed by the scene: draw a rectangle around them.
- Fine differences (car models, bird species, product variants) are mostly beyond it.
- Photos turned by 90 degrees or mirrored match less well than upright ones.
"""


def _table(holdout: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]) -> str:
    lines = ["| form | set | stage | mAP | R@1 | P@20 |", "|---|---|---|---|---|---|"]
    for form, sets in holdout.items():
        for name, stages in sets.items():
            for stage, row in stages.items():
                figures = " | ".join(f"{row[key]:.3f}" for key in ("mAP", "R@1", "P@20"))
                lines.append(f"| {form} | {name} | {stage} | {figures} |")
    return "\n".join(lines)


def write_card(
    path: Path,
    *,
    shapes: Sequence[Shape],
    precision: str,
    figures: Mapping[str, Any],
    state: State,
    run: Path,
    extra: str = "Nothing yet.",
) -> None:
    """Write MODEL_CARD.md. `figures` as in the manifest; photos and copies come from the run folder."""
    seen = json.loads((run / "photos.json").read_text()) if (run / "photos.json").exists() else {}
    sources = "\n".join(f"| {p['name']} ({p['source']}) | {p['licence']} | {p['use']} |" for p in PROVENANCE)
    photos = f"{seen['photos']:,} photos; the last phase saw {state.step * 32:,} crops of them." if seen else ""
    path.write_text(
        CARD.format(
            parameters=figures["parameters"],
            precision=precision,
            photos=photos,
            sources=sources,
            shapes=", ".join(f"{h} x {w}" for h, w in shapes),
            copies=seen.get("near_copies_left_out", "not counted"),
            holdout=_table(figures["holdout"]),
            extra=extra,
        ),
        encoding="utf-8",
    )


def add_notes(pack: Path, notes: str) -> None:
    """Replace the section "Measured after the export" of a pack's card. Raises ValueError when it has none."""
    card, path = pack / "MODEL_CARD.md", pack / "manifest.json"
    before, found, rest = card.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not found or not end:
        raise ValueError(f"{card} has no section for what was measured after the export")
    card.write_text(f"{before}{START}{notes.strip()}\n\n{END}{after}", encoding="utf-8")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["files"][card.name] = described(card)
    write_json(path, manifest)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--notes", type=Path, required=True)
    args = parser.parse_args(argv)
    add_notes(args.pack, args.notes.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
