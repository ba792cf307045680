"""A ledger in tables of a PostgreSQL server, for teams and clusters: every change is one transaction.

A server that goes away is waited for. A change whose answer was lost is not made twice: it leaves its own mark in the
row, by which it is found when it is tried again. Several sweeps share the tables; each row has the id of its sweep.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from nnrun.errors import MissingExtraError, RunError
from nnrun.runs.disk import write_file
from nnrun.runs.json_files import read_json
from nnrun.runs.record import now
from nnrun.runs.secrets import leave_out_values, without_secrets
from nnrun.sweep.ledger import FORMAT, LEASE_SECONDS, Ledger, Trial, TrialStatus, claimant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from psycopg import Connection

    ResultT = TypeVar("ResultT")

#: Seconds for which a server that goes away is waited for, by those who train, and by commands that only read.
PATIENCE, READING_PATIENCE = 300.0, 5.0
#: Seconds after which a server that answers, and refuses, means it.
_REFUSAL_PATIENCE = 5.0
#: Seconds for one try to connect, and between two.
_CONNECT_SECONDS, _RETRY_SECONDS = 10, 1.0
_DATABASE = re.compile(r"/[^/:@]+")
_SCHEMES = ("postgresql", "postgres")
#: What an address may say of the connection; other options of libpq read files, or are secrets.
_OPTIONS = ("host", "port", "sslmode", "application_name", "target_session_attrs")
_COLUMNS = (
    *("number", "combination", "seed", "parameters", "status", "attempts", "process", "error", "scores"),
    *("intermediate", "started", "ended"),
)

_TABLES = """
CREATE TABLE IF NOT EXISTS nnrun_sweeps (sweep text PRIMARY KEY, format integer NOT NULL, fields text NOT NULL);
CREATE TABLE IF NOT EXISTS nnrun_trials (
    sweep text NOT NULL REFERENCES nnrun_sweeps ON DELETE CASCADE,
    number integer NOT NULL,
    combination integer NOT NULL,
    seed bigint NOT NULL,
    parameters text NOT NULL,
    status text NOT NULL DEFAULT 'waiting',
    attempts integer NOT NULL DEFAULT 0,
    process text,
    error text,
    scores text,
    intermediate text,
    started text,
    ended text,
    renewed timestamptz,
    change text,
    PRIMARY KEY (sweep, number)
);
CREATE INDEX IF NOT EXISTS nnrun_trials_by_status ON nnrun_trials (sweep, status, number);
"""
#: Processes that create the tables at the same time would disturb each other.
_TABLES_LOCK = 7_211_014
_CLAIM = """
UPDATE nnrun_trials SET status = 'running', attempts = attempts + 1, process = %(process)s, error = NULL,
    started = coalesce(started, %(now)s), renewed = now(), change = %(change)s
WHERE sweep = %(sweep)s AND number = (
    SELECT number FROM nnrun_trials WHERE sweep = %(sweep)s AND status = 'waiting'
        AND number = coalesce(%(number)s::integer, number)
    ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED
)
"""
_IS_CLAIM = """
WHERE sweep = %(sweep)s AND number = %(number)s AND status = 'running' AND process = %(process)s
    AND attempts = %(attempts)s
