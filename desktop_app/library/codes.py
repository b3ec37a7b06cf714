"""How features lie in the catalogue: compact, versioned byte strings that tell when they were damaged.

Local codes, little-endian: version, K, bytes per code, reserved (u8 each); rows, columns, centroid dimension (u16
each), reserved (u16); scale (f32); CRC-32 of everything else (u32); then codes [K, bytes], labels [rows, columns]
uint8 and centroids [K, dimension] int8. With K = 32, 128 bits and a 14 x 14 grid that is 4,824 bytes.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.features import LocalCodes

_VERSION = 1
_HEAD = struct.Struct("<BBBxHHHxxf")
_CHECK = struct.Struct("<I")
_CELLS = struct.Struct("<HHI")


class DamagedFeatures(ValueError):
    """The bytes are not what was written."""


def pack_local(local: LocalCodes) -> bytes:
    """The bytes of `local`. Raises ValueError for shapes that the format cannot hold."""
    clusters, code_bytes = local.codes.shape
    rows, columns = local.labels.shape
    if local.centroids.ndim != 2 or len(local.centroids) != clusters or max(clusters, code_bytes) > 255:
        raise ValueError(
            f"local codes of {local.codes.shape} with centroids of {local.centroids.shape} cannot be stored"
        )
    head = _HEAD.pack(_VERSION, clusters, code_bytes, rows, columns, local.centroids.shape[1], local.scale)
    body = b"".join(
        (
            np.ascontiguousarray(local.codes, np.uint8).tobytes(),
            np.ascontiguousarray(local.labels, np.uint8).tobytes(),
            np.ascontiguousarray(local.centroids, np.int8).tobytes(),
        )
    )
    return head + _CHECK.pack(zlib.crc32(body, zlib.crc32(head))) + body


def unpack_local(data: bytes) -> LocalCodes:
    """The local codes in `data`; the arrays are views of it and may not be written.

    Raises DamagedFeatures when a byte was changed or lost, or the version is not known.
    """
    start = _HEAD.size + _CHECK.size
    if len(data) < start:
        raise DamagedFeatures(f"local codes of {len(data)} bytes are too short")
    version, clusters, code_bytes, rows, columns, dimension, scale = _HEAD.unpack_from(data)
    if version != _VERSION:
        raise DamagedFeatures(f"local codes of version {version} are not known")
    sizes = (clusters * code_bytes, rows * columns, clusters * dimension)
    if len(data) != start + sum(sizes):
        raise DamagedFeatures(f"local codes have {len(data)} bytes instead of {start + sum(sizes)}")
    (expected,) = _CHECK.unpack_from(data, _HEAD.size)
    view = memoryview(data)
    if zlib.crc32(view[start:], zlib.crc32(view[: _HEAD.size])) != expected:
        raise DamagedFeatures("the checksum of local codes does not fit")
    labels_at, centroids_at = start + sizes[0], start + sizes[0] + sizes[1]
    return LocalCodes(
        codes=np.frombuffer(data, np.uint8, sizes[0], start).reshape(clusters, code_bytes),
        labels=np.frombuffer(data, np.uint8, sizes[1], labels_at).reshape(rows, columns),
        centroids=np.frombuffer(data, np.int8, sizes[2], centroids_at).reshape(clusters, dimension),
        scale=scale,
    )


def pack_cells(cells: NDArray[np.uint8]) -> bytes:
    """Codes [rows, columns, bytes] of cells: rows and columns (u16 each), CRC-32 of the codes (u32), the codes."""
    body = np.ascontiguousarray(cells, np.uint8).tobytes()
    return _CELLS.pack(*cells.shape[:2], zlib.crc32(body)) + body


def unpack_cells(data: bytes) -> NDArray[np.uint8]:
    """[rows, columns, bytes] uint8, a view of `data`. Raises DamagedFeatures when a byte was changed or lost."""
    if len(data) < _CELLS.size:
        raise DamagedFeatures(f"codes of cells of {len(data)} bytes are too short")
    rows, columns, expected = _CELLS.unpack_from(data)
    body = memoryview(data)[_CELLS.size :]
    if not rows * columns or len(body) % (rows * columns) or zlib.crc32(body) != expected:
        raise DamagedFeatures("the checksum of codes of cells does not fit")
    return np.frombuffer(body, np.uint8).reshape(rows, columns, -1)


def pack_descriptor(descriptor: NDArray[np.float16]) -> bytes:
    """[D] -> 2 x D bytes, float16 little-endian."""
    return descriptor.astype("<f2", copy=False).tobytes()


def unpack_descriptor(data: bytes) -> NDArray[np.float16]:
    """2 x D bytes -> [D] float16."""
    if not data or len(data) % 2:
        raise DamagedFeatures(f"a descriptor of {len(data)} bytes is damaged")
    return np.frombuffer(data, "<f2").astype(np.float16, copy=False)


def checksum(
    alpha: bytes, alpha_code: bytes | None, beta: bytes | None = None, beta_code: bytes | None = None
) -> int:
    """CRC-32 over the descriptors and their hash codes, in this order; one that is not there adds nothing."""
    found = 0
    for part in (alpha, alpha_code, beta, beta_code):
        found = zlib.crc32(part or b"", found)
    return found
