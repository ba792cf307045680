"""Random valid configs: a data set, a model that fits it, and a training with anything that the catalog has."""

from __future__ import annotations

import random
import sys
from math import prod
from pathlib import Path
from typing import Any

from random_arguments import NO_VALUE, random_part
from random_data import Data, random_data

from nnrun.catalog import lookup
from nnrun.catalog.kinds import PartOf, nested_kinds
from nnrun.catalog.shapes.infer import ShapeError, Undecided, infer
from nnrun.catalog.shapes.layer_call import outputs
from nnrun.catalog.shapes.names import snake_case
from nnrun.spec.part import Part

sys.path.append(str(Path(__file__).parents[1] / "catalog" / "shapes"))
import random_stacks

Shape = tuple[int | None, ...]

#: Layers that take or make whole numbers, of which most other layers can do nothing.
_OF_INTEGERS = ("Embedding", "CategoryEncoding", "Hashing", "Discretization")
_MOST_VALUES = 1500
_INTEGER_LOSSES = ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy")
_ONE_HOT_LOSSES = (
    *("categorical_crossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy", "CategoricalHinge"),
    *("CategoricalGeneralizedCrossEntropy", "KLDivergence", "kl_divergence", "Dice", "Tversky", "crossentropy"),
)
_BINARY_LOSSES = ("binary_crossentropy", "BinaryCrossentropy", "BinaryFocalCrossentropy", "Hinge", "SquaredHinge")
_NUMBER_LOSSES = (
    *("MeanSquaredError", "mean_squared_error", "mse", "MeanAbsoluteError", "Huber", "LogCosh", "log_cosh"),
    *("MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "CosineSimilarity", "Poisson", "mae"),
)
_METRICS = {
    "integer": ("accuracy", "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy", "Accuracy",
                "SparseTopKCategoricalAccuracy", "MeanIoU", "IoU"),
    "one_hot": ("accuracy", "CategoricalAccuracy", "CategoricalCrossentropy", "TopKCategoricalAccuracy", "AUC",
                "Precision", "Recall", "F1Score", "FBetaScore", "KLDivergence", "CategoricalHinge", "OneHotIoU",
                "OneHotMeanIoU", "PrecisionAtRecall", "CosineSimilarity"),
    "binary": ("accuracy", "BinaryAccuracy", "BinaryCrossentropy", "AUC", "Precision", "Recall", "F1Score",
               "TruePositives", "FalseNegatives", "TrueNegatives", "FalsePositives", "BinaryIoU", "Hinge",
               "SensitivityAtSpecificity", "SpecificityAtSensitivity", "RecallAtPrecision", "SquaredHinge"),
    "number": ("MeanAbsoluteError", "mae", "mse", "MeanSquaredError", "RootMeanSquaredError", "R2Score",
               "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "LogCoshError", "CosineSimilarity",
               "PearsonCorrelation", "ConcordanceCorrelation", "Poisson", "huber", "log_cosh"),
}  # fmt: skip
#: Forms of the targets that a task can be given to a loss in.
_FORMS = {
    "binary": ("binary", "binary", "integer", "one_hot"),
    "classes": ("integer", "integer", "one_hot"),
    "one_hot": ("one_hot", "integer"),
    "labels": ("binary",),
    "steps": ("integer", "one_hot"),
    "text": ("integer", "one_hot"),
    "text steps": ("integer",),
}


class ConfigMaker:
    """Makes one random config, with its files in a folder.

    Args:
        rng: The generator of random numbers.
        folder: Where data files are written.
        backend: Keras' backend.
    """

    def __init__(self, rng: random.Random, folder: Path, backend: str) -> None:
        self.rng, self.backend = rng, backend
        self.data: Data = random_data(rng, folder)
        self.is_autoencoder = (
            rng.random() < 0.1 and not self.data.categories and not self.data.codes and "text" not in self.data.task
        )

    def config(self) -> dict[str, Any]:
        """Return the config as plain data."""
        rng = self.rng
        config: dict[str, Any] = {"name": "fuzz", "seed": rng.choice([0, 7, 4294967295])}
        if self.backend != "tensorflow":
            config["backend"] = self.backend
        if rng.random() < 0.08:
            config["precision"] = rng.choice(["mixed_bfloat16", "mixed_float16"])
        if rng.random() < 0.06:
            config["keras"] = {rng.choice(["floatx"]): rng.choice(["float64", "float16"])}
        prepare, shape = self._prepare()
        config["data"] = {"source": self.data.source}
        if prepare:
            config["data"]["prepare"] = prepare
        split = self._split()
        if split:
            config["data"]["split"] = split
        self.has_validation = "validation" in split
        config["model"], losses = self._model(shape)
        config["training"] = self._training(losses, shape)
        if rng.random() < 0.1 and self.data.known:
            config["expect"] = {f"{'test' if 'test' in split else 'train'}.loss": {"at_most": 1000}}
        return config

    # Data ---------------------------------------------------------------------------------------------------------

    def _prepare(self) -> tuple[list[Any], Shape]:
        rng, data, steps = self.rng, self.data, list[Any](self.data.steps)
        shape: Shape = data.shape
        if data.missing:
            steps.append(rng.choice([{"Impute": {"strategy": rng.choice(["mean", "median"])}}, "Impute"]))
        if data.categories:
            how = rng.choice(["OneHot", "OneHot", "Ordinal", "Hash"])
            if how == "OneHot":
                shape = (None,)
                steps.append({how: {"columns": data.categories, "unseen": "zeros"}})
            else:
                steps.append({how: {"columns": data.categories, **(
                    {"buckets": 5} if how == "Hash" else {"unseen": "minus_one"})}})  # fmt: skip
        if "text" in data.task or data.codes:
            return steps, shape
        if rng.random() < 0.5:
            steps.append(rng.choice(["Standardize", "MinMax", {"Rescale": 255}, {"Clip": {"low": -5, "high": 5}},
                                     {"MinMax": {"low": -1, "high": 1}}, {"Log": {"offset": 1000}}]))  # fmt: skip
        if len(shape) > 1 and rng.random() < 0.25:
            target = rng.choice([(prod(shape),), (*shape, 1)])  # type: ignore[arg-type]
            steps.append({"Reshape": list(target)})
            shape = target
        return steps, shape

    def _split(self) -> dict[str, Any]:
        rng, data = self.rng, self.data
        is_text = "text" in data.task
        classes = data.task in ("binary", "classes") and not self.is_autoencoder
        if not is_text and not data.test and rng.random() < 0.15:
            return self._folds(classes=classes)
        split: dict[str, Any] = {}
        if not data.test and rng.random() < 0.7:
            split["test"] = rng.choice([0.2, 0.3] if is_text else [0.2, 0.3, 0.4, 0.4, "train"])
        if rng.random() < 0.5:
            tested = data.test or isinstance(split.get("test"), float)
            split["validation"] = "test" if tested and rng.random() < 0.3 else rng.choice([0.2, 0.3])
        if not is_text and any(isinstance(size, float) for size in split.values()):
            order = rng.random()
            if classes and order < 0.3 and not data.group:
                split["stratify"] = True
            elif order > 0.9:
                split["shuffle"] = False
        return split

    def _folds(self, *, classes: bool) -> dict[str, Any]:
        rng, data = self.rng, self.data
        k_fold: dict[str, Any] = {"folds": rng.choice([2, 2, 3])}
        if rng.random() < 0.6:
            k_fold["shuffle"] = True
            if rng.random() < 0.15:
                k_fold["repeats"] = 2
        if data.group and rng.random() < 0.6:
            k_fold["groups"] = data.group
        elif classes and rng.random() < 0.5:
            k_fold["stratify"] = True
        if rng.random() < 0.2:
            k_fold["final_fit"] = True
        return {"k_fold": k_fold, **({"validation": rng.choice([0.2, 0.3])} if rng.random() < 0.3 else {})}

    # Model --------------------------------------------------------------------------------------------------------

    def _model(self, shape: Shape) -> tuple[Any, list[tuple[str | None, str, Any]]]:
        """Return the model, and for each output its name, the form of its targets and its loss."""
        data = self.data
        if self.is_autoencoder:
            return self._autoencoder(shape)
        if data.task == "mixed":
            return self._two_outputs()
        form, loss, units, activation = self._loss(data.task, data.classes)
        if data.task in ("steps", "text steps"):
            layers = self._stepwise_layers(shape, units, activation)
        elif data.task == "pictures":
            layers = self._layers_to_shape(shape, data.shape, activation)
        else:
            layers = self._chain(shape, units, activation)
        if self.rng.random() < 0.12:
            return {"inputs": {"x": "$input"}, "layers": layers}, [(None, form, loss)]
        return layers, [(None, form, loss)]

    def _chain(self, shape: Shape, units: Any, activation: Any) -> list[Any]:
        layers, shape = self._start(shape)
        more, shape = self._hidden(shape)
        return [*layers, *more, *self._to_vector(shape), _dense(units, activation)]

    def _start(self, shape: Shape) -> tuple[list[Any], Shape]:
        rng, data = self.rng, self.data
        if not data.codes or rng.random() < 0.1:
            return [], shape
        width = rng.randint(2, 6)
        size = 10 if data.task in ("binary", "classes") else "$vocabulary"
        arguments: dict[str, Any] = {"input_dim": size, "output_dim": width}
        if rng.random() < 0.3:
            arguments["mask_zero"] = True
        return [{"Embedding": arguments}], (*shape, width)

    def _hidden(self, shape: Shape, *, most: int = 3) -> tuple[list[Any], Shape]:
        """Return layers that probably take the shape, and the shape that they make of it."""
        rng, layers = self.rng, list[Any]()
        if not shape or None in shape:
            return [_dense(rng.randint(2, 6), "relu")] if rng.random() < 0.5 else [], (4,) if shape == (
                None,
            ) else shape
        for _ in range(rng.randint(0, most)):
            part = random_stacks.layer_for(rng, shape)
            try:
                made = outputs(infer(part.name, part.arguments, [shape]).output)
            except (ShapeError, Undecided):
                continue
            if len(made) != 1 or None in made[0] or prod(made[0]) > _MOST_VALUES or _has_integers(part):
                continue
            layers.append(self._plain(part))
            shape = made[0]
        if rng.random() < 0.12 and len(shape) == 1:
            wide = [{"Dense": {"units": shape[0], "activation": self._activation()}}]
            layers.append({"residual": {"layers": wide}} if rng.random() < 0.5 else
                          {"repeat": {"times": 2, "layers": wide}})  # fmt: skip
        return layers, shape

    def _plain(self, part: Part) -> Any:
        """Return a layer as a config writes it, with a few more arguments of the catalog."""
        rng, entry = self.rng, lookup.entry("layers", part.name)
        arguments = {key: self._plain_value(value) for key, value in part.arguments.items()}
        for key, parameter in entry.parameters.items() if entry else ():
            categories = [name for kind in nested_kinds(parameter.kind) if isinstance(kind, PartOf)
                          for name in kind.categories]  # fmt: skip
            if key in arguments or not categories or "layers" in categories or rng.random() > 0.08:
                continue
            value = random_part(rng, rng.choice(categories), depth=1)
            if value is not NO_VALUE:
                arguments[key] = value
        return {part.name: arguments} if arguments else part.name

    def _plain_value(self, value: Any) -> Any:
        if isinstance(value, Part):
            return self._plain(value)
        return [self._plain_value(item) for item in value] if isinstance(value, list | tuple) else value

    def _activation(self) -> Any:
        return self.rng.choice(["relu", "tanh", "gelu", "sigmoid", "linear", *lookup.names("activations")])

    def _to_vector(self, shape: Shape) -> list[Any]:
        rng, rank = self.rng, len(shape)
        if rank == 1:
            return []
        pools = [f"GlobalAveragePooling{rank - 1}D", f"GlobalMaxPooling{rank - 1}D"] if 2 <= rank <= 4 else []
        recurrent = [{rng.choice(["LSTM", "GRU", "SimpleRNN"]): rng.randint(2, 5)}] if rank == 2 else []
        return [rng.choice(["Flatten", *pools, *recurrent])]

    def _stepwise_layers(self, shape: Shape, units: Any, activation: Any) -> list[Any]:
        """Return layers that keep the first dimension, and one vector of outputs for each of its positions."""
        rng = self.rng
        layers, shape = self._start(shape)
        if len(shape) == 1:
            layers.append({"Reshape": [shape[0], 1]})
        elif len(shape) > 2:
            layers.append({"TimeDistributed": {"layer": "Flatten"}})
        if rng.random() < 0.7:
            width = rng.randint(2, 5)
            layers.append(rng.choice([
                {"LSTM": {"units": width, "return_sequences": True}},
                {"Bidirectional": {"layer": {"GRU": {"units": width, "return_sequences": True}}}},
                {"Conv1D": {"filters": width, "kernel_size": 2, "padding": "same"}},
                {"TimeDistributed": {"layer": {"Dense": width}}},
            ]))  # fmt: skip
        head = _dense(units, activation)
        return [*layers, {"TimeDistributed": {"layer": head}} if rng.random() < 0.3 else head]

    def _layers_to_shape(self, shape: Shape, wanted: Shape, activation: Any) -> list[Any]:
        if shape == wanted and len(shape) == 3 and self.rng.random() < 0.5:
            convolution = {"filters": wanted[-1], "kernel_size": 3, "padding": "same"}
            return [{"Conv2D": {**convolution, "activation": activation} if activation else convolution}]
        layers, shape = self._hidden(shape, most=2)
        flat = ["Flatten"] if len(shape) > 1 else []
        return [*layers, *flat, _dense(prod(wanted), activation), {"Reshape": list(wanted)}]  # type: ignore[arg-type]

    def _autoencoder(self, shape: Shape) -> tuple[Any, list[tuple[str | None, str, Any]]]:
        layers = self._layers_to_shape(shape, shape, self.rng.choice([None, "sigmoid"]))
        name, last = next(iter(layers[-1].items())) if isinstance(layers[-1], dict) else (layers[-1], {})
        key = "target_shape" if name == "Reshape" else "units"
        layers[-1] = {name: {**(last if isinstance(last, dict) else {key: last}), "name": "copy"}}
        loss = self._part("losses", self.rng.choice(_NUMBER_LOSSES))
        graph = {"inputs": {"x": "$input"}, "layers": layers, "outputs": {"copy": {"target": "$input", "loss": loss}}}
        return graph, [("copy", "number", None)]

    def _two_outputs(self) -> tuple[Any, list[tuple[str | None, str, Any]]]:
        rng, data = self.rng, self.data
        half = max(1, len(data.columns) // 2)
        inputs: dict[str, Any] = {"a": data.columns[:half] or "$input"}
        if data.columns[half:]:
            inputs["b"] = data.columns[half:]
        layers: list[Any] = [{"Dense": {"from": name, "units": 3, "name": f"{name}_seen", "activation": "relu"}}
                             for name in inputs]  # fmt: skip
        if len(inputs) > 1:
            layers.append({rng.choice(["Concatenate", "Add", "Multiply", "Average", "Maximum", "Subtract"]): {
                "from": [f"{name}_seen" for name in inputs], "name": "both"}})  # fmt: skip
        shared = "both" if len(inputs) > 1 else "a_seen"
        results, written = [], dict[str, Any]()
        for target, task in zip(data.targets, ("classes", "number"), strict=True):
            form, loss, units, activation = self._loss(task, 3)
            layers.append({"Dense": {"from": shared, "units": units, "name": target,
                                     **({"activation": activation} if activation else {})}})  # fmt: skip
            written[target] = {"loss": loss, **({"weight": 0.5} if rng.random() < 0.3 else {})}
            if metrics := self._metrics(form):
                written[target]["metrics"] = metrics
            results.append((target, form, None))
        return {"inputs": inputs, "layers": layers, "outputs": written}, results

    def _loss(self, task: str, classes: int) -> tuple[str, Any, Any, Any]:
        """Return the form of targets, the loss, the number of outputs and their activation."""
        rng = self.rng
        form = rng.choice(_FORMS.get(task, ("number",)))
        if form == "number":
            activation = rng.choice([None, None, None, "linear", "relu", "softplus", "sigmoid", "tanh"])
            names = ("mean_squared_error", "binary_crossentropy", "mae") if task == "pictures" else _NUMBER_LOSSES
            name = rng.choice(names)
            return form, self._part("losses", name), classes, "sigmoid" if name.startswith("binary") else activation
        by_form = {"integer": _INTEGER_LOSSES, "one_hot": _ONE_HOT_LOSSES, "binary": _BINARY_LOSSES}
        name = rng.choice(by_form[form])
        loss = self._part("losses", name)
        parameters = lookup.entry("losses", name).parameters  # type: ignore[union-attr]
        logits = "from_logits" in parameters and not name.islower() and rng.random() < 0.3
        given = loss[name] if isinstance(loss, dict) else {}
        given.pop("from_logits", None)
        loss = {name: {**given, "from_logits": True}} if logits else {name: given} if given else name
        activation = None if logits else "softmax" if form != "binary" else "sigmoid"
        if "inge" in name:
            activation = rng.choice([None, "tanh"])
        binary = form == "binary" and task != "labels"
        units = 1 if binary else classes if rng.random() < 0.5 and "text" not in task else "$classes"
        return form, loss, classes if task == "labels" else units, activation

    # Training -----------------------------------------------------------------------------------------------------

    def _part(self, category: str, name: str, chance: float = 0.12) -> Any:
        if lookup.entry(category, name) is None:
            return name
        part = random_part(self.rng, category, name, chance=chance)
        return name if part is NO_VALUE else part

    def _metrics(self, form: str) -> list[Any]:
        rng, metrics = self.rng, list[Any]()
        for _ in range(rng.randint(0, 3)):
            usual = _METRICS[form]
            name = rng.choice(usual if rng.random() < 0.9 else lookup.names("metrics"))
            if any(_name(one) == name for one in metrics):
                continue
            metrics.append(self._part("metrics", name))
        return metrics

    def _training(self, losses: list[tuple[str | None, str, Any]], shape: Shape) -> dict[str, Any]:
        rng, data = self.rng, self.data
        training: dict[str, Any] = {}
        _, form, loss = losses[0]
        if loss is not None:
            training["loss"] = loss
        training["optimizer"] = self._optimizer()
        metrics = self._metrics(form) if len(losses) == 1 else []
        if metrics:
            training["metrics"] = metrics
        training |= {"epochs": rng.choice([1, 1, 2]), "batch_size": rng.choice([4, 8, 16, 32])}
        if rng.random() < 0.1:
            training["shuffle"] = False
        if data.task in ("binary", "classes") and not self.is_autoencoder and rng.random() < 0.15:
            training["class_weight"] = "balanced"
        if len(shape) == 3 and shape[-1] in (1, 3) and rng.random() < 0.3:
            training["augment"] = [self._augmentation()]
        training |= self._watching(metrics)
        if "text" in data.task and rng.random() < 0.2:
            training["samples"] = {"length": 10, "temperature": rng.choice([0, 0.7])}
        if rng.random() < 0.25:
            training["execution"] = rng.choice([{"executor": "stepwise"}, {"executor": "resident"}, {"xla": False}])
        elif rng.random() < 0.04:
            training["execution"] = {"xla": True}
        return training

    def _augmentation(self) -> Any:
        names = [name for name in lookup.names("layers") if name.startswith("Random")]
        return self._part("layers", self.rng.choice(["RandomFlip", "RandomRotation", "GaussianNoise", *names]))

    def _watching(self, metrics: list[Any]) -> dict[str, Any]:
        """Return `best` and `callbacks`, which watch the loss or a metric."""
        rng, watching = self.rng, dict[str, Any]()
        parts = ("", "val_") if self.has_validation else ("",)
        monitors = [f"{part}{name}" for name in ("loss", *map(_metric_name, metrics)) for part in parts]
        if rng.random() < 0.15:
            watching["best"] = {"monitor": rng.choice(monitors)}
            if rng.random() < 0.5:
                watching["best"]["mode"] = rng.choice(["min", "max"])
        callbacks = [self._callback(monitors) for _ in range(rng.choice([0, 0, 1, 1, 2]))]
        return {**watching, "callbacks": callbacks} if callbacks else watching

    def _optimizer(self) -> Any:
        rng = self.rng
        if rng.random() < 0.4:
            return rng.choice(["Adam", "adam", {"SGD": {"learning_rate": 0.01, "momentum": 0.9}}, "RMSprop"])
        optimizer = random_part(rng, "optimizers", chance=0.1)
        return "Adam" if optimizer is NO_VALUE else optimizer

    def _callback(self, monitors: list[str]) -> Any:
        rng = self.rng
        name = rng.choice(["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint", "ModelCheckpoint", "CSVLogger",
                           "TerminateOnNaN", "BackupAndRestore", "SwapEMAWeights", "History"])  # fmt: skip
        part = random_part(rng, "callbacks", name, chance=0.3)
        entry = lookup.entry("callbacks", name)
        arguments = dict(part[name]) if isinstance(part, dict) else {}
        for path in ("filepath", "filename", "backup_dir"):
            arguments.pop(path, None)
        if entry is not None and "monitor" in entry.parameters:
            arguments["monitor"] = rng.choice(monitors)
        if name == "ModelCheckpoint" and rng.random() < 0.4:
            arguments["filepath"] = rng.choice(["m.keras", "checkpoints/{epoch:02d}-{loss:.3f}.keras"])
            arguments.pop("save_weights_only", None)
        elif name == "CSVLogger" and rng.random() < 0.5:
            arguments["filename"] = "log.csv"
        return {name: arguments} if arguments else name


def _dense(units: Any, activation: Any) -> dict[str, Any]:
    return {"Dense": {"units": units, "activation": activation} if activation else {"units": units}}


def _has_integers(part: Part) -> bool:
    inside = [value for value in part.arguments.values() if isinstance(value, Part)]
    return part.name in _OF_INTEGERS or any(map(_has_integers, inside))


def _name(part: Any) -> str:
    return str(next(iter(part))) if isinstance(part, dict) else str(part)


def _metric_name(metric: Any) -> str:
    """Return the name under which Keras reports a metric."""
    name = _name(metric)
    entry = lookup.entry("metrics", name)
    return snake_case(name if entry is None else entry.name)
