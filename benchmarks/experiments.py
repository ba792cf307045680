"""The experiments of benchmarks/run.py, the operations of their training steps, and the form of their measurements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
#: The timed steps of an epoch of the character LSTM.
LSTM_STEPS = 48
_WINDOW, _LSTM_BATCH = 100, 128


@dataclass(frozen=True)
class Experiment:
    """One experiment, as a plain script and as a config.

    Attributes:
        name: The name in the tables.
        plain: The plain script and its arguments.
        ours: The arguments of `nnrun train`.
        phases: The phases of the record that correspond to the plain script's `fit_s`.
        flops: Floating-point operations of the matrix products and convolutions of all training and validation, in
            float32; None if not counted.
        whole: Whether the two processes as a whole do the same.
        needs: A package that the config needs.
        text: Whether the config trains on the beginning of a text, of the length that `LSTM_STEPS` steps need.
    """

    name: str
    plain: tuple[str, ...]
    ours: tuple[str, ...]
    phases: tuple[str, ...] = ("train",)
    flops: float | None = None
    whole: bool = True
    needs: str | None = None
    text: bool = False


@dataclass(frozen=True)
class Cost:
    """The cost and the result of one process.

    Attributes:
        fit: Seconds of training; for the LSTM, of one step.
        process: Seconds of the whole process.
        memory: Peak memory in MB.
        quality: The error in percent, or the mean squared error; None if unknown.
    """

    fit: float
    process: float
    memory: float
    quality: float | None = None


@dataclass(frozen=True)
class Round:
    """One round: both sides, and the GFLOP/s of the machine's matrix products in the same minutes."""

    plain: Cost
    ours: Cost
    peak: dict[str, float]


def _config(name: str) -> str:
    return str(HOME / "configs" / f"{name}.yaml")


def dense(rows: int, inputs: int, units: int, *, first: bool = False) -> float:
    """Count the operations of a training step of a dense layer: forward pass, gradients of weights and of inputs."""
    return 2.0 * rows * inputs * units * (2 if first else 3)


def mlp_flops(epochs: int) -> float:
    """Count the operations of mnist_mlp: 300 steps of 200 rows per epoch, and 10,000 rows of validation."""
    step = dense(200, 784, 784, first=True) + dense(200, 784, 10)
    return epochs * (300 * step + 2.0 * 10_000 * (784 * 784 + 784 * 10))


def cnn_flops(epochs: int) -> float:
    """Count the operations of mnist_cnn: a convolution of 5 x 5 to 24 x 24 x 32, and two dense layers."""
    convolution = dense(200 * 24 * 24, 25, 32, first=True)
    step = convolution + dense(200, 4608, 128) + dense(200, 128, 10)
    forwards = 2.0 * 10_000 * (24 * 24 * 25 * 32 + 4608 * 128 + 128 * 10)
    return epochs * (300 * step + forwards)


def lstm_flops(vocabulary: int) -> float:
    """Count the operations of one step of LSTM(256) on a window of 100 numbers, batch 128."""
    gates = 4 * 256
    step = dense(_LSTM_BATCH, 256, gates) + dense(_LSTM_BATCH, 1, gates, first=True)
    return _WINDOW * step + dense(_LSTM_BATCH, 256, vocabulary)


def lstm_text_length() -> int:
    """Return the number of characters whose windows fill `LSTM_STEPS` steps."""
    return LSTM_STEPS * _LSTM_BATCH + _WINDOW


BOSTON = (_config("boston_standardized"),)
EXPERIMENTS = (
    Experiment("pima, 150 epochs", ("pima.py",), (_config("pima"),)),
    Experiment("boston, 10 folds x 100", ("boston_cv.py", "standardized", "10"), BOSTON, ("compile", "train", "score")),
    Experiment(
        "boston, the same on JAX",
        ("boston_cv.py", "standardized", "10"),
        (*BOSTON, "--set", "backend=jax"),
        ("compile", "train", "score"),
        needs="jax",
    ),
    Experiment("mnist_mlp, 10 epochs", ("mnist.py", "mlp", "10"), (_config("mnist_mlp"),), flops=mlp_flops(10)),
    Experiment("mnist_cnn, 10 epochs", ("mnist.py", "cnn", "10"), (_config("mnist_cnn"),), flops=cnn_flops(10)),
    Experiment(
        "mnist_cnn, mixed_bfloat16",
        ("mnist.py", "cnn", "10"),
        (_config("mnist_cnn"), "--set", "precision=mixed_bfloat16"),
        flops=cnn_flops(10),
    ),
    Experiment(
        "LSTM(256), a step",
        ("char_lstm.py", str(LSTM_STEPS)),
        (_config("metamorphosis_lstm"), "--set", "training.epochs=3", "--set", "training.callbacks=[]"),
        flops=lstm_flops(45),
        whole=False,
        text=True,
    ),
)