"""
_END = f"""
UPDATE nnrun_trials SET status = %(status)s, attempts = attempts - %(less)s, error = %(error)s, scores = %(scores)s,
    intermediate = coalesce(%(intermediate)s, intermediate), ended = %(ended)s, process = NULL, change = %(change)s
{_IS_CLAIM}
"""  # noqa: S608 - put together from constants
_RENEW = f"UPDATE nnrun_trials SET renewed = now() {_IS_CLAIM} RETURNING number"  # noqa: S608 - the same
_EXPIRED = f"SELECT renewed < now() - make_interval(secs => %(lease)s) FROM nnrun_trials {_IS_CLAIM}"  # noqa: S608


@dataclass(frozen=True)
class Address:
    """The address of a database, with the password apart.

    Attributes:
        url: The address without a password, which may be kept and shown.
        password: The password, if the address had one.
    """

    url: str
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Take an address such as `postgresql://user:password@host/database` apart.

        Raises:
            RunError: It is no such address; the message does not repeat it, for it may have a password.
        """
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
            options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            raise _bad_address("it cannot be read") from None
        password = None if parts.password is None else unquote(parts.password)
        for name, value in options:
            if name == "password":
                password = value
            elif name not in _OPTIONS:
                raise _bad_address(f"nnrun takes {', '.join(_OPTIONS)} as its options, and nothing else")
        kept = [(name, value) for name, value in options if name != "password"]
        # Of a password that is not encoded, a part may stand anywhere behind its first / ? or #.
        if parts.scheme not in _SCHEMES or parts.fragment or not _DATABASE.fullmatch(parts.path):
            raise _bad_address("in a password, @ / : ? # and % are written as %40 %2F %3A %3F %23 and %25")
        if password:
            leave_out_values([password])
        user = f"{quote(unquote(parts.username), safe='')}@" if parts.username else ""
        shown_host = f"[{host}]" if ":" in host else host
        place = f"{user}{shown_host}{'' if port is None else f':{port}'}{parts.path}"
        return cls(f"postgresql://{place}{f'?{urlencode(kept)}' if kept else ''}", password or None)


