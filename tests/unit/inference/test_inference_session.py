from __future__ import annotations

import json
import threading

import numpy as np
import onnx
import pytest
import skimage.data
from onnx import TensorProto, helper, numpy_helper
from support.tiny_pack import change_manifest, file_entry, make_tiny_pack, replace_file

from desktop_app.domain.devices import Device, ProbeResult
from desktop_app.domain.errors import DeviceError, PackError
from desktop_app.inference.packs import verify_pack
from desktop_app.inference.providers import DeviceChoice
from desktop_app.inference.runtime import make_session
from desktop_app.inference.session import BATCH_ON_CPU, BATCH_ON_GPU, OnnxEmbedder

SHAPE = (192, 256)


def photos(count: int = 3) -> np.ndarray:
    """[count, 192, 256, 3] uint8: parts of a photograph."""
    whole = skimage.data.astronaut()
    return np.stack([whole[20 * i : 20 * i + SHAPE[0], 15 * i : 15 * i + SHAPE[1]] for i in range(count)])


def on_cuda(requested: Device, directory) -> DeviceChoice:
    """A machine whose graphics card passed its trial."""
    return DeviceChoice(Device.CUDA, (ProbeResult(Device.CUDA, usable=True, reason="", images_per_second=90.0),))


class Machine:
    """Stands in for devices: everything runs on the CPU, and `fail` decides which runs raise or are disturbed."""

    def __init__(self, fail=lambda device, run: None):
        self.fail = fail
        self.loaded: list[tuple[str, Device, int]] = []
        self.batches: list[int] = []
        self.runs = 0

    def __call__(self, model, device, threads):
        self.loaded.append((model.name, device, threads))
        session = make_session(model, Device.CPU, 1)
        return session if model.name == "code.onnx" else _Disturbed(self, session, device)


class _Disturbed:
    def __init__(self, machine, session, device):
        self._machine, self._session, self._device = machine, session, device

    def run(self, names, feeds):
        self._machine.runs += 1
        self._machine.batches.append(len(next(iter(feeds.values()))))
        disturbed = self._machine.fail(self._device, self._machine.runs)
        if isinstance(disturbed, Exception):
            raise disturbed
        values = self._session.run(names, feeds)
        return disturbed(values) if callable(disturbed) else values


def equal(first, second) -> None:
    for role in ("alpha", "alpha_code", "attention", "local_map", "local_features"):
        np.testing.assert_allclose(getattr(first, role), getattr(second, role), atol=1e-5)


@pytest.fixture(scope="module")
def embedder(tiny_pack) -> OnnxEmbedder:
    return OnnxEmbedder(tiny_pack, device=Device.CPU, threads=2)


