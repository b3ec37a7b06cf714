"""What happens to photos when their files change, move, vanish and come back."""

import os
import shutil
from dataclasses import replace

import pytest
from library_builders import (
    PACK,
    fingerprint_of,
    found,
    index_all,
    indexed,
    names_of,
    scan,
    write_photos,
)

from desktop_app.domain.errors import LibraryError
from desktop_app.domain.photos import PhotoStatus
from desktop_app.library.records import SkippedPhoto


@pytest.fixture
def folder(catalogue, photos_root):
    """A folder with three photos, all indexed."""
    write_photos(photos_root, ["a.jpg", "b.jpg", "sub/c.jpg"])
    number = catalogue.add_folder(os.fsencode(photos_root))
    scan(catalogue, number, photos_root)
    index_all(catalogue)
    return number


def photo_at(catalogue, path):
    return catalogue.photo_by_path(os.fsencode(path))


def statuses(catalogue, root):
    return {
        path.name: photo.status.value
        for path in sorted(root.rglob("*.jpg"))
        if (photo := photo_at(catalogue, path)) is not None
    }


def test_unchanged_files_stay_as_they_are(catalogue, folder, photos_root):
    changes = scan(catalogue, folder, photos_root)
    assert not changes
    assert changes.unchanged == 3
    assert catalogue.pending_count() == 0


def test_a_changed_file_waits_while_its_old_features_answer(catalogue, folder, photos_root):
    path = photos_root / "a.jpg"
    before = photo_at(catalogue, path)
    path.write_bytes(b"another content, of another length")
    changes = scan(catalogue, folder, photos_root)
    assert changes.changed.tolist() == [before.id]
    waiting = photo_at(catalogue, path)
    assert waiting.status is PhotoStatus.PENDING
    assert waiting.fingerprint == before.fingerprint
    answering = [
        photo.id
        for group in catalogue.photos_of_features(catalogue.feature_rows(PACK)).values()
        for photo in group
    ]
    assert before.id in answering
    index_all(catalogue)
    after = photo_at(catalogue, path)
    assert (after.id, after.status) == (before.id, PhotoStatus.PRESENT)
    assert after.fingerprint == fingerprint_of(path.read_bytes())


def test_a_file_with_another_time_and_the_same_content_keeps_its_features(catalogue, folder, photos_root):
    os.utime(photos_root / "a.jpg", ns=(1, 1))
    assert len(scan(catalogue, folder, photos_root).changed) == 1
    (photo,) = catalogue.pending(5)
    assert catalogue.known_fingerprints([photo.fingerprint], PACK) == {photo.fingerprint}
    catalogue.commit_batch(PACK, [replace(indexed(photo), features=None)])
    assert catalogue.feature_counts() == {PACK: 3}


def test_a_file_that_changes_while_it_is_decoded_stays_in_the_queue(catalogue, folder, photos_root):
    path = photos_root / "a.jpg"
    path.write_bytes(b"first change")
    scan(catalogue, folder, photos_root)
    (as_decoded,) = catalogue.pending(5)
    done = indexed(as_decoded)
    path.write_bytes(b"a second change before the first is stored")
    scan(catalogue, folder, photos_root)
    catalogue.commit_batch(PACK, [done])
    assert names_of(catalogue.pending(5)) == ["a.jpg"]
    index_all(catalogue)
    assert photo_at(catalogue, path).fingerprint == fingerprint_of(path.read_bytes())


def test_a_skip_of_an_older_state_does_not_hide_the_repaired_file(catalogue, folder, photos_root):
    path = photos_root / "a.jpg"
    path.write_bytes(b"broken")
    scan(catalogue, folder, photos_root)
    (broken,) = catalogue.pending(5)
    path.write_bytes(b"repaired meanwhile")
    scan(catalogue, folder, photos_root)
    catalogue.commit_batch(PACK, [], [SkippedPhoto(broken, "the file is cut short")])
    assert catalogue.skipped() == []
    assert names_of(catalogue.pending(5)) == ["a.jpg"]


