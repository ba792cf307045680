"""A whole experiment, validated and frozen: the content of a config, without what only the data tell."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Literal

from nnrun.catalog.kinds import AnyOf, AnyValue, Choice, FileOf, Integer, ListOf, Number, String
from nnrun.config.hints import did_you_mean
from nnrun.config.render import format_value
from nnrun.errors import ConfigError
from nnrun.spec.data import DataSpec
from nnrun.spec.distribution import DistributionSpec
from nnrun.spec.graph import expand
from nnrun.spec.model import ModelReader
from nnrun.spec.part import Part, PartReader
from nnrun.spec.reader import KnownKey
from nnrun.spec.section import Refusal, Section, key, known_keys, read_section
from nnrun.spec.sweep import SweepSpec, read_sweep
from nnrun.spec.training import TrainingSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.config.document import Document
    from nnrun.errors import Path
    from nnrun.spec.graph import Graph
    from nnrun.spec.model import ModelSpec

#: Seeds fit NumPy's and Keras' generators: 32 bits, not negative.
LARGEST_SEED = 2**32 - 1
#: The loss that scores the perceptron rule: of outputs and targets that are 0 or 1, the fraction of wrong ones.
STEP_LOSS = Part("losses", "mean_absolute_error", {}, ("training",))


def _refuse_name(value: str) -> Refusal | None:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", value):
        return None
    text = f"expected a name of letters, digits, '.', '_' and '-' (80 at most), received {format_value(value)}"
    return Refusal(text, f"write {_name_from(value)}")


def _name_from(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("_.-")[:80] or "experiment"


@dataclass(frozen=True)
class Expectation(Section):
    """What a score of `scores.json` should be; exactly one of the three forms.

    Attributes:
        value: The expected score, with `within` as the tolerance.
        within: The tolerance on both sides.
        at_most: The largest score allowed.
        at_least: The smallest score allowed.
    """

    value: float | None = key(Number(), None)
    within: float | None = key(Number(0), None)
    at_most: float | None = key(Number(), None)
    at_least: float | None = key(Number(), None)

    def refusal(self) -> Refusal | None:
        """Refuse all but the three forms."""
        given = {name for name in self.known_keys() if getattr(self, name) is not None}
        if given in ({"value", "within"}, {"at_most"}, {"at_least"}):
            return None
        received = ", ".join(name for name in self.known_keys() if name in given) or "nothing"
        text = f"expected value and within, or at_most, or at_least; received {received}"
        return Refusal(text, "write {value: 1.10, within: 0.35} or {at_most: 1.4}")


@dataclass(frozen=True)
class KerasSpec(Section):
    """Keras' own settings for this experiment, as in `keras.json` (a user's `keras.json` is not read).

    Attributes:
        floatx: The type of weights and of what layers compute.
        epsilon: The small number that Keras adds to avoid division by zero.
        image_data_format: Where pictures have their channels.
    """

    floatx: str = key(Choice(("float16", "bfloat16", "float32", "float64")), "float32")
    epsilon: float = key(Number(0, exclusive_minimum=True), 1e-7)
    image_data_format: str = key(Choice(("channels_last", "channels_first")), "channels_last")


_MODEL_FILE = String("a file name that ends with .keras or .h5", r".*\.(keras|h5)")


@dataclass(frozen=True, kw_only=True)
class Experiment(Section):
    """An experiment.

    Attributes:
        name: The name of its runs; the file's name without its ending where the config has none.
        seed: The seed of all random numbers.
        backend: Keras' backend.
        keras: Keras' own settings.
        precision: Keras' policy for all layers: the type in which they compute.
        code: Files of Python code of your own, relative to this config; they run only if you allow it (`nnrun trust`).
        define: Named stacks of layers, which `model` may use like layers.
        data: The source of examples, their preparation, and how they are split.
        model: The layers: a list is a chain, a mapping is a graph.
        training: How the model is trained.
        distribution: Over how many devices each batch is divided; by default there is one.
        sweep: Which values of which keys `nnrun sweep` tries; a single training takes the config as it is.
        init_from: The run with whose best weights training starts: a path, an id, a name or `last`; or a saved model,
            a `.keras` or `.h5` file, or its weights alone, a `.weights.h5` file.
        expect: The expected scores, by their dotted path in `scores.json`.
        silence: Names of warnings and notes that are not shown for this config.
    """

    name: str = key(String(), refuses=_refuse_name)
    seed: int = key(Integer(0, LARGEST_SEED), 0)
    backend: Literal["tensorflow", "jax"] = key(Choice(("tensorflow", "jax")), "tensorflow")
    keras: KerasSpec = key(KerasSpec, KerasSpec())
    precision: str = key(Choice(("float32", "mixed_bfloat16", "mixed_float16")), "float32")
    code: tuple[str, ...] = key(ListOf(String()), ())
    define: Any = key(AnyValue(), None)
    data: DataSpec = key(DataSpec)
    model: ModelSpec = key(AnyValue())
    training: TrainingSpec = key(TrainingSpec)
    distribution: DistributionSpec | None = key(DistributionSpec, None)
    sweep: SweepSpec | None = key(SweepSpec, None)
    init_from: str | Mapping[str, str] | None = key(AnyOf((String(), FileOf(_MODEL_FILE))), None)
    expect: Mapping[str, Expectation] = key(AnyValue(), None)
    silence: tuple[str, ...] = key(ListOf(String()), ())

    @cached_property
    def graph(self) -> Graph:
        """The model expanded into plain layers and tensors."""
        return expand(self.model, PartReader())

    def in_phase(self, number: int) -> Experiment:
        """Return the experiment with the training of one phase, from 0 (-1: the last); as it is without phases."""
        phases = self.training.phases
        return replace(self, training=phases[number]) if phases else self

    @property
    def losses(self) -> dict[str, Part]:
        """The loss of every output, by the output's name."""
        default = STEP_LOSS if self.training.is_perceptron else self.training.loss
        losses = {one.name: one.loss or default for one in self.graph.outputs}
        return {name: loss for name, loss in losses.items() if loss is not None}


