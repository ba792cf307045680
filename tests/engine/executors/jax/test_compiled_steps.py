"""Programs are compiled once each, ahead of their first call, with what this XLA knows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nnrun.engine.executors.jax.compiled_steps import BackgroundCompiler


class RuntimeRefusalError(Exception):
    """Stands for JAX's error of its runtime."""


class Jax:
    """Stands for JAX: notes what is compiled with which options, and refuses those that it does not know."""

    def __init__(self, device: str = "cpu", *, knows: bool = True) -> None:
        self.errors = SimpleNamespace(JaxRuntimeError=RuntimeRefusalError)
        self.device, self.knows, self.compiled = device, knows, []

    def default_backend(self) -> str:
        """Name the device."""
        return self.device

    def jit(self, function: Any) -> Any:
        """Give what is compiled to the function itself."""

        def compiled(compiler_options: Any = None) -> Any:
            self.compiled.append(compiler_options)
            if compiler_options and not self.knows:
                raise RuntimeRefusalError("No such compile option")
            return function

        return SimpleNamespace(lower=lambda *_: SimpleNamespace(compile=compiled))


def test_a_program_is_compiled_once() -> None:
    """What is begun twice under one key is compiled once, and is what was begun first."""
    jax = Jax()
    ahead = BackgroundCompiler(jax)
    ahead.submit(("train", 5), lambda: "first", 1)
    ahead.submit(("train", 5), lambda: "second", 1)
    ahead.submit(("score", 5), lambda: "other", 1)
    assert (ahead["train", 5], ahead["score", 5]) == ("first", "other")
    assert len(jax.compiled) == 2
    ahead.shutdown()


def test_an_xla_that_knows_other_options_compiles_without() -> None:
    """Where XLA refuses what shortens compiling on a CPU, the program is compiled without that."""
    jax = Jax(knows=False)
    ahead = BackgroundCompiler(jax)
    ahead.submit("train", lambda: "program")
    assert ahead["train"] == "program"
    assert jax.compiled[0]
    assert jax.compiled[1] is None


def test_options_of_the_cpu_are_for_the_cpu() -> None:
    """On another device nothing is asked of XLA but to compile."""
    jax = Jax("gpu")
    ahead = BackgroundCompiler(jax)
    ahead.submit("train", lambda: "program")
    assert ahead["train"] == "program"
    assert jax.compiled == [None]


def test_a_compile_error_is_raised_where_the_program_is_needed() -> None:
    """XLA's refusal of the program itself reaches who calls it."""
    jax = Jax("gpu")
    jax.jit = lambda _: SimpleNamespace(lower=lambda *_: SimpleNamespace(compile=lambda: 1 / 0))
    ahead = BackgroundCompiler(jax)
    ahead.submit("train", lambda: "program")
    with pytest.raises(ZeroDivisionError):
        ahead["train"]
