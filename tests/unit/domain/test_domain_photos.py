"""Paths are bytes; JSON gets text, and the bytes only where the text would lose them."""

import base64
import os

from desktop_app.domain.photos import path_json, path_text


def test_a_plain_path_is_given_as_text_alone():
    assert path_json("/photos/Käse.jpg".encode()) == {"path": "/photos/Käse.jpg"}


def test_a_path_that_is_not_text_keeps_its_bytes_beside_the_text():
    raw = b"/photos/caf\xe9.jpg"
    answer = path_json(raw)
    assert base64.b64decode(answer["path_bytes"]) == raw
    assert answer["path"] == path_text(raw)
    assert os.fsencode(answer["path"]) != raw