def test_a_skipped_file_is_tried_again_only_when_it_changed(catalogue, folder, photos_root):
    path = photos_root / "a.jpg"
    path.write_bytes(b"broken")
    scan(catalogue, folder, photos_root)
    catalogue.commit_batch(PACK, [], [SkippedPhoto(photo, "not a picture") for photo in catalogue.pending(5)])
    assert not scan(catalogue, folder, photos_root)
    assert catalogue.pending_count() == 0
    path.write_bytes(b"repaired and longer")
    scan(catalogue, folder, photos_root)
    index_all(catalogue)
    assert photo_at(catalogue, path).status is PhotoStatus.PRESENT
    assert photo_at(catalogue, path).reason is None


def test_a_removed_file_is_marked_and_neither_shown_nor_found(catalogue, folder, photos_root):
    gone = photo_at(catalogue, photos_root / "a.jpg")
    (photos_root / "a.jpg").unlink()
    assert scan(catalogue, folder, photos_root).missing.tolist() == [gone.id]
    assert catalogue.photo(gone.id).status is PhotoStatus.MISSING
    assert "a.jpg" not in names_of(catalogue.photos_page())
    found_photos = catalogue.photos_of_features(catalogue.feature_rows(PACK)).values()
    assert gone.id not in {photo.id for group in found_photos for photo in group}
    assert len(catalogue.feature_rows_in(PACK)) == 2
    assert catalogue.counts().missing == 1
    assert catalogue.check() == []


def test_a_removed_file_that_comes_back_unchanged_is_at_once_what_it_was(catalogue, folder, photos_root, tmp_path):
    path, elsewhere = photos_root / "a.jpg", tmp_path / "elsewhere.jpg"
    before = photo_at(catalogue, path)
    path.rename(elsewhere)
    scan(catalogue, folder, photos_root)
    elsewhere.rename(path)
    changes = scan(catalogue, folder, photos_root)
    assert changes.returned.tolist() == [before.id]
    assert photo_at(catalogue, path) == before
    assert "a.jpg" in names_of(catalogue.photos_page())
    assert catalogue.pending_count() == 0


def test_a_removed_file_that_was_waiting_waits_again_when_it_is_back(catalogue, folder, photos_root, tmp_path):
    write_photos(photos_root, ["late.jpg"])
    scan(catalogue, folder, photos_root)
    (photos_root / "late.jpg").rename(tmp_path / "late.jpg")
    scan(catalogue, folder, photos_root)
    assert catalogue.pending_count() == 0
    (tmp_path / "late.jpg").rename(photos_root / "late.jpg")
    scan(catalogue, folder, photos_root)
    assert names_of(catalogue.pending(5)) == ["late.jpg"]


def test_a_removed_file_that_comes_back_changed_is_indexed_again(catalogue, folder, photos_root):
    path = photos_root / "a.jpg"
    before = photo_at(catalogue, path)
    path.unlink()
    scan(catalogue, folder, photos_root)
    path.write_bytes(b"another picture under the old name")
    changes = scan(catalogue, folder, photos_root)
    assert changes.changed.tolist() == [before.id]
    index_all(catalogue)
    assert photo_at(catalogue, path).status is PhotoStatus.PRESENT


@pytest.mark.parametrize("target", ["renamed.jpg", "sub/a.jpg", "new/folder/a.jpg"])
def test_a_moved_file_keeps_its_id_and_features(catalogue, folder, photos_root, target):
    before = photo_at(catalogue, photos_root / "a.jpg")
    (photos_root / target).parent.mkdir(parents=True, exist_ok=True)
    (photos_root / "a.jpg").rename(photos_root / target)
    scan(catalogue, folder, photos_root)
    (waiting,) = catalogue.pending(5)
    assert catalogue.commit_batch(PACK, [replace(indexed(waiting), features=None)]) == [before.id]
    after = photo_at(catalogue, photos_root / target)
    assert (after.id, after.status, after.fingerprint) == (before.id, PhotoStatus.PRESENT, before.fingerprint)
    assert catalogue.photo(waiting.id) is None
    assert photo_at(catalogue, photos_root / "a.jpg") is None
    assert catalogue.feature_counts() == {PACK: 3}
    assert catalogue.counts().missing == 0
    assert catalogue.check() == []


