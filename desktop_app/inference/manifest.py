"""The manifest of a model pack as dataclasses, read with a precise sentence for everything that is wrong."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from desktop_app.domain.errors import PackError

FORMAT = 1
ROLES = ("alpha", "alpha_code", "attention", "local_map", "local_features", "beta", "beta_code", "regions")
CODES = ("alpha_code", "beta_code")
"""The roles that are hash codes: uint8, eight bits packed into a byte, the first bit highest."""
EMBED_FILE = "embed.onnx"
CODE_FILE = "code.onnx"
SMALLEST_SIDE, LARGEST_SIDE = 32, 4096
"""Input sides are at least, and at most, this many pixels."""

_LAYOUTS = ("NHWC", "NCHW")
_INPUT_TYPES = ("uint8", "float32", "float16")
_OUTPUT_TYPES = ("uint8", "float32", "float16")
_REINSTALL = "Install the pack again"

Section = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the graph takes: `shapes` are (height, width) in order of preference.

    uint8 inputs are raw RGB. Floating inputs are (x / 255 - mean) / std per channel.
    """

    name: str
    layout: str
    dtype: str
    shapes: tuple[tuple[int, int], ...]
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output: its name in the graph, its type, and its shape (numbers, or letters for free axes)."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class LocalSpec:
    """The local part: pixels per cell, centroids per photo, bits per code, dimensions of features and map."""

    stride: int
    clusters: int
    code_bits: int
    dimension: int
    map_dimension: int


