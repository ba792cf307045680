"""When states are saved, which are kept, and what is cut from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.engine.state.saver import LAST, Position, StateSaver, kept_states, position_of
from nnrun.engine.state.state_file import State, read_state
from nnrun.errors import RunError
from nnrun.spec.training import SaveEverySpec


class OneVariable:
    """The variables of a training: one number."""

    value = 0.0

    def collect(self) -> dict[str, np.ndarray]:
        """Return it."""
        return {"model/0/one": np.array([self.value])}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Set it."""
        self.value = float(arrays["model/0/one"][0])


def saver(folder: Path, saved: State | None = None, appended: tuple[Path, ...] = (), **every: object) -> StateSaver:
    """Return a saver of one variable."""
    one = StateSaver(folder / "state", SaveEverySpec(**every), {"threads": 2}, appended, saved)
    one.attach(OneVariable(), [], [])
    return one


def test_the_last_states_of_the_training_are_kept(tmp_path: Path) -> None:
    """Of states at the ends of epochs and within them the last ones are kept, by their place and not by their name."""
    one = saver(tmp_path, keep=3)
    for epoch, step in ((1, 0), (1, 9), (1, 10), (2, 0), (2, 1_000_000)):
        one.save(Position(epoch, step), keep=True)
    names = ["epoch-0001-step-000010", "epoch-0002", "epoch-0002-step-1000000"]
    assert [file.stem for file in kept_states(tmp_path / "state")] == names
    assert position_of(read_state(tmp_path / "state" / LAST)) == Position(2, 1_000_000)


def test_other_files_are_no_states(tmp_path: Path) -> None:
    """Files whose names are not those of states are neither listed nor removed."""
    one = saver(tmp_path, keep=1)
    one.save(Position(1), keep=True)
    for name in ("epoch-best.safetensors", "epoch-0001.safetensors.bak"):
        (tmp_path / "state" / name).write_text("mine")
    one.save(Position(2), keep=True)
    assert [file.name for file in kept_states(tmp_path / "state")] == ["epoch-0002.safetensors"]
    assert (tmp_path / "state" / "epoch-best.safetensors").exists()


@given(st.integers(1, 50), st.integers(0, 500), st.integers(0, 500))
def test_the_next_boundary_is_a_multiple_of_the_steps_of_all_epochs(steps: int, done: int, step: int) -> None:
    """It lies after the step, is the next one, and is counted from the beginning of training."""
    one = StateSaver(Path("none"), SaveEverySpec(steps=steps), {})
    boundary = one.next_boundary(done, step)
    assert boundary is not None
    assert step < boundary <= step + steps
    assert (done + boundary) % steps == 0


def test_without_steps_there_is_no_boundary() -> None:
    """Where time alone decides, the calls of a program are as long as they are without states."""
    assert StateSaver(Path("none"), SaveEverySpec(), {}).next_boundary(10, 3) is None


def test_files_are_cut_to_the_state(tmp_path: Path) -> None:
    """What was appended after the state is cut; a file of a run that begins is emptied; a shorter one is refused."""
    file = tmp_path / "metrics.jsonl"
    file.write_text("one\n")
    one = StateSaver(tmp_path / "state", SaveEverySpec(), {}, [file])
    one.attach(OneVariable(), [], [])
    assert file.read_text() == ""
    file.write_text("one\ntwo\n")
    one.save(Position(2))
    saved = read_state(tmp_path / "state" / LAST)
    file.write_text("one\ntwo\nthree\nfo")
    saver(tmp_path, saved, (file,))
    assert file.read_text() == "one\ntwo\n"
    file.write_text("one\n")
    with pytest.raises(RunError, match="expected at least 8 bytes"):
        saver(tmp_path, saved, (file,))


@pytest.mark.parametrize("document", [{}, {"position": None}, {"position": {"epoch": 1, "other": 2}}])
def test_a_state_without_a_position_is_refused(document: dict) -> None:
    """A state that does not say where training was is refused."""
    with pytest.raises(RunError, match="no position"):
        position_of(State(document, {}, ""))