class TestFeatures:
    def test_all_outputs_have_the_documented_form(self, embedder):
        (embedding,) = embedder.embed(photos(1))
        assert embedding.alpha.shape == (512,)
        assert np.linalg.norm(embedding.alpha) == pytest.approx(1, abs=1e-6)
        assert embedding.alpha_code.shape == (64,)
        assert embedding.alpha_code.dtype == np.uint8
        assert embedding.attention.shape == (12, 16)
        assert embedding.attention.sum() == pytest.approx(1, abs=1e-5)
        assert embedding.local_map.shape == (256, 12, 16)
        assert embedding.local_map.min() >= 0
        assert embedding.local_features.shape == (12, 16, 128)
        np.testing.assert_allclose(np.linalg.norm(embedding.local_features, axis=-1), 1, atol=1e-5)

    def test_a_second_model_gives_a_second_descriptor_and_its_code(self, tmp_path):
        pack = OnnxEmbedder(make_tiny_pack(tmp_path / "two", second=True), device=Device.CPU)
        first, second = pack.embed(photos(2))
        for embedding in (first, second):
            assert embedding.beta.shape == (256,)
            assert embedding.beta.dtype == np.float32
            assert np.linalg.norm(embedding.beta) == pytest.approx(1, abs=1e-6)
            assert embedding.beta_code.shape == (32,)
            assert embedding.beta_code.dtype == np.uint8
        assert np.unpackbits(first.beta_code ^ second.beta_code).any()
        assert pack.digest != OnnxEmbedder(make_tiny_pack(tmp_path / "one"), device=Device.CPU).digest

    def test_a_pack_of_one_model_has_no_second_descriptor(self, embedder):
        (embedding,) = embedder.embed(photos(1))
        assert embedding.beta is None
        assert embedding.beta_code is None
        assert embedding.regions is None

    def test_a_batch_gives_what_single_pictures_give(self, embedder):
        batch = photos(BATCH_ON_CPU + 3)
        together = embedder.embed(batch)
        assert len(together) == len(batch)
        for picture, embedding in zip(batch, together, strict=True):
            equal(embedder.embed_query(picture), embedding)

    def test_every_shape_of_the_pack_runs(self, embedder):
        for height, width in embedder.shapes:
            (embedding,) = embedder.embed(np.full((1, height, width, 3), 99, np.uint8))
            assert embedding.attention.shape == (height // 16, width // 16)

    def test_similar_pictures_have_similar_descriptors(self, embedder):
        astronaut = photos(1)[0]
        darker = (astronaut * 0.8).astype(np.uint8)
        coffee = np.ascontiguousarray(skimage.data.coffee()[:192, :256])
        mine, same, other = (embedder.embed_query(picture).alpha for picture in (astronaut, darker, coffee))
        assert mine @ same > 0.9 > mine @ other

    def test_nothing_gives_nothing(self, embedder):
        assert embedder.embed(np.empty((0, *SHAPE, 3), np.uint8)) == []

    @pytest.mark.parametrize(
        "batch",
        [
            np.zeros((1, 100, 100, 3), np.uint8),
            np.zeros((1, *SHAPE, 4), np.uint8),
            np.zeros((1, *SHAPE, 3), np.float32),
            np.zeros((*SHAPE, 3), np.uint8),
        ],
    )
    def test_what_does_not_fit_is_refused(self, embedder, batch):
        with pytest.raises(ValueError, match=r"input shape|uint8"):
            embedder.embed(batch)

    def test_code_logits_are_those_of_the_code_layer(self, embedder, tiny_pack):
        matrix = numpy_helper.to_array(onnx.load(tiny_pack / "code.onnx").graph.initializer[0])
        features = np.random.default_rng(0).normal(size=(9, 128)).astype(np.float32)
        np.testing.assert_allclose(embedder.code_logits(features), features @ matrix, atol=1e-5)
        assert embedder.code_logits(features[:0]).shape == (0, 128)

    def test_it_says_what_it_is(self, embedder):
        assert embedder.pack_name == "tiny"
        assert len(embedder.digest) == 32
        assert embedder.report().words == "CPU, 2 threads"
        assert embedder.batch_size == BATCH_ON_CPU


def foreign_pack(directory, *, dtype: str = "float32"):
    """A pack as an imported backbone gives it: NCHW floating input, float16 descriptor and nothing else."""
    make_tiny_pack(directory, name="foreign")
    weights = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["wide"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["raw"]),
        helper.make_node("LpNormalization", ["raw"], ["unit"], axis=1),
        helper.make_node("Cast", ["unit"], ["descriptor"], to=TensorProto.FLOAT16),
    ]
    kind = TensorProto.FLOAT if dtype == "float32" else TensorProto.FLOAT16
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("pixels", kind, ["B", 3, "H", "W"])],
        [helper.make_tensor_value_info("descriptor", TensorProto.FLOAT16, ["B", 8])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    replace_file(directory, "embed.onnx", model.SerializeToString())
    path = directory / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["input"] = {
        "name": "pixels",
        "layout": "NCHW",
        "dtype": dtype,
        "shapes": [[224, 224]],
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }
    manifest["outputs"] = {"alpha": {"name": "descriptor", "dtype": "float16", "shape": ["B", 8]}}
    del manifest["local"], manifest["files"]["code.onnx"]
    path.write_text(json.dumps(manifest))
    return weights


class TestForeignPacks:
    @pytest.mark.parametrize("dtype", ["float32", "float16"])
    def test_mean_and_std_are_applied_and_missing_outputs_are_none(self, tmp_path, dtype):
        weights = foreign_pack(tmp_path / "foreign", dtype=dtype)
        assert verify_pack(tmp_path / "foreign", deep=True) == []
        embedder = OnnxEmbedder(tmp_path / "foreign", device=Device.CPU)
        picture = np.random.default_rng(1).integers(0, 256, (224, 224, 3), dtype=np.uint8)
        picture[..., 0] //= 2
        embedding = embedder.embed_query(picture)
        scaled = (picture / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        expected = scaled.mean(axis=(0, 1)) @ weights
        np.testing.assert_allclose(embedding.alpha, expected / np.linalg.norm(expected), atol=5e-3)
        assert embedding.alpha.dtype == np.float32
        assert np.linalg.norm(embedding.alpha) == pytest.approx(1, abs=1e-6)
        for role in ("alpha_code", "attention", "local_map", "local_features"):
            assert getattr(embedding, role) is None
        assert embedder.code_logits(np.zeros((2, 128), np.float32)) is None


class TestTrouble:
    def test_a_device_that_fails_in_mid_run_is_replaced_and_the_batch_repeated(self, tiny_pack, embedder):
        crash = RuntimeError("CUDA error 700: an illegal memory access was encountered\nmore lines")
        machine = Machine(lambda device, run: crash if device is Device.CUDA and run == 3 else None)
        moved = OnnxEmbedder(tiny_pack, threads=2, session_factory=machine, choose=on_cuda)
        assert moved.report().at_work is Device.CUDA
        assert moved.report().words == "graphics card (CUDA)"
        assert moved.batch_size == BATCH_ON_GPU
        batches = [photos(4), photos(7), photos(BATCH_ON_CPU + 4), photos(2)]
        for batch in batches:
            for mine, expected in zip(moved.embed(batch), embedder.embed(batch), strict=True):
                equal(mine, expected)
        # The third run failed; the same pictures ran again on the CPU, and later ones in the CPU's batches.
        assert machine.batches == [4, 7, 12, 12, 2]
        assert machine.loaded == [
            ("embed.onnx", Device.CUDA, 2),
            ("code.onnx", Device.CPU, 1),
            ("embed.onnx", Device.CPU, 2),
        ]
        report = moved.report()
        assert report.at_work is Device.CPU
        reason = "it stopped working: CUDA error 700: an illegal memory access was encountered"
        assert report.words == f"CPU, 2 threads (graphics card not used: {reason})"
        assert [(result.device, result.usable) for result in report.tried] == [
            (Device.CUDA, False),
            (Device.CPU, True),
        ]

    def test_a_job_longer_than_a_batch_loses_no_picture_when_the_device_fails(self, tiny_pack, embedder):
        machine = Machine(lambda device, run: OSError("gone") if device is Device.CUDA else None)
        moved = OnnxEmbedder(tiny_pack, session_factory=machine, choose=on_cuda)
        batch = np.concatenate([photos(15)] * 3)
        found, expected = moved.embed(batch), embedder.embed(photos(15))
        assert len(found) == 45
        for index, embedding in enumerate(found):
            equal(embedding, expected[index % 15])
        assert machine.batches == [32, 32, 8, 5]

    def test_a_device_that_fails_on_a_query_is_replaced_too(self, tiny_pack, embedder):
        machine = Machine(lambda device, run: OSError("gone") if device is Device.CUDA else None)
        moved = OnnxEmbedder(tiny_pack, session_factory=machine, choose=on_cuda)
        equal(moved.embed_query(photos(1)[0]), embedder.embed_query(photos(1)[0]))
        assert moved.report().at_work is Device.CPU

    def test_a_device_that_gives_nonsense_is_replaced(self, tiny_pack, embedder):
        def nonsense(values):
            return [values[0] * np.nan, *values[1:]]

        machine = Machine(lambda device, run: nonsense if device is Device.CUDA else None)
        moved = OnnxEmbedder(tiny_pack, session_factory=machine, choose=on_cuda)
        equal(moved.embed_query(photos(1)[0]), embedder.embed_query(photos(1)[0]))
        assert "not numbers" in moved.report().words

    @pytest.mark.parametrize("role", [0, 2, 3, 4])
    def test_values_that_are_not_numbers_on_the_cpu_are_the_packs_fault(self, tiny_pack, role):
        def nonsense(values):
            values[role] = values[role].copy()
            values[role].flat[5] = np.inf
            return values

        bad = OnnxEmbedder(tiny_pack, device=Device.CPU, session_factory=Machine(lambda device, run: nonsense))
        with pytest.raises(PackError, match="the pack tiny gave values that are not numbers"):
            bad.embed(photos(2))

    def test_a_passing_failure_of_the_cpu_is_repeated_once(self, tiny_pack, embedder):
        machine = Machine(lambda device, run: MemoryError("short of memory") if run == 1 else None)
        shaken = OnnxEmbedder(tiny_pack, device=Device.CPU, threads=2, session_factory=machine)
        equal(shaken.embed(photos(1))[0], embedder.embed(photos(1))[0])
        assert shaken.report().words == "CPU, 2 threads"

    def test_a_lasting_failure_of_the_cpu_is_an_error_with_a_remedy(self, tiny_pack):
        machine = Machine(lambda device, run: MemoryError("short of memory"))
        broken = OnnxEmbedder(tiny_pack, device=Device.CPU, session_factory=machine)
        with pytest.raises(PackError, match="failed on the CPU: short of memory") as error:
            broken.embed(photos(1))
        assert "memory" in error.value.remedy
        assert machine.runs == 2

    def test_a_device_that_fails_after_its_trial_is_dropped_at_start(self, tiny_pack):
        machine = Machine()

        def load(model, device, threads):
            if device is Device.CUDA:
                raise RuntimeError("out of memory on the card")
            return machine(model, device, threads)

        moved = OnnxEmbedder(tiny_pack, session_factory=load, choose=on_cuda)
        assert moved.report().at_work is Device.CPU
        assert "out of memory on the card" in moved.report().words
        with pytest.raises(DeviceError, match="cuda cannot be used: out of memory on the card"):
            OnnxEmbedder(tiny_pack, device=Device.CUDA, session_factory=load, choose=on_cuda)

    def test_a_damaged_pack_is_refused_before_it_is_loaded(self, tmp_path):
        pack = make_tiny_pack(tmp_path / "tiny")
        change_manifest(pack, files={"embed.onnx": file_entry(b"other content")})
        machine = Machine()
        with pytest.raises(PackError, match=r"embed\.onnx has"):
            OnnxEmbedder(pack, session_factory=machine)
        assert machine.loaded == []

    def test_a_graph_that_onnx_runtime_refuses_is_named(self, tmp_path):
        pack = make_tiny_pack(tmp_path / "tiny")
        model = onnx.load(pack / "embed.onnx")
        model.graph.node[0].op_type = "NoSuchOperator"
        replace_file(pack, "embed.onnx", model.SerializeToString())
        with pytest.raises(PackError, match=r"the pack tiny cannot be used: embed\.onnx: .*NoSuchOperator"):
            OnnxEmbedder(pack, device=Device.CPU)


class TestTurns:
    def test_a_query_goes_before_the_next_batch(self, tiny_pack):
        """While the first batch of a long job runs, a query arrives: it is served before the second batch."""
        pause, found = threading.Event(), []

        def during(device, run):
            if run == 1:
                query.start()
                for _ in range(10_000):  # until it waits for its turn
                    if embedder._turns._urgent:
                        break
                    pause.wait(0.001)

        machine = Machine(during)
        embedder = OnnxEmbedder(tiny_pack, device=Device.CPU, session_factory=machine)
        query = threading.Thread(target=lambda: found.append(embedder.embed_query(photos(1)[0])))
        assert len(embedder.embed(photos(3 * BATCH_ON_CPU - 12))) == 12
        query.join(30)
        assert machine.batches == [BATCH_ON_CPU, 1, 4]
        assert len(found) == 1

    def test_many_threads_get_their_own_answers(self, tiny_pack, embedder):
        batch = photos(6)
        expected = embedder.embed(batch)
        shared = OnnxEmbedder(tiny_pack, device=Device.CPU)
        found: dict[tuple[int, int], object] = {}

        def work(number: int) -> None:
            for start in range(3):
                for offset, embedding in enumerate(shared.embed(batch[start : start + 2])):
                    found[number, start * 2 + offset] = (start + offset, embedding)
                found[number, 100 + start] = (start, shared.embed_query(batch[start]))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(found) == 4 * 9
        for index, embedding in found.values():
            equal(embedding, expected[index])

    def test_after_closing_it_says_that_it_was_closed(self, tiny_pack):
        embedder = OnnxEmbedder(tiny_pack, device=Device.CPU)
        embedder.close()
        embedder.close()
        with pytest.raises(DeviceError, match="was closed"):
            embedder.embed(photos(1))


def test_the_machine_without_graphics_card_says_why(tiny_pack, monkeypatch):
    monkeypatch.setattr("desktop_app.inference.providers.sys.platform", "linux")
    monkeypatch.setattr("desktop_app.inference.providers.available_devices", lambda: frozenset({Device.CPU}))
    report = OnnxEmbedder(tiny_pack, threads=2).report()
    words = "CPU, 2 threads (graphics card not used: this build of ONNX Runtime has no CUDA support)"
    assert report.words == words
    assert report.threads == 2
    assert OnnxEmbedder(tiny_pack, device=Device.CPU, threads=1).report().words == "CPU, 1 thread"
