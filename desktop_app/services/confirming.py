"""Whether the first results show the very picture that asks: pixels decide where scores are in doubt.

A score says how alike two photos are; photos of one kind of thing are alike too. A view of a photo (cut, scaled,
turned, in other light) is told from a look-alike by keypoints that agree on one transform, and by the structure
under it (`retrieval.same_picture`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.results import Hit, Words
from desktop_app.imaging.preview import decode_thumbnail
from desktop_app.retrieval.same_picture import Sketch, sameness, sketch
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.pictures import RecentlyUsed

log = logging.getLogger(__name__)

LOOKED_AT = 5  # first results that are compared
SIDE = 384  # pixels; finer than for duplicates, for a view may show a third of its photo
KEYPOINTS = 600
STRUCTURE = 0.3  # correlation under the transform from which two pictures are one; chosen on TRAIN photos
_REMEMBERED = 256  # sketches of about 170 KB


@dataclass(frozen=True, slots=True)
class Confirmation:
    """place: of the first result that is the picture that asks, None when none is. compared: whether there was
    anything to compare (a library may have lost its previews and its drive)."""

    place: int | None
    compared: bool


class Confirming:
    """Compares the picture that asks with the first results of a library; thread safe."""

    def __init__(self, session: LibrarySession) -> None:
        self._session = session
        self._sketches: RecentlyUsed[Sketch | None] = RecentlyUsed(_REMEMBERED)

    def among(self, rgb: NDArray[np.uint8], hits: Sequence[Hit], *, mirrored: bool = False) -> Confirmation:
        """Look for the picture `rgb`, [h, w, 3] uint8, among the first `LOOKED_AT` of `hits`; with `mirrored` for
        its mirror image too."""
        views = (rgb, np.ascontiguousarray(rgb[:, ::-1])) if mirrored else (rgb,)
        asked = [sketch(one, side=SIDE, keypoints=KEYPOINTS, fine=True) for one in views]
        compared = False
        for place, hit in enumerate(hits[:LOOKED_AT]):
            key = (hit.photo.id, hit.photo.fingerprint)
            answered = self._sketches.get(key, partial(self._sketch, hit.photo))
            if answered is None:
                continue
            compared = True
            if any(sameness(one, answered, mirror=False).structure >= STRUCTURE for one in asked):
                return Confirmation(place, compared)
        return Confirmation(None, compared)

    def _sketch(self, photo: PhotoRecord) -> Sketch | None:
        data = self._session.preview(photo)
        if data is None:
            return None
        try:
            return sketch(decode_thumbnail(data, SIDE), side=SIDE, keypoints=KEYPOINTS, fine=True)
        except UnreadableImage as error:
            log.warning("a preview is damaged: %s", error)
            return None


def with_confirmed(hits: Sequence[Hit], place: int) -> tuple[Hit, ...]:
    """The hits with the one at `place` first, called "almost certainly the same": the picture that asks comes
    before all that is only like it. It is shown with the best score; the scores of its stages stay."""
    first = replace(hits[place], score=hits[0].score, words=Words.ALMOST_CERTAIN)
    return (first, *hits[:place], *hits[place + 1 :])
