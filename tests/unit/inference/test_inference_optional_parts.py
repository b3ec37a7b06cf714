"""The graphs that explain pairs: what their sections must say, and what a graph at work may answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.tiny_pack import change_manifest, file_entry, make_tiny_pack

from desktop_app.domain.devices import Device
from desktop_app.domain.errors import PackError
from desktop_app.inference.coattention_net import CoAttentionNet, coattention_problems
from desktop_app.inference.indicative_net import CELLS, SIDE, IndicativeNet, indicative_problems
from desktop_app.inference.packs import load_manifest

FEATURES = np.ones((12, SIDE, SIDE, 128), np.float32)
WEIGHTS = np.ones((12, SIDE, SIDE), np.float32)
MAP, QUERY = np.ones((256, 4, 6), np.float32), np.ones(256, np.float32)


class Session:
    """Answers with the given arrays cut to the batch, or raises; remembers its batches and how often it was
    loaded."""

    def __init__(self, *answer: NDArray[np.float32], error: Exception | None = None) -> None:
        self.answer, self.error, self.loaded = answer, error, 0
        self.batches: list[int] = []

    def __call__(self, model: Path, device: Device, threads: int) -> Session:
        self.loaded += 1
        return self

    def run(self, names: Sequence[str], feed: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        self.batches.append(len(next(iter(feed.values()))))
        if self.error is not None:
            raise self.error
        return [value[: self.batches[-1]] for value in self.answer]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = make_tiny_pack(tmp_path / "tiny")
    change_manifest(
        folder,
        files={"part.onnx": file_entry(b"graph")},
        coattention={"file": "part.onnx"},
        indicative={"file": "part.onnx", "input": "features", "grid": [SIDE, SIDE]},
    )
    return folder


def answer(value: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.zeros(12, np.float32), np.full((12, CELLS, CELLS), value, np.float32)


def test_a_graph_is_loaded_once_when_it_is_needed_and_pairs_run_ten_at_a_time(pack: Path) -> None:
    session = Session(*answer(0.5))
    net = IndicativeNet(pack, load_manifest(pack), session_factory=session)
    assert session.loaded == 0 and not net.reads_pixels
    logits, matching = net.match(FEATURES, FEATURES, WEIGHTS)
    assert (logits.shape, matching.shape) == ((12,), (12, CELLS, CELLS)) and session.batches == [10, 2]
    net.match(FEATURES[:1], FEATURES[:1], WEIGHTS[:1])
    assert session.loaded == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (answer(-0.2), "'matching' holds values that do not lie between 0 and 1"),
        (answer(1.2), "'matching' holds values that do not lie between 0 and 1"),
        (answer(float("nan")), "'matching' holds values that are not numbers"),
        ((np.zeros((12, 2), np.float32), answer(0.5)[1]), r"'logit' has the shape \[10, 2\], not \[10\]"),
    ],
)
def test_an_indicative_graph_that_answers_nonsense_is_named(
    pack: Path, given: tuple[NDArray[np.float32], ...], sentence: str
) -> None:
    net = IndicativeNet(pack, load_manifest(pack), session_factory=Session(*given))
    with pytest.raises(PackError, match=rf"part\.onnx of the pack tiny.*{sentence}") as error:
        net.match(FEATURES, FEATURES, WEIGHTS)
    assert error.value.remedy


def test_rounding_beyond_one_is_no_error(pack: Path) -> None:
    net = IndicativeNet(pack, load_manifest(pack), session_factory=Session(*answer(1.00001)))
    assert float(net.match(FEATURES, FEATURES, WEIGHTS)[1].max()) == 1.0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.full((1, 4, 6), 1.5, np.float32), "do not lie between 0 and 1"),
        (np.full((1, 4, 6), np.nan, np.float32), "do not lie between 0 and 1"),
        (np.zeros((1, 6, 4), np.float32), r"the shape \[1, 6, 4\], not \[1, 4, 6\]"),
    ],
)
def test_a_coattention_graph_that_answers_nonsense_is_named(
    pack: Path, given: NDArray[np.float32], sentence: str
) -> None:
    net = CoAttentionNet(pack, load_manifest(pack), session_factory=Session(given))
    with pytest.raises(PackError, match=rf"part\.onnx of the pack tiny.*{sentence}"):
        net.attend(MAP, QUERY)


def test_an_error_without_words_is_told_by_its_kind(pack: Path) -> None:
    net = CoAttentionNet(pack, load_manifest(pack), session_factory=Session(error=RuntimeError()))
    with pytest.raises(PackError, match="ONNX Runtime says: RuntimeError"):
        net.attend(MAP, QUERY)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"file": "nosuch.onnx"}, "names the file 'nosuch.onnx', which its manifest does not list"),
        ({"input": "smells"}, "has the input 'smells', unknown to this version"),
        ({"grid": [7, 7]}, r"has the grid \[7, 7\], unknown to this version"),
    ],
)
def test_a_section_that_cannot_be_used_is_named(pack: Path, section: dict[str, object], sentence: str) -> None:
    change_manifest(pack, indicative=section)
    with pytest.raises(PackError, match=f"section 'indicative' {sentence}"):
        IndicativeNet(pack, load_manifest(pack))


def test_a_section_that_is_no_object_and_a_file_that_is_no_graph_are_problems_of_the_pack(pack: Path) -> None:
    change_manifest(pack, coattention="yes")
    (pack / "part.onnx").write_bytes(b"nonsense")
    (coattention,) = coattention_problems(pack, load_manifest(pack))
    assert "section 'coattention' is 'yes', not an object" in coattention
    (indicative,) = indicative_problems(pack, load_manifest(pack))
    assert "part.onnx of the pack tiny cannot be used: ONNX Runtime says" in indicative
