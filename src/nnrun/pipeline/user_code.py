"""The user's own code: registered by its text, run only where a model is built, and the same for a run's whole life."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, contextmanager
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.user_code import UserCode, add_user_frames, error_location, error_text, read_bytes, read_contents
from nnrun.errors import NnrunError, RunError
from nnrun.pipeline import trust
from nnrun.regular_files import read_regular, require_inside
from nnrun.runs.trusted_code import is_trusted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.runs.folder import RunFolder
    from nnrun.spec.experiment import Experiment


#: The largest file of code that is read from a run folder.
_MOST_CODE = 16 * 1024 * 1024


@contextmanager
def register_code(
    files: Sequence[FilePath], config: FilePath | None = None, sets: Sequence[str] = ()
) -> Iterator[tuple[UserCode, ...]]:
    """Register the entries of files of code in the catalog inside the `with` block; nothing in them is run.

    Args:
        files: The files of `--code`; what they contain is allowed to run.
        config: The config that may name others under `code:`.
        sets: The `--set` options.

    Raises:
        ConfigError: The files cannot be used; with every problem.
    """
    given = [(str(file), read_bytes(file)) for file in files]
    named = [] if config is None else trust.read_config_code(config, sets)
    contents = {content for _, content in given}
    others = list({one.content: one for one in named if one.content not in contents}.values())
    codes = read_contents([*((str(one.file), one.content) for one in others), *given])
    with _registered(trust.with_places(codes, others)) as codes:
        yield codes


@contextmanager
def register_run_code(
    folder: RunFolder, record: Mapping[str, Any], files: Sequence[FilePath], *, trust: bool
) -> Iterator[tuple[UserCode, ...]]:
    """Register the code that a run used: as given again, or as its folder keeps it where the user allows that.

    Args:
        folder: The run's folder.
        record: Its record.
        files: The files of `--code`.
        trust: Whether all copies in the folder may be used; else those whose content `nnrun trust` has allowed.

    Raises:
        RunError: The run used code that is neither given nor allowed, or other code is given.
    """
    digests: dict[str, str] = {str(one["file"]): str(one["sha256"]) for one in record.get("code") or ()}
    given = [(str(file), read_bytes(file)) for file in files]
    known = {hashlib.sha256(content).hexdigest() for _, content in given}
    allowed = {
        name: sha256
        for name, sha256 in digests.items()
        if sha256 not in known and ((trust and not files) or is_trusted(sha256))
    }
    if digests and not files and len(allowed) < len(digests):
        missing = " ".join(f"--code {FilePath(name).name}" for name in digests if name not in allowed)
        text = f"{folder.id} was trained with code of your own, which is run again only on request"
        raise RunError(text, f"add {missing}, or --trust-run to run the copy in {folder.sources}")
    codes = read_contents([*given, *(_copy(folder, *one) for one in allowed.items())])
    _require_same(folder, codes, digests)
    with _registered(codes):
        yield codes


@contextmanager
def _registered(codes: tuple[UserCode, ...]) -> Iterator[tuple[UserCode, ...]]:
    with lookup.with_user_entries(entry for code in codes for entry in code.entries):
        yield codes


@contextmanager
def run_code(codes: Sequence[UserCode], experiment: Experiment, *, threads: int, log: FilePath) -> Iterator[None]:
    """Start Keras and run the user's files; sources, steps and the model can use what they define inside the block.

    Without code Keras is not started. What the files print goes to `log`.

    Raises:
        ConfigError: A config names code that the user has not allowed to run.
        RunError: A file, or what it defines, fails; with the user's own lines.
    """
    if not codes:
        yield
        return
    trust.require_allowed(codes)
    from nnrun.data.prepare.user_code import with_user_objects
    from nnrun.engine.backend.redirect_output import redirect_output
    from nnrun.engine.backend.start import start_keras
    from nnrun.engine.model.user_code import register_user_code
    from nnrun.engine.session import backend_settings

    with ExitStack() as stack:
        with redirect_output(log):
            objects = stack.enter_context(register_user_code(start_keras(backend_settings(experiment, threads)), codes))
        stack.enter_context(with_user_objects(objects))
        stack.enter_context(_errors_attributed())
        yield


@contextmanager
def _errors_attributed() -> Iterator[None]:
    """Report failures inside the user's own code as the user's, not as a bug of nnrun."""
    try:
        yield
    except NnrunError as error:
        if error.__cause__ is not None and not getattr(error, "__notes__", ()):
            add_user_frames(error, error.__cause__)
        raise
    except (Exception, SystemExit) as error:
        where = error_location(error)
        if where is None:
            raise
        did = "ended the program" if isinstance(error, SystemExit) else "failed"
        failure = RunError(f"{where}: your own code {did}: {error_text(error)}")
        add_user_frames(failure, error)
        raise failure from error


def _copy(folder: RunFolder, name: str, sha256: str) -> tuple[str, bytes]:
    """Read a copy of code in a run's folder and check it against the record."""
    # A record may come from anywhere: only a file directly inside `sources/` is accepted.
    file = folder.sources / FilePath(name).name
    require_inside(folder.path, file)
    try:
        content = read_regular(file, _MOST_CODE)
    except OSError as error:
        raise RunError(
            f"{file}: the run's copy of its code cannot be read: {error.strerror}", "give the file itself with --code"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        text = f"{file} was changed since the run: its SHA-256 is {found}, expected {sha256}"
        raise RunError(text, "give the file that the run used with --code")
    return str(file), content


def _require_same(folder: RunFolder, codes: Sequence[UserCode], digests: Mapping[str, str]) -> None:
    given = {code.file: code.sha256 for code in codes}
    for file, digest in given.items():
        if digest not in digests.values():
            used = "; ".join(f"{FilePath(name).name}: {sha256}" for name, sha256 in digests.items()) or "none"
            text = f"{file} is not the code that {folder.id} used: its SHA-256 is {digest}, the run used {used}"
            raise RunError(text, "run the copy in the run's folder with --trust-run" if digests else "leave --code out")
    missing = [FilePath(name).name for name, digest in digests.items() if digest not in given.values()]
    if missing:
        text = f"{folder.id} also used {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not given"
        raise RunError(text, f"add {' '.join(f'--code {name}' for name in missing)}")
