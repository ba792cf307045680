"""The matrix products that this machine reaches with TensorFlow's own kernels, in GFLOP/s, as a line of JSON.

    python benchmarks/peak.py

`square` multiplies two matrices of 2048 x 2048; the others have the shapes that the networks of benchmarks/run.py have.
Each figure is the best of several tries, since other work can only take speed away.
"""

from __future__ import annotations

import json
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SHAPES = {"square": (2048, 2048, 2048), "mnist_mlp": (200, 784, 784), "LSTM": (128, 256, 1024)}
TRIES, SECONDS = 12, 0.15


def reached(rows: int, inner: int, columns: int) -> float:
    """Give the best GFLOP/s of products of (rows, inner) by (inner, columns)."""
    import tensorflow as tf

    left, right = tf.random.normal((rows, inner)), tf.random.normal((inner, columns))
    product = tf.function(tf.linalg.matmul)
    product(left, right)
    flops, best = 2.0 * rows * inner * columns, 0.0
    repeats = max(1, int(SECONDS * 1e11 / flops))
    for _ in range(TRIES):
        began = time.perf_counter()
        for _ in range(repeats):
            product(left, right)
        best = max(best, flops * repeats / (time.perf_counter() - began))
    return best / 1e9


if __name__ == "__main__":
    print(json.dumps({name: round(reached(*shape), 1) for name, shape in SHAPES.items()}))