@dataclass(frozen=True, slots=True)
class FileSpec:
    """What a file of the pack must be."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """Something the pack was made from, shown in About."""

    name: str
    source: str
    licence: str
    use: str


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """A pack's manifest. `raw` is the whole JSON object; the retrieval stages read their sections from it."""

    name: str
    version: str
    title: str
    description: str
    licence: str
    licence_file: str | None
    card: str | None
    provenance: tuple[Provenance, ...]
    minimum_application: str
    input: InputSpec
    outputs: Mapping[str, OutputSpec]
    local: LocalSpec | None
    precision: str
    files: Mapping[str, FileSpec]
    raw: Section

    @property
    def bytes(self) -> int:
        """The size of all files that the manifest lists."""
        return sum(spec.bytes for spec in self.files.values())

    @property
    def digest(self) -> str:
        """The pack digest, 32 hex digits: blake2b-128 over what features depend on.

        That is a line `name sha256` for embed.onnx and code.onnx, sorted, then the canonical JSON of `input`,
        `local` and `outputs`. Thresholds, calibration and the networks that only explain a pair are left out:
        changing them re-embeds nothing.
        """
        lines = "".join(
            f"{name} {spec.sha256}\n"
            for name, spec in sorted(self.files.items())
            if name in (EMBED_FILE, CODE_FILE)
        )
        sections = {key: self.raw.get(key) for key in ("input", "local", "outputs")}
        canonical = json.dumps(sections, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.blake2b((lines + canonical).encode("ascii"), digest_size=16).hexdigest()


def parse_manifest(text: str, *, pack: str, application: str) -> Manifest:
    """Read a manifest's text. `pack` names it in errors, `application` is the version that runs.

    Raises PackError with a sentence that names the pack and the entry.
    """
    return _Reader(pack, application).manifest(text)


class _Reader:
    """Reads one manifest; every complaint names the pack."""

    def __init__(self, pack: str, application: str) -> None:
        self._pack = pack
        self._application = application

    def manifest(self, text: str) -> Manifest:
        try:
            raw = json.loads(text)
        except ValueError as error:
            raise self._error(f"its manifest.json is not JSON ({error})") from None
        if not isinstance(raw, dict):
            raise self._error("its manifest.json is not an object")
        self._check_version(raw)
        files = self._files(raw)
        manifest = Manifest(
            name=self._text(raw, "name"),
            version=self._text(raw, "version"),
            title=self._text(raw, "title", default=str(raw.get("name"))),
            description=self._text(raw, "description", default=""),
            licence=self._text(raw, "licence"),
            licence_file=self._named_file(raw, "licence_file", files),
            card=self._named_file(raw, "card", files),
            provenance=tuple(self._provenance(entry) for entry in self._list(raw, "provenance", default=[])),
            minimum_application=self._text(raw, "minimum_application", default="0"),
            input=self._input(self._object(raw, "input")),
            outputs=self._outputs(self._object(raw, "outputs")),
            local=self._local(self._object(raw, "local")) if raw.get("local") is not None else None,
            precision=self._text(raw, "precision", default="fp32"),
            files=files,
            raw=MappingProxyType(raw),
        )
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", manifest.name):
            raise self._error(f"its name '{manifest.name}' may hold only letters, digits, '.', '_' and '-'")
        if EMBED_FILE not in files:
            raise self._error(f"its manifest does not list {EMBED_FILE}")
        if manifest.local is not None:
            for height, width in manifest.input.shapes:
                stride = manifest.local.stride
                if height % stride or width % stride:
                    raise self._error(
                        f"its input shape [{height}, {width}] is not in whole cells of {stride} pixels"
                    )
        return manifest

    def _check_version(self, raw: Section) -> None:
        form = raw.get("format")
        if form != FORMAT:
            newer = isinstance(form, int) and form > FORMAT
            raise self._error(
                f"its format {form!r} is unknown to this version (which reads format {FORMAT})",
                remedy="Install a newer version of Indicium" if newer else _REINSTALL,
            )
        least = self._text(raw, "minimum_application", default="0")
        if _version(least) > _version(self._application):
            raise self._error(
                f"it needs Indicium {least} or newer, and this is {self._application}",
                remedy="Install a newer version of Indicium",
            )

    def _input(self, section: Section) -> InputSpec:
        dtype = self._one_of(section, "dtype", _INPUT_TYPES)
        mean, std = self._channels(section, "mean"), self._channels(section, "std")
        if std is not None and min(std) <= 0:
            raise self._error("'std' of its input must be positive")
        if dtype == "uint8" and (mean is not None or std is not None):
            raise self._error("its input is uint8, so 'mean' and 'std' must be null")
        shapes = tuple(self._shape(entry) for entry in self._list(section, "shapes"))
        if not shapes:
            raise self._error("its input lists no shapes")
        return InputSpec(
            name=self._text(section, "name"),
            layout=self._one_of(section, "layout", _LAYOUTS),
            dtype=dtype,
            shapes=shapes,
            mean=mean,
            std=std,
        )

    def _shape(self, entry: object) -> tuple[int, int]:
        match entry:
            case [int(height), int(width)] if (
                min(height, width) >= SMALLEST_SIDE and max(height, width) <= LARGEST_SIDE
            ):
                return height, width
        raise self._error(
            f"its input shape {entry!r} is not [height, width] with sides of {SMALLEST_SIDE} to {LARGEST_SIDE} "
            "pixels"
        )

    def _channels(self, section: Section, key: str) -> tuple[float, ...] | None:
        match section.get(key):
            case None:
                return None
            case [int() | float() as red, int() | float() as green, int() | float() as blue]:
                return float(red), float(green), float(blue)
            case other:
                raise self._error(f"'{key}' of its input is {other!r}, not three numbers or null")

    def _outputs(self, section: Section) -> Mapping[str, OutputSpec]:
        unknown = sorted(set(section) - set(ROLES))
        if unknown:
            raise self._error(
                f"its output '{unknown[0]}' is unknown to this version",
                remedy="Install a newer version of Indicium",
            )
        outputs = {role: self._output(self._object(section, role)) for role in ROLES if role in section}
        if "alpha" not in outputs:
            raise self._error("its outputs lack 'alpha', the global descriptor")
        if "beta_code" in outputs and "beta" not in outputs:
            raise self._error("its outputs have 'beta_code' and lack 'beta', which it is a code of")
        return MappingProxyType(outputs)

    def _output(self, section: Section) -> OutputSpec:
        shape: list[int | str] = []
        for axis in self._list(section, "shape"):
            if isinstance(axis, bool) or not isinstance(axis, int | str):
                raise self._error(f"the output shape {section.get('shape')!r} holds {axis!r}")
            shape.append(axis)
        return OutputSpec(
            name=self._text(section, "name"),
            dtype=self._one_of(section, "dtype", _OUTPUT_TYPES),
            shape=tuple(shape),
        )

    def _local(self, section: Section) -> LocalSpec:
        return LocalSpec(
            **{
                key: self._positive(section, key)
                for key in ("stride", "clusters", "code_bits", "dimension", "map_dimension")
            }
        )

    def _files(self, raw: Section) -> Mapping[str, FileSpec]:
        files = {}
        section = self._object(raw, "files")
        for name in section:
            # A plain name: nothing in a manifest may lead out of the pack's own folder.
            if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
                raise self._error(f"the file name '{name}' in its manifest is not a plain name")
            entry = self._object(section, name)
            sha256 = self._text(entry, "sha256").lower()
            if not re.fullmatch(r"[0-9a-f]{64}", sha256):
                raise self._error(f"the sha256 of {name} in its manifest is not 64 hexadecimal digits")
            files[name] = FileSpec(sha256=sha256, bytes=self._positive(entry, "bytes"))
        return MappingProxyType(files)

    def _named_file(self, raw: Section, key: str, files: Mapping[str, FileSpec]) -> str | None:
        if raw.get(key) is None:
            return None
        name = self._text(raw, key)
        if name not in files:
            raise self._error(f"its '{key}' is {name}, which its manifest does not list under 'files'")
        return name

    def _provenance(self, entry: object) -> Provenance:
        if not isinstance(entry, dict):
            raise self._error(f"its provenance holds {entry!r} where an object should be")
        return Provenance(
            **{key: self._text(entry, key, default="") for key in ("name", "source", "licence", "use")}
        )

    def _text(self, section: Section, key: str, *, default: str | None = None) -> str:
        value = section.get(key, default)
        if not isinstance(value, str):
            raise self._error(f"'{key}' in its manifest is {value!r}, not a text")
        return value

    def _one_of(self, section: Section, key: str, known: tuple[str, ...]) -> str:
        value = self._text(section, key)
        if value not in known:
            raise self._error(f"'{key}' in its manifest is '{value}', not one of {', '.join(known)}")
        return value

    def _positive(self, section: Section, key: str) -> int:
        value = section.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self._error(f"'{key}' in its manifest is {value!r}, not a positive whole number")
        return value

    def _object(self, section: Section, key: str) -> dict[str, object]:
        value = section.get(key)
        if not isinstance(value, dict):
            raise self._error(f"'{key}' in its manifest is {value!r}, not an object")
        return value

    def _list(self, section: Section, key: str, *, default: list[object] | None = None) -> list[object]:
        value = section.get(key, default)
        if not isinstance(value, list):
            raise self._error(f"'{key}' in its manifest is {value!r}, not a list")
        return value

    def _error(self, what: str, *, remedy: str = _REINSTALL) -> PackError:
        return PackError(f"the pack {self._pack} cannot be used: {what}", remedy=remedy)


def _version(text: str) -> tuple[int, ...]:
    """`1.2.3rc1` -> (1, 2, 3), with trailing zeros dropped so that 1.2 equals 1.2.0."""
    numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[a-zA-Z+-]", text)[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
