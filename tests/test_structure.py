"""Tests of the architecture, read from the syntax trees: floors, heavy packages, sizes, docstrings, tracked files."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import tomllib
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "nnrun"

#: The floor of each room, lowest first: a module imports only from floors below its own, and from its own room.
FLOORS = {
    "__init__": 0,
    "errors": 0,
    "atomic_files": 0,
    "cores": 0,
    "formatting": 0,
    "gpus": 0,
    "interruption": 0,
    "progress": 0,
    "regular_files": 0,
    "scratch": 0,
    "config": 1,
    "catalog": 2,
    "spec": 3,
    "data": 4,
    "runs": 5,
    "engine": 5,
    "report": 6,
    "export": 6,
    "serve": 6,
    "sweep": 7,
    "pipeline": 8,
    "cli": 9,
    "sklearn": 9,
    "api": 10,
    "__main__": 11,
}
#: The sub-rooms of a room, lowest first (folders, and files at its top): each may import the ones before it.
SUBROOMS = {
    "data": (
        ("columns", "data_paths", "exact_numbers", "returned_values"),
        ("files", "csv"),
        ("prepare",),
        ("streaming",),
        ("series",),
        ("dataset",),
        ("missing_targets",),
        ("splits",),
        ("text",),
        ("sources",),
        ("named",),
        ("all_sources", "target_encoding", "model_inputs"),
        ("text_left", "wrong_source"),
        (
            "class_counts",
            "class_coverage",
            "cross_validation",
            "data_facts",
            "divisions",
            "field_values",
            "learned_tokens",
            "load",
            "lost_precision",
            "new_data",
            "part_targets",
            "quality",
            "table_format",
            "table_survey",
            "target_order",
            "target_preparation",
            "token_facts",
            "token_targets",
        ),
    ),
    "engine": (
        ("backend",),
        ("model",),
        ("executors", "state"),
        ("streaming", "scoring", "generation", "training", "explanation"),
        ("session",),
    ),
    "cli": (
        ("terminal",),
        ("command_group", "completion", "json_documents", "mcp_server", "options"),
        ("commands",),
        ("exit_codes",),
        ("main",),
    ),
}
#: Packages that start TensorFlow (8 to 12 s): only where the backend is started, and where Keras is subclassed.
BACKENDS = {"tensorflow", "keras", "jax"}
BACKEND_MODULES = {"engine/backend/start.py", "engine/backend/devices.py"}
#: Packages that take a second or more: only inside functions.
SLOW = {"pandas", "sklearn", "scipy", "matplotlib", "jinja2", "optuna"}
#: Modules that subclass them and may import them at the top: users of these modules have imported them already.
SLOW_MODULES = {"sklearn.py": {"sklearn"}}
#: NumPy takes 0.2 to 0.4 s: at the top only of modules that exist for loading, training and exporting.
NUMPY_ROOMS = {"data", "engine", "export", "sklearn"}
#: Rooms whose every module must stay quick to import, because `--help`, completion and `check` go through them.
QUICK_ROOMS = {
    "__init__",
    "__main__",
    "errors",
    "atomic_files",
    "formatting",
    "progress",
    "regular_files",
    "config",
    "catalog",
    "spec",
    "runs",
    "report",
    "cli",
}

LONGEST_FUNCTION, LONGEST_FILE = 60, 500
#: A home folder or another folder of one machine, and an address of a package registry.
MACHINE_PATHS = re.compile(r"(?<![\w.:/-])/(home|root|Users|work|workspace|mnt)/\w|[A-Z]:\\\\?Users")
REGISTRIES = re.compile(r"https?://\S*/simpl[e]\b|index[-_]ur[l]\b|artifactor[y]|https?://\S*nexu[s]", re.IGNORECASE)


@dataclass(frozen=True)
class Import:
    """One import of a module."""

    importer: str
    imported: str
    line: int
    in_function: bool
    for_types: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@cache
def _trees() -> dict[str, ast.Module]:
    """Return the syntax tree of each module by its path in the package."""
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def _room(path: str) -> str:
    return path.partition("/")[0].removesuffix(".py")


def _dotted(path: str) -> str:
    return "nnrun." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def _modules() -> dict[str, str]:
    """Return the path of each module by its dotted name."""
    return {"nnrun" if path == "__init__.py" else _dotted(path): path for path in _trees()}


@cache
def _imports(path: str) -> tuple[Import, ...]:
    """The imports of a module; most tests ask for them."""
    return tuple(_walk(path, _trees()[path], in_function=False, for_types=False))


def _walk(path: str, node: ast.AST, *, in_function: bool, for_types: bool) -> Iterator[Import]:
    for name in _names(path, node):
        yield Import(path, name, getattr(node, "lineno", 0), in_function, for_types)
    deeper = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    only_types = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    for child in ast.iter_child_nodes(node):
        typed = for_types or (isinstance(node, ast.If) and only_types and child in node.body)
        yield from _walk(path, child, in_function=deeper, for_types=typed)


def _names(path: str, node: ast.AST) -> list[str]:
    """Return the dotted names of the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    module = node.module or ""
    if node.level:
        above = ["nnrun", *path.split("/")[:-1]]
        module = ".".join([*above[: len(above) - node.level + 1], *filter(None, [module])])
    submodules = [f"{module}.{alias.name}" for alias in node.names]
    return [name if name in _modules() else module for name in submodules]


