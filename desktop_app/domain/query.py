"""What a person asks: pictures or regions of them, wanted or not wanted, with weights; and their marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UsageError
from desktop_app.domain.filters import PhotoFilter
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.outline import Outline, Part
from desktop_app.domain.photos import FolderId, PhotoId


class Profile(StrEnum):
    """How much work a search does."""

    INSTANT = "instant"
    BALANCED = "balanced"
    THOROUGH = "thorough"


@dataclass(frozen=True, slots=True)
class FilePicture:
    """A picture in a file (dropped, chosen, given on the command line)."""

    path: bytes


@dataclass(frozen=True, slots=True)
class LibraryPicture:
    """A photo of the library; it is never among its own results."""

    id: PhotoId


@dataclass(frozen=True, slots=True, eq=False)
class PixelPicture:
    """Pixels that came without a file (pasted, dragged from a browser): [H, W, 3] uint8 RGB."""

    rgb: NDArray[np.uint8]
    name: str = "pasted picture"


Picture = FilePicture | LibraryPicture | PixelPicture

_ORIENTATIONS = ((1, 6, 3, 8), (2, 7, 4, 5))  # by mirrored, then by quarters


@dataclass(frozen=True, slots=True)
class Turn:
    """How a picture is turned before it asks: mirrored (left and right exchanged) or not, then by `degrees`
    clockwise: 0, 90, 180 or 270. Raises UsageError for other angles."""

    degrees: int = 0
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.degrees not in (0, 90, 180, 270):
            raise UsageError(f"a picture cannot be turned by {self.degrees}°", remedy="Take 0, 90, 180 or 270")

    @property
    def orientation(self) -> int:
        """The EXIF orientation (1..8) that does the same."""
        return _ORIENTATIONS[self.mirrored][self.degrees // 90]

    @property
    def words(self) -> str:
        """`mirrored and turned by 90° clockwise`; empty for a picture as it is."""
        parts = ["mirrored"] if self.mirrored else []
        if self.degrees:
            parts.append(f"turned by {self.degrees}°{'' if self.degrees == 180 else ' clockwise'}")
        return " and ".join(parts)


AS_IT_IS = Turn()
TURNS = tuple(Turn(degrees, mirrored) for mirrored in (False, True) for degrees in (0, 90, 180, 270))
"""All eight, the picture as it is first."""


@dataclass(frozen=True, slots=True)
class QueryItem:
    """One picture of a query.

    `region` restricts it to a rectangle of its oriented pixels, `outline` to what lies inside a free outline;
    then `region` is the rectangle round it, or a part of that. `negative` means "not like this".
    `cell_weights` weighs cells of the map over the region (or the whole picture): marked cells count more,
    rejected ones 0. Empty means all cells count the same. `from_mark` says that a mark on a result made this
    item: such a photo stays among the results. `turn` is done before anything else: region, outline and cells are
    those of the turned picture.
    """

    picture: Picture
    region: Region | None = None
    negative: bool = False
    weight: float = 1.0
    cell_weights: Mapping[Cell, float] = field(default_factory=dict)
    grid: Grid | None = None
    from_mark: bool = False
    turn: Turn = AS_IT_IS
    outline: Outline | None = None

    def __post_init__(self) -> None:
        if self.outline is not None and self.region is None:
            object.__setattr__(self, "region", self.outline.box)

    @property
    def part(self) -> Part | None:
        """The part of the picture that asks, None for all of it."""
        return self.outline or self.region

    def with_part(self, part: Part | None) -> QueryItem:
        """The picture asking with this part, None for all of it. Weights of marked cells belong to the grid of
        the old part, so they go."""
        outline = part if isinstance(part, Outline) else None
        region = part if isinstance(part, Region) else None
        return replace(self, region=region, outline=outline, cell_weights={}, grid=None)


class Pooling(StrEnum):
    """How the maps of several results become one mask (S1 section 3.4)."""

    AVERAGE = "average"
    MAXIMUM = "maximum"


MOST_AUTOMATIC = 10


@dataclass(frozen=True, slots=True)
class AutomaticFeedback:
    """Pseudo-relevance feedback (S1 eq. 10): the first `count` results (1 to 10) are taken to be right, and what
    of the query they share counts more in a second pass. Raises UsageError for another count."""

    pooling: Pooling = Pooling.AVERAGE
    count: int = 5

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_AUTOMATIC:
            raise UsageError(
                f"automatic feedback from {self.count} results is not possible",
                remedy=f"Take a number from 1 to {MOST_AUTOMATIC}",
            )


@dataclass(frozen=True, slots=True)
class Query:
    """A whole question. `folders` None means everywhere; `round` counts feedback rounds from 1; `automatic` None
    means that only a person's marks change the question; `chosen`: only photos that this filter leaves answer.
    `turned`: the picture is also looked for turned by quarters and mirrored, and asks in the one orientation that
    is found best; that takes one whole picture without marks or automatic feedback (raises UsageError)."""

    items: tuple[QueryItem, ...]
    profile: Profile = Profile.BALANCED
    top: int = 200
    folders: frozenset[FolderId] | None = None
    round: int = 1
    automatic: AutomaticFeedback | None = None
    chosen: PhotoFilter = field(default_factory=PhotoFilter)
    turned: bool = False

    def __post_init__(self) -> None:
        if self.turned and not (can_be_turned(self.items) and self.automatic is None):
            raise UsageError(
                "only one whole picture can be looked for turned and mirrored",
                remedy="Leave out regions, marks, further pictures and automatic feedback",
            )

    def with_items(self, items: tuple[QueryItem, ...]) -> Query:
        """The same question with other pictures; turned pictures are looked for no longer where that cannot be."""
        return replace(self, items=items, turned=self.turned and can_be_turned(items))


def can_be_turned(items: Sequence[QueryItem]) -> bool:
    """Whether pictures can be looked for turned and mirrored: one whole picture without marks."""
    return len(items) == 1 and items[0].region is None and not items[0].cell_weights


class Side(StrEnum):
    """Which picture of the evidence page a mark lies on."""

    QUERY = "query"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Mark:
    """A click on the evidence: one cell of one picture, wanted (+1) or not wanted (-1).

    On the query side `item` is the index of the query's item; on the result side `photo` is the result.
    `grid` is the grid the cell belongs to and `box` the pixels the grid covers in that picture. `weight`: how much
    it counts, above 0.
    """

    side: Side
    cell: Cell
    grid: Grid
    box: Region
    sign: int
    item: int = 0
    photo: PhotoId | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class RegionMark:
    """A rectangle of a picture, wanted or not wanted. `box`: the pixels of the whole picture, or of the part of it
    that is asked with; the rest as for `Mark`."""

    side: Side
    region: Region
    box: Region
    sign: int
    item: int = 0
    photo: PhotoId | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class PhotoMark:
    """A whole result, wanted or not wanted."""

    photo: PhotoId
    sign: int
    weight: float = 1.0


AnyMark = Mark | RegionMark | PhotoMark
