"""Searches kept by name: they come back as they were, find what is there now, and damage costs only themselves."""

from __future__ import annotations

import json

import pytest

from desktop_app.domain.errors import UsageError
from desktop_app.domain.filters import PhotoFilter
from desktop_app.domain.geometry import Region
from desktop_app.domain.outline import Outline
from desktop_app.domain.photos import FoundFile
from desktop_app.domain.query import Turn
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.saved_searches import (
    FORMAT,
    SETTING,
    SavedSearch,
    forget_search,
    rename_search,
    save_search,
    saved_search,
    saved_searches,
)

BOATS = SavedSearch(PhotoFilter.parse(["text=boat", "rating=3+"]))
LIKE = SavedSearch(images=(b"/p/\xff.jpg",), negative=(b"/p/b.jpg",), parts=(Region(1, 2, 3, 4), None))
CORNER = Outline(((0, 0), (30, 0), (0, 40)))
ROUND = SavedSearch(images=(b"/p/a.jpg",), parts=(CORNER,), turn=Turn(90, mirrored=True))
PARTS = SavedSearch(images=(b"/p/a.jpg", b"/p/a.jpg"), negative=(b"/p/b.jpg",), parts=(None, CORNER, CORNER))
TURNED = SavedSearch(images=(b"/p/a.jpg",), turn=Turn(180), turned=True)


@pytest.fixture
def session(tmp_path):
    with LibrarySession(
        tmp_path / "library", writer=True, open_engine=lambda pack: None, find_pack=lambda digest: None
    ) as session:
        yield session


def test_searches_come_back_as_they_were(session):
    save_search(session, " my  boats ", BOATS)
    save_search(session, "like it", LIKE)
    assert saved_searches(session) == {"like it": LIKE, "my boats": BOATS}
    save_search(session, "my boats", LIKE)
    assert saved_search(session, "my boats") == LIKE
    forget_search(session, "my boats")
    forget_search(session, "never there")
    with pytest.raises(UsageError) as told:
        saved_search(session, "my boats")
    assert "like it" in (told.value.remedy or "")
    with pytest.raises(UsageError, match="needs a name"):
        save_search(session, " ", BOATS)


@pytest.mark.parametrize("search", [BOATS, LIKE, ROUND, PARTS, TURNED])
def test_all_of_a_search_is_kept(session, search):
    save_search(session, "it", search)
    assert saved_search(session, "it") == search
    items = search.items
    assert [item.picture.path for item in items] == [*search.images, *search.negative]
    assert [item.negative for item in items] == [False] * len(search.images) + [True] * len(search.negative)
    assert tuple(item.part for item in items) == (search.parts or (None,) * len(items))
    assert (
        SavedSearch.of(items, [item.picture.path for item in items], search.chosen, turned=search.turned) == search
    )


def test_a_search_of_an_older_version_still_opens(session):
    older = LIKE.as_json()
    for key in ("turn", "turned", "parts", "format"):
        del older[key]
    session.set_setting(SETTING, json.dumps({"like it": older}))
    assert saved_search(session, "like it").items == LIKE.items


def test_a_saved_search_finds_what_came_later(session):
    save_search(session, "boats", SavedSearch(PhotoFilter(text="boat")))
    folder = session.write(lambda catalogue: catalogue.add_folder(b"/p"))
    chosen = saved_search(session, "boats").chosen
    assert session.photos_page(chosen=chosen) == []
    session.write(lambda catalogue: catalogue.record_scan(folder, [FoundFile(b"/p/boats.jpg", 1, 1)]))
    assert [photo.name for photo in session.photos_page(chosen=chosen)] == ["boats.jpg"]


@pytest.mark.parametrize("kept", ["{", "[]", "null", '"x"'])
def test_damage_is_no_saved_search(session, kept):
    session.set_setting(SETTING, kept)
    assert saved_searches(session) == {}
    save_search(session, "boats", BOATS)
    assert saved_searches(session) == {"boats": BOATS}


@pytest.mark.parametrize("change", [{"filter": {"choices": [["mood", "happy"]]}}, {"format": FORMAT + 1}])
def test_one_of_a_newer_version_is_left_out_and_kept(session, change):
    newer = {**LIKE.as_json(), **change}
    session.set_setting(SETTING, json.dumps({"newer": newer, "odd": 3, "empty": {}}))
    save_search(session, "boats", BOATS)
    assert list(saved_searches(session)) == ["boats"]
    assert json.loads(session.get_setting(SETTING))["newer"] == newer


def test_a_search_gets_another_name(session):
    save_search(session, "boats", BOATS)
    save_search(session, "like it", LIKE)
    rename_search(session, "boats", " ships ")
    rename_search(session, "not there", "x")
    assert saved_searches(session) == {"like it": LIKE, "ships": BOATS}
    for taken in ("like it", "  "):
        with pytest.raises(UsageError):
            rename_search(session, "ships", taken)
    assert list(saved_searches(session)) == ["like it", "ships"]
