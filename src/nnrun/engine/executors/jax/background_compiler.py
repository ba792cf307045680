"""Programs that are compiled beside each other, and beside what Python does meanwhile: XLA needs no Python to compile.

A small network's programs take longer to compile than to run, so that this is most of what can be saved.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from nnrun.cores import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from concurrent.futures import Future


#: XLA's newer way to write fused loops for a CPU takes twice as long to compile small programs and computes the same
#: bits; of five small networks one was faster with it (decision record 0010). Parts of so small a program are not
#: worth a thread each.
_FOR_CPU = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}


class BackgroundCompiler:
    """Compiles programs ahead of their first call.

    Args:
        jax: The woken JAX.
    """

    def __init__(self, jax: Any) -> None:
        self._jax = jax
        self._pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="nnrun-compiles")
        self._programs: dict[Hashable, Future[Callable[..., Any]]] = {}

    def begin(self, key: Hashable, make: Callable[[], Callable[..., Any]], *arguments: Any) -> None:
        """Begin to compile what `make` gives for arguments of these shapes, where `key` is new."""
        if key not in self._programs:
            # Written down here, since Keras keeps what it is doing by thread; only XLA's part is done elsewhere.
            lowered = self._jax.jit(make()).lower(*arguments)
            self._programs[key] = self._pool.submit(self._compiled, lowered)

    def __getitem__(self, key: Hashable) -> Callable[..., Any]:
        """Give a program that was begun, once it is there."""
        return self._programs[key].result()

    def end(self) -> None:
        """Let go of threads; what nobody waits for is not compiled any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _compiled(self, lowered: Any) -> Any:
        if self._jax.default_backend() != "cpu":
            return lowered.compile()
        try:
            return lowered.compile(compiler_options=_FOR_CPU)
        except self._jax.errors.JaxRuntimeError:
            # Another XLA may not know these words any more; what else is wrong is said again without them.
            return lowered.compile()
