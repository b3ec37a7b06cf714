"""Shared by all tests. Its place makes `support` importable from every test."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: nothing that is tested is timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def tiny_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model pack, made once. Tests that change a pack make their own with `make_tiny_pack`."""
    from support.tiny_pack import make_tiny_pack

    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")
