"""Where callbacks write: inside the run folder, and never where the run keeps files of its own."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath
from posixpath import normpath
from string import Formatter
from typing import TYPE_CHECKING, NamedTuple

from nnrun.spec.part_form import OUTPUT_PATHS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.errors import Path
    from nnrun.spec.part import Part

#: The callbacks that remove their folder when training ends, and those whose path is a pattern with figures in braces.
_REMOVING, _PATTERNS = frozenset({"BackupAndRestore"}), frozenset({"ModelCheckpoint"})
#: Files and folders of a run that nnrun writes, as patterns; `runs.folder` has their paths, and a test compares both.
_OWN = (
    r"config\.yaml|resolved\.yaml|sources|record\.json|metrics\.jsonl|scores[^/]*\.json|predictions[^/]*\.csv"
    r"|(mistakes|pictures|explanations)\.npz|samples\.jsonl|checkpoints/(best|last)\.keras|state|(baselines|decision|importance|explanations)\.json|prepare\.json|model\.(json|svg)|summary\.txt"
    r"|log\.txt|report\.html|MODEL_CARD\.md|plots|folds|\..*"
)
_IS_OWN = re.compile(rf"({_OWN})(/.*)?|checkpoints|checkpoints/\..*", re.IGNORECASE)
#: The folders that hold a file of the run's own: a callback's folder or file must not take their place.
_HOLDS_OWN = frozenset({".", "checkpoints"})
#: Formats of numbers without a fill character, which could be a dot or a slash. `c` would make a character of a number.
_NUMBER_FORMAT = re.compile(r"[<>^=]?[-+ ]?#?0?\d{0,2}[,_]?(\.\d{1,2})?[bdeEfFgGnoxX%]?")
#: Epoch and batch are integers, every metric is a float: the values with which a format is tried.
_INTEGERS = frozenset({"epoch", "batch"})
_LONGEST_NAME = 200


class OutputPath(NamedTuple):
    """The path that a callback writes, as the config has it.

    Attributes:
        path: The keys that lead to the argument.
        argument: The argument's name.
        given: Its value; the default where the config has none.
        default: A value that is always accepted.
        is_pattern: Whether figures of the epoch replace names in braces.
        is_removed: Whether the callback removes this folder at the end.
    """

    path: Path
    argument: str
    given: str
    default: str
    is_pattern: bool
    is_removed: bool

    @property
    def place(self) -> str:
        """The path inside the run folder in its shortest form; each field of a pattern is written as `0`."""
        # Windows takes a backslash for a slash; elsewhere it is a letter like others.
        return normpath((_filled(self.given) if self.is_pattern else self.given).replace("\\", "/"))


def is_best_model_checkpoint(part: Part) -> bool:
    """Whether a callback only asks for the best model, without a path of its own: that is `best.keras`."""
    return (
        part.name == "ModelCheckpoint"
        and "filepath" not in part.arguments
        and part.arguments.get("save_best_only") is True
        and not part.arguments.get("save_weights_only")
    )


def output_path(part: Part) -> OutputPath | None:
    """Return the path that a callback of the config writes; None if it writes none of its own."""
    if part.name not in OUTPUT_PATHS or is_best_model_checkpoint(part):
        return None
    argument, default = OUTPUT_PATHS[part.name]
    if part.arguments.get("save_weights_only") and part.name == "ModelCheckpoint":
        default = default.replace(".keras", ".weights.h5")
    given = part.arguments.get(argument)
    written = default if given is None else str(given)
    is_pattern, is_removed = part.name in _PATTERNS, part.name in _REMOVING
    return OutputPath((*part.path, part.name, argument), argument, written, default, is_pattern, is_removed)


def problem(output: OutputPath) -> tuple[str, str] | None:
    """Return what is wrong with a callback's path, and what to write; None if it is accepted.

    A path is accepted if whatever figures an epoch has, it leads into the run folder, and neither to a file of the
    run's own nor to a folder that holds one.
    """
    write = f"write {output.argument}: {output.default}"
    format_error = _format_error(output.given) if output.is_pattern else None
    if format_error is not None:
        return format_error, write
    place = PurePosixPath(output.place)
    if place.is_absolute() or PureWindowsPath(output.given).drive or ".." in place.parts:
        return f"expected a path inside the run folder, received {output.given}", write
    if not output.given.isprintable():
        return f"expected a path of printable characters, received {output.given!r}", write
    if any(len(name.encode("utf-8", "surrogateescape")) > _LONGEST_NAME for name in place.parts):
        return f"expected names of at most {_LONGEST_NAME} bytes, received {output.given[:60]}...", write
    if output.place.casefold() in _HOLDS_OWN or _IS_OWN.fullmatch(output.place):
        return f"expected a path of the callback's own, received {output.given}, which nnrun itself writes", write
    return None


def shared(outputs: Sequence[OutputPath]) -> Iterator[tuple[OutputPath, OutputPath]]:
    """Yield paths that another callback writes too, or removes at the end, each with that other callback's."""
    for index, output in enumerate(outputs):
        for other in outputs[:index]:
            first, second = PurePosixPath(output.place.casefold()), PurePosixPath(other.place.casefold())
            if first == second or (
                (output.is_removed and second.is_relative_to(first))
                or (other.is_removed and first.is_relative_to(second))
            ):
                yield output, other
                break


def _filled(pattern: str) -> str:
    """Return a path with each field of a pattern written as `0`; a path that is not a pattern stays as it is."""
    try:
        return "".join(literal + ("" if name is None else "0") for literal, name, _, _ in Formatter().parse(pattern))
    except ValueError:
        return pattern


def _format_error(pattern: str) -> str | None:
    """Return what is wrong with the formats of a pattern's fields: each has to become a number, whatever its value.

    `{epoch:c}` is the character of a code: a dot in epoch 46, a slash in epoch 47. `{epoch!s:.0}` is empty.
    """
    try:
        fields = [field for field in Formatter().parse(pattern) if field[1] is not None]
    except ValueError:
        return None  # found by the check of names
    for _, name, spec, conversion in fields:
        written = f"{{{name}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}}}"
        if conversion or not _NUMBER_FORMAT.fullmatch(spec or "") or not _formats(str(name), str(spec or "")):
            return f"expected a format of numbers such as {{{name}{_example(str(name))}}}, received {written}"
        if set(str(name)) & set(".[]/\\"):
            return f"expected the name of a figure between braces, received {written}"
    return None


def _example(name: str) -> str:
    return ":02d" if name in _INTEGERS else ":.2f"


def _formats(name: str, spec: str) -> bool:
    try:
        format(1 if name in _INTEGERS else 0.5, spec)
    except ValueError:
        return False
    return True
