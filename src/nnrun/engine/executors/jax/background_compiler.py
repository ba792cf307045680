"""Compilation of JAX programs in parallel, and in parallel with Python: XLA needs no Python to compile.

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
_CPU_OPTIONS = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}


class BackgroundCompiler:
    """Compiles programs before their first call.

    Args:
        jax: The imported JAX.
    """

    def __init__(self, jax: Any) -> None:
        self._jax = jax
        self._pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="nnrun-compiler")
        self._programs: dict[Hashable, Future[Callable[..., Any]]] = {}

    def submit(self, key: Hashable, make: Callable[[], Callable[..., Any]], *arguments: Any) -> None:
        """Start to compile the function that `make` returns for arguments of these shapes, if `key` is new."""
        if key not in self._programs:
            # Traced in this thread, since Keras keeps its scopes by thread; only XLA's part is done elsewhere.
            lowered = self._jax.jit(make()).lower(*arguments)
            self._programs[key] = self._pool.submit(self._compile, lowered)

    def __getitem__(self, key: Hashable) -> Callable[..., Any]:
        """Return a submitted program; wait until it is compiled."""
        return self._programs[key].result()

    def shutdown(self) -> None:
        """Release the threads; programs that were not started are not compiled any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _compile(self, lowered: Any) -> Any:
        if self._jax.default_backend() != "cpu":
            return lowered.compile()
        try:
            return lowered.compile(compiler_options=_CPU_OPTIONS)
        except self._jax.errors.JaxRuntimeError:
            # Another XLA may not know these options any more; any other error is raised again without them.
            return lowered.compile()
