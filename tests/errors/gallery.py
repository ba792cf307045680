"""The gallery: wrong configs with the exact messages of each; also the command that rewrites it.

`python tests/errors/gallery.py` rewrites the messages of every config (read the diff before committing it);
with `--missing` it first adds a config for every kind and finding that has none.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

from nnrun.catalog import lookup
from nnrun.catalog.describe import example_value
from nnrun.catalog.kinds import Kind
from nnrun.config.dump import dump
from nnrun.config.render import count_problems, format_problem
from nnrun.errors import ConfigError
from nnrun.pipeline.check import examine
from nnrun.pipeline.user_code import register_code
from nnrun.spec.findings.explanations import EXAMPLE_SECTIONS, EXPLANATIONS

FOLDER = Path(__file__).parent / "gallery"
_NONSENSE: tuple[Any, ...] = ("nonsense", -7, 2.5, True, 3, [], ["a", 1, "b"], {"one": 1, "two": 2}, None, "")

#: The argument of Dense that takes a part of each category.
_OF_DENSE = {
    "initializers": "kernel_initializer",
    "regularizers": "kernel_regularizer",
    "constraints": "kernel_constraint",
}


def messages_in(config: Path, folder: Path) -> str:
    """Return the messages of `check` for a config that is, with its data files and the user's code, in `folder`."""
    with chdir(folder):
        try:
            with register_code(sorted(Path().glob("*.py"))):
                problems = examine(Path(config.name), (), Path("no-data-here")).problems
        except ConfigError as error:
            problems = error.problems
    lines = [*map(format_problem, problems), count_problems(problems)]
    return "\n".join(lines).replace(str(folder.resolve()), "FOLDER")


def copy_to(config: Path, folder: Path) -> Path:
    """Copy a config of the gallery and its data files (`NAME.files/`) into a folder."""
    copy = folder / config.name
    copy.write_bytes(config.read_bytes())
    files = config.with_suffix(".files")
    for file in files.rglob("*"):
        if file.is_file():
            (folder / file.relative_to(files)).parent.mkdir(parents=True, exist_ok=True)
            (folder / file.relative_to(files)).write_bytes(file.read_bytes())
    return copy


def messages(config: Path) -> str:
    """Return the messages of a config of the gallery."""
    with tempfile.TemporaryDirectory() as folder:
        return messages_in(copy_to(config, Path(folder)), Path(folder))


def rewrite() -> int:
    """Write the messages of every config next to it; return the number of configs."""
    configs = sorted(FOLDER.glob("*.yaml"))
    for config in configs:
        config.with_suffix(".txt").write_text(messages(config) + "\n", encoding="utf-8")
    return len(configs)


#: Origins of entries whose kinds are read from a table of another library: a few are shown by configs of their own.
_FROM_TABLES = ("sklearn", "keras_hub")


def kinds() -> dict[str, tuple[str, str, str, Kind]]:
    """Return every distinct kind of the catalog by what it expects, with the first argument of that kind.

    Those of scikit-learn's transformers are generated from its own constraints: `sklearn-arguments.yaml` shows a few.
    """
    found: dict[str, tuple[str, str, str, Kind]] = {}
    for category in lookup.CATEGORIES:
        for name in lookup.names(category):
            entry = lookup.entry(category, name)
            for parameter in entry.parameters.values() if entry and entry.origin not in _FROM_TABLES else ():
                if _wrong_value(parameter.kind) is not Ellipsis:
                    found.setdefault(parameter.kind.expects, (category, name, parameter.name, parameter.kind))
    return found


def all_messages() -> str:
    """Return all messages of the gallery as one text on one line."""
    return " ".join(" ".join(file.read_text(encoding="utf-8").split()) for file in sorted(FOLDER.glob("*.txt")))


def add_missing() -> int:
    """Add a config for every finding and every kind that no message of the gallery names yet."""
    added = 0
    for name, finding in EXPLANATIONS.items():
        path = FOLDER / f"finding-{name}.yaml"
        if not path.exists():
            keys = set(re.findall(r"^(\w+):", finding.wrong, re.MULTILINE))
            sections = [text for key, text in EXAMPLE_SECTIONS.items() if key not in keys]
            path.write_text("\n".join([*sections, finding.wrong.strip()]) + "\n", encoding="utf-8")
            for file, text in finding.files.items():
                (path.with_suffix(".files") / file).parent.mkdir(parents=True, exist_ok=True)
                (path.with_suffix(".files") / file).write_text(text, encoding="utf-8")
            added += 1
    rewrite()
    text = all_messages()
    for expects, (category, name, parameter, kind) in kinds().items():
        if " ".join(f"expected {expects} for".split()) not in text:
            path = FOLDER / f"kind-{name}-{parameter}.yaml"
            # A layer and a preparation step may have the same name.
            path = FOLDER / f"kind-{category}-{name}-{parameter}.yaml" if path.exists() else path
            path.write_text(dump(_config(category, name, parameter, _wrong_value(kind))), encoding="utf-8")
            added += 1
    return added


def _wrong_value(kind: Kind) -> Any:
    """Return a value that is not of a kind (no part, no list whose items alone are wrong), or Ellipsis."""
    nested = "layer" in kind.expects or "initializer" in kind.expects or "regularizer" in kind.expects
    values: Iterator[Any] = iter(value for value in _NONSENSE if not (nested and isinstance(value, str | list | dict)))
    return next((value for value in values if not kind.accepts(value) and not isinstance(value, list)), ...)


def _config(category: str, name: str, parameter: str, value: Any) -> dict[str, Any]:
    entry = lookup.entry(category, name)
    assert entry is not None
    needed = {
        parameter.name: example_value(entry, parameter) for parameter in entry.parameters.values() if parameter.required
    }
    part = {name: {**needed, parameter: value}}
    data: dict[str, Any] = {"source": part if category == "sources" else "digits"}
    if category == "preparation":
        data["prepare"] = [part]
    dense = {"units": 10, "activation": part if category == "activations" else "softmax"}
    if category in _OF_DENSE:
        dense[_OF_DENSE[category]] = part
    optimizer: Any = {"optimizers": part, "schedules": {"SGD": {"learning_rate": part}}}.get(category, "Adam")
    training = {"loss": part if category == "losses" else "categorical_crossentropy", "optimizer": optimizer}
    if category in ("metrics", "callbacks"):
        training[category] = [part]
    layers = {"layers": [part], "ops": [{"Op": {"op": part}}]}.get(category, [])
    return {"data": data, "model": [*layers, {"Dense": dense}], "training": training}


if __name__ == "__main__":
    if "--missing" in sys.argv:
        print(f"{add_missing()} configs added")  # noqa: T201
    print(f"{rewrite()} configs rewritten")  # noqa: T201
