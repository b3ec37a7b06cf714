"""Photos to try the product with, for a person whose pictures folder is empty."""

from __future__ import annotations

from desktop_app.imaging.formats import is_picture_name
from desktop_app.imaging.samples import make_sample_library

__all__ = ["is_picture_name", "make_sample_library"]
