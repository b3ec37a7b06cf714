"""Feedback sessions in the catalogue: by name, the newest first, and saved from a damaged file."""

import os

from library_builders import PACK

from desktop_app.library import schema
from desktop_app.library.catalogue import Catalogue
from desktop_app.library.layout import LibraryLayout
from desktop_app.library.recover import recover


def test_sessions_are_kept_by_name(catalogue):
    catalogue.save_session("cups", "{1}", saved=10.0)
    catalogue.save_session("handles", "{2}", saved=20.0)
    assert catalogue.sessions() == [("handles", 20.0), ("cups", 10.0)]
    catalogue.save_session("cups", "{3}", saved=30.0)
    assert catalogue.sessions() == [("cups", 30.0), ("handles", 20.0)]
    assert catalogue.session_document("cups") == "{3}" and catalogue.session_document("other") is None
    catalogue.forget_session("cups")
    catalogue.forget_session("cups")
    assert catalogue.sessions() == [("handles", 20.0)]


def test_a_lost_first_page_costs_no_session(tmp_path):
    root = tmp_path / "library"
    with Catalogue.create_or_open(root) as made:
        made.save_session("cups", "{1}", saved=10.0)
        made.set_setting("pack", PACK)
    file = LibraryLayout(root).catalogue
    file.write_bytes(os.urandom(schema.PAGE_SIZE) + file.read_bytes()[schema.PAGE_SIZE :])
    recover(root)
    with Catalogue.create_or_open(root) as mended:
        assert mended.sessions() == [("cups", 10.0)] and mended.get_setting("pack") == PACK
