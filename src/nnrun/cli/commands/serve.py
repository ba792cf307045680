"""`nnrun serve`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from nnrun.serve.openapi import ServedRun


@click.command()
@options.run
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    metavar="N",
    help="The port; 0 takes a free one.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file with the token that requests must bring. Default: NNRUN_SERVE_TOKEN. Needed for another --host.",
)
@click.option(
    "--host-name",
    "host_names",
    multiple=True,
    metavar="NAME",
    help="A name by which the server is called, as in a reverse proxy. May be repeated.",
)
@click.option(
    "--batch-wait",
    type=click.FloatRange(0, 10_000),
    default=2.0,
    show_default=True,
    metavar="MS",
    help="How long a request waits for others that are predicted with it.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    metavar="N",
    help="Predict at most N examples of several requests at once; 1: each request alone.",
)
@click.option(
    "--max-rows",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    metavar="N",
    help="The most examples in a request.",
)
@click.option(
    "--max-body",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="MB",
    help="The largest body of a request.",
)
@click.option(
    "--max-requests",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="The most requests that are answered at the same time; others get status 503.",
)
@click.option(
    "--client-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="S",
    help="Seconds that a client may take to send a request, and to read a piece of the answer.",
)
@options.model
@options.beam_width
@options.folders
def serve(*, as_json: bool, quiet: bool, **settings: Any) -> None:
    """Answer requests with the model of a run, over HTTP.

    POST /predict takes {"rows": [{"column": value}]}, prepared as nnrun predict does it; or pictures, recordings or
    arrays. POST /generate of a text model streams characters. The page / describes the run and has a form;
    /openapi.json, /health and /metrics are for programs. Ctrl-C or SIGTERM stops it once all requests are answered.

    RUN is a run's folder, the start of its id, its name, or last.

    \b
    nnrun serve last
    nnrun serve last --port 8080 --batch-wait 5
    python3 -c 'import secrets; print(secrets.token_urlsafe(32))' > token; chmod 600 token
    nnrun serve last --host 0.0.0.0 --token-file token
    """  # noqa: D301
    from nnrun.cli.terminal.log import open_log
    from nnrun.cli.terminal.output import Output
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.pipeline.serve import ServeRequest, require_packages
    from nnrun.pipeline.serve import serve as serve_run

    require_packages()
    from nnrun.serve.bodies import ServeLimits

    limits = ServeLimits(
        body_bytes=round(settings.pop("max_body") * 1e6),
        rows=settings.pop("max_rows"),
        requests=settings.pop("max_requests"),
        client_seconds=settings.pop("client_timeout"),
    )
    own = {name: settings.pop(name) for name in ("host", "port", "token_file", "host_names")}
    own |= {"batch_seconds": settings.pop("batch_wait") / 1000, "batch_examples": settings.pop("batch_size")}
    output = Output.stdout()

    def on_ready(url: str, run: ServedRun) -> None:
        # While the engine works, `sys.stdout` leads to the run's log. One line: the process goes on after it.
        document = json.dumps({"url": url, "path": run.path, **run.about})
        output.write_line(document if as_json else output.shown(f"{run.name} ({run.id}) answers at {url}"))
        output.stream.flush()

    with open_log("nnrun.serve", quiet=quiet), open_progress(quiet=quiet, json=as_json) as progress:
        serve_run(ServeRequest(EvaluateRequest(**settings), **own, limits=limits), progress, on_ready)
