"""Explanations of the findings of data: sources, columns, preparation, targets."""

from __future__ import annotations

from nnrun.spec.findings.explanation import Explanation

_ROWS = "rows: [[0, 5, 0.5], [1, 6, 1.5], [2, 7, 2.5]]"
_NUMBERS = {"t.csv": "age,bmi,weight,risk\n30,20,1,0.5\n40,25,2,1.5\n50,30,1,2.5\n"}
_TEXT = {"t.csv": "age,town,risk\n30,Ulm,0.5\n40,Bonn,1.5\n50,Ulm,2.5\n"}
_REGRESSION = "model: [{Dense: $targets}]\ntraining: {loss: mse, optimizer: Adam, batch_size: 3}\n"


def _inline(rest: str = "") -> str:
    return f"data: {{source: {{inline: {{{_ROWS}{rest}}}}}}}\n{_REGRESSION}"


def _csv(rest: str, model: str = _REGRESSION) -> str:
    return f"data: {{source: {{csv: {{file: t.csv, target: risk{rest}}}}}}}\n{model}"


def _inputs(named: str) -> str:
    return (
        f"data: {{source: {{csv: {{file: t.csv, target: risk}}}}}}\n"
        f"model:\n  inputs: {{facts: {named}}}\n  layers: [{{Dense: {{from: facts, units: 1}}}}]\n"
        "training: {loss: mse, optimizer: Adam, batch_size: 3}\n"
    )


def _outputs(target: str) -> str:
    return (
        "data: {source: {csv: {file: t.csv, features: [age], target: [bmi, risk]}}}\n"
        "model:\n  layers:\n    - Dense: {from: input, units: 1, name: one}\n"
        "    - Dense: {from: input, units: 1, name: other}\n"
        f"  outputs: {{one: {{target: bmi}}, other: {{target: {target}}}}}\n"
        "training: {loss: mse, optimizer: Adam, batch_size: 3}\n"
    )


