"""How targets are encoded to suit a loss."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

from nnrun.catalog import lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.errors import Path
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import TargetForm, TargetForms
    from nnrun.spec.part import Part

#: The encoding of the targets of Keras' losses, where it is not plain numbers.
_FORMS: Mapping[str, TargetForm] = {
    "CategoricalCrossentropy": "one_hot",
    "CategoricalFocalCrossentropy": "one_hot",
    "CategoricalHinge": "one_hot",
    "KLDivergence": "one_hot",
    "crossentropy": "one_hot",
    "SparseCategoricalCrossentropy": "integer",
    # Keras makes its own one-hot rows of class numbers for this one.
    "CategoricalGeneralizedCrossEntropy": "integer",
    "BinaryCrossentropy": "binary",
    "BinaryFocalCrossentropy": "binary",
    "Hinge": "binary",
    "SquaredHinge": "binary",
    "Circle": "integer",
}
#: What the outputs of a model are: predictions of the target; scores of labels and a blank at each step, which are
#: decoded to a sequence of labels; or points in a space where examples of one class lie close together.
OutputKind = Literal["predictions", "label_sequences", "embeddings"]
_OUTPUT_KINDS: Mapping[str, OutputKind] = {
    "CTC": "label_sequences",
    "Circle": "embeddings",
}


def target_forms(experiment: Experiment) -> TargetForms:
    """Return the encoding of all targets, or of each where outputs name their targets."""
    outputs, losses = experiment.graph.outputs, experiment.losses
    if experiment.training.is_perceptron:
        return "binary"
    # Tokens of a text are class numbers for CTC, too, which takes plain numbers otherwise.
    is_text = any(step.name == "TextVectorization" for step in experiment.data.prepare_target)

    def form(loss: Part) -> TargetForm:
        return "integer" if is_text and output_kind(loss) == "label_sequences" else target_form(loss)

    if outputs[0].target is None:
        return form(losses[outputs[0].name])
    return {str(one.target): form(losses[one.name]) for one in outputs}


def target_places(experiment: Experiment) -> dict[str | None, tuple[Path, Path]]:
    """Return where each target's loss and where its name is written, by the target; None is all targets together."""
    losses = experiment.losses
    return {
        one.target: (losses[one.name].path, (*one.path, "target"))
        for one in experiment.graph.outputs
        if one.name in losses
    }


def target_form(loss: Part) -> TargetForm:
    """Return the encoding of the targets of `loss`: class numbers, one-hot rows, 0/1 or plain numbers.

    As Keras documents them, sparse losses take class numbers, categorical ones a row per example, binary ones and
    hinges 0 or 1 (Keras turns 0 into -1 for hinges); all others take numbers. A loss of the user takes what it states,
    else what its base takes.
    """
    entry = lookup.entry("losses", loss.name)
    if entry is not None and entry.targets is not None:
        return entry.targets
    return _FORMS.get(loss_class(loss.name), "number")


def output_kind(loss: Part) -> OutputKind:
    """Return what the outputs are that `loss` compares with targets."""
    return _OUTPUT_KINDS.get(loss_class(loss.name), "predictions")


def takes_probabilities(loss: Part) -> bool:
    """Return whether `loss` compares probabilities, unlike a hinge and losses of plain numbers."""
    is_embedding = output_kind(loss) == "embeddings"
    return target_form(loss) != "number" and not is_embedding and "hinge" not in loss.name.lower()


def loss_class(name: str) -> str:
    """Return the class of a loss function: `KLDivergence` for `kl_divergence`; other names are returned as they are."""
    return _classes_of_functions().get(name.replace("_", ""), name) if name.islower() else name


@cache
def _classes_of_functions() -> Mapping[str, str]:
    return {name.lower(): name for name in lookup.names("losses") if not name.islower()}
