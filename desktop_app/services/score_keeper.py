"""What scores mean in a library: the levels that were measured in it, else the curves of the pack."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b

from desktop_app.domain.results import Stage
from desktop_app.library.catalogue import Catalogue
from desktop_app.retrieval.calibration import KEEP_THE_SCALE, ScoreScale
from desktop_app.retrieval.score_levels import ScoreLevels
from desktop_app.services.engine import Engine
from desktop_app.services.library_session import LibrarySession

log = logging.getLogger(__name__)

SETTING = "score levels"
GROWN = 1.25  # times as many photos (or as few) from which on the levels are measured again
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class LibraryLevels:
    """The levels of one library by the stages that ran, for one state of one pack.

    pack: what the levels depend on (`pack_state`). photos: how many there were.
    """

    pack: str
    photos: int
    chains: Mapping[tuple[Stage, ...], ScoreLevels]

    def as_text(self) -> str:
        chains = {"+".join(stages): asdict(levels) for stages, levels in self.chains.items()}
        return json.dumps({"format": _FORMAT, "pack": self.pack, "photos": self.photos, "chains": chains})

    @classmethod
    def parse(cls, text: str) -> LibraryLevels | None:
        """None for a text of another format or a damaged one: the levels can be measured again."""
        try:
            document = json.loads(text)
            if document["format"] != _FORMAT:
                return None
            chains = {
                tuple(Stage(name) for name in names.split("+")): ScoreLevels(**levels)
                for names, levels in document["chains"].items()
            }
            return cls(str(document["pack"]), int(document["photos"]), chains)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("the score levels of the library cannot be read: %s", error)
            return None


class ScoreKeeper:
    """Reads and keeps the levels of one library; thread safe."""

    def __init__(self, session: LibrarySession) -> None:
        self._session = session
        self._parsed: tuple[str, LibraryLevels | None] = ("", None)

    def scale(self, engine: Engine, stages: Sequence[Stage], *, reader: Catalogue | None = None) -> ScoreScale:
        """How raw scores of these stages are shown: by the library's own levels where they were measured with this
        pack and these very stages, else by the pack's curves. Marks and a close look keep the scale of what came
        before.
        `reader`: what to read them from, as in `levels`."""
        kept = self.levels(engine, reader=reader)
        ran = [tuple(stages[: number + 1]) for number in range(len(stages))]
        measured = [tuple(stage for stage in chain if stage not in KEEP_THE_SCALE) for chain in ran]
        levels = [] if kept is None else [kept.chains[chain] for chain in measured if chain in kept.chains]
        if len(levels) < len(ran):
            return ScoreScale.of_pack(engine.parameters, stages)
        return ScoreScale.of_library(levels)

    def levels(self, engine: Engine, *, reader: Catalogue | None = None) -> LibraryLevels | None:
        """The levels measured with the pack as it is now, None without any; as they stand in the catalogue now, or
        as `reader` holds it."""
        text = (reader or self._session.reader).get_setting(SETTING) or ""
        known, levels = self._parsed
        if text != known:
            levels = LibraryLevels.parse(text)
            self._parsed = (text, levels)
        # Parts count only where they match clearly better: levels measured without them are the next best.
        known_states = (pack_state(engine, tiles=False), pack_state(engine, tiles=True))
        return levels if levels is not None and levels.pack in known_states else None

    def keep(self, levels: LibraryLevels) -> None:
        """Put the levels in place of earlier ones. Raises LibraryError in a session that only reads."""
        self._session.set_setting(SETTING, levels.as_text())

    def wants(self, engine: Engine, photos: int) -> bool:
        """Whether levels should be measured: there are none for this pack, the library has another size now, or
        searching in parts was turned on or off."""
        levels = self.levels(engine)
        if levels is None or levels.pack != pack_state(engine, tiles=self._session.tiles_wanted()):
            return True
        return not levels.photos / GROWN < photos < levels.photos * GROWN


def pack_state(engine: Engine, *, tiles: bool) -> str:
    """What raw scores depend on: the network, everything that the pack says about the stages, and whether the
    library is searched in parts."""
    state = f"{engine.digest} {blake2b(repr(engine.parameters).encode(), digest_size=8).hexdigest()}"
    return f"{state} cells, parts" if tiles else f"{state} cells"