FINDINGS = {
    "missing-file": Explanation(
        "error",
        "A data file is not there.",
        "Files are looked for beside the config, then in the data folder (--data-dir, NNRUN_DATA_DIR, else the cache).",
        "data: {source: {csv: {file: missing.csv, target: risk}}}\n" + _REGRESSION,
        _csv(""),
        _NUMBERS,
    ),
    "unreadable-data": Explanation(
        "error",
        "A table's header cannot be read.",
        "Its separator, encoding or first lines are not what the config says. The message names the row.",
        "data: {source: {csv: {file: empty.csv, target: risk}}}\n" + _REGRESSION,
        _csv(""),
        {**_NUMBERS, "empty.csv": ""},
    ),
    "defective-data": Explanation(
        "error",
        "A data file holds rows that cannot be used.",
        "Too few or too many fields, quotes, bytes, missing values, text among numbers, dates that are none: each kind "
        "of defect of each column is told where it first stands, with row and column, and the next ones are counted.",
        "data: {source: {csv: {file: torn.csv, target: risk}}}\n" + _REGRESSION,
        _csv(""),
        {**_NUMBERS, "torn.csv": "age,risk\n30,0.5\n40\n50,2.5\n"},
    ),
    "download-to-come": Explanation(
        "note",
        "A named data set is not on this machine yet.",
        "Training downloads it first; `nnrun data fetch NAME` does so now. All checks are made all the same.",
        """
data: {source: mnist}
model: [Flatten, {Dense: {units: $classes, activation: softmax}}]
""",
        "data: {source: digits}\n",
    ),
    "no-features": Explanation(
        "error",
        "No column is left beside the target.",
        "A model needs something to predict from.",
        f"data: {{source: {{inline: {{rows: [[1], [2], [3]]}}}}}}\n{_REGRESSION}",
        _inline(),
    ),
    "no-target": Explanation(
        "error",
        "The source has no target, but a loss compares with one.",
        "Name a target column, or make the input itself the target of an output: `$input`.",
        _inline(", target: []").replace("$targets", "1"),
        _inline(),
    ),
    "unknown-column": Explanation(
        "error",
        "A column is named that the table does not have, or named twice.",
        "Names are those of the header, or indexes counted from 0 where there is none.",
        _csv(", features: [agee, bmi]"),
        _csv(", features: [age, bmi]"),
        _NUMBERS,
    ),
    "unknown-field": Explanation(
        "error",
        "An input or target is a word for data of another kind.",
        "$image stands for pictures, $codes for texts, $row for all feature columns of a table.",
        _inputs("$codes"),
        _inputs("$row"),
        _NUMBERS,
    ),
    "unknown-target": Explanation(
        "error",
        "An output is compared with a target that the data do not have.",
        "With several outputs each is named after a target column, or says `target:`.",
        _outputs("rsik"),
        _outputs("risk"),
        _NUMBERS,
    ),
    "target-among-features": Explanation(
        "error",
        "A target column also stands among the features.",
        "The model would be told the answer, and its figures would mean nothing.",
        _csv(", features: [age, risk]"),
        _csv(", features: [age, bmi]"),
        _NUMBERS,
    ),
    "weight-among-columns": Explanation(
        "error",
        "The column of the rows' weights also stands among features or targets.",
        "A weight says how much a row counts; as a feature it would be learned from as well.",
        _csv(", features: [age, weight], sample_weight: weight"),
        _csv(", features: [age, bmi], sample_weight: weight"),
        _NUMBERS,
    ),
    "group-among-columns": Explanation(
        "error",
        "The column that groups the rows also stands among features, targets or weights.",
        "Rows of one group stay together, so that the model is tested on groups which it never met.",
        _csv(", features: [age, weight], group: weight"),
        _csv(", features: [age, bmi], group: weight"),
        _NUMBERS,
    ),
    "text-left": Explanation(
        "error",
        "Columns of text are left after the preparation.",
        "Networks take numbers: add OneHot or another step that encodes them, or leave the columns out.",
        _csv(""),
        f"data: {{source: {{csv: {{file: t.csv, target: risk}}}}, prepare: [{{OneHot: [town]}}]}}\n{_REGRESSION}",
        _TEXT,
    ),
    "unusable-arguments": Explanation(
        "error",
        "Arguments of a source or of a preparation step do not go together.",
        "The message says which, and what was expected.",
        f"data: {{source: {{inline: {{rows: [[0, 1], [1]]}}}}}}\n{_REGRESSION}",
        _inline(),
    ),
    "impossible-preparation": Explanation(
        "error",
        "A preparation step cannot be applied to what comes before it.",
        "The message says which shape or columns it was given.",
        """
data: {source: digits, prepare: [{Reshape: [7, 8, 1]}]}
model: [Flatten, {Dense: {units: $classes, activation: softmax}}]
""",
        """
data: {source: digits, prepare: [{Reshape: [8, 8, 1]}]}
model: [Flatten, {Dense: {units: $classes, activation: softmax}}]
""",
    ),
    "impossible-split": Explanation(
        "error",
        "Rows cannot be dealt out as `split:` says.",
        "The source's own test part stands against `test:`, there is no test part to use twice, or nothing is left.",
        "data: {source: digits, split: {validation: 0.9999}}\n",
        "data: {source: digits, split: {validation: 0.1}}\n",
    ),
    "loss-target-mismatch": Explanation(
        "error",
        "The loss compares something else than the target is.",
        "Crossentropies and hinges compare classes; mean_squared_error and its kin compare numbers.",
        _inline().replace("loss: mse", "loss: sparse_categorical_crossentropy"),
        _inline(),
    ),
    "class-scored-as-number": Explanation(
        "warning",
        "The target is a class, but the loss compares numbers.",
        "Class 9 would count as nine times class 1. Use a crossentropy, or silence it where the numbers mean amounts.",
        "model: [Flatten, {Dense: $targets}]\ntraining: {loss: mse, optimizer: Adam}\n",
        "",
    ),
}
