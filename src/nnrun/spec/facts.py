"""What the data teach: the numbers and shapes that a config names with a dollar."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How a target is given to the loss: class numbers, one-hot rows, 0/1, or plain numbers.
TargetForm = Literal["integer", "one_hot", "binary", "number"]
Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Facts:
    """Facts about one data set as the model sees it, after preparation.

    Attributes:
        task: Classification or regression.
        form: How targets are encoded.
        input_shape: The shape of one example (no batch dimension); None where unknown.
        classes: How many classes there are; None for regression.
        features: How many numbers one example has in its last dimension.
        targets: How many numbers one target has: the classes where one-hot, else the target columns.
        rows: How many examples each part has (`train`, `validation`, `test`).
        class_names: The classes' names in the order of their numbers.
        columns: The names of the feature columns of a table, in order; empty where there are none.
        target_names: The names of the target columns.
        vocabulary: How many different characters or words a text has.
        window: How many characters or words one example of a text has.
    """

    task: Task
    form: TargetForm
    input_shape: tuple[int | None, ...] | None
    classes: int | None = None
    features: int | None = None
    targets: int | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    vocabulary: int | None = None
    window: int | None = None

    def value(self, word: str) -> int | list[int | None] | None:
        """The fact behind a word such as `$classes` or `$input_shape`; None where the data do not teach it."""
        if word == "$input_shape":
            return None if self.input_shape is None else list(self.input_shape)
        known: dict[str, int | None] = {
            "$classes": self.classes,
            "$features": self.features,
            "$targets": self.targets,
            "$vocabulary": self.vocabulary,
            "$window": self.window,
        }
        return known.get(word)

    def as_json(self) -> dict[str, Any]:
        """Plain data for `record.json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Facts:
        """Take up what `as_json` gave, lists back to tuples."""
        known: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()
        }
        return cls(**known)
