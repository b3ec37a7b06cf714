"""What a person said about photos: tags, albums and confirmed marks, any number a photo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from desktop_app.domain.photos import PhotoId
from desktop_app.library.database import Database
from desktop_app.library.schema import VISIBLE

KINDS = ("tags", "albums", "marks")


def labels(db: Database, kind: str) -> list[tuple[bytes, str]]:
    """(path, label) of every photo that has labels of this kind, missing photos left out, by path and label."""
    rows = db.rows(
        "SELECT p.path, l.label FROM labels l JOIN photos p ON p.id = l.photo"
        " WHERE l.kind = ? AND p.gone < 2 ORDER BY p.path, l.label",
        (_known(kind),),
    )
    return [(row[0], row[1]) for row in rows]


def labels_of_features(db: Database, rows: Sequence[int], kinds: Sequence[str]) -> dict[int, list[str]]:
    """row -> the labels of these kinds that photos shown with these features have, sorted; others are no keys."""
    found: dict[int, list[str]] = {}
    places = ",".join("?" * len(kinds))
    for row, label in db.rows_in(
        "SELECT DISTINCT f.id, l.label FROM features f JOIN photos p ON p.fingerprint = f.fingerprint"
        f" JOIN labels l ON l.photo = p.id WHERE {VISIBLE} AND l.kind IN ({places}) AND f.id IN ({{}})"
        " ORDER BY f.id, l.label",
        rows,
        before=[_known(kind) for kind in kinds],
    ):
        found.setdefault(row, []).append(label)
    return found


def set_labels(db: Database, photo: PhotoId, kind: str, names: Iterable[str]) -> None:
    """Replace the labels of one kind of a photo. A photo that is taken out of the library takes them along."""
    chosen = [(photo, _known(kind), name) for name in dict.fromkeys(names)]
    with db.transaction():
        db.execute("DELETE FROM labels WHERE photo = ? AND kind = ?", (photo, kind))
        db.execute_many("INSERT INTO labels(photo, kind, label) VALUES (?, ?, ?)", chosen)


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"labels are of the kinds {', '.join(KINDS)}, not '{kind}'")
    return kind
