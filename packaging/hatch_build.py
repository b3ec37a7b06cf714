"""Puts resources and model packs inside the one import package of a wheel, as `desktop_app/_data/`.

An editable install leaves them where they are in the checkout, so that no second copy can go stale.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DataHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the data folders to standard wheels."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"] |= {
                "resources": "desktop_app/_data/resources",
                "models/packs": "desktop_app/_data/packs",
            }
