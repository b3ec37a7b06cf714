"""The composition root without Qt: builds the adapters and passes them to the services."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import cache, partial
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs
import psutil
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from desktop_app.domain.devices import Device
from desktop_app.domain.evidence import MatchEvidence
from desktop_app.domain.outline import Part
from desktop_app.domain.photos import path_text
from desktop_app.domain.query import FilePicture, QueryItem
from desktop_app.evaluation.folders import EvaluatedPack
from desktop_app.imaging.formats import is_picture_name
from desktop_app.inference.coattention_net import CoAttentionNet, has_coattention
from desktop_app.inference.indicative_net import IndicativeNet, has_indicative
from desktop_app.inference.packs import InstalledPack, find_pack, find_packs
from desktop_app.inference.session import OnnxEmbedder
from desktop_app.library.layout import default_library
from desktop_app.locate import packs_dir
from desktop_app.retrieval.close_look import KIN
from desktop_app.retrieval.indicative import IndicativeParameters
from desktop_app.retrieval.parameters import RetrievalParameters
from desktop_app.services.embed_files import FilesLook, embed_files, embed_regions, files_seen_small
from desktop_app.services.engine import Engine, IndicativePart
from desktop_app.services.explain import ExplainService
from desktop_app.services.library_session import LibrarySession
from desktop_app.services.painting import EvidencePage, write_drawing

__all__ = [
    "Options",
    "configure_logging",
    "evaluated_engine",
    "evaluated_pack",
    "explain_files",
    "is_picture_name",
    "library_root",
    "log_file",
    "open_engine",
    "open_library",
    "pack_places",
]

HOME_VARIABLE = "INDICIUM_HOME"  # one folder for library, packs and log: for tests and for a portable installation
PACKS_VARIABLE = "INDICIUM_PACKS"  # the folder of the shipped packs, for tests
LOG_BYTES = 2_000_000
LOG_FILES = 3
PAINTED_SIDE = 2048  # pixels of the long side that are enough for a page


@dataclass(frozen=True, slots=True)
class Options:
    """What may be chosen from outside.

    library: None for the person's own. pack: name or folder; None for the library's own, else the shipped one.
    threads: None for all cores, less one while a window is open (`window`).
    """

    library: Path | None = None
    pack: str | None = None
    device: Device = Device.AUTO
    window: bool = False
    threads: int | None = None

    def thread_count(self) -> int:
        """How many threads compute and decode, at least 1."""
        if self.threads is not None:
            return max(1, self.threads)
        cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
        return max(1, cores - 1) if self.window else cores


def home() -> Path | None:
    """The folder that INDICIUM_HOME names, or None: then everything lies where the system wants it."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen) if chosen else None


def library_root(options: Options) -> Path:
    """The folder of the library that `options` mean."""
    if options.library is not None:
        return options.library
    chosen = home()
    return chosen / "library" if chosen else default_library()


def pack_places() -> list[Path] | None:
    """Where packs are looked for; None for the usual places."""
    chosen = home()
    shipped = Path(os.environ.get(PACKS_VARIABLE) or packs_dir())
    return [shipped, chosen / "packs"] if chosen else None


def open_engine(options: Options, pack: str | None = None) -> Engine:
    """Load a pack (`pack`, else that of `options`, else the shipped one) onto the device of `options`.

    Raises PackError or DeviceError.
    """
    _one_blas_thread()
    installed = find_pack(pack or options.pack, folders=pack_places())
    parameters = RetrievalParameters.from_manifest(installed.manifest.raw)
    embedder = OnnxEmbedder(installed.directory, device=options.device, threads=options.thread_count())
    return Engine(
        embedder,
        parameters,
        source=_source(installed),
        indicative=_indicative_part(installed, options.thread_count()),
        attention=_attention_part(installed, options.thread_count()),
    )


def _indicative_part(pack: InstalledPack, threads: int) -> IndicativePart | None:
    if not has_indicative(pack.manifest):
        return None
    network = IndicativeNet(pack.directory, pack.manifest, threads=threads)
    return IndicativePart(network, IndicativeParameters.from_manifest(pack.manifest.raw))


def _attention_part(pack: InstalledPack, threads: int) -> CoAttentionNet | None:
    if not has_coattention(pack.manifest):
        return None
    return CoAttentionNet(pack.directory, pack.manifest, threads=threads)


