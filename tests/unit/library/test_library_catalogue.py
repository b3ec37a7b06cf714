"""The catalogue: photos and features go in together and come out sorted, paged and by content."""

import os
import threading
from dataclasses import replace

import numpy as np
import pytest
from library_builders import (
    PACK,
    features,
    fingerprint_of,
    found,
    index_all,
    indexed,
    names_of,
    scan,
    seed_of,
    write_photos,
)

from desktop_app.domain.errors import LibraryError
from desktop_app.domain.filters import FilterKind, PhotoFilter
from desktop_app.domain.photos import PhotoStatus
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.records import PhotoOrder, SkippedPhoto


@pytest.fixture
def three(catalogue, photos_root):
    """A catalogue with three indexed photos."""
    write_photos(photos_root, ["a.jpg", "b.jpg", "sub/c.jpg"])
    folder = catalogue.add_folder(os.fsencode(photos_root))
    scan(catalogue, folder, photos_root)
    index_all(catalogue)
    return catalogue


def record(catalogue, path):
    return catalogue.photo_by_path(os.fsencode(path))


def test_a_reader_does_not_make_a_library(library_root):
    with pytest.raises(LibraryError, match="there is no library"):
        Catalogue.open_reader(library_root)
    assert not library_root.exists()


def test_new_files_wait_until_they_are_committed(catalogue, photos_root):
    write_photos(photos_root, ["a.jpg", "b.jpg"])
    folder = catalogue.add_folder(os.fsencode(photos_root))
    changes = scan(catalogue, folder, photos_root)
    assert len(changes.new) == 2
    waiting = catalogue.pending(10)
    assert names_of(waiting) == ["a.jpg", "b.jpg"]
    assert all(photo.status is PhotoStatus.PENDING for photo in waiting)
    catalogue.commit_batch(PACK, [indexed(waiting[0], taken=86400.0)])
    first, second = catalogue.photos([waiting[0].id, waiting[1].id])
    assert (first.status, second.status) == (PhotoStatus.PRESENT, PhotoStatus.PENDING)
    assert (first.width, first.height, first.taken, first.camera) == (640, 480, 86400.0, "Camera")
    assert names_of(catalogue.pending(10)) == ["b.jpg"]


def test_the_queue_goes_on_behind_an_id(catalogue, photos_root):
    write_photos(photos_root, [f"{number}.jpg" for number in range(5)])
    scan(catalogue, catalogue.add_folder(os.fsencode(photos_root)), photos_root)
    first = catalogue.pending(2)
    rest = catalogue.pending(10, after=first[-1].id)
    assert len(first) + len(rest) == 5
    assert not {photo.id for photo in first} & {photo.id for photo in rest}


def test_a_held_reader_sees_one_moment_in_all_it_reads(three, library_root):
    with Catalogue.open_reader(library_root) as reader:
        reader.hold()
        photo = int(three.photo_ids()[0])
        three.set_rating([photo], 5)
        three.set_setting("key", "value")
        rated = PhotoFilter(choices=((FilterKind.RATING, "5"),))
        # these hold the catalogue by themselves too, for a moment
        assert len(reader.allowed(PACK, None, rated).photos) == 0 and len(reader.alphas(PACK)[0]) == 3
        assert reader.get_setting("key") is None, "also after them"
        reader.let_go()
        assert reader.allowed(PACK, None, rated).photos.tolist() == [photo]
        assert reader.get_setting("key") == "value"
        reader.hold()
    reader.let_go()  # closed meanwhile


def test_features_come_back_as_they_went_in(three):
    for photo in three.photos_page(PhotoOrder.NAME):
        stored = three.features_for(photo.fingerprint, PACK)
        made = features(seed_of(photo.fingerprint))
        assert np.array_equal(stored.alpha, made.alpha)
        assert np.array_equal(stored.alpha_code, made.alpha_code)
        assert np.array_equal(stored.local.centroids, made.local.centroids)
        assert np.array_equal(stored.beta, made.beta) and stored.beta.dtype == np.float16
        assert np.array_equal(stored.beta_code, made.beta_code)
    assert three.features_for(photo.fingerprint, "another pack") is None


def test_all_descriptors_stream_into_one_array(three):
    rows, vectors = three.alphas(PACK)
    assert vectors.shape == (3, 512)
    assert vectors.dtype == np.float16
    for row, vector in zip(rows, vectors, strict=True):
        (photo,) = three.photos_of_features([row])[int(row)]
        assert np.array_equal(vector, features(seed_of(photo.fingerprint)).alpha)
    newer, _ = three.alphas(PACK, newer_than=int(rows[1]))
    assert newer.tolist() == [rows[2]]
    assert three.last_feature_row(PACK) == rows[2]
    assert three.alphas("another pack")[0].size == 0
    assert three.alphas(PACK, newer_than=int(rows[2]))[1].size == 0


