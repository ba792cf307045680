"""The combinations of the sweep over the catalog: every entry in every task, as configs over small files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnrun.catalog import lookup
from nnrun.catalog.describe import example_part

# Data ----------------------------------------------------------------------------------------------------------------


def write_data(folder: Path, rows: int = 30) -> None:
    """Write the files of all tasks: tables, sequences, pictures and a text."""
    rng = np.random.default_rng(5)
    a, b, c = rng.normal(size=(3, rows)).round(3)
    order = np.arange(rows)
    columns = {
        "a": a,
        "b": b,
        "c": c,
        "answer": np.array(["no", "yes"])[order % 2],
        "kind": np.array(["hi", "lo", "mid value"])[order % 3],
        "m1": order % 2,
        "m2": (order // 2) % 2,
        "m3": (order // 3) % 2,
        "price": (2 + a + 0.1 * b).round(3),
        "height": (3 - b).round(3),
    }
    lines = zip(*(values.tolist() for values in columns.values()), strict=True)
    text = "\n".join([",".join(columns), *(",".join(map(str, line)) for line in lines)])
    (folder / "table.csv").write_text(text + "\n", encoding="utf-8")
    sequences = rng.normal(size=(rows, 6, 3)).astype("float32")
    labels = 1 + (order[:, None] + np.arange(3)) % 3
    labels[::2, 2] = 0
    np.savez(folder / "sequences.npz", x=sequences, y=order % 3)
    np.savez(folder / "steps.npz", x=sequences, y=(order[:, None] + np.arange(6)) % 3)
    np.savez(folder / "numbers.npz", x=sequences, y=sequences[:, :, :1] * 0.5 + 2)
    np.savez(folder / "labels.npz", x=sequences, y=labels)
    pictures = rng.uniform(size=(rows, 8, 8, 3)).astype("float32")
    np.savez(folder / "pictures.npz", x=pictures, y=order % 3)
    np.savez(folder / "masks.npz", x=pictures, y=(pictures[..., :1] > 0.5).astype("float32"))
    np.savez(folder / "regions.npz", x=pictures, y=((pictures[..., 0] * 3).astype("int64")) % 3)
    np.savez(folder / "volumes.npz", x=rng.normal(size=(rows, 4, 4, 4, 2)).astype("float32"), y=order % 3)
    np.savez(folder / "films.npz", x=rng.normal(size=(rows, 3, 6, 6, 2)).astype("float32"), y=order % 3)
    np.savez(folder / "bodies.npz", x=rng.normal(size=(rows, 2, 3, 3, 3, 1)).astype("float32"), y=order % 3)
    np.savez(folder / "lines.npz", x=rng.normal(size=(rows, 3, 6, 2)).astype("float32"), y=order % 3)
    np.savez(folder / "codes.npz", x=rng.integers(0, 5, (rows, 6)), y=order % 3)
    np.savez(folder / "sounds.npz", x=rng.normal(size=(rows, 512)).astype("float32"), y=order % 3)
    words = "the cat sat on the mat and saw a rat. " * 12
    (folder / "text.txt").write_text(words, encoding="utf-8")


@dataclass(frozen=True)
class Task:
    """A kind of data with a model and a loss that suit it.

    Attributes:
        data: The section `data:`.
        body: The layers before the last one.
        units: The units of the last layer.
        activation: Its activation.
        loss: The loss.
    """

    data: dict[str, Any]
    body: tuple[Any, ...]
    units: Any
    activation: str
    loss: Any


def _table(target: Any) -> dict[str, Any]:
    split = {"test": 0.2, "validation": 0.25}
    return {"source": {"csv": {"file": "table.csv", "features": ["a", "b", "c"], "target": target}}, "split": split}


def _arrays(file: str) -> dict[str, Any]:
    return {"source": {"npz": {"file": file}}, "split": {"test": 0.2, "validation": 0.25}}


def _text(predict: str) -> dict[str, Any]:
    source = {"file": "text.txt", "window": 6, "stride": 10, "encode": "codes", "predict": predict}
    return {"source": {"text": source}, "split": {"test": 0.2, "validation": 0.2}}


_SEQUENCE = ({"SimpleRNN": {"units": 3, "return_sequences": True}},)
TASKS: dict[str, Task] = {
    "binary": Task(_table("answer"), (), 1, "sigmoid", "binary_crossentropy"),
    "integers": Task(_table("kind"), (), "$classes", "softmax", "sparse_categorical_crossentropy"),
    "one_hot": Task(_table("kind"), (), "$classes", "softmax", "categorical_crossentropy"),
    "rows_one_hot": Task(
        {**_table("kind"), "prepare": [{"OneHot": "target"}]}, (), "$classes", "softmax", "categorical_crossentropy"
    ),
    "labels": Task(_table(["m1", "m2", "m3"]), (), 3, "sigmoid", "binary_crossentropy"),
    "number": Task(_table("price"), (), 1, "linear", "mean_squared_error"),
    "numbers": Task(_table(["price", "height"]), (), 2, "linear", "mean_squared_error"),
    "sequences": Task(_arrays("sequences.npz"), ({"SimpleRNN": 3},), 3, "softmax", "categorical_crossentropy"),
    "steps": Task(_arrays("steps.npz"), _SEQUENCE, 3, "softmax", "sparse_categorical_crossentropy"),
    "steps_one_hot": Task(_arrays("steps.npz"), _SEQUENCE, 3, "softmax", "categorical_crossentropy"),
    "step_numbers": Task(_arrays("numbers.npz"), _SEQUENCE, 1, "linear", "mean_squared_error"),
    "ctc": Task(_arrays("labels.npz"), _SEQUENCE, 4, "linear", "CTC"),
    "pictures": Task(_arrays("pictures.npz"), ("Flatten",), 3, "softmax", "sparse_categorical_crossentropy"),
    "masks": Task(_arrays("masks.npz"), (), 1, "sigmoid", "binary_crossentropy"),
    "regions": Task(_arrays("regions.npz"), (), 3, "softmax", "sparse_categorical_crossentropy"),
    "text": Task(
        _text("next"),
        ({"Embedding": {"input_dim": "$vocabulary", "output_dim": 3}}, "Flatten"),
        "$vocabulary",
        "softmax",
        "sparse_categorical_crossentropy",
    ),
    "every_letter": Task(
        _text("every"),
        ({"Embedding": {"input_dim": "$vocabulary", "output_dim": 3}}, *_SEQUENCE),
        "$vocabulary",
        "softmax",
        "sparse_categorical_crossentropy",
    ),
}
#: Inputs that layers are tried on, as data with a class each.
INPUTS = {
    "row": _table("kind"),
    "sequence": _arrays("sequences.npz"),
    "picture": _arrays("pictures.npz"),
    "volume": _arrays("volumes.npz"),
    "film": _arrays("films.npz"),
    "line": _arrays("lines.npz"),
    "body": _arrays("bodies.npz"),
    "codes": _arrays("codes.npz"),
    "sound": _arrays("sounds.npz"),
}


# Configs -------------------------------------------------------------------------------------------------------------


def config(task: Task, *, layers: Any = None, **training: Any) -> dict[str, Any]:
    """Return a config of one task, with other layers or other settings of the training."""
    head = {"Dense": {"units": task.units, "activation": task.activation}}
    fixed = {"loss": task.loss, "optimizer": "Adam", "batch_size": 64, "epochs": 1}
    return {
        "name": "swept",
        "seed": 3,
        "data": task.data,
        "model": [*task.body, head] if layers is None else layers,
        "training": {**fixed, **training},
    }


@dataclass(frozen=True)
class Case:
    """One combination.

    Attributes:
        what: The entries that it is about, by category and name.
        where: The task or input.
        config: The config.
    """

    what: tuple[str, ...]
    where: str
    config: dict[str, Any]

    @property
    def label(self) -> str:
        """A name for people."""
        return f"{', '.join(self.what)} in {self.where}"


def _example(category: str, name: str) -> Any:
    entry = lookup.entry(category, name)
    assert entry is not None
    return _SPECIAL.get((category, name)) or example_part(entry)


#: Arguments that suit the small data better than the examples of the reference.
_SPECIAL: dict[tuple[str, str], Any] = {
    ("callbacks", "BackupAndRestore"): "BackupAndRestore",
    ("callbacks", "CSVLogger"): "CSVLogger",
    ("callbacks", "ModelCheckpoint"): "ModelCheckpoint",
    ("callbacks", "RemoteMonitor"): {"RemoteMonitor": {"root": "http://localhost:1"}},
    ("layers", "CenterCrop"): {"CenterCrop": {"height": 4, "width": 4}},
    ("layers", "RandomCrop"): {"RandomCrop": {"height": 4, "width": 4}},
    ("layers", "Resizing"): {"Resizing": {"height": 5, "width": 5}},
    ("layers", "CategoryEncoding"): {"CategoryEncoding": {"num_tokens": 5, "output_mode": "count"}},
    ("layers", "Embedding"): {"Embedding": {"input_dim": 5, "output_dim": 2}},
    ("layers", "ReversibleEmbedding"): {"ReversibleEmbedding": {"input_dim": 5, "output_dim": 2}},
    ("layers", "PositionEmbedding"): {"PositionEmbedding": {"sequence_length": 6}},
    ("layers", "GRUCell"): {"RNN": {"cell": {"GRUCell": 3}}},
    ("layers", "LSTMCell"): {"RNN": {"cell": {"LSTMCell": 3}}},
    ("layers", "SimpleRNNCell"): {"RNN": {"cell": {"SimpleRNNCell": 3}}},
    ("layers", "EinsumDense"): {"EinsumDense": {"equation": "ab,bc->ac", "output_shape": 4}},
    ("layers", "Permute"): {"Permute": [2, 1]},
    ("layers", "Reshape"): {"Reshape": [-1, 1]},
    ("layers", "RNN"): {"RNN": {"cell": {"GRUCell": 3}}},
    ("layers", "StackedRNNCells"): {"RNN": {"cell": {"StackedRNNCells": {"cells": [{"GRUCell": 3}, {"LSTMCell": 2}]}}}},
    ("layers", "TimeDistributed"): {"TimeDistributed": {"layer": {"Dense": 2}}},
    ("layers", "Discretization"): {"Discretization": {"bin_boundaries": [-1.0, 0.0, 1.0]}},
    ("layers", "IntegerLookup"): {"IntegerLookup": {"vocabulary": [0, 1, 2, 3, 4], "output_mode": "int"}},
    ("layers", "Normalization"): {"Normalization": {"mean": 0.0, "variance": 1.0}},
    ("layers", "MelSpectrogram"): {"MelSpectrogram": {"fft_length": 64, "sequence_stride": 32, "num_mel_bins": 4}},
    ("layers", "STFTSpectrogram"): {"STFTSpectrogram": {"frame_length": 4, "frame_step": 2, "fft_length": 4}},
    ("layers", "GroupNormalization"): {"GroupNormalization": {"groups": 1}},
    ("layers", "GroupQueryAttention"): {
        "GroupQueryAttention": {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1}
    },
    ("layers", "SpectralNormalization"): {"SpectralNormalization": {"layer": {"Dense": 2}}},
    ("layers", "Bidirectional"): {"Bidirectional": {"layer": {"LSTM": 2}}},
    ("metrics", "TopKCategoricalAccuracy"): {"TopKCategoricalAccuracy": 2},
    ("metrics", "SparseTopKCategoricalAccuracy"): {"SparseTopKCategoricalAccuracy": 2},
    ("metrics", "MeanIoU"): {"MeanIoU": {"num_classes": 3}},
    ("initializers", "Identity"): "Identity",
}


def metric_cases() -> Iterator[Case]:
    """Every metric in every task."""
    for where, task in TASKS.items():
        for name in lookup.names("metrics"):
            yield Case((name,), where, config(task, metrics=[_example("metrics", name)]))
    for name in ("Precision", "TruePositives"):
        part = {name: {"thresholds": [0.25, 0.5, 0.75]}}
        yield Case((f"{name} of thresholds",), "binary", config(TASKS["binary"], metrics=[part]))
    r2 = {"R2Score": {"class_aggregation": None}}
    yield Case(("R2Score of each",), "numbers", config(TASKS["numbers"], metrics=[r2]))


def loss_cases() -> Iterator[Case]:
    """Every loss in every task, with every last activation that it may have."""
    for where, task in TASKS.items():
        for name in lookup.names("losses"):
            for activation in ("linear", "sigmoid", "softmax"):
                # Only its own task has sequences of labels that CTC can align, which their values decide.
                if name.lower() == "ctc" and where != "ctc":
                    continue
                of_task = Task(task.data, task.body, task.units, activation, _example("losses", name))
                yield Case((name,), f"{where} after {activation}", config(of_task))


def callback_cases() -> Iterator[Case]:
    """Every callback in every task, and each that monitors with every figure."""
    for where, task in TASKS.items():
        for name in lookup.names("callbacks"):
            yield Case((name,), where, config(task, callbacks=[_example("callbacks", name)]))
    averaged = {"Adam": {"use_ema": True}}
    yield Case(
        ("SwapEMAWeights",), "averages", config(TASKS["number"], callbacks=["SwapEMAWeights"], optimizer=averaged)
    )
    monitors = {"one_hot": "f1_score_lo", "numbers": "mean_absolute_error", "labels": "auc", "number": "loss"}
    extra = {"one_hot": ["F1Score"], "numbers": ["mae"], "labels": ["AUC"], "number": []}
    for where, figure in monitors.items():
        for name in lookup.names("callbacks"):
            entry = lookup.entry("callbacks", name)
            if entry is None or "monitor" not in entry.parameters:
                continue
            for monitor in (figure, f"val_{figure}"):
                arguments = {"monitor": monitor, **({"save_best_only": True} if "Checkpoint" in name else {})}
                arguments |= {"filepath": f"{monitor}-{{epoch}}.keras"} if name == "ModelCheckpoint" else {}
                arguments |= {"directory": "orbax"} if name == "OrbaxCheckpoint" else {}
                part, metric = {name: arguments}, extra[where]
                yield Case((f"{name} on {monitor}",), where, config(TASKS[where], callbacks=[part], metrics=metric))


def optimizer_cases() -> Iterator[Case]:
    """Every optimizer and schedule."""
    for name in lookup.names("optimizers"):
        yield Case((name,), "one_hot", config(TASKS["one_hot"], optimizer=_example("optimizers", name)))


def schedule_cases() -> Iterator[Case]:
    """Every schedule of the learning rate."""
    for name in lookup.names("schedules"):
        rate = _example("schedules", name)
        for optimizer in ("SGD", "Adam"):
            part = {optimizer: {"learning_rate": rate}}
            yield Case((name,), f"{optimizer}", config(TASKS["number"], optimizer=part))


def _layers() -> list[str]:
    """Return the names of the layers but those of Keras Hub, whose package has an environment of its own."""
    entries = [lookup.entry("layers", name) for name in lookup.names("layers")]
    return [entry.name for entry in entries if entry is not None and entry.hub is None]


def layer_cases() -> Iterator[Case]:
    """Every layer on every input: alone, and as a merge of two tensors."""
    for where, data in INPUTS.items():
        task = Task(data, (), 3, "softmax", "sparse_categorical_crossentropy")
        for name in _layers():
            # Whether other values are token ids is known only after loading.
            if where == "codes" or name not in _OF_CODES:
                # Adam takes as long to compile as the layers, and is tried elsewhere.
                yield Case((name,), where, config(task, layers=branches([name]), optimizer="SGD"))


def branches(names: Sequence[str]) -> Any:
    """Return a graph with a branch for each layer, whose results are joined before the last layer."""
    layers: list[Any] = []
    for name in names:
        part = _example("layers", name)
        word, arguments = next(iter(part.items())) if isinstance(part, dict) else (part, {})
        if not isinstance(arguments, dict):
            entry = lookup.entry("layers", word)
            arguments = {str(entry.positional): arguments} if entry is not None else {}
        sources: Any = ["x", "x"] if name in _TAKING_TWO else "x"
        layers.append({word: {**arguments, "from": sources, "name": f"at_{name}"}})
        layers.append({"Flatten": {"from": f"at_{name}", "name": f"flat_{name}"}})
        layers.append({"Dense": {"units": 1, "from": f"flat_{name}", "name": f"one_{name}"}})
    last = f"one_{names[0]}"
    if len(names) > 1:
        last = "joined"
        layers.append({"Concatenate": {"from": [f"one_{name}" for name in names], "name": last}})
    layers.append({"Dense": {"units": 3, "activation": "softmax", "from": last, "name": "out"}})
    return {"inputs": {"x": "$input"}, "layers": layers, "outputs": {"out": {}}}


_OF_CODES = ("Embedding", "ReversibleEmbedding", "CategoryEncoding", "IntegerLookup")
_TAKING_TWO = frozenset(
    """Add AdditiveAttention Attention Average Concatenate Dot GroupQueryAttention HashedCrossing Maximum Minimum
    MultiHeadAttention
    Multiply Subtract""".split()  # noqa: SIM905
)


def augmentation_cases() -> Iterator[Case]:
    """Every random layer as augmentation."""
    for where, data in INPUTS.items():
        task = Task(data, ("Flatten",), 3, "softmax", "sparse_categorical_crossentropy")
        for name in lookup.names("layers"):
            if name.startswith("Random") or name in ("RandAugment", "AugMix", "GaussianNoise"):
                yield Case((name,), where, config(task, augment=[_example("layers", name)]))


def argument_cases() -> Iterator[Case]:
    """Every activation, initializer, regularizer and constraint, inside the model and as the last activation."""
    for name in lookup.names("activations"):
        for where in ("one_hot", "binary", "number", "steps", "pictures"):
            task = TASKS[where]
            of_task = Task(task.data, task.body, task.units, name, task.loss)
            yield Case((name,), f"{where} as the last", config(of_task))
    for category, argument in _OF_DENSE.items():
        for name in lookup.names(category):
            inner = {"Dense": {"units": 4, argument: _example(category, name)}}
            task = TASKS["one_hot"]
            head = {"Dense": {"units": 3, "activation": "softmax"}}
            yield Case((name,), f"Dense.{argument}", config(task, layers=[inner, head]))
    waves = Task(INPUTS["sound"], (), 3, "softmax", "sparse_categorical_crossentropy")
    kernel = {"Conv1D": {"filters": 5, "kernel_size": 8, "strides": 8, "kernel_initializer": "STFT"}}
    head = {"Dense": {"units": 3, "activation": "softmax"}}
    yield Case(("STFT",), "a Conv1D", config(waves, layers=[{"Reshape": [512, 1]}, kernel, "Flatten", head]))


_OF_DENSE = {
    "activations": "activation",
    "initializers": "kernel_initializer",
    "regularizers": "kernel_regularizer",
    "constraints": "kernel_constraint",
}


def several_outputs() -> Iterator[Case]:
    """Several outputs with losses and metrics of their own, each with a figure for each class or column."""
    data = _table(["answer", "kind", "price"])
    layers = [
        {"Dense": {"units": 4, "from": "x", "name": "shared"}},
        {"Dense": {"units": 1, "activation": "sigmoid", "from": "shared", "name": "answer"}},
        {"Dense": {"units": 3, "activation": "softmax", "from": "shared", "name": "kind"}},
        {"Dense": {"units": 1, "from": "shared", "name": "price"}},
    ]
    for of_kind in lookup.names("metrics"):
        outputs = {
            "answer": {"loss": "binary_crossentropy", "metrics": ["AUC", {"Precision": {"thresholds": [0.2, 0.6]}}]},
            "kind": {"loss": "categorical_crossentropy", "metrics": ["AUC", _example("metrics", of_kind)]},
            "price": {"loss": "mse", "metrics": ["mae", "R2Score"]},
        }
        model = {"inputs": {"x": "$row"}, "layers": layers, "outputs": outputs}
        training = {"optimizer": "Adam", "batch_size": 64, "best": {"monitor": "val_kind_loss"}}
        yield Case(
            (of_kind,),
            "one of several outputs",
            {"name": "swept", "data": data, "model": model, "training": training},
        )


CASES: dict[str, Callable[[], Iterator[Case]]] = {
    "metrics": metric_cases,
    "losses": loss_cases,
    "callbacks": callback_cases,
    "optimizers": optimizer_cases,
    "schedules": schedule_cases,
    "layers": layer_cases,
    "augmentation": augmentation_cases,
    "arguments": argument_cases,
    "outputs": several_outputs,
}
