"""Tests of `nnrun serve`: real server processes, asked by real clients."""

from __future__ import annotations

import base64
import csv
import http.client
import json
import re
import select
import shutil
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from http_server import Answer, RunningServer, running_server
from waiting import wait_for

from nnrun.cli.main import nnrun

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
pytest.importorskip("multipart")
pytestmark = pytest.mark.keras

FROZEN = Path(__file__).resolve().parents[2] / "frozen_runs" / "0.1.0"
TOKEN = "t0ken-of-sixteen-letters"  # noqa: S105 - it opens nothing
#: Figures of the same model on another processor differ in the last digits of float32.
TOLERANCE = {"rel": 1e-4, "abs": 1e-5}
#: How long clients of the server of houses may hang, in seconds; longer than a crowded machine stops these clients.
SECONDS = 10


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of finished runs: their logs are continued."""
    return Path(shutil.copytree(FROZEN, tmp_path_factory.mktemp("frozen") / "runs"))


@pytest.fixture(scope="module")
def servers(runs: Path) -> Iterator[tuple[RunningServer, RunningServer]]:
    """The model of a table with narrow limits, and a model of texts behind a token, which start at the same time."""
    limits = ("--max-rows", "40", "--max-body", "0.02", "--max-requests", "8", "--client-timeout", str(SECONDS))
    with (
        running_server(runs / "table", runs, *limits) as of_table,
        running_server(runs / "text", runs, NNRUN_SERVE_TOKEN=TOKEN) as of_text,
    ):
        yield of_table, of_text


@pytest.fixture
def server(servers: tuple[RunningServer, RunningServer]) -> RunningServer:
    """The model of a table."""
    return servers[0]


@pytest.fixture
def writer(servers: tuple[RunningServer, RunningServer]) -> RunningServer:
    """The model of texts."""
    return servers[1]


def houses() -> list[dict[str, Any]]:
    """The new examples of the frozen run, as JSON has them."""
    with (FROZEN / "made_from" / "new_houses.csv").open(encoding="utf-8", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    return [{**row, "rooms": int(row["rooms"]) if row["rooms"] else None} for row in rows]


def expected() -> list[tuple[str, dict[str, Any]]]:
    """Their predictions by the commit that made the run: labels, and probabilities."""
    with (FROZEN / "predicted" / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    probabilities = [
        {name.removeprefix("output_"): float(row[name]) for name in row if name.startswith("output_")} for row in rows
    ]
    return [
        (row["prediction"], pytest.approx(shares, **TOLERANCE)) for row, shares in zip(rows, probabilities, strict=True)
    ]


def answered(predictions: list[dict[str, Any]]) -> list[tuple[str, dict[str, float]]]:
    """Return labels and probabilities of an answer."""
    return [(one["prediction"], one["probabilities"]) for one in predictions]


def test_predictions_are_those_of_nnrun_predict(server: RunningServer) -> None:
    """Raw rows in, labels with probabilities out, as the command predicts the same rows of a file."""
    answer = server.ask("/predict", {"rows": houses()})
    assert answer.status == 200
    assert answered(answer.json["predictions"]) == expected()
    assert [one["row"] for one in answer.json["predictions"]] == list(range(len(houses())))


def test_many_clients_at_once_get_their_own_answers(server: RunningServer) -> None:
    """Requests of eight clients, wrong ones among them, are answered each with its own rows."""
    rows, wanted = houses(), expected()

    def ask(number: int) -> bool:
        first = number % len(rows)
        if number % 5 == 4:
            answer = server.ask("/predict", {"rows": [{**rows[first], "area": "wide"}]})
            return answer.status == 422 and answer.error["details"][0]["column"] == "area"
        if number % 5 == 3:
            # Only the fitted preparation knows the towns.
            answer = server.ask("/predict", {"rows": [rows[0], {**rows[0], "condition": "ruined"}]})
            return answer.status == 422 and "ruined" in answer.error["message"] and "/" not in answer.error["message"]
        answer = server.ask("/predict", {"rows": rows[first:]})
        return answer.status == 200 and answered(answer.json["predictions"]) == wanted[first:]

    with ThreadPoolExecutor(8) as clients:
        assert list(clients.map(ask, range(60))) == [True] * 60


@pytest.mark.parametrize(
    ("body", "headers", "status", "message"),
    [
        (b"{", {}, 400, "the body is not JSON"),
        (b'{"rows": [{"area": NaN}]}', {}, 400, "NaN is no number of JSON"),
        (b"[" * 9000, {}, 400, "JSON"),
        (b"\xff\xfe", {}, 400, "not JSON"),
        (b"[]", {}, 422, "expected a JSON object"),
        (b'{"rows": {}}', {}, 422, "expected a list of rows"),
        (b'{"rows": []}', {}, 422, "expected at least one of rows, received none"),
        (b'{"row": []}', {}, 422, """expected {"rows": [...]}, received the keys 'row'"""),
        (b'{"rows": [{"town": 1}], "x": 1}', {}, 422, """expected {"rows": [...]}, received the keys 'rows', 'x'"""),
        (b"{}", {"Content_Type": "text/plain"}, 415, "expected the header Content-Type: application/json"),
        (b"\x89PNG\r\n\x1a\n", {"Content_Type": "image/png"}, 415, "expected the header Content-Type"),
        (json.dumps({"rows": [{}] * 41}).encode(), {}, 413, "expected at most 40 rows in a request, received 41"),
        (b" " * 20_001, {}, 413, "expected a body of at most 20000 bytes"),
        (b" " * 2_000_000, {}, 413, "expected a body of at most 20000 bytes"),
        (b"{}", {"Host": "evil.example"}, 403, "this server is not called 'evil.example'"),
        (b"{}", {"Origin": "http://evil.example"}, 403, "pages of other origins"),
    ],
)
def test_a_wrong_request_gets_its_status_and_a_message(
    server: RunningServer, body: bytes, headers: dict[str, str], status: int, message: str
) -> None:
    """What is wrong with a request is told by an HTTP status and by words."""
    try:
        answer = server.ask("/predict", body, **headers)
    except (ConnectionResetError, BrokenPipeError):
        # The server closes a body that is a hundred times too large while the client writes.
        assert len(body) == 2_000_000
        return
    assert answer.status == status
    assert message in answer.error["message"]
    assert answer.error["request_id"] == answer.headers["X-Request-ID"]


def test_other_paths_and_methods_are_refused(server: RunningServer) -> None:
    """An unknown path is 404, another method 405, and both say so in JSON."""
    assert server.ask("/nothing").status == 404
    assert "there is no such path" in server.ask("/generate", {}).error["message"]
    answer = server.ask("/predict")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


def hang(server: RunningServer) -> tuple[list[socket.socket], Answer] | None:
    """Let ten clients hang until one more is refused: return them and its answer; None: they were slow, and ended."""
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    hanging = [socket.create_connection(server.address, timeout=240) for _ in range(10)]
    try:
        for connection in hanging[:8]:
            connection.sendall(head)
        hanging[8].sendall(b"POST /predict HTTP/1.1\r\nHost: local")
        while not select.select(hanging, [], [], 0)[0]:
            answer = server.ask("/predict", {"rows": houses()})
            if answer.status == 503:
                return hanging, answer
    except (ConnectionResetError, BrokenPipeError):
        pass
    for connection in hanging:
        connection.close()
    return None


def test_clients_that_hang_are_closed_and_too_many_are_refused(server: RunningServer) -> None:
    """Bodies that do not come hold eight places, then a ninth request is 503; after a while all are free again."""
    hanging, busy = wait_for(lambda: hang(server))
    try:
        assert busy.headers["Retry-After"] == "1"
        assert "8 requests are being answered already" in busy.error["message"]
        assert server.ask("/health").status == 200
        answers = [connection.recv(1000) for connection in hanging]
        assert {answer.split(b"\r\n")[0] for answer in answers[:8]} == {b"HTTP/1.1 408 Request Timeout"}
        # Neither half a head nor none is answered.
        assert answers[8:] == [b"", b""]
    except ConnectionResetError:
        pytest.fail("a client that waits for its answer gets one")
    finally:
        for connection in hanging:
            connection.close()
    assert server.ask("/predict", {"rows": houses()}).status == 200


def test_the_document_describes_the_runs_own_columns(server: RunningServer) -> None:
    """`/openapi.json` has the columns with their kinds, and the classes; requests and answers are valid by it."""
    document = server.ask("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    operation = document["paths"]["/predict"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    row = schema["properties"]["rows"]["items"]
    assert {name: one["type"] for name, one in row["properties"].items()} == {
        "town": ["string", "null"],
        "condition": ["string", "null"],
        "area": ["number", "null"],
        "rooms": ["number", "null"],
        "built": ["string", "null"],
    }
    rows = [{**one, "area": float(one["area"]) if one["area"] else None} for one in houses()]
    jsonschema.Draft202012Validator(schema).validate({"rows": rows})
    answer = server.ask("/predict", {"rows": rows}).json
    of_answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator(of_answer).validate(answer)
    one = of_answer["properties"]["predictions"]["items"]["properties"]
    assert one["prediction"]["enum"] == ["fast", "slow", "usual"]
    assert operation["requestBody"]["content"]["application/json"]["example"]["rows"][0].keys() == rows[0].keys()


def test_the_page_asks_nobody_else(server: RunningServer) -> None:
    """The page has the columns, its policy allows no other server, and no address in it leads elsewhere."""

    class Addresses(HTMLParser):
        found: list[str] = []  # noqa: RUF012 - one page

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
            self.found += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]

    answer = server.ask("/")
    page, parser = answer.body.decode(), Addresses()
    parser.feed(page)
    assert parser.found == ["/openapi.json", "/metrics", "/health"]
    assert "url(" not in page
    assert "@import" not in page
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "connect-src 'self'" in policy
    assert all(f"<code>{name}</code>" in page for name in houses()[0])
    assert "format <code>%d.%m.%Y</code>" in page


def test_figures_are_prometheus_text(server: RunningServer) -> None:
    """`/metrics` counts answers by path and status, times, batches, and the memory of the process."""
    server.ask("/predict", {"rows": houses()[:1]})
    server.ask("/a%0Apath")
    text = server.ask("/metrics").body.decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+', line) for line in lines)
    figures = dict(line.rsplit(" ", 1) for line in lines)
    assert int(figures['nnrun_requests_total{path="/predict",status="200"}']) >= 1
    assert int(figures['nnrun_requests_total{path="other",status="404"}']) >= 1
    assert figures["nnrun_request_seconds_count"] == figures['nnrun_request_seconds_bucket{le="+Inf"}']
    assert 0 < int(figures["nnrun_batches_total"]) <= int(figures["nnrun_examples_total"])
    assert int(figures["process_resident_memory_bytes"]) > 100_000_000


def test_the_log_names_requests_and_holds_no_content(server: RunningServer) -> None:
    """A line for each request with its id, which a client may choose; no query, no body, nothing that steers."""
    answer = server.ask("/predict?secret=1", {"rows": [{**houses()[0], "town": "Geheimstadt"}]}, X_Request_ID="my-id.1")
    assert answer.headers["X-Request-ID"] == "my-id.1"
    assert server.ask("/%1b[31m%0a", X_Request_ID="a b").headers["X-Request-ID"] != "a b"
    # A line is written after the answer: a client may have read the answer before the line is there.
    text = wait_for(lambda: found if "\\x1b[31m\\n 404" in (found := server.log.read_text(encoding="utf-8")) else "")
    assert re.search(r"^[-0-9T:]+Z my-id\.1 127\.0\.0\.1 POST /predict (200|422) [0-9.]+ ms$", text, re.MULTILINE)
    assert "secret" not in text
    assert "Geheimstadt" not in text


def test_a_connection_is_used_again(server: RunningServer) -> None:
    """A client may ask several times on one connection, after refused requests too."""
    connection = http.client.HTTPConnection(*server.address, timeout=240)
    headers = {"Content-Type": "application/json"}
    statuses = []
    for body in (json.dumps({"rows": houses()}), "{", json.dumps({"rows": houses()[:1]})):
        connection.request("POST", "/predict", body, headers)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    assert statuses == [200, 400, 200]


def test_a_port_in_use_is_an_error(server: RunningServer, runs: Path) -> None:
    """Another server at the port is named before the model is loaded, with a command that works."""
    result = CliRunner().invoke(nnrun, ["serve", str(runs / "table"), "--port", str(server.address[1])])
    assert result.exit_code == 1
    assert f"port {server.address[1]} at 127.0.0.1 is in use by another program" in result.stderr
    assert f"--port {server.address[1] + 1}" in result.stderr


def test_another_address_needs_a_token(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others reach the server, requests must bring a token, which is long enough; `--token` does not exist."""
    monkeypatch.delenv("NNRUN_SERVE_TOKEN", raising=False)
    short, folder = tmp_path / "token", str(runs / "table")
    short.write_text("short\n", encoding="utf-8")
    for options, message in (
        (["--host", "0.0.0.0"], "requests must bring a token"),  # noqa: S104 - refused
        (["--token-file", str(short)], "expected a token of at least 16"),
        (["--token-file", str(tmp_path)], "cannot be read"),
        (["--token", TOKEN], "No such option"),
        (["--host", "no.such.host.invalid", "--token-file", str(short)], "expected a token of at least 16"),
    ):
        result = CliRunner().invoke(nnrun, ["serve", folder, "--port", "0", *options])
        assert result.exit_code in (1, 2)
        assert message in result.stderr.replace("\n", " ")


