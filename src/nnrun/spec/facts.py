"""Facts about the data after preparation: the numbers and shapes that a config names with a dollar."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from math import prod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args

from nnrun.catalog.kinds import AnyValue, Boolean, Choice, Integer, ListOf, MappingOf, String, or_null
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.catalog.kinds import Kind

    #: One form for all target columns together, or one for each target: a column's name, or the word of a field.
    TargetForms: TypeAlias = "TargetForm | Mapping[str, TargetForm]"

#: How a target is given to the loss: class numbers, one-hot rows, 0/1, or plain numbers.
TargetForm = Literal["integer", "one_hot", "binary", "number"]
Task = Literal["classification", "regression"]
FactsT = TypeVar("FactsT", "Facts", "TargetFacts")
#: The words for the input as a whole, by its type; a target that is one of them is the prepared input itself.
FIELD_MEANINGS = {
    "$image": "A picture.",
    "$row": "All feature columns of a table.",
    "$codes": "A text, as the numbers of its tokens.",
    "$input": "The prepared example, whatever it is; as a target it makes an autoencoder.",
}
FIELDS = tuple(FIELD_MEANINGS)


@dataclass(frozen=True)
class TargetFacts:
    """Facts about one target of several.

    Attributes:
        form: How the target is encoded.
        task: Classification or regression.
        classes: The number of classes; None where it is numbers, or where they are not known yet.
        targets: The size of its last dimension: the number of classes where one-hot.
        class_names: The classes' names in the order of their numbers.
        positions: The shape of one example's classes where it has several (one a step, one a pixel); else empty.
        zero_one: Whether a target of plain numbers holds nothing but 0 and 1; None where that is not known.
    """

    form: TargetForm
    task: Task
    classes: int | None = None
    targets: int | None = None
    class_names: tuple[str, ...] = ()
    positions: tuple[int | None, ...] = ()
    zero_one: bool | None = None


@dataclass(frozen=True)
class Facts:
    """Facts about one data set as the model sees it, after preparation.

    Attributes:
        task: Classification or regression.
        form: How targets are encoded.
        input_shape: The shape of one example (no batch dimension); None where unknown.
        classes: The number of classes; None for regression.
        features: The size of an example's last dimension.
        targets: The size of a target's last dimension: the classes where one-hot, else the target columns.
        rows: The number of examples of each part (`train`, `validation`, `test`).
        class_names: The classes' names in the order of their numbers.
        columns: The names of the feature columns of a table, in order; empty where there are none.
        target_names: The names of the target columns.
        vocabulary: The number of different characters or words of a text.
        window: The number of characters or words in one example of a text, or of rows in a window of a series.
        horizon: The number of rows after a window that are its targets.
        positions: The shape of one example's classes where it has several (one a step, one a pixel); else empty.
        by_target: The facts of each target, where the config gives each a loss; those of the first are above.
        streamed: Whether examples stay on disk while the model is trained.
        categories: How many category numbers a column can hold at least, where nothing is loaded yet.
        zero_one: Whether a target of plain numbers holds nothing but 0 and 1; None where that is not known.
        learns_vocabulary: Whether a step of the preparation learns a vocabulary once the data are loaded.
        sample_rate: The number of samples a second of recordings, in Hz.
        arrays: The shapes of the arrays next to the columns, such as pictures, by name. An example is one array all the
            same: the columns, then the numbers of each array in C order.
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
    categories: Mapping[str, int] = field(default_factory=dict)
    zero_one: bool | None = None
    learns_vocabulary: bool = False
    horizon: int | None = None
    sample_rate: int | None = None
    arrays: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def value(self, word: str, target: str | None = None) -> int | list[int | None] | None:
        """Return the value of a word such as `$classes` or `$input_shape`; None where the data have none.

        Args:
            word: The word with its dollar.
            target: The target whose `$classes` and `$targets` are asked for; None, or one that has no facts of its
                own, takes the first.
        """
        of_target = self.by_target.get(target or "", self)
        if word == "$input_shape":
            return None if self.input_shape is None else list(self.input_shape)
        numbers: dict[str, int | None] = {
            "$classes": of_target.classes,
            "$features": self.features,
            "$targets": of_target.targets,
            "$vocabulary": self.vocabulary,
            "$window": self.window,
            "$horizon": self.horizon,
            "$sample_rate": self.sample_rate,
        }
        return numbers.get(word)

    def numbered_targets(self) -> tuple[str, ...]:
        """Return the names of the numbers of a target: of several rows ahead, `sales+1`, `sales+2`, ..."""
        steps = range(1, (self.horizon or 1) + 1)
        if len(steps) == 1:
            return self.target_names
        return tuple(f"{name}+{step}" for step in steps for name in self.target_names)

    def array_place(self, name: str) -> tuple[int, int]:
        """Return where the numbers of an array next to the columns begin and end in an example of known shape.

        Raises:
            KeyError: There is no array of that name.
        """
        sizes = {one: prod(shape) for one, shape in self.arrays.items()}
        start = ((self.input_shape or (0,))[0] or 0) - sum(sizes.values())
        for one, size in sizes.items():
            if one == name:
                return start, start + size
            start += size
        raise KeyError(name)

    def of_target(self, target: str | None) -> Facts | TargetFacts | None:
        """Return the facts of one target; None for a target of which nothing is known.

        Args:
            target: A target that has facts of its own; None: the only one there is.
        """
        return self if target is None else self.by_target.get(target)

    def lacks(self, word: str, target: str | None = None) -> bool:
        """Return whether the data are known to have no value for a word; the arguments are those of `value`.

        A text has a vocabulary, texts and series have a window, classes alone have a number. A number of classes or
        tokens that is not known before the data are loaded is not lacking.
        """
        of_target = self.by_target.get(target or "", self)
        if word in ("$horizon", "$sample_rate"):
            return (self.horizon if word == "$horizon" else self.sample_rate) is None
        if word in ("$vocabulary", "$window"):
            own = self.vocabulary if word == "$vocabulary" else self.window
            # The window of a text that is not downloaded yet is not lacking.
            is_text = self.vocabulary is not None or self.learns_vocabulary
            return own is None and not is_text
        if word == "$classes":
            is_multi_label = of_target.form == "binary" and of_target.targets is not None and of_target.targets > 1
            return of_target.classes is None and (of_target.task == "regression" or is_multi_label)
        return False

    def with_classes(self, classes: Mapping[str, tuple[str, ...]]) -> Facts:
        """Return the facts with the classes of targets of which they were not known.

        Args:
            classes: The names of the classes by the target's key; the empty one where all targets have one loss.
        """
        by_target = {key: _with_classes(one, classes.get(key, ())) for key, one in self.by_target.items()}
        first = next(iter(by_target), "")
        return replace(_with_classes(self, classes.get(first, ())), by_target=by_target)

    def as_json(self) -> dict[str, Any]:
        """Return plain data for `record.json`."""
        return {name: value for name, value in asdict(self).items() if name not in ("categories", "learns_vocabulary")}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Facts:
        """Restore the facts from what `as_json` returned, with tuples instead of lists.

        Raises:
            ValueError: A field is missing or of another type: the file was changed, or is of another version.
        """
        found = _checked(cls, values)
        if "arrays" in found:
            found["arrays"] = {name: tuple(shape) for name, shape in found["arrays"].items()}
        targets = {name: TargetFacts(**_checked(TargetFacts, one)) for name, one in found.get("by_target", {}).items()}
        return cls(**{**found, "by_target": targets})


