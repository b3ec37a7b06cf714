"""Read a published ground truth that is a pickle, without letting it run anything.

A pickle may name any function to be called while it is read. Here only what builds numpy arrays and numbers is
let through; lists, dictionaries, strings and numbers need no names at all.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from desktop_app.domain.errors import UsageError

MOST_BYTES = 200_000_000


def _latin_bytes(text: str, encoding: str = "latin1") -> bytes:
    """What old protocols call for raw bytes; other codecs are refused (some of them unpack archives)."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"the codec {encoding} is not allowed")
    return text.encode("latin1")


def _empty_bytes() -> bytes:
    """What old protocols call for no bytes at all; `bytes` itself would reserve any memory that is asked for."""
    return b""


def _allowed() -> dict[tuple[str, str], Any]:
    """Module and name -> what is used for it. numpy has moved these; files carry old and new names."""
    names: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _latin_bytes,
        ("__builtin__", "bytes"): _empty_bytes,
        ("builtins", "bytes"): _empty_bytes,
    }
    makers = {
        ("multiarray", "_reconstruct"): np.zeros(1).__reduce__()[0],
        ("multiarray", "scalar"): np.float64(0).__reduce__()[0],
        ("numeric", "_frombuffer"): np.zeros(1).__reduce_ex__(5)[0],
    }
    for package in ("numpy.core", "numpy._core"):
        names |= {(f"{package}.{module}", name): maker for (module, name), maker in makers.items()}
    return names


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = _allowed().get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"it wants to use {module}.{name}, which plain data does not")
        return found


def read_plain_pickle(path: Path) -> Any:
    """Lists, dictionaries, strings, numbers and numpy arrays from a pickle of any protocol.

    Raises UsageError when the file cannot be read, is damaged, or asks for anything else.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path} is too large for a ground truth", remedy="Download it again")
        return _PlainUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except UsageError:
        raise
    except Exception as error:
        # Damaged bytes lead the reader into almost any error.
        raise UsageError(f"{path} cannot be read: {error}", remedy="Download it again") from error
