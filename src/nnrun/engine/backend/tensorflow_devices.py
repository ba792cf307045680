"""Several devices on TensorFlow: GPUs of this machine, or parts of its processor."""

from __future__ import annotations

from typing import Any

from nnrun.errors import RunError


def devices_of(tf: Any, count: int) -> list[str]:
    """Return the names of `count` devices: GPUs where there are any, else parts of the processor.

    Raises:
        RunError: There are not so many.
    """
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(names) < count:
        text = f"the config wants data_parallel: {count}, and there are {len(names)} devices ({names[0]})"
        raise RunError(text, f"write data_parallel: {len(names)}" if len(names) > 1 else "leave out distribution")
    return names[:count]


def open_devices(tf: Any, count: int) -> None:
    """Divide the processor into `count` devices where there is no GPU, before TensorFlow's devices are started.

    Raises:
        RuntimeError: They are started already.
    """
    if not tf.config.list_physical_devices("GPU"):
        part = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [part] * count)
