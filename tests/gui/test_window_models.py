"""The window's view models without a window: settings, words, what comes in, notices, lists, a second start."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QLocale, QMimeData, Qt, QUrl
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.domain.errors import UnreadableImage
from desktop_app.domain.photos import FolderId, FolderRecord, PhotoId, PhotoRecord, PhotoStatus
from desktop_app.domain.progress import Phase, Progress
from desktop_app.domain.query import FilePicture, PixelPicture
from desktop_app.ui.single_instance import FirstInstance, hand_over
from desktop_app.ui.viewmodels import about, intake, words
from desktop_app.ui.viewmodels.bridge import UnexpectedError
from desktop_app.ui.viewmodels.folder_list import FolderListModel
from desktop_app.ui.viewmodels.intake import Deed
from desktop_app.ui.viewmodels.jobs import JobPhase, JobState
from desktop_app.ui.viewmodels.notices import Notices, Severity
from desktop_app.ui.viewmodels.settings import SCHEMA, Settings, SettingsStore, languages
from desktop_app.ui.viewmodels.skipped import SkippedModel


@pytest.fixture(autouse=True)
def english():
    before = QLocale()
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedStates))
    yield
    QLocale.setDefault(before)


# -- settings --------------------------------------------------------------------------------------------------


def test_a_changed_setting_is_told_once_and_still_there_at_the_next_start(qapp, tmp_path, qtbot):
    file = tmp_path / "config" / "settings.json"
    store, told = SettingsStore(file), []
    store.changed.connect(told.append)
    store.change(theme="light", cell_size=240)
    store.change(theme="light")
    assert told == ["theme", "cell_size"]
    again = SettingsStore(file)
    assert (again.values.theme, again.values.cell_size) == ("light", 240)
    assert again.values.descending is Settings().descending


def test_an_unknown_setting_is_a_programmers_error(qapp, tmp_path):
    with pytest.raises(KeyError):
        SettingsStore(tmp_path / "settings.json").change(colour="red")


def test_a_damaged_settings_file_is_set_aside_and_said(qapp, tmp_path):
    file = tmp_path / "settings.json"
    file.write_text("{ not json")
    store = SettingsStore(file)
    assert store.values == Settings()
    assert "settings.damaged.json" in store.problem
    assert (tmp_path / "settings.damaged.json").read_text() == "{ not json"


@pytest.mark.parametrize(
    ("key", "bad"),
    [("theme", "pink"), ("cell_size", 5), ("threads", "many"), ("low_priority", 1), ("leave_out", 3)],
)
def test_a_value_that_does_not_fit_keeps_its_default(qapp, tmp_path, key, bad):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"version": 1, "values": {key: bad, "order": "name"}}))
    store = SettingsStore(file)
    assert getattr(store.values, key) == getattr(Settings(), key)
    assert store.values.order == "name"


def test_settings_of_a_newer_version_survive_being_saved_by_this_one(qapp, tmp_path):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"version": 1, "values": {"from_the_future": [1, 2], "theme": "dark"}}))
    SettingsStore(file).change(theme="light")
    assert json.loads(file.read_text())["values"]["from_the_future"] == [1, 2]


def test_a_settings_folder_that_cannot_be_written_is_no_reason_to_stop(qapp, tmp_path):
    (tmp_path / "file").write_text("")
    store = SettingsStore(tmp_path / "file" / "settings.json")
    store.change(theme="light")
    assert store.values.theme == "light"
    assert "could not be saved" in store.problem


def test_a_library_whose_name_is_not_text_is_remembered(qapp, tmp_path):
    root = tmp_path / os.fsdecode(b"\xff library")
    SettingsStore(tmp_path / "settings.json").remember_library(root)
    assert SettingsStore(tmp_path / "settings.json").values.library == str(root)


def test_every_entry_of_the_schema_is_a_setting_and_its_default_fits(qapp):
    for entry in SCHEMA:
        value = getattr(Settings(), entry.key)
        allowed = {choice.value for choice in entry.choices}
        if entry.several:
            assert set(value) <= allowed
        elif allowed:
            assert value in allowed
        elif entry.span:
            assert entry.span[0] <= value <= entry.span[1]


def test_the_last_library_comes_first(qapp, tmp_path):
    store = SettingsStore(tmp_path / "settings.json")
    for name in ("a", "b", "a"):
        store.remember_library(tmp_path / name)
    assert store.values.libraries == (str(tmp_path / "a"), str(tmp_path / "b"))
    store.forget_library(tmp_path / "b")
    assert store.values.libraries == (str(tmp_path / "a"),)


# -- words -----------------------------------------------------------------------------------------------------


def test_numbers_and_times_read_as_people_write_them(qapp):
    assert words.photos(1) == "1 photo"
    assert words.photos(12408) == "12,408 photos"
    assert [words.short_count(n) for n in (312, 1999, 51300)] == ["312", "1k", "51k"]
    assert [words.duration(s) for s in (3, 250, 7800, 80 * 3600)] == [
        "less than a minute",
        "4 min",
        "2 h 10 min",
        "3 days",
    ]
    assert words.rate(0) == ""
    assert words.rate(7.25) == "7.3 photos/s"
    assert words.sentence("cannot read a.jpg: it is empty") == "Cannot read a.jpg: it is empty."


def test_the_job_is_told_in_one_line(qapp):
    step = Progress(Phase.INDEXING, done=12408, total=51300, rate=160.0, seconds_left=243.0)
    running = JobState(JobPhase.RUNNING, step)
    assert running.sentence == "indexing 12,408 of 51,300 · 160 photos/s · 4 min left"
    assert running.share == pytest.approx(12408 / 51300)
    assert JobState(JobPhase.PAUSED, step).sentence == "paused: indexing 12,408 of 51,300"
    scanning = JobState(JobPhase.RUNNING, Progress(Phase.SCANNING, done=900))
    assert scanning.sentence == "looking through folders, 900 so far"
    assert scanning.share is None
    assert JobState(left=7).sentence == "paused, 7 photos not indexed yet"


# -- what comes in ---------------------------------------------------------------------------------------------


def urls(*paths: Path) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


def test_several_files_are_one_query(qapp, tmp_path):
    files = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    coming = intake.from_mime(urls(*files))
    assert coming.deed is Deed.SEARCH
    assert coming.pictures == tuple(FilePicture(os.fsencode(file)) for file in files)
    assert coming.sentence == "Search with these 2 photos together"


def test_a_folder_among_files_goes_to_the_wizard(qapp, tmp_path):
    coming = intake.from_mime(urls(tmp_path / "a.jpg", tmp_path))
    assert (coming.deed, coming.folders, coming.sentence) == (Deed.ADD_FOLDERS, (tmp_path,), "Add this folder")


def picture() -> QImage:
    image = QImage(7, 5, QImage.Format.Format_ARGB32)
    for y in range(5):
        for x in range(7):
            image.setPixelColor(x, y, QColor(10 * x, 20 * y, 30))
    image.setPixelColor(0, 0, QColor(0, 0, 0, 0))
    return image


def test_pasted_pixels_keep_their_colours_and_what_is_transparent_is_white(qapp):
    mime = QMimeData()
    mime.setImageData(picture())
    (pasted,) = intake.from_mime(mime).pictures
    assert isinstance(pasted, PixelPicture)
    assert pasted.rgb.shape == (5, 7, 3)
    assert pasted.rgb[0, 0].tolist() == [255, 255, 255]
    assert np.array_equal(pasted.rgb[3, 4], [40, 60, 30])


def test_a_picture_inside_a_browsers_html_is_used(qapp):
    store = QByteArray()
    buffer = QBuffer(store)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture().save(buffer, "PNG")
    mime = QMimeData()
    mime.setHtml(f'<img src="data:image/png;base64,{base64.b64encode(store.data()).decode()}">')
    (pasted,) = intake.from_mime(mime).pictures
    assert pasted.rgb[3, 4].tolist() == [40, 60, 30]


def test_a_mere_web_address_says_what_to_do_instead(qapp):
    mime = QMimeData()
    mime.setUrls([QUrl("https://example.org/cat.jpg")])
    coming = intake.from_mime(mime)
    assert coming.deed is Deed.NOTHING
    assert "Copy the picture itself" in coming.sentence


def test_the_path_of_a_file_as_text_is_a_file(qapp, tmp_path):
    file = tmp_path / "a b.jpg"
    file.write_bytes(b"")
    mime = QMimeData()
    mime.setText(f"{file}\n")
    assert intake.from_mime(mime).pictures == (FilePicture(os.fsencode(file)),)


def test_plain_text_is_no_picture(qapp):
    mime = QMimeData()
    mime.setText("hello")
    assert intake.from_mime(mime).deed is Deed.NOTHING
    assert intake.preview(mime).deed is Deed.NOTHING


# -- notices ---------------------------------------------------------------------------------------------------


def test_an_error_is_shown_with_its_remedy_and_once(qapp):
    notices = Notices()
    for _ in range(2):
        notices.fail(UnreadableImage("a.jpg", "the file is cut short", remedy="Copy it again from the camera"))
    (notice,) = notices.shown
    assert notice.severity is Severity.ERROR
    assert notice.text == "Cannot read a.jpg: the file is cut short. Copy it again from the camera."
    notices.dismiss(notice)
    assert notices.shown == ()


def test_copied_details_hold_the_versions_and_the_traceback(qapp):
    notices = Notices()
    try:
        raise RuntimeError("broken gear")
    except RuntimeError as error:
        notices.fail(UnexpectedError(error))
    report = notices.report(notices.shown[0])
    assert "broken gear" in report
    assert "Traceback" in report
    assert "Indicium 0." in report
    assert "Qt 6." in report


# -- lists -----------------------------------------------------------------------------------------------------


def folder(number: int, path: bytes, photos: int, *, present: bool = True) -> FolderRecord:
    return FolderRecord(FolderId(number), path, present, photos)


def test_the_folder_list_keeps_qts_rules_and_adds_up(qapp):
    model = FolderListModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.show([folder(1, b"/p/2025", 7), folder(2, b"/p/2024", 5, present=False)])
    model.show([folder(1, b"/p/2025", 8), folder(2, b"/p/2024", 5, present=False)])
    shown = [model.index(row).data() for row in range(model.rowCount())]
    assert shown == ["All photos", "2024", "2025"]
    assert model.index(0).data(FolderListModel.CountRole) == 13
    assert "not connected" in model.index(1).data(Qt.ItemDataRole.AccessibleTextRole)


def test_a_folder_name_that_is_not_text_is_still_shown(qapp):
    model = FolderListModel()
    model.show([folder(1, b"/p/caf\xe9", 1)])
    assert model.index(1).data() == "caf�"


def test_the_list_of_skipped_files_keeps_qts_rules(qapp):
    model = SkippedModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    bad = PhotoRecord(
        PhotoId(1), FolderId(1), b"/p/x/a.jpg", 0, 0, 0, 0, PhotoStatus.SKIPPED, reason="the file is empty"
    )
    model.show([bad])
    row = [model.index(0, column).data() for column in range(3)]
    assert row == ["a.jpg", "The file is empty", "/p/x"]


# -- a second start --------------------------------------------------------------------------------------------


SECOND_START = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from desktop_app.ui.single_instance import hand_over
application = QCoreApplication([])
sys.exit(0 if hand_over([Path(word) for word in sys.argv[2:]], sys.argv[1]) else 7)
"""


