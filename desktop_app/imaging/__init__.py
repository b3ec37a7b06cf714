"""Pixels: decoding, colour, orientation, previews, network input, patches and evidence overlays."""
