"""The rule of losses decides every loss of the catalog for every activation."""

from __future__ import annotations

import pytest

from nnrun.catalog import lookup
from nnrun.spec.compared_output import ACTIVATION_RANGES, ComparedOutput
from nnrun.spec.loss_rules import loss_verdict
from nnrun.spec.part import Part
from nnrun.spec.targets import target_form


def output(loss: str, activation: str | None, units: int = 3, **arguments: object) -> ComparedOutput:
    """Return an output of a loss."""
    part = Part("losses", loss, arguments)
    return ComparedOutput(part, target_form(part), activation, units)


def test_every_activation_of_the_catalog_has_a_range() -> None:
    """A new activation of Keras must be decided on; nnrun's `prelu` stands for the layer PReLU."""
    assert set(ACTIVATION_RANGES) - {"prelu"} == set(lookup.names("activations"))


@pytest.mark.parametrize("activation", [*ACTIVATION_RANGES, None])
@pytest.mark.parametrize("loss", lookup.names("losses"))
def test_every_loss_is_decided_for_every_activation(loss: str, activation: str | None) -> None:
    """What is refused or warned of says why and what to write; where the activation is unknown, nothing is refused."""
    verdict = loss_verdict(output(loss, activation))
    assert bool(verdict.text) == bool(verdict.hint) == (verdict.decision in ("warned", "refused"))
    assert activation is not None or verdict.decision in ("right", "undecided")


@pytest.mark.parametrize(
    ("of", "decision"),
    [
        (output("hinge", "sigmoid", 1), "refused"),
        (output("hinge", "linear", 1), "right"),
        (output("categorical_hinge", "softmax"), "right"),
        (output("kl_divergence", "sigmoid"), "refused"),
        (output("kl_divergence", "softmax"), "right"),
        (output("poisson", "linear", 1), "refused"),
        (output("poisson", "exponential", 1), "right"),
        (output("mean_squared_logarithmic_error", "linear", 1), "warned"),
        (output("binary_crossentropy", "softmax"), "refused"),
        (output("Dice", "linear"), "refused"),
        (output("Dice", "sigmoid"), "right"),
        (output("CTC", "softmax"), "refused"),
        (output("cosine_similarity", "linear", 1), "refused"),
        (output("mean_squared_error", "binary_step", 1), "refused"),
        (output("BinaryCrossentropy", "relu", 1, from_logits=True), "refused"),
        (output("BinaryCrossentropy", "tanh", 1, from_logits=True), "warned"),
        (output("BinaryCrossentropy", "linear", 1, from_logits=True), "right"),
        (output("categorical_crossentropy", "softmax", 1), "refused"),
    ],
)
def test_a_loss_suits_the_values_of_an_activation(of: ComparedOutput, decision: str) -> None:
    """Each refused one trains on values that the loss does not mean, or computes NaN."""
    assert loss_verdict(of).decision == decision