def test_codes_answer_in_the_order_asked(three):
    rows = three.feature_rows(PACK)
    backwards = rows[::-1]
    assert np.array_equal(three.alpha_codes(PACK, backwards), three.alpha_codes(PACK, rows)[::-1])
    forward, back = three.local_codes(PACK, rows), three.local_codes(PACK, backwards)
    assert np.array_equal(forward[0].codes, back[-1].codes)
    assert three.local_codes(PACK, [10_000]) == [None]


def test_local_codes_of_more_rows_than_one_statement_takes(catalogue):
    folder = catalogue.add_folder(b"/photos")
    catalogue.record_scan(folder, [found(f"/photos/{number}.jpg") for number in range(1100)])
    items = [
        indexed(photo, fingerprint=bytes([9]) + photo.id.to_bytes(15, "big")) for photo in catalogue.pending(2000)
    ]
    catalogue.commit_batch(PACK, items)
    rows = catalogue.feature_rows(PACK)
    assert len(rows) == 1100
    assert all(codes is not None for codes in catalogue.local_codes(PACK, rows))
    assert len(catalogue.photos_of_features(rows)) == 1100
    assert len(catalogue.photos(catalogue.photo_ids().tolist())) == 1100


def test_a_pack_without_a_second_model_stores_no_beta(catalogue):
    folder = catalogue.add_folder(b"/photos")
    catalogue.record_scan(folder, [found("/photos/a.jpg")])
    item = indexed(catalogue.pending(1)[0], fingerprint=b"f" * 16)
    catalogue.commit_batch(PACK, [replace(item, features=features(1, second=False))])
    stored = catalogue.features_for(b"f" * 16, PACK)
    assert stored.beta is None and stored.beta_code is None
    assert catalogue.check() == []


CHANGED = "CAST(substr({0}, 1, 3) || X'55AA55' || substr({0}, 7) AS BLOB)"


@pytest.mark.parametrize(
    ("column", "value"),
    [(column, CHANGED) for column in ("alpha", "alpha_code", "beta", "beta_code")]
    + [(column, "NULL") for column in ("alpha_code", "beta", "beta_code")],
)
def test_a_descriptor_or_code_that_was_changed_or_lost_is_noticed_and_made_again(three, column, value):
    three._db.execute(f"UPDATE features SET {column} = {value.format(column)} WHERE id = 1")
    assert any("features are damaged" in problem for problem in three.check())
    three.mend()
    assert three.check() == []
    assert len(three.pending(10)) == 1


def test_a_photo_without_local_codes_is_stored(catalogue):
    folder = catalogue.add_folder(b"/photos")
    catalogue.record_scan(folder, [found("/photos/a.jpg")])
    item = indexed(catalogue.pending(1)[0], fingerprint=b"f" * 16)
    bare = replace(item.features, local=None, alpha_code=None)
    catalogue.commit_batch(PACK, [replace(item, features=bare)])
    rows = catalogue.feature_rows(PACK)
    assert catalogue.local_codes(PACK, rows) == [None]
    assert catalogue.alpha_codes(PACK, rows).shape == (1, 0)
    assert catalogue.features_for(b"f" * 16, PACK).local is None
    assert catalogue.check() == []


def test_copies_are_two_photos_over_the_same_features(three, photos_root):
    (photos_root / "copy of a.jpg").write_bytes((photos_root / "a.jpg").read_bytes())
    scan(three, three.folders()[0].id, photos_root)
    (copy,) = three.pending(10)
    fingerprint = fingerprint_of((photos_root / "a.jpg").read_bytes())
    assert three.known_fingerprints([fingerprint, b"unknown"], PACK) == {fingerprint}
    three.commit_batch(PACK, [replace(indexed(copy), features=None)])
    assert three.feature_counts() == {PACK: 3}
    (photos,) = [group for group in three.photos_of_features(three.feature_rows(PACK)).values() if len(group) == 2]
    assert sorted(names_of(photos)) == ["a.jpg", "copy of a.jpg"]
    assert three.check() == []


def test_a_photo_whose_features_are_not_there_stays_in_the_queue(catalogue, photos_root):
    write_photos(photos_root, ["a.jpg"])
    scan(catalogue, catalogue.add_folder(os.fsencode(photos_root)), photos_root)
    (photo,) = catalogue.pending(1)
    assert catalogue.commit_batch(PACK, [replace(indexed(photo), features=None)]) == []
    assert catalogue.pending_count() == 1


