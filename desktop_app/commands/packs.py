"""`indicium packs list|verify|remove`"""

from __future__ import annotations

from argparse import Namespace

from desktop_app.bootstrap import library_root, open_library, pack_places
from desktop_app.commands.options import options_of
from desktop_app.commands.output import print_json, size, table
from desktop_app.domain.photos import path_text
from desktop_app.services.pack_install import remove_pack
from desktop_app.services.packs import installed_packs, verify_packs


def packs_list(arguments: Namespace) -> int:
    """List the installed packs."""
    packs = installed_packs(pack_places())
    if arguments.json:
        print_json(
            {
                "packs": [
                    {
                        "name": pack.name,
                        "title": pack.title,
                        "version": pack.version,
                        "description": pack.description,
                        "licence": pack.licence,
                        "precision": pack.precision,
                        "bytes": pack.bytes,
                        "shipped": pack.shipped,
                        "path": path_text(bytes(pack.folder)),
                        "digest": pack.digest,
                    }
                    for pack in packs
                ]
            }
        )
    elif packs:
        rows = [
            [pack.name, pack.version, pack.precision, size(pack.bytes), pack.licence, pack.description]
            for pack in packs
        ]
        print(table(rows, header=["pack", "version", "precision", "size", "licence", "what it is"], right=[3]))
    else:
        print("No model pack is installed")
    return 0


def packs_verify(arguments: Namespace) -> int:
    """Check packs; exit code 1 when one of them may not be used."""
    checks = verify_packs(arguments.packs, folders=pack_places())
    if arguments.json:
        print_json(
            {
                "packs": [
                    {
                        "name": check.name,
                        "path": path_text(bytes(check.folder)),
                        "ok": not check.problems,
                        "problems": list(check.problems),
                    }
                    for check in checks
                ]
            }
        )
    else:
        for check in checks:
            print(f"{check.name}: {'good' if not check.problems else 'may not be used'}")
            for problem in check.problems:
                print(f"  {problem}")
    return 1 if any(check.problems for check in checks) else 0


def packs_remove(arguments: Namespace) -> int:
    """Delete a pack that was added."""
    options = options_of(arguments)
    if library_root(options).is_dir():
        with open_library(options, writer=False) as session:
            folder = remove_pack(arguments.name, folders=pack_places(), library=session, force=arguments.force)
    else:
        folder = remove_pack(arguments.name, folders=pack_places(), library=None)
    if arguments.json:
        print_json({"removed": arguments.name, "path": path_text(bytes(folder))})
    else:
        print(f"Removed the pack {arguments.name}")
    return 0
