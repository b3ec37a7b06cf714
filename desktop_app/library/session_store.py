"""Feedback sessions by name, as the JSON documents that the services make of them."""

from __future__ import annotations

from desktop_app.library.database import Database


def save(db: Database, name: str, document: str, saved: float) -> None:
    """Keep a document under a name; an older one of that name is replaced."""
    with db.transaction():
        db.execute(
            "INSERT INTO sessions VALUES (?, ?, ?)"
            " ON CONFLICT(name) DO UPDATE SET saved = excluded.saved, document = excluded.document",
            (name, saved, document),
        )


def names(db: Database) -> list[tuple[str, float]]:
    """(name, when it was saved) of every session, the newest first."""
    return [(row[0], row[1]) for row in db.rows("SELECT name, saved FROM sessions ORDER BY saved DESC, name")]


def document(db: Database, name: str) -> str | None:
    """The document under a name, None without any."""
    row = db.row("SELECT document FROM sessions WHERE name = ?", (name,))
    return None if row is None else str(row[0])


def forget(db: Database, name: str) -> None:
    """Remove a session."""
    with db.transaction():
        db.execute("DELETE FROM sessions WHERE name = ?", (name,))
