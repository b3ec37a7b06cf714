"""What happens to a photo on its way through the world: cut, turned, recompressed, photographed off a screen.

Each disguise takes a photo [h, w, 3] uint8, a strength in its own unit and a generator, and returns another photo
that shows the same thing. They are what the protocols `degradations` and `instances` ask with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from desktop_app.evaluation.composites import Rgb, other_exposure

Disguise = Callable[[Rgb, float, np.random.Generator], Rgb]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A disguise and the strengths it is tried with, from mild to harsh; `unit` says what they mean."""

    make: Disguise
    strengths: tuple[float, ...]
    unit: str


def crop(rgb: Rgb, share: float, random: np.random.Generator) -> Rgb:
    """A rectangle of the photo's shape with `share` of its area, anywhere in it."""
    height, width = rgb.shape[:2]
    h, w = (max(1, round(side * np.sqrt(share))) for side in (height, width))
    top, left = int(random.integers(height - h + 1)), int(random.integers(width - w + 1))
    return np.ascontiguousarray(rgb[top : top + h, left : left + w])


def rotation(rgb: Rgb, degrees: float, random: np.random.Generator) -> Rgb:
    """Turned either way: by quarters as a whole, else the largest upright rectangle of the same shape within."""
    angle = degrees * (1 if random.random() < 0.5 else -1)
    if degrees % 90 == 0:
        return np.ascontiguousarray(np.rot90(rgb, round(angle / 90)))
    height, width = rgb.shape[:2]
    sine, cosine = abs(np.sin(np.deg2rad(angle))), abs(np.cos(np.deg2rad(angle)))
    scale = min(width / (width * cosine + height * sine), height / (width * sine + height * cosine))
    h, w = max(1, int(height * scale)), max(1, int(width * scale))
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    turn[:, 2] -= [(width - w) / 2, (height - h) / 2]
    turned = cv2.warpAffine(rgb, turn, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned, dtype=np.uint8)


def blur(rgb: Rgb, sigma: float, random: np.random.Generator) -> Rgb:
    """Out of focus: a Gaussian of `sigma` of the long side."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), max(0.3, sigma * max(rgb.shape[:2]))), dtype=np.uint8)


def jpeg(rgb: Rgb, quality: float, random: np.random.Generator) -> Rgb:
    """Saved as a JPEG of `quality` (1 to 100) and read again."""
    done, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, round(quality)])
    if not done:
        raise ValueError(f"a picture of shape {rgb.shape} cannot be written as a JPEG")
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)[..., ::-1])


def exposure(rgb: Rgb, stops: float, random: np.random.Generator) -> Rgb:
    """Lighter or darker by `stops`, in linear light, clipped as a camera does."""
    linear = (np.arange(256) / 255.0) ** 2.2 * 2.0**stops
    table = np.rint(255.0 * np.minimum(linear, 1.0) ** (1 / 2.2)).astype(np.uint8)
    return np.asarray(table[rgb], dtype=np.uint8)


def screenshot(rgb: Rgb, border: float, random: np.random.Generator) -> Rgb:
    """On a screen: a window's bar above, plain borders of `border` of each side around, an icon or two."""
    height, width = rgb.shape[:2]
    down, across = round(border * height), round(border * width)
    shade = int(random.integers(16, 60)) if random.random() < 0.5 else int(random.integers(200, 250))
    screen = np.full((height + 2 * down, width + 2 * across, 3), shade, dtype=np.uint8)
    bar = max(2, down // 2)
    screen[:bar] = (shade + 40) % 256
    for number in range(3):
        x = screen.shape[1] - (2 * number + 2) * bar
        cv2.circle(screen, (x, bar // 2), max(1, bar // 4), random.integers(0, 256, 3).tolist(), -1)
    screen[down : down + height, across : across + width] = rgb
    return screen


def text(rgb: Rgb, lines: float, random: np.random.Generator) -> Rgb:
    """With `lines` lines of large writing across it, as captions and watermarks are."""
    written = rgb.copy()
    height, width = rgb.shape[:2]
    for _ in range(round(lines)):
        words = "".join(chr(int(code)) for code in random.integers(65, 91, size=14))
        (wide, _), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
        scale = 0.9 * width / wide
        at = (round(0.05 * width), round(random.uniform(0.12, 0.98) * height))
        for colour, thick in (((0, 0, 0), 6.0), ((255, 255, 255), 2.5)):
            line = max(1, round(thick * scale))
            cv2.putText(written, words, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, line, cv2.LINE_AA)
    return written


def perspective(rgb: Rgb, shift: float, random: np.random.Generator) -> Rgb:
    """Seen from the side: every corner of what is shown lies up to `shift` of the sides inside the photo."""
    height, width = rgb.shape[:2]
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    inward = np.where(corners == 0, 1.0, -1.0)
    shown = corners + inward * random.uniform(0.0, shift, size=(4, 2))
    size = np.array([width - 1.0, height - 1.0])
    view = cv2.getPerspectiveTransform((shown * size).astype(np.float32), (corners * size).astype(np.float32))
    warped = cv2.warpPerspective(rgb, view, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(warped, dtype=np.uint8)


def mirror(rgb: Rgb, strength: float, random: np.random.Generator) -> Rgb:
    """Left and right exchanged."""
    return np.ascontiguousarray(rgb[:, ::-1])


SCENARIOS: Mapping[str, Scenario] = {
    "crop": Scenario(crop, (0.7, 0.5, 0.3, 0.15), "share of the area"),
    "rotation": Scenario(rotation, (5, 15, 45, 90, 180), "degrees"),
    "blur": Scenario(blur, (0.002, 0.005, 0.01, 0.02), "share of the long side"),
    "jpeg": Scenario(jpeg, (50, 30, 10, 5), "quality"),
    "exposure": Scenario(exposure, (-1, 1, -2, 2), "stops"),
    "screenshot": Scenario(screenshot, (0.05, 0.15, 0.4), "border, share of a side"),
    "text": Scenario(text, (1, 3, 6), "lines"),
    "perspective": Scenario(perspective, (0.05, 0.15, 0.3), "shift of the corners, share of a side"),
    "mirror": Scenario(mirror, (1,), "left and right exchanged"),
}
"""Every disguise with the strengths that the protocol `degradations` tries."""

INSTANCE_AREA = (0.3, 1.0)
INSTANCE_QUALITY = 30


def instance_view(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """The made view of the protocol `instances`: 30 to 100 % of the area, a little perspective, other exposure,
    and saved as a JPEG of quality 30."""
    part = crop(rgb, random.uniform(*INSTANCE_AREA), random)
    seen = perspective(part, 0.08, random)
    return jpeg(other_exposure(seen, random), INSTANCE_QUALITY, random)
