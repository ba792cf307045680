"""What only Keras can decide about a config, decided by building its model."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from nnrun.errors import BuildError, Problem
from nnrun.pipeline import usercode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.catalog.user_code import UserCode
    from nnrun.pipeline.check import Examined


def decided(examined: Examined, codes: Sequence[UserCode] = ()) -> Examined:
    """Let Keras build the model of a config that has no error but something undecided, and say what it refuses.

    TensorFlow wakes, and code of the user's own is run, only where there is something to decide and the data say enough
    to build the model.
    """
    open_questions = any(row.undecided is not None for row in examined.context.rows)
    refused = any(problem.severity == "error" for problem in examined.problems)
    if not open_questions or refused or examined.facts is None:
        return examined
    answered = [problem for problem in examined.problems if problem.name != "undecided"]
    problems = sorted([*answered, *_refusals(examined, codes)], key=Problem.order)
    return replace(examined, problems=tuple(problems))


def _refusals(examined: Examined, codes: Sequence[UserCode]) -> tuple[Problem, ...]:
    from nnrun.engine.session import Session

    nowhere = FilePath(os.devnull)
    try:
        with (
            usercode.running(codes, examined.experiment, threads=0, log=nowhere),
            Session.open(
                examined.experiment,
                examined.facts,  # type: ignore[arg-type]  # `decided` asks only where there are facts
                examined.document.key_mark,
                threads=0,
                log=nowhere,
                phase=lambda _: nullcontext(),
            ),
        ):
            return ()
    except BuildError as error:
        return error.problems
