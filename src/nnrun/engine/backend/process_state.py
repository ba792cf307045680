"""What one piece of work sees of the process and another one must not: streams of random numbers, and the output."""

from __future__ import annotations

import random
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnrun.engine.backend.redirect_output import descriptor_target, redirect_descriptor


@dataclass(frozen=True)
class ProcessState:
    """The streams of random numbers of Python and NumPy, and where output and warnings go.

    Keras keeps its own global state, the seed generator included, by thread.

    Attributes:
        stdout: Python's standard output.
        stderr: Python's standard error.
        target: What the descriptor of standard error, which libraries write to, is redirected to.
        filters: The filters of warnings.
        show: What shows a warning.
        python: The state of Python's stream.
        numpy: The state of NumPy's global stream.
    """

    stdout: Any
    stderr: Any
    target: int | None
    filters: Any
    show: Any
    python: Any
    numpy: Any

    @classmethod
    def capture(cls) -> ProcessState:
        """Return the state as it is now."""
        streams = (random.getstate(), np.random.get_state())  # noqa: NPY002 - code of others draws from the global one
        return cls(sys.stdout, sys.stderr, descriptor_target(), warnings.filters, warnings.showwarning, *streams)

    def restore(self) -> None:
        """Bring everything back."""
        sys.stdout, sys.stderr = self.stdout, self.stderr
        redirect_descriptor(self.target)
        warnings.filters, warnings.showwarning = self.filters, self.show
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002 - see `capture`
