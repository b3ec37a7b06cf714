"""Filters combined with search by example: the same ranking as without, of the photos that are left."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import cv2
import pytest
from skimage import data
from support.opened import opened

from desktop_app import cli
from desktop_app.domain.filters import FilterKind, PhotoFilter
from desktop_app.domain.query import FilePicture, Profile, Query, QueryItem
from desktop_app.domain.results import Words
from desktop_app.imaging.xmp import read_xmp
from desktop_app.services.index_folder import index_folders
from desktop_app.services.search import SearchService

PICTURES = {"astronaut": data.astronaut, "coffee": data.coffee, "cat": data.chelsea, "rocket": data.rocket}


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_pack) -> Path:
    """A library of pictures, their copies and parts, with ratings and tags; and a picture to ask with."""
    home = tmp_path_factory.mktemp("filters")
    (home / "photos" / "parts").mkdir(parents=True)
    for name, picture in PICTURES.items():
        small = cv2.resize(cv2.cvtColor(picture(), cv2.COLOR_RGB2BGR), (160, 120))
        cv2.imwrite(str(home / "photos" / f"{name}.png"), small)
        cv2.imwrite(str(home / "photos" / "parts" / f"{name} part.png"), small[10:-10, 50:-50])
        (home / "photos" / f"{name} copy.png").write_bytes((home / "photos" / f"{name}.png").read_bytes())
    cv2.imwrite(str(home / "query.png"), cv2.resize(cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR), (150, 110)))
    with opened(home / "library", tiny_pack, writer=True) as session:
        list(index_folders(session, [home / "photos"]))
        photos = session.photos_page()
        session.set_rating([photo.id for photo in photos if "cat" in photo.name], 4)
        session.change_tags([photo.id for photo in photos if "copy" in photo.name], add=["twice"])
    return home


@pytest.fixture
def session(home, tiny_pack):
    with opened(home / "library", tiny_pack) as session:
        yield session


def search(session, home, chosen=None, profile=Profile.BALANCED, top=200):
    item = QueryItem(FilePicture(bytes(home / "query.png")))
    query = Query((item,), profile=profile, top=top, chosen=chosen or PhotoFilter())
    *_, answer = SearchService(session).search(query)
    return answer


FILTERS = {
    "tag": PhotoFilter.parse(["tag=twice"]),
    "rating": PhotoFilter.parse(["rating=4+"]),
    "portrait": PhotoFilter.parse(["orientation=portrait"]),
    "folder and text": PhotoFilter.parse(["text=part"]),
    "two tags": PhotoFilter.parse(["tag=twice", "text=cat or -no"]),
}


@pytest.mark.parametrize("profile", [Profile.INSTANT, Profile.BALANCED])
@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_leaves_the_ranking_as_it_was(session, home, name, profile):
    chosen = FILTERS[name]
    left = {photo.id for photo in session.photos_page(chosen=chosen)}
    everything = search(session, home, profile=profile).hits
    expected = [(hit.photo.id, hit.score, hit.stages) for hit in everything if hit.photo.id in left]
    found = search(session, home, chosen, profile=profile).hits
    assert [(hit.photo.id, hit.score, hit.stages) for hit in found] == expected
    assert [hit.photo.id for hit in search(session, home, chosen, profile=profile, top=2).hits] == [
        photo for photo, *_ in expected[:2]
    ]


def test_a_copy_that_the_filter_leaves_out_does_not_come_with_its_original(session, home):
    """Both have the same features; only one of them has the tag."""
    names = {hit.photo.name for hit in search(session, home, FILTERS["tag"]).hits}
    assert names == {f"{name} copy.png" for name in PICTURES}


def test_a_filter_that_matches_nothing_is_an_answer(session, home):
    answer = search(session, home, PhotoFilter.parse(["tag=nowhere", "camera=X100"]))
    assert answer.hits == () and answer.verdict is Words.NOTHING and answer.searched == 8


def test_a_selection_is_searched(session, home):
    some = frozenset(photo.id for photo in session.photos_page()[:3])
    hits = search(session, home, PhotoFilter(within=some | {10**9})).hits
    assert {hit.photo.id for hit in hits} == some


def test_the_command_line_filters_counts_and_labels(home, tiny_pack):
    photo, library = home / "photos" / "rocket.png", str(home / "library")
    said = run("library", "label", str(photo), "--library", library, "--tag", "space", "--rating", "5", "--json")
    assert said["photos"] == [{"path": str(photo), "rating": 5, "tags": ["space"]}]
    asked = ["search", str(home / "query.png"), "--library", library, "--pack", str(tiny_pack)]
    found = run(*asked, "--filter", "tag=space", "--filter", "rating=4+", "--json")
    assert [Path(result["path"]).name for result in found["results"]] == ["rocket.png"]
    assert found["filter"] == {"choices": [["rating", "4+"], ["tag", "space"]]}
    listed = run("search", "--filter", "text=rock", "--library", library, "--json")
    assert listed["found"] == 3 and {result["score"] for result in listed["results"]} == {None}
    counts = run("library", "filters", library, "--filter", "text=rocket", "--json")
    assert counts["photos"] == 3 and {"value": "5", "photos": 1} in counts["values"][FilterKind.RATING]
    before = photo.read_bytes()
    said = run("library", "label", str(photo), "--library", library, "--write-xmp", "--json")
    assert said["written"] == [f"{photo}.xmp"] and said["skipped"] == [] and photo.read_bytes() == before
    facts = read_xmp(Path(f"{photo}.xmp").read_bytes())
    assert (facts.rating, facts.keywords) == (5, ("space",))
    Path(f"{photo}.xmp").unlink()
    run("library", "label", str(photo), "--library", library, "--untag", "space", "--rating", "file", "--json")
    assert run("search", "--filter", "tag=space", "--library", library, "--json")["results"] == []
    assert cli.main(["library", "label", str(home / "query.png"), "--library", library, "--rating", "1"]) == 1


def test_a_search_is_kept_and_run_again(home, tiny_pack):
    library, pack = str(home / "library"), str(tiny_pack)
    asked = [
        "search",
        str(home / "query.png"),
        "--library",
        library,
        "--pack",
        pack,
        "--filter",
        "text=part",
        "--json",
    ]
    first = run(*asked, "--save", "parts")
    again = run("search", "--saved", "parts", "--library", library, "--pack", pack, "--json")
    assert again["results"] == first["results"] and again["filter"] == first["filter"]
    narrower = run("search", "--saved", "parts", "--filter", "text=cat", "--library", library, "--json")
    assert [Path(result["path"]).name for result in narrower["results"]] == ["cat part.png"]
    assert cli.main(["search", "--saved", "nothing", "--library", library]) == 2


def run(*arguments: str) -> dict:
    out = io.StringIO()
    with redirect_stdout(out):
        assert cli.main(list(arguments)) == 0
    return json.loads(out.getvalue())