def test_unusable_files_are_listed_with_their_reason_and_retried_on_request(catalogue, photos_root):
    write_photos(photos_root, ["broken.jpg", "fine.jpg"])
    scan(catalogue, catalogue.add_folder(os.fsencode(photos_root)), photos_root)
    broken, fine = catalogue.pending(2)
    catalogue.commit_batch(PACK, [indexed(fine)], [SkippedPhoto(broken, "the file is cut short")])
    (skipped,) = catalogue.skipped()
    assert (skipped.name, skipped.reason) == ("broken.jpg", "the file is cut short")
    assert names_of(catalogue.photos_page()) == ["fine.jpg"]
    assert catalogue.retry_skipped() == 1
    assert names_of(catalogue.pending(2)) == ["broken.jpg"]
    assert catalogue.skipped() == []


def test_a_new_pack_gets_all_photos_while_the_old_features_answer(three):
    assert three.pending_count() == 0
    assert three.pending_count(digest="new") == 3
    first = three.pending(1, digest="new")
    three.commit_batch("new", [indexed(first[0])])
    assert three.pending_count(digest="new") == 2
    assert three.counts().indexed == 3
    assert three.feature_counts() == {PACK: 3, "new": 1}
    index_all(three, "new")
    assert three.pending_count(digest="new") == 0
    # Back to the old pack: everything is there already.
    assert three.pending(10, digest=PACK) == []
    assert three.check() == []


def test_photos_sort_by_date_name_and_folder(catalogue):
    folder = catalogue.add_folder(b"/p")
    paths = ["/p/b/IMG_10.jpg", "/p/b/img_9.jpg", "/p/a.jpg", "/p/b.jpg"]
    catalogue.record_scan(folder, [found(path, mtime=1e6 + number) for number, path in enumerate(paths)])
    for photo in catalogue.pending(10):
        taken = 10.0 if photo.name == "b.jpg" else None
        catalogue.commit_batch(PACK, [indexed(photo, fingerprint=fingerprint_of(photo.path), taken=taken)])

    def order(by, descending=False):
        return names_of(catalogue.photos_page(by, descending=descending))

    assert order(PhotoOrder.DATE) == ["b.jpg", "IMG_10.jpg", "img_9.jpg", "a.jpg"]
    assert order(PhotoOrder.NAME) == ["a.jpg", "b.jpg", "img_9.jpg", "IMG_10.jpg"]
    assert order(PhotoOrder.FOLDER) == ["a.jpg", "b.jpg", "img_9.jpg", "IMG_10.jpg"]
    for by in PhotoOrder:
        assert order(by, descending=True) == order(by)[::-1]


def test_pages_and_ids_agree_and_filter_by_folder(catalogue):
    one, two = catalogue.add_folder(b"/one"), catalogue.add_folder(b"/two")
    catalogue.record_scan(one, [found(f"/one/{number}.jpg") for number in range(7)])
    catalogue.record_scan(two, [found(f"/two/{number}.jpg") for number in range(4)])
    ids = catalogue.photo_ids(PhotoOrder.NAME, descending=True)
    paged = [
        photo.id
        for start in range(0, 12, 5)
        for photo in catalogue.photos_page(PhotoOrder.NAME, descending=True, offset=start, limit=5)
    ]
    assert ids.tolist() == paged
    assert len(catalogue.photo_ids(folders=[two])) == catalogue.count([two]) == 4
    assert catalogue.count([]) == 0
    assert catalogue.count() == 11
    assert [folder.photos for folder in catalogue.folders()] == [7, 4]


def test_feature_rows_follow_the_folder_filter(catalogue):
    one, two = catalogue.add_folder(b"/one"), catalogue.add_folder(b"/two")
    catalogue.record_scan(one, [found("/one/a.jpg"), found("/one/b.jpg")])
    catalogue.record_scan(two, [found("/two/a.jpg")])
    same = fingerprint_of(b"same")
    for photo in catalogue.pending(10):
        fingerprint = same if photo.name == "a.jpg" else fingerprint_of(photo.path)
        catalogue.commit_batch(PACK, [indexed(photo, fingerprint=fingerprint)])
    assert len(catalogue.feature_rows_in(PACK)) == len(catalogue.feature_rows_in(PACK, [one])) == 2
    assert len(catalogue.feature_rows_in(PACK, [two])) == 1
    ids = catalogue.photo_ids().tolist()
    assert catalogue.feature_rows_of(PACK, ids).tolist() == catalogue.feature_rows_in(PACK).tolist()
    assert (
        catalogue.feature_rows_of(PACK, [999]).tolist() == catalogue.feature_rows_of("other", ids).tolist() == []
    )


def test_records_come_in_the_order_asked_without_those_that_are_gone(three):
    ids = three.photo_ids().tolist()
    assert [photo.id for photo in three.photos([ids[2], 999, ids[0]])] == [ids[2], ids[0]]
    assert three.photo(999) is None


