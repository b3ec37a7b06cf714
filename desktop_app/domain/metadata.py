"""What a file says about its photo beside the pixels: when, with what, where, and what people wrote into it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

LEAST_RATING, MOST_RATING = -1, 5
"""As in XMP: -1 rejected, 0 not rated, 1 to 5 stars."""


@dataclass(frozen=True, slots=True)
class PhotoMetadata:
    """Facts from EXIF, IPTC and XMP, in the file or in a sidecar; None where nobody says.

    taken: seconds of the camera's wall clock. kind: of picture, as shown ("JPEG"). latitude, longitude: degrees,
    north and east positive. place: a name ("Vienna, Austria"). rating: -1 to 5. caption: title and description.
    """

    taken: float | None = None
    camera: str | None = None
    lens: str | None = None
    kind: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    place: str | None = None
    rating: int | None = None
    caption: str | None = None
    keywords: tuple[str, ...] = ()

    def or_else(self, other: PhotoMetadata) -> PhotoMetadata:
        """These facts, with those of `other` where they are missing; keywords of both, each once."""
        lacking = {
            name: getattr(other, name)
            for name in (field.name for field in fields(self))
            if name != "keywords" and getattr(self, name) is None
        }
        if self.latitude is not None or self.longitude is not None:
            lacking.pop("latitude", None)  # half a position of another source is no position
            lacking.pop("longitude", None)
        keywords = tuple(dict.fromkeys((*self.keywords, *other.keywords)))
        return replace(self, keywords=keywords, **lacking)