def start_again(name: str, *paths: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SECOND_START, name, *map(os.fsencode, paths)])


def test_a_second_start_hands_its_files_to_the_first_window(qapp, qtbot, tmp_path):
    name = f"indicium-test-{os.getpid()}"
    first = FirstInstance(name)
    paths = [tmp_path / "a.jpg", Path(os.fsdecode(b"/p/caf\xe9.jpg"))]
    with qtbot.waitSignal(first.paths_arrived, timeout=30_000) as arrived:
        second = start_again(name, *paths)
    assert arrived.args[0] == paths
    assert second.wait(30) == 0
    first.close()


def test_without_a_first_window_a_start_is_on_its_own(qapp, tmp_path):
    assert hand_over([tmp_path], f"indicium-nobody-{os.getpid()}") is False


def test_what_a_killed_window_left_behind_does_not_block_the_next(qapp, qtbot):
    name = f"indicium-left-{os.getpid()}"
    first, second = FirstInstance(name), FirstInstance(name)
    with qtbot.waitSignal(second.paths_arrived, timeout=30_000):
        later = start_again(name)
    assert later.wait(30) == 0
    first.close()
    second.close()


# -- translations ----------------------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]


def sources(file: Path) -> set[str]:
    return {message.findtext("source") or "" for message in ElementTree.parse(file).iter("message")}


