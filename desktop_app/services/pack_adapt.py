"""Adapt a pack to a person's own labels: a linear map behind its descriptor, installed only when it helps."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import PackError, UnreadableImage, UsageError
from desktop_app.domain.features import Embedding
from desktop_app.domain.photos import PhotoRecord, path_text
from desktop_app.domain.progress import Control, NoControl, Phase, Progress
from desktop_app.imaging.decode import decode_photo
from desktop_app.imaging.preview import decode_preview
from desktop_app.inference.manifest import EMBED_FILE
from desktop_app.inference.pack_graph import DescriptorHead, write_adapted
from desktop_app.inference.packs import InstalledPack, find_pack
from desktop_app.services.engine import Engine, OpenEngine
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.pack_heads import with_code
from desktop_app.services.pack_import import Calibrate
from desktop_app.services.pack_install import free_name, install, staged, write_manifest
from desktop_app.services.pack_pictures import FEWEST, LONG_SIDE, Rgb, embed_pictures

MOST = 4000  # labelled photos that are used
CALIBRATED = 300  # of them, for the scores
_CHUNK = 32


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A photo and the one label that it is learnt with."""

    path: bytes
    label: str


class Judged(Protocol):
    """A fitted adapter: weight [D, D], and mAP and R@1 on held-out photos without and with it."""

    @property
    def weight(self) -> NDArray[np.float64]: ...
    @property
    def before(self) -> float: ...
    @property
    def after(self) -> float: ...
    @property
    def first_before(self) -> float: ...
    @property
    def first_after(self) -> float: ...
    @property
    def queries(self) -> int: ...
    @property
    def by_classes(self) -> bool: ...
    @property
    def better(self) -> bool: ...


FitAdapter = Callable[[NDArray[np.float32], Sequence[int]], Judged]


@dataclass(frozen=True, slots=True)
class AdaptedPack:
    """An installed pack, mAP and R@1 (`first`) on the held-out part before and after, and what it learnt from."""

    name: str
    folder: Path
    base: str
    before: float
    after: float
    first_before: float
    first_after: float
    queries: int
    photos: int
    labels: int
    figures: Mapping[str, float]


