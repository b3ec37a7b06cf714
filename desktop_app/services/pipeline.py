"""The engine of indexing: photos flow through decoding, the device, local codes and the catalogue.

```
 work -> decode threads -> batches by input shape -> one device thread -> codes threads -> one writer thread
```
At most `slots` photos are between the first arrow and the last, so memory is bounded whatever is slowest; a
job that is paused simply stops taking in new work. A photo's preview is on disk before its row is committed.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from desktop_app.domain.errors import IndiciumError, UnreadableImage
from desktop_app.domain.features import Embedding, PhotoFeatures
from desktop_app.domain.metadata import PhotoMetadata
from desktop_app.domain.photos import PhotoId, PhotoRecord, Skipped
from desktop_app.domain.ports import Embedder
from desktop_app.imaging.decode import DecodedPhoto
from desktop_app.imaging.tensor import choose_shape, fit
from desktop_app.services.priority import step_aside

log = logging.getLogger(__name__)

BATCHES_IN_FLIGHT = 12  # enough for every input shape to have a batch in the making
STALE_SECONDS = 5.0  # a photo of a rare shape does not wait longer than this for its batch to fill
POLL_SECONDS = 0.1  # how often a waiting job looks whether it was stopped


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A decoded photo: what the catalogue keeps of it, and the network input [h, w, 3] uint8."""

    photo: PhotoRecord
    fingerprint: bytes
    width: int
    height: int
    taken: float | None
    camera: str | None
    metadata: PhotoMetadata
    tensor: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Failed:
    """A photo that cannot be used, and why."""

    photo: PhotoRecord
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Indexed:
    """A photo ready for the catalogue. `features` None: its content has features there already."""

    ready: Ready
    features: PhotoFeatures | None


