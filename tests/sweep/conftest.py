"""A PostgreSQL server for the tests of ledgers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres_server import NoPostgresError, PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server that runs; a test that stops it starts it again."""
    pytest.importorskip("psycopg")
    try:
        with postgres_server() as server:
            yield server
    except NoPostgresError as error:
        pytest.skip(str(error))
