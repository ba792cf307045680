"""Several processes that train one model: their places, and what they agree on."""

from __future__ import annotations

import pytest

from nnrun.engine.backend.devices import Agreement, ProcessGroup
from nnrun.errors import RunError


class _Service:
    """Stands for JAX's coordination service: values by name, and an error where nobody answers."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def key_value_set(self, name: str, value: str) -> None:
        """Set a value once."""
        assert name not in self.values
        self.values[name] = value

    def key_value_delete(self, name: str) -> None:
        """Forget a value."""
        del self.values[name]

    def blocking_key_value_get(self, name: str, _patience: int) -> str:
        """Return a value."""
        return self.values[name]


def test_a_process_on_its_own_has_no_place() -> None:
    """Without the variables of a launch there is no group, and nothing connects."""
    assert ProcessGroup.of({}) is None


def test_the_environment_names_the_place() -> None:
    """A launched process knows the first process' address, how many there are, and its own number."""
    environment = {"NNRUN_COORDINATOR": "127.0.0.1:5", "NNRUN_PROCESSES": "3", "NNRUN_PROCESS": "2"}
    assert ProcessGroup.of(environment) == ProcessGroup("127.0.0.1:5", 3, 2, local_process=2)


def test_all_processes_take_the_steps_that_the_first_one_chooses() -> None:
    """How many steps a call takes depends on time: the others follow, call by call."""
    service = _Service()
    first, second = (Agreement(service, is_first=is_first) for is_first in (True, False))
    assert [(first(own), second(99)) for own in (1, 8, 3)] == [(1, 1), (8, 8), (3, 3)]


def test_answers_that_nobody_asks_for_are_forgotten() -> None:
    """A training of any length keeps as many answers as a short one."""
    service = _Service()
    first, second = (Agreement(service, is_first=is_first) for is_first in (True, False))
    for step in range(1000):
        assert second(first(step) - 1) == step
    assert len(service.values) == 100


def test_a_process_ends_where_the_first_one_is_gone() -> None:
    """It waits for no answer that cannot come."""
    with pytest.raises(RunError, match="the first process has ended"):
        Agreement(_Service(), is_first=False)(1)
