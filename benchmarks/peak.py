"""Measure the speed of matrix products by TensorFlow's own kernels, in GFLOP/s, and print it as a line of JSON.

    python benchmarks/peak.py

`square` multiplies two matrices of 2048 x 2048; the others have the shapes of the networks of benchmarks/run.py. Each
value is the best of several tries, since other processes can only reduce the speed.
"""

from __future__ import annotations

import json
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SHAPES = {"square": (2048, 2048, 2048), "mnist_mlp": (200, 784, 784), "LSTM": (128, 256, 1024)}
TRIES, SECONDS = 12, 0.15


def gflops(rows: int, inner: int, columns: int) -> float:
    """Return the best GFLOP/s of products of (rows, inner) by (inner, columns), one after the other.

    The loop runs inside TensorFlow: a call from Python takes as long as half of a small product.
    """
    import tensorflow as tf

    left, right = tf.random.normal((rows, inner)), tf.random.normal((inner, columns))

    @tf.function(autograph=False)
    def products(count: tf.Tensor) -> tf.Tensor:
        def body(done: tf.Tensor, last: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # The dependency on the previous product keeps TensorFlow from computing the product only once.
            return done + 1, tf.linalg.matmul(left, right + 0.0 * last[0, 0])

        begun = (tf.constant(0), tf.zeros((rows, columns)))
        return tf.while_loop(lambda done, _: done < count, body, begun, parallel_iterations=1)[1]

    flops, best = 2.0 * rows * inner * columns, 0.0
    repeats = max(1, int(SECONDS * 1e11 / flops))
    products(tf.constant(1))
    for _ in range(TRIES):
        began = time.perf_counter()
        products(tf.constant(repeats)).numpy()
        best = max(best, flops * repeats / (time.perf_counter() - began))
    return best / 1e9


if __name__ == "__main__":
    print(json.dumps({name: round(gflops(*shape), 1) for name, shape in SHAPES.items()}))
