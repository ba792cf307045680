"""Checks of the values of targets of numbers: that outputs can reach them, and that they are of a size to learn."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.spec.finding import Finding
from nnrun.spec.output_bounds import bounded_output
from nnrun.spec.targets import loss_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.errors import Path
    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.output_bounds import BoundedOutput
    from nnrun.spec.target_values import TargetValues

#: Losses that do not compare the size of numbers.
_WITHOUT_SIZE = ("CosineSimilarity", "CTC", "Circle")
#: Outputs may miss a target by this fraction of their range, or of its size.
_TOLERANCE = 1e-3
#: Standard deviations of a target from which outputs of the usual size have a long way to it: initial outputs have one
#: of about 1, and each step of Adam moves a weight by about the learning rate.
_SMALL, _LARGE = 0.05, 100.0
#: A mean that is so far from 0, alone or in standard deviations.
_FAR, _FAR_IN_DEVIATIONS = 1000.0, 100.0
#: A standard deviation behind which gradients are as small as Adam's epsilon, and the epsilon to write then, as a
#: fraction of its square.
_TINY, _EPSILON = 1e-3, 1e-4
#: Whole numbers from here on are written with an exponent.
_LONG = 1e9
#: Activations whose values follow the logarithm of a target, whatever its size.
_LOGARITHMIC = ("exponential",)


def check_target_values(context: CheckContext) -> Iterator[Finding]:
    """Find targets of numbers that outputs cannot reach, or reach only after very many steps."""
    for output in context.graph.outputs:
        loss = context.experiment.losses[output.name]
        entry, values = lookup.entry("losses", loss.name), context.target_values.get(output.target or "")
        found = bounded_output(context.graph, output.source.name) if values else None
        is_known = entry is not None and entry.origin != "user" and loss_class(loss.name) not in _WITHOUT_SIZE
        if not values or found is None or not is_known or context.experiment.data.prepare_target:
            continue
        out_of_reach = next(_out_of_reach(found, values), None)
        if out_of_reach is not None:
            yield out_of_reach
        elif not (output.target or "").startswith("$"):
            yield from _scale(context, found, values)


def _out_of_reach(output: BoundedOutput, values: Mapping[str, TargetValues]) -> Iterator[Finding]:
    """Yield findings for columns with values outside of the range of an output, those that it misses most first.

    It is an error where the mean is outside, as most values then are.
    """
    low, high = output.bounds
    sizes = [abs(bound) for bound in (low, high) if not isinf(bound)]
    slack = _TOLERANCE * max(high - low if len(sizes) == 2 else 0.0, *sizes, 1e-9)
    for is_error in (True, False):
        for name, one in values.items():
            if one.least >= low - slack and one.most <= high + slack:
                continue
            if is_error != (not low <= one.mean <= high):
                continue
            text = f"the target {name!r} is {one.least:g} to {one.most:g}, but {_reaches(output)}"
            place, hint = _place(output), _range_hint(output, one)
            if is_error:
                yield Finding(place, text, hint, "target-out-of-range")
            else:
                yield Finding(place, text, hint, "target-partly-out-of-range", "warning")


def _reaches(output: BoundedOutput) -> str:
    """Say which values an output has."""
    (low, high), name = output.bounds, output.activation
    after = f"{name} and the Rescaling after it have" if output.is_rescaled else f"{name} has"
    if isinf(high):
        return f"{after} no value below {low:g}"
    return f"{after} no value above {high:g}" if isinf(low) else f"{after} values between {low:g} and {high:g}"


def _range_hint(output: BoundedOutput, values: TargetValues) -> str:
    hint = "leave out the activation" if "activation" in output.layer.part.arguments else "end with a Dense layer"
    low, high = output.bounds
    if isinf(low) or isinf(high) or output.is_rescaled:
        return hint
    scale = (values.most - values.least) / (high - low)
    return f"{hint}, or put {_rescaling(scale, values.least - scale * low)} after it"


def _rescaling(scale: float, offset: float) -> str:
    """Return the layer that scales and shifts outputs, as a line to write."""
    return f"`Rescaling: {{scale: {_short(scale)}, offset: {_short(offset)}}}`"


def _short(value: float) -> str:
    """Return a number with four digits, without an exponent where it is of usual size."""
    rounded = float(f"{value:.4g}")
    return str(int(rounded)) if rounded.is_integer() and abs(rounded) < _LONG else f"{rounded:g}"


def _scale(context: CheckContext, output: BoundedOutput, values: Mapping[str, TargetValues]) -> Iterator[Finding]:
    """Yield a finding for the first column whose size is far from that of outputs."""
    if output.activation in _LOGARITHMIC or output.is_rescaled or not any(map(isinf, output.bounds)):
        return
    for name, one in values.items():
        is_far = abs(one.mean) > min(_FAR, _FAR_IN_DEVIATIONS * one.deviation)
        if one.deviation and (not _SMALL <= one.deviation <= _LARGE or is_far):
            text = (
                f"the target {name!r} has a mean of {_short(one.mean)} and a standard deviation of "
                f"{_short(one.deviation)}, but outputs begin with about 0 and 1, and come there only after many steps"
            )
            put = f"put {_rescaling(one.deviation, one.mean)} after the last layer{_optimizer_hint(context, one)}"
            step = "write `prepare_target: [StandardScaler]` under data, which predictions undo"
            yield Finding(output.layer.path, text, f"{step}; or {put}", "target-scale", "warning")
            return


def _optimizer_hint(context: CheckContext, values: TargetValues) -> str:
    """Return what the optimizer needs next to a `Rescaling`: gradients behind it are as small or large as the target.

    Adam divides by their size, to which it adds `epsilon` (1e-7); plain gradient descent multiplies by it.
    """
    optimizer = context.training.optimizer
    if optimizer is None or optimizer.name == "SGD":
        return ", and write optimizer: Adam"
    entry = lookup.entry("optimizers", optimizer.name)
    if values.deviation >= _TINY or entry is None or "epsilon" not in entry.parameters:
        return ""
    return f", and write {optimizer.name}: {{epsilon: {_EPSILON * values.deviation**2:.0e}}}"


def _place(output: BoundedOutput) -> Path:
    path = output.layer.path
    return (*path, "activation") if "activation" in output.layer.part.arguments else path
