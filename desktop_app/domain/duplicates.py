"""Groups of photos that are one picture, and which of them to keep. Nothing here, or anywhere, deletes a photo."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from desktop_app.domain.photos import PhotoRecord, path_json


class Strictness(StrEnum):
    """What counts as a duplicate: identical files only, or copies that were edited less or more."""

    EXACT = "exact"
    STRICT = "strict"
    NORMAL = "normal"
    LOOSE = "loose"


class Keep(StrEnum):
    """Which photo of a group is proposed to be kept; the other rules decide between equals."""

    LARGEST = "largest"
    OLDEST = "oldest"
    RATED = "rated"


@dataclass(frozen=True, slots=True)
class DuplicatePhoto:
    """A photo of a group. `copy`: its file is identical with that of the photo that is kept."""

    photo: PhotoRecord
    keep: bool
    copy: bool
    rating: int = 0


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Photos that are one picture, the one to keep first. `exact`: all files are identical."""

    photos: tuple[DuplicatePhoto, ...]
    exact: bool

    @property
    def spare_bytes(self) -> int:
        """The size of all files but the one that is kept."""
        return sum(one.photo.size for one in self.photos if not one.keep)

    def as_json(self) -> dict[str, object]:
        return {
            "exact": self.exact,
            "photos": [
                {
                    **path_json(one.photo.path),
                    "keep": one.keep,
                    "copy": one.copy,
                    "width": one.photo.width,
                    "height": one.photo.height,
                    "bytes": one.photo.size,
                    "rating": one.rating,
                }
                for one in self.photos
            ],
        }


def in_order(photos: list[tuple[PhotoRecord, int]], keep: Keep) -> DuplicateGroup:
    """The group of photos with their ratings, the one to keep first.

    largest: most pixels, then most bytes. oldest: by capture time, else file time. rated: the best rating. Equals
    are decided by pixels, bytes, rating, time, and last by path, so that the same photos give the same answer.
    """

    def rank(entry: tuple[PhotoRecord, int]) -> tuple[object, ...]:
        photo, rating = entry
        when = photo.taken if photo.taken is not None else photo.mtime_ns / 1e9
        first = {Keep.LARGEST: 0.0, Keep.OLDEST: when, Keep.RATED: float(-rating)}[keep]
        return (first, -photo.width * photo.height, -photo.size, -rating, when, photo.path)

    ordered = sorted(photos, key=rank)
    kept = ordered[0][0].fingerprint
    return DuplicateGroup(
        photos=tuple(
            DuplicatePhoto(photo, keep=place == 0, copy=photo.fingerprint == kept, rating=rating)
            for place, (photo, rating) in enumerate(ordered)
        ),
        exact=all(photo.fingerprint == kept for photo, _ in ordered),
    )
