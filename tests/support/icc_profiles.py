"""Small ICC profiles (version 2, three primaries and one gamma) and the mathematics that fits them.

Written from the specification (ICC.1:2001-04), so that tests do not check Little CMS against itself.
"""

import struct
from dataclasses import dataclass

import numpy as np

SRGB_TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
"""Linear sRGB to XYZ at D50."""


@dataclass(frozen=True)
class ColourSpace:
    """Primaries as columns of XYZ at D50, and the exponent of the tone curve."""

    name: str
    to_xyz: np.ndarray
    gamma: float

    def profile(self) -> bytes:
        """The ICC profile of this space."""
        columns = {tag: _xyz(*self.to_xyz[:, i]) for i, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
        curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma(self.gamma))
        return _profile(b"RGB ", self.name, {**columns, **curves})

    def encode(self, srgb: np.ndarray) -> np.ndarray:
        """[h, w, 3] uint8 sRGB as uint8 values of this space that show the same colours."""
        xyz = _linear(srgb) @ SRGB_TO_XYZ.T
        linear = np.clip(xyz @ np.linalg.inv(self.to_xyz).T, 0, 1)
        return np.rint(255 * linear ** (1 / self.gamma)).astype(np.uint8)


ADOBE_RGB = ColourSpace(
    "Wide like Adobe RGB",
    np.array(
        [[0.6097559, 0.2052401, 0.1492240], [0.3111242, 0.6256560, 0.0632197], [0.0194811, 0.0608902, 0.7448387]]
    ),
    563 / 256,
)
PROPHOTO = ColourSpace(
    "Very wide like ProPhoto",
    np.array([[0.7976749, 0.1351917, 0.0313534], [0.2880402, 0.7118741, 0.0000857], [0.0, 0.0, 0.8252100]]),
    1.8,
)
DISPLAY_P3 = ColourSpace(
    "Wide like Display P3",
    np.array(
        [[0.5151187, 0.2919778, 0.1571035], [0.2411892, 0.6922441, 0.0665668], [-0.0010505, 0.0418791, 0.7840713]]
    ),
    2.2,
)


def grey_profile(gamma: float) -> bytes:
    """The ICC profile of a grey scale with this exponent."""
    return _profile(b"GRAY", f"Grey {gamma}", {b"kTRC": _gamma(gamma)})


def grey_encode(srgb: np.ndarray, gamma: float) -> np.ndarray:
    """[h, w] uint8 grey sRGB values as uint8 values of the grey scale with this exponent."""
    return np.rint(255 * _linear(srgb) ** (1 / gamma)).astype(np.uint8)


def _linear(srgb: np.ndarray) -> np.ndarray:
    value = srgb / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(x) + _fixed(y) + _fixed(z)


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


def _profile(space: bytes, name: str, tags: dict[bytes, bytes]) -> bytes:
    words = name.encode("ascii") + b"\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(words)) + words + bytes(8 + 3 + 67)
    white = (0.9642, 1.0, 0.8249)
    tags = {b"desc": description, b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(*white), **tags}
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02100000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += _fixed(white[0]) + _fixed(white[1]) + _fixed(white[2])
    return header.ljust(128, b"\0") + table + body
