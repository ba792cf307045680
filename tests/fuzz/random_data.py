"""Random small data sets for configs: written as real files of every kind that nnrun reads, or named."""

from __future__ import annotations

import csv
import random
import struct
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_WORDS = ("red", "green", "blue", "gold")
_CLASSES = ("yes", "no", "maybe", "never")
_TEXT = "It was a bright cold day in April, and the clocks were striking thirteen. Nobody in the street looked up. "


@dataclass
class Data:
    """A data set that a config names, and what a model of it needs to know.

    Attributes:
        source: The source as the config writes it.
        task: `binary`, `classes`, `one_hot`, `labels`, `number`, `numbers`, `steps`, `pictures` or `mixed`.
        shape: The shape of one example before preparation.
        classes: The number of classes, or of targets.
        categories: Columns of categories, which a step must encode.
        missing: Whether values are missing, which a step must fill in.
        dates: Columns of dates.
        columns: The names of the feature columns of a table.
        targets: The names of the target columns of a table.
        codes: Whether examples are token ids.
        steps: Preparation that the data need.
        test: Whether the source has a test part of its own.
        file: A file or folder of the same kind for `predict`, or None.
        code: The file of `--code`, or None.
        group: The column of groups, or None.
        known: Whether `check` can know the data, which it cannot where the user's own code reads them.
    """

    source: Any
    task: str
    shape: tuple[int, ...]
    classes: int = 1
    categories: list[str] = field(default_factory=list)
    missing: bool = False
    dates: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    codes: bool = False
    steps: list[Any] = field(default_factory=list)
    test: bool = False
    file: str | None = None
    code: str | None = None
    group: str | None = None
    known: bool = True


def random_data(rng: random.Random, folder: Path) -> Data:
    """Return a random data set; its files are written into `folder`."""
    makers: list[Callable[[random.Random, Path], Data]] = [
        *[_csv] * 6,
        *[_npz] * 5,
        *[_named] * 4,
        *[_images] * 2,
        _idx,
        _inline,
        _inline,
        _npy,
        *[_text] * 3,
        *[_sequences] * 2,
        *[_own_code] * 2,
    ]
    if find_spec("pyarrow") is not None:
        makers += [_parquet] * 2
    return rng.choice(makers)(rng, folder)


def _draw(rng: random.Random) -> np.random.Generator:
    return np.random.default_rng(rng.randrange(2**32))


def _task(rng: random.Random) -> str:
    return rng.choice(["binary", "binary", "classes", "classes", "labels", "number", "number", "numbers", "mixed"])


def _table(rng: random.Random, rows: int) -> tuple[dict[str, list[Any]], Data]:
    """Return the columns of a table by name, and the data set that they are."""
    draw, task = _draw(rng), _task(rng)
    columns: dict[str, list[Any]] = {}
    data = Data(None, task, ())
    for index in range(rng.randint(1, 5)):
        values = (draw.normal(size=rows) * 10.0 ** rng.randint(-2, 2)).round(4)
        if rng.random() < 0.3:
            values = values.round(0)
        columns[rng.choice(["x", "a b", "größe", "x."]) + str(index)] = values.tolist()
    numeric = list(columns)
    if rng.random() < 0.3:
        columns["colour"] = draw.choice(_WORDS, rows).tolist()
        data.categories.append("colour")
    if rng.random() < 0.15:
        columns["day"] = [str(date(2020, 1, 1) + timedelta(days=int(day))) for day in draw.integers(0, 900, rows)]
        data.dates = ["day"]
    if rng.random() < 0.15:
        for row in draw.integers(0, rows, 3):
            columns[numeric[0]][row] = ""
        data.missing = True
    data.columns = list(columns)
    data.shape = (len(columns),)
    for name, values in _targets(rng, draw, task, rows, columns[numeric[-1]], data).items():
        columns[name] = values
        data.targets.append(name)
    return columns, data


