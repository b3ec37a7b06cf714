"""A scan finds the pictures, says what it leaves out and why, and touches nothing."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from library_builders import KINDS, write_photos

from desktop_app.domain.photos import FoundFile, LeftOut, Skipped
from desktop_app.library import scan as scan_module
from desktop_app.library.scan import FolderAway, LeftOutItem, present, scan_folder
from desktop_app.library.scan_rules import CHOICES, PictureKind, ScanOptions, by_name, reaches


def scanned(root, *, kinds=KINDS, keep=frozenset()):
    """(names found, {name left out: reason}, names skipped), relative to `root`."""
    items = list(scan_folder(os.fsencode(root), kinds, options=ScanOptions(leave_out=CHOICES - keep)))
    inside = lambda item: os.path.relpath(os.fsdecode(item.path), root)  # noqa: E731
    return (
        [inside(item) for item in items if isinstance(item, FoundFile)],
        {inside(item): item.why for item in items if isinstance(item, LeftOutItem)},
        [inside(item) for item in items if isinstance(item, Skipped)],
    )


def test_pictures_are_found_at_any_depth_in_a_fixed_order(tmp_path):
    write_photos(tmp_path, ["b.jpg", "a.PNG", "x/y/z.JPG", "x/a.heic", "c/d.jpg"])
    assert scanned(tmp_path)[0] == ["a.PNG", "b.jpg", "c/d.jpg", "x/a.heic", "x/y/z.JPG"]


def test_a_found_file_tells_size_and_time(tmp_path):
    write_photos(tmp_path, ["a.jpg"])
    os.utime(tmp_path / "a.jpg", ns=(5, 1_600_000_000_123_456_789))
    (item,) = scan_folder(os.fsencode(tmp_path), KINDS)
    assert item == FoundFile(
        os.fsencode(tmp_path / "a.jpg"), (tmp_path / "a.jpg").stat().st_size, 1_600_000_000_123_456_789
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (".hidden.jpg", LeftOut.HIDDEN),
        ("._a.jpg", LeftOut.HIDDEN),
        (".folder/a.jpg", LeftOut.HIDDEN),
        ("@eaDir/a.jpg", LeftOut.SYSTEM),
        (".Trash-1000/files/a.jpg", LeftOut.SYSTEM),
        ("$RECYCLE.BIN/a.jpg", LeftOut.SYSTEM),
        ("System Volume Information/a.jpg", LeftOut.SYSTEM),
        ("node_modules/pkg/a.jpg", LeftOut.SYSTEM),
        (".git/a.jpg", LeftOut.SYSTEM),
        ("#recycle/a.jpg", LeftOut.SYSTEM),
        ("note.txt", LeftOut.NOT_A_PICTURE),
        ("jpg", LeftOut.NOT_A_PICTURE),
    ],
)
def test_what_is_no_photo_of_the_person_is_left_out_with_the_reason(tmp_path, name, why):
    write_photos(tmp_path, [name, "photo.jpg"])
    found, left_out, _ = scanned(tmp_path)
    assert found == ["photo.jpg"]
    assert left_out == {name.split("/")[0]: why}


def test_hidden_and_system_folders_can_be_switched_on(tmp_path):
    write_photos(tmp_path, [".folder/a.jpg", "@eaDir/b.jpg"])
    assert scanned(tmp_path, keep={LeftOut.HIDDEN})[0] == [".folder/a.jpg"]
    assert scanned(tmp_path, keep={LeftOut.HIDDEN, LeftOut.SYSTEM})[0] == [".folder/a.jpg", "@eaDir/b.jpg"]


def test_a_hidden_folder_that_was_chosen_itself_is_scanned(tmp_path):
    write_photos(tmp_path, [".chosen/a.jpg"])
    assert scanned(tmp_path / ".chosen")[0] == ["a.jpg"]


def test_a_library_inside_the_folder_is_left_out(tmp_path):
    write_photos(tmp_path, ["a.jpg", "lib/previews/ab/cd.jpg", "lib/catalogue.sqlite"])
    found, left_out, _ = scanned(tmp_path)
    assert found == ["a.jpg"]
    assert left_out == {"lib": LeftOut.SYSTEM}


def test_names_that_are_not_text_are_found(tmp_path):
    name = b"caf\xe9\xff.jpg"
    (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    (item,) = scan_folder(os.fsencode(tmp_path), KINDS)
    assert item.path.endswith(b"/" + name)


def test_raw_and_jpeg_of_one_shot_are_one_photo(tmp_path):
    write_photos(tmp_path, ["IMG_1.JPG", "img_1.CR3", "IMG_2.CR3", "IMG_3.HEIC", "IMG_3.cr3", "sub/IMG_2.jpg"])
    items = {
        os.path.basename(item.path): item
        for item in scan_folder(os.fsencode(tmp_path), KINDS)
        if isinstance(item, FoundFile)
    }
    assert items[b"IMG_1.JPG"].paired == os.fsencode(tmp_path / "img_1.CR3")
    assert items[b"IMG_3.HEIC"].paired == os.fsencode(tmp_path / "IMG_3.cr3")
    assert items[b"IMG_2.CR3"].paired is None
    assert items[b"IMG_2.jpg"].paired is None
    assert set(scanned(tmp_path)[1]) == {"img_1.CR3", "IMG_3.cr3"}


def test_the_raw_file_belongs_to_the_jpeg_where_there_is_also_another_picture(tmp_path):
    write_photos(tmp_path, ["a.heic", "a.jpg", "a.cr3"])
    paired = {
        os.path.basename(item.path): item.paired
        for item in scan_folder(os.fsencode(tmp_path), KINDS)
        if isinstance(item, FoundFile)
    }
    assert paired == {b"a.heic": None, b"a.jpg": os.fsencode(tmp_path / "a.cr3")}


def test_raw_files_can_be_photos_of_their_own(tmp_path):
    write_photos(tmp_path, ["a.jpg", "a.cr3"])
    assert scanned(tmp_path, keep={LeftOut.RAW_PAIR})[0] == ["a.cr3", "a.jpg"]


def test_pictures_that_need_a_package_are_left_out_and_name_it(tmp_path):
    write_photos(tmp_path, ["a.heic", "b.jpg", "b.cr3", "c.cr3"])
    kinds = {
        **KINDS,
        b".heic": PictureKind("HEIC", missing_package="pillow-heif"),
        b".cr3": PictureKind("RAW", raw=True, missing_package="rawpy"),
    }
    items = [item for item in scan_folder(os.fsencode(tmp_path), kinds) if isinstance(item, LeftOutItem)]
    waiting = {os.path.basename(item.path): item.package for item in items if item.why is LeftOut.NO_DECODER}
    assert waiting == {b"a.heic": "pillow-heif", b"c.cr3": "rawpy"}
    assert all(item.out_of_reach for item in items if item.why is LeftOut.NO_DECODER)


def test_a_file_without_content_on_this_disk_is_a_placeholder(tmp_path):
    write_photos(tmp_path, ["real.jpg"])
    with (tmp_path / "cloud.jpg").open("wb") as file:
        file.truncate(500_000)
    (tmp_path / "empty.jpg").touch()
    found, left_out, _ = scanned(tmp_path)
    assert found == ["empty.jpg", "real.jpg"]
    assert left_out == {"cloud.jpg": LeftOut.PLACEHOLDER}
    assert scanned(tmp_path, keep={LeftOut.PLACEHOLDER})[0] == ["cloud.jpg", "empty.jpg", "real.jpg"]


def test_a_file_system_that_counts_no_blocks_has_no_placeholders_for_it(tmp_path):
    path = tmp_path / "small.jpg"
    path.write_bytes(b"content")
    about = os.stat_result([*path.stat()[:10]], {"st_blocks": 0})
    assert about.st_blocks == 0
    assert not scan_module.in_cloud_only(os.fsencode(path), about)


def test_a_picture_that_icloud_took_away_is_a_placeholder_under_its_own_name(tmp_path):
    write_photos(tmp_path, [".IMG_1.HEIC.icloud", ".note.txt.icloud"])
    items = {item.path: item for item in scan_folder(os.fsencode(tmp_path), KINDS)}
    item = items[os.fsencode(tmp_path / "IMG_1.HEIC")]
    assert item.why is LeftOut.PLACEHOLDER
    assert item.out_of_reach
    assert items[os.fsencode(tmp_path / ".note.txt.icloud")].why is LeftOut.HIDDEN


def test_links_to_pictures_are_photos_and_links_to_nowhere_are_named(tmp_path):
    write_photos(tmp_path, ["photos/a.jpg", "elsewhere/b.jpg"])
    (tmp_path / "photos" / "same folder.jpg").symlink_to("a.jpg")
    (tmp_path / "photos" / "outside.jpg").symlink_to(tmp_path / "elsewhere" / "b.jpg")
    (tmp_path / "photos" / "nowhere.jpg").symlink_to("gone.jpg")
    (tmp_path / "photos" / "circle.jpg").symlink_to("circle.jpg")
    found, left_out, skipped = scanned(tmp_path / "photos")
    assert found == ["a.jpg", "outside.jpg", "same folder.jpg"]
    assert skipped == ["nowhere.jpg"]
    assert left_out == {"circle.jpg": LeftOut.LINK_LOOP}


def test_a_link_to_a_folder_is_followed_once(tmp_path):
    write_photos(tmp_path, ["photos/a.jpg", "outside/b.jpg"])
    for link in ("one", "two"):
        (tmp_path / "photos" / link).symlink_to(tmp_path / "outside")
    assert scanned(tmp_path / "photos")[0] == ["a.jpg", "one/b.jpg"]


def test_a_link_to_a_folder_that_is_scanned_anyway_adds_nothing(tmp_path):
    write_photos(tmp_path, ["z/a.jpg"])
    (tmp_path / "a link").symlink_to(tmp_path / "z")
    assert scanned(tmp_path)[0] == ["z/a.jpg"]


def test_links_in_a_circle_end(tmp_path):
    write_photos(tmp_path, ["x/a.jpg", "y/b.jpg"])
    (tmp_path / "x" / "up").symlink_to(tmp_path)
    (tmp_path / "x" / "self").symlink_to(tmp_path / "x")
    (tmp_path / "x" / "to y").symlink_to(tmp_path / "y")
    (tmp_path / "y" / "to x").symlink_to(tmp_path / "x")
    found, left_out, _ = scanned(tmp_path)
    assert found == ["x/a.jpg", "y/b.jpg"]
    assert left_out == {"x/self": LeftOut.LINK_LOOP, "x/up": LeftOut.LINK_LOOP}


def test_folders_outside_that_link_to_each_other_end(tmp_path):
    write_photos(tmp_path, ["photos/a.jpg", "one/b.jpg", "two/c.jpg"])
    (tmp_path / "photos" / "in").symlink_to(tmp_path / "one")
    (tmp_path / "one" / "next").symlink_to(tmp_path / "two")
    (tmp_path / "two" / "back").symlink_to(tmp_path / "one")
    assert scanned(tmp_path / "photos")[0] == ["a.jpg", "in/b.jpg", "in/next/c.jpg"]


def test_pipes_with_the_name_of_a_picture_are_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert scanned(tmp_path)[:2] == ([], {"pipe.jpg": LeftOut.NOT_A_PICTURE})


def test_a_folder_that_may_not_be_read_is_named_and_the_rest_is_found(tmp_path, monkeypatch):
    write_photos(tmp_path, ["a.jpg", "locked/b.jpg", "z/c.jpg"])
    real = os.scandir

    def scandir(path):
        if os.fsencode(path).endswith(b"locked"):
            raise PermissionError(errno.EACCES, "denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    items = list(scan_folder(os.fsencode(tmp_path), KINDS))
    assert [os.path.basename(item.path) for item in items if isinstance(item, FoundFile)] == [b"a.jpg", b"c.jpg"]
    (locked,) = [item for item in items if isinstance(item, LeftOutItem)]
    assert (locked.why, locked.out_of_reach) == (LeftOut.UNREADABLE, True)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs to become another user")
def test_an_unprivileged_scan_names_the_folder_it_may_not_read(tmp_path):
    write_photos(tmp_path, ["a.jpg", "locked/b.jpg"])
    (tmp_path / "locked").chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    program = (
        "import os, sys\n"
        "from desktop_app.library.scan import scan_folder, LeftOutItem\n"
        "from desktop_app.library.scan_rules import PictureKind\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "for item in scan_folder(os.fsencode(sys.argv[1]), {b'.jpg': PictureKind('JPEG')}):\n"
        "    print(os.path.basename(item.path).decode(), getattr(item, 'why', 'found'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert done.stdout.splitlines() == ["a.jpg found", f"locked {LeftOut.UNREADABLE}"]


def test_a_folder_that_vanishes_during_the_scan_is_away_not_empty(tmp_path):
    write_photos(tmp_path, ["root/a.jpg", "root/sub/b.jpg"])
    root = tmp_path / "root"
    items = scan_folder(os.fsencode(root), KINDS)
    next(items)
    root.rename(tmp_path / "unplugged")
    with pytest.raises(FolderAway, match="is not there") as told:
        list(items)
    assert "Connect the drive" in told.value.remedy


def test_a_missing_folder_and_an_empty_mount_point_are_away(tmp_path):
    assert not present(os.fsencode(tmp_path / "nothing"))
    assert present(os.fsencode(tmp_path))
    assert not present(os.fsencode(tmp_path), known=3)
    write_photos(tmp_path, ["a.jpg"])
    assert present(os.fsencode(tmp_path), known=3)
    assert not present(os.fsencode(tmp_path / "a.jpg"))
    with pytest.raises(FolderAway):
        list(scan_folder(os.fsencode(tmp_path / "nothing"), KINDS))


def test_every_picture_costs_one_stat_and_other_files_none(tmp_path, monkeypatch):
    write_photos(tmp_path, [f"{number}.jpg" for number in range(20)] + [f"{number}.txt" for number in range(20)])
    real = os.scandir
    calls = []

    class Entry:
        def __init__(self, entry):
            self._entry = entry

        def __getattr__(self, name):
            if name == "stat":
                calls.append(self._entry.name)
            return getattr(self._entry, name)

    class Listing:
        def __init__(self, path):
            self._listing = real(path)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._listing.close()

        def __iter__(self):
            return (Entry(entry) for entry in self._listing)

        def __next__(self):
            return next(iter(self))

    monkeypatch.setattr(os, "scandir", Listing)
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("a scan opens no file"))
    assert len(list(scan_folder(os.fsencode(tmp_path), KINDS))) == 40
    assert sorted(calls) == sorted(f"{number}.jpg".encode() for number in range(20))


def test_names_of_folders_tell_whether_a_scan_comes_by():
    assert reaches(b"/p", b"/p/a/b")
    assert reaches(b"/", b"/p")
    assert not reaches(b"/p", b"/p")
    assert not reaches(b"/p", b"/pq")
    assert not reaches(b"/p", b"/p/.hidden/b")
    assert not reaches(b"/p", b"/p/@eaDir")
    assert by_name(b"photos") is None
