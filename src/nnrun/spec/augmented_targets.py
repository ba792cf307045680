"""What random layers of `augment:` change: which inputs, which masks with their pictures, and which labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nnrun.spec.facts import FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts
    from nnrun.spec.model import ModelInput

#: Layers that move the pixels of a picture, and so those of a target that is one.
MOVING = frozenset(
    ("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear", "RandomPerspective")
)
#: Layers that mix two examples and their labels.
MIXING = frozenset(("MixUp", "CutMix"))
#: Layers that move pixels in a way of which Keras draws another for the mask, or by chance among others.
MOVING_ALONE = frozenset(("RandomElasticTransform", "RandAugment", "AugMix"))
#: Layers that make pictures worse, of which the target is what they were.
DEGRADING = frozenset(("GaussianNoise", "RandomErasing", "RandomGaussianBlur"))
#: The layer that moves targets of another size, too.
OF_ANY_SIZE = "RandomFlip"


@dataclass(frozen=True)
class PictureTarget:
    """A target that is a picture.

    Attributes:
        kind: Masks in the form of the loss (class numbers, one-hot, 0 and 1), or a picture of numbers.
        size: Height and width; None where they are not known.
        classes: The number of classes of masks.
    """

    kind: Literal["integer", "one_hot", "binary", "number"]
    size: tuple[int | None, int | None]
    classes: int | None = None

    @property
    def is_mask(self) -> bool:
        """Whether each pixel has a class."""
        return self.kind != "number"


def augmented_inputs(inputs: Sequence[ModelInput], facts: Facts | None) -> Sequence[ModelInput]:
    """Return the inputs of which random layers change the examples: the only one, or those of pictures next to columns.

    Args:
        inputs: The inputs of the model.
        facts: What is known of the data; None where nothing is.
    """
    arrays = {} if facts is None else facts.arrays
    return inputs if len(inputs) == 1 else [one for one in inputs if one.columns and one.columns[0] in arrays]


def picture_target(experiment: Experiment, facts: Facts | None) -> PictureTarget | None:
    """Return the target of the model's only output if it is a picture; None where it is none, or not known."""
    if facts is None or len(experiment.graph.outputs) != 1:
        return None
    name = experiment.graph.outputs[0].target
    if name in FIELDS:
        shape = facts.input_shape or ()
        return PictureTarget("number", (shape[0], shape[1])) if len(shape) == 3 else None
    about = facts.of_target(name) or facts
    if len(about.positions) != 2:
        return None
    height, width = about.positions
    return PictureTarget(about.form, (height, width), about.classes)