def _own_imports(path: str) -> Iterator[tuple[Import, str]]:
    """Yield a module's imports from the package, with the path of the imported module."""
    for found in _imports(path):
        if found.imported in _modules():
            yield found, _modules()[found.imported]


@cache
def _keras_modules() -> frozenset[str]:
    """Return the modules that subclass Keras or register something with it: only these import it at the top."""

    def extends_keras(node: ast.AST) -> bool:
        parents = list(getattr(node, "bases", [])) + list(getattr(node, "decorator_list", []))
        return any(ast.unparse(parent).split(".")[0] in BACKENDS for parent in parents)

    return frozenset(path for path, tree in _trees().items() if any(extends_keras(node) for node in ast.walk(tree)))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of a function's lines, with its docstring, without decorators."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


@cache
def _tracked() -> tuple[Path, ...]:
    """Return the files that git tracks; none outside of a checkout."""
    if not (ROOT / ".git").exists():
        return ()
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    return tuple(ROOT / name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file())


def test_the_tests_see_the_package() -> None:
    """Every room has a floor, and there are many modules and imports, so that passing tests mean something."""
    assert len(_trees()) > 40
    assert {_room(path) for path in _trees()} <= set(FLOORS)
    assert sum(1 for path in _trees() for _ in _own_imports(path)) > 100


def test_every_import_from_the_package_exists() -> None:
    """No module imports one of the package that does not exist."""
    wrong = [
        str(found)
        for path in _trees()
        for found in _imports(path)
        if found.imported.split(".")[0] == "nnrun" and found.imported not in _modules()
    ]
    assert wrong == []


def test_a_module_imports_only_from_lower_floors() -> None:
    """No module imports from a higher floor, nor from another room of its own floor."""
    wrong = [
        str(found)
        for path in _trees()
        for found, target in _own_imports(path)
        if _room(target) != _room(path) and FLOORS[_room(target)] >= max(FLOORS[_room(path)], 1)
    ]
    assert wrong == []


def test_runs_and_engine_do_not_import_each_other() -> None:
    """The disk side and the Keras side are independent."""
    rooms = {"runs", "engine"}
    wrong = [
        str(found) for path in _trees() for found, target in _own_imports(path) if {_room(path), _room(target)} == rooms
    ]
    assert wrong == []


def test_imports_are_acyclic() -> None:
    """There is no circle of imports, including those inside functions and those for type checking."""
    graph = {
        path: {target for found, target in _own_imports(path) if target != path and not target.endswith("__init__.py")}
        for path in _trees()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' <- '.join(error.args[1])}")


def _subroom(path: str) -> str:
    """Return the folder in a room, or the name of a file at the room's top."""
    return path.split("/")[1].removesuffix(".py")


@pytest.mark.parametrize("room", SUBROOMS)
def test_a_module_imports_only_from_lower_sub_rooms(room: str) -> None:
    """Inside a room imports follow the order of its sub-rooms, including those for type checking."""
    levels = {name: level for level, names in enumerate(SUBROOMS[room]) for name in names}
    paths = [path for path in _trees() if _room(path) == room and path != f"{room}/__init__.py"]
    assert {_subroom(path) for path in paths} == set(levels)
    upward = {
        (path, target)
        for path in paths
        for _, target in _own_imports(path)
        if _room(target) == room
        and _subroom(target) != _subroom(path)
        and levels[_subroom(target)] > levels[_subroom(path)]
    }
    assert upward == set()


def test_keras_is_imported_only_in_the_engine() -> None:
    """TensorFlow, JAX and Keras are imported where the backend is started, and where Keras is subclassed."""
    allowed = BACKEND_MODULES | _keras_modules()
    wrong = [
        str(found)
        for path in _trees()
        for found in _imports(path)
        if found.imported.split(".")[0] in BACKENDS and not found.for_types and path not in allowed
    ]
    assert wrong == []


def test_the_backend_is_started_inside_a_function() -> None:
    """Importing the module that starts the backend does not start it."""
    wrong = [
        str(found)
        for path in BACKEND_MODULES - _keras_modules()
        for found in _imports(path)
        if found.imported.split(".")[0] in BACKENDS and not found.in_function and not found.for_types
    ]
    assert wrong == []