def test_a_folder_inside_a_known_one_is_not_added_twice(catalogue):
    outer = catalogue.add_folder(b"/photos")
    assert catalogue.add_folder(b"/photos") == outer
    assert catalogue.add_folder(b"/photos/2020/summer") == outer
    assert catalogue.add_folder(b"/photos and more") != outer
    # A hidden folder is not reached by a scan of the outer one, so it is a folder of its own.
    assert catalogue.add_folder(b"/photos/.hidden") != outer


def test_a_folder_around_known_ones_takes_their_photos_over(catalogue):
    inner = catalogue.add_folder(b"/photos/2020")
    catalogue.record_scan(inner, [found("/photos/2020/a.jpg")])
    (photo,) = catalogue.pending(1)
    catalogue.commit_batch(PACK, [indexed(photo, fingerprint=b"f" * 16)])
    outer = catalogue.add_folder(b"/photos")
    assert [folder.id for folder in catalogue.folders()] == [outer]
    changes = catalogue.record_scan(outer, [found("/photos/2020/a.jpg"), found("/photos/b.jpg")])
    assert (len(changes.new), changes.unchanged) == (1, 1)
    assert catalogue.photo(photo.id).status is PhotoStatus.PRESENT


def test_removing_a_folder_forgets_its_photos_but_not_what_others_share(catalogue):
    one, two = catalogue.add_folder(b"/one"), catalogue.add_folder(b"/two")
    catalogue.record_scan(one, [found("/one/shared.jpg"), found("/one/own.jpg")])
    catalogue.record_scan(two, [found("/two/shared.jpg")])
    for photo in catalogue.pending(10):
        catalogue.commit_batch(PACK, [indexed(photo, fingerprint=fingerprint_of(photo.name.encode()))])
    assert catalogue.remove_folder(one) == [fingerprint_of(b"own.jpg")]
    assert names_of(catalogue.photos_page()) == ["shared.jpg"]
    assert catalogue.feature_counts() == {PACK: 1}
    assert catalogue.check() == []


def test_a_photo_of_a_removed_folder_that_was_being_indexed_is_dropped(catalogue):
    folder = catalogue.add_folder(b"/one")
    catalogue.record_scan(folder, [found("/one/a.jpg")])
    (photo,) = catalogue.pending(1)
    catalogue.remove_folder(folder)
    assert catalogue.commit_batch(PACK, [indexed(photo, fingerprint=b"f" * 16)]) == []
    assert catalogue.counts().photos == 0


def test_rows_and_ids_are_never_used_again(three):
    last_row, last_photo = three.last_feature_row(PACK), max(three.photo_ids())
    three.remove_folder(three.folders()[0].id)
    folder = three.add_folder(b"/other")
    three.record_scan(folder, [found("/other/a.jpg")])
    three.commit_batch(PACK, [indexed(three.pending(1)[0], fingerprint=b"f" * 16)])
    assert three.last_feature_row(PACK) > last_row
    assert min(three.photo_ids()) > last_photo


def test_settings_are_kept(catalogue, library_root):
    assert catalogue.get_setting("pack", "none") == "none"
    catalogue.set_setting("pack", "small")
    catalogue.set_setting("pack", "large")
    with Catalogue.open_reader(library_root) as reader:
        assert reader.get_setting("pack") == "large"


def test_a_reader_sees_each_batch_once_it_is_committed_and_cannot_write(catalogue, library_root):
    folder = catalogue.add_folder(b"/photos")
    with Catalogue.open_reader(library_root) as reader:
        assert reader.count() == 0
        catalogue.record_scan(folder, [found("/photos/a.jpg")])
        assert reader.count() == 1
        with pytest.raises(LibraryError, match="may not be written"):
            reader.set_setting("key", "value")


def test_a_closed_catalogue_says_so_and_closing_waits_for_the_call_under_way(three, library_root):
    reader = Catalogue.open_reader(library_root)
    errors = []

    def read():
        try:
            while True:
                reader.alphas(PACK)
        except LibraryError as error:
            errors.append(str(error))

    thread = threading.Thread(target=read)
    thread.start()
    reader.close()
    thread.join()
    reader.close()
    assert "was closed" in errors[0]


def test_figures_count_everything_once(three):
    stats = three.stats()
    assert stats.counts.photos == stats.counts.indexed == 3
    assert (stats.folders, stats.unused_features, dict(stats.features)) == (1, 0, {PACK: 3})
    assert stats.catalogue_bytes > 3 * 5000


def test_the_same_catalogue_opens_again(three, library_root, photos_root):
    before = three.photos_page(PhotoOrder.NAME)
    three.close()
    with Catalogue.create_or_open(library_root) as again:
        assert again.photos_page(PhotoOrder.NAME) == before
        assert record(again, photos_root / "sub" / "c.jpg") == before[2]
