"""The sections of curves and scores."""

from __future__ import annotations

from math import isclose, isfinite
from typing import TYPE_CHECKING, Any

from nnrun.report.answers import is_cross_validated, part_of
from nnrun.report.contents import mapping, number
from nnrun.report.curves import curves, lines_of
from nnrun.report.fold_plots import fold_plots
from nnrun.report.headlines import PARTS
from nnrun.report.section import Section, Table
from nnrun.report.words import figure, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.report.contents import Contents

#: What the line of errors tells already.
_ERRORS = ("error_rate", "error_percent", "error_percent_interval_95", "interval", "errors")
#: Epochs of the table; of more, every second, fifth, ... is shown, and the last.
_MOST_EPOCHS = 200
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10000)


def learning(contents: Contents) -> Section:
    """The learning curves, and the figures behind them."""
    if not contents.epochs:
        return Section("learning", "Learning", notes=("No epoch was finished.",))
    plots = curves(contents.epochs, nats=_in_nats(contents))
    return Section(
        "learning", "Learning", tuple(_about_learning(contents)), plots=tuple(plots), tables=(_epochs(contents),)
    )


def _in_nats(contents: Contents) -> bool:
    """Whether the loss is a text's nats for each character: where the scores say the same of both."""
    part = part_of(contents)[1]
    loss, nats = number(part.get("loss")), number(part.get("nats_per_character"))
    return loss is not None and nats is not None and isclose(loss, nats, rel_tol=1e-3)


def _about_learning(contents: Contents) -> Iterator[str]:
    rates = {value for line in lines_of(contents.epochs, "learning_rate") for value in line.values if isfinite(value)}
    if len(rates) == 1:
        yield f"The learning rate was {rates.pop():.4g} throughout."
    lost = [row for row in contents.epochs if any(_is_lost(value) for value in row.values())]
    if lost:
        fold = f" of fold {lost[0]['fold']}" if lost[0].get("fold") is not None else ""
        yield f"Not a finite number from epoch {lost[0].get('epoch')}{fold} on: gaps in the curves."


def _is_lost(value: object) -> bool:
    told = number(value)
    return told is not None and not isfinite(told)


def _epochs(contents: Contents) -> Table:
    """The figures of the epochs, thinned out where they are many."""
    names = list(dict.fromkeys(name for row in contents.epochs for name in row))
    if not is_cross_validated(contents):
        names = [name for name in names if name != "fold"]
    step = next(one for one in _STEPS if len(contents.epochs) <= one * _MOST_EPOCHS or one == _STEPS[-1])
    chosen = [row for at, row in enumerate(contents.epochs, 1) if at % step == 0 or at == len(contents.epochs)]
    thinned = "" if step == 1 else f", every {step}th line"
    rows = tuple(tuple(figure(row.get(name)) for name in names) for row in chosen)
    caption = f"Figures of {len(contents.epochs):,} epoch{'s' if len(contents.epochs) > 1 else ''}{thinned}"
    return Table(caption, tuple(map(words, names)), rows, folded=True)


def scores(contents: Contents) -> Section:
    """Every plain figure of `scores.json`: a column for each part."""
    parts = {name: mapping(contents.scores.get(name)) for name in PARTS if mapping(contents.scores.get(name))}
    if not parts:
        return Section("scores", "Scores")
    told = {name: dict(_plain(part)) for name, part in parts.items()}
    names = dict.fromkeys(name for known in told.values() for name in known)
    rows = tuple((name, *(known.get(name, "-") for known in told.values())) for name in names)
    return Section(
        "scores",
        "Scores",
        tuple(_about_scores(contents)),
        tables=(Table("Figures of each part of the data", ("figure", *(PARTS[name] for name in parts)), rows),),
    )


def _about_scores(contents: Contents) -> Iterator[str]:
    which = contents.scores.get("checkpoint")
    digests = mapping(contents.record.get("digests"))
    # A part that is another one over again has no arrays of its own.
    if "test" in contents.scores and "train.x" in digests and "test.x" not in digests:
        yield "The test part is the training part: its figures tell how well it was learned, and no more."
    if which == "last":
        yield "Scored is the model as training left it."
    elif which:
        yield f"Scored is the checkpoint {which}."


def _plain(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The figures of a part that are one number, and those of its outputs."""
    for name, value in part.items():
        if name == "error_percent":
            low, high = part.get("error_percent_interval_95") or (None, None)
            yield "error, with 95 % interval", f"{_two(value)} % ({_two(low)} to {_two(high)} %)"
            yield "errors", figure(part.get("errors"))
        elif name not in _ERRORS and (value is None or number(value) is not None):
            yield words(name), figure(value)
    for output, figures in mapping(part.get("outputs")).items():
        for name, value in _plain(mapping(figures)):
            yield f"{output}: {name}", value


def _two(value: object) -> str:
    told = number(value)
    return "-" if told is None else f"{told:.2f}"


def folds(contents: Contents) -> Section:
    """What the folds of a cross-validation say together, and each by itself."""
    crossed = mapping(contents.scores.get("cross_validation"))
    if not crossed:
        return _folds_so_far(contents)
    note = (
        f"The interval of the mean is the {crossed.get('interval')}: folds share training rows, so that the usual "
        "one would be too narrow. The standard deviation is that of the folds."
    )
    return Section(
        "folds",
        "Folds",
        (note,),
        plots=tuple(fold_plots(crossed)),
        tables=(_means(crossed), _each([mapping(one) for one in crossed.get("each") or ()])),
    )


def _folds_so_far(contents: Contents) -> Section:
    """The folds that are done, of a run that did not come to its end."""
    if not contents.folds:
        return Section("folds", "Folds")
    each = [{"fold": number_, **mapping(told.get("test"))} for number_, told in contents.folds.items()]
    total = contents.record.get("folds")
    note = f"{len(each)} of {total} folds are done; what they say together is told when all are."
    return Section("folds", "Folds", (note,), tables=(_each(each),))


def _means(crossed: Mapping[str, Any]) -> Table:
    rows = []
    for name, mean in mapping(crossed.get("mean")).items():
        low, high = mapping(crossed.get("interval_95")).get(name) or (None, None)
        sd = figure(mapping(crossed.get("sd")).get(name))
        rows.append((words(name), figure(mean), sd, f"{figure(low)} to {figure(high)}"))
    return Table("All folds together", ("figure", "mean", "standard deviation", "95 % interval"), tuple(rows))


def _each(each: Sequence[Mapping[str, Any]]) -> Table:
    plain = [{name: value for name, value in fold.items() if number(value) is not None} for fold in each]
    names = list(dict.fromkeys(name for fold in plain for name in fold))
    rows = tuple(tuple(figure(fold.get(name)) for name in names) for fold in plain)
    return Table("Each fold", tuple(map(words, names)), rows)
