"""Which words of some texts a run's predictions go by: each word is left out, and the text predicted again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.data.columns import resolve_columns
from nnrun.pipeline.explain_pictures import choose_examples, predict_examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from nnrun.data.columns import Columns
    from nnrun.data.dataset import DataPart
    from nnrun.engine.explanation.quantities import Explained
    from nnrun.engine.session import Session
    from nnrun.pipeline.evaluate import LoadedRun

#: The steps that take texts apart.
_OF_TEXTS = frozenset({"TextVectorization", "TfidfVectorizer", "CountVectorizer", "HashingVectorizer"})
#: The words of a text that are left out, counted from its beginning.
MOST_WORDS = 100


def text_columns(loaded: LoadedRun, raw: Columns) -> list[str]:
    """Return the raw columns that a step of the preparation takes apart into words or characters."""
    found: dict[str, None] = {}
    for step in loaded.experiment.data.prepare:
        if step.name in _OF_TEXTS:
            columns = step.arguments.get("columns")
            known = [one for one in columns if isinstance(one, int) or one in raw.names] if columns else []
            found |= dict.fromkeys(resolve_columns(known, raw.names) if columns else raw.text())
    return [name for name in found if name in raw.text()]


def explain_words(
    loaded: LoadedRun,
    session: Session,
    raw: Columns,
    part: DataPart,
    prepare: Callable[[Columns], NDArray[Any]],
    count: int,
    seed: int,
) -> dict[str, Any]:
    """Return what predictions of some texts lose without each of their words; nothing where there are no texts.

    Args:
        loaded: The run.
        session: Its model.
        raw: The examples before their preparation.
        part: The same examples as the model takes them.
        prepare: Prepares raw examples.
        count: How many examples.
        seed: The seed by which they are chosen.
    """
    import numpy as np

    from nnrun.engine.explanation.quantities import explained, is_explained

    columns = text_columns(loaded, raw)
    predictions = predict_examples(session, part, scored=True) if columns else ()
    losses = list(loaded.experiment.losses.values())
    if not predictions or not all(map(is_explained, predictions)):
        return {}
    outputs = [explained(*pair) for pair in zip(predictions, losses, strict=True)]
    chosen, selection = choose_examples(outputs[0], count, np.random.default_rng(seed), seed)
    texts = []
    for row in chosen.tolist():
        for column in columns:
            words = str(raw.values[column][row]).split()[:MOST_WORDS]
            if not words:
                continue
            x = prepare(_without_each_word(raw, row, column, len(words)))
            targets = np.empty((len(x), 0), dtype="float32")
            copies = type(part)(x, targets, np.arange(len(x)), target_preparation=part.target_preparation)
            found = predict_examples(session, copies)
            for one, prediction, loss in zip(outputs, found, losses, strict=True):
                drops = _drops(one, row, prediction, loss)
                texts.append({"row": int(part.rows[row]), "column": column, **_facts(one, row, words, drops)})
    return {"texts": texts, "texts_selection": selection}


def _without_each_word(raw: Columns, row: int, column: str, count: int) -> Columns:
    """Return copies of an example, each without another one of the first words of a text."""
    import numpy as np

    copies = raw[np.full(count, row)]
    words = str(raw.values[column][row]).split()
    shorter: NDArray[Any] = np.empty(count, dtype=object)
    shorter[:] = [" ".join([*words[:at], *words[at + 1 :]]) for at in range(count)]
    return replace(copies, values={**copies.values, column: shorter})


def _drops(one: Explained, row: int, prediction: Any, loss: Any) -> NDArray[Any]:
    """Return by how much the value of the prediction falls without each word."""
    import numpy as np

    from nnrun.engine.explanation.quantities import values_of

    drops = one.values[row] - values_of(prediction, loss)[1]
    return np.asarray(np.abs(drops).mean(axis=1) if one.quantity == "numbers" else drops[:, one.predicted[row]])


def _facts(one: Explained, row: int, words: Sequence[str], drops: NDArray[Any]) -> dict[str, Any]:
    has_class = one.quantity in ("probability", "score")
    return {
        "output": one.name,
        "quantity": one.quantity,
        "predicted": one.names[one.predicted[row]] if has_class else None,
        "truth": None if one.truth is None else one.names[one.truth[row]],
        "value": None if one.quantity == "numbers" else float(one.values[row, one.predicted[row]]),
        "words": list(_words(words, drops)),
    }


def _words(words: Sequence[str], drops: NDArray[Any]) -> Iterator[dict[str, Any]]:
    for word, drop in zip(words, drops.tolist(), strict=True):
        yield {"word": word, "drop": drop}
