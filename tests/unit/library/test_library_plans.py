"""Questions asked all the time are answered from an index, so that a million photos stay quick."""

import pytest
from library_builders import PACK, fingerprint_of, found, indexed

from desktop_app.library import feature_store, photo_store, work_store
from desktop_app.library.records import PhotoOrder


class Recorder:
    """Stands in front of a database and keeps the plan of every query."""

    def __init__(self, database):
        self._database = database
        self.plans = []

    def __getattr__(self, name):
        return getattr(self._database, name)

    def rows(self, statement, values=()):
        self.plans += [row[3] for row in self._database.rows("EXPLAIN QUERY PLAN " + statement, values)]
        return self._database.rows(statement, values)

    def row(self, statement, values=()):
        rows = self.rows(statement, values)
        return rows[0] if rows else None

    def number(self, statement, values=()):
        row = self.row(statement, values)
        return row[0] if row and row[0] is not None else 0

    def rows_in(self, statement, members, before=()):
        return self.rows(statement.format(",".join("?" * len(members))), [*before, *members])


@pytest.fixture
def database(catalogue):
    folder = catalogue.add_folder(b"/p")
    catalogue.record_scan(folder, [found(f"/p/{number}.jpg") for number in range(60)])
    for photo in catalogue.pending(40):
        catalogue.commit_batch(PACK, [indexed(photo, fingerprint=fingerprint_of(photo.path))])
    return Recorder(catalogue._db)


def full_scans(plans):
    return [plan for plan in plans if plan.startswith("SCAN") and "USING" not in plan and plan != "SCAN d"]


def sorts(plans):
    return [plan for plan in plans if "TEMP B-TREE" in plan]


@pytest.mark.parametrize("order", list(PhotoOrder))
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("folders", [None, [1]])
def test_sorted_ids_come_straight_from_an_index(database, order, descending, folders):
    assert len(photo_store.photo_ids(database, order, descending=descending, folders=folders)) == 60
    (plan,) = database.plans
    assert "COVERING INDEX" in plan


def test_counts_are_read_from_an_index(database):
    assert photo_store.counts(database).photos == 60
    assert photo_store.folders(database)[0].photos == 60
    assert any("photos_state" in plan for plan in database.plans)
    assert not [plan for plan in full_scans(database.plans) if plan.startswith("SCAN p")]


def test_the_queue_is_read_from_its_index(database):
    assert len(work_store.pending(database, 5, after=3, digest=None)) == 5
    assert any("photos_pending" in plan for plan in database.plans)
    assert not full_scans(database.plans)
    assert not sorts(database.plans)


def test_a_queue_for_the_pack_at_work_looks_at_no_indexed_photo(database):
    assert len(work_store.pending(database, 50, after=0, digest=PACK)) == 20
    assert any("photos_pending" in plan for plan in database.plans)


def test_results_are_looked_up_by_row_and_fingerprint(database):
    rows = feature_store.feature_rows(database, PACK).tolist()
    database.plans.clear()
    assert len(feature_store.photos_of_features(database, rows)) == 40
    assert not full_scans(database.plans)
    assert any("photos_fingerprint" in plan for plan in database.plans)


def test_copies_and_local_codes_are_looked_up(database):
    fingerprints = [fingerprint_of(b"/p/1.jpg"), b"unknown"]
    assert len(feature_store.known_fingerprints(database, fingerprints, PACK)) == 1
    assert None not in feature_store.local_codes(database, PACK, [1, 2, 3])
    assert photo_store.photo_by_path(database, b"/p/1.jpg") is not None
    assert photo_store.photos_by_fingerprint(database, fingerprints[0])
    assert not full_scans(database.plans)
