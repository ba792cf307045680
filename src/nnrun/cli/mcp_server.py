"""A server of the Model Context Protocol: what agents may ask nnrun, each question a command with `--json`.

Every tool runs the command in a process of its own, so that a mistake there ends no server, and nothing that a library
prints gets between the messages of the protocol.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun import __version__
from nnrun.errors import MissingExtraError, NnrunError
from nnrun.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: The longest that a command may take, in seconds: a smoke run of a large model compiles it.
_PATIENCE = 900.0
#: The longest config that a tool takes as text, in characters; configs have a limit of their own.
_LONGEST_TEXT = 500_000


@dataclass(frozen=True)
class AgentTools:
    """The tools of the server.

    Attributes:
        root: The folder in which configs and runs lie; paths that lead out of it are refused.
        runs_dir: The folder of the runs.
        data_dir: The folder of data files; None: as the commands find it.
    """

    root: Path
    runs_dir: Path
    data_dir: Path | None = None

    def usage(self) -> str:
        """Say on one page how configs are written, checked and trained with nnrun, and what its documents hold."""
        return self._print("agent-docs")

    def list_configs(self) -> dict[str, Any]:
        """List the configs that come with nnrun: examples by name, which every tool takes as a config."""
        return {"configs": self._ask("configs")}

    def read_config(self, config: str) -> dict[str, Any]:
        """Return a config with every default filled in. `config` is a path or the name of a config of nnrun's."""
        return self._of_object("resolve", "--", self._inside(config))

    def check_config(self, config: str) -> dict[str, Any]:
        """Find every mistake in a config, a path or a name, with line, column and hint, without training."""
        return self._of_object("check", *self._data(), "--runs-dir", str(self.runs_dir), "--", self._inside(config))

    def check_text(self, text: str) -> dict[str, Any]:
        """Find every mistake in the text of a config. Files that it names are looked for in the folder of data."""
        if len(text) > _LONGEST_TEXT:
            raise NnrunError(f"the config has {len(text):,} characters, more than {_LONGEST_TEXT:,}")
        with scratch_folder("mcp") as folder:
            path = folder / "config.yaml"
            path.write_text(text, encoding="utf-8")
            return self._of_object("check", *self._data(), "--", str(path))

    def summarize_model(self, config: str) -> dict[str, Any]:
        """Return the layers of a config's model with shapes and parameters, and the memory that training needs."""
        return self._of_object("summary", *self._data(), "--", self._inside(config))

    def explain(self, word: str) -> dict[str, Any]:
        """Explain a layer, loss, optimizer, key, finding or score; or PATH:KEY, where a value comes from."""
        file, colon, _ = word.rpartition(":")
        if colon:
            self._inside(file)
        return {"meanings": self._ask("explain", "--", word)}

    def list_runs(self) -> dict[str, Any]:
        """List all runs with status and result, the oldest first."""
        return {"runs": self._ask("runs", "list", "--runs-dir", str(self.runs_dir))}

    def show_run(self, run: str) -> dict[str, Any]:
        """Return what is known of a run: record, scores, files. `run` is a name, the start of an id, or `last`."""
        return self._of_object("runs", "show", "--runs-dir", str(self.runs_dir), "--", self._inside(run))

    def compare_runs(self, first: str, second: str) -> dict[str, Any]:
        """Test whether two runs differ by more than chance."""
        words = (self._inside(first), self._inside(second))
        return self._of_object("compare", "--runs-dir", str(self.runs_dir), "--", *words)

    def smoke_train(self, config: str) -> dict[str, Any]:
        """Train a config on two batches through everything that it would do, in a temporary folder."""
        return self._of_object("train", "--smoke", *self._data(), "--", self._inside(config))

    def _data(self) -> tuple[str, ...]:
        return () if self.data_dir is None else ("--data-dir", str(self.data_dir))

    def _inside(self, word: str) -> str:
        """Return a word that names a config or a run, if it leads to no path outside of the root.

        Raises:
            NnrunError: It does.
        """
        if "\0" in word or not (self.root / word).resolve().is_relative_to(self.root.resolve()):
            raise NnrunError(f"{word!r} is outside of {self.root}, the folder of this server", "start it with --root")
        return word

    def _of_object(self, *words: str) -> dict[str, Any]:
        found = self._ask(*words)
        return found if isinstance(found, dict) else {"document": found}

    def _ask(self, *words: str) -> Any:
        """Return the document that a command prints, also that of an error."""
        at = words.index("--") if "--" in words else len(words)
        text = self._print(*words[:at], "--json", *words[at:])
        with suppress(ValueError):
            return json.loads(text)
        raise NnrunError(f"nnrun {words[0]} has printed no document", "run it in a terminal")

    def _print(self, *words: str) -> str:
        command = [sys.executable, "-m", "nnrun", *words]
        try:
            done = subprocess.run(
                command,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "NO_COLOR": "1"},
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NnrunError(f"nnrun {words[0]} took more than {_PATIENCE:.0f} s, and was ended") from error
        return done.stdout.decode("utf-8", "replace")


def serve_stdio(tools: AgentTools, *, allows_smoke: bool) -> None:
    """Answer on stdin and stdout until stdin ends.

    Args:
        tools: What is asked.
        allows_smoke: Whether `smoke_train` is offered, which trains; all others only read.

    Raises:
        MissingExtraError: The package `mcp` is not installed.
    """
    if importlib.util.find_spec("mcp") is None:
        raise MissingExtraError("mcp", "nnrun mcp")
    from mcp.server import MCPServer
    from mcp.types import ToolAnnotations

    about = "Check configs of nnrun and read its runs. Call usage first: it says how configs are written."
    server = MCPServer("nnrun", instructions=about, version=__version__, log_level="ERROR")
    reading: list[Callable[..., Any]] = [
        tools.usage,
        tools.list_configs,
        tools.read_config,
        tools.check_config,
        tools.check_text,
        tools.summarize_model,
        tools.explain,
        tools.list_runs,
        tools.show_run,
        tools.compare_runs,
    ]
    for tool in reading:
        server.tool(annotations=ToolAnnotations(readOnlyHint=True, openWorldHint=False))(_answering(tool))
    if allows_smoke:
        server.tool(annotations=ToolAnnotations(readOnlyHint=False, destructiveHint=False))(
            _answering(tools.smoke_train)
        )
    server.run("stdio")


def _answering(tool: Callable[..., Any]) -> Callable[..., Any]:
    """Return a tool whose errors are answers with their hints, and which runs in a thread of its own."""
    from functools import wraps

    from anyio import to_thread
    from mcp.server.mcpserver.exceptions import ToolError

    @wraps(tool)
    async def call(**arguments: Any) -> Any:
        try:
            return await to_thread.run_sync(lambda: tool(**arguments))
        except NnrunError as error:
            raise ToolError(f"{error.text} ({error.hint})" if error.hint else error.text) from error

    return call