def test_a_file_moved_to_another_folder_of_the_library_keeps_its_id(catalogue, folder, photos_root, tmp_path):
    other_root = tmp_path / "other"
    other_root.mkdir()
    other = catalogue.add_folder(os.fsencode(other_root))
    before = photo_at(catalogue, photos_root / "a.jpg")
    (photos_root / "a.jpg").rename(other_root / "a.jpg")
    scan(catalogue, folder, photos_root)
    scan(catalogue, other, other_root)
    index_all(catalogue)
    after = photo_at(catalogue, other_root / "a.jpg")
    assert (after.id, after.folder) == (before.id, other)


def test_of_two_missing_copies_the_one_of_the_same_name_has_moved(catalogue, photos_root):
    (photos_root / "x.jpg").write_bytes(b"same")
    (photos_root / "y.jpg").write_bytes(b"same")
    folder = catalogue.add_folder(os.fsencode(photos_root))
    scan(catalogue, folder, photos_root)
    index_all(catalogue)
    y = photo_at(catalogue, photos_root / "y.jpg")
    (photos_root / "x.jpg").unlink()
    (photos_root / "sub").mkdir()
    (photos_root / "y.jpg").rename(photos_root / "sub" / "y.jpg")
    scan(catalogue, folder, photos_root)
    assert index_all(catalogue) == [y.id]


def test_two_files_that_swap_names_swap_features(catalogue, folder, photos_root):
    a, b, aside = photos_root / "a.jpg", photos_root / "b.jpg", photos_root / "aside"
    a.write_bytes(b"a much longer content for this one")
    scan(catalogue, folder, photos_root)
    index_all(catalogue)
    content = {a: a.read_bytes(), b: b.read_bytes()}
    a.rename(aside)
    b.rename(a)
    aside.rename(b)
    assert len(scan(catalogue, folder, photos_root).changed) == 2
    index_all(catalogue)
    assert photo_at(catalogue, a).fingerprint == fingerprint_of(content[b])
    assert photo_at(catalogue, b).fingerprint == fingerprint_of(content[a])


def test_photos_of_a_missing_drive_are_offline_and_still_found(catalogue, folder, photos_root):
    catalogue.set_folder_present(folder, False)
    assert set(statuses(catalogue, photos_root).values()) == {"offline"}
    assert len(catalogue.photos_page()) == 3
    assert len(catalogue.photos_of_features(catalogue.feature_rows(PACK))) == 3
    counts = catalogue.counts()
    assert (counts.photos, counts.offline, counts.indexed) == (3, 3, 0)
    assert not catalogue.folders()[0].present


def test_photos_of_a_drive_that_returns_unchanged_are_at_once_present(catalogue, folder, photos_root):
    before = statuses(catalogue, photos_root)
    catalogue.set_folder_present(folder, False)
    changes = scan(catalogue, folder, photos_root)
    assert len(changes.returned) == 3
    assert changes.unchanged == 0
    assert statuses(catalogue, photos_root) == before
    assert catalogue.folders()[0].present
    assert catalogue.pending_count() == 0


def test_photos_that_wait_on_a_missing_drive_are_not_handed_out(catalogue, folder, photos_root):
    write_photos(photos_root, ["late.jpg"])
    scan(catalogue, folder, photos_root)
    catalogue.set_folder_present(folder, False)
    assert catalogue.pending(5) == []
    assert catalogue.pending(5, digest="new") == []
    assert catalogue.pending_count(digest="new") == 0
    catalogue.set_folder_present(folder, True)
    assert names_of(catalogue.pending(5)) == ["late.jpg"]
    assert catalogue.pending_count(digest="new") == 4


def test_a_folder_that_was_moved_aside_and_back_loses_nothing(catalogue, folder, photos_root, tmp_path):
    before = statuses(catalogue, photos_root)
    ids = catalogue.photo_ids().tolist()
    photos_root.rename(tmp_path / "unplugged")
    with pytest.raises(LibraryError, match="is not there"):
        scan(catalogue, folder, photos_root)
    catalogue.set_folder_present(folder, False)
    (tmp_path / "unplugged").rename(photos_root)
    scan(catalogue, folder, photos_root)
    assert statuses(catalogue, photos_root) == before
    assert catalogue.photo_ids().tolist() == ids