class PostgresLedger(Ledger):
    """A ledger that exists.

    Args:
        file: The file in the sweep's folder that says where the tables are.
        sweep: The sweep's id.
        password: The password; None: that of `PGPASSWORD` or `~/.pgpass`.
        patience: Seconds for which a server that goes away is waited for.

    Raises:
        RunError: The file is none of a ledger, is damaged, or is of a newer format.
    """

    def __init__(self, file: Path, sweep: str, password: str | None = None, patience: float = READING_PATIENCE) -> None:
        document = read_json(file, _require_document, "begin another sweep; the runs in its folder are kept")
        if document["format"] != FORMAT:
            text = f"{file} has format {document['format']}, and this version of nnrun reads {FORMAT}"
            raise RunError(text, "install the version of nnrun that made it, or a newer one")
        # An address in a file from other hands is examined as one that is typed.
        self._server = _Server(Address(Address.parse(document["address"]).url, password), patience)
        self._sweep, self._fields = sweep, {"format": FORMAT, **document["sweep"]}

    @classmethod
    def create(
        cls, file: Path, sweep: str, address: Address, fields: Mapping[str, Any], trials: Sequence[Trial]
    ) -> PostgresLedger:
        """Create a ledger with all its trials, which wait.

        Args:
            file: The file in the sweep's folder, which gets the address without a password.
            sweep: The sweep's id.
            address: The database.
            fields: What belongs to the sweep as a whole.
            trials: The trials.

        Raises:
            MissingExtraError: The extra `postgres` is not installed.
            RunError: The server cannot be reached or refuses it, or the file cannot be written.
        """

        def insert(connection: Connection[Any], is_repeated: bool) -> None:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_TABLES_LOCK,))
            connection.execute(_TABLES)
            known = connection.execute("SELECT 1 FROM nnrun_sweeps WHERE sweep = %s", (sweep,)).fetchone()
            if known is not None:
                if is_repeated:
                    return
                raise RunError(f"{address.url} has a sweep {sweep} already", "begin it again: its id is a new one then")
            connection.execute(
                "INSERT INTO nnrun_sweeps VALUES (%s, %s, %s)", (sweep, FORMAT, json.dumps(dict(fields)))
            )
            _insert(connection, sweep, trials)

        _Server(address, READING_PATIENCE).run(insert)
        document = {"format": FORMAT, "address": address.url, "sweep": dict(fields)}
        write_file(file, json.dumps(document, indent=2).encode())
        return cls(file, sweep, address.password)

    def fields(self) -> dict[str, Any]:
        """Return what belongs to the sweep as a whole; the server is not asked."""
        return dict(self._fields)

    def trials(self, status: TrialStatus | None = None, first: int = 0) -> list[Trial]:
        """Return all trials, or those of one status, by number; those before `first` are left out."""
        # Written out, so that the index by status is used.
        of_status = "" if status is None else "AND status = %(status)s"
        where = f"WHERE sweep = %(sweep)s {of_status} AND number >= %(first)s ORDER BY number"
        return self._select(where, {"status": status, "first": first})

    def counts(self) -> dict[str, int]:
        """Return how many trials have each status."""
        query = "SELECT status, count(*) FROM nnrun_trials WHERE sweep = %s GROUP BY status"
        return dict(self._server.run(lambda connection, _: connection.execute(query, (self._sweep,)).fetchall()))

    def add(self, trials: Sequence[Trial], known: int) -> bool:
        """Add trials, which wait, if the ledger has as many as they were made from; all of them or none."""

        def insert(connection: Connection[Any], _: bool) -> bool:
            # Whoever adds holds the row of the sweep: nobody else adds meanwhile.
            connection.execute("SELECT 1 FROM nnrun_sweeps WHERE sweep = %s FOR UPDATE", (self._sweep,))
            query = "SELECT count(*) FROM nnrun_trials WHERE sweep = %s"
            (count,) = connection.execute(query, (self._sweep,)).fetchone() or (0,)
            if count == known:
                _insert(connection, self._sweep, trials)
            return bool(count == known)

        return self._server.run(insert)

    def claim(self, number: int | None = None) -> Trial | None:
        """Claim the first trial that waits for this process, or the one of a number; None if it, or none, waits."""
        return self._change(_CLAIM, {"process": json.dumps(claimant()), "now": now(), "number": number})

    def renew(self, trial: Trial) -> bool:
        """Tell other hosts that the owner of a claim lives; return whether the claim is still the trial's."""
        return (
            self._server.run(lambda connection, _: connection.execute(_RENEW, self._of(trial)).fetchone()) is not None
        )

    def has_expired(self, trial: Trial) -> bool:
        """Return whether nobody has renewed the claim of a trial for longer than a living owner would."""
        values = {**self._of(trial), "lease": LEASE_SECONDS}
        row = self._server.run(lambda connection, _: connection.execute(_EXPIRED, values).fetchone())
        return row is not None and bool(row[0])

    def _end(
        self,
        trial: Trial,
        status: TrialStatus,
        *,
        scores: Mapping[str, Any] | None = None,
        error: str | None = None,
        intermediate: Sequence[float] | None = None,
        less: int = 0,
    ) -> bool:
        """End a claim, if it is still the trial's; `less` attempts than before."""
        if error is not None:
            # PostgreSQL's texts hold no zeros and no surrogates.
            error = error.replace("\0", "").encode("utf-8", "backslashreplace").decode()
        end = {
            "status": status,
            "less": less,
            "error": error,
            "scores": None if scores is None else json.dumps(scores),
            "intermediate": None if intermediate is None else json.dumps(list(intermediate)),
            "ended": None if status == "waiting" else now(),
        }
        return self._change(_END, {**self._of(trial), **end}) is not None

    def _of(self, trial: Trial) -> dict[str, Any]:
        process = json.dumps(trial.process)
        return {"sweep": self._sweep, "number": trial.number, "process": process, "attempts": trial.attempts}

    def _change(self, query: str, values: Mapping[str, Any]) -> Trial | None:
        """Change one row, once, whatever becomes of the connection; return it, or None if there was none to change."""
        import uuid

        change = uuid.uuid4().hex
        known = {**values, "sweep": self._sweep, "change": change}
        columns = ", ".join(_COLUMNS)
        made = f"SELECT {columns} FROM nnrun_trials WHERE sweep = %(sweep)s AND change = %(change)s"  # noqa: S608

        def make(connection: Connection[Any], is_repeated: bool) -> Any:
            row = connection.execute(made, known).fetchone() if is_repeated else None
            return row or connection.execute(f"{query} RETURNING {columns}", known).fetchone()

        row = self._server.run(make)
        return None if row is None else self._trial(row)

    def _select(self, where: str, values: Mapping[str, Any]) -> list[Trial]:
        query = f"SELECT {', '.join(_COLUMNS)} FROM nnrun_trials {where}"  # noqa: S608
        known = {**values, "sweep": self._sweep}
        return [self._trial(row) for row in self._server.run(lambda one, _: one.execute(query, known).fetchall())]

    def _trial(self, row: Sequence[Any]) -> Trial:
        fields = dict(zip(_COLUMNS, row, strict=True))
        try:
            for name in ("parameters", "process", "scores", "intermediate"):
                fields[name] = None if fields[name] is None else json.loads(fields[name])
        except (ValueError, RecursionError) as error:
            text = f"trial {fields['number']} of {self._sweep} in {self._server.address.url} is damaged: {error}"
            raise RunError(text, "begin another sweep; the runs in its folder are kept") from error
        return Trial(**fields)


