"""What the data teach: the numbers and shapes that a config names with a dollar."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # pydantic reads it
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    #: One form for all target columns together, or one for each target: a column's name, or the word of a field.
    TargetForms: TypeAlias = "TargetForm | Mapping[str, TargetForm]"

#: How a target is given to the loss: class numbers, one-hot rows, 0/1, or plain numbers.
TargetForm = Literal["integer", "one_hot", "binary", "number"]
Task = Literal["classification", "regression"]
#: The words for the input as a whole, by what it is; a target that is one of them is the prepared input itself.
FIELDS = ("$image", "$row", "$codes", "$input")


@dataclass(frozen=True)
class TargetFacts:
    """Facts about one target of several.

    Attributes:
        form: How the target is encoded.
        task: Classification or regression.
        classes: How many classes it has; None where it is numbers, or where they are not known yet.
        targets: How many numbers it has in its last dimension: the classes where one-hot.
        class_names: The classes' names in the order of their numbers.
        positions: The shape of one example's classes where it has several (one a step, one a pixel); else empty.
    """

    form: TargetForm
    task: Task
    classes: int | None = None
    targets: int | None = None
    class_names: tuple[str, ...] = ()
    positions: tuple[int | None, ...] = ()


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
        positions: The shape of one example's classes where it has several (one a step, one a pixel); else empty.
        by_target: Each target's own facts, where the config gives each a loss; those of the first stand above.
        streamed: Whether examples stay on disk while the model is trained.
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
    positions: tuple[int | None, ...] = ()
    by_target: Mapping[str, TargetFacts] = field(default_factory=dict)
    streamed: bool = False

    def value(self, word: str, target: str | None = None) -> int | list[int | None] | None:
        """The fact behind a word such as `$classes` or `$input_shape`; None where the data do not teach it.

        Args:
            word: The word with its dollar.
            target: The target that `$classes` and `$targets` are asked for; None, or one that has no facts of its
                own, takes the first.
        """
        about = self.by_target.get(target or "", self)
        if word == "$input_shape":
            return None if self.input_shape is None else list(self.input_shape)
        known: dict[str, int | None] = {
            "$classes": about.classes,
            "$features": self.features,
            "$targets": about.targets,
            "$vocabulary": self.vocabulary,
            "$window": self.window,
        }
        return known.get(word)

    def as_json(self) -> dict[str, Any]:
        """Plain data for `record.json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Facts:
        """Take up what `as_json` gave, lists back to tuples.

        Raises:
            ValueError: Where a field is missing or of another kind: the file was changed, or is of another version.
        """
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(fields)
