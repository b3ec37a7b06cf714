"""How long the indicative graph takes for the pairs of one answer.

    python -m models.indicative.speed [GRAPH] [--pairs 50] [--batch 10] [--threads 2] [--layout 4d --input
    features]

Without GRAPH a network with random weights is exported for the purpose: speed does not depend on the weights.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

from models.indicative.graph import export_indicative
from models.networks.indicative.network import INPUTS, LAYOUTS, IndicativeConfig, IndicativeNetwork
from models.networks.indicative.tensor import GRID, SIDE


def seconds(path: Path, *, pairs: int, batch: int, threads: int, repeats: int = 3) -> float:
    """The best of `repeats` runs over `pairs` pairs, relevance and evidence."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    if session.get_inputs()[0].type == "tensor(uint8)":
        photos = random.integers(0, 256, (batch, SIDE, SIDE, 3), dtype=np.uint8)
    else:
        dimension = session.get_inputs()[0].shape[3]
        photos = random.normal(size=(batch, GRID, GRID, dimension)).astype(np.float32)
    feed = {"result": photos, "query": photos[::-1], "weights": np.ones((batch, GRID, GRID), np.float32)}
    session.run(None, feed)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(-(-pairs // batch)):
            session.run(None, feed)
        times.append(time.perf_counter() - start)
    return min(times)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph", type=Path, nargs="?")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layout", choices=LAYOUTS, default="4d")
    parser.add_argument("--input", choices=INPUTS, default="features")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        path = args.graph
        if path is None:
            path = Path(folder) / "indicative.onnx"
            export_indicative(IndicativeNetwork(IndicativeConfig(layout=args.layout, input=args.input)), path)
        took = seconds(path, pairs=args.pairs, batch=args.batch, threads=args.threads)
        row = {"pairs": args.pairs, "batch": args.batch, "threads": args.threads, "seconds": round(took, 3)}
        print(json.dumps(row | {"megabytes": round(path.stat().st_size / 1e6, 2)}))


if __name__ == "__main__":
    main()