@cache
def _one_blas_thread() -> threadpool_limits:
    """Matrix products here are small: threads of their own only get in the way of decoding and the network."""
    return threadpool_limits(limits=1, user_api="blas")


def _source(pack: InstalledPack) -> str:
    by_name = {found.name: found.directory for found in find_packs(pack_places())}
    return pack.name if by_name.get(pack.name) == pack.directory else str(pack.directory.absolute())


def _pack_by_digest(digest: str) -> str | None:
    return next((pack.name for pack in find_packs(pack_places()) if pack.digest == digest), None)


def open_library(options: Options, *, writer: bool = True) -> LibrarySession:
    """Open the library that `options` mean; a writer creates it when it is missing, a reader never does.

    Returns at once: pack and index are loaded when they are first needed.
    Raises LibraryLocked, LibraryForeign, LibraryDamaged, StorageFull or LibraryError.
    """
    return LibrarySession(
        library_root(options),
        writer=writer,
        open_engine=partial(open_engine, options),
        find_pack=_pack_by_digest,
        pack=options.pack,
        threads=options.thread_count(),
    )


def explain_files(
    options: Options,
    *,
    query: Path,
    result: Path,
    part: Part | None = None,
    out: Path | None = None,
    layer: str = "links",
) -> MatchEvidence:
    """The evidence for two files, without a library; written to `out` when that is given: an SVG
    when its name ends so, else a PNG.

    Raises UnreadableImage, UsageError, PackError, DeviceError, or IndiciumError when `out` cannot be written.
    """
    engine = open_engine(options)
    try:
        service = ExplainService(None, engine=engine)
        item = QueryItem(FilePicture(os.fsencode(query.absolute()))).with_part(part)
        evidence = service.explain(item, result)
        if out is not None:
            answered = QueryItem(FilePicture(os.fsencode(result.absolute())))
            asked, found = (
                service.query_picture(one, long_side=PAINTED_SIDE).on_page(path_text(os.fsencode(path.name)))
                for one, path in ((item, query), (answered, result))
            )
            write_drawing(out, EvidencePage(asked, found, evidence, layer=layer))
    finally:
        engine.embedder.close()
    return evidence


def evaluated_engine(options: Options, pack: str | None) -> Engine:
    """A pack as those protocols take it that make pictures themselves."""
    return open_engine(options, pack)


def evaluated_pack(options: Options, pack: str | None) -> EvaluatedPack:
    """A pack as evaluation takes it."""
    engine = open_engine(options, pack)
    return EvaluatedPack(
        name=engine.embedder.pack_name,
        parameters=engine.parameters,
        embed_files=partial(embed_files, engine, threads=options.thread_count()),
        embed_regions=partial(embed_regions, engine),
        look=FilesLook(engine) if engine.close_terms(described=True) - {KIN} else None,
        small=files_seen_small(engine),
    )


# --- the log --------------------------------------------------------------------------------------------------


def log_file() -> Path:
    """Where the log is written."""
    chosen = home()
    folder = chosen / "log" if chosen else Path(platformdirs.user_log_dir("indicium", appauthor=False))
    return folder / "indicium.log"


def _log_handler() -> RotatingFileHandler:
    return RotatingFileHandler(log_file(), maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", delay=True)


def configure_logging(*, verbose: bool = False, window: bool = False) -> None:
    """Write a rotating log file; with `verbose` tell everything on stderr as well. May be called again.

    A log that cannot be written is not worth stopping for: then there is none.
    """
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if getattr(handler, "indicium", False)]:
        root.removeHandler(handler)
        handler.close()
    form = logging.Formatter("%(asctime)s %(process)d %(threadName)s %(levelname)s %(name)s: %(message)s")
    handlers: list[logging.Handler] = [logging.StreamHandler()] if verbose else []
    try:
        log_file().parent.mkdir(parents=True, exist_ok=True)
        handlers.append(_log_handler())
    except OSError:
        handlers = handlers or [logging.NullHandler()]
    for handler in handlers:
        handler.setFormatter(form)
        handler.indicium = True  # type: ignore[attr-defined]
        root.addHandler(handler)
    root.setLevel(logging.INFO if verbose or window else logging.WARNING)
    logging.getLogger("desktop_app").setLevel(logging.INFO)
    logging.raiseExceptions = False  # a full disk under the log is not an error of the job
