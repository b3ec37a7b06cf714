"""The engine of indexing, with stages made of plain functions."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from desktop_app.domain.devices import Device, DeviceReport
from desktop_app.domain.errors import DeviceError, StorageFull, UnreadableImage
from desktop_app.domain.features import Embedding, PhotoFeatures
from desktop_app.domain.photos import FolderId, PhotoId, PhotoRecord, PhotoStatus
from desktop_app.imaging.decode import DecodedPhoto
from desktop_app.services.pipeline import BATCHES_IN_FLIGHT, Failed, Indexed, Pipeline, Stages, Step

BATCH = 4
SHAPES = ((32, 32), (32, 64))


class FakeEmbedder:
    """The mean colour of a picture is its descriptor; remembers what it was given."""

    pack_name, digest, shapes, batch_size = "fake", "d" * 32, SHAPES, BATCH

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []
        self.fails_at: int | None = None

    def embed(self, batch: NDArray[np.uint8]) -> list[Embedding]:
        self.batches.append(batch.shape)
        if self.fails_at == len(self.batches):
            raise DeviceError("the device is gone")
        return [Embedding(alpha=picture.mean(axis=(0, 1)).astype(np.float32)) for picture in batch]

    def embed_query(self, picture: NDArray[np.uint8]) -> Embedding:
        return self.embed(picture[None])[0]

    def code_logits(self, features: NDArray[np.float32]) -> None:
        return None

    def report(self) -> DeviceReport:
        return DeviceReport(Device.CPU, "CPU", (), 1)

    def close(self) -> None: ...


def photo(number: int) -> PhotoRecord:
    return PhotoRecord(PhotoId(number), FolderId(1), b"/p/%04d.jpg" % number, 10, 0, 0, 0, PhotoStatus.PENDING)


def decoded(number: int, *, content: int | None = None, wide: bool = False) -> DecodedPhoto:
    content = number if content is None else content
    rgb = np.full((32, 64 if wide else 32, 3), content % 251, dtype=np.uint8)
    return DecodedPhoto(
        rgb=rgb,
        width=rgb.shape[1],
        height=32,
        taken=None,
        camera=None,
        fingerprint=content.to_bytes(16, "big"),
        size=10,
    )


@dataclass
class Catalogue:
    """A catalogue of dictionaries, written by one thread."""

    decode: Callable[[PhotoRecord], DecodedPhoto] = lambda record: decoded(record.id)
    features: dict[bytes, PhotoFeatures] = field(default_factory=dict)
    photos: dict[PhotoId, bytes] = field(default_factory=dict)
    skipped: dict[PhotoId, str] = field(default_factory=dict)
    previews: set[bytes] = field(default_factory=set)
    commits: int = 0
    fails_at: int | None = None
    threads: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.writer = ThreadPoolExecutor(1)

    def stages(self) -> Stages:
        return Stages(
            decode=self.decode,
            keep_preview=lambda picture: self.previews.add(picture.fingerprint),
            codes=lambda embeddings: [PhotoFeatures(e.alpha.astype(np.float16), None, None) for e in embeddings],
            known=lambda fingerprints: {f for f in fingerprints if f in self.features},
            commit=self.commit_later,
        )

    def commit_later(self, indexed: Sequence[Indexed], failed: Sequence[Failed]) -> Future[Sequence[PhotoId]]:
        return self.writer.submit(self.commit, indexed, failed)

    def commit(self, indexed: Sequence[Indexed], failed: Sequence[Failed]) -> tuple[PhotoId, ...]:
        self.threads.add(threading.get_ident())
        self.commits += 1
        if self.commits == self.fails_at:
            raise StorageFull("the disk is full")
        for item in indexed:
            fingerprint = item.ready.fingerprint
            assert fingerprint in self.previews, "a preview is on disk before its row"
            assert item.ready.photo.id not in self.photos, "no photo is committed twice"
            if item.features is not None:
                assert fingerprint not in self.features, "no content is embedded twice"
                self.features[fingerprint] = item.features
            assert fingerprint in self.features
            self.photos[item.ready.photo.id] = fingerprint
        for failure in failed:
            self.skipped[failure.photo.id] = failure.reason
        return tuple(item.ready.photo.id for item in indexed)


def run(
    catalogue: Catalogue, work: Iterator[PhotoRecord], embedder: FakeEmbedder | None = None, threads: int = 3
) -> list[Step]:
    return list(Pipeline(catalogue.stages(), embedder or FakeEmbedder(), threads=threads).run(work))


def photos_of(steps: Sequence[Step]) -> list[int]:
    return sorted(itertools.chain.from_iterable(step.photos for step in steps))


def test_every_photo_is_committed_once_and_told_once() -> None:
    catalogue = Catalogue()
    steps = run(catalogue, map(photo, range(1, 104)))
    assert photos_of(steps) == list(range(1, 104)) == sorted(catalogue.photos)
    assert len(catalogue.threads) == 1


def test_nothing_to_do_ends_at_once() -> None:
    assert photos_of(run(Catalogue(), iter(()))) == []


def test_photos_of_one_shape_make_full_batches_and_the_rest_is_not_forgotten() -> None:
    catalogue, embedder = Catalogue(decode=lambda r: decoded(r.id, wide=r.id % 10 == 0)), FakeEmbedder()
    run(catalogue, map(photo, range(1, 42)), embedder)
    assert len(catalogue.photos) == 41
    assert {shape[1:3] for shape in embedder.batches} == {(32, 32), (32, 64)}
    assert max(shape[0] for shape in embedder.batches) == BATCH
    assert sum(shape[0] for shape in embedder.batches) == 41


def test_copies_share_the_features_of_their_content_whenever_they_arrive() -> None:
    catalogue, embedder = Catalogue(decode=lambda r: decoded(r.id, content=r.id % 7)), FakeEmbedder()
    steps = run(catalogue, map(photo, range(1, 61)), embedder)
    assert photos_of(steps) == list(range(1, 61))
    assert sum(shape[0] for shape in embedder.batches) == len(catalogue.features) == 7


def test_content_that_has_features_already_is_not_embedded_again() -> None:
    catalogue, embedder = Catalogue(), FakeEmbedder()
    run(catalogue, map(photo, range(1, 9)), embedder)
    before = len(embedder.batches)
    catalogue.decode = lambda record: decoded(record.id - 100)
    run(catalogue, map(photo, range(101, 109)), embedder)
    assert len(embedder.batches) == before
    assert catalogue.photos[PhotoId(101)] == catalogue.photos[PhotoId(1)]


def test_files_that_cannot_be_used_are_skipped_with_their_reason_and_nothing_else_stops() -> None:
    def decode(record: PhotoRecord) -> DecodedPhoto:
        if record.id % 3 == 0:
            raise UnreadableImage(record.name, "the file is empty")
        if record.id == 7:
            raise ZeroDivisionError
        return decoded(record.id)

    catalogue = Catalogue(decode=decode)
    steps = run(catalogue, map(photo, range(1, 31)))
    assert len(catalogue.photos) == 19
    skipped = [item for step in steps for item in step.skipped]
    assert len(skipped) == len(catalogue.skipped) == 11
    assert sum(item.reason == "the file is empty" for item in skipped) == 10
    assert "could not be decoded" in catalogue.skipped[PhotoId(7)]


def test_a_full_disk_stops_the_job_and_keeps_what_was_committed() -> None:
    catalogue = Catalogue(fails_at=3)
    with pytest.raises(StorageFull):
        run(catalogue, map(photo, range(1, 200)))
    assert 2 * BATCH <= len(catalogue.photos) < 199
    again = (photo(number) for number in range(1, 200) if PhotoId(number) not in catalogue.photos)
    run(catalogue, again)
    assert sorted(catalogue.photos) == list(range(1, 200))


def test_a_device_that_fails_for_good_stops_the_job() -> None:
    embedder = FakeEmbedder()
    embedder.fails_at = 2
    with pytest.raises(DeviceError, match="the device is gone"):
        run(Catalogue(), map(photo, range(1, 100)), embedder)


def test_closing_the_job_leaves_no_thread_and_commits_nothing_half() -> None:
    catalogue = Catalogue()
    before = threading.active_count()
    job = Pipeline(catalogue.stages(), FakeEmbedder(), threads=3).run(map(photo, range(1, 1000)))
    for step in job:
        if step.photos:
            break
    job.close()
    catalogue.writer.shutdown()
    assert threading.active_count() <= before
    assert 0 < len(catalogue.photos) < 999
    assert set(catalogue.features) == set(catalogue.photos.values())


def test_a_paused_job_takes_in_no_more_than_its_slots() -> None:
    taken: list[int] = []

    def work() -> Iterator[PhotoRecord]:
        for number in range(1, 10_000):
            taken.append(number)
            yield photo(number)

    catalogue = Catalogue()
    job = Pipeline(catalogue.stages(), FakeEmbedder(), threads=2).run(work())
    next(job)  # the one that iterates holds the job here, as a pause does
    assert len(taken) <= BATCH * BATCHES_IN_FLIGHT
    job.close()
