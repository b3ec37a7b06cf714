"""What a filter leaves and what it counts, compared with plain loops over the same photos."""

from __future__ import annotations

import datetime
import itertools
import math
import random
from dataclasses import dataclass, field, replace

import pytest
from library_builders import PACK, features, found, indexed

from desktop_app.domain.filters import (
    SIZES,
    FilterKind,
    PhotoFilter,
    cell_of,
    circle,
    date_range,
    position,
    rating_range,
)
from desktop_app.domain.metadata import PhotoMetadata
from desktop_app.library import filter_masks, filter_store
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.records import PhotoOrder

NUMBER = 120
WORDS = ("boat", "blue sea", "Größe", "wedding", "a|b")
CAMERAS = ("X100", "ILCE-7M4", None)
PLACES = ("Wien, Austria", "Graz", None)


@dataclass
class Photo:
    """What the oracle knows of a photo."""

    id: int = 0
    folder: int = 0
    path: str = ""
    row: int = 0
    marked: bool = False
    rating: int | None = None
    tags: set[str] = field(default_factory=set)
    width: int = 0
    height: int = 0
    facts: PhotoMetadata = field(default_factory=PhotoMetadata)


@dataclass
class Made:
    catalogue: Catalogue
    photos: list[Photo]
    folders: list[int]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Photos of random facts in two folders; some are copies, pending, unusable, or indexed with another pack."""
    rng = random.Random(7)
    with Catalogue.create_or_open(tmp_path_factory.mktemp("filters") / "library") as catalogue:
        folders = [catalogue.add_folder(b"/one"), catalogue.add_folder(b"/two")]
        paths: dict[int, list[str]] = {folder: [] for folder in folders}
        for number in range(NUMBER):
            root, folder = rng.choice((("/one", folders[0]), ("/two", folders[1])))
            inner = rng.choice(("", "/trip", "/trip/day 1", "/trips"))
            paths[folder].append(f"{root}{inner}/IMG_{number}.jpg")
        for folder in folders:
            catalogue.record_scan(folder, [found(path, mtime=rng.random() * 1.6e9) for path in paths[folder]])
        photos = [commit(catalogue, record, rng) for record in catalogue.pending(NUMBER)[:-9]]
        for photo in photos:
            tell(catalogue, photo, rng)
        for record in catalogue.pending(NUMBER):
            photos.append(Photo(record.id, record.folder, record.path.decode()))
            photos[-1].facts = PhotoMetadata(taken=record.mtime_ns / 1e9)
        yield Made(catalogue, [photo for photo in photos if photo.id], folders)


def commit(catalogue, record, rng) -> Photo:
    content = rng.randrange(NUMBER)  # some are copies of each other
    facts = PhotoMetadata(
        taken=rng.choice((None, rng.random() * 1.6e9)),
        camera=rng.choice(CAMERAS),
        lens=rng.choice(("35mm", None)),
        kind=rng.choice(("JPEG", "PNG", None)),
        rating=rng.choice((None, -1, 0, 3, 5)),
        place=rng.choice(PLACES),
        keywords=tuple(rng.sample(WORDS, rng.randrange(3))),
    )
    if rng.random() < 0.5:
        facts = replace(facts, latitude=rng.uniform(47, 49), longitude=rng.uniform(-180, 180))
    photo = Photo(record.id, record.folder, record.path.decode(), facts=facts, tags=set(facts.keywords))
    photo.width, photo.height = rng.choice(((1000, 800), (3000, 3000), (3000, 4000), (9000, 3000)))
    item = replace(
        indexed(record, fingerprint=bytes([content]) * 16),
        features=features(content),
        width=photo.width,
        height=photo.height,
        taken=facts.taken,
        camera=facts.camera,
        metadata=facts,
    )
    pack = rng.choices((PACK, "pack-two"), (9, 1))[0]
    catalogue.commit_batch(pack, [item])
    return photo


def tell(catalogue, photo, rng) -> None:
    record = catalogue.photo(photo.id)
    photo.facts = replace(photo.facts, taken=record.taken if record.taken is not None else record.mtime_ns / 1e9)
    if rng.random() < 0.3:
        photo.rating = rng.randrange(-1, 6)
        catalogue.set_rating([photo.id], photo.rating)
    if rng.random() < 0.3:
        photo.marked = True
        catalogue.set_labels(photo.id, "marks", ["+"])
    if rng.random() < 0.3:
        catalogue.change_tags([photo.id], add=["mine"], remove=["boat"])
        photo.tags = (photo.tags | {"mine"}) - {"boat"}


def values_of(photo: Photo, kind: FilterKind) -> set[str]:
    """The values that a photo has of a kind."""
    facts = photo.facts
    year = datetime.datetime.fromtimestamp(facts.taken or 0, datetime.UTC).year
    cell = cell_of(facts.latitude, facts.longitude) if facts.latitude is not None else None
    size = next((name for name, (low, high) in SIZES.items() if low <= photo.width * photo.height < high), None)
    shape = "square" if photo.width == photo.height else "landscape" if photo.width > photo.height else "portrait"
    rating = photo.rating if photo.rating is not None else facts.rating
    found: dict[FilterKind, object] = {
        FilterKind.FOLDER: photo.path.rpartition("/")[0],
        FilterKind.DATE: f"{year:04}",
        FilterKind.CAMERA: facts.camera or "",
        FilterKind.LENS: facts.lens or "",
        FilterKind.ORIENTATION: shape if photo.width else None,
        FilterKind.SIZE: size if photo.width else None,
        FilterKind.FORMAT: facts.kind,
        FilterKind.RATING: rating or 0,
        FilterKind.LOCATED: "yes" if facts.place or cell else "no",
        FilterKind.PLACE: facts.place or cell,
        FilterKind.MARKED: "yes" if photo.marked else "no",
    }
    if kind is FilterKind.TAG:
        return photo.tags
    return set() if found[kind] is None else {str(found[kind])}


def fits(photo: Photo, kind: FilterKind, value: str) -> bool:
    if kind is FilterKind.FOLDER:
        return photo.path.rpartition("/")[0] == value or photo.path.startswith(value + "/")
    if kind is FilterKind.DATE:
        low, high = date_range(value)
        return low <= (photo.facts.taken or 0) < high
    if kind is FilterKind.RATING:
        low_rating, high_rating = rating_range(value)
        rating = photo.rating if photo.rating is not None else photo.facts.rating
        return low_rating <= (rating or 0) <= high_rating
    if kind is FilterKind.PLACE and (place := position(value)) is not None and place[2] is not None:
        return photo.facts.latitude is not None and on_plane(photo.facts, place[0], place[1]) <= place[2] ** 2
    return value in values_of(photo, kind)


def on_plane(facts: PhotoMetadata, latitude: float, longitude: float) -> float:
    """Square kilometres on the plane that touches the globe at a position, the short way round."""
    degree = 111.195
    around = abs(facts.longitude - longitude)
    east = min(around, 360 - around) * (degree * math.cos(math.radians(latitude)))
    north = (facts.latitude - latitude) * degree
    return north * north + east * east


def oracle(photos, folders, chosen: PhotoFilter) -> list[Photo]:
    return [
        photo
        for photo in photos
        if (folders is None or photo.folder in folders)
        and (chosen.within is None or photo.id in chosen.within)
        and all(
            (all if kind is FilterKind.TAG else any)(fits(photo, kind, value) for value in chosen.of(kind))
            for kind in FilterKind
            if chosen.of(kind)
        )
    ]


def random_filter(made: Made, rng: random.Random) -> PhotoFilter:
    choices = []
    for kind in rng.sample(list(FilterKind), rng.randrange(4)):
        several = sorted({value for photo in made.photos for value in values_of(photo, kind)})
        for value in rng.sample(several, min(len(several), rng.randrange(1, 3))):
            if kind is FilterKind.RATING and value != "-1" and rng.random() < 0.5:
                value += "+"
            if kind is FilterKind.PLACE and rng.random() < 0.5:
                here = rng.choice([photo.facts for photo in made.photos if photo.facts.latitude is not None])
                value = circle(here.latitude, here.longitude, rng.choice((1, 100, 1500, 9000)))
            choices.append((kind, value))
    within = None
    if rng.random() < 0.2:
        within = frozenset(rng.sample([photo.id for photo in made.photos], 40)) | {10**6}
    return PhotoFilter(tuple(choices), within=within)


def test_500_random_filters_leave_what_plain_loops_leave(made):
    rng = random.Random(1)
    digest_rows = {pack: pack_rows(made.catalogue, pack) for pack in (PACK, "pack-two")}
    hits = 0
    for _ in range(500):
        chosen = random_filter(made, rng)
        folders = rng.choice((None, None, made.folders[:1], made.folders))
        pack = rng.choice((PACK, PACK, "pack-two"))
        expected = oracle(made.photos, folders, chosen)
        allowed = made.catalogue.allowed(pack, folders, chosen)
        assert allowed.photos.tolist() == sorted(photo.id for photo in expected), chosen
        rows = {digest_rows[pack][photo.id] for photo in expected if photo.id in digest_rows[pack]}
        assert allowed.rows.tolist() == sorted(rows), chosen
        assert all(allowed.has(photo.id) for photo in expected) and not allowed.has(10**6)
        assert made.catalogue.count(folders, chosen=chosen) == len(expected)
        hits += bool(expected)
    assert hits > 150


def test_what_is_kept_of_filters_is_never_older_than_the_catalogue(made, monkeypatch):
    """Random filters between changes by this connection and by another one, with room for few masks; the oracle is
    the walk over all photos."""
    monkeypatch.setattr(filter_masks, "MOST_BYTES", 0)
    monkeypatch.setattr(filter_masks, "LEAST_KEPT", 3)
    rng = random.Random(3)
    root = made.catalogue._db.catalogue.parent
    with Catalogue.open_reader(root) as reader:
        for _ in range(25):
            made.catalogue.set_rating(rng.sample([photo.id for photo in made.photos], 5), rng.randrange(6))
            for catalogue, _ in itertools.product((made.catalogue, reader), range(4)):
                chosen = random_filter(made, rng)
                kept = catalogue.allowed(PACK, made.folders, chosen)
                walked = filter_store.allowed(reader._db, PACK, made.folders, chosen)
                assert (
                    kept.photos.tolist() == walked.photos.tolist() and kept.rows.tolist() == walked.rows.tolist()
                )
            assert len(reader._masks._masks) <= 3
    for photo in made.photos:
        made.catalogue.set_rating([photo.id], photo.rating)


def test_a_filter_that_was_met_before_walks_over_no_photo(made, monkeypatch):
    walks = []
    database = made.catalogue._db
    row = database.row
    monkeypatch.setattr(
        database, "row", lambda text, values=(): (walks.append("NOT INDEXED" in text), row(text, values))[1]
    )
    chosen = PhotoFilter(((FilterKind.DATE, "1980..1999"), (FilterKind.ORIENTATION, "landscape")))
    made.catalogue.set_setting("anything", "changed")
    for expected in (1, 4, 0):  # one walk for all; the photos shown and three clauses; nothing
        del walks[:]
        assert len(made.catalogue.allowed(PACK, None, chosen).photos) == len(oracle(made.photos, None, chosen))
        assert sum(walks) == expected


def pack_rows(catalogue, pack) -> dict[int, int]:
    """photo -> its row of a pack, by way of the content."""
    by_row = catalogue.photos_of_features(catalogue.feature_rows(pack))
    return {photo.id: row for row, photos in by_row.items() for photo in photos}


def test_counts_are_those_of_plain_loops(made):
    rng = random.Random(2)
    for _ in range(12):
        chosen = random_filter(made, rng)
        facets = made.catalogue.facets(None, chosen)
        assert facets.total == len(oracle(made.photos, None, chosen))
        for kind in FilterKind:
            others = chosen if kind is FilterKind.TAG else chosen.without(kind)
            left = oracle(made.photos, None, others)
            expected = {
                value: sum(value in values_of(photo, kind) for photo in left)
                for value in {value for photo in left for value in values_of(photo, kind)}
            }
            assert {found.value: found.count for found in facets.values[kind]} == expected, (kind, chosen)
            counts = [found.count for found in facets.values[kind]]
            assert counts == sorted(counts, reverse=True)


def test_a_circle_around_a_place(made):
    for latitude, longitude, kilometres in ((48.0, 179.9, 300.0), (48.0, 10.0, 500.0), (47.5, -120.0, 50.0)):
        chosen = PhotoFilter(((FilterKind.PLACE, f"{latitude},{longitude},{kilometres}"),))
        allowed = set(made.catalogue.allowed(PACK, None, chosen).photos.tolist())
        for photo in made.photos:
            if photo.facts.latitude is None:
                assert photo.id not in allowed
            else:
                away = great_circle(latitude, longitude, photo.facts.latitude, photo.facts.longitude)
                if abs(away - kilometres) > 0.02 * kilometres:
                    assert (photo.id in allowed) == (away < kilometres)


def test_a_photo_is_near_itself_and_only_photos_with_a_position_are_near_anything(made):
    somewhere = [photo for photo in made.photos if photo.facts.latitude is not None]
    for photo in somewhere[:20]:
        chosen = PhotoFilter(((FilterKind.PLACE, circle(photo.facts.latitude, photo.facts.longitude, 0.01)),))
        assert photo.id in made.catalogue.allowed(PACK, None, chosen).photos
    everywhere = PhotoFilter(((FilterKind.PLACE, circle(0, 0, 20_000)),))
    assert set(made.catalogue.allowed(PACK, None, everywhere).photos.tolist()) <= {photo.id for photo in somewhere}


def great_circle(a: float, b: float, c: float, d: float) -> float:
    a, b, c, d = map(math.radians, (a, b, c, d))
    h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(h))


# --- text ----------------------------------------------------------------------------------------------------


@pytest.fixture
def texts(catalogue):
    """Three photos with names, folders, tags and facts to look for."""
    folder = catalogue.add_folder(b"/home/me/Holiday 2019")
    names = ("IMG_2031.jpg", "Été/boot am see.png", "Été/größe \u65e5\u672c\u8a9e.jpg")
    catalogue.record_scan(folder, [found(f"/home/me/Holiday 2019/{name}") for name in names])
    for record in catalogue.pending(10):
        catalogue.commit_batch(PACK, [replace(indexed(record, fingerprint=record.path[-16:]), metadata=facts())])
    by_name = {photo.name: photo.id for photo in catalogue.photos_page()}
    catalogue.change_tags([by_name["IMG_2031.jpg"]], add=['the "blue" sea', "Müller"])
    return {name[:4]: number for name, number in by_name.items()}


def facts() -> PhotoMetadata:
    return PhotoMetadata(lens="FE 35mm F1.8", place="Wien, Austria", kind="JPEG")


def find(catalogue, text) -> set[int]:
    return set(catalogue.allowed(PACK, None, PhotoFilter(text=text)).photos.tolist())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("2031", {"IMG_"}),
        ("img_20", {"IMG_"}),
        ("IMG_2031.jpg", {"IMG_"}),
        ("holi", {"IMG_", "boot", "größ"}),
        ("ete see", {"boot"}),
        ("ete -see", {"größ"}),
        ("-see -2031", {"größ"}),
        ("grosse", set()),
        ("große", {"größ"}),
        ("groß", {"größ"}),
        ("GRÖSSE", set()),
        ("größe", {"größ"}),
        ("Größ", {"größ"}),
        ("\u65e5\u672c", {"größ"}),
        ('"blue sea"', {"IMG_"}),
        ('"sea blue"', set()),
        ("mull", {"IMG_"}),
        ("35mm wien", {"IMG_", "boot", "größ"}),
        ("home", set()),
        ("!!! ???", set()),
    ],
)
def test_words_are_found(catalogue, texts, text, names):
    assert find(catalogue, text) == {texts[name] for name in names}


@pytest.mark.parametrize(
    "text",
    ['"', '""', "a\0b", "NEAR(a b)", "name:img", "a OR", "(", "*", "^img", "a AND NOT", "'; DROP", "\udcff", "--"],
)
def test_no_text_is_ever_taken_for_a_language(catalogue, texts, text):
    assert find(catalogue, text) <= set(texts.values())
    assert find(catalogue, "2031") == {texts["IMG_"]}


def test_words_follow_what_happens_to_photos(catalogue, texts):
    number = texts["IMG_"]
    catalogue.change_tags([number], remove=["Müller"])
    assert find(catalogue, "mull") == set()
    catalogue.set_labels(number, "albums", ["Sommer"])
    assert find(catalogue, "sommer") == {number}
    catalogue.add_folder(b"/home/me")  # the folder becomes part of a wider one: its own name is still found
    assert find(catalogue, "holiday 2031") == {number} == find(catalogue, "me 2031")
    catalogue.remove_folder(catalogue.folders()[0].id)
    assert find(catalogue, "2031") == set() and catalogue._db.number("SELECT count(*) FROM texts") == 0


def test_words_and_choices_together(catalogue, texts):
    chosen = PhotoFilter(((FilterKind.FORMAT, "jpeg"), (FilterKind.TAG, "Müller")), text="holiday")
    assert catalogue.allowed(PACK, None, chosen).photos.tolist() == [texts["IMG_"]]
    assert [photo.id for photo in catalogue.photos_page(chosen=chosen)] == [texts["IMG_"]]
    facets = catalogue.facets(None, PhotoFilter(text="see"))
    assert facets.total == 1 and [found.value for found in facets.values[FilterKind.FORMAT]] == ["JPEG"]


def test_every_order_lists_the_same_photos(made):
    chosen = PhotoFilter(((FilterKind.ORIENTATION, "landscape"),))
    expected = sorted(photo.id for photo in oracle(made.photos, None, chosen))
    for order, descending in itertools.product(("date", "name", "folder"), (False, True)):
        ids = made.catalogue.photo_ids(PhotoOrder(order), descending=descending, chosen=chosen)
        assert sorted(ids.tolist()) == expected