def test_every_text_of_the_window_is_in_every_translation(tmp_path):
    fresh = tmp_path / "fresh.ts"
    scripts = [str(path) for path in sorted((ROOT / "desktop_app" / "ui").rglob("*.py"))]
    command = [str(Path(sys.executable).with_name("pyside6-lupdate")), *scripts, "-ts", str(fresh)]
    subprocess.run(command, check=True, capture_output=True)
    wanted = sources(fresh)
    assert len(wanted) > 100
    for file in (ROOT / "resources" / "translations").glob("*.ts"):
        assert wanted - sources(file) == set(), f"run lupdate for {file.name}"
        assert not [m for m in ElementTree.parse(file).iter("translation") if m.get("type") == "unfinished"]
        assert file.with_suffix(".qm").is_file()


def test_a_language_with_a_translation_is_offered_by_its_own_name(qapp):
    assert "English" in {choice.value: choice.words for choice in languages()}["en"]


# -- about -----------------------------------------------------------------------------------------------------


def test_the_licence_texts_of_what_is_shipped_are_there():
    texts = {document.title.split(" ")[0]: document.text for document in about.licences()}
    assert "Apache License" in texts["Indicium"]
    assert any("GNU LESSER GENERAL PUBLIC LICENSE" in document.text for document in about.licences())
    for name in ("onnxruntime", "hnswlib", "simplejpeg", "opencv-python-headless", "scikit-learn"):
        assert len(texts[name]) > 1000, name


def test_every_pack_has_its_provenance_and_licence_in_about():
    (pack,) = [document for document in about.packs() if document.title == "indicium-s"]
    assert "From: " in pack.text and "licence" in pack.text.lower()