def read_labels(path: Path) -> list[LabelledPhoto]:
    """Lines `path,label` of a CSV file in UTF-8; relative paths begin at its folder, a first line `path,label` is
    left out. Raises UsageError naming the file and the line, also for a photo with two labels."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as a table of path,label ({error})") from None
    photos: dict[bytes, str] = {}
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and [cell.lower() for cell in cells] == ["path", "label"]):
            continue
        if len(cells) != 2 or not all(cells):
            raise UsageError(f"line {number} of {path} is not path,label", remedy="Write two columns a line")
        photo = os.fsencode(path.absolute().parent / cells[0])
        if photos.setdefault(photo, cells[1]) != cells[1]:
            raise UsageError(
                f"line {number} of {path} gives {cells[0]} a second label, '{cells[1]}' after '{photos[photo]}'",
                remedy="Leave one label a photo",
            )
    return [LabelledPhoto(photo, label) for photo, label in photos.items()]


def labels_of_library(session: LibrarySession, source: str) -> list[LabelledPhoto]:
    """The photos of a library with their tags, albums or marks; of several labels the rarest, which says most."""
    found = session.reader.labels(source)
    counts: dict[str, int] = {}
    for _, label in found:
        counts[label] = counts.get(label, 0) + 1
    rarest: dict[bytes, str] = {}
    for path, label in found:
        known = rarest.get(path)
        if known is None or (counts[label], label) < (counts[known], known):
            rarest[path] = label
    return [LabelledPhoto(path, label) for path, label in rarest.items()]


def adapt_pack(
    labelled: Sequence[LabelledPhoto],
    *,
    session: LibrarySession | None,
    pack: str | None,
    open_engine: OpenEngine,
    fit: FitAdapter,
    calibrate: Calibrate,
    source: str,
    name: str | None = None,
    folders: Sequence[Path] | None = None,
    control: Control | None = None,
) -> Generator[Progress, None, AdaptedPack]:
    """Learn an adapter from `labelled`, judge it on a held-out part, and install pack + adapter when it is better.

    session: a library that may know features and previews of the photos already. fit, calibrate: the fits of
    evaluation. source: where the labels are from, for the provenance.
    Raises UsageError for too few labels or a name that is taken, PackError when the adapter is not better.
    """
    control = control or NoControl()
    base = find_pack(pack, folders=folders)
    name = free_name(name, f"{base.name}-adapted", folders)
    chosen = _most(labelled)
    engine = open_engine(str(base.directory))
    try:
        alphas, kept = yield from _descriptors(chosen, engine, session, control)
        names = sorted({photo.label for photo in kept})
        classes = [names.index(photo.label) for photo in kept]
        yield Progress(Phase.LEARNING, message="fitting and judging the adapter")
        try:
            fitted = fit(alphas, classes)
        except ValueError as error:
            raise UsageError(f"the {source} cannot be learnt from: {error}") from None
    finally:
        engine.embedder.close()
    if not fitted.better:
        held = "labels" if fitted.by_classes else "photos"
        raise PackError(
            f"no pack was installed: on held-out {held} the adapter has mAP {fitted.after:.3f} and R@1 "
            f"{fitted.first_after:.3f}, {base.name} {fitted.before:.3f} and {fitted.first_before:.3f} "
            f"({fitted.queries} queries), which is not better beyond chance",
            remedy="Label more photos, or go on with the pack as it is",
        )
    with staged(folders) as folder:
        for path in base.directory.iterdir():
            if path.name in base.manifest.files and path.name != EMBED_FILE:
                shutil.copyfile(path, folder / path.name)
        moved = alphas.astype(np.float64) @ fitted.weight.T
        moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
        head = with_code(np.zeros(alphas.shape[1]), fitted.weight, moved)
        document = _document(name, base, head, folder, fitted, source)
        write_manifest(folder, document)
        yield Progress(Phase.CHECKING, message="measuring scores with the adapter")
        control.wait_if_paused()
        sections, figures = _calibrated(folder, kept, classes, session, open_engine, calibrate)
        document |= {key: dict(value) for key, value in sections.items()}
        write_manifest(folder, document)
        place = install(folder, name, folders)
    yield Progress(Phase.DONE)
    return AdaptedPack(
        name=name,
        folder=place,
        base=base.name,
        before=fitted.before,
        after=fitted.after,
        first_before=fitted.first_before,
        first_after=fitted.first_after,
        queries=fitted.queries,
        photos=len(kept),
        labels=len(names),
        figures=dict(figures),
    )


def _most(labelled: Sequence[LabelledPhoto]) -> list[LabelledPhoto]:
    """At most MOST photos whose label another photo has too, one label after the other so that none is lost."""
    by_label: dict[str, list[LabelledPhoto]] = {}
    for photo in dict.fromkeys(labelled):
        by_label.setdefault(photo.label, []).append(photo)
    groups = [group for group in by_label.values() if len(group) > 1]
    chosen = [group[at] for at in range(max(map(len, groups), default=0)) for group in groups if at < len(group)]
    if len(chosen) < FEWEST or len(groups) < 2:
        raise UsageError(
            f"{len(chosen)} photos share a label with another, of {len(groups)} labels: too few to learn from",
            remedy=f"Label at least {FEWEST} photos with two or more labels",
        )
    return chosen[:MOST]


def _descriptors(
    chosen: Sequence[LabelledPhoto], engine: Engine, session: LibrarySession | None, control: Control
) -> Generator[Progress, None, tuple[NDArray[np.float32], list[LabelledPhoto]]]:
    """[N, D] descriptors: stored ones where the library has them, else made now; and the photos that gave one."""
    rows: list[NDArray[np.float32]] = []
    kept: list[LabelledPhoto] = []
    for start in range(0, len(chosen), _CHUNK):
        control.wait_if_paused()
        part = chosen[start : start + _CHUNK]
        known = [_stored(photo, engine.digest, session) for photo in part]
        pictures = [
            None if row is not None else _picture(photo, session) for photo, row in zip(part, known, strict=True)
        ]
        made = iter(embed_pictures(engine.embedder, [rgb for rgb in pictures if rgb is not None]))
        for photo, row, rgb in zip(part, known, pictures, strict=True):
            alpha = row if row is not None else (None if rgb is None else next(made).alpha)
            if alpha is not None:
                rows.append(alpha)
                kept.append(photo)
        yield Progress(Phase.INDEXING, done=min(start + _CHUNK, len(chosen)), total=len(chosen))
    if len(kept) < FEWEST:
        raise UsageError(f"only {len(kept)} of the {len(chosen)} labelled photos can be read")
    return np.stack(rows), kept


def _record(photo: LabelledPhoto, session: LibrarySession | None) -> PhotoRecord | None:
    return None if session is None else session.reader.photo_by_path(photo.path)


def _stored(photo: LabelledPhoto, digest: str, session: LibrarySession | None) -> NDArray[np.float32] | None:
    record = _record(photo, session)
    if session is None or record is None or record.fingerprint is None:
        return None
    features = session.reader.features_for(record.fingerprint, digest)
    return None if features is None else features.alpha.astype(np.float32)


def _picture(photo: LabelledPhoto, session: LibrarySession | None) -> Rgb | None:
    """The pixels: of the file, else of the library's preview."""
    try:
        return decode_photo(photo.path, long_side=LONG_SIDE, fingerprint=False).rgb
    except UnreadableImage:
        record = _record(photo, session)
        data = None if session is None or record is None else session.preview(record)
        return None if data is None else decode_preview(data)


