"""How to use the model of a run, for its card: the exports that lie in the run's folder, or how to make one."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from nnrun.errors import RunError
from nnrun.regular_files import read_regular
from nnrun.report.markdown import as_paragraph, code_block, markdown_table
from nnrun.report.run_contents import as_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nnrun.report.run_contents import RunContents

#: The file by which a folder is known for an export, and its largest size in bytes.
_SIGNATURE, _MOST_BYTES = "signature.json", 16 * 1024 * 1024
_PREPARATION = {"inside": "raw rows", "separate": "prepared inputs (preparation.py makes them)"}


def use(run: RunContents) -> Iterator[str]:
    """Yield the section on the use of a model."""
    yield "## How to use"
    exports = list(_exports(run))
    if exports:
        table = markdown_table(("folder", "file", "takes"), exports)
        yield f"Exports in the run folder, which need no nnrun:\n\n{table}"
    yield as_paragraph(
        "The model for those who do not have nnrun, with the preparation inside where the format can, and compared "
        "with Keras; in the run folder:"
    )
    words = ["nnrun", "export", ".", "--to", "saved_model", *(["--trust-run"] if run.record.get("code") else [])]
    yield code_block(f"{shlex.join(words)}    # or onnx, litert, openvino, weights, python", "sh")


def _exports(run: RunContents) -> Iterator[tuple[str, str, str]]:
    """Yield the exports of this run that lie in its folder: the folder, the file, and what it takes."""
    try:
        folders = sorted(one for one in run.folder.path.iterdir() if one.is_dir() and not one.is_symlink())
    except OSError:
        return
    for folder in folders:
        signature = _signature(folder)
        if signature.get("run") == run.folder.id:
            takes = _PREPARATION.get(str(signature.get("preparation")), "-")
            yield folder.name, str(signature.get("file")), takes


def _signature(folder: Path) -> dict[str, object]:
    try:
        return dict(as_mapping(json.loads(read_regular(folder / _SIGNATURE, _MOST_BYTES))))
    except (OSError, RunError, ValueError):
        return {}
