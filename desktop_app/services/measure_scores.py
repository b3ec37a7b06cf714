"""Measure what scores mean in a library: the real search is asked with made views of its photos."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.photos import PhotoRecord
from desktop_app.domain.progress import Control, NoControl, Phase, Progress
from desktop_app.domain.query import PixelPicture, Profile, Query, QueryItem
from desktop_app.domain.results import Stage
from desktop_app.imaging.preview import decode_preview
from desktop_app.retrieval.made_views import make_view
from desktop_app.retrieval.score_levels import Asked, ScoreLevels, fit_levels
from desktop_app.retrieval.standing import Standing
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.score_keeper import LibraryLevels, ScoreKeeper, pack_state
from desktop_app.services.search import SearchService

ASKED = 120  # photos that are asked
LEAST_PHOTOS = 40  # below, a library says too little about itself, and the pack's own curves stay
LEAST_SIDE = 0.55  # views as people ask with them: at least 30 % of the area, held nearly straight
MOST_TURN = 10.0
TELL_SECONDS = 0.2
Rgb = NDArray[np.uint8]
Chain = tuple[Stage, ...]


def refresh_scores(
    session: LibrarySession, *, control: Control | None = None
) -> Generator[Progress, None, LibraryLevels | None]:
    """Measure the levels of the library again where that is due, and keep them; returns new ones only.

    They are a cache: stopped in the middle, the old ones stay, and the next run measures them. Yields progress.
    Raises IndiciumError when the pack cannot be used.
    """
    engine = session.search_engine()
    photos = session.reader.feature_counts().get(engine.digest, 0)
    keeper = ScoreKeeper(session)
    if not session.writer or photos < LEAST_PHOTOS or not keeper.wants(engine, photos):
        return None
    levels = yield from measure_scores(session, control=control)
    if levels is not None:
        keeper.keep(levels)
    return levels


def measure_scores(
    session: LibrarySession, *, control: Control | None = None, asked: int = ASKED, seed: int = 0
) -> Generator[Progress, None, LibraryLevels | None]:
    """The levels of every chain of stages that a search runs through, None when there are too few photos.

    asked: how many photos are asked, spread over the library; seed: which made views of them.
    """
    control = control or NoControl()
    engine = session.search_engine()
    photos = session.reader.feature_counts().get(engine.digest, 0)
    measured: dict[Chain, list[Asked]] = {}
    last = time.monotonic()
    ids = session.photo_ids()
    chosen = ids[np.linspace(0, len(ids) - 1, min(asked, len(ids))).astype(int)] if len(ids) else ids
    searching = SearchService(session)
    for done, number in enumerate(chosen.tolist()):
        control.wait_if_paused()
        for photo in session.photos([number]):
            for chain, one in _ask(session, searching, photo, photos, seed).items():
                measured.setdefault(chain, []).append(one)
        if time.monotonic() - last > TELL_SECONDS:
            yield Progress(Phase.MEASURING, done=done, total=len(chosen))
            last = time.monotonic()
    state = pack_state(engine, tiles=session.tiles_wanted())
    fitted = {chain: fit_levels(samples) for chain, samples in measured.items()}
    levels: dict[Chain, ScoreLevels] = {chain: one for chain, one in fitted.items() if one is not None}
    return LibraryLevels(state, photos, levels) if levels else None


def _ask(
    session: LibrarySession, searching: SearchService, photo: PhotoRecord, photos: int, seed: int
) -> Mapping[Chain, Asked]:
    """What a made view of `photo` finds, by the stages that ran; nothing for a photo that cannot be read."""
    data = session.preview(photo)
    own = session.reader.feature_rows_of(session.search_engine().digest, {photo.id})
    if data is None or len(own) != 1:
        return {}
    try:
        rgb = decode_preview(data)
    except UnreadableImage:
        return {}
    view = make_view(rgb, np.random.default_rng([seed, photo.id]), least_side=LEAST_SIDE, most_turn=MOST_TURN).rgb
    by_view, by_photo = (_standings(searching, picture) for picture in (view, rgb))
    return {
        chain: _asked(*found, by_photo[chain][0], int(own[0]), photos)
        for chain, found in by_view.items()
        if chain in by_photo
    }


def _standings(searching: SearchService, rgb: Rgb) -> dict[Chain, tuple[Standing, float]]:
    query = Query((QueryItem(PixelPicture(rgb)),), profile=Profile.BALANCED)
    return {found[0].stages: found for found in searching.standings(query)}


def _asked(view: Standing, background: float, itself: Standing, own: int, photos: int) -> Asked:
    """The scores of what the last stage looked at: those behind are of another kind."""
    rows, raw = view.rows[: view.depths[-1]], view.raw[: view.depths[-1]]
    mine = rows == own
    seen = itself.depths[-1]
    known = dict(zip(itself.rows[:seen].tolist(), itself.raw[:seen].tolist(), strict=True))
    return Asked(
        own=float(raw[mine][0]) if mine.any() else -np.inf,
        others=raw[~mine],
        kin=np.array([known.get(row, -np.inf) for row in rows[~mine].tolist()], dtype=np.float32),
        copy=known.get(own, -np.inf),
        background=background,
        photos=photos,
    )
