"""The library room: the catalogue of photos and features, the preview cache, scanning and watching of folders.

It alone uses SQLite and watchdog, and it knows nothing of decoding: which file names are pictures is passed in.
"""