def test_photos_below_a_folder_that_may_not_be_read_are_offline_not_missing(catalogue, folder, photos_root):
    files = [found(os.fsdecode(photo.path), size=photo.size, mtime=0) for photo in catalogue.photos_page()]
    known = catalogue.known_files(folder)
    files = [replace(file, mtime_ns=known[file.path].mtime_ns) for file in files if b"sub" not in file.path]
    sub = os.fsencode(photos_root / "sub")
    changes = catalogue.record_scan(folder, files, out_of_reach=[sub])
    assert len(changes.offline) == 1
    assert len(changes.missing) == 0
    assert photo_at(catalogue, photos_root / "sub" / "c.jpg").status is PhotoStatus.OFFLINE
    again = catalogue.record_scan(folder, files, out_of_reach=[sub])
    assert not again
    assert len(scan(catalogue, folder, photos_root).returned) == 1
    assert photo_at(catalogue, photos_root / "sub" / "c.jpg").status is PhotoStatus.PRESENT


def test_photos_behind_a_link_to_a_drive_that_is_away_are_offline(catalogue, photos_root, tmp_path):
    write_photos(tmp_path / "drive", ["a.jpg"])
    (photos_root / "link").symlink_to(tmp_path / "drive")
    folder = catalogue.add_folder(os.fsencode(photos_root))
    scan(catalogue, folder, photos_root)
    index_all(catalogue)
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    scan(catalogue, folder, photos_root)
    assert catalogue.photos_page()[0].status is PhotoStatus.OFFLINE
    (tmp_path / "unplugged").rename(tmp_path / "drive")
    scan(catalogue, folder, photos_root)
    assert catalogue.photos_page()[0].status is PhotoStatus.PRESENT


def test_a_folder_with_a_similar_name_is_not_taken_for_out_of_reach(catalogue):
    folder = catalogue.add_folder(b"/p")
    catalogue.record_scan(folder, [found("/p/sub/a.jpg"), found("/p/sub-b/a.jpg"), found("/p/sub0/a.jpg")])
    changes = catalogue.record_scan(folder, [], out_of_reach=[b"/p/sub"])
    assert (len(changes.offline), len(changes.missing)) == (1, 2)


def test_known_files_tell_size_time_and_status(catalogue, folder, photos_root):
    (photos_root / "a.jpg").unlink()
    scan(catalogue, folder, photos_root)
    known = catalogue.known_files(folder)
    about = (photos_root / "b.jpg").stat()
    entry = known[os.fsencode(photos_root / "b.jpg")]
    assert (entry.size, entry.mtime_ns, entry.status) == (about.st_size, about.st_mtime_ns, PhotoStatus.PRESENT)
    assert known[os.fsencode(photos_root / "a.jpg")].status is PhotoStatus.MISSING


def test_a_raw_file_that_appears_beside_a_photo_is_noted_without_indexing_again(catalogue, folder, photos_root):
    (photos_root / "a.CR3").write_bytes(b"raw")
    changes = scan(catalogue, folder, photos_root)
    assert changes.unchanged == 3
    assert photo_at(catalogue, photos_root / "a.jpg").paired == os.fsencode(photos_root / "a.CR3")
    (photos_root / "a.CR3").unlink()
    scan(catalogue, folder, photos_root)
    assert photo_at(catalogue, photos_root / "a.jpg").paired is None


def test_a_scan_of_a_folder_that_was_removed_is_refused_and_leaves_nothing(catalogue, folder, photos_root):
    catalogue.remove_folder(folder)
    with pytest.raises(LibraryError, match="not in the library"):
        scan(catalogue, folder, photos_root)
    assert catalogue.count() == 0


def test_a_scan_that_is_refused_half_way_changes_nothing(catalogue, folder, photos_root):
    def files():
        yield found(os.fsdecode(photos_root / "new.jpg"))
        raise LibraryError("the drive went away")

    with pytest.raises(LibraryError, match="went away"):
        catalogue.record_scan(folder, files())
    assert len(catalogue.photos_page()) == 3
    shutil.rmtree(photos_root / "sub")
    assert len(scan(catalogue, folder, photos_root).missing) == 1