def _targets(
    rng: random.Random, draw: np.random.Generator, task: str, rows: int, near: list[Any], data: Data
) -> dict[str, list[Any]]:
    order = np.argsort(np.argsort([0.0 if value == "" else value for value in near])) + draw.normal(0, rows / 8, rows)
    if task in ("binary", "classes"):
        data.classes = 2 if task == "binary" else rng.randint(3, 4)
        numbers = np.clip(order * data.classes // rows, 0, data.classes - 1).astype(int)
        numbers[: data.classes] = range(data.classes)
        in_words = rng.random() < 0.5
        return {"y": [_CLASSES[number] if in_words else int(number) for number in numbers]}
    if task == "labels":
        data.classes = rng.randint(2, 3)
        return {f"l{index}": draw.integers(0, 2, rows).tolist() for index in range(data.classes)}
    if task == "mixed":
        kinds = draw.integers(0, 3, rows)
        kinds[:3] = range(3)
        return {"kind": [_CLASSES[kind] for kind in kinds], "price": (order * 2.5).round(3).tolist()}
    data.classes = 1 if task == "number" else rng.randint(2, 3)
    scale, shift = 10.0 ** rng.randint(-1, 3), rng.choice([0.0, 0.0, 50.0])
    return {
        f"t{index}": (order / rows * scale + shift + draw.normal(size=rows) * scale / 10).round(5).tolist()
        for index in range(data.classes)
    }


def _roles(rng: random.Random, rows: int, columns: dict[str, list[Any]], data: Data) -> dict[str, Any]:
    """Return arguments of a table's source: the target, and columns of weights and groups."""
    draw, arguments = _draw(rng), dict[str, Any]()
    if data.dates:
        arguments["types"] = dict.fromkeys(data.dates, "date")
    if rng.random() < 0.15:
        columns["w"] = draw.uniform(0.1, 2, rows).round(3).tolist()
        arguments["sample_weight"] = "w"
    if rng.random() < 0.15:
        columns["g"] = [f"g{number}" for number in draw.integers(0, 12, rows)]
        data.group = "g"
        if rng.random() < 0.5:
            arguments["group"] = "g"
    if {"w", "g"} & {*columns} or len(data.targets) > 1 or rng.random() < 0.5:
        arguments["target"] = data.targets[0] if len(data.targets) == 1 else data.targets
    if ("g" in columns and "group" not in arguments) or rng.random() < 0.1:
        arguments["features"] = data.columns
    return arguments


def _csv(rng: random.Random, folder: Path) -> Data:
    rows = rng.randint(24, 60)
    columns, data = _table(rng, rows)
    arguments = _roles(rng, rows, columns, data)
    separator = rng.choice([",", ",", ";", "\t"])
    decimal = "," if separator == ";" and rng.random() < 0.3 else "."
    encoding = rng.choice(["utf-8", "utf-8", "utf-8-sig", "cp1252"])
    with (folder / "t.csv").open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([str(cell).replace(".", decimal) if isinstance(cell, float) else cell for cell in row])
    if separator != ",":
        arguments["separator"] = separator
    if decimal != ".":
        arguments["decimal"] = decimal
    if encoding == "cp1252":
        arguments["encoding"] = encoding
    if rng.random() < 0.1 and "group" not in arguments and not data.group:
        arguments["stream"] = True
    data.source = {"csv": {"file": "t.csv", **arguments}}
    data.file = "t.csv"
    return data


def _parquet(rng: random.Random, folder: Path) -> Data:
    import pandas as pd

    rows = rng.randint(24, 60)
    columns, data = _table(rng, rows)
    arguments = _roles(rng, rows, columns, data)
    frame = pd.DataFrame({name: [None if cell == "" else cell for cell in cells] for name, cells in columns.items()})
    frame.to_parquet(folder / "t.parquet")
    data.source = {"parquet": {"file": "t.parquet", **arguments}}
    data.file = "t.parquet"
    return data


def _inline(rng: random.Random, folder: Path) -> Data:
    rows = rng.randint(8, 16)
    draw, task = _draw(rng), rng.choice(["binary", "classes", "number", "labels", "numbers"])
    data = Data(None, task, (rng.randint(1, 3),))
    x = draw.normal(size=(rows, *data.shape)).round(3)
    targets = _targets(rng, draw, task, rows, x[:, 0].tolist(), data)
    data.source = {"inline": {"rows": [list(row) for row in zip(*x.T.tolist(), *targets.values(), strict=True)]}}
    if len(targets) > 1:
        data.source["inline"]["target"] = list(range(-len(targets), 0))
    data.targets = list(targets) if len(targets) == 1 else []
    return data


def _arrays(rng: random.Random) -> tuple[np.ndarray, np.ndarray, Data]:
    """Return examples and targets of any rank."""
    draw, rows = _draw(rng), rng.randint(20, 40)
    shape = rng.choice([(4,), (7,), (6, 3), (5, 2), (8, 8), (6, 6, 1), (8, 8, 3), (3, 4, 4, 1)])
    task = rng.choice(["binary", "classes", "one_hot", "labels", "number", "numbers", "steps", "pictures"])
    x = draw.normal(size=(rows, *shape)) if rng.random() < 0.7 else draw.integers(0, 255, (rows, *shape))
    x = x.astype(rng.choice(["float32", "float64", "float16", ">f4", "int16", "uint8"]) if x.dtype.kind == "i" else
                 rng.choice(["float32", "float64", "float16", ">f4"]))  # fmt: skip
    classes = 2 if task == "binary" else rng.randint(3, 4)
    numbers = draw.integers(0, classes, rows)
    numbers[:classes] = range(classes)
    data = Data(None, task, shape, classes)
    if task in ("binary", "classes"):
        names = np.array(_CLASSES[:classes])
        return x, names[numbers] if rng.random() < 0.3 else numbers.astype(rng.choice(["int64", "uint8", "int8"])), data
    if task == "one_hot":
        return x, np.eye(classes, dtype=rng.choice(["float32", "int8", "bool"]))[numbers], data
    if task == "labels":
        return x, draw.integers(0, 2, (rows, classes)), data
    if task == "steps":
        return x, draw.integers(0, classes, (rows, shape[0])), data
    if task == "pictures":
        return x, draw.random((rows, *shape)).astype("float32"), data
    data.classes = 1 if task == "number" else classes
    y = draw.normal(size=(rows, data.classes)) * 10.0 ** rng.randint(-1, 2)
    return x, y.astype("float32").reshape(rows) if task == "number" and rng.random() < 0.5 else y, data


def _npz(rng: random.Random, folder: Path) -> Data:
    x, y, data = _arrays(rng)
    arrays, named = {}, {"x": "x", "y": "y"}
    if rng.random() < 0.25:
        arrays["sample_weight"] = _draw(rng).uniform(0.5, 2, len(x))
        named["sample_weight"] = "sample_weight"
    if rng.random() < 0.25:
        data.test = True
        named |= {"x_test": "x_test", "y_test": "y_test"}
        arrays |= {"x_test": x[-8:], "y_test": y[-8:]}
    (np.savez_compressed if rng.random() < 0.5 else np.savez)(folder / "a.npz", x=x, y=y, **arrays)
    usual = "sample_weight" not in arrays
    data.source = {"npz": {"file": "a.npz"} if usual else {"file": "a.npz", "arrays": named}}
    data.file = "a.npz"
    return data


def _npy(rng: random.Random, folder: Path) -> Data:
    x, y, data = _arrays(rng)
    np.save(folder / "x.npy", x if rng.random() < 0.7 else np.asfortranarray(x))
    np.save(folder / "y.npy", y)
    data.source = {"npz": {"arrays": {"x": "x.npy", "y": "y.npy"}}}
    return data


def _idx(rng: random.Random, folder: Path) -> Data:
    rows, draw = rng.randint(20, 40), _draw(rng)
    shape, classes = rng.choice([(6, 6), (8, 8), (5,)]), rng.randint(2, 4)
    labels = draw.integers(0, classes, rows)
    labels[:classes] = range(classes)
    for name, array in (("i.idx", draw.integers(0, 256, (rows, *shape))), ("l.idx", labels)):
        header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        (folder / name).write_bytes(header + array.astype("uint8").tobytes())
    return Data({"idx": {"images": "i.idx", "labels": "l.idx"}}, "classes", shape, classes)


def _images(rng: random.Random, folder: Path) -> Data:
    from PIL import Image

    rows, draw, classes = rng.randint(18, 30), _draw(rng), rng.randint(2, 3)
    height, width = rng.choice([(6, 6), (8, 5)])
    sized = rng.random() < 0.5
    listed, arguments = rng.random() < 0.4, dict[str, Any]()
    lines = ["file,kind"]
    for row in range(rows):
        kind = _CLASSES[row % classes]
        size = (height + row % 3, width) if sized else (height, width)
        place = folder / "pics" / ("" if listed else kind)
        place.mkdir(parents=True, exist_ok=True)
        ending = rng.choice(["png", "png", "jpg", "bmp"])
        Image.fromarray(draw.integers(0, 256, (*size, 3)).astype("uint8")).save(place / f"{row:03} é.{ending}")
        lines.append(f"pics/{row:03} é.{ending},{kind}")
    if sized:
        arguments["size"] = [height, width]
    grey = rng.random() < 0.4
    if grey:
        arguments["colour"] = "grey"
    if rng.random() < 0.2:
        arguments["stream"] = True
    if listed:
        (folder / "list.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        arguments |= {"file": "list.csv", "path_column": rng.choice(["file", 0]), "target": "kind"}
    else:
        arguments["folder"] = "pics"
    data = Data({"images": arguments}, "classes", (height, width, 1 if grey else 3), classes)
    data.file = "list.csv" if listed else "pics"
    return data


def _named(rng: random.Random, folder: Path) -> Data:
    name = rng.choice(["iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud", "mixed iris", "repeats"])
    tables = {"iris": ("classes", 4, 3), "wine": ("classes", 13, 3), "breast_cancer": ("binary", 30, 2)}
    if name in tables:
        task, features, classes = tables[name]
        return Data(rng.choice([name, {"sklearn": name}]), task, (features,), classes)
    if name == "diabetes":
        return Data(rng.choice([name, {"sklearn": name}]), "number", (10,))
    if name == "linnerud":
        return Data({"sklearn": name}, "numbers", (3,), 3)
    if name == "mixed iris":
        columns = ["sepal_length", "sepal_width", "petal_length"]
        source = {"sklearn": {"set": "iris", "target": ["species", "petal_width"]}}
        return Data(source, "mixed", (3,), 3, columns=columns, targets=["species", "petal_width"])
    if name == "digits":
        return Data("digits", "classes", (8, 8), 10)
    return Data({"repeats": {"rows": 30, "steps": 6, "codes": 5}}, "steps", (6,), 2, codes=True)


def _text(rng: random.Random, folder: Path) -> Data:
    (folder / "t.txt").write_text(_TEXT * 2, encoding="utf-8")
    window, encode = rng.randint(4, 9), rng.choice(["scaled", "codes", "one_hot"])
    predict = rng.choice(["next", "every"])
    arguments = {"window": window, "stride": 3, "encode": encode, "predict": predict}
    if rng.random() < 0.3:
        arguments["lowercase"] = True
    if rng.random() < 0.3:
        arguments["level"] = rng.choice(["word", "byte", "character"])
    if rng.random() < 0.2:
        arguments["keep_punctuation"] = False
    named = rng.random() < 0.15
    source = {"text": {"file": "t.txt", **arguments}}
    if named:
        source = {"descriptions": {**arguments, "stride": 700}}
    task = "text" if predict == "next" else "text steps"
    shape = (window,) if encode == "codes" else (window, 1 if encode == "scaled" else 30)
    return Data(source, task, shape, 30, codes=encode == "codes", known=encode != "one_hot")


def _sequences(rng: random.Random, folder: Path) -> Data:
    """A csv whose rows are token ids, for an Embedding."""
    rows, steps, draw, classes = rng.randint(20, 40), rng.randint(4, 8), _draw(rng), rng.randint(2, 3)
    lines = [",".join([*(f"c{index}" for index in range(steps)), "y"])]
    lines += [",".join(map(str, [*draw.integers(0, 9, steps), row % classes])) for row in range(rows)]
    (folder / "s.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Data({"csv": "s.csv"}, "binary" if classes == 2 else "classes", (steps,), classes, codes=True, file="s.csv")


def _own_code(rng: random.Random, folder: Path) -> Data:
    x, y, data = _arrays(rng)
    np.savez(folder / "own.npz", x=np.asarray(x, "float64"), y=y)
    forms = ["(x, y)", "[x, y]", "(x, y, np.ones(len(x)))", "((x, y), (x[:9], y[:9]))", "(x.tolist(), y.tolist())"]
    (folder / "own.py").write_text(
        "import numpy as np\n\n\n"
        "def read_own(places):\n"
        "    arrays = np.load(places.require('own.npz'))\n"
        "    x, y = arrays['x'], arrays['y']\n"
        f"    return {rng.choice(forms)}\n",
        encoding="utf-8",
    )
    data.source, data.code, data.known = "read_own", "own.py", False
    return data
