"""Small libraries for tests: features by seed, files by name, indexing without a network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from desktop_app.domain.features import LocalCodes, PhotoFeatures
from desktop_app.domain.photos import FolderId, FoundFile, PhotoId, PhotoRecord
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.records import IndexedPhoto, ScanChanges
from desktop_app.library.scan import LeftOutItem, scan_folder
from desktop_app.library.scan_rules import PictureKind, ScanOptions

PACK = "pack-one"
KINDS = {
    b".jpg": PictureKind("JPEG"),
    b".png": PictureKind("PNG"),
    b".heic": PictureKind("HEIC"),
    b".cr3": PictureKind("RAW", raw=True),
}


def features(seed: int, *, dimension: int = 512, second: bool = True) -> PhotoFeatures:
    """Features of the shapes a pack gives, different for every seed; `second`: of one with a second model."""
    rng = np.random.default_rng(seed)
    alpha = rng.normal(size=dimension)
    return PhotoFeatures(
        alpha=(alpha / np.linalg.norm(alpha)).astype(np.float16),
        alpha_code=rng.integers(0, 256, dimension // 8, dtype=np.uint8),
        local=LocalCodes(
            codes=rng.integers(0, 256, (32, 16), dtype=np.uint8),
            labels=rng.integers(0, 32, (14, 14), dtype=np.uint8),
            centroids=rng.integers(-127, 128, (32, 128), dtype=np.int8),
            scale=0.00390625,
        ),
        beta=rng.normal(size=256).astype(np.float16) if second else None,
        beta_code=rng.integers(0, 256, 32, dtype=np.uint8) if second else None,
    )


def fingerprint_of(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def seed_of(fingerprint: bytes) -> int:
    return int.from_bytes(fingerprint[:4], "big")


def indexed(photo: PhotoRecord, *, fingerprint: bytes | None = None, taken: float | None = None) -> IndexedPhoto:
    """`photo` as if it had been decoded and embedded; without a fingerprint its file is read for one."""
    if fingerprint is None:
        fingerprint = fingerprint_of(photo.location.read_bytes())
    return IndexedPhoto(
        photo=photo,
        fingerprint=fingerprint,
        width=640,
        height=480,
        features=features(seed_of(fingerprint)),
        taken=taken,
        camera="Camera",
    )


def index_all(catalogue: Catalogue, digest: str = PACK) -> list[PhotoId]:
    """Index whatever waits."""
    done: list[PhotoId] = []
    while waiting := catalogue.pending(50, digest=digest):
        done += catalogue.commit_batch(digest, [indexed(photo) for photo in waiting])
    return done


def scan(catalogue: Catalogue, folder: FolderId, root: Path, *, options: ScanOptions | None = None) -> ScanChanges:
    """Scan `root` from disk and record what was found, as a service does."""
    items = list(scan_folder(os.fsencode(root), KINDS, options=options))
    return catalogue.record_scan(
        folder,
        [item for item in items if isinstance(item, FoundFile)],
        out_of_reach=[item.path for item in items if isinstance(item, LeftOutItem) and item.out_of_reach],
    )


def write_photos(root: Path, names: Iterable[str]) -> None:
    """Files with contents of their own; the catalogue never looks inside."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"the content of {name}".encode())


def names_of(photos: Sequence[PhotoRecord]) -> list[str]:
    return [photo.name for photo in photos]


def found(path: str, *, size: int = 100, mtime: float = 1_000_000.0) -> FoundFile:
    return FoundFile(path.encode(), size, int(mtime * 1e9))
