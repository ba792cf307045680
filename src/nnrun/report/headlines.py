"""The figures that stand for a run, with how sure they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.report.answers import part_of
from nnrun.report.contents import mapping, number
from nnrun.report.section import Headline
from nnrun.report.words import figure, title
from nnrun.runs.folds import headline_figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.report.contents import Contents

PARTS = {"test": "test part", "validation": "validation part", "train": "training part"}
_MORE_CLASSES = ("accuracy", "roc_auc", "expected_calibration_error")
_MORE_NUMBERS = ("root_mean_squared_error", "mean_absolute_error", "r2")
_MORE_TEXT = ("perplexity",)


def headlines(contents: Contents) -> list[Headline]:
    """The figures of the folds together, then of the part that counts; one for each output."""
    found = _of_folds(mapping(contents.scores.get("cross_validation")))
    name, part = part_of(contents)
    outputs = mapping(part.get("outputs"))
    for output, figures in outputs.items():
        found += _of_part(f"{PARTS[name]}, output {output}", {**mapping(figures), "rows": part.get("rows")})
    if part and not outputs:
        found += _of_part(PARTS[name], part)
    return found or _last_loss(contents)


def _of_folds(crossed: Mapping[str, Any]) -> list[Headline]:
    means = {name: value for name, value in mapping(crossed.get("mean")).items() if number(value) is not None}
    if not means:
        return []
    names = [headline_figure(means)[0], *(one for one in (*_MORE_CLASSES, *_MORE_NUMBERS) if one in means)]
    return [_mean(crossed, name) for name in list(dict.fromkeys(names))[:4]]


def _mean(crossed: Mapping[str, Any], name: str) -> Headline:
    unit = " %" if name == "error_percent" else ""
    folds, repeats = crossed.get("folds"), crossed.get("repeats")
    often = f", {repeats} times" if isinstance(repeats, int) and repeats > 1 else ""
    low, high = mapping(crossed.get("interval_95")).get(name) or (None, None)
    sd = _plain(mapping(crossed.get("sd")).get(name), unit)
    interval = f"95 % interval {_plain(low, unit)} to {_plain(high, unit)}{unit}"
    detail = f"{interval}, {crossed.get('interval')}; sd {sd}{unit}"
    told = "Error" if name == "error_percent" else title(name)
    return Headline(
        f"{told}, mean of {folds} folds{often}", f"{_plain(mapping(crossed['mean'])[name], unit)}{unit}", detail
    )


def _plain(value: object, unit: str) -> str:
    told = number(value)
    return f"{told:.2f}" if unit and told is not None else figure(value)


def _of_part(where: str, part: Mapping[str, Any]) -> list[Headline]:
    """The most telling figure of a part, and what else one asks first."""
    numbers = {name: value for name, value in part.items() if number(value) is not None}
    if not any(name != "rows" for name in numbers):
        return []
    first, value = _first(numbers)
    found = (
        [_error(where, part)]
        if first == "error_percent"
        else [Headline(f"{title(first)} on the {where}", figure(value), _rows(part))]
    )
    more = _MORE_CLASSES if first == "error_percent" else _MORE_TEXT if "perplexity" in part else _MORE_NUMBERS
    found += [
        Headline(f"{title(name)} on the {where}", figure(part[name]))
        for name in more
        if name in numbers and name != first
    ]
    return found


def _first(numbers: Mapping[str, Any]) -> tuple[str, float]:
    """The most telling figure: of a text the bits, for which character errors stand only roughly."""
    bits = number(numbers.get("bits_per_character"))
    return headline_figure(numbers) if bits is None else ("bits_per_character", bits)


def _error(where: str, part: Mapping[str, Any]) -> Headline:
    low, high = part.get("error_percent_interval_95") or (None, None)
    interval = f"95 % interval {_plain(low, ' %')} to {_plain(high, ' %')} % ({part.get('interval')}); "
    return Headline(
        f"Error on the {where}",
        f"{_plain(part.get('error_percent'), ' %')} %",
        f"{interval}{figure(part.get('errors'))} wrong in {_answers(part)}",
    )


def _answers(part: Mapping[str, Any]) -> str:
    """How many answers were counted: more than there are rows where a row has several."""
    errors, rate = number(part.get("errors")), number(part.get("error_rate"))
    count = round(errors / rate) if errors and rate else part.get("rows")
    return _rows(part) if count == part.get("rows") else f"{count:,} answers"


def _rows(part: Mapping[str, Any]) -> str:
    return f"{figure(part['rows'])} rows" if part.get("rows") is not None else ""


def _last_loss(contents: Contents) -> list[Headline]:
    """Of a run without scores, the last loss that it came to."""
    for name in ("val_loss", "loss"):
        told = [(row.get("epoch"), value) for row in contents.epochs if (value := number(row.get(name))) is not None]
        if told:
            what = "Validation loss" if name == "val_loss" else "Training loss"
            shown = f"{what} after epoch {told[-1][0]}"
            return [Headline(shown, figure(told[-1][1]), "not scored: the run did not come to its end")]
    return []
