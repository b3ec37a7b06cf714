"""Indicium: a desktop image browser that finds photos by example and shows why they match."""

__version__ = "0.2.0"
