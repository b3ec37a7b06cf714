"""What scores mean in one library: levels measured on its own photos, and the curve through them.

[ours] A pack's curve is learnt on photos of all kinds, so it judges a library of one kind of thing too generously.
Here made views of the library's photos say what a match reaches, and the best of the other photos what is reached
without one, both by the same search that answers people. How alike a query is to the library as a whole (its
background) is taken off first: what stands out is what matches. The levels are such raised scores; the score shown
runs along fixed marks (`MARKS`) between them, and 1 is for copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from desktop_app.retrieval.parameters import WordThresholds

Raw = NDArray[np.float32]

LEAST_SAMPLES = 12  # asked photos below which nothing is said about a library
BACKGROUND_SAMPLE = 512  # photos that the background of a query is measured on
BACKGROUND = 0.985  # quantile of their cosines: what the query has in common with the few nearest of them
ALIKE = 0.5  # of the views: photos as near to each other as these to their photo are pictures of one thing
SIMILAR_SHARE = 0.005  # share of the photos that reach "similar" with a random query
SURE_SHARE = 0.01  # share of queries without a match whose best photo reaches "same thing"
TYPICAL = 0.5  # of the views whose photo reaches "almost certainly the same"
MARKS = (0.0, 0.1, 0.4, 0.5, 0.7, 0.9, 1.0)
"""The scores shown at the floor, and at each level of `ScoreLevels` in their order."""
WORDS = WordThresholds(similar=MARKS[2], same_thing=MARKS[4], almost_certain=MARKS[5], found=MARKS[3])
_STEP = 1e-4  # least distance of two levels, so that a better raw score is always a better score


@dataclass(frozen=True, slots=True)
class ScoreLevels:
    """Raw scores, less `share` times the query's background, of one chain of stages in one library, rising.

    unrelated: the middle of all photos. similar: what one photo in 200 reaches with a random query. found: what
    tells a photo and its views best from the best of the other photos; below it "nothing here matches well".
    same_thing: what the best photo reaches in one of 100 searches without a match. almost_certain: what half of
    the views reach, and no photo without a match. copy: what an identical picture has.
    """

    share: float
    unrelated: float
    similar: float
    found: float
    same_thing: float
    almost_certain: float
    copy: float

    def __post_init__(self) -> None:
        values = self.values()
        if not np.isfinite((self.share, *values)).all() or any(low >= high for low, high in pairwise(values)):
            raise ValueError(f"levels must be finite and rise: {values}")

    def values(self) -> tuple[float, ...]:
        """The six levels, rising."""
        return tuple(float(value) for name, value in asdict(self).items() if name != "share")

    def scores(self, raw: Raw, background: float) -> NDArray[np.float32]:
        """[N] raw scores of one query to [N] float32 in 0..1: straight lines between the marks, order kept."""
        levels = self.values()
        floor = levels[0] - max(_STEP, levels[1] - levels[0])
        raised = raw.astype(np.float64) - self.share * background
        return np.interp(raised, (floor, *levels), MARKS).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One photo of the library asked with a made view of itself.

    own: raw score of the photo itself (-inf when it is not among the candidates). others: [n] raw scores of the
    other photos of the list, falling. kin: [n] raw scores of the same photos when the photo itself asks (-inf for
    those that are not in that list). copy: raw score of the photo with itself. background: that of the view.
    photos: how many were searched.
    """

    own: float
    others: Raw
    kin: Raw
    copy: float
    background: float
    photos: int

    def best(self) -> float:
        """The best score of the whole list."""
        return max(self.own, float(self.others.max(initial=-np.inf)))

    def best_stranger(self, alike: float) -> float | None:
        """The best score without a match: among the photos that are nearer to the photo than its background by
        less than `alike`. None when there is none in the list."""
        strangers = self.others[self.kin < self.background + alike]
        return float(strangers.max()) if len(strangers) else None

    def reached_by(self, share: float) -> float:
        """The score that this share of the photos searched reaches; the last of the list where that is shorter."""
        if not len(self.others):
            return -np.inf
        return float(self.others[min(len(self.others) - 1, max(0, round(share * self.photos)))])


def background(cosines: Raw) -> float:
    """How alike a query is to a library: of its cosines [n] with a sample of the photos, a high quantile."""
    return float(np.quantile(cosines, BACKGROUND)) if len(cosines) else 0.0


def fit_levels(asked: Sequence[Asked]) -> ScoreLevels | None:
    """The levels of a library; None when too few photos could be asked to say anything."""
    asked = [one for one in asked if np.isfinite(one.own) and len(one.others)]
    if len(asked) < LEAST_SAMPLES:
        return None
    # A photo as near to another one as its own views are cannot be told from them: it shows the same thing.
    alike = float(np.quantile([one.own - one.background for one in asked], ALIKE))
    pairs = [(one.best_stranger(alike), one.background) for one in asked]
    nothing = np.array([(best, behind) for best, behind in pairs if best is not None])
    if len(nothing) < LEAST_SAMPLES:
        return None
    matching = np.array([(one.best(), one.background) for one in asked])
    share, found = dividing_line(matching, nothing)

    def raised(values: Sequence[float]) -> NDArray[np.float64]:
        return np.array(values) - share * matching[:, 1]

    strangers = nothing[:, 0] - share * nothing[:, 1]
    same_thing = max(found, float(np.quantile(strangers, 1.0 - SURE_SHARE)))
    own = raised([one.own for one in asked])
    levels = [
        float(np.median(raised([one.reached_by(0.5) for one in asked]))),
        float(np.median(raised([one.reached_by(SIMILAR_SHARE) for one in asked]))),
        found,
        same_thing,
        max(same_thing, float(strangers.max()), float(np.quantile(own, 1.0 - TYPICAL))),
        float(np.median(raised([one.copy for one in asked]))),
    ]
    return ScoreLevels(share, *_rising(levels))


def dividing_line(matching: NDArray[np.float64], strangers: NDArray[np.float64]) -> tuple[float, float]:
    """The share of the background to take off, 0 or more, and the level of what is left that tells the best scores
    with a match from those without: a logistic on rows (score, background), both sides counting the same."""
    both = np.concatenate([matching, strangers])
    middle, spread = both.mean(axis=0), np.maximum(both.std(axis=0), 1e-6)
    truth = np.repeat([1, 0], [len(matching), len(strangers)])
    for used in (2, 1):  # without the background where taking it off would raise the score
        model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000)
        model.fit(((both - middle) / spread)[:, :used], truth)
        weight, behind = np.append(model.coef_[0], 0.0)[:2] / spread
        if weight > 0 and behind <= 0:
            break
    else:
        return 0.0, float((matching[:, 0].mean() + strangers[:, 0].mean()) / 2)
    offset = float(model.intercept_[0]) - weight * middle[0] - behind * middle[1]
    return float(-behind / weight), float(-offset / weight)


def _rising(levels: list[float]) -> list[float]:
    """Levels that rise by at least `_STEP`: "found" stands, lower ones give way downwards, higher ones upwards."""
    found = 2
    for at in range(found + 1, len(levels)):
        levels[at] = max(levels[at], levels[at - 1] + _STEP)
    for at in range(found - 1, -1, -1):
        levels[at] = min(levels[at], levels[at + 1] - _STEP)
    return levels
