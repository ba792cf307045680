"""How targets must be encoded to suit a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup

if TYPE_CHECKING:
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import TargetForm, TargetForms
    from nnrun.spec.part import Part

_ONE_HOT = {
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CategoricalGeneralizedCrossEntropy",
    "KLDivergence",
    "crossentropy",
}
_INTEGER = {"SparseCategoricalCrossentropy"}
_BINARY = {"BinaryCrossentropy", "BinaryFocalCrossentropy", "Hinge", "SquaredHinge"}


def target_forms(experiment: Experiment) -> TargetForms:
    """Tell the encoding that each target needs: one for all, or one for each target that an output names."""
    exits, losses = experiment.graph.outputs, experiment.losses
    if experiment.training.is_perceptron:
        return "binary"
    if exits[0].target is None:
        return target_form(losses[exits[0].name])
    return {str(one.target): target_form(losses[one.name]) for one in exits}


def target_form(loss: Part) -> TargetForm:
    """Tell the encoding that `loss` compares with: class numbers, one-hot rows, 0/1 or plain numbers.

    Keras' losses take what their docstrings say: sparse losses class numbers, categorical ones a row per example,
    binary ones and hinges 0 or 1 (Keras turns 0 into -1 for hinges); all others compare numbers. A loss of the user's
    own takes what it says, else what its base takes.
    """
    own = lookup.entry("losses", loss.name)
    if own is not None and own.targets is not None:
        return own.targets
    name = class_of_loss(loss.name)
    if name in _ONE_HOT:
        return "one_hot"
    if name in _INTEGER:
        return "integer"
    return "binary" if name in _BINARY else "number"


def gives_shares(loss: Part) -> bool:
    """Tell whether `loss` compares probabilities, which a hinge and a loss of plain numbers do not."""
    return target_form(loss) != "number" and "hinge" not in loss.name.lower()


def class_of_loss(name: str) -> str:
    """Bring a loss function's name to its class's: `kl_divergence` to `KLDivergence`; other names stay."""
    if not name.islower():
        return name
    squeezed = name.replace("_", "")
    return next((known for known in _ONE_HOT | _INTEGER | _BINARY if known.lower() == squeezed), name)
