"""Wakes Keras: the one place where TensorFlow is imported, after everything that must be set before has been set."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

#: Keras imports these only because they are installed; without them `import keras` takes 2.9 s instead of 4 to 6 s.
_UNNEEDED = ("sklearn", "pandas", "matplotlib")


@dataclass(frozen=True)
class Wake:
    """What must be the same for figures to be the same, bit for bit; kept in `record.json`.

    Attributes:
        seed: Where all of Keras' randomness starts.
        backend: Keras' backend.
        threads: How many threads compute inside one operation, and how many operations run at once.
        onednn: Whether TensorFlow uses oneDNN's kernels, which round differently.
        floatx: Keras' default type of numbers.
        epsilon: Keras' fuzz factor.
        image_data_format: Where pictures carry their channels.
    """

    seed: int
    backend: str = "tensorflow"
    threads: int = 0
    onednn: bool = True
    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"

    def as_json(self) -> dict[str, Any]:
        """Plain data for `record.json`."""
        return asdict(self)


def usable_cores() -> int:
    """Count the cores this process may use (a container or `taskset` may allow fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_keras(wake: Wake) -> ModuleType:
    """Import Keras on its backend with seeds, threads and number formats set, and return it.

    A process wakes one backend once; a second call with the same backend only sets seeds, formats and names again.
    """
    _set_environment(wake)
    with _hidden(_UNNEEDED), _private_keras_home():
        tensorflow = importlib.import_module("tensorflow")
        keras = importlib.import_module("keras")
    _set_threads(tensorflow, wake.threads)
    # A second experiment of one process gets neither the first one's number formats nor names such as `precision_1`.
    keras.backend.clear_session(free_memory=False)
    keras.config.set_floatx(wake.floatx)
    keras.config.set_epsilon(wake.epsilon)
    keras.config.set_image_data_format(wake.image_data_format)
    keras.utils.set_random_seed(wake.seed)
    for own in ("activations", "layers"):
        importlib.import_module(f"nnrun.engine.{own}")
    return keras


def tensorflow() -> Any:
    """Give the TensorFlow that `load_keras` has imported."""
    return sys.modules["tensorflow"]


def on_gpu() -> bool:
    """Tell whether TensorFlow computes on a GPU."""
    return bool(tensorflow().config.list_logical_devices("GPU"))


def _set_environment(wake: Wake) -> None:
    os.environ["KERAS_BACKEND"] = wake.backend
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = str(int(wake.onednn))
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"


def _set_threads(tensorflow: Any, threads: int) -> None:
    wanted = threads or usable_cores()
    # TensorFlow refuses a change once its threads run; a second run in one process keeps the first one's threads.
    with contextlib.suppress(RuntimeError):
        tensorflow.config.threading.set_intra_op_parallelism_threads(wanted)
        tensorflow.config.threading.set_inter_op_parallelism_threads(wanted)


@contextlib.contextmanager
def _hidden(packages: tuple[str, ...]) -> Iterator[None]:
    """Make `import` fail for packages that are not yet imported, for as long as the block runs."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None there makes Python raise ImportError
    try:
        yield
    finally:
        for package in hidden:
            if sys.modules.get(package) is None:
                sys.modules.pop(package, None)


@contextlib.contextmanager
def _private_keras_home() -> Iterator[None]:
    """Keep Keras from reading the user's `keras.json`, and from writing one, while it is imported."""
    before = os.environ.get("KERAS_HOME")
    with tempfile.TemporaryDirectory(prefix="nnrun-keras-") as home:
        os.environ["KERAS_HOME"] = home
        try:
            yield
        finally:
            os.environ.pop("KERAS_HOME")
            if before is not None:
                os.environ["KERAS_HOME"] = before
