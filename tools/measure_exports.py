"""Measure how far exports are from Keras: every format for six kinds of model, on raw samples; prints a table.

    python tools/measure_exports.py --rows 1000 --runs-dir /tmp/measured > table.md

Trains the smoke configs that it needs. The extra `export` must be installed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nnrun.config.files import find_config
from nnrun.errors import NnrunError
from nnrun.export.all_formats import FORMATS
from nnrun.pipeline.evaluate import EvaluateRequest
from nnrun.pipeline.export import ExportRequest, export
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

#: A config of each kind, and what is set in it.
MODELS = {
    "mlp": ("smoke/digits_mlp", ()),
    "cnn": ("smoke/digits_cnn", ()),
    "LSTM": ("smoke/metamorphosis_lstm", ()),
    "Transformer": ("smoke/transformer", ()),
    "two inputs": ("smoke/two_by_two", ()),
    "k-fold, final fit": ("smoke/pima_kfold", ("data.split.k_fold.final_fit=true",)),
}


def measure(config: str, sets: tuple[str, ...], runs_dir: Path, rows: int) -> list[str]:
    """Train a config and return the greatest difference of each format, or the reason why it has none."""
    request = TrainRequest(str(find_config(config)), sets=sets, runs_dir=runs_dir)
    run = train(request, NullProgress()).folder
    cells = []
    for form in FORMATS:
        model = EvaluateRequest(str(run.path), runs_dir=runs_dir, checkpoint="")
        out = runs_dir / f"{run.id}_{form}"
        try:
            result = export(ExportRequest(model, form, out, rows=rows), NullProgress())
        except NnrunError as error:
            cells.append(str(error).partition(":")[0])
            continue
        where = "inside" if result.inside else "separate"
        cells.append(f"{result.difference:.1e} ({where}, {result.checked})")
    return cells


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--runs-dir", type=Path, required=True)
    parser.add_argument("models", nargs="*", default=list(MODELS), help="which of them")
    words = parser.parse_args()
    print("| model | " + " | ".join(FORMATS) + " |")
    print("|---|" + "---|" * len(FORMATS))
    for name in words.models:
        print(f"| {name} | " + " | ".join(measure(*MODELS[name], words.runs_dir, words.rows)) + " |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
