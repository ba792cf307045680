"""A whole experiment, validated and frozen: what a config says, and nothing that the data teach."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from nnrun.catalog.kinds import AnyValue, Choice, Integer, ListOf, Number, String
from nnrun.config.hints import did_you_mean
from nnrun.config.render import show
from nnrun.errors import ConfigError, Problem
from nnrun.spec.data import DataSpec
from nnrun.spec.expand import expand
from nnrun.spec.model_reader import ModelReader
from nnrun.spec.part import Part
from nnrun.spec.parts import Complaint, Reader
from nnrun.spec.section import Key, Refusal, Section, read_section
from nnrun.spec.training import TrainingSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.config.document import Document
    from nnrun.spec.graph import Graph
    from nnrun.spec.stack import Model

#: Seeds fit NumPy's and Keras' generators: 32 bits, not negative.
LARGEST_SEED = 2**32 - 1
#: What the perceptron's rule is scored by: of outputs and targets that are 0 or 1, the share of wrong ones.
STEP_LOSS = Part("losses", "mean_absolute_error", {}, ("training",))
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


def _refuse_name(value: str) -> Refusal | None:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", value):
        return None
    text = f"expected a name of letters, digits, '.', '_' and '-' (80 at most), received {show(value)}"
    return text, f"write {_name_from(value)}"


def _name_from(text: str) -> str:
    return _NOT_IN_NAMES.sub("_", text).strip("_.-")[:80] or "experiment"


@dataclass(frozen=True)
class Expectation(Section):
    """What a figure of `scores.json` should be; exactly one of the three forms.

    Attributes:
        value: The figure measured, with `within` as the distance allowed.
        within: The distance allowed on both sides.
        at_most: The largest figure allowed.
        at_least: The smallest figure allowed.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "value": Key(Number(), None),
        "within": Key(Number(0), None),
        "at_most": Key(Number(), None),
        "at_least": Key(Number(), None),
    }

    value: float | None = None
    within: float | None = None
    at_most: float | None = None
    at_least: float | None = None

    def refusal(self) -> Refusal | None:
        """Refuse all but the three forms."""
        given = {name for name in self.KEYS if getattr(self, name) is not None}
        if given in ({"value", "within"}, {"at_most"}, {"at_least"}):
            return None
        received = ", ".join(name for name in self.KEYS if name in given) or "nothing"
        text = f"expected value and within, or at_most, or at_least; received {received}"
        return text, "write {value: 1.10, within: 0.35} or {at_most: 1.4}"


@dataclass(frozen=True)
class KerasSpec(Section):
    """Keras' own settings for this experiment, as `keras.json` would say them (a user's `keras.json` is not read).

    Attributes:
        floatx: The type of weights and of what layers compute.
        epsilon: The small number that Keras adds where it would divide by zero.
        image_data_format: Where pictures have their channels.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "floatx": Key(Choice(("float16", "bfloat16", "float32", "float64")), "float32"),
        "epsilon": Key(Number(0, exclusive_minimum=True), 1e-7),
        "image_data_format": Key(Choice(("channels_last", "channels_first")), "channels_last"),
    }

    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"


@dataclass(frozen=True)
class Experiment(Section):
    """What a config says.

    Attributes:
        name: What runs are called; the file's name without its ending where the config says none.
        seed: Where all randomness starts.
        backend: Keras' backend.
        keras: Keras' own settings.
        precision: Keras' policy for all layers: what they compute in.
        define: Named stacks of layers, which `model` may use like layers.
        data: Where examples come from.
        model: The layers: a list is a chain, a mapping is a graph.
        training: How the model is trained.
        init_from: The run whose best weights training starts from: a path, an id, a name or `last`.
        expect: What `scores.json` should say, by dotted path.
        silence: Names of warnings and notes that are not said of this config.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "name": Key(String(), refuses=_refuse_name),
        "seed": Key(Integer(0, LARGEST_SEED), 0),
        "backend": Key(Choice(("tensorflow", "jax")), "tensorflow"),
        "keras": Key(KerasSpec, KerasSpec()),
        "precision": Key(Choice(("float32", "mixed_bfloat16", "mixed_float16")), "float32"),
        "define": Key(AnyValue(), None),
        "data": Key(DataSpec),
        "model": Key(AnyValue()),
        "training": Key(TrainingSpec),
        "init_from": Key(String(), None),
        "expect": Key(AnyValue(), None),
        "silence": Key(ListOf(String()), ()),
    }

    name: str
    data: DataSpec
    model: Model
    training: TrainingSpec
    seed: int = 0
    backend: Literal["tensorflow", "jax"] = "tensorflow"
    keras: KerasSpec = KerasSpec()
    precision: str = "float32"
    define: Any = None
    init_from: str | None = None
    expect: Mapping[str, Expectation] = field(default_factory=dict)
    silence: tuple[str, ...] = ()

    @cached_property
    def graph(self) -> Graph:
        """The model spelled out into plain layers and tensors."""
        return expand(self.model, Reader())

    @property
    def losses(self) -> dict[str, Part]:
        """The loss of every output, by the output's name."""
        usual = STEP_LOSS if self.training.is_perceptron else self.training.loss
        said = {one.name: one.loss or usual for one in self.graph.outputs}
        return {name: loss for name, loss in said.items() if loss is not None}