def padded_class_names(names: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the names of so many classes; beyond those of the data they are whole numbers that no class has."""
    numbers = (str(number) for number in range(2 * count + len(names)))
    free = (number for number in numbers if number not in names)
    return (*names, *(next(free) for _ in range(count - len(names))))


def _with_classes(facts: FactsT, names: tuple[str, ...]) -> FactsT:
    """Return the facts of a target with its classes, if these were not known."""
    if not names or facts.form == "number" or facts.classes is not None:
        return facts
    targets = len(names) if facts.form == "one_hot" else facts.targets
    return replace(facts, classes=len(names), class_names=names, targets=targets)


_SHAPE, _NAMES, _NUMBER = ListOf(or_null(Integer())), ListOf(String()), or_null(Integer())
_KINDS: Mapping[str, Kind] = {
    "task": Choice(get_args(Task)),
    "form": Choice(get_args(TargetForm)),
    "input_shape": or_null(_SHAPE),
    "classes": _NUMBER,
    "features": _NUMBER,
    "targets": _NUMBER,
    "rows": MappingOf(Integer()),
    "class_names": _NAMES,
    "columns": _NAMES,
    "target_names": _NAMES,
    "vocabulary": _NUMBER,
    "window": _NUMBER,
    "horizon": _NUMBER,
    "sample_rate": _NUMBER,
    "positions": _SHAPE,
    "by_target": MappingOf(AnyValue()),
    "streamed": Boolean(),
    "categories": MappingOf(Integer()),
    "zero_one": or_null(Boolean()),
    "learns_vocabulary": Boolean(),
    "arrays": MappingOf(ListOf(Integer())),
}


def _checked(facts: type[Facts | TargetFacts], values: object) -> dict[str, Any]:
    """Return the values of the fields of `facts`, with tuples instead of lists; unknown fields are left out."""
    if not isinstance(values, dict):
        raise ValueError(f"expected a mapping for 'facts', received {values!r}")  # noqa: TRY004 (one error for all)
    found = {}
    for one in fields(facts):
        name, value = one.name, values.get(one.name)
        if name in values and _KINDS[name].accepts(value):
            found[name] = tuple(value) if isinstance(value, list) else value
        elif name in values or (one.default is MISSING and one.default_factory is MISSING):
            raise ValueError(f"expected {_KINDS[name].expects} for '{name}', received {values.get(name, 'nothing')!r}")
    return found


def substitute_facts(part: Part, facts: Facts | None, target: str | None = None) -> Part:
    """Return `part` with facts in place of their words (`$classes`); unknown ones remain words.

    Args:
        part: The part.
        facts: What is known of the data; None where nothing is.
        target: The target whose `$classes` and `$targets` are meant.
    """

    def substitute(value: Any) -> Any:
        if isinstance(value, Part):
            return substitute_facts(value, facts, target)
        if isinstance(value, list):
            return [substitute(item) for item in value]
        if isinstance(value, str) and value.startswith("$") and facts is not None:
            found = facts.value(value, target)
            return value if found is None else found
        return value

    return replace(part, arguments={key: substitute(value) for key, value in part.arguments.items()})
