"""Parts of a query picture to ask with: of the whole picture, large enough, none where a pack says nothing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from desktop_app.domain.features import Embedding
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.domain.query import FilePicture, QueryItem
from desktop_app.services.suggest_parts import suggested_parts


class Embedded:
    """Embeds every picture with the same local map and notes what was asked."""

    def __init__(self, local_map, width, height):
        self.embedding = Embedding(np.zeros(512, np.float32), local_map=local_map)
        self.pixels = SimpleNamespace(box=Region(0, 0, width, height))
        self.asked = []

    def embed(self, item, engine):
        self.asked.append(item)
        return self


@pytest.fixture
def corner():
    local_map = np.zeros((4, 8, 8), np.float32)
    local_map[:, :3, :3] = 1.0
    return local_map


def test_parts_are_those_of_the_whole_picture_whatever_part_is_asked_with(corner):
    picture = FilePicture(b"/a.jpg")
    item = QueryItem(picture, Region(10, 10, 50, 50), cell_weights={Cell(0, 0): 2.0}, grid=Grid(2, 2))
    embedder = Embedded(corner, 800, 400)
    assert suggested_parts(item, embedder, None) == (Region(0, 0, 300, 150),)
    assert embedder.asked == [QueryItem(picture)]


def test_parts_too_small_to_search_with_are_left_out(corner):
    item = QueryItem(FilePicture(b"/a.jpg"))
    assert suggested_parts(item, Embedded(corner, 48, 43), None) == (Region(0, 0, 18, 16),)
    assert suggested_parts(item, Embedded(corner, 48, 40), None) == ()


def test_a_pack_without_a_local_map_suggests_nothing():
    assert suggested_parts(QueryItem(FilePicture(b"/a.jpg")), Embedded(None, 800, 400), None) == ()