def validate(document: Document) -> Experiment:
    """Turn a document into a frozen experiment.

    Raises:
        ConfigError: With every problem the document has, each at its place.
    """
    reader = Reader()
    data = {"name": _name_from(FilePath(document.file).stem), **document.data}
    model = _model(data, reader)
    expect = _expect(data.get("expect"), reader)
    _refuse_silence(data.get("silence"), reader)
    read = read_section(
        reader, Experiment, {**data, "expect": expect, **({"model": model} if "model" in data else {})}, ()
    )
    if read is None or reader.complaints:
        # A stack that is used twice is complained of twice.
        raise ConfigError(problem_of(complaint, document) for complaint in dict.fromkeys(reader.complaints))
    return read


def problem_of(complaint: Complaint, document: Document) -> Problem:
    """Say a complaint at its place in `document`."""
    mark = document.key_mark(complaint.path) if complaint.at_key else document.mark(complaint.path)
    return Problem(mark, complaint.text, complaint.hint)


def _model(data: dict[str, Any], reader: Reader) -> Model | None:
    if "model" not in data:
        return None
    define = data.get("define")
    if define is not None and not isinstance(define, dict):
        reader.complain(("define",), f"expected a mapping of names to lists of layers, received {show(define)}")
        define = None
    model = ModelReader(reader, define or {}).model(data["model"])
    if model is not None and not reader.complaints:
        expand(model, reader)
    _require_loss(data.get("training"), model, reader)
    return model


def _require_loss(training: object, model: Model | None, reader: Reader) -> None:
    """Complain where an output has no loss: `training.loss` may be left out only where each has its own."""
    if not isinstance(training, dict) or training.get("loss") is not None or model is None:
        return
    if training.get("rule") == "perceptron":
        return
    if not model.outputs or any(output.loss is None for output in model.outputs):
        reader.complain(
            ("training",), "'training' needs 'loss', which is missing", "add a line 'loss: ...'", at_key=True
        )


def _refuse_silence(value: object, reader: Reader) -> None:
    """Refuse to silence what has no such name, and errors, which nothing silences."""
    if not isinstance(value, list) or not value:
        return
    # The explanations are loaded only where a config silences something.
    from nnrun.spec.findings.registry import FINDINGS

    for index, name in enumerate(value):
        known = FINDINGS.get(name) if isinstance(name, str) else None
        quiet = [name for name, one in FINDINGS.items() if one.severity != "error"]
        if known is not None and known.severity == "error":
            text = f"{name} is an error, and errors cannot be silenced"
            reader.complain(("silence", index), text, f"nnrun explain {name}")
        elif known is None and isinstance(name, str):
            hint = did_you_mean(name, quiet) or f"there are: {', '.join(quiet)}"
            reader.complain(("silence", index), f"no finding is called {show(name)}", hint)


def _expect(value: object, reader: Reader) -> dict[str, Expectation]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        reader.complain(
            ("expect",),
            f"expected a mapping of paths to figures, received {show(value)}",
            "write expect: {test.error_percent: {at_most: 3}}",
        )
        return {}
    read = {path: read_section(reader, Expectation, said, ("expect", path)) for path, said in value.items()}
    return {path: one for path, one in read.items() if one is not None}
