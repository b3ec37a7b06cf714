from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from support.tiny_pack import change_manifest, make_tiny_pack

from desktop_app.domain.devices import Device, ProbeResult
from desktop_app.domain.errors import DeviceError
from desktop_app.inference import providers, runtime, trial
from desktop_app.inference.probe import probe_main
from desktop_app.inference.providers import candidates, choose_device, known_obstacle, probe_in_subprocess


def answers(**by_device):
    """A probe that gives these answers: a rate for a device that runs, a reason for one that does not."""
    asked = []

    def probe(pack, device, time_limit):
        asked.append(device)
        answer = by_device[device.value]
        if isinstance(answer, str):
            return ProbeResult(device=device, usable=False, reason=answer)
        return ProbeResult(device=device, usable=True, reason="", images_per_second=answer)

    probe.asked = asked
    return probe


@pytest.fixture
def built_for_everything(monkeypatch):
    """A build of ONNX Runtime with every provider, on a machine with an NVIDIA driver, under Windows."""
    monkeypatch.setattr(providers, "available_devices", lambda: frozenset(runtime.PROVIDERS))
    monkeypatch.setattr(providers, "_has_nvidia_driver", lambda: True)
    monkeypatch.setattr(providers.sys, "platform", "win32")


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", [Device.CUDA, Device.CPU]),
        ("win32", [Device.CUDA, Device.DIRECTML, Device.CPU]),
        ("darwin", [Device.COREML, Device.CPU]),
    ],
)
def test_automatic_candidates_are_what_the_system_may_have(monkeypatch, platform, expected):
    monkeypatch.setattr(providers.sys, "platform", platform)
    assert list(candidates(Device.AUTO)) == expected


def test_the_first_device_that_runs_is_taken(built_for_everything, tiny_pack):
    probe = answers(cuda=120.0, directml=80.0)
    choice = choose_device(Device.AUTO, tiny_pack, probe=probe)
    assert choice.device is Device.CUDA
    assert probe.asked == [Device.CUDA]
    assert choice.tried[0].images_per_second == 120.0


def test_a_device_that_fails_its_trial_gives_way_and_the_reason_is_kept(built_for_everything, tiny_pack):
    choice = choose_device(Device.AUTO, tiny_pack, probe=answers(cuda="the driver is too old", directml=80.0))
    assert choice.device is Device.DIRECTML
    assert [(result.device, result.reason) for result in choice.tried] == [
        (Device.CUDA, "the driver is too old"),
        (Device.DIRECTML, ""),
    ]


def test_the_cpu_remains_when_nothing_else_runs(built_for_everything, tiny_pack):
    choice = choose_device(Device.AUTO, tiny_pack, probe=answers(cuda="no", directml="no either"))
    assert choice.device is Device.CPU
    assert [result.usable for result in choice.tried] == [False, False, True]


def test_tensorrt_is_tried_only_when_asked_for(built_for_everything, tiny_pack):
    probe = answers(tensorrt=200.0)
    assert choose_device(Device.TENSORRT, tiny_pack, probe=probe).device is Device.TENSORRT
    assert Device.TENSORRT not in candidates(Device.AUTO)


def test_a_device_asked_for_by_name_is_not_replaced(built_for_everything, tiny_pack):
    with pytest.raises(DeviceError, match="the device cuda cannot be used: the driver is too old") as error:
        choose_device(Device.CUDA, tiny_pack, probe=answers(cuda="the driver is too old"))
    assert "auto or cpu" in error.value.remedy


def test_what_is_known_without_a_trial_costs_no_process(monkeypatch, tiny_pack):
    monkeypatch.setattr(providers.sys, "platform", "linux")
    monkeypatch.setattr(providers, "available_devices", lambda: frozenset({Device.CPU}))
    probe = answers()
    choice = choose_device(Device.AUTO, tiny_pack, probe=probe)
    assert probe.asked == []
    assert choice.device is Device.CPU
    assert choice.tried[0].reason == "this build of ONNX Runtime has no CUDA support"