def _document(
    name: str, base: InstalledPack, head: DescriptorHead, folder: Path, fitted: Judged, source: str
) -> dict[str, object]:
    """Write the adapted graph; the manifest is the base's with new names, provenance and figures."""
    outputs = dict(base.manifest.outputs)
    code = outputs.get("alpha_code")
    regions = outputs.get("regions")
    graph = write_adapted(
        folder / EMBED_FILE,
        base.directory / EMBED_FILE,
        alpha=outputs["alpha"].name,
        alpha_code=None if code is None else code.name,
        regions=None if regions is None else regions.name,
        descriptor=head,
    )
    raw = {key: value for key, value in base.manifest.raw.items() if key not in ("files", "figures")}
    described = dict(raw["outputs"]) if isinstance(raw["outputs"], Mapping) else {}
    size, octets = len(head.weight), len(head.code_weight) // 8
    described["alpha"] = {"name": graph.names["alpha"], "dtype": "float32", "shape": ["B", size]}
    described["alpha_code"] = {"name": graph.names["alpha_code"], "dtype": "uint8", "shape": ["B", octets]}
    if regions is not None:
        described["regions"] = {**described["regions"], "name": graph.names["regions"]}
    provenance = raw.get("provenance")
    entry = {
        "name": base.name,
        "source": f"adapted from {base.name} {base.manifest.version}",
        "licence": base.manifest.licence,
        "use": f"linear adapter learnt from {source}",
    }
    return raw | {
        "name": name,
        "title": f"{base.manifest.title}, adapted",
        "description": f"{base.name} adapted to {source}",
        "outputs": described,
        "provenance": [*(provenance if isinstance(provenance, list) else []), entry],
        "figures": {
            "adapted": {
                "from": base.name,
                "held_out_queries": fitted.queries,
                "mAP_before": round(fitted.before, 4),
                "mAP_after": round(fitted.after, 4),
                "R@1_before": round(fitted.first_before, 4),
                "R@1_after": round(fitted.first_after, 4),
            }
        },
    }


def _calibrated(
    folder: Path,
    kept: Sequence[LabelledPhoto],
    classes: Sequence[int],
    session: LibrarySession | None,
    open_engine: OpenEngine,
    calibrate: Calibrate,
) -> tuple[Mapping[str, Mapping[str, object]], Mapping[str, float]]:
    """What the manifest says about scores, fitted anew on labelled photos: the descriptor has changed."""
    pictures: list[Rgb] = []
    labels: list[int] = []
    for photo, label in zip(kept[:CALIBRATED], classes, strict=False):
        rgb = _picture(photo, session)
        if rgb is not None:
            pictures.append(rgb)
            labels.append(label)
    if len(pictures) < FEWEST:
        place = path_text(kept[0].path)
        raise UsageError(f"too few of the labelled photos can be read, for example {place}")
    engine = open_engine(str(folder))
    try:

        def embed(asked: Sequence[Rgb]) -> list[Embedding]:
            return embed_pictures(engine.embedder, asked)

        return calibrate(pictures, embed, engine.embedder.code_logits, labels=labels)
    finally:
        engine.embedder.close()
