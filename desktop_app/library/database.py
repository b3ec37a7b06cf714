"""One connection to the catalogue: how it is opened, its transactions, and its errors in plain words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from desktop_app.domain.errors import LibraryError
from desktop_app.library import schema
from desktop_app.library.faults import from_os_error, from_sqlite_error, shown
from desktop_app.library.layout import LibraryLayout

Row = tuple[Any, ...]  # a row as SQLite gives it; the functions that ask know the types of their columns
Values = Sequence[object] | Mapping[str, object]
CHUNK = 500  # values in one `IN (...)`: below the smallest limit of any SQLite build

_BUSY_SECONDS = 20.0


class Database:
    """A connection that may be used from any thread, by one thread at a time.

    Every method raises errors of `domain.errors`, never those of sqlite3.
    """

    def __init__(self, catalogue: Path, connection: sqlite3.Connection) -> None:
        self.catalogue = catalogue
        self._connection = connection
        self._lock = threading.RLock()

    def rows(self, statement: str, values: Values = ()) -> list[Row]:
        """All rows of a query."""
        with self._guard():
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Values = ()) -> Row | None:
        """The first row of a query, or None."""
        with self._guard():
            found: Row | None = self._connection.execute(statement, values).fetchone()
            return found

    def number(self, statement: str, values: Values = ()) -> int:
        """The whole number that a query gives; 0 where it gives none."""
        found = self.row(statement, values)
        return int(found[0]) if found is not None and found[0] is not None else 0

    def rows_in(self, statement: str, members: Sequence[object], before: Sequence[object] = ()) -> list[Row]:
        """All rows of a query with one `IN ({})`, asked for `CHUNK` members at a time.

        `before` holds the values of the placeholders in front of it.
        """
        found: list[Row] = []
        for start in range(0, len(members), CHUNK):
            part = members[start : start + CHUNK]
            found.extend(self.rows(statement.format(",".join("?" * len(part))), [*before, *part]))
        return found

    def chunks(self, statement: str, values: Values, size: int) -> Iterator[list[Row]]:
        """The rows of a query, `size` at a time. The connection is held until the last one was taken."""
        with self._guard():
            cursor = self._connection.execute(statement, values)
            try:
                while rows := cursor.fetchmany(size):
                    yield rows
            finally:
                cursor.close()

    def execute(self, statement: str, values: Values = ()) -> int:
        """Run a statement that changes rows. -> how many."""
        with self._guard():
            return self._connection.execute(statement, values).rowcount

    def insert(self, statement: str, values: Values = ()) -> int:
        """Insert one row. -> its id."""
        with self._guard():
            return int(self._connection.execute(statement, values).lastrowid or 0)

    def execute_many(self, statement: str, values: Iterable[Sequence[object]]) -> int:
        """Run a statement once per entry of `values`. -> how many rows changed."""
        with self._guard():
            return self._connection.executemany(statement, values).rowcount

    @contextlib.contextmanager
    def transaction(self, *, temporary: bool = False) -> Iterator[None]:
        """Everything inside is committed together, or nothing of it is.

        `temporary`: only temporary tables are written; the catalogue is not locked.
        """
        with self._guard():
            self._connection.execute("BEGIN DEFERRED" if temporary else "BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk may have ended the transaction already.
                if self._connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Every query inside sees the catalogue as it was at the first one, or at `hold`."""
        with self._guard():
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")

    def version(self) -> tuple[int, int]:
        """Another one whenever anything in the catalogue may have changed since this connection asked last.

        Inside `snapshot` or `hold`, where it is the version that every query sees.
        """
        return self.number("PRAGMA data_version"), self._connection.total_changes

    def hold(self) -> None:
        """From here to `let_go` every query sees the catalogue as it is now, in whichever thread it is asked.

        For readers only. Nothing is locked: others go on writing, and the connection may be closed meanwhile.
        """
        with self._guard():
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT 1 FROM sqlite_schema").fetchone()  # BEGIN alone looks at nothing

    def let_go(self) -> None:
        """End what `hold` began, also on a connection that was closed meanwhile."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection, after a call of another thread that is under way has returned."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.ProgrammingError as error:
                if "closed" in str(error):
                    raise LibraryError(f"the library {shown(self.catalogue.parent)} was closed") from error
                raise
            except sqlite3.Error as error:
                raise from_sqlite_error(error, self.catalogue) from error


def create(catalogue: Path) -> None:
    """Make an empty catalogue. It appears under its name only when it is complete.

    Raises StorageFull or LibraryError.
    """
    unfinished = catalogue.with_name(catalogue.name + ".new")
    try:
        for leftover in (unfinished, unfinished.with_name(unfinished.name + "-journal")):
            leftover.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA page_size = {schema.PAGE_SIZE}")
            connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            schema.upgrade(connection)
        unfinished.replace(catalogue)
    except sqlite3.Error as error:
        raise from_sqlite_error(error, catalogue) from error
    except OSError as error:
        raise from_os_error(error, catalogue) from error


def open_writer(catalogue: Path) -> Database:
    """Open for reading and writing and bring an older format up to date.

    Raises LibraryForeign, LibraryDamaged, StorageFull or LibraryError; then the file was not changed.
    """
    schema.refuse_foreign(catalogue, schema.read_header(catalogue))
    if not os.access(catalogue, os.W_OK) or not os.access(catalogue.parent, os.W_OK):
        raise LibraryError(
            f"the library folder {shown(catalogue.parent)} may not be written",
            remedy="Allow writing to it, or choose another library.",
        )
    try:
        connection = _connect(catalogue, "mode=rw")
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL: a killed process loses nothing that was committed; only a power cut may lose the last batches.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        schema.refuse_foreign(catalogue, _header_of(connection))
        schema.upgrade(connection)
    except sqlite3.Error as error:
        raise from_sqlite_error(error, catalogue) from error
    return Database(catalogue, connection)


def open_reader(catalogue: Path) -> Database:
    """Open for reading only; also works in a folder that may not be written.

    Raises LibraryForeign, LibraryDamaged or LibraryError.
    """
    if not catalogue.exists():
        raise LibraryError(
            f"there is no library in {shown(catalogue.parent)}",
            remedy="Index a folder into it first, or choose another library.",
        )
    schema.refuse_foreign(catalogue, schema.read_header(catalogue))
    try:
        try:
            # Not "mode=ro": after a kill the first one to open must be able to bring the log in order.
            connection = _connect(catalogue, "mode=rw")
            header = _header_of(connection)
        except sqlite3.OperationalError:
            # WAL needs to create a file beside the catalogue. Where that is not allowed nobody can write, so the
            # file may be read as it is, provided that no log of unfinished business lies beside it.
            log = catalogue.with_name(catalogue.name + "-wal")
            if os.access(catalogue.parent, os.W_OK) or (log.exists() and log.stat().st_size > 0):
                raise
            connection = _connect(catalogue, "immutable=1")
            header = _header_of(connection)
        schema.refuse_foreign(catalogue, header)
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise from_sqlite_error(error, catalogue) from error
    if header.user_version < schema.VERSION:
        connection.close()
        raise LibraryError(
            f"the library {shown(catalogue.parent)} has an older format",
            remedy="Open it once with the window or `indicium index`, which bring it up to date.",
        )
    return Database(catalogue, connection)


def open_or_create(root: Path) -> Database:
    """Open the library at `root` for writing; make it when there is none."""
    layout = LibraryLayout(root)
    layout.create()
    if not layout.exists():
        create(layout.catalogue)
    return open_writer(layout.catalogue)


def connect(catalogue: Path, *, writable: bool) -> sqlite3.Connection:
    """A bare connection, for salvage. Raises errors of sqlite3."""
    return _connect(catalogue, "mode=rw" if writable else "mode=ro")


def _connect(catalogue: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(os.fsencode(catalogue.absolute()))}?{mode}"
    # The lock of Database keeps threads apart; SQLite's own check would forbid closing from another one.
    return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _header_of(connection: sqlite3.Connection) -> schema.Header:
    return schema.Header(
        application_id=int(connection.execute("PRAGMA application_id").fetchone()[0]),
        user_version=int(connection.execute("PRAGMA user_version").fetchone()[0]),
    )
