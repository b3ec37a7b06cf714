"""A small library to try the product on, made on the spot from photographs that are installed already."""

from desktop_app.imaging.formats import is_picture_name
from desktop_app.imaging.samples import make_sample_library

__all__ = ["is_picture_name", "make_sample_library"]
