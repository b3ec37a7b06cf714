"""Annotations as data sets publish them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from desktop_app.domain.errors import UsageError
from desktop_app.evaluation.annotations import read_photos, read_voc, read_yolo

VOC = """<annotation><size><width>200</width><height>100</height></size>
<object><name>cat</name><bndbox><xmin>21</xmin><ymin>11</ymin><xmax>120</xmax><ymax>60</ymax></bndbox></object>
<object><name>dog</name><bndbox><xmin>5</xmin><ymin>9</ymin><xmax>4</xmax><ymax>20</ymax></bndbox></object>
</annotation>"""


def is_picture(name: bytes) -> bool:
    return name.endswith(b".jpg")


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_voc_boxes_become_shares_of_the_photo(tmp_path):
    (tmp_path / "a.xml").write_text(VOC)
    (found,) = read_voc(tmp_path / "a.xml")  # the second box has no width
    assert (found.label, found.drawn) == ("cat", False)
    assert found.box == pytest.approx((0.1, 0.1, 0.6, 0.6))


def test_yolo_lines_are_boxes_or_polygons(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("3 0.5 0.5 0.2 0.4\n\n7 0.1 0.1 0.3 0.1 0.3 0.2\n")
    box, polygon = read_yolo(path)
    assert (box.label, box.drawn, polygon.label, polygon.drawn) == ("class 3", False, "class 7", True)
    assert box.box == pytest.approx((0.4, 0.3, 0.6, 0.7))
    np.testing.assert_allclose(polygon.outline, [[0.1, 0.1], [0.3, 0.1], [0.3, 0.2]])


@pytest.mark.parametrize("line", ["cat 0.5 0.5 0.2 0.4", "3 0.5 0.5 0.2", "3 0.1 0.1 0.2 0.2 0.3", "3 a b c d"])
def test_other_text_is_refused_by_its_line(tmp_path, line):
    path = tmp_path / "a.txt"
    path.write_text(f"3 0.5 0.5 0.2 0.4\n{line}\n")
    with pytest.raises(UsageError, match=r"line 2 of .*a\.txt"):
        read_yolo(path)


@pytest.mark.parametrize(
    "text",
    [
        "not xml",
        "<annotation/>",
        VOC.replace("<xmin>21</xmin>", ""),
        '<!DOCTYPE a [<!ENTITY b "c">]>' + VOC,
    ],
)
def test_other_xml_is_refused(tmp_path, text):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(UsageError, match=r"a\.xml"):
        read_voc(tmp_path / "a.xml")


def test_annotations_are_found_beside_the_folder_by_name(tmp_path):
    touch(tmp_path / "set", "all/images~1.jpg", "all/images~2.jpg", "all/notes.txt")
    labels = tmp_path / "set.labels"
    labels.mkdir()
    (labels / "labels~1.txt").write_text("3 0.5 0.5 0.2 0.4\n")
    (labels / "train.txt").write_text("1\n2\n")  # lists belong to no photo
    one, two = read_photos(tmp_path / "set", is_picture=is_picture)
    assert [item.label for item in one.objects] == ["class 3"]
    assert one.kinds == {"class 3"}
    assert two.objects == () and two.kinds == {str(two.path)}


def test_polygons_are_cut_out_and_the_fuller_kind_of_file_names_the_classes(tmp_path):
    touch(tmp_path / "set", "1.jpg", "2.jpg")
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "box~1.txt").write_text("45 0.5 0.5 0.2 0.4\n")
    (labels / "box~2.txt").write_text("45 0.5 0.5 0.2 0.4\n")
    (labels / "polygon~1.txt").write_text("51 0.1 0.1 0.3 0.1 0.3 0.2\n")
    one, two = read_photos(tmp_path / "set", is_picture=is_picture, labels=labels)
    assert one.kinds == two.kinds == {"class 45"}
    assert [item.drawn for item in one.outlines] == [True]
    assert two.outlines == ()


def test_without_annotations_folders_are_the_kinds(tmp_path):
    touch(tmp_path, "a/1.jpg", "a/deep/2.jpg", "b/3.jpg")
    photos = read_photos(tmp_path, is_picture=is_picture)
    assert [photo.kinds for photo in photos] == [{"a"}, {"a"}, {"b"}]


def test_loose_photos_are_kinds_of_their_own(tmp_path):
    touch(tmp_path, "all/1.jpg", "all/2.jpg")
    one, two = read_photos(tmp_path, is_picture=is_picture)
    assert one.kinds.isdisjoint(two.kinds)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(UsageError, match="not a folder"):
        read_photos(tmp_path / "none", is_picture=is_picture)
    with pytest.raises(UsageError, match="no pictures"):
        read_photos(tmp_path, is_picture=is_picture)
    touch(tmp_path, "1.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "other.txt").write_text("3 0.5 0.5 0.2 0.4\n")
    with pytest.raises(UsageError, match="no annotation in"):
        read_photos(tmp_path, is_picture=is_picture, labels=tmp_path / "labels")
