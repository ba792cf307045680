"""Wakes Keras: the one place where TensorFlow or JAX is imported, after everything that must be set before is set."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nnrun.cores import usable_cores
from nnrun.errors import MissingExtraError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


#: Keras imports these only because they are installed; without them `import keras` takes 2.9 s instead of 4 to 6 s.
_UNNEEDED = ("sklearn", "pandas", "matplotlib")
#: TensorFlow does so with these: its old Keras with SciPy, its converter for phones with JAX; together half a second.
_UNNEEDED_BY_TENSORFLOW = ("scipy", "jax", "jaxlib")


@dataclass(frozen=True)
class BackendSettings:
    """What must be the same for figures to be the same, bit for bit; kept in `record.json`.

    Attributes:
        seed: Where all of Keras' randomness starts.
        backend: Keras' backend.
        threads: How many threads compute inside one operation, and how many operations run at once.
        halved: Whether operations come in pairs that share the threads, half of them each.
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
    halved: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain data for `record.json`."""
        return asdict(self)


def start_keras(wake: BackendSettings) -> ModuleType:
    """Import Keras on its backend with seeds, threads and number formats set, and return it.

    A process wakes one backend once; a second call with the same backend only sets seeds, formats and names again.

    Raises:
        MissingExtraError: Where JAX is asked for and not installed.
        RunError: Where this process has woken Keras on another backend.
    """
    _require(wake.backend)
    _set_environment(wake)
    # With JAX, Keras would import TensorFlow only to seed it, which takes longer than all the rest.
    more = ("tensorflow",) if wake.backend == "jax" else _UNNEEDED_BY_TENSORFLOW
    with _uncollected(), _hidden((*_UNNEEDED, *more)), _private_keras_home():
        (_wake_jax if wake.backend == "jax" else _wake_tensorflow)(wake)
        keras = importlib.import_module("keras")
        # A second experiment of one process gets neither the first one's number formats nor names like `precision_1`.
        keras.backend.clear_session(free_memory=False)
        keras.config.set_floatx(wake.floatx)
        keras.config.set_epsilon(wake.epsilon)
        keras.config.set_image_data_format(wake.image_data_format)
        keras.utils.set_random_seed(wake.seed)
    importlib.import_module("nnrun.engine.model.layers")
    return keras


def tensorflow() -> Any:
    """Give the TensorFlow that `start_keras` has imported."""
    return sys.modules["tensorflow"]


def library(backend: str, model: Any = None) -> Any:
    """Give what a woken backend makes and takes tensors with: TensorFlow, or JAX under TensorFlow's names.

    Args:
        backend: The backend.
        model: The model that functions ask which are compiled by these names.
    """
    if backend != "jax":
        return tensorflow()
    from nnrun.engine.backend.jax_names import JaxNames

    return JaxNames(sys.modules["jax"], sys.modules["keras"].StatelessScope, model)


def on_gpu() -> bool:
    """Tell whether TensorFlow computes on a GPU."""
    return bool(tensorflow().config.list_logical_devices("GPU"))


def _require(backend: str) -> None:
    """Refuse a backend that is not installed, or that comes too late."""
    keras = sys.modules.get("keras")
    if keras is not None and keras.config.backend() != backend:
        text = f"this process has woken Keras on {keras.config.backend()}, and this experiment wants backend: {backend}"
        raise RunError(text, "run it by a command of its own: a process wakes one backend")
    if backend == "jax" and "jax" not in sys.modules and find_spec("jax") is None:
        raise MissingExtraError("jax", "backend: jax")


def _set_environment(wake: BackendSettings) -> None:
    os.environ["KERAS_BACKEND"] = wake.backend
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = str(int(wake.onednn))
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"


def _wake_tensorflow(wake: BackendSettings) -> None:
    tensorflow = importlib.import_module("tensorflow")
    wanted = wake.threads or usable_cores()
    # TensorFlow refuses a change once its threads run; a second run in one process keeps the first one's threads.
    with contextlib.suppress(RuntimeError):
        inside = max(1, wanted // 2) if wake.halved else wanted
        tensorflow.config.threading.set_intra_op_parallelism_threads(inside)
        tensorflow.config.threading.set_inter_op_parallelism_threads(wanted)


def _wake_jax(wake: BackendSettings) -> None:
    before = os.environ.get("NPROC")
    # What XLA's client takes the size of its pool of threads from, once, when it begins.
    os.environ["NPROC"] = str(wake.threads or usable_cores())
    try:
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", wake.floatx == "float64")
        jax.devices()
    finally:
        os.environ.pop("NPROC")
        if before is not None:
            os.environ["NPROC"] = before


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
def _uncollected() -> Iterator[None]:
    """Look for no garbage while the block runs, and never among what the first waking leaves.

    What is imported stays. Python would look through it again and again, for a quarter of the time that waking takes.
    """
    first, collecting = "keras" not in sys.modules, gc.isenabled()
    if first:
        # Of the caller's garbage nothing may be left to stay for ever.
        gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if first:
            gc.freeze()
        if collecting:
            gc.enable()


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