class _Server:
    """A database that may go away and come back.

    Args:
        address: Its address.
        patience: Seconds for which it is waited for.
    """

    def __init__(self, address: Address, patience: float) -> None:
        self.address, self._patience = address, patience
        try:
            import psycopg
        except ImportError:
            raise MissingExtraError("postgres", "a ledger on a PostgreSQL server") from None
        self._psycopg = psycopg

    def run(self, transaction: Callable[[Connection[Any], bool], ResultT]) -> ResultT:
        """Run a transaction on a connection of its own, again if the server goes away in the middle.

        Args:
            transaction: Receives the connection, and whether an earlier try may have come to its end.

        Raises:
            RunError: The server does not come back in time, or refuses.
        """
        begin, tries = time.monotonic(), 0
        while True:
            try:
                with self._connect() as connection:
                    return transaction(connection, tries > 0)
            except self._psycopg.OperationalError as error:
                tries += 1
                waited = time.monotonic() - begin
                if waited > (min(self._patience, _REFUSAL_PATIENCE) if self._answers() else self._patience):
                    raise self._error(error) from None
            except self._psycopg.Error as error:
                raise self._error(error) from None
            time.sleep(_RETRY_SECONDS)

    def _connect(self) -> Connection[Any]:
        known = {} if self.address.password is None else {"password": self.address.password}
        # A server that is lost without a word must not be waited for without end.
        limits = {"connect_timeout": _CONNECT_SECONDS, "keepalives_idle": 30, "tcp_user_timeout": 60_000}
        return self._psycopg.connect(self.address.url, **known, **limits)  # type: ignore[arg-type]

    def _answers(self) -> bool:
        from psycopg import pq

        return pq.PGconn.ping(f"{self.address.url}".encode()) == pq.Ping.OK

    def _error(self, error: Exception) -> RunError:
        cause = without_secrets(" ".join(str(error).split()))[0]
        text = f"the ledger at {self.address.url} cannot be reached or refuses: {cause or type(error).__name__}"
        hint = "start the server, or give the password in PGPASSWORD or ~/.pgpass; nothing was lost: --resume goes on"
        return RunError(text, hint)


def _insert(connection: Connection[Any], sweep: str, trials: Sequence[Trial]) -> None:
    columns = "sweep, number, combination, seed, parameters"
    with connection.cursor().copy(f"COPY nnrun_trials ({columns}) FROM STDIN") as copy:
        for one in trials:
            copy.write_row((sweep, one.number, one.combination, one.seed, json.dumps(one.parameters)))


def _bad_address(why: str) -> RunError:
    text = f"expected the address of a ledger as postgresql://user@host/database; {why}"
    return RunError(text, "the password is best kept in ~/.pgpass or PGPASSWORD")


def _require_document(value: Any) -> None:
    known = {"format": int, "address": str, "sweep": dict}
    if not isinstance(value, dict) or not all(isinstance(value.get(name), kind) for name, kind in known.items()):
        raise ValueError("expected a mapping with format, address and sweep")
