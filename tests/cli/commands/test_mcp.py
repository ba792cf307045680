"""`nnrun mcp`: a client of the protocol speaks with a real server."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from nnrun.cli.mcp_server import AgentTools
from nnrun.errors import NnrunError

needs_mcp = [
    pytest.mark.mcp,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("mcp") is None, reason="MCP is not installed (extra mcp)"),
]
GOOD = """\
name: one
seed: 1
data: {source: iris, split: {test: 0.2}}
model:
  - Dense: {units: 4, activation: relu}
  - Dense: {units: $classes, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 2, batch_size: 16}
"""


@pytest.fixture
def tools(workdir: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AgentTools:
    """The tools of a folder with a config."""
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    return AgentTools(workdir, workdir / "runs")


@pytest.mark.slow
def test_a_mistake_is_found_in_a_file_and_in_a_text(tools: AgentTools, workdir: Path) -> None:
    """Both answers are the document of `nnrun check`, with places and hints; a sound config has none."""
    wrong = GOOD.replace("units: 4", "unit: 4")
    (workdir / "wrong.yaml").write_text(wrong, encoding="utf-8")
    for found in (tools.check_config("wrong.yaml"), tools.check_text(wrong)):
        (problem,) = [one for one in found["files"][0]["problems"] if one["severity"] == "error"]
        assert (found["ok"], problem["line"], problem["column"]) == (False, 5, 13)
        assert problem["hint"] == "Did you mean 'units'?"
    assert tools.check_text(GOOD)["ok"] is True
    assert tools.explain("Dropout")["meanings"][0]["name"] == "Dropout"
    assert tools.list_runs() == {"runs": []}
    assert "no run" in tools.show_run("last")["error"]["text"]


@pytest.mark.parametrize("word", ["../other.yaml", "/etc/passwd", "a/../../b.yaml", "a\0b"])
def test_what_lies_outside_is_not_read(tools: AgentTools, word: str) -> None:
    """A path that leads out of the folder of the server is refused by every tool that takes one, links included."""
    for ask in (tools.check_config, tools.read_config, tools.summarize_model, tools.show_run, tools.smoke_train):
        with pytest.raises(NnrunError, match="outside of"):
            ask(word)
    with pytest.raises(NnrunError, match="outside of"):
        tools.compare_runs("last", word)
    with pytest.raises(NnrunError, match="outside of"):
        tools.explain(f"{word}:training")


def test_a_link_out_of_the_folder_is_not_followed(tools: AgentTools, workdir: Path) -> None:
    """A link inside of the folder to a file outside of it is refused."""
    (workdir / "link.yaml").symlink_to("/etc/passwd")
    with pytest.raises(NnrunError, match="outside of"):
        tools.check_config("link.yaml")


def test_a_word_is_no_option(tools: AgentTools) -> None:
    """What looks like an option is a config that is not there."""
    found = tools.check_config("--help")
    assert "there is no such file" in json.dumps(found)


def test_a_text_has_a_limit(tools: AgentTools) -> None:
    """A text that is longer than any config is refused before it is written."""
    with pytest.raises(NnrunError, match="characters, more than"):
        tools.check_text("#" * 600_000)


@pytest.mark.skipif(importlib.util.find_spec("mcp") is not None, reason="the extra mcp is installed")
def test_without_its_extra_the_server_says_what_to_install(invoke: Callable[..., Result]) -> None:
    """The message names the extra."""
    result = invoke("mcp")
    assert result.exit_code == 1
    assert "pip install 'nnrun[mcp]'" in result.stderr


async def _speak(folder: Path, *options: str) -> dict[str, Any]:
    """Ask a server what a client would."""
    from mcp import Client, StdioServerParameters

    path = os.pathsep.join(filter(None, sys.path))
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "nnrun", "mcp", "--root", str(folder), *options],
        env={**os.environ, "PYTHONPATH": path},
    )
    found: dict[str, Any] = {}
    async with Client(server) as client:
        found["tools"] = {one.name: one for one in (await client.list_tools()).tools}
        found["check"] = await client.call_tool("check_config", {"config": "tiny.yaml"})
        found["outside"] = await client.call_tool("check_config", {"config": "/etc/passwd"})
        found["usage"] = await client.call_tool("usage", {})
        if "--allow-smoke" in options:
            found["smoke"] = await client.call_tool("smoke_train", {"config": "tiny.yaml"})
    return found


class TestServer:
    """With the package `mcp`."""

    pytestmark = needs_mcp

    def test_a_client_gets_documents_and_errors(self, workdir: Path) -> None:
        """Tools are listed as reading ones, a check is a document, and a refused path is an error with its reason."""
        import anyio

        found = anyio.run(_speak, workdir)
        assert "smoke_train" not in found["tools"]
        assert all(one.annotations.read_only_hint for one in found["tools"].values())
        assert all(one.description for one in found["tools"].values())
        assert json.loads(found["check"].content[0].text)["ok"] is True
        assert found["outside"].is_error
        assert "is outside of" in found["outside"].content[0].text
        assert found["usage"].content[0].text.startswith("# nnrun ")
        assert not (workdir / "runs").exists()

    @pytest.mark.keras
    def test_a_smoke_run_is_offered_where_it_is_allowed(self, workdir: Path) -> None:
        """It answers with what was tried, and leaves nothing."""
        import anyio

        found = anyio.run(_speak, workdir, "--allow-smoke")
        assert not found["tools"]["smoke_train"].annotations.read_only_hint
        assert [one["name"] for one in json.loads(found["smoke"].content[0].text)["steps"]]
        assert not (workdir / "runs").exists()