def validate(document: Document) -> Experiment:
    """Turn a document into a frozen experiment.

    Raises:
        ConfigError: With every problem the document has, each at its place.
    """
    reader = PartReader(document, all_keys)
    data = {"name": _name_from(FilePath(document.file).stem), **document.data}
    if "model" in data:
        data["model"] = _read_model(data, reader)
    data["expect"] = _read_expect(data.get("expect"), reader)
    read_sweep(data.get("sweep"), reader)
    _refuse_silence(data.get("silence"), reader)
    if isinstance(data.get("training"), list):
        from nnrun.spec.phases import read_phases

        # Where a phase is wrong, the rest of the config is read all the same.
        data["training"] = read_phases(reader, data["training"]) or TrainingSpec()
    experiment = read_section(reader, Experiment, data, ())
    if experiment is None or reader.errors:
        # A stack that is used twice is refused twice.
        raise ConfigError(error.problem(document) for error in dict.fromkeys(reader.errors))
    return experiment


def all_keys() -> Iterator[KnownKey]:
    """Yield every key that a config may have, those of a graph included."""
    from nnrun.spec.constructs import CONSTRUCTS

    yield from known_keys(Experiment)
    yield from (KnownKey(("model", name)) for name in CONSTRUCTS["model"].keys)


def _read_model(data: dict[str, Any], reader: PartReader) -> ModelSpec | None:
    define = data.get("define")
    if define is not None and not isinstance(define, dict):
        reader.add_error(
            ("define",), f"expected a mapping of names to lists of layers, received {format_value(define)}"
        )
        define = None
    model = ModelReader(reader, define or {}).model(data["model"])
    if model is not None and not reader.errors:
        expand(model, reader)
    _require_loss(data.get("training"), model, reader)
    return model


def _require_loss(training: object, model: ModelSpec | None, reader: PartReader) -> None:
    """Refuse an output without a loss: `training.loss` may be left out only where each output has its own."""
    path: Path = ("training",)
    if isinstance(training, list) and training:
        training, path = training[0], ("training", 0)
    if not isinstance(training, dict) or training.get("loss") is not None or model is None:
        return
    if any(error.path[:1] == ("model",) for error in reader.errors):
        return
    if training.get("rule") == "perceptron" or (model.outputs and all(output.loss for output in model.outputs)):
        return
    from nnrun.spec.key_hints import key_hint

    known = TrainingSpec.known_keys()
    hints = (key_hint(key, value, path, known, reader) for key, value in training.items() if key not in known)
    if not any(hint.meant == "loss" for hint in hints):
        text = f"'{'.'.join(map(str, path))}' needs 'loss', which is missing"
        reader.add_error(path, text, "add a line 'loss: ...'", at_key=True)


def _refuse_silence(value: object, reader: PartReader) -> None:
    """Refuse to silence unknown findings, and errors."""
    if not isinstance(value, list) or not value:
        return
    # The explanations are loaded only where a config silences something.
    from nnrun.spec.findings.explanations import EXPLANATIONS, silenceable

    for index, name in enumerate(value):
        if not isinstance(name, str) or name in silenceable():
            continue
        if name in EXPLANATIONS:
            text, hint = f"{name} is an error, and errors cannot be silenced", f"nnrun explain {name}"
        else:
            text = f"no finding has the name {format_value(name)}"
            hint = did_you_mean(name, silenceable()) or f"the names are: {', '.join(silenceable())}"
        reader.add_error(("silence", index), text, hint)


def _read_expect(value: object, reader: PartReader) -> dict[str, Expectation]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        text = f"expected a mapping of paths to scores, received {format_value(value)}"
        reader.add_error(("expect",), text, "write expect: {test.error_percent: {at_most: 3}}")
        return {}
    read: dict[str, Expectation | None] = {}
    for path, one in value.items():
        if isinstance(one, int | float):
            text = f"expected a mapping for '{path}', received {format_value(one)}"
            reader.add_error(("expect", path), text, f"write {path}: {{value: {one}, within: 0.01}}")
        else:
            read[path] = read_section(reader, Expectation, one, ("expect", path))
    return {path: one for path, one in read.items() if one is not None}