def test_texts_need_the_token_which_is_nowhere_to_be_seen(writer: RunningServer) -> None:
    """Without the token there is only /health; the token is in no log, no command line and no answer."""
    assert writer.ask("/health").status == 200
    refused = writer.ask("/generate", {"seed_text": "the "})
    assert (refused.status, refused.error["message"]) == (401, "this server asks for a token")
    assert "Bearer" in refused.headers["WWW-Authenticate"]
    assert writer.ask("/", Authorization=f"Bearer {TOKEN}x").status == 401
    basic = base64.b64encode(f"me:{TOKEN}".encode()).decode()
    page = writer.ask("/", Authorization=f"Basic {basic}")
    assert page.status == 200
    document = writer.ask("/openapi.json", Authorization=f"Bearer {TOKEN}")
    assert document.json["security"] == [{"token": []}]
    seen = writer.log.read_text(encoding="utf-8") + " ".join(map(str, writer.process.args))
    seen += Path(f"/proc/{writer.process.pid}/cmdline").read_text(encoding="utf-8")
    seen += page.body.decode() + document.body.decode()
    assert TOKEN not in seen
    assert basic not in seen


def test_texts_are_those_of_the_generation_loop(writer: RunningServer) -> None:
    """The text is what `nnrun generate-text` writes; drawn texts are the same for the same seed."""
    authorized = {"Authorization": f"Bearer {TOKEN}"}
    greedy = {"seed_text": "the old ", "length": 40}
    answer = writer.ask("/generate", greedy, **authorized)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    text = (FROZEN / "predicted" / "text.txt").read_text(encoding="utf-8").removesuffix("\n")
    assert len(answer.body) == 40
    assert text.startswith(answer.body.decode()) or answer.body.decode() in text
    drawn = {**greedy, "temperature": 0.9, "random_seed": 3}
    found = [writer.ask("/generate", body, **authorized).body for body in (drawn, drawn, {**drawn, "random_seed": 4})]
    assert found[0] == found[1] != found[2]
    events = writer.ask("/generate", greedy, **authorized, Accept="text/event-stream").body.decode()
    pieces = [json.loads(data) for data in re.findall(r"^data: (.+)$", events, re.MULTILINE)]
    assert len(pieces) > 1
    assert "".join(pieces) == answer.body.decode()
    assert events.endswith("event: end\ndata: \n\n")
    stopped = writer.ask("/generate", {**greedy, "stop": [answer.body.decode()[5:9]]}, **authorized).body.decode()
    assert len(stopped) <= 5


