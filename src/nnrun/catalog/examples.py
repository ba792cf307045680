"""A value for each required argument, as a user might write it, for the example line of `nnrun explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog.kinds import Unsayable

if TYPE_CHECKING:
    from nnrun.catalog.lookup import Entry, Parameter

#: By the parameter's name, wherever it stands.
_BY_NAME: dict[str, Any] = {
    "activation": "relu",
    "axes": -1,
    "backup_dir": "backup",
    "boundaries": [1000, 2000],
    "buckets": 100,
    "cell": {"LSTMCell": 8},
    "cells": [{"LSTMCell": 8}, {"LSTMCell": 8}],
    "columns": ["colour"],
    "decay_rate": 0.9,
    "decay_steps": 1000,
    "default_value": 0.0,
    "dims": [2, 1],
    "directory": "checkpoints",
    "divide_by": 255,
    "equation": "ab,bc->ac",
    "factor": 0.2,
    "file": "data.csv",
    "filename": "log.csv",
    "filters": 32,
    "first_decay_steps": 1000,
    "head_dim": 8,
    "height": 32,
    "height_factor": 0.1,
    "initial_learning_rate": 0.001,
    "inner_optimizer": "adam",
    "input_dim": 1000,
    "kernel_size": 3,
    "key_dim": 8,
    "layer": {"Dense": 8},
    "layers": [{"Dense": 8}],
    "max_number": 10,
    "n": 4,
    "num_bins": 16,
    "num_classes": 3,
    "num_heads": 4,
    "num_key_value_heads": 2,
    "num_query_heads": 4,
    "output_dim": 16,
    "output_shape": 8,
    "output_size": 4,
    "pool_size": 2,
    "precision": 0.9,
    "q": 0.5,
    "rate": 0.2,
    "recall": 0.9,
    "num_tokens": 10,
    "scale": 0.1,
    "sensitivity": 0.9,
    "sequence_length": 100,
    "shape": [28, 28, 1],
    "specificity": 0.9,
    "stddev": 0.1,
    "maxlen": 100,
    "target_class_ids": [0, 1],
    "target_shape": [4, -1],
    "threshold": 0.5,
    "units": 64,
    "values": [0.01, 0.005, 0.001],
    "width": 32,
    "width_factor": 0.1,
}

#: Where the parameter's name alone does not tell.
_BY_ENTRY: dict[tuple[str, str], Any] = {
    ("Activation", "activation"): "softmax",
    ("Bidirectional", "layer"): {"LSTM": 64},
    ("Input", "shape"): [28, 28, 1],
    ("ModelCheckpoint", "filepath"): "best.keras",
    ("RandomPosterization", "factor"): 4,
    ("TFSMLayer", "filepath"): "exported",
    ("idx", "images"): "images-idx3-ubyte.gz",
    ("idx", "labels"): "labels-idx1-ubyte.gz",
    ("inline", "rows"): [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]],
    ("npz", "file"): "data.npz",
    ("openml", "id"): 61,
    ("parquet", "file"): "data.parquet",
    ("sklearn", "set"): "iris",
}


def example(entry: Entry, parameter: Parameter) -> Any:
    """A value that the parameter takes; None where only Python code could give one."""
    if isinstance(parameter.kind, Unsayable):
        return None
    return _BY_ENTRY.get((entry.name, parameter.name), _BY_NAME.get(parameter.name))


def example_of(entry: Entry) -> Any:
    """The entry as a config would name it: a word, a word with a lone value, or one with its required arguments."""
    required = [parameter for parameter in entry.parameters.values() if parameter.required]
    if not required:
        return entry.name
    if len(required) == 1 and entry.first == required[0] and not isinstance(example(entry, required[0]), dict):
        return {entry.name: example(entry, required[0])}
    return {entry.name: {parameter.name: example(entry, parameter) for parameter in required}}
