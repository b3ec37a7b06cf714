"""Retrieval: the science as pure functions over arrays: pooling, clustering, local codes and their many-to-many
match, co-attention, evidence, query making, fusion and calibration. Nothing here reads a file, a database or a
network; every function can be tried in a plain interpreter."""
