"""What of a user's callback must be saved for a resume, found without running it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from nnrun.catalog.user_code import read_contents

HEAD = "import keras\nimport time\n\n\nclass Mine(keras.callbacks.BASE):\n"


def unsaved(methods: str, base: str = "Callback", before: str = "") -> tuple[str, ...]:
    """Return what a callback with these methods remembers that no saved state has."""
    text = before + HEAD.replace("BASE", base) + textwrap.indent(textwrap.dedent(methods), "    ")
    (code,) = read_contents([("mine.py", text.encode())])
    return next(entry.unsaved for entry in code.entries if entry.name == "Mine")


@pytest.mark.parametrize(
    ("statement", "kept"),
    [
        ("self.count += 1", ("count",)),
        ("self.seen.append(logs['loss'])", ("seen",)),
        ("self.seen[epoch] = logs", ("seen",)),
        ("self.by_name['a'].times.append(1)", ("by_name",)),
        ("self.best = min(self.best, logs['loss'])", ("best",)),
        ("self.low, self.high = self.high, self.low", ("low", "high")),
        ("del self.seen[0]", ("seen",)),
        ("self.counter.value = 3", ("counter",)),
        ("self.last: int = epoch if self.last else 0", ("last",)),
        ("self.model.stop_training = True", ()),
        ("self.model.optimizer.learning_rate = 0.1", ()),
        ("self.params['epochs'] = 3", ()),
        ("self.never_read = epoch", ()),
        ("count = 0\n    count += 1", ()),
        ("other.seen.append(1)", ()),
        ("print(self.count, self.seen)", ()),
        ("self.file.write('x')", ()),
    ],
)
def test_what_a_method_changes(statement: str, kept: tuple[str, ...]) -> None:
    """Assigned, added to or changed in place: an attribute of `self` is memory; what is the model's is not."""
    assert unsaved(f"def on_epoch_end(self, epoch, logs=None):\n    {statement}\n") == kept


def test_what_is_assigned_at_the_beginning_is_no_memory() -> None:
    """A stopwatch begins again with its epoch or batch; a count that begins there and grows is memory."""
    stopwatch = """
        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.time()

        def on_epoch_end(self, epoch, logs=None):
            print(time.time() - self.start)
        """
    assert unsaved(stopwatch) == ()
    mean = """
        def on_epoch_begin(self, epoch, logs=None):
            self.losses = []
            self.epochs += 1

        def on_train_batch_end(self, batch, logs=None):
            self.losses.append(logs["loss"])
        """
    assert unsaved(mean) == ("epochs", "losses")


def test_constructors_and_ends_are_no_memory() -> None:
    """What happens before the first step, which a resume does again, and after the last one is not saved."""
    methods = """
        def __init__(self, rate: float = 0.1):
            super().__init__()
            self.rate = rate
            self.seen = []

        def on_train_begin(self, logs=None):
            self.seen.append(self.rate)

        def on_train_end(self, logs=None):
            self.seen.append(0)
        """
    assert unsaved(methods) == ()


def test_the_protocol_saves_everything() -> None:
    """A callback with both methods of the protocol is not warned of, with one of them it is."""
    grows = "def on_epoch_end(self, epoch, logs=None):\n    self.count += 1\n"
    get, put = "def get_state(self):\n    return self.count\n", "def set_state(self, state):\n    self.count = state\n"
    assert unsaved(grows + get + put) == ()
    assert unsaved(grows + get) == ("count",)
    assert unsaved(grows + put) == ("count",)


def test_subclasses_of_callbacks() -> None:
    """A subclass of Keras' own need not save what nnrun saves of it; one of the user's has its base's memory."""
    grows = (
        "def on_epoch_end(self, epoch, logs=None):\n    super().on_epoch_end(epoch, logs)\n    self.wait += self.more\n"
    )
    assert unsaved(grows, "EarlyStopping") == ()
    assert unsaved(grows + "    self.more += 1\n", "EarlyStopping") == ("more",)
    base = "import keras\n\n\nclass Counts(keras.callbacks.Callback):\n"
    base += "    def on_epoch_end(self, epoch, logs=None):\n        self.count += 1\n\n\n"
    text = base + "class Mine(Counts):\n    pass\n"
    (code,) = read_contents([("mine.py", text.encode())])
    assert {entry.name: entry.unsaved for entry in code.entries} == {"Counts": ("count",), "Mine": ("count",)}


def test_the_page_on_own_code_has_no_such_callback() -> None:
    """The example of the documentation is not warned of."""
    page = Path(__file__).resolve().parents[2] / "docs" / "own-code.md"
    text = page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    (code,) = read_contents([("my_code.py", text.encode())])
    assert {entry.unsaved for entry in code.entries} == {()}
