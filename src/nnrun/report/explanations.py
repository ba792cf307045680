"""The section about the parts of pictures that predictions go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_number
from nnrun.report.elements import EmbeddedImage, ReportSection, format_percent, png_url
from nnrun.report.panels import heat_overlay, side_by_side
from nnrun.runs.explanations import maps_name, pictures_name
from nnrun.runs.json_files import as_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from nnrun.report.run_contents import RunContents
    from nnrun.runs.explanations import Explanations

_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")
_QUANTITIES = {
    "probability": "the probability of the class",
    "score": "the score of the class",
    "number": "the predicted number",
    "numbers": "the predicted numbers, by the mean of their absolute changes",
}
_LIMITS = (
    "What the model reacts to in these pictures need not be what makes the class, and is no proof for other pictures."
)


def explanations_section(run: RunContents) -> ReportSection:
    """Return pictures with what their predictions go by over them; empty where it was not computed."""
    found = run.explanations
    title = "What predictions go by in pictures"
    if found is None:
        return ReportSection("explanations", title)
    facts = found.facts
    chosen = f"Pictures: {facts['selection']}, of {facts['rows']:,} examples of the {facts['part']} part."
    why = f"Method: {facts['method']}: {facts['reason']}."
    notes = (f"{chosen} {why}", *_meaning(facts), _LIMITS, *facts["notes"])
    return ReportSection("explanations", title, notes, images=tuple(_images(found)))


def _meaning(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the colours mean, and what they do not."""
    what = " / ".join(dict.fromkeys(_QUANTITIES.get(one["quantity"], "the output") for one in facts["outputs"]))
    has_classes = any(one["quantity"] in ("probability", "score") for one in facts["outputs"])
    panels = "In each: the picture, and over it what speaks for the prediction"
    yield f"{panels}{'; of wrong ones also what speaks for the true class' if has_classes else ''}."
    if facts["method"] == "grad-cam":
        layer = facts["inputs"][0]["layer"]
        yield (
            f"Grad-CAM (Selvaraju et al. 2017): the feature maps of {layer}, the last layer with height and width, "
            "weighted by the mean gradients of the score before its softmax or sigmoid. Orange: what raises it. The "
            "map is as coarse as the layer, has no unit, and does not show what speaks against the prediction."
        )
        return
    patches = ", ".join(dict.fromkeys(f"{one['patch']} x {one['patch']} pixels" for one in facts["inputs"]))
    is_signed = any(one["quantity"] != "numbers" for one in facts["outputs"])
    yield (
        f"Occlusion (Zeiler and Fergus 2014): a patch of {patches} in the mean colour covers one part after the other. "
        f"Measured: {what}. Orange: it {'falls' if is_signed else 'changes'} where the part is covered"
        f"{'; blue: it rises' if is_signed else ''}. Colours are scaled to the largest change in each map. Parts that "
        "say the same stand in for each other, so that covering one of them changes little."
    )


def _images(found: Explanations) -> Iterator[EmbeddedImage]:
    for output_number, output in enumerate(found.facts["outputs"]):
        for number, one in enumerate(found.facts["inputs"]):
            pictures = found.arrays[pictures_name(number)]
            maps, of_truth = (found.arrays[maps_name(number, output_number, of_truth=truth)] for truth in (False, True))
            names = ", ".join(name for name in (output["name"], one["name"]) if name)
            for at, example in enumerate(output["examples"]):
                about = f"{names}: " if names else ""
                about += _prediction(example, output["quantity"])
                panels, alt = [pictures[at], heat_overlay(pictures[at], maps[at])], _where(maps[at], "the prediction")
                if example["right"] is False and example["truth"] is not None:
                    panels.append(heat_overlay(pictures[at], of_truth[at]))
                    alt = f"{alt} {_where(of_truth[at], 'the true class')}"
                largest = "" if found.facts["method"] == "grad-cam" else _largest(example, number, output["quantity"])
                yield EmbeddedImage(png_url(side_by_side(panels)), f"{about}. {alt}", f"{about}{largest}")


def _prediction(example: Mapping[str, Any], quantity: str) -> str:
    place = f"row {example['row']}{', ' + example['file'] if example['file'] else ''}"
    value, true_value = (as_number(example[name]) for name in ("value", "true_value"))
    if example["predicted"] is None:
        error = f"error {format_number(as_number(example['error']))}"
        return f"{place}: {error}" if value is None else f"{place}: predicted {format_number(value)}, {error}"
    text = f"{place}: predicted {example['predicted']} ({_value(value, quantity)})"
    if example["right"]:
        return f"{text}, right"
    truth = "" if example["truth"] is None else f", true {example['truth']} ({_value(true_value, quantity)})"
    return f"{text}{truth}, wrong"


def _largest(example: Mapping[str, Any], number: int, quantity: str) -> str:
    change = as_number(example["largest"][number])
    shown = format_number(change)
    if quantity == "probability" and change is not None:
        shown = f"{100 * change:.1f} percentage points"
    return f"; {'changes by' if quantity == 'numbers' else 'falls by'} at most {shown} where covered"


def _value(value: float | None, quantity: str) -> str:
    if value is None or quantity != "probability":
        return format_number(value)
    return format_percent(value)


def _where(heat: NDArray[Any], what: str) -> str:
    """Return in words where a map is largest."""
    import numpy as np

    if not heat.max() > 0:
        return f"No part speaks for {what}."
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    place = _ROWS[int(row) * 3 // heat.shape[0]], _COLUMNS[int(column) * 3 // heat.shape[1]]
    return f"What speaks for {what} most is at the {' '.join(place)}."