@pytest.mark.parametrize(
    ("body", "column", "message"),
    [
        ({}, "seed_text", "expected a text"),
        ({"seed_text": "\N{SNOWMAN}"}, None, "SNOWMAN"),
        ({"seed_text": "", "length": 0}, "length", "expected integer from 1 to 10000"),
        ({"seed_text": "", "length": True}, "length", "expected integer"),
        ({"seed_text": "", "temperature": -1}, "temperature", "expected number from 0 to 100"),
        ({"seed_text": "", "stop": [""]}, "stop", "expected a list of texts"),
        ({"seed_text": "", "loud": 1}, "loud", "there is no such option"),
    ],
)
def test_a_wrong_option_of_a_text_is_named(
    writer: RunningServer, body: dict[str, Any], column: str | None, message: str
) -> None:
    """A text that cannot be written is refused before the first character, with the option."""
    answer = writer.ask("/generate", body, Authorization=f"Bearer {TOKEN}")
    assert answer.status == 422
    assert message in answer.error["message"]
    assert answer.error.get("details", [{"column": None}])[0]["column"] == column


def test_a_stop_answers_what_has_begun(writer: RunningServer) -> None:
    """SIGTERM ends the server once a text that is being written has come to its end; the exit code is 0."""
    # It ends the server of the tests above, and is the last of this file.
    connection = http.client.HTTPConnection(*writer.address, timeout=240)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    body = json.dumps({"seed_text": "the ", "length": 4000})
    connection.request("POST", "/generate", body, headers)
    response = connection.getresponse()
    first = response.read(1)
    codes: list[int] = []
    stopping = threading.Thread(target=lambda: codes.append(writer.stop()))
    stopping.start()
    assert len(first + response.read()) == 4000
    connection.close()
    stopping.join(240)
    assert codes == [0]
    assert "Traceback" not in writer.log.read_text(encoding="utf-8")
    with pytest.raises(ConnectionRefusedError):
        writer.ask("/health")
