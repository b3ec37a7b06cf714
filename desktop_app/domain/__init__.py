"""The words of the product as plain values: photos, queries, results, evidence, progress, errors and ports.

Nothing here knows Qt, ONNX, SQLite or a file format; only the standard library and NumPy are imported.
"""
