"""Back and forward through questions, and the count of rounds."""

from dataclasses import replace

import numpy as np

from desktop_app.domain.geometry import Region
from desktop_app.domain.photos import PhotoId
from desktop_app.domain.query import LibraryPicture, PixelPicture, Query, QueryItem
from desktop_app.ui.viewmodels import query_history
from desktop_app.ui.viewmodels.query_history import QueryHistory, pixel_bytes


def query(photo: int, number: int = 1) -> Query:
    return Query((QueryItem(LibraryPicture(PhotoId(photo))),), round=number)


def test_back_and_forward_walk_through_what_was_asked():
    history = QueryHistory()
    first, second, third = query(1), query(2), query(3)
    for one in (first, second):
        history.push(one)
    assert history.back() is first and not history.can_go_back
    assert history.forward() is second and not history.can_go_forward
    history.back()
    history.push(third)
    assert not history.can_go_forward and history.back() is first


def test_a_region_under_the_mouse_is_one_question():
    history = QueryHistory()
    start = query(1)
    history.push(start)
    for width in range(20, 60):
        region = Region(0, 0, width, 20)
        history.push(start.with_items((replace(start.items[0], region=region),)), editing=True)
    history.end_edit()
    assert history.current.items[0].region.w == 59
    assert history.back() is start and not history.can_go_back


def test_rounds_are_counted_within_one_search():
    history = QueryHistory()
    assert history.rounds() == (0, 0)
    for one in (query(1), query(1, 2), query(1, 3), query(9)):
        history.push(one)
    assert history.rounds() == (1, 1)
    history.back()
    assert history.rounds() == (3, 3)
    history.back()
    assert history.rounds() == (2, 3)


def test_returning_to_a_round_finds_that_very_question():
    history = QueryHistory()
    first, second = query(1), query(1, 2)
    history.push(first)
    history.push(second)
    assert history.return_to(first) and history.current is first
    assert not history.return_to(query(1))


def test_pasted_pictures_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(query_history, "KEPT_PIXEL_BYTES", 5_000)
    history = QueryHistory()
    pasted = [PixelPicture(np.zeros((20, 20, 3), np.uint8)) for _ in range(8)]
    asked = [Query((QueryItem(picture),)) for picture in pasted]
    for one in asked:
        history.push(one)
        history.push(one.with_items((replace(one.items[0], region=Region(0, 0, 5, 5)),)))
    kept = []
    while history.back() is not None:
        kept.append(history.current)
    assert history.current is not None
    assert pixel_bytes(kept) <= 5_000
    assert pixel_bytes(asked) == 8 * 1_200
