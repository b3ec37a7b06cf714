"""Save what can be read of a damaged catalogue into a fresh one; the damaged file is kept beside it."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop_app.domain.errors import LibraryDamaged, LibraryError
from desktop_app.library import schema
from desktop_app.library.database import Database, Row, connect, create, open_writer
from desktop_app.library.faults import from_os_error, from_sqlite_error, shown
from desktop_app.library.health import mend
from desktop_app.library.layout import LibraryLayout

log = logging.getLogger(__name__)

_TABLES = ("folders", "packs", "photos", "features", "local_codes", "settings")
_LATER = ("labels", "sessions", "cell_codes")  # libraries of older formats do not have these
_KEYS = {"local_codes": "feature", "cell_codes": "feature", "settings": "rowid", "sessions": "rowid"}
_STEP = 1000  # rows read at a time; where that fails the range is halved
_SAMPLES = 200  # a table none of whose keys can be looked up has lost its root: nothing of it can be read
_LEAST_ROW_BYTES = 40  # bounds the ids of a table whose largest id cannot be read


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What was saved. `aside` is the damaged file, `notes` says the rest in plain sentences."""

    photos: int
    folders: int
    features: int
    aside: Path
    notes: tuple[str, ...]


def recover(root: Path) -> RecoveryReport:
    """Replace the catalogue of the library at `root` by a fresh one with everything that can still be read.

    Ids are kept. Photos whose features are lost go back into the queue; photos whose rows are lost are found by
    the next scan and keep their features. The index snapshots are removed: they are rebuilt. Until the last moment
    the old catalogue stays in place, so a recovery that is interrupted can be started again.
    The caller holds the `WriterLock`. Raises LibraryForeign (nothing is touched), StorageFull or LibraryError.
    """
    layout = LibraryLayout(root)
    catalogue = layout.catalogue
    if not catalogue.exists():
        raise LibraryError(f"there is no library in {shown(root)}", remedy="Index a folder into it first.")
    with contextlib.suppress(LibraryDamaged):
        schema.refuse_foreign(catalogue, schema.read_header(catalogue))
    fresh_file = catalogue.with_name("catalogue.recovered.sqlite")
    patched = catalogue.with_name("catalogue.salvage.sqlite")
    try:
        _remove(fresh_file)
        create(fresh_file)
        fresh = open_writer(fresh_file)
        try:
            with _readable(catalogue, fresh_file, patched) as source:
                _copy(source, fresh, bound=max(1000, catalogue.stat().st_size // _LEAST_ROW_BYTES))
            notes = _settle(fresh)
            photos, folders, features = (
                fresh.number(f"SELECT count(*) FROM {table}") for table in ("photos", "folders", "features")
            )
        finally:
            fresh.close()
        aside = _swap(catalogue, fresh_file)
        for snapshot in layout.index_dir.glob("*") if layout.index_dir.is_dir() else ():
            if snapshot.is_file():
                snapshot.unlink()
    except sqlite3.Error as error:
        raise from_sqlite_error(error, catalogue) from error
    except OSError as error:
        raise from_os_error(error, catalogue) from error
    finally:
        _remove(patched)
        _remove(fresh_file)
    return RecoveryReport(photos, folders, features, aside, tuple(notes))


@contextlib.contextmanager
def _readable(catalogue: Path, fresh: Path, patched: Path) -> Iterator[sqlite3.Connection]:
    """The damaged catalogue if its list of tables can be read, else a copy in which SQLite may put things right.

    If the first page (header and list of tables) is lost, the copy gets that of a fresh catalogue: the tables
    that cannot be made again begin at the same pages in all catalogues, because they are made alike.
    """
    source = connect(catalogue, writable=False)
    try:
        if not _lists_tables(source):
            source.close()
            source = _copied(catalogue, patched)
        if not _lists_tables(source):
            source.close()
            source = _copied(catalogue, patched, first_page=fresh)
        yield source
    finally:
        source.close()


def _lists_tables(source: sqlite3.Connection) -> bool:
    try:
        found = {row[0] for row in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except (sqlite3.Error, UnicodeDecodeError):
        return False
    return found.issuperset(_TABLES)


def _copied(catalogue: Path, copy: Path, *, first_page: Path | None = None) -> sqlite3.Connection:
    _remove(copy)
    shutil.copyfile(catalogue, copy)
    if _beside(catalogue, "-wal").exists():
        shutil.copyfile(_beside(catalogue, "-wal"), _beside(copy, "-wal"))
    if first_page is not None:
        page = bytearray(_list_of_tables(first_page))
        with copy.open("r+b") as bad:
            # Tables that an older format lacks begin behind its end; there they are empty.
            bad.truncate(max(copy.stat().st_size, first_page.stat().st_size))
            page[28:32] = (copy.stat().st_size // schema.PAGE_SIZE).to_bytes(4, "big")
            bad.write(page)
    return connect(copy, writable=True)


def _list_of_tables(fresh: Path) -> bytes:
    """The first page of a fresh catalogue, with nothing but the tables that are copied: one page holds those."""
    pruned = fresh.with_name("catalogue.pages.sqlite")
    try:
        shutil.copyfile(fresh, pruned)
        with contextlib.closing(connect(pruned, writable=True)) as stub:
            stub.execute("PRAGMA journal_mode = DELETE")
            stub.execute("PRAGMA writable_schema = ON")
            kept = (*_TABLES, *_LATER, "sqlite_sequence")
            stub.execute(f"DELETE FROM sqlite_master WHERE tbl_name NOT IN {kept} OR type = 'trigger'")
            stub.execute("DELETE FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        return pruned.read_bytes()[: schema.PAGE_SIZE]
    finally:
        _remove(pruned)


def _copy(source: sqlite3.Connection, fresh: Database, *, bound: int) -> None:
    fresh.execute("PRAGMA foreign_keys = OFF")
    for table in (*_TABLES, *_LATER):
        columns = [row[1] for row in fresh.rows(f"PRAGMA table_info({table})")]
        with contextlib.suppress(sqlite3.Error):
            there = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
            if not there and table in _LATER:
                continue
            columns = [column for column in columns if column in there]
        insert = f"INSERT OR IGNORE INTO {table}({','.join(columns)}) VALUES ({','.join('?' * len(columns))})"
        for rows in _rows(source, table, columns, bound=bound):
            _insert(fresh, insert, rows)


def _rows(source: sqlite3.Connection, table: str, columns: Sequence[str], *, bound: int) -> Iterator[list[Row]]:
    """Every row that can be read: a range that fails is halved until only the damaged rows are left out."""
    key = _KEYS.get(table, "id")
    query = f"SELECT {','.join(columns)} FROM {table} NOT INDEXED WHERE {key} BETWEEN ? AND ? ORDER BY {key}"
    last = _last(source, table, key, bound=bound)
    samples = range(1, last + 1, max(1, last // _SAMPLES))
    if not any(_answers(source, query, sample) for sample in samples):
        log.warning("the table %s cannot be read at all", table)
        return
    ranges = [(start, min(start + _STEP - 1, last)) for start in range(1, last + 1, _STEP)][::-1]
    while ranges:
        low, high = ranges.pop()
        try:
            rows = source.execute(query, (low, high)).fetchall()
        except (sqlite3.Error, UnicodeDecodeError):
            if low < high:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]
            continue
        if rows:
            yield rows


def _answers(source: sqlite3.Connection, query: str, key: int) -> bool:
    try:
        source.execute(query, (key, key)).fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        return False
    return True


def _last(source: sqlite3.Connection, table: str, key: str, *, bound: int) -> int:
    """The largest key as far as it can be told, else `bound`."""
    found = []
    for query in (
        f"SELECT max({key}) FROM {table} NOT INDEXED",
        f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'",
    ):
        with contextlib.suppress(sqlite3.Error):
            row = source.execute(query).fetchone()
            if row is not None and isinstance(row[0], int):
                found.append(row[0])
    return min(max(found), 100 * bound) if found else bound


def _insert(fresh: Database, statement: str, rows: list[Row]) -> None:
    try:
        with fresh.transaction():
            fresh.execute_many(statement, rows)
    except LibraryError:
        for row in rows:  # bytes that were changed inside a row make values of the wrong type
            try:
                with fresh.transaction():
                    fresh.execute(statement, row)
            except LibraryError as error:
                if type(error) is not LibraryError:
                    raise  # the disk is full, not the row damaged
                log.warning("a damaged row was left out: %s", error)


def _settle(fresh: Database) -> list[str]:
    """Make what was saved consistent again. -> what had to be done, in plain sentences."""
    notes = []
    with fresh.transaction():
        fresh.execute("DELETE FROM features WHERE pack NOT IN (SELECT id FROM packs)")
        fresh.execute("DELETE FROM labels WHERE photo NOT IN (SELECT id FROM photos)")
        fresh.execute("UPDATE photos SET pack = NULL WHERE pack NOT IN (SELECT id FROM packs)")
        fresh.execute(
            "UPDATE photos SET status = 'pending', gone = 0, reason = NULL"
            " WHERE status NOT IN ('pending', 'present', 'skipped') OR gone NOT IN (0, 1, 2)"
        )
        homeless: defaultdict[int, list[bytes]] = defaultdict(list)
        for folder, parent in fresh.rows(
            "SELECT DISTINCT folder, parent FROM photos WHERE folder NOT IN (SELECT id FROM folders)"
        ):
            homeless[folder].append(parent)
        for folder, parents in sorted(homeless.items()):
            path = os.path.commonpath(parents)
            known = fresh.row("SELECT id FROM folders WHERE path = ?", (path,))
            if known is None:
                fresh.execute("INSERT INTO folders(id, path) VALUES (?, ?)", (folder, path))
            else:
                fresh.execute("UPDATE photos SET folder = ? WHERE folder = ?", (known[0], folder))
            notes.append(f"The folder {shown(path)} was made out from its photos.")
    return notes + mend(fresh, unused=False)


def _swap(catalogue: Path, fresh: Path) -> Path:
    """Put the fresh catalogue in the place of the damaged one, which gets a name of its own. -> that name."""
    stem = f"catalogue.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    aside = catalogue.with_name(f"{stem}.sqlite")
    number = 1
    while aside.exists():
        number += 1
        aside = catalogue.with_name(f"{stem}-{number}.sqlite")
    # The old log must never meet the new catalogue, so it goes first. The name is never without a file.
    for ending in ("-wal", "-shm"):
        if _beside(catalogue, ending).exists():
            _beside(catalogue, ending).replace(_beside(aside, ending))
    try:
        aside.hardlink_to(catalogue)
    except OSError:  # a file system without links
        shutil.copyfile(catalogue, aside)
    fresh.replace(catalogue)
    return aside


def _beside(catalogue: Path, ending: str) -> Path:
    return catalogue.with_name(catalogue.name + ending)


def _remove(catalogue: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        _beside(catalogue, ending).unlink(missing_ok=True)
