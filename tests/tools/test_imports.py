"""The scripts beside the package, few of which are run by tests, import what the package has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def defined(file: Path) -> set[str]:
    """Return the names that a module defines or imports at its top."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Assign():
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import() | ast.ImportFrom():
                names |= {alias.asname or alias.name for alias in node.names}
    return names


def imported(script: Path) -> Iterator[tuple[str, str]]:
    """Yield the modules of the package that a script imports from, each with a name."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "nnrun":
            yield from ((str(node.module), alias.name) for alias in node.names)


def exists(module: str, name: str) -> bool:
    """Return whether a module of the package has a name: a submodule, or what its file defines."""
    place = ROOT / "src" / Path(*module.split("."))
    if (place / name).is_dir() or (place / f"{name}.py").is_file():
        return True
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return file.is_file() and name in defined(file)


@pytest.mark.parametrize("folder", ["benchmarks", "tools"])
def test_scripts_import_names_that_exist(folder: str) -> None:
    """A function that is moved or renamed is so in them, too."""
    found = [(script, *one) for script in (ROOT / folder).glob("*.py") for one in imported(script)]
    assert len(found) > 5
    assert [f"{script.name}: {module}.{name}" for script, module, name in found if not exists(module, name)] == []