def test_obstacles_are_in_plain_words(monkeypatch):
    monkeypatch.setattr(providers.sys, "platform", "linux")
    monkeypatch.setattr(providers, "available_devices", lambda: frozenset({Device.CUDA, Device.CPU}))
    monkeypatch.setattr(providers, "_has_nvidia_driver", lambda: False)
    assert known_obstacle(Device.CPU) is None
    assert known_obstacle(Device.CUDA) == "no NVIDIA driver found"
    assert known_obstacle(Device.TENSORRT) == "this build of ONNX Runtime has no TensorRT support"
    assert known_obstacle(Device.DIRECTML) == "DirectML exists on Windows only"
    assert known_obstacle(Device.COREML) == "CoreML exists on macOS only"
    monkeypatch.setattr(providers, "_has_nvidia_driver", lambda: True)
    assert known_obstacle(Device.CUDA) is None


def test_a_trial_run_in_a_process_of_its_own_measures_the_device(tiny_pack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the child must find the application from anywhere
    result = probe_in_subprocess(tiny_pack, Device.CPU, 60)
    assert result.usable, result.reason
    assert result.images_per_second is not None
    assert result.images_per_second > 0


def test_a_trial_run_that_hangs_is_ended(tiny_pack, monkeypatch):
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(providers, "_interpreter_command", lambda: sleeper)
    result = probe_in_subprocess(tiny_pack, Device.CUDA, 0.5)
    assert not result.usable
    assert result.reason == "the trial run took longer than 0.5 s"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os; os.abort()", "the trial run crashed (signal 6)"),
        ("import sys; sys.exit(3)", "the trial run crashed (exit code 3)"),
        ("print('Loading driver ...')", "the trial run crashed (exit code 0)"),
        ("print('[1]')", "the trial run crashed (exit code 0)"),
        ('print(\'noise\'); print(\'{"usable": false, "reason": "too old"}\')', "too old"),
    ],
)
def test_a_trial_run_that_goes_wrong_gives_a_reason(tiny_pack, monkeypatch, program, reason):
    monkeypatch.setattr(providers, "_interpreter_command", lambda: [sys.executable, "-c", program])
    result = probe_in_subprocess(tiny_pack, Device.CUDA, 30)
    assert (result.usable, result.reason) == (False, reason)


def test_a_program_that_cannot_be_started_gives_a_reason(tiny_pack, monkeypatch, tmp_path):
    monkeypatch.setattr(providers, "_interpreter_command", lambda: [str(tmp_path / "missing")])
    assert "could not be started" in probe_in_subprocess(tiny_pack, Device.CUDA, 30).reason


def test_a_frozen_application_starts_itself(tiny_pack, monkeypatch):
    commands = []

    def run(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, b'{"usable": true, "images_per_second": 5}\n', b"")

    monkeypatch.setattr(providers.subprocess, "run", run)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert probe_in_subprocess(tiny_pack, Device.CUDA, 30).usable
    assert commands == [[sys.executable, "--indicium-probe", str(tiny_pack), "cuda"]]


def test_the_probe_answers_in_json_whatever_happens(tmp_path, capsys):
    pack = make_tiny_pack(tmp_path / "tiny")
    change_manifest(pack, format=9)
    assert probe_main([str(pack), "cpu"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["usable"] is False
    assert "its format 9 is unknown" in answer["reason"]


@pytest.mark.parametrize("arguments", [[], ["x"], ["x", "auto"], ["x", "abacus"]])
def test_the_probe_explains_its_use(arguments, capsys):
    assert probe_main(arguments) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.skipif(Device.COREML in runtime.available_devices(), reason="needs a build without CoreML")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_only_the_session_itself_says_where_it_runs(tiny_pack, capsys):
    assert probe_main([str(tiny_pack), "coreml"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["usable"] is False
    assert answer["reason"]


def test_a_device_with_other_results_is_refused(tiny_pack, monkeypatch, capsys):
    make = trial.make_session

    class Skewed:
        def __init__(self, session):
            self._session = session

        def run(self, names, feeds):
            alpha, *others = self._session.run(names, feeds)
            alpha = alpha + np.float32(0.01)
            return [alpha / np.linalg.norm(alpha, axis=1, keepdims=True), *others]

    def make_skewed(model, device, threads):
        session = make(model, Device.CPU, threads)
        return session if device is Device.CPU else Skewed(session)

    monkeypatch.setattr(trial, "make_session", make_skewed)
    assert probe_main([str(tiny_pack), "cuda"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["usable"] is False
    assert "its results differ from those of the CPU (cosine 0.9" in answer["reason"]


def test_sessions_sleep_while_they_wait_and_use_the_threads_they_were_given(tiny_pack):
    options = runtime.make_session(tiny_pack / "embed.onnx", Device.CPU, 3).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