def test_slow_packages_are_imported_inside_functions() -> None:
    """Packages that take seconds to import are imported only when they are used."""
    wrong = [
        str(found)
        for path in _trees()
        for found in _imports(path)
        if found.imported.split(".")[0] in SLOW - SLOW_MODULES.get(path, set())
        and not found.in_function
        and not found.for_types
    ]
    assert wrong == []


def test_folders_are_made_by_one_function() -> None:
    """`atomic_files.make_folder` brings the name of a folder to disk: a power cut takes away all in it otherwise."""
    own = {"atomic_files.py", "runs/git_state.py"}  # in git_state it is a temporary one
    makers = ("mkdir", "makedirs")
    found = [
        f"{path}:{node.lineno}"
        for path, tree in _trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in makers and path not in own
    ]
    assert found == []


def test_numpy_is_imported_at_the_top_only_of_data_and_engine() -> None:
    """Elsewhere NumPy is imported inside functions."""
    wrong = [
        str(found)
        for path in _trees()
        for found in _imports(path)
        if found.imported.split(".")[0] == "numpy"
        and not found.in_function
        and not found.for_types
        and _room(path) not in NUMPY_ROOMS
    ]
    assert wrong == []


def test_importing_a_quick_room_imports_nothing_heavy() -> None:
    """No chain of imports at the top of the modules behind `--help` and `check` reaches a heavy package."""
    heavy = BACKENDS | SLOW | {"numpy"}
    todo = [path for path in _trees() if _room(path) in QUICK_ROOMS]
    seen, wrong = set(todo), []
    for path in todo:
        at_top = [found for found in _imports(path) if not found.in_function and not found.for_types]
        wrong += [str(found) for found in at_top if found.imported.split(".")[0] in heavy]
        reached = {_modules()[found.imported] for found in at_top if found.imported in _modules()} - seen
        seen |= reached
        todo += reached
    assert wrong == []


def test_functions_are_short() -> None:
    """No function is over 60 lines."""
    lengths = {
        f"{path}:{node.lineno} {node.name}": _length(node)
        for path, tree in _trees().items()
        for node in _functions(tree)
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_files_are_short() -> None:
    """No Python file of the project is over 500 lines."""
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_every_test_states_its_requirement() -> None:
    """Each test has a docstring of one paragraph that ends like a sentence."""
    wrong = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in _functions(ast.parse(path.read_text(encoding="utf-8"))):
            text = (ast.get_docstring(node) or "").strip()
            if node.name.startswith("test_") and not (text.endswith((".", "?", "!")) and "\n\n" not in text):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert wrong == []


def test_public_names_have_docstrings() -> None:
    """Every module, and every public class, function and method, has a docstring."""
    wrong = [path for path, tree in _trees().items() if not ast.get_docstring(tree)]
    wrong += [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in _trees().items()
        for node in _public(tree)
        if not ast.get_docstring(node)
    ]
    assert wrong == []


def _public(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield public classes and functions, and the public methods of public classes; nothing inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from _public(child)


def test_changelog_project_and_code_have_the_same_version() -> None:
    """The first version in CHANGELOG.md is that of the project and of the code."""
    code = importlib.import_module("nnrun").__version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^##\s*\[?v?(\d+\.\d+\.\d+\S*?)\]?(?:\s|$)", changelog, flags=re.MULTILINE)
    assert headings[:1] == [code]
    assert project == code


def test_the_top_level_has_what_belongs_there() -> None:
    """No file that a test or a trial of a command has left is tracked at the top level."""
    if not _tracked():
        pytest.skip("not a git checkout")
    found = {path.relative_to(ROOT).parts[0] for path in _tracked()}
    files = {".gitignore", "CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"}
    assert found == {*files, ".ci", "benchmarks", "configs", "docs", "runs", "src", "tests", "tools"}


@pytest.mark.parametrize(
    "pattern",
    [MACHINE_PATHS, REGISTRIES, re.compile(re.escape(str(ROOT)) + r"\b")],
    ids=["folders", "registries", "this checkout"],
)
def test_tracked_files_have_no_path_of_one_machine(pattern: re.Pattern[str]) -> None:
    """No tracked file has a path of one machine or the address of a registry, which is wrong on all others."""
    if not _tracked():
        pytest.skip("not a git checkout")
    wrong = []
    for path in _tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        wrong += [f"{path.relative_to(ROOT)}: {found.group()!r}" for found in pattern.finditer(text)]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("see /hom" + "e/anna/data", MACHINE_PATHS),
        ("C:\\User" + "s\\anna", MACHINE_PATHS),
        ("https://host/pypi/simpl" + "e", REGISTRIES),
        ("--extra-index-ur" + "l x", REGISTRIES),
    ],
)
def test_the_patterns_find_such_paths(text: str, pattern: re.Pattern[str]) -> None:
    """The patterns match what they are meant for."""
    assert pattern.search(text)