@dataclass(frozen=True, slots=True)
class Step:
    """What one commit brought: the photos now indexed and the files that were skipped."""

    photos: tuple[PhotoId, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Stages:
    """What the engine is made of.

    decode: photo -> DecodedPhoto; raises UnreadableImage for this photo, any other IndiciumError for the job.
    keep_preview: writes the preview of a decoded photo. Both are called from the decode threads.
    codes: a batch of embeddings -> what is stored of them; called from several threads.
    known: which of these fingerprints have features; called from the thread that runs the job.
    commit: hands indexed and failed photos to the thread that owns the catalogue, which stores them in one
    transaction, and returns at once; the future gives the ids of the photos stored.
    """

    decode: Callable[[PhotoRecord], DecodedPhoto]
    keep_preview: Callable[[DecodedPhoto], None]
    codes: Callable[[Sequence[Embedding]], list[PhotoFeatures]]
    known: Callable[[Sequence[bytes]], set[bytes]]
    commit: Callable[[Sequence[Indexed], Sequence[Failed]], Future[Sequence[PhotoId]]]


@dataclass(slots=True, eq=False)
class _Bucket:
    waiting: list[Ready] = field(default_factory=list)
    since: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Committed:
    indexed: Sequence[Indexed]
    failed: Sequence[Failed]
    photos: tuple[PhotoId, ...]


class Pipeline:
    """Takes photos through all stages once and yields a Step per commit, or an empty one now and then.

    The generator that `run` returns may be closed at any time: what the device has finished by then is still
    committed, the rest stays pending.
    """

    def __init__(self, stages: Stages, embedder: Embedder, *, threads: int, low_priority: bool = False) -> None:
        self._stages = stages
        self._embedder = embedder
        self._threads = max(1, threads)
        self._settle = step_aside if low_priority else _stay
        self._shapes = list(embedder.shapes)
        self._batch = max(1, embedder.batch_size)
        self._slots = self._batch * BATCHES_IN_FLIGHT
        self._todo: queue.SimpleQueue[PhotoRecord | None] = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[Ready | Failed | _Committed | BaseException] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._writes: deque[Future[Sequence[PhotoId]]] = deque()
        # Owned by the thread that runs the job:
        self._in_flight = 0  # photos taken in and not yet committed
        self._decoding = 0  # those of them that are not decoded yet
        self._commits_due = 0  # batches on their way to the catalogue
        self._buckets: dict[tuple[int, ...], _Bucket] = {}
        self._embedding: set[bytes] = set()  # fingerprints whose features are being made
        self._copies: dict[bytes, list[Ready]] = {}  # copies that wait for those
        self._finished: list[Indexed] = []  # content that has features already
        self._failed: list[Failed] = []

    def run(self, work: Iterator[PhotoRecord]) -> Generator[Step, None, None]:
        """Take every photo of `work` through; it is asked for more as room becomes free.

        Raises IndiciumError when the job as a whole cannot go on (full disk, device, drive gone).
        """
        workers = [
            threading.Thread(target=self._decode_loop, name=f"decode-{number}", daemon=True)
            for number in range(self._threads)
        ]
        self._device = ThreadPoolExecutor(1, "device", initializer=self._settle)
        self._coders = ThreadPoolExecutor(self._threads, "codes", initializer=self._settle)
        for worker in workers:
            worker.start()
        try:
            yield from self._coordinate(work)
        finally:
            self._stopped.set()
            for _ in workers:
                self._todo.put(None)
            self._device.shutdown(cancel_futures=True)
            self._coders.shutdown()
            wait(self._writes)
            for worker in workers:
                worker.join()

    # --- the thread that runs the job ------------------------------------------------------------------------

    def _coordinate(self, work: Iterator[PhotoRecord]) -> Iterator[Step]:
        exhausted = False
        told = time.monotonic()
        while True:
            while not exhausted and self._in_flight < self._slots:
                photo = next(work, None)
                if photo is None:
                    exhausted = True
                else:
                    self._in_flight += 1
                    self._decoding += 1
                    self._todo.put(photo)
            if self._in_flight == 0:
                return
            step = self._take_in(self._messages())
            while self._writes and self._writes[0].done():
                self._writes.popleft()
            self._send_batches(nothing_comes=self._decoding == 0 and (exhausted or self._commits_due == 0))
            now = time.monotonic()
            if step.photos or step.skipped or now - told >= POLL_SECONDS:
                told = now
                yield step

    def _messages(self) -> list[Ready | Failed | _Committed | BaseException]:
        """Everything that has arrived, waiting a moment for the first."""
        messages: list[Ready | Failed | _Committed | BaseException] = []
        try:
            messages.append(self._inbox.get(timeout=POLL_SECONDS))
            while True:
                messages.append(self._inbox.get_nowait())
        except queue.Empty:
            return messages

    def _take_in(self, messages: Sequence[Ready | Failed | _Committed | BaseException]) -> Step:
        photos: list[PhotoId] = []
        skipped: list[Skipped] = []
        decoded: list[Ready] = []
        for message in messages:
            match message:
                case Ready():
                    self._decoding -= 1
                    decoded.append(message)
                case Failed():
                    self._decoding -= 1
                    self._failed.append(message)
                case _Committed():
                    self._settle_commit(message)
                    photos.extend(message.photos)
                    skipped.extend(Skipped(failed.photo.path, failed.reason) for failed in message.failed)
                case _:
                    raise message
        if decoded:
            self._sort_in(decoded)
        return Step(tuple(photos), tuple(skipped))

    def _settle_commit(self, commit: _Committed) -> None:
        self._commits_due -= 1
        self._in_flight -= len(commit.indexed) + len(commit.failed)
        for indexed in commit.indexed:
            if indexed.features is not None:
                self._embedding.discard(indexed.ready.fingerprint)
                copies = self._copies.pop(indexed.ready.fingerprint, ())
                self._finished.extend(Indexed(copy, None) for copy in copies)

    def _sort_in(self, decoded: Sequence[Ready]) -> None:
        """Copies wait for, or share, the features of their content; the others go to the batch of their shape."""
        now = time.monotonic()
        known = self._stages.known([ready.fingerprint for ready in decoded])
        for ready in decoded:
            if ready.fingerprint in known:
                self._finished.append(Indexed(ready, None))
            elif ready.fingerprint in self._embedding:
                self._copies.setdefault(ready.fingerprint, []).append(ready)
            else:
                self._embedding.add(ready.fingerprint)
                bucket = self._buckets.setdefault(ready.tensor.shape, _Bucket(since=now))
                bucket.waiting.append(ready)

    def _send_batches(self, *, nothing_comes: bool) -> None:
        now = time.monotonic()
        for shape, bucket in list(self._buckets.items()):
            while len(bucket.waiting) >= self._batch:
                self._send(bucket.waiting[: self._batch])
                bucket.waiting, bucket.since = bucket.waiting[self._batch :], now
            if bucket.waiting and (nothing_comes or now - bucket.since > STALE_SECONDS):
                self._send(bucket.waiting)
                bucket.waiting = []
            if not bucket.waiting:
                del self._buckets[shape]
        without_device = len(self._finished) + len(self._failed)
        if without_device >= self._batch or (without_device and (nothing_comes or self._commits_due == 0)):
            self._commits_due += 1
            self._write(self._finished, self._failed)
            self._finished, self._failed = [], []

    def _send(self, batch: Sequence[Ready]) -> None:
        self._commits_due += 1
        self._device.submit(self._guard, self._embed, batch)

    # --- the other threads -----------------------------------------------------------------------------------

    def _decode_loop(self) -> None:
        self._settle()
        while (photo := self._todo.get()) is not None and not self._stopped.is_set():
            try:
                self._inbox.put(self._decode(photo))
            except UnreadableImage as error:
                self._inbox.put(Failed(photo, error.reason))
            except IndiciumError as error:
                self._inbox.put(error)
            except MemoryError:
                self._inbox.put(Failed(photo, "there was not enough memory to decode it"))
            except Exception:
                log.exception("decoding %r failed", photo.path)
                self._inbox.put(Failed(photo, "it could not be decoded (details are in the log)"))

    def _decode(self, photo: PhotoRecord) -> Ready:
        decoded = self._stages.decode(photo)
        self._stages.keep_preview(decoded)
        shape = choose_shape(decoded.width, decoded.height, self._shapes)
        return Ready(
            photo=photo,
            fingerprint=decoded.fingerprint,
            width=decoded.width,
            height=decoded.height,
            taken=decoded.taken,
            camera=decoded.camera,
            metadata=decoded.metadata,
            tensor=fit(decoded.rgb, shape),
        )

    def _embed(self, batch: Sequence[Ready]) -> None:
        embeddings = self._embedder.embed(np.stack([ready.tensor for ready in batch]))
        self._coders.submit(self._guard, self._code, batch, embeddings)

    def _code(self, batch: Sequence[Ready], embeddings: Sequence[Embedding]) -> None:
        features = self._stages.codes(embeddings)
        self._write([Indexed(*pair) for pair in zip(batch, features, strict=True)], ())

    def _write(self, indexed: Sequence[Indexed], failed: Sequence[Failed]) -> None:
        def told(commit: Future[Sequence[PhotoId]]) -> None:
            error = commit.exception()
            self._inbox.put(error or _Committed(indexed, failed, tuple(commit.result())))

        commit = self._stages.commit(indexed, failed)
        self._writes.append(commit)
        commit.add_done_callback(told)

    def _guard(self, stage: Callable[..., None], *arguments: object) -> None:
        """Run a stage; what goes wrong in it reaches the thread that runs the job."""
        try:
            stage(*arguments)
        except BaseException as error:  # noqa: BLE001 - handed on, raised again where the job runs
            self._inbox.put(error)


def _stay() -> None:
    """The threads keep their priority."""
