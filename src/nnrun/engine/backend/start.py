"""Start of Keras: the one place where TensorFlow or JAX is imported, after everything that must be set before."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nnrun.cores import usable_cores
from nnrun.engine.backend import devices, tensorflow_devices
from nnrun.engine.backend.compile_cache import open_compile_cache
from nnrun.errors import MissingExtraError, RunError
from nnrun.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


#: Keras imports these only because they are installed; without them `import keras` takes 2.9 s instead of 4 to 6 s.
_UNNEEDED = ("sklearn", "pandas", "matplotlib")
#: TensorFlow imports these likewise: SciPy for its old Keras, JAX for its converter for phones; together half a second.
_UNNEEDED_BY_TENSORFLOW = ("scipy", "jax", "jaxlib")


@dataclass(frozen=True)
class BackendSettings:
    """The settings that must be the same for results to be the same, bit for bit; kept in `record.json`.

    Attributes:
        seed: The seed of all of Keras' randomness.
        backend: Keras' backend.
        threads: The number of threads inside one operation, and of operations at once; 0: as many as cores.
        onednn: Whether TensorFlow uses oneDNN's kernels, which round differently.
        floatx: Keras' default float type.
        epsilon: Keras' fuzz factor.
        image_data_format: The axis of the channels of pictures.
        data_parallel: The number of devices that each batch is divided over.
        halved: Whether operations come in pairs that share the threads, half of them each.
    """

    seed: int
    backend: str = "tensorflow"
    threads: int = 0
    onednn: bool = True
    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    halved: bool = False
    data_parallel: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return plain data for `record.json`."""
        return asdict(self)


def start_keras(settings: BackendSettings) -> ModuleType:
    """Import Keras on its backend with seeds, threads and number formats set, and return it.

    A process starts one backend once; a second call with the same backend only sets seeds, formats and names again.

    Raises:
        MissingExtraError: JAX is requested and not installed.
        RunError: This process has started Keras on another backend, or there are not so many devices.
    """
    _require(settings.backend)
    _set_environment(settings)
    # With JAX, Keras would import TensorFlow only to seed it, which takes longer than all the rest.
    unneeded = ("tensorflow",) if settings.backend == "jax" else _UNNEEDED_BY_TENSORFLOW
    with _without_garbage_collection(), _hide((*_UNNEEDED, *unneeded)), _private_keras_home():
        (_start_jax if settings.backend == "jax" else _start_tensorflow)(settings)
        keras = importlib.import_module("keras")
        # A second experiment of one process gets neither the first one's number formats nor names like `precision_1`.
        keras.backend.clear_session(free_memory=False)
        keras.config.set_floatx(settings.floatx)
        keras.config.set_epsilon(settings.epsilon)
        keras.config.set_image_data_format(settings.image_data_format)
        # Whole tracebacks show which part of the config was at work, and messages are Keras' own sentences alone.
        keras.config.disable_traceback_filtering()
        if settings.backend == "jax":
            jax = sys.modules["jax"]
            keras.distribution.set_distribution(devices.data_parallel(keras, jax, settings.data_parallel))
        keras.utils.set_random_seed(settings.seed)
    return keras


def tensorflow() -> Any:
    """Return the TensorFlow that `start_keras` has imported."""
    return sys.modules["tensorflow"]


def tensor_library(backend: str, model: Any = None) -> Any:
    """Return the library that works on tensors: TensorFlow, or JAX under TensorFlow's names.

    Args:
        backend: The started backend.
        model: The model that functions call which are compiled under these names.
    """
    if backend != "jax":
        return tensorflow()
    from nnrun.engine.backend.jax_names import JaxNames

    return JaxNames(sys.modules["jax"], sys.modules["keras"].StatelessScope, model, devices.current_mesh())


def on_gpu() -> bool:
    """Whether TensorFlow computes on a GPU."""
    return bool(tensorflow().config.list_logical_devices("GPU"))


def _require(backend: str) -> None:
    """Refuse a backend that is not installed, or that is not the one that was started."""
    keras = sys.modules.get("keras")
    if keras is not None and keras.config.backend() != backend:
        text = f"this process has started Keras on {keras.config.backend()}, but the experiment has backend: {backend}"
        raise RunError(text, "run it by a command of its own: a process can start one backend only")
    if backend == "jax" and "jax" not in sys.modules and find_spec("jax") is None:
        raise MissingExtraError("jax", "backend: jax")


def _set_environment(settings: BackendSettings) -> None:
    os.environ["KERAS_BACKEND"] = settings.backend
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = str(int(settings.onednn))
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"


def _start_tensorflow(settings: BackendSettings) -> None:
    tensorflow = importlib.import_module("tensorflow")
    threads = settings.threads or usable_cores()
    # TensorFlow refuses a change once its threads run; a second run in one process keeps the first one's threads.
    with contextlib.suppress(RuntimeError):
        inside = max(1, threads // 2) if settings.halved else threads
        tensorflow.config.threading.set_intra_op_parallelism_threads(inside)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
        if settings.data_parallel > 1:
            tensorflow_devices.open_devices(tensorflow, settings.data_parallel)


def _start_jax(settings: BackendSettings) -> None:
    before = os.environ.get("NPROC")
    # XLA's client reads the size of its thread pool from here, once, at its start.
    os.environ["NPROC"] = str(settings.threads or usable_cores())
    try:
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", settings.floatx == "float64")
        if settings.data_parallel > 1:
            devices.open_devices(jax, settings.data_parallel)
        jax.devices()
        if settings.data_parallel == 1:
            open_compile_cache(jax, settings.threads or usable_cores())
    finally:
        os.environ.pop("NPROC")
        if before is not None:
            os.environ["NPROC"] = before


@contextlib.contextmanager
def _hide(packages: tuple[str, ...]) -> Iterator[None]:
    """Make `import` fail, inside the `with` block, for packages that are not imported yet."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None there makes Python raise ImportError
    try:
        yield
    finally:
        for package in hidden:
            if sys.modules.get(package) is None:
                sys.modules.pop(package, None)


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Collect no garbage inside the `with` block, and never among what the first start leaves in memory.

    Imported modules stay. Python would search them again and again, for a quarter of the time that the start takes.
    """
    first, collecting = "keras" not in sys.modules, gc.isenabled()
    if first:
        # The caller's own garbage must not stay for ever.
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
    with scratch_folder("keras") as home:
        os.environ["KERAS_HOME"] = str(home)
        try:
            yield
        finally:
            os.environ.pop("KERAS_HOME")
            if before is not None:
                os.environ["KERAS_HOME"] = before
