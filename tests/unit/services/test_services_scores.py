"""What scores mean in a real library: measured after indexing, kept, and right about photos that took no part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.tiny_pack import make_tiny_pack

from desktop_app.bootstrap import Options, open_engine
from desktop_app.domain.errors import Cancelled
from desktop_app.domain.progress import Phase, StopWhen
from desktop_app.domain.query import PixelPicture, Query, QueryItem
from desktop_app.domain.results import Stage, Words
from desktop_app.retrieval.calibration import ScoreScale
from desktop_app.retrieval.made_views import make_view
from desktop_app.services import measure_scores
from desktop_app.services.index_folder import index_folders, rescan
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.measure_scores import refresh_scores
from desktop_app.services.score_keeper import SETTING, LibraryLevels, ScoreKeeper
from desktop_app.services.search import SearchService

SIDE = 96
KEPT_OUT = 12
CHAINS = {(Stage.GLOBAL,), (Stage.GLOBAL, Stage.GRAPH), (Stage.GLOBAL, Stage.GRAPH, Stage.LOCAL)}


def pieces() -> list[np.ndarray]:
    """Pictures of coloured patches, [SIDE, SIDE, 3], which the small test network tells apart; always the same."""
    random = np.random.default_rng(0)
    patches = random.integers(0, 256, (72, 4, 4, 3), dtype=np.uint8)
    return [cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for one in patches]


def write(folder: Path, photos: list[np.ndarray]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, rgb in enumerate(photos):
        cv2.imwrite(str(folder / f"{number:03}.png"), rgb[..., ::-1])
    return folder


def open_session(root: Path, pack: Path, *, writer: bool = True) -> LibrarySession:
    options = Options(library=root, pack=str(pack), threads=1)
    return LibrarySession(
        root,
        writer=writer,
        open_engine=partial(open_engine, options),
        find_pack=lambda _: None,
        pack=str(pack),
    )


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, pack: Path) -> Path:
    """A library of all pieces but the last `KEPT_OUT`."""
    root = tmp_path_factory.mktemp("scores")
    folder = write(root / "photos", pieces()[:-KEPT_OUT])
    with pytest.MonkeyPatch.context() as patch, open_session(root / "library", pack) as session:
        patch.setattr(measure_scores, "LEAST_SIDE", 0.9)  # views that the small test network can recognise
        patch.setattr(measure_scores, "MOST_TURN", 2.0)
        phases = {step.phase for step in index_folders(session, [folder])}
        assert Phase.DONE in phases
    return root / "library"


@pytest.fixture
def session(indexed: Path, pack: Path) -> Iterator[LibrarySession]:
    with open_session(indexed, pack) as opened:
        yield opened


def verdicts(session: LibrarySession, photos: list[np.ndarray]) -> list[Words]:
    random = np.random.default_rng(77)  # other views than those that were measured with
    found = []
    for rgb in photos:
        view = make_view(rgb, random, least_side=0.9, most_turn=2).rgb
        *_, answer = SearchService(session).search(Query((QueryItem(PixelPicture(view)),)))
        found.append(answer.verdict)
    return found


def test_the_verdict_is_right_both_ways(session: LibrarySession) -> None:
    photos = pieces()
    there = verdicts(session, photos[:KEPT_OUT])
    missing = verdicts(session, photos[-KEPT_OUT:])
    assert sum(words is Words.NOTHING for words in there) <= 2
    assert sum(words is not Words.NOTHING for words in missing) <= 2


def test_levels_are_there_after_indexing_for_every_chain_of_stages(session: LibrarySession) -> None:
    engine = session.search_engine()
    levels = ScoreKeeper(session).levels(engine)
    assert levels is not None
    assert set(levels.chains) == CHAINS
    assert levels.photos == 72 - KEPT_OUT
    assert LibraryLevels.parse(levels.as_text()) == levels


def test_the_words_are_the_packs_own_for_stages_that_were_not_measured(session: LibrarySession) -> None:
    engine, keeper = session.search_engine(), ScoreKeeper(session)
    raw = np.array([0.4], np.float32)

    def shown(scale: ScoreScale) -> float:
        return float(scale.scores(raw, depths=[1] * len(scale.curves), background=0.2)[0])

    own = shown(keeper.scale(engine, (Stage.GLOBAL, Stage.GRAPH, Stage.LOCAL)))
    assert own != shown(keeper.scale(engine, (Stage.GLOBAL,)))
    unknown = (Stage.GLOBAL, Stage.LOCAL)
    assert shown(keeper.scale(engine, unknown)) == shown(ScoreScale.of_pack(engine.parameters, unknown))


def test_a_copy_has_the_highest_score_and_a_view_has_less(session: LibrarySession) -> None:
    rgb = pieces()[3]
    view = make_view(rgb, np.random.default_rng(5), least_side=0.9, most_turn=2).rgb
    best = []
    for picture in (rgb, view):
        *_, answer = SearchService(session).search(Query((QueryItem(PixelPicture(picture)),)))
        best.append(answer.hits[0])
    assert best[0].words is Words.ALMOST_CERTAIN
    assert best[1].score < best[0].score


def test_nothing_is_measured_again_before_the_library_has_grown(session: LibrarySession, tmp_path: Path) -> None:
    assert list(refresh_scores(session)) == []
    engine = session.search_engine()
    keeper = ScoreKeeper(session)
    assert not keeper.wants(engine, 60)
    assert not keeper.wants(engine, 70)
    assert keeper.wants(engine, 80)
    assert keeper.wants(engine, 40)


def test_another_state_of_the_pack_has_no_levels_yet(session: LibrarySession) -> None:
    engine = session.search_engine()
    fusion = replace(engine.parameters.fusion, local=9.0)
    changed = replace(engine, parameters=replace(engine.parameters, fusion=fusion))
    assert ScoreKeeper(session).levels(changed) is None
    assert ScoreKeeper(session).wants(changed, 60)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1, "pack": "a", "photos": 3}'])
def test_damaged_levels_are_as_good_as_none(text: str) -> None:
    assert LibraryLevels.parse(text) is None


def test_stopped_in_the_middle_the_old_levels_stay(session: LibrarySession) -> None:
    keeper = ScoreKeeper(session)
    before = session.get_setting(SETTING)
    assert before is not None
    levels = LibraryLevels.parse(before)
    assert levels is not None
    keeper.keep(replace(levels, photos=7))
    with pytest.raises(Cancelled):
        list(refresh_scores(session, control=StopWhen(lambda: True)))
    assert '"photos": 7' in (session.get_setting(SETTING) or "")
    keeper.keep(levels)


def test_a_small_library_keeps_the_curves_of_the_pack(tmp_path: Path, pack: Path) -> None:
    folder = write(tmp_path / "photos", pieces()[: measure_scores.LEAST_PHOTOS - 1])
    with open_session(tmp_path / "library", pack) as session:
        list(index_folders(session, [folder]))
        assert session.get_setting(SETTING) is None
        write(folder, pieces()[: measure_scores.LEAST_PHOTOS])
        list(rescan(session))
        assert session.get_setting(SETTING) is not None


def test_a_session_that_only_reads_measures_nothing(indexed: Path, pack: Path) -> None:
    with open_session(indexed, pack, writer=False) as session:
        assert ScoreKeeper(session).levels(session.search_engine()) is not None
        assert list(refresh_scores(session)) == []
